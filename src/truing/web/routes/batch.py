"""Batches: one thing done to many samples, with one undo; and samples on their way out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import StreamingResponse

from truing.domain.errors import TruingError
from truing.web.access.gate import VisitorDep, needs
from truing.web.access.rights import Right
from truing.web.answers import json_answer, shown
from truing.web.context import WebDep
from truing.web.forms.batch import BatchForm
from truing.web.forms.export import ExportForm
from truing.web.forms.filters import LARGEST
from truing.workspace import batches, handing_out
from truing.workspace.batches import Action

router = APIRouter(prefix="/api", tags=["batch"])

_NOT_FOUND = {"code": "not-found", "message": "no sample `9`", "hint": "it was forgotten meanwhile"}
_RESULTS = {"results": [{"id": 7, "ok": True}, {"id": 9, "ok": False, "error": _NOT_FOUND}]}


@router.post(
    "/batch", dependencies=[needs(Right.REVIEW)], responses=shown({**_RESULTS, "undo": 31})
)
def batch(form: BatchForm, web: WebDep, visitor: VisitorDep) -> Response:
    """Accepts, rejects, deletes, restores, tags, names or rewrites many samples.

    The answer says what came of each. `undo` takes all of it back, also after a restart of the
    server; null when nothing was changed. With `dry_run` nothing is changed: a replacement then
    answers `{"preview": [{"id", "before", "after"}], "count"}`, others `{"count"}`.
    """
    where = form.where.as_filter() if form.where is not None else None
    ids = batches.chosen(web.workspace, ids=form.ids, where=where)
    if form.dry_run:
        if form.action is not Action.REPLACE:
            return json_answer({"count": len(ids)})
        found, count = batches.previewed(web.workspace, ids, form.as_replacement())
        rows = [{"id": one.id, "before": one.before, "after": one.after} for one in found]
        return json_answer({"preview": rows, "count": count})
    done = batches.apply(web.workspace, form.as_batch(visitor.name), ids)
    web.changes.announce("samples")
    return json_answer({"results": _results(done.outcomes), "undo": done.undo})


@router.post("/batch/{token}/undo", dependencies=[needs(Right.REVIEW)], responses=shown(_RESULTS))
def undo_batch(
    token: Annotated[int, Path(ge=1, le=LARGEST)], web: WebDep, visitor: VisitorDep
) -> Response:
    """Takes a batch back. What somebody changed since stays as they left it."""
    done = batches.undo(web.workspace, token, visitor.name)
    web.changes.announce("samples")
    return json_answer({"results": _results(done.outcomes)})


@router.get(
    "/export",
    dependencies=[needs(Right.READ)],
    response_class=StreamingResponse,
    responses={200: {"description": "a file", "content": {"application/x-ndjson": {}}}},
)
def export(web: WebDep, form: Annotated[ExportForm, Query()]) -> StreamingResponse:
    """All samples that a filter lets through: JSON lines, a table, or a folder with the sound.

    The answer is made while it is sent, so it may be as long as it likes.
    """
    out = handing_out.FILES[form.format]
    return StreamingResponse(
        out.write(web.workspace, form.wanted()),
        media_type=out.media_type,
        headers={"Content-Disposition": f'attachment; filename="samples.{out.ending}"'},
    )


def _results(outcomes: Mapping[int, TruingError | None]) -> list[dict[str, object]]:
    return [
        {"id": number, "ok": True}
        if error is None
        else {"id": number, "ok": False, "error": error.as_dict()}
        for number, error in outcomes.items()
    ]
