"""What a driver's exceptions become: the one place where they are mapped, case by case."""

import contextlib
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
import sqlalchemy.exc

from truing.domain.errors import (
    ConflictError,
    DamagedError,
    FullError,
    InvalidInputError,
    NotFoundError,
    TruingError,
    UnavailableError,
)
from truing.domain.sample import SampleFilter
from truing.stores.database import sqlite
from truing.stores.database.connection import Database, explain
from truing.stores.database.sqlite import SQLite
from truing.stores.database.store import DatabaseStore, open_database
from truing.testing.factories import make_sample


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DatabaseStore]:
    store = open_database(tmp_path / "truing.db")
    yield store
    store.close()


CODES = {
    "SQLITE_PERM": UnavailableError,
    "SQLITE_BUSY": UnavailableError,
    "SQLITE_BUSY_SNAPSHOT": UnavailableError,
    "SQLITE_BUSY_RECOVERY": UnavailableError,
    "SQLITE_LOCKED": UnavailableError,
    "SQLITE_NOMEM": UnavailableError,
    "SQLITE_READONLY": UnavailableError,
    "SQLITE_READONLY_DIRECTORY": UnavailableError,
    "SQLITE_IOERR": UnavailableError,
    "SQLITE_IOERR_FSYNC": UnavailableError,
    "SQLITE_FULL": FullError,
    "SQLITE_CANTOPEN": UnavailableError,
    "SQLITE_PROTOCOL": UnavailableError,
    "SQLITE_AUTH": UnavailableError,
    "SQLITE_CORRUPT": DamagedError,
    "SQLITE_CORRUPT_VTAB": DamagedError,
    "SQLITE_NOTADB": DamagedError,
    "SQLITE_TOOBIG": InvalidInputError,
    "SQLITE_ERROR": None,
    "SQLITE_MISUSE": None,
    "SQLITE_INTERRUPT": None,
}


@pytest.mark.parametrize("name", CODES)
def test_every_code_of_sqlite_has_a_meaning(tmp_path: Path, name: str) -> None:
    error = sqlite3.OperationalError("what SQLite says")
    error.sqlite_errorcode = getattr(sqlite3, name)  # type: ignore[attr-defined]
    meant = SQLite(tmp_path / "truing.db").explain(error)
    wanted = CODES[name]
    assert type(meant) is (type(None) if wanted is None else wanted)
    if meant is not None:
        assert "truing.db" in meant.message or wanted is InvalidInputError
        assert meant.hint


@pytest.mark.parametrize("text", sqlite._BY_TEXT.values())
def test_errors_without_a_code_are_known_by_their_text(tmp_path: Path, text: str) -> None:
    assert SQLite(tmp_path / "truing.db").explain(sqlite3.OperationalError(text)) is not None


def all_classes(root: type) -> Iterator[type]:
    yield root
    for one in root.__subclasses__():
        yield from all_classes(one)


MEANINGS: dict[str, type[TruingError] | None] = {
    "DBAPIError": None,
    "DatabaseError": None,
    "InterfaceError": None,
    "InternalError": None,
    "NotSupportedError": None,
    "OperationalError": None,
    "ProgrammingError": None,
    "DataError": InvalidInputError,
    "IntegrityError": ConflictError,
}


@pytest.mark.parametrize(
    "kind", sorted(all_classes(sqlalchemy.exc.DBAPIError), key=lambda one: one.__name__)
)
def test_every_class_of_sqlalchemy_has_a_meaning(
    tmp_path: Path, kind: type[sqlalchemy.exc.DBAPIError]
) -> None:
    error = kind("SELECT 1", None, Exception("something of our own making"))
    meant = explain(error, SQLite(tmp_path / "truing.db"))
    wanted = MEANINGS[kind.__name__]
    assert type(meant) is (type(None) if wanted is None else wanted)


def test_other_exceptions_with_a_meaning(tmp_path: Path) -> None:
    dialect = SQLite(tmp_path / "truing.db")

    def meaning(error: Exception) -> type:
        return type(explain(error, dialect))

    def integrity(text: str) -> Exception:
        return sqlalchemy.exc.IntegrityError("", None, Exception(text))

    assert meaning(sqlalchemy.exc.TimeoutError()) is UnavailableError
    assert meaning(OverflowError("too large")) is InvalidInputError
    assert meaning(UnicodeEncodeError("utf-8", "a\ud83d", 1, 2, "surrogates")) is InvalidInputError
    assert meaning(integrity("FOREIGN KEY constraint failed")) is NotFoundError
    assert meaning(integrity("NOT NULL constraint failed: x")) is InvalidInputError
    assert explain(ValueError("a bug"), dialect) is None


def test_a_full_disk_is_reported_and_leaves_nothing(store: DatabaseStore, tmp_path: Path) -> None:
    store.samples.add([make_sample()])
    pages = _pages(tmp_path / "truing.db")

    @sa.event.listens_for(store._database.engine, "connect")
    def limit(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages + 20}")

    store.close()
    long = [make_sample(text="word " * 2000) for _ in range(50)]
    with pytest.raises(UnavailableError, match="the disk is full") as raised:
        store.samples.add(long)
    assert "free" in str(raised.value.hint)
    kept = store.samples.count(SampleFilter())
    assert kept == sum(store.samples.state_counts().values())
    assert store.check() == []


def _pages(path: Path) -> int:
    with sqlite3.connect(path) as connection:
        count: int = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.close()
    return count


