"""Disk: what is taken, what is left, when it is full, and who is warned."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from truing import Workspace
from truing.domain.clock import MICROSECONDS
from truing.platform.files import Space
from truing.testing.factories import START, FrozenClock, make_media, make_sample
from truing.workspace import configuring, disk, housekeeping
from truing.workspace.keeping import doctor
from truing.workspace.next_steps import Kind, next_steps

DAY = 86_400 * MICROSECONDS
GB = 10**9
GIB = 1 << 30


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(START + 400 * DAY)


@pytest.fixture
def workspace(tmp_path: Path, clock: FrozenClock) -> Iterator[Workspace]:
    """An empty workspace whose clock stands still."""
    with Workspace.create(tmp_path / "ws", clock=clock, environ={}) as opened:
        yield opened


@pytest.fixture
def space(monkeypatch: pytest.MonkeyPatch) -> list[Space]:
    """The disk as the system tells it: `space[0] = Space(…)`."""
    told = [Space(total=100 * GIB, free=60 * GIB)]
    monkeypatch.setattr(disk, "disk_space", lambda _: told[0])
    return told


def add(workspace: Workspace, days: float, size: int) -> None:
    """A sample that came so many days ago, without its bytes."""
    at = workspace.clock.now() - int(days * DAY)
    media = (make_media(at, size=size),)
    workspace.store.samples.add([make_sample(added_at=at, media=media)])


def checks(workspace: Workspace) -> dict[str, tuple[bool, bool, str]]:
    return {one.name: (one.ok, one.warns, one.says) for one in doctor(workspace)}


# --- what is taken -------------------------------------------------------------------------------


def test_the_parts_of_a_workspace_add_up(workspace: Workspace) -> None:
    root = workspace.layout.root
    workspace.blobs.put(b"x" * 5000)
    for place, size in (("models/speech/1/m", 300), ("runs/1/log", 20), ("exports/a/b", 7)):
        (root / place).parent.mkdir(parents=True)
        (root / place).write_bytes(bytes(size))
    found = disk.disk_use(workspace.layout)
    whole = sum(one.stat().st_size for one in root.rglob("*") if one.is_file())
    assert (found["media"], found["models"], found["runs"]) == (5000, 300, 20)
    assert found["total"] == whole
    assert found["other"] == whole - found["database"] - 5320
    assert found["database"] >= workspace.layout.database.stat().st_size


def test_usage_looks_at_files_once_and_counts_what_came_since(workspace: Workspace) -> None:
    configuring.change(workspace, "storage.quota_gb", 1.0)
    first = disk.usage(workspace)
    (workspace.layout.root / "exports").mkdir(exist_ok=True)
    (workspace.layout.root / "exports" / "big").write_bytes(bytes(200_000))
    add(workspace, 0, 40_000)
    second = disk.usage(workspace)
    assert second.measured_at == first.measured_at
    assert 40_000 < second.used - first.used < 44_000
    assert second.quota == GB
    third = disk.usage(workspace, fresh=True)
    assert third.used >= first.used + 200_000
    # What the files said counts now, and only what comes from here on is added.
    assert disk.usage(workspace).used == third.used


@pytest.mark.parametrize("held", [b"", b"[]", b'{"at": 1}', b'{"at": "x", "parts": {}}', b"\xff"])
def test_a_spoilt_memory_is_made_anew(workspace: Workspace, held: bytes) -> None:
    disk.usage(workspace)
    place = workspace.layout.root / "cache" / "disk.json"
    place.write_bytes(held)
    assert disk.usage(workspace).parts["total"] > 0
    assert place.read_bytes() != held


def test_what_is_left_is_the_least_of_quota_and_disk(workspace: Workspace, space) -> None:
    found = disk.usage(workspace)
    assert (found.quota, found.by_quota) == (None, False)
    assert found.room == 60 * GIB - disk.RESERVE
    configuring.change(workspace, "storage.quota_gb", 1.0)
    found = disk.usage(workspace)
    assert (found.by_quota, found.room) == (True, GB - found.used)
    space[0] = Space(total=100 * GIB, free=GIB // 2)
    assert disk.usage(workspace).room == GIB // 2 - disk.RESERVE
    # Of a small disk only a share is kept.
    space[0] = Space(total=10_000_000, free=600_000)
    assert disk.usage(workspace).room == 100_000
    space[0] = Space(total=10_000_000, free=400_000)
    assert disk.usage(workspace).room == 0


# --- when it is full -----------------------------------------------------------------------------


def test_a_forecast_goes_on_as_the_last_weeks_did(workspace: Workspace, space) -> None:
    assert disk.forecast(workspace).days is None
    for day in range(28):
        add(workspace, day, 10_000_000)
    add(workspace, 200, 10**12)
    found = disk.forecast(workspace)
    assert found.per_day == pytest.approx(10_000_000, rel=0.001)
    assert found.days == pytest.approx(found.room / 10_000_000, rel=0.001)
    assert found.full_at == workspace.clock.now() + int(found.days * DAY)
    assert len(found.weeks) == 4
    assert all(size == pytest.approx(70_000_000, rel=0.001) for _, size in found.weeks)
    weeks = [week for week, _ in found.weeks]
    assert weeks == sorted(weeks)
    configuring.change(workspace, "storage.quota_gb", 1.0)
    found = disk.forecast(workspace)
    assert found.by_quota
    # The years before count against the quota, not in what comes in a day.
    assert (found.room, found.days) == (0, 0.0)


def test_what_came_on_one_day_is_no_daily_rate(workspace: Workspace) -> None:
    add(workspace, 0, 70_000_000)
    found = disk.forecast(workspace)
    assert found.per_day == pytest.approx(10_000_000, rel=0.001)
    assert [size > 0 for _, size in found.weeks] == [False, False, False, True]


def test_a_forecast_of_ages_is_none(workspace: Workspace, space) -> None:
    space[0] = Space(total=10**15, free=10**15)
    add(workspace, 1, 10)
    found = disk.forecast(workspace)
    assert found.per_day > 0
    assert (found.days, found.full_at) == (None, None)


# --- who is warned -------------------------------------------------------------------------------


def test_nobody_is_warned_while_there_is_room(workspace: Workspace, space) -> None:
    configuring.change(workspace, "storage.quota_gb", 1.0)
    assert disk.usage(workspace).warnings == []
    assert checks(workspace)["disk"] == (True, False, "60.0 GiB free")
    assert checks(workspace)["quota"][:2] == (True, False)
    assert Kind.MAKE_ROOM not in [step.kind for step in next_steps(workspace)]


def test_a_disk_that_fills_up_is_told_everywhere(workspace: Workspace, space) -> None:
    space[0] = Space(total=100 * GIB, free=20 * GIB)
    (warning,) = disk.usage(workspace).warnings
    assert warning == "the disk is 80% full: 21 GB are free"
    assert checks(workspace)["disk"] == (True, True, "20.0 GiB free, 80% full")
    step = next_steps(workspace)[0]
    assert (step.kind, step.command) == (Kind.MAKE_ROOM, "truing retain")
    assert "The disk is 80% full" in step.detail
    space[0] = Space(total=100 * GIB, free=GIB)
    assert checks(workspace)["disk"][0] is False


def test_a_quota_that_fills_up_is_told_everywhere(workspace: Workspace, space) -> None:
    configuring.change(workspace, "storage.quota_gb", 0.01)
    used = disk.usage(workspace, fresh=True).used
    (workspace.layout.root / "filler").write_bytes(bytes(8_520_000 - used))
    assert disk.usage(workspace, fresh=True).used == pytest.approx(8_520_000, rel=0.01)
    (warning,) = disk.usage(workspace).warnings
    assert "9 MB of the 10 MB that storage.quota_gb allows (85%)" in warning
    assert checks(workspace)["quota"] == (True, True, "9 MB of 10 MB are taken (85%)")
    assert next_steps(workspace)[0].kind is Kind.MAKE_ROOM
    configuring.change(workspace, "storage.warn_share", 0.9)
    assert disk.usage(workspace).warnings == []
    (workspace.layout.root / "filler").write_bytes(bytes(12_000_000))
    ok, _, says = checks(workspace)["quota"]
    assert not ok
    assert says.endswith("nothing more is taken in")


def test_whoever_keeps_house_warns_in_the_log_when_files_are_looked_at(
    workspace: Workspace, clock: FrozenClock, space, caplog: pytest.LogCaptureFixture
) -> None:
    logger = logging.getLogger("truing")
    logger.addHandler(caplog.handler)
    try:
        housekeeping.due(workspace)
        assert "disk is" not in caplog.text
        space[0] = Space(total=100 * GIB, free=10 * GIB)
        housekeeping.due(workspace)
        assert "disk is" not in caplog.text
        clock.advance(6 * 3600 + 1)
        housekeeping.due(workspace)
        assert "the disk is 90% full" in caplog.text
    finally:
        logger.removeHandler(caplog.handler)
