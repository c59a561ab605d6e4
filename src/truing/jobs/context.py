"""What a recipe sees of its run: figures and checkpoints go out, the wish to stop comes in.

The recipe's thread only fills buffers; a second thread calls `beat`, which prolongs the lease,
learns what is wanted and stores the figures. A worker whose fence is stale is told so by an
exception from its next call: somebody else has the run, and it must not write any more.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from truing.domain.clock import MICROSECONDS, Clock
from truing.domain.errors import ConflictError
from truing.domain.recipe import Glimpse
from truing.domain.run import MetricPoint, Run, Runs, Want
from truing.jobs.checkpoints import CheckpointFolder
from truing.jobs.deaths import SHORTAGES, counted
from truing.jobs.log import RunLog
from truing.jobs.pace import Pace, spoken
from truing.jobs.pictures import PictureFolder

PROGRESS_EVERY = 30 * MICROSECONDS
"""Time between two lines of progress in the log."""


class LostRunError(ConflictError):
    """Another worker has taken the run over; this one must stop without writing anything."""

    code = "lost-run"


class JobContext:
    """A `RunContext` over the row, the log and the checkpoints of a run.

    Args:
        runs: where the row is.
        run: as claimed, with the fence of this worker.
        checkpoints: of this run.
        pictures: of this run.
        log: of this run.
        clock: for the lease, the figures and the pace.
        lease: microseconds a beat holds the run.
        signalled: whether the process was asked to end.
        show: also takes the figures, once they are stored.
    """

    def __init__(
        self,
        runs: Runs,
        run: Run,
        *,
        checkpoints: CheckpointFolder,
        pictures: PictureFolder,
        log: RunLog,
        clock: Clock,
        lease: int,
        signalled: Callable[[], bool],
        show: Callable[[Sequence[MetricPoint]], None] = lambda _: None,
    ) -> None:
        self._runs = runs
        self._id = run.id
        self._fence = run.fence
        self._checkpoints = checkpoints
        self._pictures = pictures
        self._log = log
        self._clock = clock
        self._lease = lease
        self._signalled = signalled
        self._show = show
        self._shortages = counted(run, SHORTAGES)
        self._want = run.want
        self._lost = False
        self._told_to_stop = False
        self._step, self._total = run.step, run.total_steps
        self._points: dict[tuple[int, str], MetricPoint] = {}
        self._buffer = threading.Lock()
        self._beating = threading.Lock()
        self._pace = Pace()
        self._said_at = clock.now()
        self._words = 0

    @property
    def want(self) -> Want:
        """What was wanted at the last beat."""
        return self._want

    @property
    def step(self) -> int:
        """The last one that the recipe told of."""
        return self._step

    def pause(self) -> None:
        """Lets the run wait for a person, unless one wants otherwise already."""
        self.beat()
        if self._want is Want.RUN:
            self._want = self._runs.want(self._id, Want.PAUSE).want

    @property
    def told_to_stop(self) -> bool:
        """Whether `should_stop` has said yes."""
        return self._told_to_stop

    @property
    def words(self) -> int:
        """How often the recipe has said something: while this stands still, it is silent."""
        return self._words

    def lose(self) -> None:
        """Takes the run away: the recipe learns of it at its next word."""
        self._lost = True

    def memory_shortages(self) -> int:
        """See `KnowsShortages`."""
        return self._shortages

    def report(self, step: int, metrics: Mapping[str, float]) -> None:
        """See `RunContext`.

        Raises:
            LostRunError: another worker has the run.
        """
        now = self._alive()
        points = {
            (step, name): MetricPoint(step=step, name=name, value=float(value), at=now)
            for name, value in metrics.items()
        }
        with self._buffer:
            self._points |= points

    def progress(self, done: int, total: int) -> None:
        """See `RunContext`.

        Raises:
            LostRunError: another worker has the run.
        """
        now = self._alive()
        self._step, self._total = done, total
        self._pace.see(now, done)
        if now - self._said_at >= PROGRESS_EVERY or done == total:
            self._said_at = now
            left = self._pace.remaining(now, total)
            about = "" if not left else f", about {spoken(left)} left"
            self._log.line(f"step {done} of {total}{about}")

    def log(self, message: str) -> None:
        """See `RunContext`."""
        self._words += 1
        self._log.line(message)

    def show(self, step: int, glimpses: Sequence[Glimpse]) -> None:
        """See `ShowsGlimpses`. Nothing is kept of a run that is to stop: the reason may be that a
        sample of its data is being forgotten.

        Raises:
            LostRunError: another worker has the run.
        """
        self.beat()
        self._alive()
        if self._want is Want.RUN:
            self._pictures.add(step, glimpses)

    def should_stop(self) -> bool:
        """See `RunContext`.

        Raises:
            LostRunError: another worker has the run.
        """
        self._alive()
        if self._signalled() or self._want is not Want.RUN:
            self._told_to_stop = True
        return self._told_to_stop

    def save_checkpoint(self, step: int, write: Callable[[Path], None]) -> None:
        """See `RunContext`. The figures up to here are stored first.

        Raises:
            LostRunError: another worker has the run.
        """
        self.beat()
        self._alive()
        folder = self._checkpoints.save(step, write)
        self._alive()
        self._log.line(f"saved checkpoint `{folder.name}`")

    def latest_checkpoint(self) -> tuple[int, Path] | None:
        """See `RunContext`."""
        self._alive()
        return self._checkpoints.latest()

    def beat(self) -> None:
        """Prolongs the lease, learns what is wanted, stores the buffered figures.

        A store that is out of reach for a while is a line in the log, not the end of the run:
        training goes on, and the figures wait for the next beat.
        """
        with self._beating:
            try:
                want = self._runs.heartbeat(
                    self._id,
                    self._fence,
                    lease_until=self._clock.now() + self._lease,
                    step=self._step,
                    total_steps=self._total,
                )
                if want is None:
                    self._lost = True
                else:
                    self._want = want
                    self._store_points()
            except Exception as error:  # noqa: BLE001 - whatever a store may raise
                said = traceback.format_exception_only(error)[-1].strip()
                self._log.line(f"the run's row cannot be written: {said}")

    def _store_points(self) -> None:
        with self._buffer:
            taken, self._points = self._points, {}
        if not taken:
            return
        try:
            self._runs.report(self._id, list(taken.values()))
        except BaseException:
            with self._buffer:
                self._points = taken | self._points
            raise
        self._show(list(taken.values()))

    def _alive(self) -> int:
        """Notes that the recipe is at work; returns the time."""
        if self._lost:
            raise LostRunError(
                f"run {self._id} was taken over by another worker",
                hint=f"nothing is lost: `truing logs {self._id}` shows how it goes on",
            )
        self._words += 1
        return self._clock.now()
