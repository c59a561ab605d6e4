"""Review: what to look at next, decisions, and taking them back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Path, Query, Response

from truing.domain import sample_json
from truing.domain.errors import NothingToDoError
from truing.loop.review import last_to_undo, undo
from truing.web.access.gate import VisitorDep, needs
from truing.web.access.rights import Right
from truing.web.answers import json_answer, shown
from truing.web.context import WebDep
from truing.web.deciding import REVIEWED, IfMatch, decided, expected_of, told
from truing.web.examples import SAMPLE_IN_FULL
from truing.web.forms.filters import LARGEST, SampleId
from truing.web.forms.review import QueueForm, ReviewForm

router = APIRouter(prefix="/api", tags=["review"])


@router.get(
    "/queue",
    dependencies=[needs(Right.READ)],
    responses=shown(
        {
            "items": [{"because": "audit", "sample": SAMPLE_IN_FULL}],
            "counts": {"total": 200, "reviewed": 120, "pending": 80},
        }
    ),
)
def queue(web: WebDep, visitor: VisitorDep, form: Annotated[QueueForm, Query()]) -> Response:
    """The next undecided samples for this visitor, each with the reason why it is shown."""
    where = form.as_filter()
    found = web.queues.next(
        visitor.name, form.order, where, limit=form.limit, exclude=frozenset(form.exclude)
    )
    items = [{"because": one.because, "sample": sample_json.in_full(one.sample)} for one in found]
    return json_answer({"items": items, "counts": web.figures.counts(form.modality)})


@router.post("/samples/{id}/review", dependencies=[needs(Right.REVIEW)], responses=REVIEWED)
@router.post(
    "/entries/{id}/review",
    dependencies=[needs(Right.REVIEW)],
    responses=REVIEWED,
    tags=["entries"],
)
def review(
    id: SampleId,
    web: WebDep,
    visitor: VisitorDep,
    form: Annotated[ReviewForm | None, Body()] = None,
    if_match: IfMatch = None,
) -> Response:
    """Decides on a sample; without a body what was proposed is accepted.

    `expected`, or `If-Match` with the sample's ETag, refuses when somebody else decided meanwhile:
    409, with the sample as it is now.
    """
    decision = form or ReviewForm.model_validate({})
    expected = expected_of(if_match) if decision.expected is None else decision.expected
    return decided(web, visitor.name, id, decision, expected)


@router.post("/revisions/{id}/undo", dependencies=[needs(Right.REVIEW)], responses=REVIEWED)
def undo_revision(
    id: Annotated[int, Path(ge=1, le=LARGEST)], web: WebDep, visitor: VisitorDep
) -> Response:
    """Takes a decision back; taking back the taking back brings it back."""
    store = web.workspace.store
    done = undo(id, visitor.name, store.reviews, web.workspace.clock)
    return told(web, done, store.samples.get(done.revision.sample_id))


@router.post("/undo", dependencies=[needs(Right.REVIEW)], responses=REVIEWED)
def undo_last(web: WebDep, visitor: VisitorDep) -> Response:
    """Takes back this visitor's newest decision that still holds."""
    last = last_to_undo(visitor.name, web.workspace.store.reviews)
    if last is None:
        raise NothingToDoError(
            f"`{visitor.name}` has decided nothing that could be taken back",
            hint="decisions of others are in the history of each sample",
        )
    return undo_revision(last.id, web, visitor)
