"""Models: versions with their lineage, comparing, promoting, rolling back, taking one along."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from truing.domain.model import ModelRef
from truing.web.access.gate import VisitorDep, needs
from truing.web.access.rights import Right
from truing.web.answers import json_answer, shown
from truing.web.context import WebDep
from truing.web.examples_of_training import (
    CHAMPION,
    COMPARISON,
    MODEL,
    MODEL_IN_FULL,
    MOVE,
    VERDICT,
    WORK,
)
from truing.web.forms.filters import LARGEST
from truing.web.forms.models import PromoteForm, RollbackForm
from truing.web.routes.errands import Wait, work_answer
from truing.web.zipped import Download, files_below, zipped
from truing.workspace import catalogue
from truing.workspace.errands import Errand
from truing.workspace.promoting import roll_back
from truing.workspace.proving import NotMeasuredError
from truing.workspace.reports import of_comparison

router = APIRouter(prefix="/api", tags=["models"])

Name = Annotated[str, Query(min_length=1, max_length=1000)]
Modality = Annotated[str, Path(min_length=1, max_length=200)]
Number = Annotated[int, Path(ge=1, le=LARGEST)]


@router.get(
    "/models", dependencies=[needs(Right.READ)], responses=shown({"items": [MODEL], "next": None})
)
def models(web: WebDep, modality: Annotated[str | None, Query(max_length=200)] = None) -> Response:
    """All model versions, newest first."""
    return json_answer({"items": catalogue.models(web.workspace, modality), "next": None})


@router.get(
    "/models/{modality}/{number:int}",
    dependencies=[needs(Right.READ)],
    responses=shown(MODEL_IN_FULL),
)
def model(modality: Modality, number: Number, web: WebDep) -> Response:
    """One model: its files, lineage, figures and promotions."""
    ref = ModelRef(modality=modality, number=number)
    return json_answer(catalogue.model(web.workspace, ref))


@router.get("/champions", dependencies=[needs(Right.READ)], responses=shown({"items": [CHAMPION]}))
def champions(
    web: WebDep, modality: Annotated[str | None, Query(max_length=200)] = None
) -> Response:
    """The models in use, each with its moves, newest first."""
    return json_answer({"items": catalogue.champions(web.workspace, modality)})


@router.post(
    "/models/{modality}/{number:int}/promote",
    dependencies=[needs(Right.OPERATE)],
    responses={**shown(VERDICT), **shown({"work": WORK}, status=202)},
)
def promote(
    modality: Modality,
    number: Number,
    form: PromoteForm,
    web: WebDep,
    visitor: VisitorDep,
    wait: Wait = 0.5,
) -> Response:
    """Puts a model before the gate and makes it the champion if it passes, or by `force`.

    Both models read the test rows first, in a process of its own. What takes longer than `wait` is
    followed at `/api/errands/{id}`. The same call twice is one.
    """
    ref = web.workspace.store.models.get(ModelRef(modality=modality, number=number)).ref
    arguments: dict[str, Any] = {
        "model": str(ref),
        "dataset": form.dataset,
        "audience": form.audience,
        "dry_run": form.dry_run,
        "force": (form.force or "").strip() or None,
        "actor": visitor.name,
    }
    return work_answer(web.works.ask(Errand(deed="promote", arguments=arguments)), wait)


@router.post("/models/rollback", dependencies=[needs(Right.OPERATE)], responses=shown(MOVE))
def rollback(form: RollbackForm, web: WebDep, visitor: VisitorDep) -> Response:
    """Puts the champion before the present one back."""
    move = roll_back(web.workspace, form.modality, form.audience, actor=visitor.name)
    web.changes.announce("models", model=move.model)
    return json_answer(move.as_dict())


@router.get(
    "/compare",
    dependencies=[needs(Right.READ)],
    responses={**shown(COMPARISON), **shown({"work": WORK}, status=202)},
)
def compare(
    web: WebDep,
    visitor: VisitorDep,
    first: Name,
    second: Name,
    dataset: Name,
    split: Annotated[str, Query(pattern="^(test|validation|train)$")] = "test",
    wait: Wait = 0.5,
) -> Response:
    """Two models on the same rows, with the rows on which they differ most.

    At once where both were measured before; else they are measured first, see `/api/errands/{id}`.
    Who may not operate names models of the workspace only, no folder.
    """
    if not visitor.may(Right.OPERATE):
        for name in (first, second):
            if name != "champion":
                ModelRef.parse(name)
    asked = {"first": first, "second": second, "dataset": dataset, "split": split}
    try:
        found = web.workspace.compare(first, second, dataset, split=split, known=True)
    except NotMeasuredError:
        return work_answer(web.works.ask(Errand(deed="compare", arguments=asked)), wait)
    return json_answer(of_comparison(web.workspace, found))


@router.get(
    "/models/{modality}/{number:int}/export",
    dependencies=[needs(Right.OPERATE)],
    response_class=Response,
    responses={200: {"content": {"application/zip": {}}, "description": "the model's files"}},
)
def export(modality: Modality, number: Number, web: WebDep) -> Download:
    """The model's folder as a ZIP archive, written while it is sent."""
    workspace = web.workspace
    ref = workspace.store.models.get(ModelRef(modality=modality, number=number)).ref
    folder = workspace.model_files.path(ref)
    name = f"{ref.modality}-{ref.number}"
    files = ((f"{name}/{inner}", path) for inner, path in files_below(folder))
    return Download(zipped(files), name=f"{name}.zip", media_type="application/zip")
