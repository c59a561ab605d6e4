"""Pace: how fast a run goes and how long it will still take."""

from __future__ import annotations

from truing.domain.clock import MICROSECONDS


class Pace:
    """Steps per second since the first look at a run.

    A run that goes back to an earlier step, as after a crash, is measured anew.
    """

    __slots__ = ("_done", "_first", "_since")

    def __init__(self) -> None:
        self._first: int | None = None
        self._since = 0
        self._done = 0

    def see(self, now: int, done: int) -> None:
        """Notes that `done` steps were done at `now` (µs)."""
        if self._first is None or done < self._done:
            self._first, self._since = done, now
        self._done = done

    def remaining(self, now: int, total: int) -> float | None:
        """Seconds until `total`; None while no step was seen to be done."""
        speed = self.speed(now)
        return None if speed is None else max(0, total - self._done) / speed

    def speed(self, now: int) -> float | None:
        """Steps per second until now; None while no step was seen to be done."""
        if self._first is None or self._done <= self._first or now <= self._since:
            return None
        return (self._done - self._first) * MICROSECONDS / (now - self._since)


def spoken(seconds: float) -> str:
    """`42 s`, `3 min 05 s`, `2 h 10 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
