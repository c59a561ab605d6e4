"""The file of an archive: a bundle of rows and media, compressed where that makes them smaller.

Besides head and manifest (see `bundle_file`) it holds `rows.jsonl.xz`, one line for each sample,
and its media, each once: `blobs/<sha-256>` as they are, or `blobs/<sha-256>.<bytes>.xz`. Pictures,
films and FLAC hardly get smaller and so stay as they are; what xz makes smaller is unpacked into no
more bytes than its name says. Every entry has its own digest, and every blob that of its name.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import re
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from truing.domain.archive import Packed
from truing.domain.digest import CHUNK, PREFIX, canonical_json, digest_file
from truing.domain.errors import DamagedError, UnavailableError
from truing.platform.files import free_space
from truing.stores.bundle_file import MARGIN, Bundle, BundleWriter, Progress, opened, written

if TYPE_CHECKING:
    from truing.domain.ports import Blobs

KIND = "archive"
ROWS = "rows.jsonl.xz"
BLOBS = "blobs"
ENDING = ".tar"
SCRATCH = ".archive-"
"""How folders begin in which media lie while an archive is written beside them."""
WORTH = 0.9
"""Media are compressed when their beginning gets smaller than this share of itself."""
MOST_ROWS = 1 << 30
"""Bytes of rows in one archive, packed or not."""
MOST_LINE = 64 << 20
"""Bytes of one row."""
MOST_LINES = 20_000
"""Rows of one archive; ours have a thousand."""
_PROBED = 1 << 16
_BLOB = re.compile(r"blobs/(?P<hex>[0-9a-f]{64})(?:\.(?P<size>\d{1,15})\.xz)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A file that was written, durable under its name."""

    digest: str
    size: int
    media_bytes: int
    """Of the media in it before they were packed."""


def write(
    path: Path,
    head: Mapping[str, object],
    packed: Sequence[Packed],
    blobs: Blobs,
    *,
    on_progress: Progress = lambda _, __: None,
) -> Written:
    """Writes samples and their media to a new file.

    Args:
        path: the file; it appears whole or not at all.
        head: what its first entry tells.
        packed: the samples.
        blobs: where their media are.
        on_progress: called with (bytes written, bytes in all).

    Raises:
        ConflictError: there is such a file already.
        NotFoundError: media that are not there.
        DamagedError: media that were altered.
        UnavailableError: the disk is full or cannot be written.
    """
    files = {digest: blobs.path(digest) for digest in digests_of(packed)}
    total = sum(file.stat().st_size for file in files.values())
    with written(path, KIND, head, total=total, on_progress=on_progress) as bundle:
        bundle.add(ROWS, _rows(packed))
        for digest, file in files.items():
            _add_blob(bundle, digest, file, path.parent)
    return Written(digest=bundle.digest, size=path.stat().st_size, media_bytes=total)


def digests_of(packed: Sequence[Packed]) -> list[str]:
    """The blobs of samples, each once, in order."""
    return sorted({digest for one in packed for digest in one.digests})


def _rows(packed: Sequence[Packed]) -> bytes:
    lines = b"".join(canonical_json(one.as_dict()) + b"\n" for one in packed)
    return lzma.compress(lines, preset=2)


def _add_blob(bundle: BundleWriter, digest: str, file: Path, folder: Path) -> None:
    name = f"{BLOBS}/{digest.removeprefix(PREFIX)}"
    with file.open("rb") as stream:
        start = stream.read(_PROBED)
    if len(zlib.compress(start, 1)) >= WORTH * len(start):
        bundle.add_file(name, file, digest)
        return
    with tempfile.TemporaryDirectory(prefix=SCRATCH, suffix=".tmp", dir=folder) as place:
        smaller = Path(place) / "blob.xz"
        if _compressed(file, smaller) != digest:
            raise DamagedError(
                f"the blob `{digest}` is damaged: its bytes have another digest",
                hint="truing verify --media tells what can be done",
            )
        bundle.add_file(f"{name}.{file.stat().st_size}.xz", smaller)


