"""The worker: takes a run, keeps its lease while the recipe works, and says how it ended."""

from __future__ import annotations

import contextlib
import math
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from truing.domain.clock import MICROSECONDS, Clock
from truing.domain.errors import ConflictError, TruingError
from truing.domain.recipe import RunContext
from truing.domain.run import Run, Runs, RunState, Want
from truing.jobs.checkpoints import CheckpointFolder
from truing.jobs.context import JobContext, LostRunError
from truing.jobs.deaths import (
    CLEAN,
    MOST_TROUBLES,
    TROUBLES,
    Ending,
    after_death,
    note_memory_kills,
)
from truing.jobs.files import RunFiles, inherited_lock
from truing.jobs.log import RunLog
from truing.jobs.pace import spoken
from truing.jobs.pictures import PictureFolder
from truing.jobs.tensorboard import EventFiles
from truing.jobs.watchdog import LastResort, Silence
from truing.platform.files import is_full
from truing.platform.processes import stop_signals, this_process

Execute = Callable[[Run, RunContext], Mapping[str, object] | None]
"""Carries a run out: its result, or None when it stopped because `should_stop` said so."""

Leave = Callable[[Mapping[str, str] | None], None]
"""Ends this process at once: with variables, to work on the same run in its place; with None, for
good. It does not return in a worker process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How often a worker shows that it lives, in seconds."""

    beat: float = 2.0
    lease: float = 30.0
    stall: float = 900.0
    """Silence of the recipe after which the log gets the stacks of all threads."""
    hang: float = math.inf
    """Silence after which this process is ended and the run goes on from its last checkpoint."""
    attempts: int = 2
    """How many attempts may die or hang before the run has failed."""


