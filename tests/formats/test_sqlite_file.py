import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from truing.domain.errors import DamagedError, UnavailableError
from truing.domain.review import State
from truing.formats import sqlite_file
from truing.formats.s2s_database import S2SDatabase
from truing.formats.sqlite_file import reading
from truing.testing.exported_rows import exported_row

SCHEMA = """CREATE TABLE s2s_training_data (id INTEGER PRIMARY KEY AUTOINCREMENT, transcript TEXT,
    audio_blob BLOB, is_reviewed INTEGER, is_trained INTEGER,
    timestamp DATETIME DEFAULT CURRENT_TIMESTAMP)"""
INSERT = "INSERT INTO s2s_training_data (transcript, audio_blob) VALUES (?, ?)"

WRITER = """
import sqlite3, sys, time
path, mode = sys.argv[1:]
app = sqlite3.connect(path)
app.execute("PRAGMA journal_mode = " + mode)
worst, number, end = 0.0, 0, time.monotonic() + 60
while time.monotonic() < end and not sys.stdin.closed:
    start = time.monotonic()
    number += 1
    blob = number.to_bytes(4, "little") * 4000
    app.execute(
        "INSERT INTO s2s_training_data (transcript, audio_blob) VALUES (?, ?)",
        (f"row {number}", blob),
    )
    app.commit()
    worst = max(worst, time.monotonic() - start)
    print(number, worst, flush=True)
    time.sleep(0.001)
"""


def made(folder: Path, mode: str = "DELETE", rows: int = 3) -> Path:
    path = folder / "database.db"
    app = sqlite3.connect(path)
    app.execute(f"PRAGMA journal_mode = {mode}")
    app.execute(SCHEMA)
    app.executemany(INSERT, [(f"row {n}", n.to_bytes(4, "little") * 500) for n in range(rows)])
    app.commit()
    app.close()
    return path


def raws(path: Path) -> list[str]:
    return [row.raw for row in S2SDatabase().read(path)]


def contents(folder: Path) -> dict[str, bytes]:
    # The shared index of a write-ahead log holds reader marks: it is no data.
    return {
        file.name: file.read_bytes()
        for file in sorted(folder.iterdir())
        if not file.name.endswith("-shm")
    }


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_an_app_that_keeps_writing_is_read_and_hardly_waits(tmp_path: Path, mode: str) -> None:
    path = made(tmp_path, mode, rows=0)
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), mode], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    try:
        while int(writer.stdout.readline().split()[0]) < 20:
            pass
        sizes = [0]
        while len(sizes) < 10 or sizes[-1] < 60:
            rows = list(S2SDatabase().read(path))
            sizes.append(len(rows))
            for number, row in enumerate(rows, start=1):
                assert row.raw == f"row {number}"
                samples, _ = row.media["audio"]
                assert samples[:2].tobytes() == number.to_bytes(4, "little")
                assert len(samples) == 8000
    finally:
        writer.terminate()
        output = writer.stdout.read().split("\n")
        writer.stdout.close()
        writer.wait()
    number, worst = output[-2].split()
    assert sizes == sorted(sizes)
    assert 20 <= sizes[1] <= sizes[-1] <= int(number) + 1
    assert float(worst) < 4.0, "the app's own patience is five seconds"


def test_a_reader_at_rest_holds_no_lock(tmp_path: Path) -> None:
    path = made(tmp_path, rows=5)
    rows = S2SDatabase().read(path)
    next(rows)
    app = sqlite3.connect(path, timeout=0)
    app.execute(INSERT, ("new", b""))
    app.commit()
    app.close()
    assert len(list(rows)) == 4


def test_a_closed_wal_database_is_left_as_it_was(tmp_path: Path) -> None:
    path = made(tmp_path, "WAL")
    before = contents(tmp_path)
    assert list(before) == ["database.db"]
    assert raws(path) == ["row 0", "row 1", "row 2"]
    assert contents(tmp_path) == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["database.db"]


def test_the_log_of_a_running_app_is_read_and_left(tmp_path: Path) -> None:
    path = made(tmp_path, "WAL")
    app = sqlite3.connect(path)
    app.execute(INSERT, ("in the log", b""))
    app.commit()
    before = contents(tmp_path)
    assert raws(path) == ["row 0", "row 1", "row 2", "in the log"]
    assert contents(tmp_path) == before
    app.close()


def test_a_log_that_a_crash_left_is_read_and_left(tmp_path: Path) -> None:
    path = made(tmp_path, "WAL")
    app = sqlite3.connect(path)
    app.execute(INSERT, ("in the log", b""))
    app.commit()
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    for suffix in ("", "-wal"):
        shutil.copy(f"{path}{suffix}", crashed)
    app.close()
    before = contents(crashed)
    assert raws(crashed / "database.db")[-1] == "in the log"
    assert contents(crashed) == before


