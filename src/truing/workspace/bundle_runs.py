"""Carrying out a bundle: training without a workspace, in a scratch folder beside the bundle.

The scratch folder holds what was unpacked, a small database with the run's row, its log and its
checkpoints. Whoever interrupts a run, or pulls the plug, calls the same command again: what was
unpacked is used again and training goes on from the last sealed checkpoint. When the model has
been written beside the bundle, the folder goes, and with it the recordings.

*Scope*: one process per bundle, kept apart by a lock; two bundles may be trained at once.
"""

from __future__ import annotations

import math
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from truing.domain.clock import SystemClock
from truing.domain.digest import canonical_json
from truing.domain.errors import ConflictError, InvalidInputError, NotFoundError, RunFailedError
from truing.domain.ids import Uuid7Source
from truing.domain.recipe import KnowsShortages, Recipe, RunContext, TrainingInput
from truing.domain.run import Run, RunRequest, RunState, Want
from truing.jobs.files import RunFiles
from truing.jobs.worker import work
from truing.loop.train import RowExamples
from truing.platform.locks import locked
from truing.stores.bundle_file import Bundle, opened, written
from truing.stores.model_files import DESCRIPTION, folder_digest, model_manifest, refuse_pickles
from truing.workspace.bundle_scratch import MODEL, Progress, Scratch
from truing.workspace.bundles import (
    BASE,
    BUNDLE,
    REPLAY,
    ROWS,
    TRAINED,
    TRAINING,
    lines_of,
    request_of,
)
from truing.workspace.training import check_packages, recipe_named

if TYPE_CHECKING:
    from truing.domain.clock import Clock
    from truing.domain.run import Runs

METRICS, LOG, LEARNED = "metrics.jsonl", "log.txt", "learned.jsonl"
"""The entries of a trained bundle; `learned.jsonl` has the digests of the media it learned from."""

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
_LOG_LINE = re.compile(r"\d{4}-\d\d-\d\dT\S+ (?!Traceback)")


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleOutcome:
    """How carrying out a bundle ended."""

    state: RunState
    """`done`; or `paused` when it was interrupted and can go on."""
    path: str | None
    """The trained bundle, once it is done."""
    scratch: str
    step: int
    total_steps: int
    figures: Mapping[str, object]
    notes: Sequence[str]

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


def carry_out(
    bundle: Path,
    *,
    output: Path | None = None,
    device: str | None = None,
    processes: int | None = None,
    keep: bool = False,
    on_progress: Progress = lambda _, __, ___: None,
    clock: Clock | None = None,
) -> BundleOutcome:
    """Trains what a bundle asks for, or goes on where it was interrupted.

    Args:
        bundle: made by `bundles.pack`.
        output: the new file; `<bundle>.trained` when left out.
        device: such as `cuda:1`, in place of what the bundle says.
        processes: how many share each batch, in place of what the bundle says.
        keep: leave the scratch folder when the model has been written.
        on_progress: called with (what is done, how much, of how much).
        clock: tells the time.

    Raises:
        NotFoundError: no such bundle, or no recipe of that name is installed.
        DamagedError: the bundle was cut or altered.
        InvalidInputError: another kind of file, a newer format, an option the recipe has not.
        ConflictError: the output exists already.
        UnavailableError: no room, or another process is at it.
        MissingDependencyError: what the recipe imports is not installed.
        RunFailedError: training failed; its log is in the scratch folder.
    """
    target = output or bundle.with_name(f"{bundle.name}.trained")
    scratch = Scratch(bundle.with_name(f"{bundle.name}.work"))
    with opened(bundle, TRAINING) as source:
        request = request_of(source.head)
        recipe = _recipe(request)
        request = _as_here(request, recipe, {"device": device, "processes": processes})
        check_packages(recipe)
        _refuse_existing(target)
        scratch.make()
        with locked(scratch.folder / "lock", timeout=1.0):
            scratch.unpack(source, on_progress)
            told = _told(source, request)
            outcome = _trained(scratch, recipe, request, told, target, clock, on_progress)
            if outcome.state is RunState.DONE and not keep:
                scratch.empty()
    if outcome.state is RunState.DONE and not keep:
        shutil.rmtree(scratch.folder, ignore_errors=True)
    return outcome


