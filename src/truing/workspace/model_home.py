"""Welcoming a model home: its dataset version is here, so that it becomes what a run here makes."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from truing.domain.clock import MICROSECONDS
from truing.domain.dataset import DatasetVersion, Split
from truing.domain.errors import ConflictError
from truing.domain.model import ModelState, ModelVersion
from truing.domain.run import MetricPoint, Run, RunRequest, RunState, Want
from truing.jobs.files import RunFiles
from truing.platform.processes import this_process
from truing.workspace.bundle_runs import LOG, METRICS
from truing.workspace.bundles import BUNDLE, run_of
from truing.workspace.model_arrival import (
    Arrival,
    ImportedModel,
    known_model,
    next_ref,
    registered,
)

if TYPE_CHECKING:
    from truing.workspace import Workspace

ELSEWHERE = "elsewhere:"
"""In front of a parent that is not here: its name must not be taken for one here."""
LEASE = 600 * MICROSECONDS
"""How long the run is held while its model is brought in."""


def home_of(workspace: Workspace, told: Mapping[str, Any]) -> DatasetVersion | None:
    """The version a model was trained on, if that is here and the same row for row."""
    dataset = told["lineage"].get("dataset") or {}
    versions = workspace.store.datasets.all()
    return next((one for one in versions if one.digest == dataset.get("digest")), None)


def welcome(workspace: Workspace, arrival: Arrival, version: DatasetVersion) -> ImportedModel:
    """Registers a model as a run here would have, and ends the run that waited for it.

    Raises:
        ConflictError: that run was taken up by another process.
    """
    packed = run_of(workspace, arrival.told["bundle"])
    waited = packed if packed is not None and packed.state is RunState.PAUSED else None
    request = packed.request if packed is not None else _own_request(workspace, arrival, version)
    notes = arrival.notes
    if packed is None and arrival.request.audience != request.audience:
        notes.append(arrival.for_whom)
    why = _tainted(workspace, arrival, version)
    run = _held(workspace, waited, request)
    try:
        model = registered(
            workspace,
            arrival.draft,
            ModelVersion(
                ref=next_ref(workspace, request.modality),
                uid=arrival.told["uid"],
                digest="",
                state=ModelState.TAINTED if why else ModelState.READY,
                created_at=workspace.clock.now(),
                recipe=request.recipe,
                base=None if _is_foreign(request.base) else request.base,
                parents=_parents(workspace, arrival, request),
                dataset=str(version.ref),
                dataset_digest=version.digest,
                run_id=run.id,
                audience=request.audience,
                figures=arrival.figures,
                licence=arrival.licence,
            ),
            {**arrival.origin, "request": request.as_dict(), "notes": notes},
        )
    except BaseException:
        workspace.store.runs.want(run.id, Want.PAUSE)
        _end(workspace, run, RunState.PAUSED, run.result)
        raise
    _record(workspace, arrival, run, model)
    rows = workspace.store.datasets.rows(version.ref)
    workspace.store.samples.mark_trained(
        row.sample_uid for row in rows if row.sample_uid is not None
    )
    return ImportedModel(model=model, new=True, notes=(*notes, *((why,) if why else ())))


def _own_request(workspace: Workspace, arrival: Arrival, version: DatasetVersion) -> RunRequest:
    """The request in the words of this workspace, where no run waited for the model."""
    base = arrival.lineage.get("base") or {}
    here = (
        known_model(workspace, lambda one: one.uid == base.get("uid")) if base.get("uid") else None
    )
    return replace(
        arrival.request,
        dataset=str(version.ref),
        base=str(here.ref) if here is not None else _foreign(arrival.request.base, base),
        audience=arrival.audience,
    )


def _foreign(name: str | None, base: Mapping[str, Any]) -> str | None:
    """A hub id means the same everywhere; a model or folder of another place must not be taken
    for one here.
    """
    if name is None or str(base.get("digest")).startswith("hub:"):
        return name
    return f"{ELSEWHERE}{name}"


def _is_foreign(base: str | None) -> bool:
    return base is not None and base.startswith(ELSEWHERE)


def _parents(workspace: Workspace, arrival: Arrival, request: RunRequest) -> tuple[str, ...]:
    if request.base is None:
        return ()
    known = {str(one.ref): one for one in workspace.store.models.all()}
    if request.base in known:
        return (request.base, *known[request.base].parents)
    told = (arrival.lineage.get("base") or {}).get("parents") or []
    return (request.base, *(f"{ELSEWHERE}{parent}" for parent in told))


def _tainted(workspace: Workspace, arrival: Arrival, version: DatasetVersion) -> str | None:
    """Why the model must not be used: what of its data has been forgotten since the packing."""
    rows = (arrival.lineage.get("dataset") or {}).get("rows") or {}
    for part in (Split.TRAIN, Split.VALIDATION):
        if _left(workspace, version, part) < _whole(rows.get(part.value)):
            return f"rows of {version.ref} were forgotten since it was packed: train it again"
    replay = arrival.lineage.get("replay") or {}
    for one in workspace.store.datasets.all():
        gone = one.digest == replay.get("digest")
        if gone and _left(workspace, one, Split.TRAIN) < _whole(replay.get("rows")):
            return f"rows of {one.ref}, which it replayed, were forgotten since: train it again"
    base = (arrival.lineage.get("base") or {}).get("uid")
    parent = known_model(workspace, lambda one: one.uid == base) if base else None
    if parent is not None and parent.state is ModelState.TAINTED:
        return f"data of its base {parent.ref} was forgotten: train it again from another one"
    return None


def _left(workspace: Workspace, version: DatasetVersion, part: Split) -> int:
    rows = workspace.store.datasets.rows(version.ref, part)
    return sum(not row.forgotten for row in rows)


def _held(workspace: Workspace, waited: Run | None, request: RunRequest) -> Run:
    """The run, claimed by this process: the one that waited, else a new one."""
    runs, me, now = workspace.store.runs, this_process(), workspace.clock.now()
    run = waited or runs.add(workspace.ids.new(), request, now)
    runs.want(run.id, Want.RUN)
    held = runs.claim(
        run.id,
        boot_id=me.boot_id,
        pid=me.pid,
        pid_start=me.start,
        now=now,
        lease_until=now + LEASE,
    )
    if held is None:
        raise ConflictError(
            f"run {run.id}, which waited for this model, was taken up by another process",
            hint=f"let it end, or stop it, then import again: truing stop {run.id}",
        )
    return held


def _end(workspace: Workspace, run: Run, state: RunState, result: Mapping[str, object]) -> None:
    now = workspace.clock.now()
    workspace.store.runs.end(run.id, run.fence, state=state, at=now, result=result)


def _record(workspace: Workspace, arrival: Arrival, run: Run, model: ModelVersion) -> None:
    """What the run measured and said elsewhere, as if it had run here."""
    runs, told = workspace.store.runs, arrival.told
    runs.heartbeat(
        run.id,
        run.fence,
        lease_until=workspace.clock.now() + LEASE,
        step=_whole(told.get("steps")),
        total_steps=_whole(told.get("total_steps")),
    )
    points: list[MetricPoint] = []
    for line in arrival.lines(METRICS):
        points.append(_point(line))
        if len(points) == 1000:
            runs.report(run.id, points)
            points = []
    runs.report(run.id, points)
    log = RunFiles.of(workspace.layout.root, run.id).log
    log.parent.mkdir(parents=True, exist_ok=True)
    if (arrival.files / LOG).is_file():
        shutil.copyfile(arrival.files / LOG, log)
    result = {
        "model": str(model.ref),
        "figures": arrival.figures,
        "notes": arrival.notes,
        BUNDLE: told["bundle"],
    }
    _end(workspace, run, RunState.DONE, result)


def _point(line: Mapping[str, Any]) -> MetricPoint:
    value = line.get("value")
    return MetricPoint(
        step=_whole(line.get("step")),
        name=str(line.get("name"))[:80],
        value=math.nan if value is None else _number(value),
        at=_whole(line.get("at")),
    )


def _number(value: object) -> float:
    return value if isinstance(value, float) else float(_whole(value))


def _whole(value: object) -> int:
    return value if isinstance(value, int) and 0 <= value < 1 << 62 else 0