def work(
    runs: Runs,
    run_id: int,
    *,
    folder: Path,
    clock: Clock,
    execute: Execute,
    rhythm: Rhythm = Rhythm(),
    leave: Leave | None = None,
    tensorboard: bool = False,
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
        leave: ends the process of a recipe that hangs; without it such a recipe is only noted.
        tensorboard: whether the figures also go to event files.

    Returns:
        The state the run was left in.

    Raises:
        ConflictError: somebody else has the run, or it has ended; `LostRunError` when another
            worker took it over meanwhile.
        NotFoundError: no such run.
    """
    signalled = threading.Event()
    with inherited_lock() as held, _stopped_by(signalled):
        run = _claimed(runs, run_id, clock, rhythm)
        files = RunFiles.of(folder, run_id)
        log = RunLog(files.log, clock)
        events = EventFiles(files.tensorboard, run.attempts, log.line)
        try:
            note_memory_kills(files.memory_kills)
            context = JobContext(
                runs,
                run,
                checkpoints=CheckpointFolder(files.checkpoints, say=log.line),
                pictures=PictureFolder(files.pictures),
                log=log,
                clock=clock,
                lease=round(rhythm.lease * MICROSECONDS),
                signalled=signalled.is_set,
                show=events.show if tensorboard else lambda _: None,
            )
            attempt = _Attempt(runs=runs, run=run, context=context, log=log, clock=clock)
            with _heart(attempt, rhythm, held, leave):
                ending = _carried_out(run, context, execute, log)
            context.beat()  # step, figures and wish as they are now
            return _ended(attempt, _as_wanted(run, context, ending))
        except LostRunError as error:
            log.line(f"stopping: {error.message}")
            raise
        finally:
            events.close()
            log.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    """A run in the hands of this worker."""

    runs: Runs
    run: Run
    context: JobContext
    log: RunLog
    clock: Clock


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
def _heart(
    attempt: _Attempt, rhythm: Rhythm, held: Mapping[str, str], leave: Leave | None
) -> Iterator[None]:
    """Beats in a thread of its own, and looks whether the recipe still says anything."""
    over = threading.Event()
    silence = Silence()
    # Beyond what this thread sees to itself: it fires only when the thread cannot run.
    last_resort = LastResort(attempt.log, rhythm.hang + rhythm.lease if leave else math.inf)

    def beat() -> None:
        warned = False
        while not over.wait(rhythm.beat):
            attempt.context.beat()
            last_resort.put_off()
            seconds = silence.after(attempt.context.words)
            if seconds > rhythm.hang and leave is not None:
                _give_up(attempt, rhythm, seconds, held, leave)
                return
            if seconds > rhythm.stall and not warned:
                attempt.log.line(f"no sign of progress for {seconds:.0f} s; threads stand at:")
                attempt.log.stacks()
            warned = seconds > rhythm.stall

    thread = threading.Thread(target=beat, name="truing-heartbeat", daemon=True)
    with last_resort.armed():
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def _give_up(
    attempt: _Attempt, rhythm: Rhythm, seconds: float, held: Mapping[str, str], leave: Leave
) -> None:
    """Ends an attempt whose recipe hangs; the run goes on from its last checkpoint."""
    attempt.log.line(f"nothing was heard for {spoken(seconds)}; threads stand at:")
    attempt.log.stacks()
    now = attempt.runs.get(attempt.run.id)
    how = f"it hung, silent for {spoken(seconds)}"
    ending = after_death(now, how, max_attempts=rhythm.attempts)
    attempt.context.lose()
    going_on = ending.state is RunState.PAUSED and now.want is Want.RUN
    told = "it goes on from its last checkpoint" if going_on else ending.state.value
    attempt.log.line(f"attempt {now.attempts} of run {now.id} is ended: {told}")
    kept = attempt.runs.end(
        now.id,
        attempt.run.fence,
        state=ending.state,
        at=attempt.clock.now(),
        error=ending.error,
        result=ending.result,
    )
    leave({**held} if kept and going_on else None)


def _carried_out(run: Run, context: JobContext, execute: Execute, log: RunLog) -> Ending:
    log.line(f"run {run.id}, attempt {run.attempts}: {run.request.recipe}, {run.request.dataset}")
    if run.want is not Want.RUN:
        return Ending(state=RunState.PAUSED)
    try:
        result = execute(run, context)
    except LostRunError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a recipe may raise anything
        log.line(traceback.format_exc())
        if is_full(error):
            return _out_of_room(run, context, error)
        return Ending(state=RunState.FAILED, error=one_line(error))
    if result is not None:
        return Ending(state=RunState.DONE, result=result)
    if not context.told_to_stop:
        unasked = f"the recipe `{run.request.recipe}` stopped early though nobody asked it to"
        return Ending(state=RunState.FAILED, error=unasked)
    return Ending(state=RunState.PAUSED)


def _out_of_room(run: Run, context: JobContext, error: BaseException) -> Ending:
    """A full disk is nothing that another attempt mends: the run waits until a person has made
    room, and goes on from its last checkpoint, which is whole.
    """
    told = run.result.get(TROUBLES, [])
    trouble = (
        f"Attempt {run.attempts} met a full disk at step {context.step}: {one_line(error)}. Make "
        "room, then let it go on from its last checkpoint."
    )
    context.pause()
    troubles = [*(told if isinstance(told, list) else []), trouble][-MOST_TROUBLES:]
    return Ending(state=RunState.PAUSED, result={TROUBLES: troubles})


def _as_wanted(run: Run, context: JobContext, ending: Ending) -> Ending:
    if ending.state is RunState.DONE:
        return replace(ending, result=_with_troubles(run, ending.result))
    if ending.state is not RunState.PAUSED:
        return ending
    if context.want is Want.STOP:
        return Ending(state=RunState.STOPPED)
    return replace(ending, result={**run.result, **ending.result, CLEAN: run.attempts})


def _with_troubles(run: Run, result: Mapping[str, object]) -> Mapping[str, object]:
    """The result of a run with a note on each attempt that was lost on the way."""
    notes, troubles = result.get("notes", []), run.result.get(TROUBLES, [])
    if not troubles or not isinstance(notes, list) or not isinstance(troubles, list):
        return result
    return {**result, "notes": [*notes, *troubles]}


def _ended(attempt: _Attempt, ending: Ending) -> RunState:
    run = attempt.run
    why = f": {ending.error}" if ending.error else ""
    attempt.log.line(f"run {run.id} is {ending.state.value}{why}")
    kept = attempt.runs.end(
        run.id,
        run.fence,
        state=ending.state,
        at=attempt.clock.now(),
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
