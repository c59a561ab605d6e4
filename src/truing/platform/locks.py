"""Locks between processes: held by the kernel, so that a dead process holds none."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from truing.domain.errors import UnavailableError
from truing.platform import system
from truing.platform.files import storage_error

# Windows locks a byte far beyond any content: what is locked there cannot be read by others.
_LOCK_AT = 1 << 30


class FileLock:
    """An advisory lock on a file that at most one process holds.

    On Linux and macOS (`flock`) a child that inherits `fileno()` holds the lock too, until it is
    dead: the kernel, not our bookkeeping, says whether somebody is still at work. On Windows the
    lock belongs to the process that took it.
    """

    __slots__ = ("_fd", "_path")

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._fd is not None

    def fileno(self) -> int:
        """The descriptor to pass to a child that shall hold the lock as well.

        Raises:
            UnavailableError: the lock is not held.
        """
        if self._fd is None:
            raise UnavailableError(
                f"the lock `{self._path}` is not held", hint="acquire it before passing it on"
            )
        return self._fd

    def acquire(self, *, timeout: float = 0.0) -> bool:
        """Tries for `timeout` seconds; False when somebody else kept it.

        Raises:
            UnavailableError: the lock file cannot be opened.
        """
        if self._fd is not None:
            return True
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise storage_error(error, self._path) from error
        deadline = time.monotonic() + timeout
        while not _try_lock(fd):
            if time.monotonic() >= deadline:
                os.close(fd)
                return False
            time.sleep(system.POLL)
        self._fd = fd
        return True

    def release(self) -> None:
        """Lets go; a child that inherited the descriptor goes on holding it."""
        if self._fd is not None:
            fd, self._fd = self._fd, None
            if system.WINDOWS:
                _unlock_windows(fd)
            os.close(fd)


@contextlib.contextmanager
def locked(path: Path, *, timeout: float = 10.0) -> Iterator[FileLock]:
    """Holds the lock on `path` for the block.

    Raises:
        UnavailableError: somebody else held it for `timeout` seconds.
    """
    lock = FileLock(path)
    if not lock.acquire(timeout=timeout):
        raise UnavailableError(
            f"`{path}` is held by another process",
            hint="wait until the other command is done, then try again",
        )
    try:
        yield lock
    finally:
        lock.release()


def _try_lock(fd: int) -> bool:
    try:
        if system.WINDOWS:
            _lock_windows(fd)
        else:
            import fcntl

            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in {errno.EACCES, errno.EAGAIN, errno.EDEADLK}:
            return False
        raise
    return True


def _lock_windows(fd: int) -> None:
    import msvcrt

    os.lseek(fd, _LOCK_AT, os.SEEK_SET)
    locking: Callable[[int, int, int], None] = msvcrt.__dict__["locking"]
    locking(fd, msvcrt.__dict__["LK_NBLCK"], 1)


def _unlock_windows(fd: int) -> None:
    import msvcrt

    os.lseek(fd, _LOCK_AT, os.SEEK_SET)
    locking: Callable[[int, int, int], None] = msvcrt.__dict__["locking"]
    locking(fd, msvcrt.__dict__["LK_UNLCK"], 1)
