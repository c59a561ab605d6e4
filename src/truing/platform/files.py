"""Files that last: synced, replaced in one step, and what it means when the system refuses.

*Known trade-offs*: Windows cannot sync a folder, so a rename there is as durable as NTFS makes it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import time
from pathlib import Path

from truing.domain.errors import TruingError, UnavailableError
from truing.platform import system

_FULL = {errno.ENOSPC, errno.EDQUOT} if hasattr(errno, "EDQUOT") else {errno.ENOSPC}
_FORBIDDEN = {errno.EROFS, errno.EACCES, errno.EPERM}


def storage_error(error: OSError, path: Path) -> TruingError:
    """Explains why the file system refused: full, read-only, or whatever it says."""
    if error.errno in _FULL:
        return UnavailableError(
            f"no space left for `{path}`", hint="free some disk space and try again"
        )
    if error.errno in _FORBIDDEN:
        return UnavailableError(
            f"`{path}` cannot be written: {error.strerror}",
            hint="check who owns the folder and whether its disk is mounted read-only",
        )
    return UnavailableError(
        f"`{path}` cannot be used: {error.strerror or error}", hint="check the disk and the path"
    )


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


def write_durably(path: Path, data: bytes) -> None:
    """Writes a small file so that, at any moment, its old or its new content is there, whole.

    Raises:
        UnavailableError: the file system refused; nothing is left behind.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with draft.open("wb") as stream:
            stream.write(data)
            stream.flush()
            sync_file(stream.fileno())
        replace(draft, path)
        sync_folder(path.parent)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise storage_error(error, path) from error


def free_space(path: Path) -> int:
    """Free bytes on the disk that holds `path`, or would hold it."""
    place = path.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    return shutil.disk_usage(place).free
