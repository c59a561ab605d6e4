"""The operating system's own calls: what this system does, and what the other branches would do."""

import errno
import os
import signal
import subprocess
import sys
import time
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from truing.domain.errors import UnavailableError
from truing.platform import files, processes, system, terminal
from truing.platform.files import (
    free_space,
    make_folder,
    remove,
    replace,
    storage_error,
    sync_file,
    sync_folder,
    sync_tree,
    write_durably,
    write_new_durably,
)
from truing.platform.locks import FileLock, locked
from truing.platform.processes import (
    ask_to_stop,
    boot_id,
    end_now,
    process_alive,
    process_start,
    start_attached,
    start_detached,
    stop_signals,
    this_process,
)
from truing.platform.terminal import login_name

posix = pytest.mark.skipif(sys.platform == "win32", reason="for Linux and macOS")


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "WINDOWS", True)


def wait_until(condition: Any, seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


# --- files -------------------------------------------------------------------------------------


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "truing.toml"
    write_durably(path, b"one")
    write_durably(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "truing.toml"
    write_durably(path, b"one")

    def refuse(_fd: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "sync_file", refuse)
    with pytest.raises(UnavailableError, match="no space left"):
        write_durably(path, b"two")
    assert path.read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_missing_is_reported(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError):
        write_durably(tmp_path / "no" / "file", b"")


def test_a_folder_lasts_with_every_parent_that_was_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(files, "sync_folder", synced.append)
    folder = tmp_path / "a" / "b" / "c"
    make_folder(folder, mode=0o700)
    assert folder.is_dir()
    assert synced == [tmp_path / "a" / "b", tmp_path / "a", tmp_path]
    if sys.platform != "win32":
        assert folder.stat().st_mode & 0o777 == 0o700
        assert folder.parent.stat().st_mode & 0o700 == 0o700
    synced.clear()
    make_folder(folder)
    assert synced == []


def test_a_file_in_the_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OSError, match="file"):
            make_folder(folder)


def test_of_two_who_write_a_new_file_one_does(tmp_path: Path) -> None:
    path = tmp_path / "truing.toml"
    write_new_durably(path, b"one")
    with pytest.raises(FileExistsError):
        write_new_durably(path, b"two")
    assert path.read_bytes() == b"one"


def test_a_new_file_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_fd: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "sync_file", refuse)
    with pytest.raises(OSError, match="No space"):
        write_new_durably(tmp_path / "truing.toml", b"one")
    assert list(tmp_path.iterdir()) == []


def test_what_is_removed_is_gone_for_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(files, "sync_folder", synced.append)
    path = tmp_path / "file"
    path.touch()
    assert remove(path)
    assert synced == [tmp_path]
    assert not remove(path)
    assert not path.exists()


def test_a_tree_is_synced_with_all_its_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "tree" / "inner"
    inner.mkdir(parents=True)
    (inner / "file").write_bytes(b"x")
    folders: list[Path] = []
    synced: list[int] = []
    monkeypatch.setattr(files, "sync_folder", folders.append)
    monkeypatch.setattr(files, "sync_file", synced.append)
    sync_tree(tmp_path / "tree")
    assert folders == [inner, tmp_path / "tree"]
    assert len(synced) == 1


@pytest.mark.parametrize(
    ("code", "says"),
    [(errno.ENOSPC, "no space"), (errno.EROFS, "cannot be written"),
     (errno.EACCES, "cannot be written"), (errno.EIO, "cannot be used")],
)  # fmt: skip
def test_why_the_file_system_refused(tmp_path: Path, code: int, says: str) -> None:
    error = storage_error(OSError(code, os.strerror(code)), tmp_path)
    assert says in error.message
    assert str(tmp_path) in error.message
    assert error.hint


def test_folders_are_synced_but_on_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    sync_folder(tmp_path)
    assert len(synced) == (0 if sys.platform == "win32" else 1)
    synced.clear()
    monkeypatch.setattr(system, "WINDOWS", True)
    sync_folder(tmp_path)
    assert synced == []


