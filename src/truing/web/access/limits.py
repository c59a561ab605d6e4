"""Limits: how much of one kind one visitor may ask for in a time, kept in memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from truing.domain.clock import MICROSECONDS
from truing.web.errors import TooManyError

if TYPE_CHECKING:
    from truing.domain.clock import Clock

REMEMBERED = 10_000
"""Visitors and kinds; those not seen for longest are forgotten first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A bucket that holds `burst` and fills at `per_minute`."""

    kind: str
    """What is limited, in words: `logins`."""
    burst: int
    per_minute: float


LOGINS = Limit(kind="logins", burst=8, per_minute=6)
LOGINS_OF_ONE = Limit(kind="logins under this name", burst=8, per_minute=6)
UPLOADS = Limit(kind="uploads", burst=1000, per_minute=3000)
TRAININGS = Limit(kind="starts of a training", burst=12, per_minute=12)


class Limits:
    """Counts what visitors ask for. Safe from several threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._guard = threading.Lock()
        self._left: OrderedDict[tuple[str, str], tuple[float, int]] = OrderedDict()

    def take(self, limit: Limit, who: str) -> None:
        """Counts one.

        Raises:
            TooManyError: it is one too many; the hint says when to come again.
        """
        key, now = (limit.kind, who), self._clock.now()
        rate = limit.per_minute / (60 * MICROSECONDS)
        with self._guard:
            left, then = self._left.pop(key, (float(limit.burst), now))
            left = min(limit.burst, left + max(0, now - then) * rate)
            allowed = left >= 1
            self._left[key] = (left - 1 if allowed else left, now)
            while len(self._left) > REMEMBERED:
                self._left.popitem(last=False)
        if not allowed:
            wait = max(1, round((1 - left) / rate / MICROSECONDS))
            raise TooManyError(
                f"too many {limit.kind}", hint=f"try again in {wait} s", seconds=wait
            )
