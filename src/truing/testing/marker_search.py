"""Marker search: whether a text, or a piece of sound, is still anywhere in a folder.

For tests that forget something, and for people who want to see for themselves. Every file is
opened: its raw bytes (UTF-8, UTF-16, escaped as JSON, base64), and what lies packed in it: zip,
tar, gzip, bzip2, xz, sound (FLAC, WAV, …), pictures with their texts, Parquet, and SQLite with its
write-ahead log, free pages and search index. In a picture the marker's bytes may be pixels.

Known trade-offs: a text that a database page or a compressed search index splits in a row that was
deleted can be missed; what was encrypted, resampled or changed in any way is another text.
"""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import json
import lzma
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO

MOST_BYTES = 1 << 30
"""Of what is unpacked from one archive."""
SHORTEST = 4
"""Letters of base64 that are no accident."""
DEEPEST = 4
"""Archives within archives."""
_STEP = 1 << 22

_PICTURE = (b"\x89PNG", b"GIF8", b"BM", b"II*\0", b"MM\0*")
_SOUND = (b"fLaC", b"RIFF", b"OggS", b"FORM", b"RF64")
_SQLITE = b"SQLite format 3\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One place where the marker is."""

    path: str
    """Relative to the folder, with the members of archives behind `!`."""
    how: str
    """`bytes`, `utf-16`, `json`, `base64`, `sound`, `picture`, `table`, `search index`, `parquet`,
    `name`.
    """


def find_marker(folder: Path, marker: str, *, pcm: bytes = b"") -> list[Hit]:
    """Looks for a marker in everything below a folder.

    Args:
        folder: such as a workspace nobody is using; a single file will do as well.
        marker: a text of four letters or more that nothing else holds.
        pcm: a piece of sound as 16-bit samples in the machine's order, 32 or more of them.

    Returns:
        Every hit, in order of path; an empty list is the proof.
    """
    search = _Search(marker, pcm)
    files = [folder] if folder.is_file() else sorted(folder.rglob("*"))
    hits = []
    for path in files:
        name = path.relative_to(folder).as_posix() if path != folder else path.name
        if search.in_text(name):
            hits.append(Hit(path=name, how="name"))
        if path.is_file() and not path.is_symlink():
            hits += search.in_file(path, name)
    return list(dict.fromkeys(hits))


class _Search:
    def __init__(self, marker: str, pcm: bytes) -> None:
        self._texts = {marker, marker.lower(), marker.casefold()}
        self._pcm = pcm
        self._needles = [(how, needle) for text in self._texts for how, needle in _forms(text)]

    def in_text(self, text: str) -> bool:
        return any(one in text for one in self._texts)

    def in_file(self, path: Path, name: str) -> Iterator[Hit]:
        with path.open("rb") as stream:
            start = stream.read(512)
            yield from self._raw(start, stream, name)
        if start.startswith(_SQLITE):
            yield from self._database(path, name)
        elif start.startswith(_SOUND):
            yield from self._sound(path.read_bytes(), name)
        elif start.startswith(_PICTURE):
            yield from self._picture(path.read_bytes(), name)
        elif start.startswith(b"PAR1"):
            yield from self._parquet(path.read_bytes(), name)
        elif _is_packed(start):
            yield from self._packed(path.read_bytes(), name, 1)

    def _raw(self, start: bytes, stream: io.BufferedReader, name: str) -> Iterator[Hit]:
        longest = max([len(needle) for _, needle in self._needles] + [len(self._pcm)])
        window = start
        found: dict[str, None] = {}
        while True:
            piece = stream.read(_STEP)
            window += piece
            found.update(dict.fromkeys(self._hows(window)))
            if not piece:
                break
            window = window[-longest:]
        for how in found:
            yield Hit(path=name, how=how)

    def _hows(self, data: bytes) -> Iterator[str]:
        for how, needle in self._needles:
            if needle in data:
                yield how
        if self._pcm and self._pcm in data:
            yield "sound"

    def _bytes(self, data: bytes, name: str, depth: int) -> Iterator[Hit]:
        """Looks at bytes that were packed in something else."""
        for how in self._hows(data):
            yield Hit(path=name, how=how)
        if data.startswith(_SOUND):
            yield from self._sound(data, name)
        elif data.startswith(_PICTURE):
            yield from self._picture(data, name)
        elif data.startswith(b"PAR1"):
            yield from self._parquet(data, name)
        elif data.startswith(_SQLITE):
            with tempfile.TemporaryDirectory() as place:
                path = Path(place, "packed.db")
                path.write_bytes(data)
                yield from self._database(path, name)
        elif depth < DEEPEST and _is_packed(data):
            yield from self._packed(data, name, depth + 1)

    def _packed(self, data: bytes, name: str, depth: int) -> Iterator[Hit]:
        for member, held in _members(data):
            inside = f"{name}!{member}"
            if self.in_text(member):
                yield Hit(path=inside, how="name")
            yield from self._bytes(held, inside, depth)

    def _sound(self, data: bytes, name: str) -> Iterator[Hit]:
        import soundfile

        if not self._pcm:
            return
        try:
            samples, _ = soundfile.read(io.BytesIO(data), dtype="int16", always_2d=True)
        except soundfile.LibsndfileError:
            return
        for channel in range(samples.shape[1]):
            if self._pcm in samples[:, channel].tobytes():
                yield Hit(path=name, how="sound")

    def _picture(self, data: bytes, name: str) -> Iterator[Hit]:
        try:
            from PIL import Image
        except ImportError:
            return
        try:
            with Image.open(io.BytesIO(data)) as picture:
                told = "\n".join(map(str, picture.info.values()))
                held = told.encode("utf-8", "replace") + b"\0" + picture.tobytes()
        except (OSError, ValueError, SyntaxError):
            return
        if any(needle in held for _, needle in self._needles):
            yield Hit(path=name, how="picture")

    def _parquet(self, data: bytes, name: str) -> Iterator[Hit]:
        try:
            import pyarrow.parquet
        except ImportError:
            return
        try:
            table = pyarrow.parquet.ParquetFile(io.BytesIO(data))
        except (OSError, ValueError):
            return
        for batch in table.iter_batches(batch_size=256):
            for value in _leaves(batch.to_pylist()):
                inside = f"{name}!row"
                if isinstance(value, str) and self.in_text(value):
                    yield Hit(path=name, how="parquet")
                elif isinstance(value, bytes):
                    for hit in self._bytes(value, inside, 1):
                        yield Hit(path=name, how=f"parquet {hit.how}")

    def _database(self, path: Path, name: str) -> Iterator[Hit]:
        import sqlite3

        from truing.stores.database.sqlite import library

        module = library()
        with tempfile.TemporaryDirectory() as place:
            # A copy with its log: looking must not change what is looked at.
            copy = Path(place, "copy.db")
            shutil.copyfile(path, copy)
            log = path.with_name(f"{path.name}-wal")
            if log.is_file():
                shutil.copyfile(log, copy.with_name("copy.db-wal"))
            try:
                with closing(module.connect(str(copy))) as connection:
                    yield from self._tables(connection, name)
            except (module.DatabaseError, sqlite3.DatabaseError):
                # Not a sound database: its bytes have been searched.
                return

    def _tables(self, connection: object, name: str) -> Iterator[Hit]:
        execute = connection.execute  # type: ignore[attr-defined]
        tables = execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall()
        for table, sql in tables:
            if "fts5" in str(sql).lower():
                yield from self._index(execute, table, f"{name}!{table}")
            else:
                # A table's name is the database's own; no text from outside gets here.
                for row in execute(f'SELECT * FROM "{table}"'):
                    for value in row:
                        if isinstance(value, str) and self.in_text(value):
                            yield Hit(path=f"{name}!{table}", how="table")
                        elif isinstance(value, bytes):
                            yield from self._bytes(value, f"{name}!{table}", 1)

    def _index(self, execute: object, table: str, name: str) -> Iterator[Hit]:
        # Words of an index share their beginnings: only asking it shows all of them.
        vocabulary = f"truing_words_{table}"
        execute(  # type: ignore[operator]
            f'CREATE VIRTUAL TABLE temp."{vocabulary}" USING fts5vocab(main, "{table}", row)'
        )
        for (word,) in execute(f'SELECT term FROM temp."{vocabulary}"'):  # type: ignore[operator]
            if self.in_text(word):
                yield Hit(path=name, how="search index")


