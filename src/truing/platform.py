"""Every operating-system call that differs between Linux, macOS and Windows, and nothing else.

Scope: making files and folders durable, locks between processes, the identity and the death of
processes, starting and stopping them, free space, the login name.

Known trade-offs: Windows cannot sync a folder, so a rename there is as durable as NTFS makes it;
macOS and Windows processes are told apart by their absolute start time, Linux ones by ticks since
boot, which is why `boot_id` matters only there.
"""

from __future__ import annotations

import contextlib
import errno
import getpass
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from truing.domain.errors import TruingError, UnavailableError

WINDOWS = sys.platform == "win32"
MACOS = sys.platform == "darwin"

_POLL = 0.02
_FULL = {errno.ENOSPC, errno.EDQUOT} if hasattr(errno, "EDQUOT") else {errno.ENOSPC}
_FORBIDDEN = {errno.EROFS, errno.EACCES, errno.EPERM}
# Windows kernel32: PROCESS_QUERY_LIMITED_INFORMATION, STILL_ACTIVE, file lock range.
_QUERY_LIMITED = 0x1000
_STILL_ACTIVE = 259
_LOCK_AT = 1 << 30


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
    if MACOS:
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
    if WINDOWS:
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
            if not WINDOWS or time.monotonic() >= deadline:
                raise
            time.sleep(_POLL)
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
            time.sleep(_POLL)
        self._fd = fd
        return True

    def release(self) -> None:
        """Lets go; a child that inherited the descriptor goes on holding it."""
        if self._fd is not None:
            fd, self._fd = self._fd, None
            if WINDOWS:
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
        if WINDOWS:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessIdentity:
    """What tells one process from all others, also after its number was used again."""

    boot_id: str
    pid: int
    start: int
    """As `process_start` gives it."""


def boot_id() -> str:
    """Differs from one start of the machine to the next where process start times do not."""
    if sys.platform == "linux":
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    # Start times are absolute there, so a process of an earlier boot never looks alive.
    return sys.platform


def this_process() -> ProcessIdentity:
    """The identity of the running process."""
    start = process_start(os.getpid())
    return ProcessIdentity(boot_id=boot_id(), pid=os.getpid(), start=start or 0)


def process_start(pid: int) -> int | None:
    """When a process started, None when there is none or it is dead and only not yet buried.

    Linux: clock ticks since boot. macOS: seconds since 1970. Windows: 100 ns since 1601.
    """
    if pid <= 0:
        return None
    if WINDOWS:
        return _start_windows(pid)
    if sys.platform == "linux":
        return _start_linux(pid)
    return _start_ps(pid)


def process_alive(pid: int, start: int) -> bool:
    """Whether that very process still runs; compare `boot_id` as well for stored identities."""
    return process_start(pid) == start


def _start_linux(pid: int) -> int | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The name in brackets may hold spaces and brackets itself: count from the last one.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in {"Z", "X", "x"} else int(fields[19])


