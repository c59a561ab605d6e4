"""The S2S app's own API, so that its pages work unchanged; what it means is in `s2s_view`.

Its errors are `{"error": text}`. In the list, which its dashboard writes into the page as HTML, the
signs `& < > "` of a transcript are escaped; a single item, which its editor puts into a text field,
has them as they are.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from truing.domain.errors import ConflictError, InvalidInputError, NotFoundError
from truing.web.access.gate import VisitorDep, needs
from truing.web.access.rights import Right
from truing.web.answers import json_answer, shown
from truing.web.context import WebDep
from truing.web.customs import usual_of
from truing.web.errors import status_of
from truing.web.forms.s2s import ItemForm
from truing.workspace import s2s_view

router = APIRouter(prefix="/api", tags=["s2s"])

ITEM = {
    "id": 7,
    "transcript": "buy milk",
    "is_reviewed": False,
    "is_trained": False,
    "timestamp": "2026-11-21 10:20:30",
}
STATS = {"total": 200, "reviewed": 120, "trained": 78, "pending_training": 42}
UPDATED = {"success": True, "message": "Item updated"}
DELETED = {"success": True, "message": "Item deleted"}
MISSING = {"error": "Item not found"}
ESCAPED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})
LARGEST = 2**63 - 1

Flag = Annotated[str | None, Query(max_length=1000)]


@router.get(
    "/health",
    dependencies=[needs(Right.READ)],
    responses=shown({"status": "ok", "message": "Training server is running"}),
)
def health() -> Response:
    """Whether the server lives."""
    return json_answer({"status": "ok", "message": "Training server is running"})


@router.get("/data/stats", dependencies=[needs(Right.READ)], responses=shown(STATS))
def stats(web: WebDep) -> Response:
    """The app's figures."""
    return json_answer(s2s_view.stats(web.workspace))


@router.get("/data", dependencies=[needs(Right.READ)], responses=shown([ITEM]))
def data(web: WebDep, reviewed: Flag = None, trained: Flag = None) -> Response:
    """All items, highest number first; `true` in any case is yes, any other value no."""
    found = s2s_view.items(web.workspace, reviewed=_flag(reviewed), trained=_flag(trained))
    return json_answer(
        [{**one.as_dict(), "transcript": one.transcript.translate(ESCAPED)} for one in found]
    )


@router.get(
    "/data/{id:int}",
    dependencies=[needs(Right.READ)],
    responses={**shown({**ITEM, "audio_base64": "UklGRi…"}), **shown(MISSING, status=404)},
)
def item(id: int, web: WebDep) -> Response:
    """One item with its sound, a WAV file of 16 bits at 16 kHz."""
    try:
        row, sample = s2s_view.item(web.workspace, _bounded(id))
    except NotFoundError:
        return json_answer(MISSING, status=404)
    return json_answer({**row.as_dict(), "audio_base64": s2s_view.sound_of(web.workspace, sample)})


@router.put("/data/{id:int}", dependencies=[needs(Right.REVIEW)], responses=shown(UPDATED))
def update(id: int, form: ItemForm, web: WebDep, visitor: VisitorDep) -> Response:
    """Reviews an item, or takes the review back; an unknown one is passed over."""
    try:
        s2s_view.update(
            web.workspace,
            _bounded(id),
            form.transcript,
            reviewed=bool(form.is_reviewed),
            actor=visitor.name,
        )
    except (InvalidInputError, ConflictError) as error:
        return json_answer({"error": error.message}, status=status_of(error))
    web.changes.announce("samples", ids=[id])
    return json_answer(UPDATED)


@router.delete("/data/{id:int}", dependencies=[needs(Right.REVIEW)], responses=shown(DELETED))
def delete(id: int, web: WebDep) -> Response:
    """Moves an item into the trash; an unknown one is passed over."""
    if s2s_view.delete(web.workspace, _bounded(id)):
        web.changes.announce("samples", ids=[id])
    return json_answer(DELETED)


@router.post(
    "/database/reset",
    dependencies=[needs(Right.OPERATE)],
    responses=shown({"success": True, "message": "200 items are in the trash for 7 days"}),
)
def reset(web: WebDep) -> Response:
    """Moves every item into the trash; the app itself drops its table.

    They can be taken back until the trash is emptied; where it keeps nothing, this is refused.
    """
    try:
        gone = s2s_view.reset(web.workspace)
    except ConflictError as error:
        return json_answer({"success": False, "error": error.message}, status=409)
    web.changes.announce("samples")
    days = web.workspace.settings.number("trash.days")
    said = f"{gone} items are in the trash for {days:g} days"
    return json_answer({"success": True, "message": said})


@router.get(
    "/models/faster-whisper/versions",
    dependencies=[needs(Right.READ)],
    responses=shown(
        {"versions": [{"version": 2, "path": "models/2", "created": "2026-11-21T10:20:30"}]}
    ),
)
def versions(web: WebDep) -> Response:
    """The published models in the app's folder, newest first."""
    target = usual_of(web).publish_to
    return json_answer({"versions": s2s_view.versions(target)})


def _flag(text: str | None) -> bool | None:
    return None if text is None else text.lower() == "true"


def _bounded(id: int) -> int:
    """A number that any database takes; what is larger names nothing."""
    return id if id <= LARGEST else 0
