"""The worker: takes a run, keeps its lease while the recipe works, and says how it ended."""

from __future__ import annotations

import contextlib
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from truing.domain.clock import MICROSECONDS, Clock
from truing.domain.errors import ConflictError, TruingError
from truing.domain.ports import Runs
from truing.domain.recipe import RunContext
from truing.domain.run import Run, RunState, Want
from truing.jobs.checkpoints import CheckpointFolder
from truing.jobs.context import JobContext, LostRunError
from truing.jobs.files import RunFiles, inherited_lock
from truing.jobs.log import RunLog
from truing.platform.processes import stop_signals, this_process

Execute = Callable[[Run, RunContext], Mapping[str, object] | None]
"""Carries a run out: its result, or None when it stopped because `should_stop` said so."""

CLEAN = "clean_attempts"
"""In the result of a paused run: how many attempts had ended by themselves until then. What is
beyond them when a worker is found dead are attempts that died."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How often a worker shows that it lives, in seconds."""

    beat: float = 2.0
    lease: float = 30.0
    stall: float = 900.0
    """Silence of the recipe after which the log gets the stacks of all threads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ending:
    state: RunState
    error: str | None = None
    result: Mapping[str, object] = field(default_factory=dict)


def work(
    runs: Runs,
    run_id: int,
    *,
    folder: Path,
    clock: Clock,
    execute: Execute,
    rhythm: Rhythm = Rhythm(),
) -> RunState:
    """Takes a run and works on it until it is done, stopped, paused or has failed.

    A TERM or INT signal means: save a checkpoint and end; the run is then paused, and free to be
    taken up again unless a person wants otherwise.

    Args:
        runs: where the row is.
        run_id: the run.
        folder: the workspace's folder.
        clock: for the lease and every date.
        execute: does the work itself.
        rhythm: beats, lease and patience.

    Returns:
        The state the run was left in.

    Raises:
        ConflictError: somebody else has the run, or it has ended; `LostRunError` when another
            worker took it over meanwhile.
        NotFoundError: no such run.
    """
    signalled = threading.Event()
    with inherited_lock(), _stopped_by(signalled):
        run = _claimed(runs, run_id, clock, rhythm)
        files = RunFiles.of(folder, run_id)
        log = RunLog(files.log, clock)
        try:
            context = JobContext(
                runs,
                run,
                checkpoints=CheckpointFolder(files.checkpoints, say=log.line),
                log=log,
                clock=clock,
                lease=round(rhythm.lease * MICROSECONDS),
                signalled=signalled.is_set,
            )
            with _heart(context, log, rhythm):
                ending = _carried_out(run, context, execute, log)
            context.beat()  # step, figures and wish as they are now
            ending = _as_wanted(run, context, ending)
            return _ended(runs, run, ending, clock, log)
        except LostRunError as error:
            log.line(f"stopping: {error.message}")
            raise
        finally:
            log.close()


def _stopped_by(signalled: threading.Event) -> contextlib.AbstractContextManager[None]:
    # Only the main thread may handle signals; elsewhere the host program has its own way.
    if threading.current_thread() is threading.main_thread():
        return stop_signals(signalled.set)
    return contextlib.nullcontext()


def _claimed(runs: Runs, run_id: int, clock: Clock, rhythm: Rhythm) -> Run:
    me, now = this_process(), clock.now()
    run = runs.claim(
        run_id,
        boot_id=me.boot_id,
        pid=me.pid,
        pid_start=me.start,
        now=now,
        lease_until=now + round(rhythm.lease * MICROSECONDS),
    )
    if run is None:
        found = runs.get(run_id)
        holder = f", process {found.pid}" if found.state is RunState.RUNNING else ""
        raise ConflictError(
            f"run {run_id} cannot be taken: it is {found.state.value}{holder}",
            hint=f"`truing logs {run_id}` shows what became of it",
        )
    return run


@contextlib.contextmanager
def _heart(context: JobContext, log: RunLog, rhythm: Rhythm) -> Iterator[None]:
    """Beats in a thread of its own, and looks whether the recipe still says anything."""
    over = threading.Event()

    def beat() -> None:
        warned = False
        while not over.wait(rhythm.beat):
            context.beat()
            silent = context.idle() > rhythm.stall
            if silent and not warned:
                log.line(f"no sign of progress for {context.idle():.0f} s; threads stand at:")
                log.stacks()
            warned = silent

    thread = threading.Thread(target=beat, name="truing-heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _carried_out(run: Run, context: JobContext, execute: Execute, log: RunLog) -> _Ending:
    log.line(f"run {run.id}, attempt {run.attempts}: {run.request.recipe}, {run.request.dataset}")
    if run.want is not Want.RUN:
        return _Ending(state=RunState.PAUSED)
    try:
        result = execute(run, context)
    except LostRunError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a recipe may raise anything
        log.line(traceback.format_exc())
        return _Ending(state=RunState.FAILED, error=one_line(error))
    if result is not None:
        return _Ending(state=RunState.DONE, result=result)
    if not context.told_to_stop:
        unasked = f"the recipe `{run.request.recipe}` stopped early though nobody asked it to"
        return _Ending(state=RunState.FAILED, error=unasked)
    return _Ending(state=RunState.PAUSED)


def _as_wanted(run: Run, context: JobContext, ending: _Ending) -> _Ending:
    if ending.state is not RunState.PAUSED:
        return ending
    if context.want is Want.STOP:
        return _Ending(state=RunState.STOPPED)
    return _Ending(state=RunState.PAUSED, result={**run.result, CLEAN: run.attempts})


def _ended(runs: Runs, run: Run, ending: _Ending, clock: Clock, log: RunLog) -> RunState:
    log.line(f"run {run.id} is {ending.state.value}{f': {ending.error}' if ending.error else ''}")
    kept = runs.end(
        run.id,
        run.fence,
        state=ending.state,
        at=clock.now(),
        error=ending.error,
        result=ending.result,
    )
    if not kept:
        raise LostRunError(
            f"run {run.id} was taken over by another worker before it ended",
            hint=f"`truing logs {run.id}` shows how it goes on",
        )
    return ending.state


def one_line(error: BaseException) -> str:
    """An error as the run's row keeps it: what happened and what repairs it, at most 500 signs."""
    if isinstance(error, TruingError):
        said = f"{error.message} ({error.hint})" if error.hint else error.message
    else:
        said = traceback.format_exception_only(error)[-1]
    return " ".join(said.split())[:500]