def _start_ps(pid: int) -> int | None:
    done = subprocess.run(  # noqa: S603 - a fixed program, a number
        ["/bin/ps", "-o", "stat=,lstart=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
        env={"LC_ALL": "C", "TZ": "UTC"},
    )
    status, _, started = done.stdout.strip().partition(" ")
    if done.returncode != 0 or not started or status.startswith("Z"):
        return None
    import calendar

    return calendar.timegm(time.strptime(" ".join(started.split()), "%a %b %d %H:%M:%S %Y"))


def _start_windows(pid: int) -> int | None:
    import ctypes

    kernel = ctypes.__dict__["windll"].kernel32
    handle = kernel.OpenProcess(_QUERY_LIMITED, 0, pid)
    if not handle:
        return None
    try:
        code = ctypes.c_uint32()
        times = [ctypes.c_uint64() for _ in range(4)]
        if not kernel.GetExitCodeProcess(handle, ctypes.byref(code)):
            return None
        if code.value != _STILL_ACTIVE:
            return None
        if not kernel.GetProcessTimes(handle, *(ctypes.byref(one) for one in times)):
            return None
        return int(times[0].value)
    finally:
        kernel.CloseHandle(handle)


def start_detached(
    command: Sequence[str],
    *,
    log: Path,
    keep: Sequence[int] = (),
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Starts a program that outlives this one, its output appended to `log`.

    It has its own session (Windows: its own process group), so that Ctrl-C at the terminal does
    not reach it.

    Args:
        command: program and arguments.
        log: file for standard output and error, created with its folder.
        keep: descriptors it inherits, such as `FileLock.fileno()`; ignored on Windows.
        environ: its whole environment; None inherits ours.
        folder: its working folder.

    Raises:
        UnavailableError: the program or the log cannot be opened.
    """
    options: dict[str, object] = {"start_new_session": True, "pass_fds": tuple(keep)}
    if WINDOWS:
        options = {"creationflags": subprocess.__dict__["CREATE_NEW_PROCESS_GROUP"]}
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            child = _popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=None if environ is None else dict(environ),
                cwd=folder,
                **options,
            )
    except OSError as error:
        raise UnavailableError(
            f"`{command[0]}` cannot be started: {error.strerror or error}",
            hint=f"check that the program exists and that `{log}` can be written",
        ) from error
    _children[:] = [other for other in _children if other.poll() is None]
    _children.append(child)
    return child


# Children that still run are kept: an object given up before its process ends would warn.
_children: list[subprocess.Popen[bytes]] = []
_popen: Callable[..., subprocess.Popen[bytes]] = subprocess.Popen


def ask_to_stop(pid: int) -> bool:
    """Asks a process started by `start_detached` to save its work and end: SIGTERM, or
    CTRL_BREAK on Windows. False when there is no such process.
    """
    number = int(signal.__dict__["CTRL_BREAK_EVENT"]) if WINDOWS else int(signal.SIGTERM)
    return _signal(lambda: os.kill(pid, number), pid)


def end_now(pid: int) -> bool:
    """Ends such a process and its group without asking; False when there is no such process."""
    if WINDOWS:
        # Any number that is no console event makes os.kill call TerminateProcess.
        return _signal(lambda: os.kill(pid, int(signal.SIGTERM)), pid)
    return _signal(lambda: os.killpg(pid, int(signal.SIGKILL)), pid)


def _signal(send: Callable[[], None], pid: int) -> bool:
    try:
        send()
    except ProcessLookupError:
        return False
    except PermissionError as error:
        raise UnavailableError(
            f"process `{pid}` belongs to somebody else", hint="stop it as the user who started it"
        ) from error
    except OSError:
        if WINDOWS:
            # A process that is gone shows as a plain OSError there.
            return False
        raise
    return True


@contextlib.contextmanager
def stop_signals(handler: Callable[[], None]) -> Iterator[None]:
    """Calls `handler` instead of dying when asked to stop or interrupted, for the block.

    Only the main thread may use it. The handler should set a flag: it runs between any two
    instructions of the main thread.
    """
    names = ("SIGTERM", "SIGINT", "SIGBREAK") if WINDOWS else ("SIGTERM", "SIGINT")
    numbers = [signal.__dict__[name] for name in names if name in signal.__dict__]

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        handler()

    before = [(number, signal.signal(number, on_signal)) for number in numbers]
    try:
        yield
    finally:
        for number, old in reversed(before):
            signal.signal(number, old if old is not None else signal.SIG_DFL)


def free_space(path: Path) -> int:
    """Free bytes on the disk that holds `path`, or would hold it."""
    place = path.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    return shutil.disk_usage(place).free


def login_name() -> str:
    """Who is at the machine; `unknown` where the system has no name for the user."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"


ESCAPE = "\x1b"
"""What `read_key` gives for keys that are no sign."""

if sys.platform == "win32":

    def read_key() -> str:
        """Waits for one key of the terminal, without Enter; ESCAPE for keys that are no sign."""
        import msvcrt

        sign = msvcrt.getwch()
        if sign in ("\x00", "\xe0"):
            msvcrt.getwch()
            return ESCAPE
        if sign == "\x03":
            raise KeyboardInterrupt
        return sign

else:

    def read_key() -> str:
        """Waits for one key of the terminal, without Enter; ESCAPE for keys that are no sign."""
        import termios
        import tty

        number = sys.stdin.fileno()
        before = termios.tcgetattr(number)
        try:
            # What was typed ahead counts: nothing is flushed.
            tty.setcbreak(number, termios.TCSADRAIN)
            return _read_sign(number)
        finally:
            termios.tcsetattr(number, termios.TCSADRAIN, before)

    def _read_sign(number: int) -> str:
        """One sign in UTF-8, or ESCAPE for a whole sequence that begins with it."""
        data = os.read(number, 1)
        if data == ESCAPE.encode():
            _skip_sequence(number)
            return ESCAPE
        following = {0b110: 1, 0b1110: 2, 0b11110: 3}
        for bits, count in following.items():
            if data and data[0] >> (7 - count - 1) == bits:
                data += os.read(number, count)
        return data.decode("utf-8", "replace")

    def _skip_sequence(number: int) -> None:
        """Reads the rest of what an arrow or function key sends, and nothing beyond it."""
        first = _at_once(number)
        if first in (b"[", b"O"):
            # ECMA-48: parameters, then one final byte from @ to ~.
            while (sign := _at_once(number)) and not 0x40 <= sign[0] <= 0x7E:
                pass

    def _at_once(number: int) -> bytes:
        import select

        ready = select.select([number], [], [], 0.02)[0]
        return os.read(number, 1) if ready else b""
