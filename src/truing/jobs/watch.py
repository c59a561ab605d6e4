"""Watching a run: what has changed since the last look, told once."""

from __future__ import annotations

from dataclasses import dataclass

from truing.domain.clock import Clock
from truing.domain.run import MetricPoint, Run, Runs, RunState
from truing.jobs.pace import Pace

PACED = 50
"""Last steps by which the pace of a run is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What `wait` tells each time something has changed."""

    run: Run
    points: tuple[MetricPoint, ...]
    """Figures that are new since the last one."""
    remaining: float | None
    """Seconds the run will still take, None while that cannot be told."""
    waiting: bool
    """True while another run has the device."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How waiting ended."""

    run: Run
    detached: str | None = None
    """What to tell a person who pressed Ctrl-C: the run goes on; None when waiting was over."""


class Watch:
    """Remembers what of a run was told already.

    Args:
        runs: where the row is.
        run_id: the run.
        clock: for the pace.
    """

    def __init__(self, runs: Runs, run_id: int, clock: Clock) -> None:
        self._runs = runs
        self._id = run_id
        self._clock = clock
        self._pace = Pace()
        self._told: tuple[object, ...] | None = None
        self._seen: set[tuple[int, str, int]] = set()
        self._from = -1

    def look(self, run: Run, *, waiting: bool) -> Progress | None:
        """What is new, None when nothing is."""
        now = self._clock.now()
        if run.state is RunState.RUNNING:
            self._pace.see(now, run.step)
        # A step's later figures may still come: its number is looked at once more.
        points = [
            point
            for point in self._runs.metrics(self._id, after_step=self._from - 1)
            if _key(point) not in self._seen
        ]
        if points:
            self._from = max(point.step for point in points)
            self._seen.update(map(_key, points))
            self._seen = {key for key in self._seen if key[0] >= self._from}
        state = (run.state, run.want, run.step, run.total_steps, run.attempts, waiting)
        if state == self._told and not points:
            return None
        self._told = state
        return Progress(
            run=run,
            points=tuple(points),
            remaining=self._pace.remaining(now, run.total_steps),
            waiting=waiting,
        )


def pace(runs: Runs, run: Run) -> Pace | None:
    """How fast a running run goes, from its last steps; None for one that does not."""
    if run.state is not RunState.RUNNING or not run.total_steps:
        return None
    found = Pace()
    for point in runs.metrics(run.id, after_step=run.step - PACED):
        found.see(point.at, point.step)
    return found


def remaining(runs: Runs, run: Run, now: int) -> float | None:
    """Seconds a running run will still take; None when unknown."""
    found = pace(runs, run)
    return None if found is None else found.remaining(now, run.total_steps)


def _key(point: MetricPoint) -> tuple[int, str, int]:
    return point.step, point.name, point.at
