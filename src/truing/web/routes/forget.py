"""Forgetting: what a sample has gone into, what erasing it would reach, and erasing it."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter, Response

from truing.loop.forget import reach_of
from truing.web.access.gate import VisitorDep, needs
from truing.web.access.rights import Right
from truing.web.answers import json_answer, shown
from truing.web.context import WebDep
from truing.web.examples import FORGOTTEN
from truing.web.forms.filters import SampleId

router = APIRouter(prefix="/api", tags=["samples"])


@router.get(
    "/samples/{id}/uses",
    dependencies=[needs(Right.READ)],
    responses=shown({"datasets": ["mine@1"], "models": ["speech/3"]}),
)
def uses(id: SampleId, web: WebDep) -> Response:
    """The dataset versions that hold a sample, and the models that learned from them."""
    reach = reach_of([id], web.workspace.store)
    return json_answer({"datasets": list(reach.versions), "models": list(reach.models)})


@router.get("/samples/{id}/reach", dependencies=[needs(Right.OPERATE)], responses=shown(FORGOTTEN))
def reach(id: SampleId, web: WebDep) -> Response:
    """What forgetting a sample would reach; changes nothing."""
    from truing.workspace.forgetting import would_forget

    return json_answer(asdict(would_forget(web.workspace, ids=[id])))


@router.post(
    "/samples/{id}/forget", dependencies=[needs(Right.OPERATE)], responses=shown(FORGOTTEN)
)
def forget(id: SampleId, web: WebDep, visitor: VisitorDep) -> Response:
    """Erases a sample everywhere in the workspace, backups and exports included, for good."""
    from truing.workspace import forgetting

    found = forgetting.forget(web.workspace, ids=[id], actor=visitor.name)
    for topic in ("samples", "datasets", "models"):
        web.changes.announce(topic)
    return json_answer(asdict(found))
