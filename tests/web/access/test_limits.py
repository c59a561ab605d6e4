"""Limits: a burst is let through, then as much as fills up again, for each visitor apart."""

from __future__ import annotations

import pytest

from truing.testing.factories import FrozenClock
from truing.web.access import limits
from truing.web.access.limits import Limit, Limits
from truing.web.errors import TooManyError

LIMIT = Limit(kind="knocks", burst=3, per_minute=60)


def test_a_burst_then_as_much_as_fills_up() -> None:
    clock = FrozenClock()
    held = Limits(clock)
    for _ in range(3):
        held.take(LIMIT, "ann")
    with pytest.raises(TooManyError, match="knocks") as told:
        held.take(LIMIT, "ann")
    assert told.value.seconds == 1
    clock.advance(1)
    held.take(LIMIT, "ann")
    with pytest.raises(TooManyError):
        held.take(LIMIT, "ann")
    clock.advance(3600)
    for _ in range(3):
        held.take(LIMIT, "ann")
    with pytest.raises(TooManyError):
        held.take(LIMIT, "ann")


def test_visitors_and_kinds_are_counted_apart() -> None:
    held = Limits(FrozenClock())
    other = Limit(kind="rings", burst=3, per_minute=60)
    for _ in range(3):
        held.take(LIMIT, "ann")
        held.take(LIMIT, "bob")
        held.take(other, "ann")
    with pytest.raises(TooManyError):
        held.take(LIMIT, "ann")


def test_a_clock_set_back_gives_nothing() -> None:
    clock = FrozenClock()
    held = Limits(clock)
    for _ in range(3):
        held.take(LIMIT, "ann")
    clock.advance(-3600)
    with pytest.raises(TooManyError):
        held.take(LIMIT, "ann")


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REMEMBERED", 10)
    held = Limits(FrozenClock())
    for number in range(100):
        held.take(LIMIT, str(number))
    assert len(held._left) == 10
