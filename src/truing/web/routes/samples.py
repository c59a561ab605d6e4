"""Samples: lists, one in full, deleting and taking back.

The same answers stand under `/api/entries`, the name they have in the S2S app.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from truing.domain import sample_json
from truing.domain.choice import MOST_RESULTS
from truing.domain.clock import to_iso
from truing.domain.errors import InvalidInputError
from truing.domain.review import standing
from truing.domain.sample import Description
from truing.loop.review import undo
from truing.web.access.basis import needs_basis
from truing.web.access.gate import VisitorDep, needs
from truing.web.access.rights import Right, Visitor
from truing.web.answers import json_answer, shown
from truing.web.body import room, whole_form
from truing.web.context import Web, WebDep
from truing.web.deciding import (
    REVIEWED,
    IfMatch,
    decided,
    expected_of,
    sample_answer,
    tag_of,
    told,
)
from truing.web.examples import RATING, SAMPLE, SAMPLE_IN_FULL
from truing.web.forms.filters import ListForm, SampleId
from truing.web.forms.review import Decided, ReviewForm
from truing.web.forms.sample import (
    CaptureForm,
    EntryChanges,
    Given,
    RatingForm,
    SampleChanges,
    read_json,
    read_parts,
    size_of,
    whole_schema,
)
from truing.workspace import trash

router = APIRouter(prefix="/api", tags=["samples"])

MOST_FILES, MOST_FIELDS = MOST_RESULTS + 4, 64
LARGEST_FIELD = 1 << 20
"""Bytes of one field of a multipart body; files have the server's own limit."""
KNOWN: dict[int | str, dict[str, Any]] = {
    200: {"description": "it is there already, or the settings say not to keep it"}
}
CAPTURE_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": whole_schema(CaptureForm)},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"audio": {"type": "string", "format": "binary"}},
                    "additionalProperties": True,
                }
            },
        },
    }
}


@router.get(
    "/samples",
    dependencies=[needs(Right.READ, or_own=True)],
    responses=shown({"items": [SAMPLE], "next": "WyJuZXdlc3QiLDE3MDAsN10"}),
)
@router.get("/entries", dependencies=[needs(Right.READ, or_own=True)], tags=["entries"])
def samples(web: WebDep, visitor: VisitorDep, form: Annotated[ListForm, Query()]) -> Response:
    """A page of samples; `next` is the parameter `after` of the next page, null on the last."""
    page = web.workspace.store.samples.page(
        visitor.sees(form.as_filter()), form.order, after=form.after, limit=form.limit
    )
    return json_answer(
        {"items": [sample_json.as_dict(one) for one in page.items], "next": page.next}
    )


@router.get(
    "/samples/{id}", dependencies=[needs(Right.READ, or_own=True)], responses=shown(SAMPLE_IN_FULL)
)
@router.get("/entries/{id}", dependencies=[needs(Right.READ, or_own=True)], tags=["entries"])
def sample(id: SampleId, web: WebDep, *, history: bool = False) -> Response:
    """One sample in full; with `history=1` also `revisions` and `ratings`, oldest first."""
    found = web.workspace.sample(id)
    if not history:
        return sample_answer(found)
    store = web.workspace.store
    return sample_answer(
        found,
        revisions=[sample_json.revision_as_dict(one) for one in store.reviews.of(id)],
        ratings=[sample_json.rating_as_dict(one) for one in store.ratings.of(id)],
    )


@router.delete(
    "/samples/{id}",
    dependencies=[needs(Right.REVIEW, or_own=True)],
    responses=shown({"id": 7, "deleted": True, "until": "2026-11-28T10:20:30Z"}),
)
@router.delete("/entries/{id}", dependencies=[needs(Right.REVIEW, or_own=True)], tags=["entries"])
def delete(id: SampleId, web: WebDep, visitor: VisitorDep) -> dict[str, object]:
    """Moves a sample into the trash, from where it can be taken back `until` then."""
    trash.delete(web.workspace, ids=[id], actor=visitor.name)
    web.changes.announce("samples", ids=[id])
    until = web.workspace.clock.now() + trash.keeping_time(web.workspace)
    return {"id": id, "deleted": True, "until": to_iso(until)}


@router.post(
    "/samples/{id}/restore",
    dependencies=[needs(Right.REVIEW, or_own=True)],
    responses=shown(SAMPLE_IN_FULL),
)
def restore(id: SampleId, web: WebDep, visitor: VisitorDep) -> Response:
    """Takes a sample out of the trash; it has the state it had."""
    trash.take_back(web.workspace, ids=[id], actor=visitor.name)
    web.changes.announce("samples", ids=[id])
    return sample_answer(web.workspace.sample(id))


@router.patch("/samples/{id}", dependencies=[needs(Right.REVIEW)], responses=shown(SAMPLE_IN_FULL))
def change(id: SampleId, form: SampleChanges, web: WebDep) -> Response:
    """Changes who is recorded, the sitting or the tags."""
    given = form.model_fields_set

    def changed(_: int, before: Description) -> Description:
        return Description(
            subject=(form.speaker or None) if "speaker" in given else before.subject,
            session=(form.session or None) if "session" in given else before.session,
            tags=tuple(form.tags or ()) if "tags" in given else before.tags,
        )

    web.workspace.store.samples.redescribe([id], changed)
    found = web.workspace.sample(id)
    web.changes.announce("samples", ids=[id])
    return sample_answer(found)


