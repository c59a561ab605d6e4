"""Errands: long work that the server has done in a process of its own, and how far it is."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from truing.web.access.gate import needs
from truing.web.access.rights import Right
from truing.web.answers import json_answer, shown
from truing.web.context import WebDep
from truing.web.examples_of_training import VERDICT, WORK
from truing.web.forms.filters import LARGEST
from truing.web.work import Work

router = APIRouter(prefix="/api/errands", tags=["errands"])

Wait = Annotated[float, Query(ge=0, le=60, description="seconds to wait for the answer")]
Id = Annotated[int, Path(ge=1, le=LARGEST)]


def work_answer(work: Work, wait: float) -> Response:
    """The result of work that ends while one waits, else how far it is (202)."""
    if not work.over.wait(wait):
        return json_answer({"work": work.as_dict()}, status=202)
    if work.error is not None:
        raise work.error
    return json_answer(work.result)


@router.get("", dependencies=[needs(Right.READ)], responses=shown({"items": [WORK]}))
def works(web: WebDep) -> Response:
    """What is under way and what ended lately, newest first; also what others asked for."""
    return json_answer({"items": [one.as_dict() for one in web.works.all()]})


@router.get(
    "/{id}",
    dependencies=[needs(Right.READ)],
    responses=shown({"work": {**WORK, "state": "done"}, "result": VERDICT}),
)
def work(id: Id, web: WebDep, wait: Wait = 0.0) -> Response:
    """How far work is, such as a promotion, and its `result` once it is there."""
    found = web.works.get(id)
    found.over.wait(wait)
    told: dict[str, object] = {"work": found.as_dict()}
    if found.state == "done":
        told["result"] = found.result
    return json_answer(told)


@router.post("/{id}/stop", dependencies=[needs(Right.OPERATE)], responses=shown({"work": WORK}))
def stop(id: Id, web: WebDep) -> Response:
    """Ends work before it is done. What it has done stays; asked for again, it does the rest."""
    return json_answer({"work": web.works.stop(id).as_dict()})
