"""Zipped: files and folders as one ZIP archive that is written while it is sent."""

from __future__ import annotations

import threading
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from fastapi.responses import StreamingResponse

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

PIECE = 1 << 20
"""Bytes of a file in memory at a time."""
FIRST_DATE = (1980, 1, 1, 0, 0, 0)
"""The earliest there is in an archive: equal contents give equal archives."""


class _Sink:
    """What is written until somebody takes it."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """There is nothing behind it."""

    def taken(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


def zipped(files: Iterable[tuple[str, Path]]) -> Iterator[bytes]:
    """An archive in pieces, its files as they are: media and weights hardly get smaller.

    Args:
        files: (name in the archive, file), read one after the other.
    """
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:  # type: ignore[call-overload]
        for name, path in files:
            entry = zipfile.ZipInfo(name, FIRST_DATE)
            entry.external_attr = 0o644 << 16
            with path.open("rb") as source, archive.open(entry, "w", force_zip64=True) as target:
                while piece := source.read(PIECE):
                    target.write(piece)
                    yield sink.taken()
    yield sink.taken()


def files_below(folder: Path) -> Iterator[tuple[str, Path]]:
    """The files of a folder by their paths below it, in the order of these."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path.relative_to(folder).as_posix(), path


def attachment(name: str) -> dict[str, str]:
    """The header by which a browser saves an answer under this name."""
    return {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}


class Download(StreamingResponse):
    """A stream of which something is left to do when it ends, also when nobody takes it any more.

    Args:
        content: the pieces.
        name: under which a browser saves it.
        media_type: of the whole.
        afterwards: what is to be done, in a thread.
    """

    def __init__(
        self,
        content: Iterable[bytes],
        *,
        name: str,
        media_type: str,
        afterwards: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(content, media_type=media_type, headers=attachment(name))
        self._afterwards = afterwards

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            # Not waited for: a task that was cancelled may not wait any more.
            threading.Thread(target=self._afterwards, name="after-download").start()


def pieces_of(place: Path) -> Iterator[bytes]:
    """A file as it is, a folder as an archive."""
    if place.is_dir():
        yield from zipped(files_below(place))
        return
    with place.open("rb") as stream:
        while piece := stream.read(PIECE):
            yield piece
