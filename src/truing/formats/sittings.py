"""Sessions of rows that name none: what came shortly after one another belongs together."""

from __future__ import annotations

from truing.domain.clock import MICROSECONDS, to_iso


class Sittings:
    """Names each row's session after the first row of its sitting.

    Args:
        source: what the names begin with.
        gap_minutes: between two rows, after which another sitting begins.
    """

    def __init__(self, source: str, gap_minutes: float = 30.0) -> None:
        self._source, self._gap = source, round(gap_minutes * 60 * MICROSECONDS)
        self._last: int | None = None
        self._name: str | None = None

    def of(self, instant: int | None) -> str | None:
        """The session of a row captured at that instant, in microseconds since 1970."""
        if instant is None:
            return self._name
        if self._last is None or abs(instant - self._last) > self._gap:
            self._name = f"{self._source}-{to_iso(instant)}"
        self._last = instant
        return self._name