@posix
def test_macos_syncs_past_the_drives_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    called: list[Any] = []
    monkeypatch.setattr(system, "MACOS", True)
    monkeypatch.setattr(fcntl, "fcntl", lambda fd, command: called.append(command))
    monkeypatch.setattr(os, "fsync", lambda _fd: called.append("fsync"))
    with (tmp_path / "file").open("wb") as stream:
        sync_file(stream.fileno())
        assert called == [51]

        def refuse(_fd: int, _command: int) -> None:
            raise OSError(errno.ENOTSUP, "not on this volume")

        monkeypatch.setattr(fcntl, "fcntl", refuse)
        sync_file(stream.fileno())
    assert called == [51, "fsync"]


def test_windows_renames_again_while_a_scanner_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, windows: None
) -> None:
    source, target = tmp_path / "new", tmp_path / "old"
    source.write_bytes(b"new")
    target.write_bytes(b"old")
    real = os.replace
    attempts: list[int] = []

    def hindered(old: Path, new: Path) -> None:
        attempts.append(1)
        if len(attempts) < 3:
            raise PermissionError(errno.EACCES, "used by another process")
        real(old, new)

    monkeypatch.setattr(os, "replace", hindered)
    replace(source, target)
    assert target.read_bytes() == b"new"
    attempts.clear()
    source.write_bytes(b"newer")
    with pytest.raises(PermissionError):
        replace(source, target, patience=0.0)


def test_free_space_of_what_does_not_exist_yet(tmp_path: Path) -> None:
    assert free_space(tmp_path) > 0
    there, not_there = free_space(tmp_path), free_space(tmp_path / "not" / "yet")
    assert abs(there - not_there) < 1 << 30


# --- locks -------------------------------------------------------------------------------------


def test_a_lock_is_held_by_one(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "cpu.lock"
    first, second = FileLock(path), FileLock(path)
    assert first.acquire()
    assert first.acquire()
    assert first.held
    assert not second.acquire(timeout=0.05)
    assert not second.held
    with pytest.raises(UnavailableError, match=r"cpu\.lock"), locked(path, timeout=0.05):
        pass
    first.release()
    first.release()
    assert second.acquire()
    second.release()
    with locked(path) as lock:
        assert lock.held
    assert not lock.held


def test_a_lock_that_is_not_held_has_no_descriptor(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="not held"):
        FileLock(tmp_path / "lock").fileno()


def test_a_lock_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UnavailableError):
        FileLock(tmp_path / "file" / "lock").acquire()


@posix
def test_a_child_holds_the_lock_until_it_is_dead(tmp_path: Path) -> None:
    path = tmp_path / "cpu.lock"
    lock = FileLock(path)
    assert lock.acquire()
    program = "import time; print('up', flush=True); time.sleep(60)"
    child = start_detached(
        [sys.executable, "-c", program], log=tmp_path / "log", keep=[lock.fileno()]
    )
    lock.release()
    assert wait_until(lambda: (tmp_path / "log").read_text() == "up\n")
    assert not FileLock(path).acquire()
    child.kill()
    child.wait()
    again = FileLock(path)
    assert again.acquire(timeout=5)
    again.release()


class FakeMsvcrt(types.ModuleType):
    """Locks of one process, as `msvcrt.locking` keeps them by file and range."""

    def __init__(self) -> None:
        super().__init__("msvcrt")
        self.held: set[tuple[int, int]] = set()
        self.locking = self._locking
        self.LK_NBLCK, self.LK_UNLCK = 2, 0

    def _locking(self, fd: int, mode: int, length: int) -> None:
        place = (os.fstat(fd).st_ino, os.lseek(fd, 0, os.SEEK_CUR))
        assert length == 1
        if mode == self.LK_UNLCK:
            self.held.remove(place)
        elif place in self.held:
            raise OSError(errno.EACCES, "Permission denied")
        else:
            self.held.add(place)


def test_windows_locks_a_byte_beyond_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, windows: None
) -> None:
    fake = FakeMsvcrt()
    monkeypatch.setitem(sys.modules, "msvcrt", fake)
    first, second = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert first.acquire()
    assert not second.acquire()
    first.release()
    assert second.acquire()
    second.release()
    assert fake.held == set()


