"""Quota: what does not fit is refused before any of it is written, and whole things go in."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from truing import Workspace
from truing.domain.errors import FullError
from truing.domain.sample import SampleFilter
from truing.platform.files import Space
from truing.testing.factories import FrozenClock
from truing.workspace import configuring, disk, quota
from truing.workspace.quota import Admission

CLIENTS = Path(__file__).parent.parent / "data" / "clients" / "nexvision"
PICTURES = sorted((CLIENTS / "training-data").glob("session-*"))
GIB = 1 << 30


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """A new workspace; chance is fixed."""
    with Workspace.create(tmp_path / "ws", rng=random.Random(7), environ={}) as opened:
        yield opened


def limit(workspace: Workspace, left: int) -> None:
    """Sets the quota so that so many bytes are left."""
    used = disk.usage(workspace, fresh=True).used
    configuring.change(workspace, "storage.quota_gb", (used + left) / 1e9)
    workspace.admission._until = 0.0


def pair() -> dict[str, Path]:
    """Both images of a real session."""
    folder = PICTURES[0]
    return {
        "original": next(folder.glob("original-*")),
        "edited": next(folder.glob("reimagined-*")),
    }


def files_of(workspace: Workspace) -> list[str]:
    return sorted(workspace.blobs.digests())


def count(workspace: Workspace) -> int:
    return workspace.store.samples.count(SampleFilter())


def capture(workspace: Workspace) -> object:
    return workspace.capture("image_edit", raw="add snow", sampling="wholesale", **pair())


def test_a_pair_that_does_not_fit_leaves_nothing(workspace: Workspace) -> None:
    sizes = [file.stat().st_size for file in pair().values()]
    # One of both would fit.
    limit(workspace, max(sizes) + 5000)
    with pytest.raises(FullError) as raised:
        capture(workspace)
    assert "storage.quota_gb" in raised.value.message
    assert str(workspace.layout.root) in raised.value.message
    assert "truing retain" in (raised.value.hint or "")
    assert (files_of(workspace), count(workspace)) == ([], 0)
    limit(workspace, sum(sizes) + 5000)
    assert capture(workspace) is not None
    assert len(files_of(workspace)) == 2


def test_a_disk_without_room_refuses_though_there_is_no_quota(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "disk_space", lambda _: Space(total=100 * GIB, free=200 << 20))
    with pytest.raises(FullError, match="are free on the disk"):
        capture(workspace)
    assert (files_of(workspace), count(workspace)) == ([], 0)


def test_decisions_are_never_refused(workspace: Workspace) -> None:
    added = capture(workspace)
    limit(workspace, 0)
    with pytest.raises(FullError):
        capture(workspace)
    workspace.review(added.id, "accepted")
    workspace.rate(added.id, 5)
    workspace.delete(ids=[added.id])
    assert workspace.store.trash.count() == 1


def test_room_that_was_made_is_found_again(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    filler = workspace.layout.root / "filler"
    filler.write_bytes(bytes(2_000_000))
    limit(workspace, 0)
    filler.unlink()
    with pytest.raises(FullError):
        capture(workspace)  # files were looked at a moment ago
    workspace.clock = FrozenClock(workspace.clock.now() + quota.MEASURED_FOR)
    assert capture(workspace) is not None


def test_an_import_that_does_not_fit_is_refused_at_once(workspace: Workspace) -> None:
    limit(workspace, 100_000)
    with pytest.raises(FullError):
        workspace.import_from("nexvision", CLIENTS)
    assert (files_of(workspace), count(workspace)) == ([], 0)
    limit(workspace, 50_000_000)
    assert workspace.import_from("nexvision", CLIENTS).added == 27


def test_copies_in_a_source_need_room_once(workspace: Workspace) -> None:
    files = {file.read_bytes() for file in CLIENTS.rglob("*.jpg")}
    distinct = sum(len(data) for data in files)
    every = sum(file.stat().st_size for file in CLIENTS.rglob("*.jpg"))
    assert distinct < 0.9 * every
    limit(workspace, (distinct + every) // 2)
    assert workspace.import_from("nexvision", CLIENTS).added == 27


def test_what_is_here_already_needs_no_room(workspace: Workspace) -> None:
    first = workspace.import_from("nexvision", CLIENTS)
    limit(workspace, 1000)
    again = workspace.import_from("nexvision", CLIENTS)
    assert (again.added, again.skipped) == (0, first.added)


def test_an_import_that_turns_out_too_large_stops_with_whole_sessions(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("truing.loop.import_rows.BATCH", 5)
    limit(workspace, 1_500_000)
    # As with an archive, of which nobody knows beforehand how much it holds.
    monkeypatch.setattr(quota, "_bytes_below", lambda _: 0)
    with pytest.raises(FullError):
        workspace.import_from("nexvision", CLIENTS)
    stored = count(workspace)
    assert 0 < stored < 27
    assert stored % 5 == 0
    referenced = {
        medium.digest
        for sample in workspace.store.samples.iterate(SampleFilter())
        for medium in sample.media
    }
    assert set(files_of(workspace)) >= referenced
    assert all(len(one.media) == 2 for one in workspace.store.samples.iterate(SampleFilter()))
    assert all(workspace.blobs.verify(digest) for digest in referenced)
    # The batch that did not fit left no bytes behind.
    assert set(files_of(workspace)) == referenced


class Watch:
    """Seconds that go on when they are told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_the_disk_is_asked_once_a_second(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []

    def told(path: Path) -> Space:
        asked.append(path)
        return Space(total=100 * GIB, free=GIB)

    monkeypatch.setattr(disk, "disk_space", told)
    watch = Watch()
    admission = Admission(workspace, watch)
    for _ in range(50):
        with admission.admit(1000):
            pass
    assert len(asked) == 1
    watch.seconds = 1.5
    with admission.admit(1000):
        pass
    assert len(asked) == 2


def test_threads_together_admit_no_more_than_fits(workspace: Workspace) -> None:
    limit(workspace, 100_000)
    folder = workspace.layout.blobs / "sha256" / "ab"
    folder.mkdir(parents=True)
    admission = Admission(workspace)
    admitted: list[int] = []

    def ask() -> None:
        for _ in range(10):
            try:
                # Written, but no sample has come of it yet.
                with admission.admit(3000):
                    admitted.append(3000)
                    (folder / f"{threading.get_ident()}-{len(admitted)}").write_bytes(bytes(3000))
            except FullError:
                return

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 90_000 <= sum(admitted) <= 100_000


def test_what_was_admitted_counts_while_it_is_written(workspace: Workspace) -> None:
    limit(workspace, 100_000)
    watch = Watch()
    admission = Admission(workspace, watch)
    with admission.admit(60_000):
        watch.seconds = 5.0
        with pytest.raises(FullError), admission.admit(60_000):
            pytest.fail("it does not fit")
    # It was never written, such as a medium that was here already.
    with admission.admit(60_000):
        (workspace.layout.root / "arrived").write_bytes(bytes(60_000))
    watch.seconds = 9.0
    with pytest.raises(FullError), admission.admit(60_000):
        pytest.fail("it does not fit")


def test_the_log_warns_of_a_quota_that_fills_up(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    logger = logging.getLogger("truing")
    logger.addHandler(caplog.handler)
    try:
        limit(workspace, 20_000)
        configuring.change(workspace, "storage.warn_share", 0.2)
        watch = Watch()
        admission = Admission(workspace, watch)
        for seconds in (0.0, 60.0, 3700.0):
            watch.seconds = seconds
            with admission.admit(1):
                pass
    finally:
        logger.removeHandler(caplog.handler)
    told = [line for line in caplog.messages if "storage.quota_gb allows" in line]
    assert len(told) == 2


def test_two_programs_learn_of_each_other(workspace: Workspace) -> None:
    limit(workspace, 400_000)
    with Workspace.open(workspace.layout.root, environ={}) as other:
        first, second = Admission(workspace, Watch()), Admission(other, watch := Watch())
        size = sum(file.stat().st_size for file in pair().values())
        with second.admit(1):
            pass
        with first.admit(size):
            capture(workspace)
        watch.seconds = 2.0
        with pytest.raises(FullError), second.admit(400_000 - size):
            pytest.fail("it does not fit")
