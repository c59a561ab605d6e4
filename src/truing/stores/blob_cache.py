"""Copies of blobs that live elsewhere: whole, verified, and bounded by what was used last.

Layout as in `blobs_local`: `<folder>/sha256/ab/cdef…`. A copy's date is its last use. When the
copies outgrow their limit the ones unused for longest go, but none used within the last hour:
somebody may be about to open it.

*Known trade-offs*: a command that needs more than the limit at once has it for that long.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

from truing.domain.clock import MICROSECONDS, Clock
from truing.domain.digest import PREFIX, digest_file
from truing.domain.errors import DamagedError
from truing.platform.files import remove
from truing.stores.blobs_local import LocalBlobs, written

IN_USE = 3600.0
"""Seconds for which a copy is not dropped after its last use."""
ROOM = 0.9
"""The share of the limit that is left filled when copies have to go."""


class BlobCache:
    """A bounded folder of blobs.

    Args:
        folder: made with the first copy.
        limit: bytes that are kept.
        clock: tells when a copy was used.
    """

    def __init__(self, folder: Path, *, limit: int, clock: Clock) -> None:
        self._files = LocalBlobs(folder, clock=clock)
        self._folder = folder
        self._limit = limit
        self._clock = clock
        self._guard = threading.Lock()
        self._held: int | None = None

    def path(self, digest: str) -> Path | None:
        """The copy of a blob, None when there is none; it counts as used now.

        Raises:
            InvalidInputError: no digest.
        """
        target = self._files.target(digest)
        now = self._clock.now() / MICROSECONDS
        try:
            os.utime(target, (now, now))
        except OSError:
            # Read-only as well: what cannot be marked may be dropped, and is fetched again.
            return target if target.is_file() else None
        return target

    def keep(self, digest: str, pieces: Iterable[bytes]) -> Path:
        """Writes a copy, durable when it returns.

        Raises:
            DamagedError: the bytes have another digest; nothing is kept.
            UnavailableError: no space, or a folder that cannot be written.
        """
        target = self._files.target(digest)
        state, size = hashlib.sha256(), 0
        with written(str(target.parent), target.name) as stream:
            for piece in pieces:
                state.update(piece)
                size += len(piece)
                stream.write(piece)
            if PREFIX + state.hexdigest() != digest:
                raise DamagedError(
                    f"the blob `{digest}` came with other bytes than its digest says",
                    hint="restore it from a backup; `truing verify` lists what is damaged",
                )
        self.path(digest)
        self._grown(size)
        return target

    def drop(self, digest: str) -> bool:
        """Removes a copy; False when there was none."""
        return remove(self._files.target(digest))

    def whole(self, digest: str) -> bool:
        """Whether there is a copy, and its bytes match."""
        target = self._files.target(digest)
        return target.is_file() and digest_file(target) == digest

    def clear(self) -> int:
        """Removes every copy not used within the last hour; returns the bytes freed."""
        return self._make_room(0)

    def _grown(self, size: int) -> None:
        with self._guard:
            if self._held is None:
                self._held = sum(one[1] for one in self._copies())
            else:
                self._held += size
            full = self._held > self._limit
        if full:
            self._make_room(int(self._limit * ROOM))

    def _make_room(self, wanted: int) -> int:
        """Drops copies, the longest unused first, until no more than `wanted` bytes are left."""
        copies = sorted(self._copies())
        held = before = sum(size for _, size, _ in copies)
        used_since = self._clock.now() / MICROSECONDS - IN_USE
        for used, size, path in copies:
            if held <= wanted or used >= used_since:
                break
            if remove(path):
                held -= size
        with self._guard:
            self._held = held
        return before - held

    def _copies(self) -> Iterator[tuple[float, int, Path]]:
        """(last use, size, file) of everything kept, unfinished copies of the dead included."""
        for path in self._folder.glob("sha256/*/*"):
            with contextlib.suppress(FileNotFoundError):
                found = path.stat()
                yield found.st_mtime, found.st_size, path
