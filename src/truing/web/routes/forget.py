"""Forgetting: what a sample has gone into, what erasing it would reach, and erasing it."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter, Response

from truing.domain.clock import to_iso
from truing.loop.forget import reach_of
from truing.web.access.gate import VisitorDep, needs
from truing.web.access.rights import Right
from truing.web.answers import json_answer, shown
from truing.web.context import Web, WebDep
from truing.web.examples import FORGOTTEN, RECEIPT
from truing.web.forms.filters import SampleId
from truing.web.forms.forget import WhomForm

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
    _announce(web)
    return json_answer(asdict(found))


@router.post("/forget/preview", dependencies=[needs(Right.OPERATE)], responses=shown(FORGOTTEN))
def preview(form: WhomForm, web: WebDep) -> Response:
    """What forgetting a person would reach; changes nothing.

    Whom it is about stands in the body, not in the address: addresses are written into logs.
    """
    from truing.workspace.forgetting import would_forget

    found = would_forget(web.workspace, subject=form.speaker, contact=form.contact)
    return json_answer(asdict(found))


@router.post("/forget", dependencies=[needs(Right.OPERATE)], responses=shown(RECEIPT))
def forget_person(form: WhomForm, web: WebDep, visitor: VisitorDep) -> Response:
    """Erases everything of a person, by contact or speaker, everywhere in the workspace, for good.

    The answer is the receipt: what went, from where, and what is left to be done. It names nobody.
    """
    from truing.workspace import forgetting

    found = forgetting.forget(
        web.workspace, subject=form.speaker, contact=form.contact, actor=visitor.name
    )
    _announce(web)
    when = to_iso(web.workspace.clock.now())
    return json_answer({"forgotten_at": when, "by": visitor.name, **asdict(found)})


def _announce(web: Web) -> None:
    for topic in ("samples", "datasets", "models"):
        web.changes.announce(topic)
