"""The watchdog: notices a recipe that has stopped saying anything while its process lives.

Silence is counted in beats of the worker, not by the clock, so that neither a laptop that slept
nor a clock that was set looks like a recipe that hangs. Where even the beats stop, because a
library holds the interpreter, a thread of the interpreter's own ends the process.
"""

from __future__ import annotations

import contextlib
import faulthandler
import math
import time
from collections.abc import Callable, Iterator

from truing.jobs.log import RunLog

MOST_PER_LOOK = 60.0
"""Seconds that count for one look at most: what is beyond was sleep."""


class Silence:
    """Seconds since somebody last said a word, as far as this process was awake.

    Args:
        now: seconds of a clock that never goes back.
    """

    __slots__ = ("_looked_at", "_now", "_seconds", "_words")

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._looked_at = now()
        self._words = -1
        self._seconds = 0.0

    def after(self, words: int) -> float:
        """The seconds of silence, told how many words were said until now."""
        now = self._now()
        passed = min(now - self._looked_at, MOST_PER_LOOK)
        self._looked_at = now
        self._seconds = self._seconds + passed if words == self._words else 0.0
        self._words = words
        return self._seconds


class LastResort:
    """Ends the process, with the stacks of all threads in the log, unless it is put off in time.

    It needs no interpreter lock: it also works while a library holds that. One process has one.
    """

    __slots__ = ("_log", "_seconds")

    def __init__(self, log: RunLog, seconds: float) -> None:
        self._log = log
        self._seconds = seconds

    def put_off(self) -> None:
        """Begins the time anew."""
        if math.isfinite(self._seconds):
            self._log.stacks_later(self._seconds)

    @contextlib.contextmanager
    def armed(self) -> Iterator[None]:
        """Lies in wait for the block."""
        self.put_off()
        try:
            yield
        finally:
            if math.isfinite(self._seconds):
                faulthandler.cancel_dump_traceback_later()