def _compressed(file: Path, target: Path) -> str:
    state = hashlib.sha256()
    with file.open("rb") as source, lzma.open(target, "wb", preset=2) as output:
        while piece := source.read(CHUNK):
            state.update(piece)
            output.write(piece)
    return PREFIX + state.hexdigest()


class ArchiveFile:
    """An archive that is open for reading; made by `opened_archive`."""

    def __init__(self, path: Path, bundle: Bundle) -> None:
        self.path = path
        self._bundle = bundle
        self.head = bundle.head
        """What its first entry tells: name, when it was made, how many samples."""
        self.digest = bundle.digest
        """Of its manifest."""

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self._bundle.size

    @property
    def follows(self) -> tuple[str, ...]:
        """The digests it had before somebody in it was forgotten, oldest first."""
        told = self.head.get("follows", ())
        return tuple(map(str, told)) if isinstance(told, list) else ()

    def packed(self) -> list[Packed]:
        """The samples in it.

        Raises:
            DamagedError: rows that cannot be read.
        """
        data = self._bundle.read(ROWS, most=MOST_ROWS)
        try:
            return [Packed.from_dict(json.loads(line)) for line in _lines(data)]
        except (lzma.LZMAError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise self._damaged(f"`{ROWS}` cannot be read") from error

    def check(self, on_progress: Progress = lambda _, __: None) -> None:
        """Reads every entry.

        Raises:
            DamagedError: one is not what the manifest says.
        """
        self._bundle.extract(lambda _: None, on_progress)

    def blobs(
        self,
        wanted: Callable[[str], bool],
        folder: Path,
        on_progress: Progress = lambda _, __: None,
    ) -> Iterator[tuple[str, Path]]:
        """Unpacks media, each checked against its digest; checks all other entries as well.

        Args:
            wanted: tells by its digest whether a blob is.
            folder: an empty one, in which they may stay until the caller removes it.
            on_progress: called with (bytes read, bytes in all).

        Yields:
            Digest and file.

        Raises:
            DamagedError: an entry is not what the manifest or its name says.
            UnavailableError: the disk is full or cannot be written.
        """
        raw: dict[str, Path] = {}

        def place(name: str) -> Path | None:
            found = _BLOB.fullmatch(name)
            if found is None or not wanted(PREFIX + found["hex"]):
                return None
            raw[name] = folder / name.replace("/", "-")
            return raw[name]

        self._bundle.extract(place, on_progress)
        self._refuse_too_large(raw, folder)
        for name, file in raw.items():
            yield self._settled(name, file)
            file.unlink(missing_ok=True)

    def _refuse_too_large(self, names: Iterable[str], folder: Path) -> None:
        told = (found["size"] for one in names if (found := _BLOB.fullmatch(one)) is not None)
        needed = max((int(size) for size in told if size is not None), default=0)
        free = free_space(folder)
        if needed + MARGIN > free:
            raise UnavailableError(
                f"a medium in `{self.path}` needs {needed / 1e6:.0f} MB, but {free / 1e6:.0f} MB "
                "are free",
                hint="free some disk space and try again",
            )

    def _settled(self, name: str, file: Path) -> tuple[str, Path]:
        found = _BLOB.fullmatch(name)
        if found is None:
            raise self._damaged(f"`{name}` is no blob")
        digest = PREFIX + found["hex"]
        if found["size"] is not None:
            smaller = file.with_name(f"{file.name}.packed")
            file.rename(smaller)
            self._decompress(smaller, file, int(found["size"]))
            smaller.unlink()
        if digest_file(file) != digest:
            raise self._damaged(f"`{name}` is not what its name says")
        return digest, file

    def _decompress(self, source: Path, target: Path, size: int) -> None:
        decoder = lzma.LZMADecompressor()
        left = size
        try:
            with source.open("rb") as stream, target.open("xb") as output:
                data = stream.read(CHUNK)
                while not decoder.eof and (data or not decoder.needs_input):
                    piece = decoder.decompress(data, CHUNK)
                    output.write(piece)
                    left -= len(piece)
                    if left < 0:
                        break
                    data = stream.read(CHUNK) if decoder.needs_input else b""
        except lzma.LZMAError as error:
            raise self._damaged(f"`{source.name}` cannot be unpacked") from error
        if left:
            raise self._damaged(f"`{source.name}` has another size than its name says")

    def rewrite(
        self, target: Path, kept: Sequence[Packed], on_progress: Progress = lambda _, __: None
    ) -> Written:
        """Writes the archive anew with these samples alone, and the media they need.

        Args:
            target: the new file; its own path will do, at any moment the old or the new one is
                there.
            kept: what stays, which need not be as it was.
            on_progress: called with (bytes written, bytes in all).

        Raises:
            DamagedError: the archive is damaged: nothing was written.
            UnavailableError: the disk is full or cannot be written.
        """
        needed = set(digests_of(kept))
        head = {name: one for name, one in self.head.items() if name not in ("format", "kind")}
        head |= {"samples": len(kept), "follows": [*self.follows, self.digest]}
        scratch = tempfile.TemporaryDirectory(prefix=SCRATCH, suffix=".tmp", dir=target.parent)
        with scratch as folder:
            files: dict[str, Path] = {}

            def place(name: str) -> Path | None:
                found = _BLOB.fullmatch(name)
                if found is None or PREFIX + found["hex"] not in needed:
                    return None
                files[name] = Path(folder) / name.replace("/", "-")
                return files[name]

            self._bundle.extract(place, on_progress)
            total = sum(file.stat().st_size for file in files.values())
            with written(target, KIND, head, total=total, over=True) as bundle:
                bundle.add(ROWS, _rows(kept))
                for name, file in files.items():
                    bundle.add_file(name, file)
        return Written(digest=bundle.digest, size=target.stat().st_size, media_bytes=total)

    def _damaged(self, why: str) -> DamagedError:
        return DamagedError(
            f"`{self.path}` is not a sound archive: {why}",
            hint="bring it from a copy; truing archive verify looks at it again",
        )


def leftovers(folder: Path, name: str = "*") -> list[Path]:
    """What a crash left of archives that were being written in a folder: drafts and scratch.

    Args:
        folder: where.
        name: of one archive; scratch does not tell of which it is.
    """
    return sorted((*folder.glob(f".{name}{ENDING}.*.tmp"), *folder.glob(f"{SCRATCH}*.tmp")))


@contextmanager
def opened_archive(path: Path) -> Iterator[ArchiveFile]:
    """An archive for reading; its entries are checked when they are unpacked.

    Raises:
        NotFoundError: there is no such file.
        DamagedError: it is no archive, or was cut or altered.
        InvalidInputError: it is a bundle of another kind, or made by a newer Truing.
        UnavailableError: it cannot be read.
    """
    with opened(path, KIND) as bundle:
        yield ArchiveFile(path, bundle)


def _lines(data: bytes) -> Iterator[bytes]:
    """The rows one after the other: few bytes may unpack to more than there is memory.

    Raises:
        ValueError: too long, too many, or cut short.
    """
    decoder = lzma.LZMADecompressor()
    rest, total, count = bytearray(), 0, 0
    while not decoder.eof:
        piece = decoder.decompress(data, CHUNK)
        data = b""
        if not piece and not decoder.eof:
            raise ValueError("cut short")
        total += len(piece)
        rest += piece
        lines: list[bytes] = []
        if b"\n" in piece:
            *lines, last = bytes(rest).split(b"\n")
            rest = bytearray(last)
        count += len(lines)
        if total > MOST_ROWS or len(rest) > MOST_LINE or count > MOST_LINES:
            raise ValueError("too long")
        yield from lines
    if rest:
        yield bytes(rest)
