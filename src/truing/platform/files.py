"""Files that last: synced, replaced in one step, and what it means when the system refuses.

Scope: blobs, model folders, checkpoints and settings reach the disk through the calls here, and
these through this module's `os`: a test puts a recording one in its place and replays every crash
(`tests/property/test_crash_consistency.py`).

*Known trade-offs*: Windows cannot sync a folder, so a rename there is as durable as NTFS makes it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from truing.domain.errors import FullError, TruingError, UnavailableError
from truing.platform import system

_FULL = {errno.ENOSPC, errno.EDQUOT} if hasattr(errno, "EDQUOT") else {errno.ENOSPC}
_NO_SPACE = os.strerror(errno.ENOSPC)
_FORBIDDEN = {errno.EROFS, errno.EACCES, errno.EPERM}


def storage_error(error: OSError, path: Path, *, doing: str = "written") -> TruingError:
    """Explains why the file system refused: full, read-only, or whatever it says."""
    if error.errno in _FULL:
        return FullError(f"no space left for `{path}`", hint="free some disk space and try again")
    if error.errno in _FORBIDDEN:
        return UnavailableError(
            f"`{path}` cannot be {doing}: {error.strerror}",
            hint="check who owns the folder and whether its disk is mounted read-only",
        )
    return UnavailableError(
        f"`{path}` cannot be used: {error.strerror or error}", hint="check the disk and the path"
    )


def is_full(error: BaseException) -> bool:
    """Whether an error, or one that it came of, says that the disk is full.

    Libraries that write files themselves tell it in words alone.
    """
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, FullError) or (isinstance(seen, OSError) and seen.errno in _FULL):
            return True
        if _NO_SPACE in str(seen):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def sync_file(fd: int) -> None:
    """Forces a file's bytes to the disk; on macOS past the drive's own cache."""
    if system.MACOS:
        import fcntl

        # A network volume may not know F_FULLFSYNC; plain fsync is all it offers.
        with contextlib.suppress(OSError):
            fcntl.fcntl(fd, getattr(fcntl, "F_FULLFSYNC", 51))
            return
    os.fsync(fd)


def sync_folder(folder: Path | str) -> None:
    """Forces a folder's entries to the disk: what was created, renamed or removed in it.

    Windows has no such call; NTFS journals its entries by itself.
    """
    if system.WINDOWS:
        return
    fd = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def replace(source: Path | str, target: Path | str, *, patience: float = 2.0) -> None:
    """Renames over `target` in one step.

    Windows refuses while a virus scanner or indexer looks at the file: it is tried again for
    `patience` seconds.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            os.replace(source, target)  # noqa: PTH105 - half the cost on the way of a capture
        except PermissionError:
            if not system.WINDOWS or time.monotonic() >= deadline:
                raise
            time.sleep(system.POLL)
        else:
            return


def make_folder(folder: Path, *, mode: int = 0o777) -> None:
    """A folder that lasts: with every parent that was missing, each known to the one above it.

    Args:
        folder: one that is there already is left as it is.
        mode: who may use it, less what the system's mask takes away; parents get the usual one.

    Raises:
        OSError: the system refused.
    """
    fresh = [folder, *folder.parents]
    there = (place for place, one in enumerate(fresh) if one.is_dir())
    fresh = fresh[: next(there, len(fresh))]
    for one in reversed(fresh):
        try:
            os.mkdir(one, mode if one is folder else 0o777)  # noqa: PTH102 - see *Scope*
        except FileExistsError:
            # Somebody else made it meanwhile; a file in its place is another matter.
            if not one.is_dir():
                words = os.strerror(errno.ENOTDIR)
                raise NotADirectoryError(errno.ENOTDIR, words, str(one)) from None
    for one in fresh:
        sync_folder(one.parent)


def remove(path: Path) -> bool:
    """Removes a file for good; False when there was none.

    Raises:
        UnavailableError: the system refused.
    """
    try:
        os.unlink(path)  # noqa: PTH108 - see *Scope*
        sync_folder(path.parent)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise storage_error(error, path) from error
    return True


def sync_tree(folder: Path) -> None:
    """Forces everything in a folder to the disk, and the names of what is in it.

    Raises:
        OSError: the system refused.
    """
    for place in (*folder.rglob("*"), folder):
        if place.is_dir():
            sync_folder(place)
        else:
            # Windows syncs only what is open for writing.
            with place.open("rb+") as stream:
                sync_file(stream.fileno())


def write_durably(path: Path, data: bytes) -> None:
    """Writes a small file so that, at any moment, its old or its new content is there, whole.

    Raises:
        UnavailableError: the file system refused; nothing is left behind.
    """
    # Threads of one process write beside each other as well.
    draft = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        with draft.open("wb") as stream:
            stream.write(data)
            stream.flush()
            sync_file(stream.fileno())
        replace(draft, path)
        sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise storage_error(error, path) from error


def write_new_durably(path: Path, data: bytes) -> None:
    """Writes a small file that must not be there yet: of several writers one succeeds.

    Raises:
        FileExistsError: it is there.
        OSError: the system refused; nothing is left behind.
    """
    with path.open("xb") as stream:
        try:
            stream.write(data)
            stream.flush()
            sync_file(stream.fileno())
        except OSError:
            path.unlink()
            raise
    sync_folder(path.parent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """Bytes of a disk."""

    total: int
    """Those that can be used in all: what the system keeps for itself is left out."""
    free: int


def disk_space(path: Path) -> Space:
    """The disk that holds `path`, or would hold it."""
    place = path.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    found = shutil.disk_usage(place)
    return Space(total=found.used + found.free, free=found.free)


def free_space(path: Path) -> int:
    """Free bytes on the disk that holds `path`, or would hold it."""
    return disk_space(path).free
