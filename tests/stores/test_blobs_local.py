"""Blobs in a folder: the conformance suite, the order of writing, crashes, races."""

import errno
import itertools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from truing.domain.digest import digest_bytes
from truing.domain.errors import ConflictError, DamagedError, UnavailableError
from truing.stores import blobs_local
from truing.stores.blobs_local import LocalBlobs
from truing.testing.blob_conformance import DAY, BlobConformance
from truing.testing.factories import FrozenClock


class TestLocalBlobs(BlobConformance):
    @pytest.fixture
    def blobs(self, tmp_path: Path, clock: FrozenClock) -> LocalBlobs:
        return LocalBlobs(tmp_path / "blobs", clock=clock)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "blobs"


@pytest.fixture
def blobs(folder: Path) -> LocalBlobs:
    return LocalBlobs(folder)


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_blob_lies_under_its_digest(folder: Path, blobs: LocalBlobs) -> None:
    digest = blobs.put(b"sound").removeprefix("sha256:")
    assert files(folder) == [folder / "sha256" / digest[:2] / digest[2:]]


def record(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What reaches the disk, in order: file syncs, renames, folder syncs."""
    steps: list[tuple[str, str]] = []

    def watch(name: str, told: Callable[..., str]) -> None:
        real = getattr(blobs_local, name)

        def watched(*given: Any) -> None:
            real(*given)
            steps.append((name, told(*given)))

        monkeypatch.setattr(blobs_local, name, watched)

    watch("sync_file", lambda _fd: "draft")
    watch("replace", lambda _source, target: Path(target).name)
    watch("sync_folder", lambda path: Path(path).name)
    watch("make_folder", lambda path: path.name)
    return steps


def test_the_order_of_writing(
    folder: Path, blobs: LocalBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = record(monkeypatch)
    first = blobs.put(b"sound").removeprefix("sha256:")
    assert steps == [
        # Every new folder's parent first, so that what is synced later can be reached.
        ("make_folder", first[:2]),
        ("sync_file", "draft"),
        ("replace", first[2:]),
        ("sync_folder", first[:2]),
    ]
    same = next(
        data
        for data in (b"%d" % number for number in itertools.count())
        if digest_bytes(data).startswith(f"sha256:{first[:2]}")
    )
    steps.clear()
    second = blobs.put(same).removeprefix("sha256:")
    assert steps == [
        ("sync_file", "draft"),
        ("replace", second[2:]),
        ("sync_folder", second[:2]),
    ]
    steps.clear()
    # Another process may have renamed it and not come to sync the folder.
    blobs.put(same)
    assert steps == [("sync_folder", second[:2])]


def test_damaged_bytes_are_noticed(blobs: LocalBlobs) -> None:
    digest = blobs.put(b"sound")
    blobs.path(digest).write_bytes(b"noise")
    assert not blobs.verify(digest)
    with pytest.raises(DamagedError, match=digest):
        blobs.read(digest)


def test_a_blob_cut_short_is_written_again(blobs: LocalBlobs) -> None:
    digest = blobs.put(b"sound")
    blobs.path(digest).write_bytes(b"sou")
    blobs.put(b"sound")
    assert blobs.read(digest) == b"sound"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO])
@pytest.mark.parametrize("step", ["sync_file", "replace"])
def test_a_disk_that_refuses_leaves_nothing(
    folder: Path, blobs: LocalBlobs, monkeypatch: pytest.MonkeyPatch, code: int, step: str
) -> None:
    kept = blobs.put(b"kept")

    def refuse(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(blobs_local, step, refuse)
    with pytest.raises(UnavailableError) as raised:
        blobs.put(b"sound" * 100)
    assert raised.value.hint
    assert ("no space" in raised.value.message) == (code in (errno.ENOSPC, errno.EDQUOT))
    assert [path.name for path in files(folder)] == [kept[9:]]
    monkeypatch.undo()
    assert blobs.read(blobs.put(b"sound" * 100)) == b"sound" * 100


_FULL = """
import resource, sys
from pathlib import Path
from truing.domain.errors import UnavailableError
from truing.stores.blobs_local import LocalBlobs
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
blobs = LocalBlobs(Path(sys.argv[1]))
kept = blobs.put(b"small")
try:
    blobs.put(b"x" * 200_000)
except UnavailableError as error:
    print(error.message)
assert list(blobs.digests()) == [kept]
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no file size limits there")
def test_a_write_that_stops_half_way_leaves_nothing(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _FULL, str(folder)], capture_output=True, text=True, check=True
    )
    assert "cannot be used" in done.stdout
    assert len(files(folder)) == 1