_AS_NOBODY = """
import os, sys
from pathlib import Path
from truing.domain.errors import UnavailableError
from truing.stores.database.store import open_database
from truing.testing.factories import make_sample

path = Path(sys.argv[1]) / "truing.db"
store = open_database(path)
store.samples.add([make_sample()])
store.close()
for one in (*path.parent.iterdir(), path.parent):
    one.chmod(0o555 if one.is_dir() else 0o444)
if os.geteuid() == 0:
    # Nothing is read-only for root.
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    open_database(path).samples.add([make_sample()])
except UnavailableError as error:
    print(error.message)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="other permissions there")
def test_a_read_only_folder_is_reported() -> None:
    # Below pytest's own folder nobody but its owner could look.
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", _AS_NOBODY, folder], capture_output=True, text=True, check=True
        )
        Path(folder).chmod(0o755)
        assert f"{folder}/truing.db" in done.stdout
        assert "read-only" in done.stdout or "cannot be opened" in done.stdout


def test_a_read_only_database_is_reported(store: DatabaseStore) -> None:
    @sa.event.listens_for(store._database.engine, "connect")
    def forbid(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute("PRAGMA query_only = ON")

    store.close()
    with pytest.raises(UnavailableError, match="read-only"):
        store.samples.add([make_sample()])


def test_a_broken_page_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "truing.db"
    store = open_database(path)
    store.samples.add([make_sample(text=f"words {number}" * 40) for number in range(200)])
    store.scrub()
    store.close()
    data = bytearray(path.read_bytes())
    for start in range(8 * 4096, len(data), 4096):
        data[start : start + 300] = b"\xff" * 300
    path.write_bytes(data)
    with pytest.raises(DamagedError, match="no sound database"):
        _read_everything(path)


def _read_everything(path: Path) -> None:
    store = open_database(path)
    with contextlib.closing(store):
        list(store.samples.iterate(SampleFilter()))


def test_samples_are_stored_even_when_the_search_index_must_wait(
    store: DatabaseStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise UnavailableError("the disk is full")

    monkeypatch.setattr(SQLite, "make_searchable", refuse)
    assert len(store.samples.add([make_sample(text="word") for _ in range(60)])) == 60
    with pytest.raises(UnavailableError):
        store.samples.count(SampleFilter(text="word"))
    monkeypatch.undo()
    assert store.samples.count(SampleFilter(text="word")) == 60


def test_connections_of_ended_threads_are_given_back(store: DatabaseStore) -> None:
    database = store._database
    for _ in range(20):
        thread = threading.Thread(target=lambda: store.samples.add([make_sample()]))
        thread.start()
        thread.join()
    assert store.samples.count(SampleFilter()) == 20
    assert len(database._kept) <= 1
    assert database.engine.pool.checkedout() <= 1


def test_a_closed_store_may_be_used_again(store: DatabaseStore) -> None:
    for _ in range(2):
        store.samples.add([make_sample()])
        store.close()
    assert store.samples.count(SampleFilter()) == 2


def test_closing_lets_another_thread_end_what_it_is_doing(store: DatabaseStore) -> None:
    database = store._database
    begun, closed, found = threading.Event(), threading.Event(), []
    added = store.samples.add([make_sample()])[0]

    def work() -> None:
        with database.writing_directly() as direct:
            direct.cursor.execute("UPDATE samples SET truth = 'kept'")
            begun.set()
            assert closed.wait(60)
            direct.cursor.execute("SELECT count(*) FROM samples WHERE truth = 'kept'")
            found.append(direct.cursor.fetchone()[0])
        found.append(database.writing_directly().usable)

    thread = threading.Thread(target=work)
    thread.start()
    assert begun.wait(60)
    store.close()
    closed.set()
    thread.join(60)

    assert found == [1, True]
    assert store.samples.get(added.id).truth == "kept"


def test_a_connection_closed_before_its_thread_begins_is_opened_anew(store: DatabaseStore) -> None:
    added = store.samples.add([make_sample()])[0]
    asked_for = store._database.reading_directly()
    store.close()
    with asked_for as direct:
        direct.cursor.execute("SELECT id FROM samples")
        assert direct.cursor.fetchall() == [(added.id,)]
    assert store._database.engine.pool.checkedout() == 0


def test_readers_and_a_closing_thread_do_not_disturb_each_other(store: DatabaseStore) -> None:
    added = store.samples.add([make_sample()])[0]
    over = threading.Event()

    def read() -> None:
        while not over.is_set():
            assert store.samples.get(added.id).id == added.id

    with ThreadPoolExecutor(3) as pool:
        readers = [pool.submit(read) for _ in range(3)]
        for _ in range(300):
            store.close()
        over.set()
    for reader in readers:
        reader.result()


def test_a_fault_of_our_own_is_not_disguised(store: DatabaseStore) -> None:
    with (
        pytest.raises(sqlalchemy.exc.OperationalError, match="no such table"),
        store._database.writing_directly() as direct,
    ):
        direct.cursor.execute("INSERT INTO nowhere VALUES (1)")
    with pytest.raises(ZeroDivisionError), store._database.writing_directly():
        raise ZeroDivisionError
    store.samples.add([make_sample()])
    assert store.samples.count(SampleFilter()) == 1


def test_an_error_never_quotes_what_people_said(store: DatabaseStore) -> None:
    database: Database = store._database
    with (
        pytest.raises(sqlalchemy.exc.DBAPIError) as raised,
        database.writing() as connection,
    ):
        connection.execute(sa.text("INSERT INTO nowhere VALUES (:said)"), {"said": "marzipan"})
    assert "marzipan" not in str(raised.value)


def test_a_failed_transaction_leaves_the_connection_usable(store: DatabaseStore) -> None:
    for _ in range(30):
        with pytest.raises(InvalidInputError):
            store.samples.add([make_sample(quality=float("nan"))])
    store.samples.add([make_sample()])
    assert store.samples.count(SampleFilter()) == 1