def _forms(text: str) -> Iterator[tuple[str, bytes]]:
    plain = text.encode("utf-8")
    yield "bytes", plain
    yield "utf-16", text.encode("utf-16-le")
    yield "utf-16", text.encode("utf-16-be")
    escaped = json.dumps(text)[1:-1].encode("ascii")
    if escaped != plain:
        yield "json", escaped
    for shift in range(3):
        # The letters that depend on the marker alone, whatever stands before and after it.
        made = base64.b64encode(b"\0" * shift + plain)
        core = made[-(-shift * 8 // 6) : (shift + len(plain)) * 8 // 6]
        if len(core) >= SHORTEST:
            yield "base64", core
            yield "base64", core.replace(b"+", b"-").replace(b"/", b"_")


def _is_packed(start: bytes) -> bool:
    known = (b"PK", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", *_ZLIB)
    return start.startswith(known) or start[257:262] == b"ustar"


def _members(data: bytes) -> Iterator[tuple[str, bytes]]:
    """What an archive holds; nothing when it is none after all."""
    left = MOST_BYTES
    try:
        if data.startswith(b"PK"):
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                for one in archive.infolist():
                    with archive.open(one) as stream:
                        held = stream.read(left)
                    left -= len(held)
                    yield one.filename, held
                    yield f"{one.filename}!comment", one.comment + one.extra
            return
        if data.startswith(_ZLIB):
            yield "content", zlib.decompressobj().decompress(data, left)
            return
        if (unpacked := _unpacked(data)) is not None:
            with unpacked as stream:
                yield "content", stream.read(left)
            return
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for member in archive:
                inside = archive.extractfile(member) if member.isfile() else None
                held = inside.read(left) if inside is not None else b""
                left -= len(held)
                yield member.name, held
    except _NONE_AFTER_ALL:
        return


def _unpacked(data: bytes) -> gzip.GzipFile | IO[bytes] | None:
    packed = io.BytesIO(data)
    if data.startswith(b"\x1f\x8b"):
        return gzip.open(packed, "rb")
    if data.startswith(b"BZh"):
        return bz2.open(packed, "rb")
    return lzma.open(packed, "rb") if data.startswith(b"\xfd7zXZ") else None


_ZLIB = (b"x\x01", b"x\x5e", b"x\x9c", b"x\xda")
_NONE_AFTER_ALL = (
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    tarfile.TarError,
)


def _leaves(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield key
            yield from _leaves(one)
    elif isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        for one in value:
            yield from _leaves(one)
    else:
        yield value
