"""Time as an argument: a clock gives whole microseconds since 1970 in UTC.

Instants are stored as integers, so that they sort, compare and hash the same in every database;
people see ISO 8601 with a trailing `Z`.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol

MICROSECONDS = 1_000_000
_WEEK = 7 * 24 * 3600 * MICROSECONDS
_MONDAY = 4 * 24 * 3600 * MICROSECONDS
"""1970-01-05, the first Monday: weeks are counted from it."""


class Clock(Protocol):
    """Anything that tells the time in microseconds since 1970-01-01T00:00:00Z."""

    def now(self) -> int:
        """The present instant in microseconds."""
        ...


class SystemClock:
    """The machine's clock, never running backwards within one process."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last = 0

    def now(self) -> int:
        """The present instant; when the machine's clock is set back, the last one plus 1 µs."""
        self._last = max(time.time_ns() // 1000, self._last + 1)
        return self._last


def to_iso(instant: int) -> str:
    """`1700000000123456` -> `2023-11-14T22:13:20.123456Z` (no fraction when it is zero)."""
    seconds, fraction = divmod(instant, MICROSECONDS)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{fraction:06d}Z" if fraction else f"{text}Z"


def week_of(instant: int) -> str:
    """The first day, a Monday, of an instant's week (UTC), such as `2026-01-05`."""
    return to_iso((instant - _MONDAY) // _WEEK * _WEEK + _MONDAY)[: len("2026-01-05")]


def from_iso(text: str) -> int:
    """Reads ISO 8601 or SQLite's `YYYY-MM-DD HH:MM:SS`; a time without a zone is UTC.

    Raises:
        ValueError: the text is no date.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    whole = int(moment.replace(microsecond=0).timestamp())
    return whole * MICROSECONDS + moment.microsecond
