"""The supervisor: starts the worker of a run, notices when it dies, and lets people watch.

The run's row is the truth and every change of it is guarded by the fence, so that any number of
supervisors may look after the same runs, and a supervisor that is killed loses nothing: its
workers go on, and the next one that looks finds them.

*Scope*: workers on this machine. A run held by another machine is judged by its lease alone.

Starting a run needs the lock of its device. The worker inherits that lock, so the kernel keeps
it until the worker's process is dead, whatever becomes of us.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from truing.domain.clock import Clock
from truing.domain.errors import ConflictError
from truing.domain.run import Run, Runs, RunState, Want
from truing.jobs.deaths import after_death, exit_words, killed_for_memory
from truing.jobs.files import HELD, RunFiles, device_lock, device_of
from truing.jobs.log import lines_after, read_lines
from truing.jobs.pictures import PictureFolder
from truing.jobs.watch import Outcome, Progress, Watch
from truing.platform.locks import FileLock
from truing.platform.processes import boot_id, end_now, process_alive, start_detached

PATIENCE = 10.0
"""Seconds to wait until a worker that was started has taken its run."""
FAREWELL = 5.0
"""Seconds a worker gets to leave after its run has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Child:
    process: subprocess.Popen[bytes]
    fence: int
    """Of the run when the worker was started: unchanged means it never took the run."""


