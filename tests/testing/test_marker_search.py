"""The marker search finds what is planted, in every kind of container, and nothing else."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import json
import lzma
import sqlite3
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from truing.stores.database.store import open_database
from truing.testing.factories import make_sample
from truing.testing.marker_search import find_marker

MARKER = "Xyzzyplugh mörker"
NOISE = np.random.default_rng(5).normal(0, 3000, 4000).astype(np.int16)
PIECE = NOISE[1000:1064].tobytes()


def zipped(data: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inside.txt", data)
    return held.getvalue()


def tarred(data: bytes, mode: str = "w") -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode=mode) as archive:  # type: ignore[call-overload]
        info = tarfile.TarInfo("inside.txt")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return held.getvalue()


def sound(kind: str) -> bytes:
    held = io.BytesIO()
    soundfile.write(held, NOISE, 16000, format=kind, subtype="PCM_16")
    return held.getvalue()


def rows(data: bytes, tmp_path: Path) -> bytes:
    """A database with the bytes in a column."""
    path = tmp_path / "made.db"
    with sqlite3.connect(path) as there:
        there.execute("CREATE TABLE t (held BLOB)")
        there.execute("INSERT INTO t VALUES (?)", (data,))
    there.close()
    return path.read_bytes()


TEXT = MARKER.encode()
CONTAINERS: dict[str, Callable[[], bytes]] = {
    "plain": lambda: b"... " + TEXT + b" ...",
    "utf-16": lambda: f"... {MARKER}".encode("utf-16"),
    "utf-16-be": lambda: f"... {MARKER}".encode("utf-16-be"),
    "json": lambda: json.dumps({"text": MARKER}).encode(),
    "lower": lambda: MARKER.lower().encode(),
    "base64": lambda: base64.b64encode(b"a" + TEXT + b"bc"),
    "base64-url": lambda: base64.urlsafe_b64encode(b"ab" + TEXT),
    "far": lambda: bytes((1 << 22) - 7) + TEXT,
    "zip": lambda: zipped(TEXT),
    "tar": lambda: tarred(TEXT),
    "tar.gz": lambda: tarred(TEXT, "w:gz"),
    "gz": lambda: gzip.compress(TEXT),
    "bz2": lambda: bz2.compress(TEXT),
    "xz": lambda: lzma.compress(TEXT),
    "zlib": lambda: zlib.compress(TEXT),
    "zip in tar.gz in zip": lambda: zipped(tarred(zipped(TEXT), "w:gz")),
    "sound in a zip": lambda: zipped(sound("FLAC")),
    "flac": lambda: sound("FLAC"),
    "wav": lambda: sound("WAV"),
    "raw sound": NOISE.tobytes,
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_what_is_planted_is_found(tmp_path: Path, name: str) -> None:
    (tmp_path / "file.bin").write_bytes(CONTAINERS[name]())
    hits = find_marker(tmp_path, MARKER, pcm=PIECE)
    assert hits, name
    assert all(hit.path.startswith("file.bin") for hit in hits)
    assert find_marker(tmp_path, "some other words", pcm=NOISE[::-1][:64].tobytes()) == []


@pytest.mark.parametrize("name", ["plain", "zip", "gz", "flac", "zlib"])
def test_it_is_found_in_a_column_of_a_database(tmp_path: Path, name: str) -> None:
    data = rows(CONTAINERS[name](), tmp_path)
    (tmp_path / "made.db").unlink()
    (tmp_path / "packed.zip").write_bytes(zipped(data))
    assert find_marker(tmp_path, MARKER, pcm=PIECE)


def test_names_of_files_count(tmp_path: Path) -> None:
    (tmp_path / f"a {MARKER} b.txt").write_bytes(b"")
    assert [hit.how for hit in find_marker(tmp_path, MARKER)] == ["name"]


def test_tags_of_sound_are_read(tmp_path: Path) -> None:
    with soundfile.SoundFile(tmp_path / "a.flac", "w", 16000, 1, format="FLAC") as stream:
        stream.title = MARKER
        stream.write(NOISE)
    assert find_marker(tmp_path, MARKER)


def test_parquet_is_read(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    texts = [f"line {number}" for number in range(500)] + [MARKER]
    sounds = [sound("FLAC")] * len(texts)
    table = pyarrow.table({"text": texts, "audio": [{"bytes": one} for one in sounds]})
    parquet.write_table(table, tmp_path / "a.parquet", compression="zstd")
    assert "parquet" in {hit.how for hit in find_marker(tmp_path, MARKER)}
    assert "parquet sound" in {hit.how for hit in find_marker(tmp_path, "other", pcm=PIECE)}


def test_a_log_that_was_not_written_back_counts(tmp_path: Path) -> None:
    there = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    there.execute("PRAGMA journal_mode=WAL")
    there.execute("CREATE TABLE t (held TEXT)")
    there.execute("INSERT INTO t VALUES (?)", (MARKER,))
    assert {hit.path for hit in find_marker(tmp_path, MARKER)} >= {"a.db-wal", "a.db!t"}
    there.close()


def test_pages_that_were_given_up_count(tmp_path: Path) -> None:
    """Without `secure_delete` a deleted row stays readable: the search must see it."""
    there = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    there.execute("PRAGMA secure_delete=OFF")
    there.execute("CREATE TABLE t (held TEXT)")
    there.execute("INSERT INTO t VALUES (?)", (MARKER * 9,))
    there.execute("DELETE FROM t")
    there.close()
    assert [hit.path for hit in find_marker(tmp_path, MARKER)] == ["a.db"]


def test_words_of_the_search_index_count(tmp_path: Path) -> None:
    """They share their beginnings, so that the bytes alone need not hold the whole word."""
    there = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    there.execute("CREATE VIRTUAL TABLE words USING fts5(held, content='')")
    for word in ("plughmark", "plughmarked", "plughmarker"):
        there.execute("INSERT INTO words (held) VALUES (?)", (word,))
    there.execute("INSERT INTO words (words) VALUES ('optimize')")
    there.close()
    hits = find_marker(tmp_path, "plughmarker")
    assert "search index" in {hit.how for hit in hits}
    assert find_marker(tmp_path, "plughmarkers") == []


def test_looking_changes_nothing(tmp_path: Path) -> None:
    store = open_database(tmp_path / "truing.db")
    store.samples.add([make_sample(text=MARKER)])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert find_marker(tmp_path, MARKER)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    store.close()


def test_what_is_no_archive_after_all_is_no_error(tmp_path: Path) -> None:
    for number, start in enumerate((b"PK", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"fLaC", b"PAR1")):
        (tmp_path / f"{number}").write_bytes(start + bytes(range(256)))
    (tmp_path / "db").write_bytes(b"SQLite format 3\0" + bytes(4096))
    assert find_marker(tmp_path, MARKER, pcm=PIECE) == []


@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP", "TIFF"])
def test_a_marker_in_a_picture(tmp_path: Path, kind: str) -> None:
    image = pytest.importorskip("PIL.Image")
    pixels = np.random.default_rng(3).integers(0, 256, (40, 60), dtype=np.uint8)
    clean = image.fromarray(pixels)
    clean.save(tmp_path / f"clean.{kind}", kind)
    assert find_marker(tmp_path, "Xyzzyplugh") == []
    pixels[20, 10:20] = list(b"Xyzzyplugh")
    image.fromarray(pixels).save(tmp_path / f"marked.{kind}", kind)
    found = find_marker(tmp_path, "Xyzzyplugh")
    assert {hit.path for hit in found} == {f"marked.{kind}"}
    assert "picture" in {hit.how for hit in found}


def test_a_marker_in_a_picture_s_packed_text(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    info = pytest.importorskip("PIL.PngImagePlugin").PngInfo()
    info.add_text("Author", f"by {MARKER} " * 50, zip=True)
    info.add_itxt("Title", f"of {MARKER} " * 50, zip=True)
    image.new("L", (10, 10)).save(tmp_path / "a.png", pnginfo=info)
    assert [hit.how for hit in find_marker(tmp_path, MARKER)] == ["picture"]