def _trained(
    scratch: Scratch,
    recipe: Recipe,
    request: RunRequest,
    told: Mapping[str, Any],
    target: Path,
    clock: Clock | None,
    on_progress: Progress,
) -> BundleOutcome:
    from truing.stores.database.store import open_database

    clock = clock or SystemClock()
    with closing(open_database(scratch.folder / "run.db")) as store:
        run = _run_to_do(store.runs, request, scratch, clock)
        if run.state is not RunState.DONE:
            execute = partial(_execute, scratch, recipe, told, on_progress, clock)
            work(store.runs, run.id, folder=scratch.folder, clock=clock, execute=execute)
        run = store.runs.get(run.id)
        if run.state is RunState.FAILED:
            raise RunFailedError(
                f"training failed: {run.error}",
                hint=f"its log is `{RunFiles.of(scratch.folder, run.id).log}`; the same command "
                "goes on from the last checkpoint; without the folder it begins anew",
            )
        if run.state is RunState.DONE:
            _write(scratch, store.runs, run, told, target, on_progress)
    figures, notes = run.result.get("figures", {}), run.as_dict()["notes"]
    return BundleOutcome(
        state=run.state,
        path=str(target) if run.state is RunState.DONE else None,
        scratch=str(scratch.folder),
        step=run.step,
        total_steps=run.total_steps,
        figures=figures if isinstance(figures, Mapping) else {},
        notes=notes if isinstance(notes, list) else [],
    )


# --- what the bundle asks for -------------------------------------------------------------------


def _recipe(request: RunRequest) -> Recipe:
    from truing.workspace import modalities

    recipe = recipe_named(modalities.load(request.modality)(), request.recipe)
    known = {each.name for each in fields(recipe.options)}
    unknown = sorted(set(request.options) - known)
    if unknown:
        raise InvalidInputError(
            f"the recipe `{recipe.name}` has no option `{unknown[0][:80]}` here",
            hint="install the Truing that made the bundle, or make the bundle again with this one",
        )
    return recipe


def _as_here(request: RunRequest, recipe: Recipe, wanted: Mapping[str, object]) -> RunRequest:
    """The request with the options that depend on the machine."""
    given = {name: value for name, value in wanted.items() if value is not None}
    known = {each.name for each in fields(recipe.options)}
    for name in given:
        if name not in known:
            raise InvalidInputError(
                f"the recipe `{recipe.name}` has no option `{name}`", hint=f"leave --{name} out"
            )
    return replace(request, options={**request.options, **given})


def _refuse_existing(target: Path) -> None:
    if target.exists():
        raise ConflictError(
            f"`{target}` exists already", hint="name another file with --output, or remove it"
        )


def _told(source: Bundle, request: RunRequest) -> dict[str, Any]:
    """The lineage to hand back with the model."""
    lineage = {key: source.head.get(key) for key in ("dataset", "base", "replay")}
    return {"bundle": source.digest, "request": request.as_dict(), "lineage": lineage}


# --- training -----------------------------------------------------------------------------------


def _run_to_do(runs: Runs, request: RunRequest, scratch: Scratch, clock: Clock) -> Run:
    """The run's row: a new one, the interrupted one, or one that takes over from a failed one."""
    last = next(iter(runs.all(limit=1)), None)
    if last is not None and last.state in (RunState.PAUSED, RunState.RUNNING, RunState.QUEUED):
        if last.request != request:
            raise InvalidInputError(
                "the run that was interrupted had another device or number of processes",
                hint=f"leave --device and --processes as they were, or remove `{scratch.folder}` "
                "to begin anew",
            )
        if last.state is RunState.RUNNING:
            # We hold the lock: whoever held the run is dead.
            runs.end(last.id, last.fence, state=RunState.PAUSED, at=clock.now())
        return runs.want(last.id, Want.RUN)
    if last is not None and last.state is RunState.DONE:
        return last
    run = runs.add(Uuid7Source(clock).new(), request, clock.now())
    if last is not None:
        old = RunFiles.of(scratch.folder, last.id).checkpoints
        new = RunFiles.of(scratch.folder, run.id).checkpoints
        if old.is_dir():
            new.parent.mkdir(parents=True, exist_ok=True)
            old.rename(new)
    return run