@router.post(
    "/samples/{id}/rating",
    dependencies=[needs(Right.REVIEW, or_own=True)],
    status_code=201,
    responses=shown(RATING, status=201),
)
def rate(id: SampleId, form: RatingForm, web: WebDep, visitor: VisitorDep) -> Response:
    """Says how good a sample is, from 1 to 5; the newest rating counts, those before are kept."""
    made = web.workspace.rate(id, form.rating, form.reason, actor=visitor.name)
    web.changes.announce("samples", ids=[id])
    return json_answer(sample_json.rating_as_dict(made), status=201)


@router.post(
    "/samples/{id}/choose",
    dependencies=[needs(Right.REVIEW, or_own=True)],
    responses=shown({"chosen": 8, "rejected": [7, 9], "restored": []}),
)
def choose(id: SampleId, web: WebDep, visitor: VisitorDep) -> Response:
    """Takes one of several results of one moment: the others are rejected as `not chosen`.

    A later choice takes an earlier one back; what a reviewer has decided stays.
    """
    made = web.workspace.choose(id, actor=visitor.name)
    web.changes.announce("samples", ids=[id, *made.rejected])
    return json_answer(asdict(made))


@router.put(
    "/entries/{id}", dependencies=[needs(Right.REVIEW)], responses=REVIEWED, tags=["entries"]
)
def rewrite(
    id: SampleId,
    form: EntryChanges,
    web: WebDep,
    visitor: VisitorDep,
    if_match: IfMatch = None,
) -> Response:
    """Stores a truth as a decision; what the model said stays beside it.

    With `is_reviewed` alone, true accepts what stands, and false takes the decision back.
    """
    text = form.truth if form.truth is not None else form.transcript
    expected = expected_of(if_match) if form.expected is None else form.expected
    if text is None and form.is_reviewed is None:
        raise InvalidInputError("nothing is to be changed", hint="send `truth` or `is_reviewed`")
    if text is None and form.is_reviewed is False:
        return _taken_back(web, visitor.name, id)
    verdict = Decided.ACCEPTED if text is None else Decided.CORRECTED
    if text is None:
        text = web.workspace.sample(id).truth
    decision = ReviewForm.model_validate({"verdict": verdict, "truth": text})
    return decided(web, visitor.name, id, decision, expected)


def _taken_back(web: Web, actor: str, id: int) -> Response:
    sample = web.workspace.sample(id)
    held = standing(web.workspace.store.reviews.of(id))
    if held.deciding is None:
        return sample_answer(sample)
    done = undo(held.deciding.id, actor, web.workspace.store.reviews, web.workspace.clock)
    return told(web, done, web.workspace.sample(id))


@router.post(
    "/samples",
    dependencies=[needs(Right.CONTRIBUTE), needs_basis()],
    status_code=201,
    responses={**shown({**SAMPLE_IN_FULL, "new": True}, status=201), **KNOWN},
    openapi_extra=CAPTURE_BODY,
)
async def capture(
    request: Request,
    web: WebDep,
    visitor: VisitorDep,
    idempotency_key: Annotated[str | None, Header(max_length=300)] = None,
) -> Response:
    """Keeps one moment of use; durable when this answers.

    JSON with media as base64, or `multipart/form-data` with a file for each role and the other
    fields beside. A second request with the same `source` and key gives the sample that is there.
    Of several results each becomes a sample; `results` has their numbers, and the answer is the
    chosen one, or the first one while nobody has chosen.
    """
    state = request.app.state
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        # Until it is their turn, files lie on the disk.
        async with (
            whole_form(
                request, max_files=MOST_FILES, max_fields=MOST_FIELDS, max_part_size=LARGEST_FIELD
            ) as parts,
            room(state, size_of(parts), "forms"),
        ):
            form, media = await read_parts(parts)
            return await run_in_threadpool(_captured, web, visitor, form, media, idempotency_key)
    length = request.headers.get("content-length")
    async with room(state, None if length is None else int(length), "json"):
        form = await read_json(request)
        return await run_in_threadpool(_captured, web, visitor, form, {}, idempotency_key)


def _captured(
    web: Web, visitor: Visitor, form: CaptureForm, media: dict[str, Given], key: str | None
) -> Response:
    media = {**form.decoded_media(), **media}
    roles = web.workspace.modality(form.modality).roles
    if roles[0] not in media or not media.keys() <= set(roles):
        given = ", ".join(f"`{name[:60]}`" for name in media) or "no media"
        raise InvalidInputError(
            f"a {form.modality} sample is not made of {given}",
            hint=f"send `{roles[0]}` as base64 under `media`, or as a file of multipart/form-data",
        )
    added = web.workspace.capture(
        form.modality,
        **{**form.details(), "source": visitor.source(form.source)},
        **media,
        source_key=form.source_key or key,
        actor=visitor.name,
    )
    if added is None:
        mode = web.workspace.settings.text("capture.mode")
        told = {"kept": False, "why": f"the setting capture.mode is `{mode}`"}
        return json_answer(told)
    web.changes.announce("samples", ids=list(added.results) or [added.id])
    found = web.workspace.sample(added.id)
    several = {"results": list(added.results)} if added.results else {}
    return json_answer(
        {**sample_json.in_full(found), "new": added.new, **several},
        status=201 if added.new else 200,
        headers={"ETag": tag_of(found.revision), "Location": f"/api/samples/{added.id}"},
    )


@router.get("/tags", dependencies=[needs(Right.READ)], responses=shown({"tags": {"names": 3}}))
def tags(web: WebDep) -> Response:
    """All tags there are, and how many samples have each."""
    return json_answer({"tags": web.workspace.store.samples.tag_counts()})
