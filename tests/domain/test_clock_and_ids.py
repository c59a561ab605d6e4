"""Time never runs backwards; identifiers sort by time."""

from __future__ import annotations

import random
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truing.domain.clock import MICROSECONDS, SystemClock, from_iso, to_iso, week_of
from truing.domain.ids import Uuid7Source, uuid7


@given(st.integers(0, 4_102_444_800_000_000))
def test_iso_round_trip(instant: int) -> None:
    assert from_iso(to_iso(instant)) == instant


def test_sqlite_times_are_utc() -> None:
    assert from_iso("2026-01-03 10:00:00") == from_iso("2026-01-03T10:00:00Z")
    with pytest.raises(ValueError, match="Invalid isoformat"):
        from_iso("yesterday")


def test_the_clock_never_runs_backwards(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SystemClock()
    first = clock.now()
    monkeypatch.setattr("time.time_ns", lambda: 1_000)
    assert clock.now() == first + 1


@given(st.integers(0, (1 << 48) - 2), st.integers(0, (1 << 74) - 1), st.integers(0, (1 << 74) - 1))
def test_uuid7_is_well_formed_and_sorts_by_time(when: int, one: int, two: int) -> None:
    early, late = uuid7(when, one), uuid7(when + 1, two)
    assert early < late
    parsed = uuid.UUID(early)
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)


def test_a_source_gives_different_names() -> None:
    source = Uuid7Source(SystemClock(), random.Random(1))
    assert len({source.new() for _ in range(1000)}) == 1000


def test_weeks_begin_on_mondays() -> None:
    monday = from_iso("2024-01-01T00:00:00Z")
    assert week_of(monday) == week_of(monday + 7 * 86_400 * MICROSECONDS - 1) == "2024-01-01"
    assert week_of(monday - 1) == "2023-12-25"
    assert week_of(0) == "1969-12-29"
