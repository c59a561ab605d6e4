"""A bundle: one plain tar file, its head first and its manifest last, read as a stranger's.

The first entry, `bundle.json`, says what the bundle is; the last, `manifest.jsonl`, has one line
per entry before it, in their order: name, size and SHA-256. Equal content gives equal bytes: no
dates, owners or modes are kept. Entries are written and read one after the other, so that a bundle
may be larger than memory.

Reading trusts nothing. Only plain files are entries, with plain relative names; the manifest is
compared with every entry before a reader is told that it has all of them. Nothing is compressed,
so that what comes out is never larger than what went in.

*Known trade-offs*: names are ASCII and at most 100 long, a file name per entry as tar had them in
1988; there is no way to say more, and so none to hide more.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from truing.domain.digest import PREFIX, canonical_json, digest_bytes
from truing.domain.errors import (
    ConflictError,
    DamagedError,
    InvalidInputError,
    NotFoundError,
    UnavailableError,
)
from truing.platform.files import free_space, replace, storage_error, sync_file, sync_folder

FORMAT = 1
HEAD = "bundle.json"
MANIFEST = "manifest.jsonl"
MARGIN = 64 << 20
"""Bytes that stay free on a disk onto which a bundle is unpacked."""

_BLOCK = 512
_CHUNK = 1 << 20
_HEAD_BYTES = 4 << 20
_LINE_BYTES = 1 << 10
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)

Progress = Callable[[int, int], None]
Place = Callable[[str], Path | None]
"""Where an entry goes, by its name; None leaves it out, though it is checked all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file of a bundle."""

    name: str
    size: int
    offset: int
    """Of its first byte."""


def refuse_name(name: str) -> None:
    """Makes sure that a name can lead nowhere but into a folder, on every system.

    Raises:
        InvalidInputError: it is absolute, climbs, is hidden, or is not plain ASCII.
    """
    parts = name.split("/")
    odd = any(part.endswith(".") or _DEVICES.fullmatch(part) for part in parts)
    if not _NAME.fullmatch(name) or len(name) > 100 or odd:
        raise InvalidInputError(
            f"`{name[:120]!a}` cannot name a file in a bundle",
            hint="use up to 100 ASCII letters, digits, `.`, `_`, `-`, with `/` between folders",
        )


# --- writing ------------------------------------------------------------------------------------


class BundleWriter:
    """Writes entries one after the other; made by `written`."""

    def __init__(
        self, stream: BinaryIO, lines: BinaryIO, on_progress: Progress, total: int
    ) -> None:
        self._stream = stream
        self._lines = lines
        self._on_progress = on_progress
        self._total = total
        self._seal = hashlib.sha256()

    @property
    def digest(self) -> str:
        """`sha256:…` of the manifest as it stands: the name of what the bundle holds."""
        return PREFIX + self._seal.hexdigest()

    def add(self, name: str, data: bytes) -> None:
        """Adds bytes.

        Raises:
            InvalidInputError: a name that is not plain.
        """
        self._begin(name, len(data))
        self._stream.write(data)
        self._end(name, len(data), digest_bytes(data))

    def add_file(self, name: str, path: Path, digest: str | None = None) -> None:
        """Adds a file without holding it in memory.

        Raises:
            InvalidInputError: a name that is not plain.
            DamagedError: it changes meanwhile, or is not what `digest` says.
        """
        size = path.stat().st_size
        state, left = hashlib.sha256(), size
        self._begin(name, size)
        with path.open("rb") as source:
            while left and (piece := source.read(min(_CHUNK, left))):
                state.update(piece)
                self._stream.write(piece)
                left -= len(piece)
            changed = left or source.read(1)
        found = PREFIX + state.hexdigest()
        if changed or digest not in (None, found):
            raise DamagedError(
                f"`{path}` is not what it was when it was stored",
                hint="truing verify tells what was altered",
            )
        self._end(name, size, found)

    def _begin(self, name: str, size: int) -> None:
        refuse_name(name)
        info = tarfile.TarInfo(name)
        info.size, info.mtime, info.mode = size, 0, 0o644
        self._stream.write(info.tobuf(tarfile.GNU_FORMAT))

    def _end(self, name: str, size: int, digest: str) -> None:
        self._stream.write(b"\0" * (-size % _BLOCK))
        if name != MANIFEST:
            line = canonical_json({"name": name, "size": size, "sha256": digest}) + b"\n"
            self._lines.write(line)
            self._seal.update(line)
        self._on_progress(self._stream.tell(), max(self._total, self._stream.tell()))

    def finish(self) -> None:
        """Writes the manifest and the end of the file."""
        size = self._lines.tell()
        self._lines.seek(0)
        self._begin(MANIFEST, size)
        while piece := self._lines.read(_CHUNK):
            self._stream.write(piece)
        self._end(MANIFEST, size, "")
        self._stream.write(b"\0" * (2 * _BLOCK))


@contextmanager
def written(
    path: Path,
    kind: str,
    head: Mapping[str, object],
    *,
    total: int = 0,
    over: bool = False,
    on_progress: Progress = lambda _, __: None,
) -> Iterator[BundleWriter]:
    """A bundle in the making; it appears under its name, whole, when the block ends well.

    Args:
        path: the new file.
        kind: what it is: `training` or `trained`.
        head: what its first entry tells, besides format and kind.
        total: about how many bytes it will have.
        over: whether a file of that name may be replaced.
        on_progress: called with (bytes written, bytes in all).

    Raises:
        ConflictError: there is such a file already.
        UnavailableError: the disk is full or cannot be written.
    """
    if path.exists() and not over:
        raise ConflictError(f"`{path}` exists already", hint="name another file, or remove it")
    if free_space(path.parent) < total:
        raise UnavailableError(
            f"`{path}` needs {total / 1e6:.0f} MB, more than is free",
            hint="free some disk space, or name a file on another disk",
        )
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with draft.open("w+b") as stream, tempfile.TemporaryFile() as lines:
            writer = BundleWriter(stream, lines, on_progress, total)
            writer.add(HEAD, canonical_json({"format": FORMAT, "kind": kind, **head}) + b"\n")
            yield writer
            writer.finish()
            stream.flush()
            sync_file(stream.fileno())
        replace(draft, path)
        sync_folder(path.parent)
    except OSError as error:
        raise storage_error(error, path) from error
    finally:
        draft.unlink(missing_ok=True)


# --- reading ------------------------------------------------------------------------------------


class Bundle:
    """A bundle that is open for reading; made by `opened`."""

    def __init__(self, path: Path, stream: BinaryIO, kind: str) -> None:
        self._path = path
        self._stream = stream
        self._size = os.fstat(stream.fileno()).st_size
        self._manifest = self._last()
        self.digest = PREFIX + self._sha_of(self._manifest)
        """Of the manifest: the name of what the bundle holds."""
        self.head = self._head(kind)
        """What its first entry tells."""

    @property
    def size(self) -> int:
        """Bytes of the file, and the most that can come out of it."""
        return self._size

    def read(self, name: str, *, most: int = _HEAD_BYTES) -> bytes:
        """The bytes of one small entry; they are checked when the bundle is extracted.

        Raises:
            DamagedError: there is none, or it is larger than `most`.
        """
        for entry in self._entries():
            if entry.name == name and entry.size <= most:
                self._stream.seek(entry.offset)
                return self._stream.read(entry.size)
        raise self._damaged(f"it holds no `{name}` of reasonable size")

    def extract(self, place: Place, on_progress: Progress = lambda _, __: None) -> None:
        """Writes every entry to where `place` puts it, each compared with the manifest.

        Files are made new, never written over, so that a name that comes twice is refused. What
        was written before an error was found stays: remove the folder.

        Raises:
            DamagedError: an entry is not what the manifest says, or comes twice.
            InvalidInputError: an entry that `place` refuses.
            UnavailableError: the disk is full or cannot be written.
        """
        lines = self._manifest_lines()
        for entry in self._entries():
            if entry.name == MANIFEST:
                continue
            target = place(entry.name)
            try:
                digest = self._copied(entry, target)
            except FileExistsError as error:
                raise self._damaged(f"`{entry.name}` comes twice") from error
            except OSError as error:
                raise storage_error(error, target or self._path) from error
            told = next(lines, None)
            if told != {"name": entry.name, "size": entry.size, "sha256": digest}:
                raise self._damaged(f"`{entry.name}` is not what its manifest says")
            on_progress(entry.offset + entry.size, self._size)
        if next(lines, None) is not None:
            raise self._damaged("entries of its manifest are missing")

    def _copied(self, entry: Entry, target: Path | None) -> str:
        """SHA-256 of an entry, which is written to `target` on the way."""
        state, left = hashlib.sha256(), entry.size
        with ExitStack() as files:
            if target is not None:
                target.parent.mkdir(parents=True, exist_ok=True)
            output = files.enter_context(target.open("xb")) if target is not None else None
            self._stream.seek(entry.offset)
            while left and (piece := self._stream.read(min(_CHUNK, left))):
                state.update(piece)
                left -= len(piece)
                if output is not None:
                    output.write(piece)
        return PREFIX + state.hexdigest()

    def _entries(self) -> Iterator[Entry]:
        """The entries in their order, found by their headers alone."""
        offset = 0
        while True:
            self._stream.seek(offset)
            block = self._stream.read(_BLOCK)
            if not block.strip(b"\0"):
                return
            entry = self._entry(block, offset)
            yield entry
            offset = entry.offset + entry.size + -entry.size % _BLOCK

    def _entry(self, block: bytes, offset: int) -> Entry:
        try:
            info = tarfile.TarInfo.frombuf(block, "ascii", "strict")
        except (tarfile.HeaderError, ValueError) as error:
            raise self._damaged("it is no tar file, or was cut or altered") from error
        if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
            raise self._damaged(f"`{info.name[:120]!a}` is no plain file")
        try:
            refuse_name(info.name)
        except InvalidInputError as error:
            raise self._damaged(error.message) from error
        if not 0 <= info.size <= self._size - offset - _BLOCK:
            raise self._damaged(f"`{info.name}` is cut short")
        return Entry(name=info.name, size=info.size, offset=offset + _BLOCK)

    def _last(self) -> Entry:
        last = None
        for place, entry in enumerate(self._entries()):
            if (entry.name == HEAD) != (place == 0):
                raise self._damaged(f"its first entry is not `{HEAD}`")
            if last is not None and last.name == MANIFEST:
                raise self._damaged(f"`{entry.name}` comes after its manifest")
            last = entry
        if last is None or last.name != MANIFEST:
            raise self._damaged("its manifest is missing")
        return last

    def _sha_of(self, entry: Entry) -> str:
        return self._copied(entry, None).removeprefix(PREFIX)

    def _manifest_lines(self) -> Iterator[object]:
        place, end = self._manifest.offset, self._manifest.offset + self._manifest.size
        while place < end:
            self._stream.seek(place)
            line = self._stream.readline(min(_LINE_BYTES, end - place))
            place += len(line)
            yield self._json(line, MANIFEST)

    def _head(self, kind: str) -> Mapping[str, Any]:
        head = self._json(self.read(HEAD), HEAD)
        if not isinstance(head, dict) or not isinstance(head.get("format"), int):
            raise self._damaged(f"`{HEAD}` does not say its format")
        if head["format"] > FORMAT:
            raise InvalidInputError(
                f"`{self._path}` has bundle format {head['format']}, this Truing knows {FORMAT}",
                hint="bring Truing up to date: pip install --upgrade truing",
            )
        if head.get("kind") != kind:
            raise InvalidInputError(
                f"`{self._path}` is a bundle of the kind `{str(head.get('kind'))[:40]}`, "
                f"not `{kind}`",
                hint="truing job run takes what truing train --bundle wrote; "
                "truing model import takes what truing job run wrote",
            )
        return head

    def _json(self, data: bytes, name: str) -> object:
        try:
            return json.loads(data)
        except (ValueError, RecursionError) as error:
            raise self._damaged(f"`{name}` is no JSON") from error

    def _damaged(self, why: str) -> DamagedError:
        return DamagedError(
            f"`{self._path}` is not a sound bundle: {why}",
            hint="copy it again from where it was made, or make it again",
        )


@contextmanager
def opened(path: Path, kind: str) -> Iterator[Bundle]:
    """A bundle of a kind, for reading; its entries are checked when they are extracted.

    Raises:
        NotFoundError: there is no such file.
        DamagedError: it is no bundle, or was cut or altered.
        InvalidInputError: it is of another kind, or made by a newer Truing.
        UnavailableError: it cannot be read.
    """
    if not path.is_file():
        raise NotFoundError(f"there is no file `{path}`", hint="check its name and folder")
    try:
        stream = path.open("rb")
    except OSError as error:
        raise storage_error(error, path) from error
    with stream:
        yield Bundle(path, stream, kind)


def refuse_too_large(bundle: Bundle, folder: Path) -> None:
    """Makes sure that a bundle fits on the disk of the folder it is unpacked to.

    Raises:
        UnavailableError: it does not.
    """
    free = free_space(folder)
    if bundle.size + MARGIN > free:
        raise UnavailableError(
            f"unpacking needs {bundle.size / 1e6:.0f} MB, {free / 1e6:.0f} MB are free",
            hint="free some disk space, or copy the bundle to another disk",
        )
