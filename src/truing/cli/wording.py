"""Wording: figures as people read them."""

from __future__ import annotations

from collections.abc import Sequence

from truing.domain.clock import MICROSECONDS, to_iso
from truing.domain.consent import PERSON, Consent

UNITS = ("B", "KB", "MB", "GB", "TB")


def basis(consent: Consent) -> str:
    """Why samples are kept: `everybody in them agreed`, or the operator's reason."""
    if consent.basis == PERSON:
        return "everybody in them agreed"
    return f"the operator says: {consent.reason}"


def percent(value: object) -> str | None:
    """`0.1234` -> `12.3 %`."""
    return f"{100 * value:.1f} %" if isinstance(value, (int, float)) else None


def percents(ends: object) -> str | None:
    """An interval: `9.1 % to 15.8 %`."""
    if not isinstance(ends, Sequence) or len(ends) != 2:
        return None
    return f"{percent(ends[0])} to {percent(ends[1])}"


def points(value: float) -> str:
    """A difference of two rates in hundredths: `-3.1 points`."""
    return f"{100 * value:+.1f} points"


def p_value(value: object) -> str | None:
    """`0.0312` -> `0.031`, and `< 0.0001` below that."""
    if not isinstance(value, (int, float)):
        return None
    return "< 0.0001" if value < 1e-4 else f"{value:.2g}"


def confidence(value: float | None) -> str | None:
    """`0.8734` -> `0.87`."""
    return None if value is None else f"{value:.2f}"


def length(value: float | None) -> str | None:
    """Seconds of sound: `2.4 s`, `3:05 min`."""
    if value is None:
        return None
    return f"{value:.1f} s" if value < 60 else f"{int(value) // 60}:{int(value) % 60:02d} min"


def when(instant: int | None) -> str | None:
    """An instant to the minute, UTC: `2026-03-31 18:05`."""
    return None if instant is None else to_iso(instant)[:16].replace("T", " ")


def took(start: int | None, end: int | None) -> str | None:
    """The time between two instants: `42 s`, `3 min 05 s`."""
    from truing.jobs.pace import spoken

    return None if start is None or end is None else spoken((end - start) / MICROSECONDS)


def about(seconds: float | None) -> str | None:
    """A time to come: `about 3 min 05 s`."""
    from truing.jobs.pace import spoken

    return None if seconds is None else f"about {spoken(seconds)}"


def size(count: int) -> str:
    """Bytes: `1.2 MB`."""
    value, unit = float(count), UNITS[0]
    for unit in UNITS:
        if value < 1000 or unit == UNITS[-1]:
            break
        value /= 1000
    return f"{value:.0f} {unit}" if unit == UNITS[0] else f"{value:.1f} {unit}"


def several(count: int, one: str, many: str | None = None) -> str:
    """`1 sample`, `2 samples`."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def listed(items: Sequence[object], most: int = 10) -> str:
    """`a, b, c and 4 more`."""
    named = ", ".join(str(one) for one in items[:most])
    return f"{named} and {len(items) - most} more" if len(items) > most else named


def iso(instant: int | None) -> str | None:
    """An instant in full for programs, None stays None."""
    return None if instant is None else to_iso(instant)
