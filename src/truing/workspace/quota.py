"""Quota: what would not fit is refused before any of it is written.

`Admission.admit` is asked with the bytes of everything that belongs together, such as both images
of an edit, so that nothing is ever half there. Most of the time it only subtracts; about once a
second it asks the disk and the database what is left. `check_room` and `admitted` are the same for
what no sample brings: trainings, bundles, models, backups, archives and exports.

*Known trade-offs*: programs that write at the same time learn of each other within a second, so
together they may exceed the quota by what they write in it; the reserve of the disk is for that.
Reviews and other small writes are never refused: they are what makes room.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from truing.domain.clock import MICROSECONDS
from truing.domain.digest import PREFIX, digest_bytes, digest_file
from truing.domain.errors import FullError
from truing.domain.format import FailedRow, ImportedRow
from truing.loop.import_rows import fresh_rows
from truing.platform.files import free_space
from truing.workspace.disk import Usage, log, usage
from truing.workspace.room import spoken_size

if TYPE_CHECKING:
    from truing.workspace import Workspace

GOOD_FOR = 1.0
"""Seconds for which what is left is known, less what was admitted since."""
MEASURED_FOR = 60 * MICROSECONDS
"""Before something is refused every file is looked at, unless that was done so lately."""
WARNED_FOR = 3600.0
"""Seconds between two warnings in the log."""
LEAST = 1 << 20
"""Bytes that must be left for something large of which nobody can tell how large."""
UNPACKED = frozenset({".wav", ".aif", ".aiff"})
PACKED = 0.3
"""The least that is left of such sound when it is kept as FLAC."""


class Admission:
    """The door through which samples come in; several threads may ask at once.

    Args:
        workspace: whose quota and disk.
        now: seconds that only grow.
    """

    def __init__(self, workspace: Workspace, now: Callable[[], float] = time.monotonic) -> None:
        self._workspace = workspace
        self._now = now
        self._guard = threading.Lock()
        self._left = 0
        self._until = 0.0
        self._claimed = 0
        self._on_their_way = 0
        self._measured_at: int | None = None
        self._warned = -WARNED_FOR

    @contextmanager
    def admit(self, size: int) -> Iterator[None]:
        """A block in which so many bytes are written that belong together.

        Args:
            size: of all of them.

        Raises:
            FullError: they do not fit; the block is not entered.
        """
        with self._guard:
            if self._now() >= self._until or size > self._left:
                found = self._look(size)
                if size > self._left:
                    raise too_full(found, size)
            self._left -= size
            self._claimed += size
            self._on_their_way += size
        try:
            yield
        finally:
            with self._guard:
                self._on_their_way -= size

    def _look(self, size: int) -> Usage:
        found = usage(self._workspace, if_limited=True)
        self._left = self._left_by(found)
        if size > self._left and found.quota is not None and self._may_err(found):
            found = usage(self._workspace, fresh=True)
            self._left = self._left_by(found)
        self._until = self._now() + GOOD_FOR
        if found.warnings and self._now() - self._warned >= WARNED_FOR:
            self._warned = self._now()
            log.warning("%s", "; ".join(found.warnings))
        return found

    def _left_by(self, found: Usage) -> int:
        """What is left; what was admitted here and is not stored yet is taken off."""
        if found.measured_at != self._measured_at:
            # The files were looked at: what was written by then is among them.
            self._measured_at = found.measured_at
            self._claimed = self._on_their_way
        if found.quota is None:
            return found.room
        return min(found.room, found.quota - found.used - self._unseen(found))

    def _unseen(self, found: Usage) -> int:
        """Bytes that were admitted since files were looked at, and that no sample has brought."""
        return max(0, self._claimed - (found.used - found.parts["total"]))

    def _may_err(self, found: Usage) -> bool:
        """Whether a look at every file may find more room: something was deleted since the last
        one, or admitted and never written, such as a medium that was here already.
        """
        age = self._workspace.clock.now() - found.measured_at
        return not 0 <= age < MEASURED_FOR or self._unseen(found) > self._on_their_way


def check_room(workspace: Workspace, size: int, what: str, place: Path | None = None) -> None:
    """Makes sure that something large fits, before its first byte is written.

    Args:
        workspace: whose quota and disk.
        size: of it in bytes, as well as that can be told beforehand.
        what: it is, such as `the backup`.
        place: the file or folder it goes to; somewhere in the workspace when left out. The quota
            does not count elsewhere, but that disk does.

    Raises:
        FullError: it does not fit.
    """
    refused = lacking(workspace, size, what, place)
    if refused is not None:
        raise refused


def lacking(
    workspace: Workspace, size: int, what: str, place: Path | None = None
) -> FullError | None:
    """Why something large does not fit; None when it does. See `check_room`."""
    if not _is_inside(workspace, place):
        free = free_space(Path(str(place)))
        return _too_large(size, what, Path(str(place)), free) if size > free else None
    found = usage(workspace, if_limited=True)
    if size > found.room and found.quota is not None:
        found = usage(workspace, fresh=True)
    return too_full(found, size, what) if size > found.room else None


@contextmanager
def admitted(
    workspace: Workspace, size: int, what: str, place: Path | None = None
) -> Iterator[None]:
    """A block in which something large is written, unless it does not fit; see `check_room`.

    Raises:
        FullError: it does not fit; the block is not entered.
    """
    check_room(workspace, size, what, place)
    yield
    if _is_inside(workspace, place):
        take_note(workspace)


def take_note(workspace: Workspace) -> None:
    """Something large was written or removed: where there is a quota, every file is looked at, so
    that whoever asks next knows of it.
    """
    if workspace.settings.number("storage.quota_gb") > 0:
        usage(workspace, fresh=True)


def _is_inside(workspace: Workspace, place: Path | None) -> bool:
    root = workspace.layout.root.resolve()
    return place is None or place.expanduser().resolve().is_relative_to(root)


def _too_large(size: int, what: str, place: Path, free: int) -> FullError:
    return FullError(
        f"{what} needs about {spoken_size(size)}, and {spoken_size(free)} are free on the disk of "
        f"`{place}`",
        hint="free some space there, or name a place on another disk",
    )


def too_full(found: Usage, size: int, what: str = "") -> FullError:
    """The error for bytes that do not fit; it says what is in the way and what makes room."""
    wanted = f"{what} needs about {spoken_size(size)}, which" if what else spoken_size(size)
    room = (
        "truing retain shows what rules would make room, truing trash empty erases what is there, "
        "truing archive create --to FOLDER moves samples to another disk"
    )
    if found.by_quota and found.quota is not None:
        return FullError(
            f"{wanted} do not fit: `{found.folder}` takes {spoken_size(found.used)} of the "
            f"{spoken_size(found.quota)} that storage.quota_gb allows",
            hint=f"{room}; or raise it: truing config set storage.quota_gb GB",
        )
    return FullError(
        f"{wanted} do not fit: {spoken_size(found.free)} are free on the disk of "
        f"`{found.folder}`, and some of it is kept for the database",
        hint=f"free some disk space; {room}",
    )


def check_import(
    workspace: Workspace,
    path: Path,
    rows: Callable[[], Iterable[ImportedRow | FailedRow]],
    source: str,
) -> None:
    """Makes sure that everything new of a source fits, before the first row of it is stored.

    The rows are only looked at when the files of the source together are more than what is left;
    what an earlier import brought in takes no room, and what is there several times takes it once.

    Args:
        workspace: where it goes.
        path: the file or folder.
        rows: reads it.
        source: its name; with a row's key it tells whether the row is here already.

    Raises:
        FullError: it does not fit; nothing was written.
    """
    found = usage(workspace, if_limited=True)
    if _bytes_below(path) <= found.room:
        return
    found = usage(workspace, fresh=True)
    needed: dict[str, int] = {}
    for row in fresh_rows(rows(), source, workspace.store.samples):
        for role, medium in row.media.items():
            needed[_name(medium) or f"{row.key} {role}"] = _bytes_of(medium)
    new = sum(size for name, size in needed.items() if not _is_here(workspace, name))
    if new > found.room:
        raise too_full(found, new)


def _name(medium: object) -> str | None:
    """The digest of a medium that is kept as it is; None where that cannot be told."""
    if isinstance(medium, (bytes, bytearray, memoryview)):
        return digest_bytes(bytes(medium))
    if isinstance(medium, (str, Path)) and Path(medium).suffix.lower() not in UNPACKED:
        with suppress(OSError, ValueError):
            return digest_file(Path(medium))
    return None


def _is_here(workspace: Workspace, name: str) -> bool:
    return name.startswith(PREFIX) and workspace.blobs.exists(name)


def _bytes_below(path: Path) -> int:
    if not path.is_dir():
        return _bytes_of(path)
    return sum(_bytes_of(Path(place, name)) for place, _, files in os.walk(path) for name in files)


def _bytes_of(medium: object) -> int:
    """About how many bytes of a medium will be kept; of what cannot be told none."""
    if isinstance(medium, (bytes, bytearray, memoryview)):
        return len(medium)
    if isinstance(medium, (str, Path)):
        place = Path(medium)
        try:
            size = place.stat().st_size if place.is_file() else 0
        except (OSError, ValueError):
            return 0
        return int(size * PACKED) if place.suffix.lower() in UNPACKED else size
    size = getattr(medium, "nbytes", 0)
    return int(size * PACKED) if isinstance(size, int) else 0
