"""Processes: who is alive, started programs that outlive this one, and signals.

*Known trade-offs*: macOS and Windows processes are told apart by their absolute start time, Linux
ones by ticks since boot, which is why `boot_id` matters only there.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

from truing.domain.errors import UnavailableError
from truing.platform import system

# Windows kernel32: PROCESS_QUERY_LIMITED_INFORMATION, STILL_ACTIVE.
_QUERY_LIMITED = 0x1000
_STILL_ACTIVE = 259
_TRY_AGAIN = 75
"""EX_TEMPFAIL of sysexits.h."""


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
    if system.WINDOWS:
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
    if system.WINDOWS:
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
        raise _cannot_start(command, log, error) from error
    _children[:] = [other for other in _children if other.poll() is None]
    _children.append(child)
    return child


def start_attached(
    command: Sequence[str], *, log: Path, environ: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Starts a program that serves this one: we write to its input and read from its output.

    Its input ends when this process does, however that happens, and then it should end too.
    Ctrl-C at the terminal does not reach it.

    Args:
        command: program and arguments.
        log: file to which its standard error is appended, created with its folder.
        environ: its whole environment; None inherits ours.

    Raises:
        UnavailableError: the program or the log cannot be opened.
    """
    options: dict[str, object] = {"start_new_session": True}
    if system.WINDOWS:
        options = {"creationflags": subprocess.__dict__["CREATE_NEW_PROCESS_GROUP"]}
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as errors:
            return _popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=None if environ is None else dict(environ),
                **options,
            )
    except OSError as error:
        raise _cannot_start(command, log, error) from error


def _cannot_start(command: Sequence[str], log: Path, error: OSError) -> UnavailableError:
    return UnavailableError(
        f"`{command[0]}` cannot be started: {error.strerror or error}",
        hint=f"check that the program exists and that `{log}` can be written",
    )


# Children that still run are kept: an object given up before its process ends would warn.
_children: list[subprocess.Popen[bytes]] = []
_popen: Callable[..., subprocess.Popen[bytes]] = subprocess.Popen


def start_over(command: Sequence[str], environ: Mapping[str, str]) -> NoReturn:
    """Ends this process at once, whatever its threads are doing, and runs `command` in its place.

    Number, start time and the descriptors it was given stay, and the system has ended every
    thread before the program begins: nothing of the old one goes on beside it. On Windows the
    process only ends, with exit code 75: whoever looks after it starts the next one.
    """
    if not system.WINDOWS:
        with contextlib.suppress(OSError):
            os.execve(command[0], list(command), dict(environ))  # noqa: S606 - our own program
    leave_now(_TRY_AGAIN)


def leave_now(code: int) -> NoReturn:
    """Ends this process at once, whatever its threads are doing."""
    os._exit(code)


def signal_name(number: int) -> str:
    """`SIGKILL` for 9; `signal 99` for one without a name here."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def ask_to_stop(pid: int) -> bool:
    """Asks a process started by `start_detached` to save its work and end: SIGTERM, or
    CTRL_BREAK on Windows. False when there is no such process.
    """
    number = int(signal.__dict__["CTRL_BREAK_EVENT"]) if system.WINDOWS else int(signal.SIGTERM)
    return _signal(lambda: os.kill(pid, number), pid)


def end_now(pid: int) -> bool:
    """Ends such a process and its group without asking; False when there is no such process."""
    if system.WINDOWS:
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
        if system.WINDOWS:
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
    names = ("SIGTERM", "SIGINT", "SIGBREAK") if system.WINDOWS else ("SIGTERM", "SIGINT")
    numbers = [signal.__dict__[name] for name in names if name in signal.__dict__]

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        handler()

    before = [(number, signal.signal(number, on_signal)) for number in numbers]
    try:
        yield
    finally:
        for number, old in reversed(before):
            signal.signal(number, old if old is not None else signal.SIG_DFL)


def give_to_service_user(folder: Path) -> int | None:
    """For programs that refuse to run as root, such as PostgreSQL: gives them a folder.

    Returns:
        The user to start them as; None when this process is not root's anyway.
    """
    if sys.platform == "win32" or os.geteuid() != 0:
        return None
    import pwd

    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = known.get("postgres") or known["nobody"]
    os.chown(folder, entry.pw_uid, entry.pw_gid)
    return entry.pw_uid