# --- processes ---------------------------------------------------------------------------------


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    child = start_detached(
        [sys.executable, "-c", "import time; time.sleep(60)"], log=tmp_path / "log"
    )
    yield child
    child.kill()
    child.wait()


def test_a_process_is_known_by_number_and_start(sleeper: subprocess.Popen[bytes]) -> None:
    me = this_process()
    assert me.pid == os.getpid()
    assert me.boot_id == boot_id() != ""
    assert process_alive(me.pid, me.start)
    assert not process_alive(me.pid, me.start + 1)
    start = process_start(sleeper.pid)
    assert start is not None
    assert start >= me.start
    sleeper.kill()
    # Dead, but we have not asked for its exit status yet: a zombie is not alive.
    assert wait_until(lambda: process_start(sleeper.pid) is None)
    assert not process_alive(sleeper.pid, start)
    assert process_start(0) is None
    assert process_start(-1) is None


@pytest.mark.skipif(not Path("/bin/ps").exists(), reason="needs /bin/ps")  # not read
def test_macos_asks_ps(sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    started = processes._start_ps(sleeper.pid)
    assert started is not None
    assert abs(started - time.time()) < 120
    sleeper.kill()
    assert wait_until(lambda: processes._start_ps(sleeper.pid) is None)
    monkeypatch.setattr(processes.sys, "platform", "darwin")
    assert boot_id() == "darwin"
    assert process_start(os.getpid()) == processes._start_ps(os.getpid())


class FakeKernel:
    """kernel32 with one process, number 7."""

    def __init__(self, exit_code: int) -> None:
        self.exit_code = exit_code
        self.closed = 0

    def OpenProcess(self, _access: int, _inherit: int, pid: int) -> int:  # noqa: N802
        return 70 if pid == 7 else 0

    def GetExitCodeProcess(self, _handle: int, code: Any) -> int:  # noqa: N802
        code._obj.value = self.exit_code
        return 1

    def GetProcessTimes(self, _handle: int, created: Any, *_: Any) -> int:  # noqa: N802
        created._obj.value = 133_000_000_000_000_000
        return 1

    def CloseHandle(self, _handle: int) -> None:  # noqa: N802
        self.closed += 1


def test_windows_asks_the_kernel(monkeypatch: pytest.MonkeyPatch, windows: None) -> None:
    import ctypes

    kernel = FakeKernel(exit_code=259)
    windll = types.SimpleNamespace(kernel32=kernel)
    monkeypatch.setattr(ctypes, "windll", windll, raising=False)
    assert process_start(7) == 133_000_000_000_000_000
    assert process_start(8) is None
    kernel.exit_code = 1
    assert process_start(7) is None
    assert kernel.closed == 2


def test_a_detached_program_writes_to_its_log(tmp_path: Path) -> None:
    log = tmp_path / "runs" / "1" / "log.txt"
    program = "import os, sys; print(os.environ['WHO'], os.getcwd()); print('err', file=sys.stderr)"
    for _ in range(2):
        child = start_detached(
            [sys.executable, "-c", program],
            log=log,
            environ={**os.environ, "WHO": "ada"},
            folder=tmp_path,
        )
        assert child.wait(30) == 0
    said = log.read_text().splitlines()
    assert said.count("err") == 2
    assert sum(line.startswith("ada ") and line.endswith(tmp_path.name) for line in said) == 2


def test_an_attached_program_hears_us_and_answers(tmp_path: Path) -> None:
    code = "import sys; print(sys.stdin.readline().upper()); print('aside', file=sys.stderr)"
    log = tmp_path / "logs" / "attached.log"
    with start_attached([sys.executable, "-c", code], log=log) as child:
        said, _ = child.communicate(b"well\n", timeout=30)

    assert said.split() == [b"WELL"]
    assert log.read_text().strip() == "aside"
    with pytest.raises(UnavailableError, match="no-such-program"):
        start_attached([str(tmp_path / "no-such-program")], log=log)


def test_a_program_that_is_missing_is_reported(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="no-such-program"):
        start_detached([str(tmp_path / "no-such-program")], log=tmp_path / "log")
    with pytest.raises(UnavailableError):
        start_detached([sys.executable], log=tmp_path)


def test_windows_starts_a_process_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, windows: None
) -> None:
    seen: dict[str, Any] = {}

    def popen(_command: list[str], **options: Any) -> Any:
        seen.update(options)
        return types.SimpleNamespace(poll=lambda: 0)

    monkeypatch.setattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 512, raising=False)
    monkeypatch.setattr(processes, "_popen", popen)
    start_detached(["program"], log=tmp_path / "log", keep=[3])
    assert seen["creationflags"] == 512
    assert "pass_fds" not in seen
    assert "start_new_session" not in seen