def test_a_file_that_changes_while_it_is_read_is_refused(
    folder: Path, blobs: LocalBlobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = tmp_path / "growing.wav"
    given.write_bytes(b"sound")
    real = blobs_local.digest_file

    def read_then_grow(path: Path) -> str:
        digest = real(path)
        path.write_bytes(b"sound and more")
        return digest

    monkeypatch.setattr(blobs_local, "digest_file", read_then_grow)
    with pytest.raises(ConflictError, match="changed while"):
        blobs.put_file(given)
    assert files(folder) == []


def test_stale_temporary_files_are_collected(
    folder: Path, blobs: LocalBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = blobs.put(b"kept")
    stale = blobs.path(digest).with_name(".tmp-1-abc")
    stale.write_bytes(b"half")
    unknown = blobs.path(digest).with_name("notes.txt")
    unknown.write_text("mine", encoding="utf-8")
    assert list(blobs.digests()) == [digest]
    assert blobs.collect_orphans([digest], older_than=DAY) == 0
    clock = FrozenClock(round((stale.stat().st_mtime + 2 * DAY) * 1e6))
    later = LocalBlobs(folder, clock=clock)
    assert later.collect_orphans([digest], older_than=DAY) == 1
    assert files(folder) == sorted([blobs.path(digest), unknown])


def test_a_blob_put_again_is_young(folder: Path, blobs: LocalBlobs) -> None:
    digest = blobs.put(b"sound")
    os.utime(blobs.path(digest), (0, 0))
    blobs.put(b"sound")
    assert blobs.collect_orphans([], older_than=DAY) == 0
    os.utime(blobs.path(digest), (0, 0))
    assert blobs.collect_orphans([], older_than=DAY) == 1


def test_a_blob_put_again_while_it_is_collected_comes_back(
    folder: Path, blobs: LocalBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = blobs.put(b"sound")
    target = blobs.path(digest)
    os.utime(target, (0, 0))
    real = blobs_local.replace

    def put_again_then_rename(source: Path, doomed: Path) -> None:
        monkeypatch.setattr(blobs_local, "replace", real)
        assert blobs.put(b"sound") == digest
        real(source, doomed)

    monkeypatch.setattr(blobs_local, "replace", put_again_then_rename)
    assert blobs.collect_orphans([], older_than=DAY) == 0
    assert blobs.read(digest) == b"sound"
    assert files(folder) == [target]


def test_what_is_needed_by_then_comes_back(folder: Path, blobs: LocalBlobs) -> None:
    gone, kept = blobs.put(b"gone"), blobs.put(b"kept")
    answers = iter([set(), {kept}])
    assert blobs.discard([gone, kept], lambda _: next(answers)) == [gone]
    assert blobs.read(kept) == b"kept"
    assert [one.name for one in folder.rglob(".*")] == []


def test_what_a_crash_has_put_aside_goes(folder: Path, blobs: LocalBlobs) -> None:
    digest = blobs.put(b"gone")

    def crash(_: object) -> set[str]:
        if blobs.exists(digest):
            return set()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        blobs.discard([digest], crash)
    assert not blobs.exists(digest)
    assert blobs.discard([digest], lambda _: set()) == [digest]
    assert [one for one in folder.rglob("*") if one.is_file()] == []


def test_a_blob_put_after_it_was_taken_away_is_written_anew(
    blobs: LocalBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = blobs.put(b"sound")
    os.utime(blobs.path(digest), (0, 0))
    real = blobs_local.replace

    def rename_then_put(source: Path, doomed: Path) -> None:
        monkeypatch.setattr(blobs_local, "replace", real)
        real(source, doomed)
        assert blobs.put(b"sound") == digest

    monkeypatch.setattr(blobs_local, "replace", rename_then_put)
    assert blobs.collect_orphans([], older_than=DAY) == 1
    assert blobs.read(digest) == b"sound"


_PUT = """
import sys
from pathlib import Path
from truing.stores.blobs_local import LocalBlobs
blobs = LocalBlobs(Path(sys.argv[1]))
for number in range(10**9):
    print(blobs.put(b"%d" % number * 20_000), flush=True)
"""


def test_what_was_acknowledged_survives_a_kill(folder: Path) -> None:
    command = [sys.executable, "-c", _PUT, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        acknowledged = [child.stdout.readline().strip() for _ in range(15)]
        child.kill()
        acknowledged += [line.strip() for line in child.stdout if line.endswith("\n")]
    blobs = LocalBlobs(folder)
    assert all(blobs.verify(digest) for digest in acknowledged)
    assert all(blobs.verify(digest) for digest in blobs.digests())


def test_a_blob_put_twice_in_a_batch_is_written_once(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path / "blobs")
    with blobs.together():
        digest = blobs.put(b"original")
        assert blobs.put(b"original") == digest
        (draft,) = (one for one in (tmp_path / "blobs").rglob("*") if one.is_file())
        assert draft.name.startswith(".tmp-")
    assert blobs.read(digest) == b"original"
    # The next batch knows nothing of the last one.
    blobs.delete(digest)
    with blobs.together():
        blobs.put(b"original")
    assert blobs.read(digest) == b"original"
