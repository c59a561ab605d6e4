"""The file of an archive: what went in comes out, and nothing that a stranger put there."""

from __future__ import annotations

import hashlib
import json
import lzma
import resource
import tarfile
import tracemalloc
from pathlib import Path

import pytest

from truing.domain.archive import Packed
from truing.domain.errors import ConflictError, DamagedError, InvalidInputError, UnavailableError
from truing.stores.archive_file import KIND, ROWS, opened_archive, write
from truing.stores.blobs_local import LocalBlobs
from truing.stores.bundle_file import written

HEAD = {"name": "old", "created_at": "2026-01-01T00:00:00Z", "samples": 2}
PLAIN = b"the same again " * 20_000
NOISE = bytes(hashlib.sha256(b"%d" % n).digest()[0] for n in range(50_000))


def packed(uid: str, *digests: str) -> Packed:
    """A sample with these media; the file looks at no more of it."""
    media = ",".join(f'{{"digest":"{one}"}}' for one in digests)
    return Packed(
        sample={"id": 1, "uid": uid, "document": f'{{"media":[{media}]}}', "subject": None},
        contact="zoë@example.org",
    )


@pytest.fixture
def blobs(tmp_path: Path) -> LocalBlobs:
    """An empty store."""
    return LocalBlobs(tmp_path / "blobs")


def test_what_goes_in_comes_out_and_what_shrinks_is_small(
    blobs: LocalBlobs, tmp_path: Path
) -> None:
    plain, noise = blobs.put(PLAIN), blobs.put(NOISE)
    rows = [packed("a", plain, noise), packed("b", noise)]
    place = tmp_path / "old.tar"
    made = write(place, HEAD, rows, blobs)
    assert made.media_bytes == len(PLAIN) + len(NOISE)
    assert len(NOISE) < made.size < len(NOISE) + 20_000
    with opened_archive(place) as there:
        there.check()
        assert there.packed() == rows
        assert (there.digest, there.size) == (made.digest, made.size)
        folder = tmp_path / "out"
        folder.mkdir()
        found = {one: file.read_bytes() for one, file in there.blobs(lambda _: True, folder)}
    assert found == {plain: PLAIN, noise: NOISE}
    assert list(folder.iterdir()) == []
    with tarfile.open(place) as tar:
        names = tar.getnames()
    assert names[1] == ROWS
    assert f"blobs/{noise[7:]}" in names
    assert f"blobs/{plain[7:]}.{len(PLAIN)}.xz" in names
    with pytest.raises(ConflictError):
        write(place, HEAD, rows, blobs)


def test_a_rewritten_archive_holds_what_was_kept_and_tells_what_it_was(
    blobs: LocalBlobs, tmp_path: Path
) -> None:
    plain, noise = blobs.put(PLAIN), blobs.put(NOISE)
    rows = [packed("a", plain), packed("b", noise)]
    place = tmp_path / "old.tar"
    first = write(place, HEAD, rows, blobs)
    with opened_archive(place) as there:
        again = there.rewrite(place, rows[:1])
    assert NOISE not in place.read_bytes()
    with opened_archive(place) as there:
        there.check()
        assert there.packed() == rows[:1]
        assert (there.digest, there.follows) == (again.digest, (first.digest,))
        assert (there.head["name"], there.head["samples"]) == ("old", 1)
    assert [one.name for one in tmp_path.iterdir() if one.name != "blobs"] == ["old.tar"]


def test_equal_samples_give_equal_bytes(blobs: LocalBlobs, tmp_path: Path) -> None:
    rows = [packed("a", blobs.put(PLAIN), blobs.put(NOISE))]
    first = write(tmp_path / "one.tar", HEAD, rows, blobs)
    assert write(tmp_path / "two.tar", HEAD, rows, blobs) == first
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()


@pytest.mark.parametrize("size", [10, 300_000_000, 999_999_999_999_999])
def test_what_unpacks_to_more_or_less_than_it_says_is_refused(tmp_path: Path, size: int) -> None:
    bomb = lzma.compress(bytes(200_000_000), preset=0)
    name = f"blobs/{hashlib.sha256(b'x').hexdigest()}.{size}.xz"
    with written(tmp_path / "old.tar", KIND, HEAD) as bundle:
        bundle.add(ROWS, lzma.compress(b""))
        bundle.add(name, bomb)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    folder = tmp_path / "out"
    folder.mkdir()
    with (
        opened_archive(tmp_path / "old.tar") as there,
        pytest.raises((DamagedError, UnavailableError)),
    ):
        list(there.blobs(lambda _: True, folder))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def test_what_is_not_what_its_name_says_is_refused(tmp_path: Path) -> None:
    with written(tmp_path / "old.tar", KIND, HEAD) as bundle:
        bundle.add(ROWS, lzma.compress(b"[]\n"))
        bundle.add(f"blobs/{hashlib.sha256(b'x').hexdigest()}", b"y")
    folder = tmp_path / "out"
    folder.mkdir()
    with opened_archive(tmp_path / "old.tar") as there:
        with pytest.raises(DamagedError, match="its name"):
            list(there.blobs(lambda _: True, folder))
        with pytest.raises(DamagedError, match=r"rows\.jsonl\.xz"):
            there.packed()


@pytest.mark.parametrize("rows", [b"", b"no xz", lzma.compress(b'{"sample": 1}\n')[:-9]])
def test_rows_that_cannot_be_read_are_refused(tmp_path: Path, rows: bytes) -> None:
    with written(tmp_path / "old.tar", KIND, HEAD) as bundle:
        bundle.add(ROWS, rows)
    with (
        opened_archive(tmp_path / "old.tar") as there,
        pytest.raises(DamagedError, match="cannot be read"),
    ):
        there.packed()


@pytest.mark.parametrize("filling", [b" ", b"\n"])
def test_rows_that_unpack_to_very_much_are_refused_early(tmp_path: Path, filling: bytes) -> None:
    row = json.dumps(packed("one").as_dict()).encode()
    piece = filling * 1_000_000 if filling == b" " else (row + filling) * 2000
    packer = lzma.LZMACompressor(preset=0)
    begun = packer.compress(row if filling == b" " else b"")
    bomb = begun + b"".join(packer.compress(piece) for _ in range(300))
    with written(tmp_path / "old.tar", KIND, HEAD) as bundle:
        bundle.add(ROWS, bomb + packer.flush())
    with opened_archive(tmp_path / "old.tar") as there:
        tracemalloc.start()
        try:
            with pytest.raises(DamagedError, match="cannot be read"):
                there.packed()
            assert tracemalloc.get_traced_memory()[1] < 250_000_000
        finally:
            tracemalloc.stop()


def test_a_bundle_of_another_kind_is_no_archive(tmp_path: Path) -> None:
    with written(tmp_path / "old.tar", "training", HEAD) as bundle:
        bundle.add(ROWS, b"")
    with pytest.raises(InvalidInputError, match="kind"), opened_archive(tmp_path / "old.tar"):
        pass