_WORKER = """
import sys, time
from truing.platform.processes import stop_signals
stop = []
with stop_signals(lambda: stop.append(1)):
    print("up", flush=True)
    while not stop:
        time.sleep(0.02)
print("saved", flush=True)
"""


@posix
def test_a_worker_that_is_asked_to_stop_saves_its_work(tmp_path: Path) -> None:
    log = tmp_path / "log"
    child = start_detached([sys.executable, "-c", _WORKER], log=log)
    assert wait_until(lambda: log.read_text() == "up\n")
    assert ask_to_stop(child.pid)
    assert child.wait(20) == 0
    assert log.read_text() == "up\nsaved\n"
    assert not ask_to_stop(child.pid)
    assert not end_now(child.pid)


@posix
def test_ending_reaches_the_whole_group(tmp_path: Path) -> None:
    program = (
        "import subprocess, sys, time;"
        "c = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
        "print(c.pid, flush=True); time.sleep(60)"
    )
    log = tmp_path / "log"
    child = start_detached([sys.executable, "-c", program], log=log)
    assert wait_until(lambda: log.read_text().endswith("\n"))
    grandchild = int(log.read_text())
    assert process_start(grandchild) is not None
    assert end_now(child.pid)
    assert child.wait(20) == -signal.SIGKILL
    assert wait_until(lambda: process_start(grandchild) is None)


def test_windows_asks_by_ctrl_break(monkeypatch: pytest.MonkeyPatch, windows: None) -> None:
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(signal, "CTRL_BREAK_EVENT", 1, raising=False)
    monkeypatch.setattr(os, "kill", lambda pid, number: sent.append((pid, number)))
    assert ask_to_stop(7)
    assert end_now(7)
    assert sent == [(7, 1), (7, signal.SIGTERM)]

    def gone(_pid: int, _number: int) -> None:
        raise OSError(errno.EINVAL, "The parameter is incorrect")

    monkeypatch.setattr(os, "kill", gone)
    assert not ask_to_stop(7)


def test_a_strangers_process_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(_pid: int, _number: int) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "kill", forbidden)
    with pytest.raises(UnavailableError, match="`7`"):
        ask_to_stop(7)


def test_another_failure_of_a_signal_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_pid: int, _number: int) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "kill", broken)
    monkeypatch.setattr(system, "WINDOWS", False)
    monkeypatch.setattr(signal, "CTRL_BREAK_EVENT", 1, raising=False)
    with pytest.raises(OSError, match="Invalid argument"):
        ask_to_stop(7)


def test_signals_are_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    called: list[int] = []
    with stop_signals(lambda: called.append(1)):
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
    assert called == [1, 1]
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
    monkeypatch.setattr(system, "WINDOWS", True)
    monkeypatch.setattr(signal, "SIGBREAK", signal.SIGTERM, raising=False)
    with stop_signals(lambda: called.append(2)):
        signal.raise_signal(signal.SIGTERM)
    assert called == [1, 1, 2]
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_the_login_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "ada")
    assert login_name() == "ada"

    def nobody() -> str:
        raise OSError("No username set in the environment")

    monkeypatch.setattr(terminal.getpass, "getuser", nobody)
    assert login_name() == "unknown"
