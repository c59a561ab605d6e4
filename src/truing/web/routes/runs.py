"""Runs: what can be trained and from what, starting and steering a run, and watching it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import FileResponse, PlainTextResponse, StreamingResponse

from truing.domain.run import PROMOTE, Run
from truing.jobs.files import RunFiles
from truing.web.access.gate import needs
from truing.web.access.rights import Right
from truing.web.answers import json_answer, shown
from truing.web.context import Web, WebDep
from truing.web.customs import usual_of
from truing.web.examples_of_training import BASE, PLAN, POINT, RECIPE, RUN
from truing.web.following import EVENTS, followed, run_as_dict
from truing.web.forms.filters import LARGEST, MOST_ON_A_PAGE
from truing.web.forms.runs import FreezeFirst, PlanForm, StartForm, StopForm, as_texts
from truing.workspace import planning
from truing.workspace.recipes import bases_of, in_full, place_of, recipes_of

router = APIRouter(prefix="/api", tags=["runs"])

POINTS = 5000
"""Figures in one answer."""
RunId = Annotated[int, Path(ge=1, le=LARGEST, description="number of the run")]
Modality = Annotated[str, Query(min_length=1, max_length=200)]
Cursor = Annotated[int, Query(ge=0, le=LARGEST)]


@router.get("/recipes", dependencies=[needs(Right.READ)], responses=shown({"items": [RECIPE]}))
def recipes(
    web: WebDep,
    modality: Modality = "speech",
    examples: Annotated[int, Query(ge=0, le=LARGEST)] = 0,
    base: Annotated[str | None, Query(max_length=1000)] = None,
) -> Response:
    """The recipes with their options, and in `presets` what suits this much data and this base."""
    kind = web.workspace.modality(modality)
    place = place_of(web.workspace, base, modality)
    return json_answer({"items": [in_full(one, examples, place) for one in recipes_of(kind)]})


@router.get("/bases", dependencies=[needs(Right.READ)], responses=shown({"items": [BASE]}))
def bases(web: WebDep, modality: Modality = "speech") -> Response:
    """What a run can start from: the champion, models here, and what the settings name."""
    return json_answer({"items": [one.as_dict() for one in bases_of(web.workspace, modality)]})


@router.get(
    "/runs", dependencies=[needs(Right.READ)], responses=shown({"items": [RUN], "next": "7"})
)
def runs(
    web: WebDep,
    limit: Annotated[int, Query(ge=1, le=MOST_ON_A_PAGE)] = 50,
    after: Annotated[int | None, Query(ge=1, le=LARGEST)] = None,
) -> Response:
    """Training runs, newest first."""
    found = web.workspace.store.runs.all(before=after, limit=limit)
    after = found[-1].id if len(found) == limit else None
    told = [run_as_dict(web.workspace, one) for one in found]
    return json_answer({"items": told, "next": str(after) if after is not None else None})


@router.get("/runs/{id}", dependencies=[needs(Right.READ)], responses=shown(RUN))
def run(id: RunId, web: WebDep) -> Response:
    """One run; `state` is `lost` when its process is gone and nobody has taken it up yet."""
    return _told(web, web.workspace.store.runs.get(id))


@router.post("/runs", dependencies=[needs(Right.OPERATE)], responses=shown(RUN, status=201))
def start(form: StartForm, web: WebDep) -> Response:
    """Queues a run and starts it when its device is free; with `freeze`, freezes that first."""
    form.checked()
    workspace = web.workspace
    dataset = form.dataset
    if form.freeze is not None:
        planning.plan_new(workspace, form.freeze.model_dump(), **_options(web, form))
        frozen = workspace.freeze(form.freeze.name, **_split(form.freeze))
        dataset = str(frozen.ref)
        web.changes.announce("datasets", dataset=dataset)
    begun = workspace.train(str(dataset), start=False, force=form.force, **_options(web, form))
    begun = workspace.jobs.start(begun.id, patience=0)
    web.changes.announce("runs", run=begun.id)
    return _told(web, begun, status=201)


@router.post("/runs/plan", dependencies=[needs(Right.OPERATE)], responses=shown(PLAN))
def plan(form: PlanForm, web: WebDep) -> Response:
    """What such a run would do and need, every option decided; nothing is stored."""
    form.checked()
    if form.freeze is not None:
        made = planning.plan_new(web.workspace, form.freeze.model_dump(), **_options(web, form))
    else:
        made = planning.plan(web.workspace, str(form.dataset), **_options(web, form))
    return json_answer(made.as_dict())


@router.post("/runs/{id}/pause", dependencies=[needs(Right.OPERATE)], responses=shown(RUN))
def pause(id: RunId, web: WebDep) -> Response:
    """Asks a run to save a checkpoint and free its device until it is resumed."""
    return _steered(web, web.workspace.jobs.pause(id, patience=0))


@router.post("/runs/{id}/resume", dependencies=[needs(Right.OPERATE)], responses=shown(RUN))
def resume(id: RunId, web: WebDep) -> Response:
    """Lets a paused run go on from its last checkpoint."""
    return _steered(web, web.workspace.jobs.resume(id, patience=0))


@router.post("/runs/{id}/stop", dependencies=[needs(Right.OPERATE)], responses=shown(RUN))
def stop(id: RunId, web: WebDep, form: StopForm | None = None) -> Response:
    """Asks a run to end for good; one that has ended is left as it is."""
    force = form is not None and form.force
    return _steered(web, web.workspace.jobs.stop(id, force=force, patience=0))


@router.get(
    "/runs/{id}/metrics",
    dependencies=[needs(Right.READ)],
    responses=shown({"items": [POINT], "next": None}),
)
def metrics(
    id: RunId, web: WebDep, after_step: Annotated[int, Query(ge=-LARGEST, le=LARGEST)] = -1
) -> Response:
    """Figures by step; `next` is the `after_step` of what remains, null when this was all."""
    store = web.workspace.store.runs
    store.get(id)
    found = store.metrics(id, after_step=after_step)
    if len(found) <= POINTS:
        return json_answer({"items": [point.as_dict() for point in found], "next": None})
    # A step is told whole: what does not fit comes with the next page.
    kept = [point for point in found if point.step < found[POINTS].step]
    kept = kept or [point for point in found if point.step == found[0].step]
    return json_answer({"items": [point.as_dict() for point in kept], "next": kept[-1].step})


@router.get(
    "/runs/{id}/log",
    dependencies=[needs(Right.READ)],
    responses=shown({"lines": ["2026-11-21T10:20:30Z step 10 of 160"], "next": 38, "ended": True}),
)
def log(
    id: RunId,
    web: WebDep,
    after: Cursor = 0,
    format: Annotated[str, Query(pattern="^(json|text)$")] = "json",
) -> Response:
    """Lines of a run's log; `next` is where the following call goes on. `format=text` is all."""
    workspace = web.workspace
    found = workspace.store.runs.get(id)
    if format == "text":
        place = RunFiles.of(workspace.layout.root, id).log
        kind = "text/plain; charset=utf-8"
        return FileResponse(place, media_type=kind) if place.is_file() else PlainTextResponse("")
    lines, place_after = workspace.jobs.log_after(id, after)
    return json_answer({"lines": lines, "next": place_after, "ended": found.state.ended})


@router.get(
    "/runs/{id}/changes",
    dependencies=[needs(Right.READ)],
    response_class=StreamingResponse,
    responses=EVENTS,
)
async def changes(id: RunId, web: WebDep, request: Request) -> StreamingResponse:
    """The run and its new figures as they come, until it has ended (server-sent events)."""
    return await followed(web, id, request)


def _options(web: Web, form: PlanForm) -> dict[str, Any]:
    # Where a model is published is set at the machine: a page names no folder to write to.
    target = usual_of(web).publish_to if form.then == PROMOTE else None
    return {
        "recipe": form.recipe,
        "base": form.base,
        "options": as_texts(form.options),
        "replay": form.replay,
        "seed": form.seed,
        "audience": form.audience,
        "then": form.then,
        "publish_to": target,
    }


def _split(form: FreezeFirst) -> dict[str, Any]:
    return form.model_dump(exclude={"name"})


def _steered(web: Web, found: Run) -> Response:
    web.changes.announce("runs", run=found.id)
    return _told(web, found)


def _told(web: Web, found: Run, *, status: int = 200) -> Response:
    return json_answer(run_as_dict(web.workspace, found), status=status)