def _execute(
    scratch: Scratch,
    recipe: Recipe,
    told: Mapping[str, Any],
    on_progress: Progress,
    clock: Clock,
    run: Run,
    context: RunContext,
) -> dict[str, object] | None:
    rows = scratch.rows()
    parts = {part: RowExamples(rows[part], scratch.blob) for part in rows}
    draft = scratch.folder / "draft"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    result = recipe.train(
        TrainingInput(
            base=_base(scratch, told),
            train=parts["train"],
            validation=parts["validation"],
            replay=parts[REPLAY],
            options=recipe.options(**run.request.options),
            seed=run.request.seed,
            output=draft,
        ),
        _Watched(context, on_progress),
    )
    if not result.finished:
        return None
    refuse_pickles(draft)
    shutil.rmtree(scratch.model, ignore_errors=True)
    draft.rename(scratch.model)
    return {
        "uid": Uuid7Source(clock).new(),
        "figures": dict(result.figures),
        "notes": list(result.notes),
        "trained_at": clock.now(),
    }


def _base(scratch: Scratch, told: Mapping[str, Any]) -> str | None:
    """The folder that came with the bundle, or the hub id it names."""
    base = told["lineage"]["base"]
    if base is None:
        return None
    if (scratch.data / BASE).is_dir():
        return str(scratch.data / BASE)
    name = base.get("name") if isinstance(base, dict) else None
    if not isinstance(name, str) or not _HUB_ID.fullmatch(name) or Path(name).exists():
        raise NotFoundError(
            "the bundle holds no base model, and names none of a hub",
            hint="make it again: truing train --bundle FILE",
        )
    return name


class _Watched:
    """A run's context that also moves a progress bar; see `RunContext`."""

    def __init__(self, context: RunContext, on_progress: Progress) -> None:
        self._on_progress = on_progress
        self.report = context.report
        self.log = context.log
        self.should_stop = context.should_stop
        self.save_checkpoint = context.save_checkpoint
        self.latest_checkpoint = context.latest_checkpoint
        self._progress = context.progress
        if isinstance(context, KnowsShortages):
            self.memory_shortages = context.memory_shortages

    def progress(self, done: int, total: int) -> None:
        """See `RunContext`."""
        self._progress(done, total)
        self._on_progress("training", done, total)


# --- handing it back ----------------------------------------------------------------------------


def _write(
    scratch: Scratch,
    runs: Runs,
    run: Run,
    told: Mapping[str, Any],
    target: Path,
    on_progress: Progress,
) -> None:
    """Writes the trained bundle: the model with its description, figures, log, manifest."""
    from truing import __version__

    files = model_manifest(scratch.model)
    description = {
        **told,
        "request": run.request.as_dict(),
        **{key: run.result.get(key) for key in ("uid", "trained_at", "figures", "notes")},
        "recipe": run.request.recipe,
        "digest": folder_digest(scratch.model),
        "steps": run.step,
        "total_steps": run.total_steps,
        "truing": __version__,
    }
    total = sum(one.size for one in files)
    with written(
        target,
        TRAINED,
        {BUNDLE: told["bundle"]},
        total=total,
        on_progress=lambda done, all_: on_progress("writing", done, all_),
    ) as bundle:
        bundle.add(f"{MODEL}/{DESCRIPTION}", canonical_json(description) + b"\n")
        for one in files:
            bundle.add_file(f"{MODEL}/{one.name}", scratch.model / one.name, one.digest)
        _add_lines(bundle.add_file, scratch, METRICS, _metrics(runs, run))
        _add_lines(bundle.add_file, scratch, LEARNED, _learned(scratch))
        _add_lines(bundle.add_file, scratch, LOG, _log(scratch, run))


def _add_lines(
    add_file: Callable[[str, Path], None], scratch: Scratch, name: str, lines: Iterator[bytes]
) -> None:
    place = scratch.folder / name
    with place.open("wb") as stream:
        stream.writelines(lines)
    add_file(name, place)


def _metrics(runs: Runs, run: Run) -> Iterator[bytes]:
    for point in runs.metrics(run.id):
        value = point.value if math.isfinite(point.value) else None
        told = {"step": point.step, "name": point.name, "value": value, "at": point.at}
        yield canonical_json(told) + b"\n"


def _learned(scratch: Scratch) -> Iterator[bytes]:
    """What the model learned from, so that nobody judges it by that: digests, no texts."""
    for told in lines_of(scratch.data / ROWS):
        digests = sorted({one["digest"] for one in told["media"].values()})
        yield canonical_json({"uid": told["uid"], "media": digests}) + b"\n"


def _log(scratch: Scratch, run: Run) -> Iterator[bytes]:
    """The lines of the log that Truing wrote itself: what a library prints may quote a text."""
    log = RunFiles.of(scratch.folder, run.id).log
    with log.open("rb") as stream:
        for line in stream:
            if _LOG_LINE.match(line.decode("utf-8", "replace")):
                yield line