class Supervisor:
    """Looks after the runs of a workspace.

    Args:
        runs: where the rows are.
        folder: the workspace's folder.
        clock: for dates and the pace.
        command: the program that works on a run, by its number; `truing job work` when left out.
        locks: folder of the device locks; `runs/` of the workspace when left out. Workspaces
            that share a device may share it.
        max_attempts: how often a worker may die before the run has failed.
        poll: seconds between two looks while waiting.
    """

    def __init__(
        self,
        runs: Runs,
        *,
        folder: Path,
        clock: Clock,
        command: Callable[[int], Sequence[str]] | None = None,
        locks: Path | None = None,
        max_attempts: int = 2,
        poll: float = 0.25,
    ) -> None:
        self._runs = runs
        self._folder = folder.absolute()
        self._clock = clock
        self._own_command = command
        self._locks = locks or self._folder / "runs"
        self._max_attempts = max_attempts
        self._poll = poll
        self._children: dict[int, _Child] = {}

    def start(self, run_id: int, *, patience: float = PATIENCE) -> Run:
        """Brings a run to where it is wanted, as far as that can be done now.

        Starts its worker when it is queued or paused with want `run` and its device is free;
        settles it when its worker is dead: started again from its last checkpoint, or failed
        after too many attempts. A run that is worked on, or has ended, is left alone.

        Args:
            run_id: the run.
            patience: seconds to wait until a worker that was started has taken the run.

        Raises:
            NotFoundError: no such run.
            UnavailableError: the worker's program cannot be started.
        """
        run = self._moved_on(run_id)
        deadline = time.monotonic() + patience
        while self._starting(run) and time.monotonic() < deadline:
            time.sleep(0.02)
            run = self._moved_on(run_id)
        return run

    def _moved_on(self, run_id: int) -> Run:
        """`start` without waiting for the worker."""
        run = self._runs.get(run_id)
        if self._settled(run) or self._alive(run):
            return run
        if run.state is not RunState.RUNNING and run.want is not Want.RUN:
            return self._end(run, _WANTED[run.want])
        if self._starting(run):
            return run
        path = device_lock(self._locks, device_of(run))
        lock = FileLock(path)
        if not lock.acquire():
            return self._without_device(run)
        try:
            run = self._left_behind(self._runs.get(run_id))
            if run.want is Want.RUN and run.state in (RunState.QUEUED, RunState.PAUSED):
                self._spawn(run, lock, path)
        finally:
            lock.release()
        return self._runs.get(run_id)

    def tend(self) -> list[Run]:
        """One look at every run that is not where it is wanted, oldest first; see `start`.

        A server calls it now and then, a worker when it has finished: so queued runs follow
        each other, and what a crash left behind is taken up.
        """
        open_runs = [run for run in self._runs.all(limit=1000) if not self._settled(run)]
        return [self.start(run.id, patience=0) for run in sorted(open_runs, key=lambda run: run.id)]

    def wait(self, run_id: int, on_progress: Callable[[Progress], None] | None = None) -> Outcome:
        """Looks after one run until it has ended or is paused.

        Ctrl-C ends the waiting, not the run; a second process may wait for the same run.

        Args:
            run_id: the run.
            on_progress: called with each change.

        Raises:
            NotFoundError: no such run.
        """
        watch = Watch(self._runs, run_id, self._clock)
        try:
            while True:
                run = self._moved_on(run_id)
                over = self._settled(run)
                waiting = not over and run.state is not RunState.RUNNING
                said = watch.look(run, waiting=waiting and not self._starting(run))
                if said is not None and on_progress is not None:
                    on_progress(said)
                if over:
                    self._seen_off(run_id)
                    return Outcome(run=run)
                time.sleep(self._poll)
        except KeyboardInterrupt:
            return Outcome(run=self._runs.get(run_id), detached=self._farewell(run_id))

    def _farewell(self, run_id: int) -> str:
        """What a person who no longer waits should know."""
        run = self._runs.get(run_id)
        stopping = f"`truing stop {run_id}` stops it"
        if run.state.ended or run.state is RunState.RUNNING or self._starting(run):
            follow = f"`truing logs {run_id} -f` follows it"
            return f"run {run_id} goes on without you: {follow}, {stopping}"
        return (
            f"run {run_id} has not begun: it waits for its device until the run before it has "
            f"ended; `truing resume {run_id}` looks whether it can begin, {stopping}"
        )

    def _seen_off(self, run_id: int) -> None:
        """Waits for the worker of a settled run to leave: it has said its last word already."""
        child = self._children.pop(run_id, None)
        if child is None:
            return
        try:
            child.process.wait(timeout=FAREWELL)
        except subprocess.TimeoutExpired:
            # It may tend another run by now; it belongs to itself.
            self._children[run_id] = child

    def stop(self, run_id: int, *, force: bool = False, patience: float = PATIENCE) -> Run:
        """Asks a run to save a checkpoint and end for good; an ended one is left as it is.

        Args:
            run_id: the run.
            force: end its process now, for a worker that no longer listens.
            patience: see `start`.

        Raises:
            NotFoundError: no such run.
        """
        run = self._runs.get(run_id)
        if run.state.ended:
            return run
        run = self._runs.want(run_id, Want.STOP)
        if force and self._here(run) and self._alive(run) and run.pid is not None:
            end_now(run.pid)
            return self._until_ended(run_id)
        return self.start(run_id, patience=patience)

    def pause(self, run_id: int, *, patience: float = PATIENCE) -> Run:
        """Asks a run to save a checkpoint and free its device until `resume`.

        Raises:
            NotFoundError: no such run.
            ConflictError: it has ended.
        """
        self._open_run(run_id, "paused")
        self._runs.want(run_id, Want.PAUSE)
        return self.start(run_id, patience=patience)

    def resume(self, run_id: int, *, patience: float = PATIENCE) -> Run:
        """Lets a paused run go on from its last checkpoint.

        Raises:
            NotFoundError: no such run.
            ConflictError: it has ended.
        """
        self._open_run(run_id, "resumed")
        self._runs.want(run_id, Want.RUN)
        return self.start(run_id, patience=patience)

    def tail(self, run_id: int, *, follow: bool = False) -> Iterator[str]:
        """Lines of a run's log from its start; with `follow`, until the run is over.

        Raises:
            NotFoundError: no such run.
        """
        self._runs.get(run_id)
        return read_lines(
            RunFiles.of(self._folder, run_id).log,
            more=lambda: follow and not self._settled(self._runs.get(run_id)),
        )

    def log_after(self, run_id: int, offset: int = 0) -> tuple[list[str], int]:
        """Whole lines of a run's log from a place on, and the place after; see `lines_after`.

        Raises:
            NotFoundError: no such run.
        """
        self._runs.get(run_id)
        return lines_after(RunFiles.of(self._folder, run_id).log, offset)

    def pictures(self, run_id: int) -> PictureFolder:
        """What the model of a run made of some validation rows while it was trained.

        Raises:
            NotFoundError: no such run.
        """
        self._runs.get(run_id)
        return PictureFolder(RunFiles.of(self._folder, run_id).pictures)

    def waits(self, run: Run) -> bool:
        """Whether a run is to go on and another one has its device."""
        if run.state not in (RunState.QUEUED, RunState.PAUSED) or run.want is not Want.RUN:
            return False
        device = device_of(run)
        others = self._runs.all(limit=100)
        return any(one.state is RunState.RUNNING and device_of(one) == device for one in others)

    def abandoned(self, run: Run) -> bool:
        """Whether a run's row says that it is worked on while its worker is dead: nobody has
        looked after it since. `start` takes it up.
        """
        return run.state is RunState.RUNNING and not self._alive(run)

    def command(self, run_id: int) -> Sequence[str]:
        """The program that works on a run, with its arguments."""
        if self._own_command is not None:
            return self._own_command(run_id)
        head = [sys.executable, "-m", "truing", "--workspace", str(self._folder)]
        return [*head, "job", "work", str(run_id)]

    def _open_run(self, run_id: int, deed: str) -> None:
        run = self._runs.get(run_id)
        if run.state.ended:
            raise ConflictError(
                f"run {run_id} is {run.state.value} and cannot be {deed}",
                hint="start a new run: truing train",
            )

    def _settled(self, run: Run) -> bool:
        """Whether there is nothing to do: ended, or paused because a person wants it so."""
        return run.state.ended or (run.state is RunState.PAUSED and run.want is Want.PAUSE)

    def _here(self, run: Run) -> bool:
        return run.boot_id == boot_id()

    def _alive(self, run: Run) -> bool:
        if run.state is not RunState.RUNNING:
            return False
        if self._here(run) and run.pid is not None and run.pid_start is not None:
            return process_alive(run.pid, run.pid_start)
        return self._clock.now() < (run.lease_until or 0)

    def _starting(self, run: Run) -> bool:
        """Whether a worker of ours was started and has not yet taken the run."""
        child = self._children.get(run.id)
        return child is not None and child.fence == run.fence and child.process.poll() is None

    def _until_ended(self, run_id: int) -> Run:
        # A killed process may hold its locks for a moment longer, until its last thread is gone.
        deadline = time.monotonic() + 10
        while not (run := self._moved_on(run_id)).state.ended and time.monotonic() < deadline:
            time.sleep(0.02)
        return run

    def _without_device(self, run: Run) -> Run:
        """What to make of a run whose device another process has."""
        expired = self._clock.now() >= (run.lease_until or 0)
        # Both signs of death are asked for: the other process might be its worker in a container
        # of its own, whose number means nothing here.
        return self._after_death(run, None) if self.abandoned(run) and expired else run

    def _left_behind(self, run: Run) -> Run:
        """What to make of a run whose device we hold: a dead worker's, or one that never began."""
        child = self._children.pop(run.id, None)
        if self.abandoned(run):
            return self._after_death(run, child)
        if child is None or child.fence != run.fence or run.state.ended:
            return run
        return self._end(
            run,
            RunState.FAILED,
            f"the worker process ended before it took the run "
            f"({exit_words(child.process.poll())}); `truing logs {run.id}` shows what it said",
        )

    def _after_death(self, run: Run, child: _Child | None) -> Run:
        code = None
        if child is not None:
            # Its number is free when its last thread is gone, a moment after its first.
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = child.process.wait(timeout=1.0)
        memory = killed_for_memory(RunFiles.of(self._folder, run.id).memory_kills, code)
        how = "the system ended it for want of memory" if memory else exit_words(code)
        ending = after_death(run, how, max_attempts=self._max_attempts, short_of_memory=memory)
        return self._end(run, ending.state, ending.error, ending.result)

    def _end(
        self,
        run: Run,
        state: RunState,
        error: str | None = None,
        result: Mapping[str, object] | None = None,
    ) -> Run:
        # A stale fence means somebody else has dealt with it: then their word counts.
        kept = run.result if result is None else result
        self._runs.end(
            run.id, run.fence, state=state, at=self._clock.now(), error=error, result=kept
        )
        return self._runs.get(run.id)

    def _spawn(self, run: Run, lock: FileLock, path: Path) -> None:
        process = start_detached(
            self.command(run.id),
            log=RunFiles.of(self._folder, run.id).log,
            keep=(lock.fileno(),),
            environ={**self.environ(), HELD: f"{lock.fileno()}:{path}"},
        )
        self._children[run.id] = _Child(process=process, fence=run.fence)

    @staticmethod
    def environ() -> dict[str, str]:
        """The variables of a worker, but for the one that tells of its device lock."""
        return {
            **os.environ,
            "PYTHONFAULTHANDLER": "1",
            "PYTHONUNBUFFERED": "1",
            # `python -m` would look for modules in the current folder first, whatever lies there.
            "PYTHONSAFEPATH": "1",
        }


_WANTED = {Want.STOP: RunState.STOPPED, Want.PAUSE: RunState.PAUSED}
