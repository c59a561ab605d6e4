"""Deciding: a decision on a sample as a request brings it, and the sample as an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import Header, Response

from truing.domain import sample_json
from truing.domain.errors import ConflictError, InvalidInputError
from truing.web.answers import json_answer, shown
from truing.web.errors import status_of
from truing.web.examples import REVISION, SAMPLE_IN_FULL
from truing.web.forms.filters import LARGEST

if TYPE_CHECKING:
    from truing.domain.sample import Sample
    from truing.loop.review import Reviewed
    from truing.web.context import Web
    from truing.web.forms.review import ReviewForm

REVIEWED = {
    **shown({"revision": REVISION, "sample": SAMPLE_IN_FULL}),
    409: {"description": "somebody else decided meanwhile; `sample` is the present one"},
}
IfMatch = Annotated[str | None, Header(max_length=100)]


def tag_of(revision: int) -> str:
    """The ETag of a sample: it changes with each decision."""
    return f'"r{revision}"'


def sample_answer(sample: Sample, **more: object) -> Response:
    """A sample in full."""
    data = {**sample_json.in_full(sample), **more}
    return json_answer(data, headers={"ETag": tag_of(sample.revision)})


def expected_of(if_match: str | None) -> int | None:
    """The revision that an `If-Match` header names.

    Raises:
        InvalidInputError: it is no ETag of a sample.
    """
    if if_match is None or if_match == "*":
        return None
    text = if_match.strip().removeprefix("W/").strip('"')
    if not (text.startswith("r") and text[1:].isascii() and text[1:].isdecimal()):
        raise InvalidInputError(
            f"`If-Match`: `{if_match}` is no ETag of a sample", hint="send the ETag of its answer"
        )
    return min(LARGEST, int(text[1:20]))


def decided(web: Web, actor: str, id: int, decision: ReviewForm, expected: int | None) -> Response:
    """Stores a decision and tells what the sample is now; a conflict shows the present sample."""
    try:
        done = web.workspace.review(
            id,
            decision.as_verdict(),
            decision.truth,
            expected=expected,
            actor=actor,
            **decision.details(),
        )
    except ConflictError as error:
        present = web.workspace.store.samples.get(id)
        return json_answer(
            {"error": error.as_dict(), "sample": sample_json.in_full(present)},
            status=status_of(error),
            headers={"ETag": tag_of(present.revision)},
        )
    return told(web, done, done.sample or web.workspace.sample(id))


def told(web: Web, done: Reviewed, sample: Sample) -> Response:
    """A stored revision and its sample."""
    web.changes.announce("samples", ids=[sample.id])
    return json_answer(
        {
            "revision": sample_json.revision_as_dict(done.revision),
            "sample": sample_json.in_full(sample),
        },
        headers={"ETag": tag_of(sample.revision)},
    )
