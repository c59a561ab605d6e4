"""The NexVision app's own API, so that it posts to Truing unchanged; see `nexvision_view`.

Its errors are `{"error": text}`; where there is something to do about one, `hint` stands beside.
Other than the app's server, this one gives no two sessions one name, refuses instructions of blanks
alone, and answers 400 to a body that is no form.
"""

from __future__ import annotations

import logging

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from truing.domain.errors import FullError, TruingError
from truing.formats.nexvision_session import SOURCE
from truing.web.access.basis import MissingBasis
from truing.web.access.gate import VisitorDep, needs
from truing.web.access.rights import Right, Visitor
from truing.web.answers import json_answer, shown
from truing.web.body import room
from truing.web.context import Web, WebDep
from truing.web.errors import status_of
from truing.web.forms.sample import size_of
from truing.web.forms.store_image import BODY, MISSING, form_of, is_complete, pair_of
from truing.workspace import nexvision_view
from truing.workspace.nexvision_view import Pair

router = APIRouter(prefix="/api", tags=["nexvision"])
log = logging.getLogger(__name__)

STORED = {
    "success": True,
    "sessionId": "session-2026-11-20T09-49-36-051Z",
    "message": "Images stored successfully for model training",
}
FIGURES = {
    "totalSessions": 27,
    "totalImages": 54,
    "latestSession": "2026-11-20T09:49:36.051Z",
    "instructionTypes": 25,
}
FAILED = "Failed to store images"


@router.get("/store-image", dependencies=[needs(Right.READ, or_own=True)], responses=shown(FIGURES))
def figures(web: WebDep, visitor: VisitorDep) -> Response:
    """How much the app has handed in; `instructionTypes` counts different instructions."""
    where = visitor.sees(nexvision_view.SESSIONS)
    told = nexvision_view.figures(web.workspace, where, types=web.figures.instruction_types)
    return json_answer(told)


@router.post(
    "/store-image",
    dependencies=[needs(Right.CONTRIBUTE)],
    responses={**shown(STORED), **shown({"error": MISSING}, status=400)},
    openapi_extra=BODY,
)
async def store(
    request: Request, web: WebDep, visitor: VisitorDep, missing: MissingBasis
) -> Response:
    """Keeps both pictures of a success with its instruction; durable when this answers."""
    if missing is not None:
        return _told(missing)
    try:
        async with form_of(request) as form:
            if not is_complete(form):
                return json_answer({"error": MISSING}, status=400)
            async with room(request.app.state, size_of(form), "forms"):
                return await run_in_threadpool(_stored, web, visitor, await pair_of(form))
    except TruingError as error:
        return _told(error)


def _stored(web: Web, visitor: Visitor, pair: Pair) -> Response:
    kept = nexvision_view.store(
        web.workspace, pair, source=visitor.source(SOURCE), actor=visitor.name
    )
    if kept is None:
        mode = web.workspace.settings.text("capture.mode")
        why = f"nothing is kept: the setting capture.mode is `{mode}`"
        return json_answer({"success": False, "message": why})
    web.changes.announce("samples", ids=[kept.sample.id])
    return json_answer({**STORED, "sessionId": kept.session})


def _told(error: TruingError) -> Response:
    """An error as the app knows it: what is wrong here is told as its own server tells it."""
    status = status_of(error)
    if status >= 500:
        log.error("a pair could not be kept: %s", error.message)
        why = f"{error.message}: {error.hint}" if error.hint else error.message
        full = isinstance(error, FullError)
        return json_answer({"error": FAILED, "hint": why}, status=status if full else 500)
    hint = {"hint": error.hint} if error.hint else {}
    return json_answer({"error": error.message, **hint}, status=status)