def test_a_journal_that_a_crash_left_is_rolled_back_in_a_copy_only(tmp_path: Path) -> None:
    path = made(tmp_path, rows=400)
    app = sqlite3.connect(path)
    app.execute("PRAGMA cache_size = 1")
    app.execute("UPDATE s2s_training_data SET transcript = 'half done'")
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    for suffix in ("", "-journal"):
        shutil.copy(f"{path}{suffix}", crashed)
    app.rollback()
    app.close()
    assert b"half done" in (crashed / "database.db").read_bytes()
    before = contents(crashed)
    assert raws(crashed / "database.db") == [f"row {n}" for n in range(400)]
    assert contents(crashed) == before


@pytest.fixture
def somebody_else() -> Iterator[Path]:
    """A folder that may not be written to, by a user whom that stops."""
    if sys.platform == "win32":
        pytest.skip("folders have no such permission here")
    folder = Path(tempfile.mkdtemp())
    root = os.geteuid() == 0
    try:
        yield folder
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(stat.S_IRWXU)
        shutil.rmtree(folder)


@pytest.mark.parametrize("logged", [False, True])
@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_a_folder_that_is_read_only(somebody_else: Path, mode: str, logged: bool) -> None:
    path = made(somebody_else, mode)
    app = sqlite3.connect(path)
    if logged:
        app.execute(INSERT, ("one more", b""))
        app.commit()
    for file in somebody_else.iterdir():
        file.chmod(0o644)
    somebody_else.chmod(0o555)
    before = contents(somebody_else)
    if os.geteuid() == 0:
        os.seteuid(65534)
    assert raws(path) == ["row 0", "row 1", "row 2"] + ["one more"] * logged
    keys = [row.key for row in S2SDatabase().read(path)]
    decided = exported_row(1, state=State.ACCEPTED, truth="new", source_key=keys[0])
    with pytest.raises(UnavailableError, match=r"readonly|cannot be"):
        S2SDatabase().write_back(path, [decided])
    if os.getuid() == 0:
        os.seteuid(0)
    assert contents(somebody_else) == before
    app.close()


def test_a_file_nobody_may_read_is_named(somebody_else: Path) -> None:
    path = made(somebody_else)
    path.chmod(0)
    somebody_else.chmod(0o755)
    if os.geteuid() == 0:
        os.seteuid(65534)
    with pytest.raises(UnavailableError, match=r"database\.db"):
        S2SDatabase().read(path)


def test_a_lock_that_stays_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_file, "WAIT_SECONDS", 0.05)
    path = made(tmp_path)
    app = sqlite3.connect(path)
    app.execute("BEGIN EXCLUSIVE")
    with pytest.raises(UnavailableError, match="locked") as caught:
        S2SDatabase().read(path)
    assert "close the program" in str(caught.value.hint)
    app.rollback()
    app.close()
    assert len(raws(path)) == 3


def test_a_lock_that_ends_is_waited_for(tmp_path: Path) -> None:
    path = made(tmp_path)
    app = sqlite3.connect(path, check_same_thread=False)
    app.execute("BEGIN EXCLUSIVE")
    timer = threading.Timer(0.3, app.rollback)
    timer.start()
    assert len(raws(path)) == 3
    timer.join()
    app.close()


def test_a_broken_database_is_named(tmp_path: Path) -> None:
    path = made(tmp_path, rows=300)
    data = path.read_bytes()
    path.write_bytes(data[:4096] + bytes(len(data) - 4096))
    with pytest.raises(DamagedError, match=r"database\.db") as caught:
        raws(path)
    assert ".recover" in str(caught.value.hint)


@pytest.mark.parametrize("name", ["a b.db", "a#b?c=d&e%20.db", "датабаза.db"])
def test_names_that_are_odd_in_an_address(tmp_path: Path, name: str) -> None:
    path = made(tmp_path).rename(tmp_path / name)
    assert len(raws(path)) == 3
    with reading(path) as connection, pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("DELETE FROM s2s_training_data")
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_ten_thousand_rows_are_read_in_flat_memory(tmp_path: Path) -> None:
    import tracemalloc

    path = made(tmp_path, rows=0)
    app = sqlite3.connect(path)
    blob = bytes(range(256)) * 8
    app.executemany(INSERT, ((f"row {n}", blob) for n in range(10_000)))
    app.commit()
    app.close()
    assert sum(row.raw is not None for row in S2SDatabase().read(path)) == 10_000
    tracemalloc.start()
    for row, _ in zip(S2SDatabase().read(path), range(2000), strict=False):
        del row
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


def test_a_database_that_changes_while_it_is_copied_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = made(tmp_path, rows=400)
    app = sqlite3.connect(path)
    app.execute("PRAGMA cache_size = 1")
    app.execute("UPDATE s2s_training_data SET transcript = 'half done'")
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    for suffix in ("", "-journal"):
        shutil.copy(f"{path}{suffix}", crashed)
    app.rollback()
    app.close()
    marks = iter(range(100))
    monkeypatch.setattr(sqlite_file, "file_marks", lambda _: next(marks))
    with pytest.raises(UnavailableError, match="changes faster"):
        S2SDatabase().read(crashed / "database.db")
