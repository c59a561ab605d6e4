"""What every blob store must do: subclass `BlobConformance` in a test module.

    class TestMyBlobs(BlobConformance):
        @pytest.fixture
        def blobs(self, tmp_path, clock):
            return LocalBlobs(tmp_path / "blobs", clock=clock)

The clock is far ahead of the machine's own when a test says so: that is how blobs grow old.
"""

# ruff: noqa: D102 - the names of the tests say what they show

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from truing.domain.clock import SystemClock
from truing.domain.digest import digest_bytes
from truing.domain.errors import InvalidInputError, NotFoundError
from truing.domain.ports import Blobs
from truing.testing.factories import FrozenClock, make_digest

DAY = 24 * 3600.0


class BlobConformance:
    """Every method of the port."""

    @pytest.fixture
    def clock(self) -> FrozenClock:
        """Starts at the machine's own time."""
        return FrozenClock(SystemClock().now())

    @pytest.fixture
    def blobs(self, clock: FrozenClock) -> Blobs:
        """An empty blob store that asks `clock` how old a blob is; override it."""
        raise NotImplementedError

    @pytest.mark.parametrize("data", [b"", b"\0", b"sound" * 50_000])
    def test_bytes_come_back(self, blobs: Blobs, data: bytes) -> None:
        digest = blobs.put(data)
        assert digest == digest_bytes(data)
        assert blobs.read(digest) == data
        assert blobs.path(digest).read_bytes() == data
        with blobs.open(digest) as stream:
            assert stream.read() == data
        assert blobs.exists(digest)
        assert blobs.verify(digest)
        assert list(blobs.digests()) == [digest]

    def test_the_same_bytes_are_kept_once(self, blobs: Blobs, tmp_path: Path) -> None:
        given = tmp_path / "given.wav"
        given.write_bytes(b"sound")
        assert blobs.put(b"sound") == blobs.put(b"sound") == blobs.put_file(given)
        assert len(list(blobs.digests())) == 1
        assert given.read_bytes() == b"sound"

    def test_a_file_is_kept(self, blobs: Blobs, tmp_path: Path) -> None:
        given = tmp_path / "given.wav"
        given.write_bytes(bytes(range(256)) * 10_000)
        digest = blobs.put_file(given)
        assert blobs.read(digest) == given.read_bytes()
        with pytest.raises(NotFoundError):
            blobs.put_file(tmp_path / "missing.wav")

    def test_mending_puts_what_a_file_holds(self, blobs: Blobs, tmp_path: Path) -> None:
        path = tmp_path / "good"
        path.write_bytes(b"good sound")
        assert not blobs.exists(digest_bytes(b"good sound"))
        digest = blobs.mend(path)
        assert blobs.mend(path) == digest == blobs.put(b"good sound")
        assert blobs.read(digest) == b"good sound"
        assert blobs.verify(digest)
        with pytest.raises(NotFoundError):
            blobs.mend(tmp_path / "nothing")

    def test_what_is_not_there_is_not_found(self, blobs: Blobs) -> None:
        unknown = make_digest("unknown")
        for look in (blobs.open, blobs.read, blobs.path):
            with pytest.raises(NotFoundError, match=unknown):
                look(unknown)
        assert not blobs.exists(unknown)
        assert not blobs.verify(unknown)
        assert not blobs.delete(unknown)
        assert list(blobs.digests()) == []

    @pytest.mark.parametrize(
        "name",
        [
            "",
            "sha256:",
            "sha256:../../../etc/passwd",
            "md5:" + "0" * 64,
            "SHA256:" + "0" * 64,
            "sha256:" + "0" * 63,
            "sha256:" + "0" * 65,
            "sha256:" + "g" * 64,
            "sha256:" + "0" * 64 + "\n",
        ],
    )
    def test_what_is_no_digest_is_refused(self, blobs: Blobs, name: str) -> None:
        for look in (blobs.open, blobs.read, blobs.path, blobs.exists, blobs.delete, blobs.verify):
            with pytest.raises(InvalidInputError):
                look(name)

    def test_a_deleted_blob_is_gone(self, blobs: Blobs) -> None:
        digest = blobs.put(b"sound")
        other = blobs.put(b"other")
        assert blobs.delete(digest)
        assert not blobs.delete(digest)
        assert list(blobs.digests()) == [other]
        assert blobs.put(b"sound") == digest
        assert blobs.read(digest) == b"sound"

    def test_what_nothing_needs_is_discarded(self, blobs: Blobs) -> None:
        gone, kept = blobs.put(b"sound"), blobs.put(b"other")
        unknown = make_digest("unknown")
        assert blobs.discard([gone, kept, unknown, gone], {kept}.intersection) == [gone]
        assert list(blobs.digests()) == [kept]
        assert blobs.discard([], {kept}.intersection) == []
        with pytest.raises(InvalidInputError):
            blobs.discard(["sha256:../../../etc/passwd"], {kept}.intersection)

    def test_threads_putting_the_same_bytes(self, blobs: Blobs) -> None:
        with ThreadPoolExecutor(8) as pool:
            digests = set(pool.map(lambda n: blobs.put(b"%d" % (n % 5)), range(60)))
        assert list(blobs.digests()) == sorted(digests)
        assert len(digests) == 5
        assert all(blobs.verify(digest) for digest in digests)

    def test_old_orphans_are_collected(self, blobs: Blobs, clock: FrozenClock) -> None:
        kept, orphan = blobs.put(b"kept"), blobs.put(b"orphan")
        assert blobs.collect_orphans([kept], older_than=DAY) == 0
        assert list(blobs.orphans([kept], older_than=DAY)) == []
        clock.advance(2 * DAY)
        assert list(blobs.orphans([kept], older_than=DAY)) == [(orphan, 6)]
        assert blobs.collect_orphans([kept, make_digest("unknown")], older_than=DAY) == 1
        assert not blobs.exists(orphan)
        assert blobs.read(kept) == b"kept"

    def test_collecting_in_an_empty_store(self, blobs: Blobs) -> None:
        assert blobs.collect_orphans([], older_than=0) == 0

    def test_blobs_put_together_are_there_when_the_block_ends(self, blobs: Blobs) -> None:
        known = blobs.put(b"known")
        with blobs.together():
            digests = [blobs.put(b"%d" % (number % 40)) for number in range(50)]
            digests.append(blobs.put(b"known"))
        assert digests[-1] == known
        assert [blobs.read(digest) for digest in digests[:3]] == [b"0", b"1", b"2"]
        assert set(blobs.digests()) == set(digests)
        assert blobs.put(b"alone") in set(blobs.digests())

    def test_a_block_that_fails_loses_nothing_that_was_there(self, blobs: Blobs) -> None:
        known = blobs.put(b"known")

        def put_and_fail() -> None:
            with blobs.together():
                blobs.put(b"known")
                blobs.put(b"other")
                raise ValueError("enough")

        with pytest.raises(ValueError, match="enough"):
            put_and_fail()
        assert blobs.read(known) == b"known"
        assert blobs.read(blobs.put(b"other")) == b"other"
