"""SQLite: SQL that no other database understands; its full-text search is in `sqlite_search`.

Scope: connection settings, the counter triggers, number reservation, meaning of error codes,
checkpoint and scrub.

Known trade-offs: `synchronous=FULL` syncs on every commit (speech arrives slower than disks sync).
SQLite before 3.51.3 has a rare corruption bug when two connections write and
checkpoint at the same moment (sqlite.org/wal.html#walresetbug): where `pysqlite3` brings a newer
one it is used, elsewhere `problems` says so.
"""

from __future__ import annotations

import importlib
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import sqlalchemy as sa
import sqlalchemy.dialects.sqlite
import sqlalchemy.exc
import sqlalchemy.sql.operators

from truing.domain.errors import (
    DamagedError,
    FullError,
    InvalidInputError,
    TruingError,
    UnavailableError,
)
from truing.stores.database import sqlite_search as searching
from truing.stores.database.chunks import chunks
from truing.stores.database.prepared import Direct, Prepared
from truing.stores.database.schema import NUMBERS, counters, samples

BUSY_SECONDS = 60.0
"""How long a statement waits for another writer before it gives up."""
SAFE_VERSION = (3, 51, 3)
"""The first SQLite without the WAL-reset bug."""
SECURE_SEARCH_VERSION = (3, 42, 0)
"""The first SQLite whose search index can forget at once."""

_SETTINGS = (
    f"PRAGMA busy_timeout={int(BUSY_SECONDS * 1000)}",
    "PRAGMA synchronous=FULL",
    "PRAGMA fullfsync=ON",
    "PRAGMA checkpoint_fullfsync=ON",
    "PRAGMA foreign_keys=ON",
    "PRAGMA secure_delete=ON",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA cache_size=-16000",
    # Fewer and larger checkpoints: pages that many captures touch are written once.
    "PRAGMA wal_autocheckpoint=4000",
)

_COUNT = """
INSERT INTO counters (modality, name, value) VALUES ({row}.modality, {name}, {step})
ON CONFLICT (modality, name) DO UPDATE SET value = value + excluded.value;
"""
# Rows of `schema.NUMBERS`: the last number given out, and the last that is in the search index.
_NUMBER = """
UPDATE counters SET value = new.id WHERE modality = '' AND name = 'samples' AND value < new.id;
"""
_DERIVED = (
    "INSERT INTO counters (modality, name, value) VALUES ('', 'samples', 0), ('', 'searchable', 0)",
    "CREATE TRIGGER samples_counted AFTER INSERT ON samples BEGIN "
    + _COUNT.format(row="new", name="new.state", step="1")
    + _NUMBER
    + "END",
    "CREATE TRIGGER samples_uncounted AFTER DELETE ON samples BEGIN "
    + _COUNT.format(row="old", name="old.state", step="-1")
    + _COUNT.format(row="old", name="'trained'", step="-old.trained")
    + "END",
    "CREATE TRIGGER samples_recounted AFTER UPDATE OF state, trained ON samples "
    "WHEN old.state <> new.state OR old.trained <> new.trained BEGIN "
    + _COUNT.format(row="old", name="old.state", step="-1")
    + _COUNT.format(row="new", name="new.state", step="1")
    + _COUNT.format(row="new", name="'trained'", step="new.trained - old.trained")
    + "END",
    *searching.TRIGGERS,
)
_LAST_NUMBERS = """
SELECT name, seq FROM sqlite_sequence
UNION ALL SELECT 'samples', value FROM counters WHERE modality = '' AND name = 'samples'
"""

_plus: sqlalchemy.sql.operators.custom_op[Any] = sqlalchemy.sql.operators.custom_op("+")


def library() -> ModuleType:
    """The SQLite to use: `pysqlite3` where it is newer than the one Python was built with."""
    try:
        bundled = importlib.import_module("pysqlite3.dbapi2")
    except ImportError:
        return sqlite3
    newer: bool = bundled.sqlite_version_info > sqlite3.sqlite_version_info
    return bundled if newer else sqlite3


class SQLite:
    """A database file."""

    kind = "SQLite"
    left_behind: tuple[str, ...] = ()
    begin_reading = "BEGIN"
    begin_writing = "BEGIN IMMEDIATE"

    def __init__(self, path: Path, *, module: ModuleType | None = None) -> None:
        self.path = path
        self.place = str(path)
        self._module = module or library()
        self._version: tuple[int, ...] = self._module.sqlite_version_info
        self._last_number = Prepared(
            sa.select(counters.c.value).where(
                counters.c.modality == sa.bindparam("modality"),
                counters.c.name == sa.bindparam("name"),
            )
        )

    def create_engine(self) -> sa.Engine:
        """See `Dialect.create_engine`."""
        engine = sa.create_engine(
            sa.URL.create("sqlite", database=self.place),
            module=self._module,
            # We say BEGIN ourselves: the driver's own never asks for the right to write.
            connect_args={
                "isolation_level": None,
                "timeout": BUSY_SECONDS,
                "check_same_thread": False,
            },
            max_overflow=-1,
            # What people said never gets into an error message.
            hide_parameters=True,
        )
        sa.event.listen(engine, "connect", _make_settings)
        return engine

    def prepare(self, engine: sa.Engine) -> None:
        """See `Dialect.prepare`."""
        raw = engine.raw_connection()
        try:
            self._use_wal(raw.cursor())
            if self._version < SECURE_SEARCH_VERSION and self._forgetful(raw.cursor()):
                linked = ".".join(map(str, self._version))
                raise UnavailableError(
                    f"`{self.place}` was written with a newer SQLite than {linked}",
                    hint="install `pysqlite3`, which brings its own",
                )
        finally:
            raw.close()

    def _use_wal(self, cursor: Any) -> None:  # noqa: ANN401 - a driver's cursor
        # Two processes that switch at the same moment are refused at once, not after waiting.
        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                mode = cursor.execute("PRAGMA journal_mode=WAL").fetchone()[0]
            except self._module.OperationalError as error:
                if _primary(error) not in _BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
                continue
            if mode == "wal":
                return
            raise UnavailableError(
                f"`{self.place}` cannot keep a write-ahead log (journal mode `{mode}`)",
                hint="keep the workspace on a local disk, not on a network share",
            )

    def _forgetful(self, cursor: Any) -> bool:  # noqa: ANN401 - a driver's cursor
        there = "SELECT count(*) FROM sqlite_master WHERE name = 'search_config'"
        if not cursor.execute(there).fetchone()[0]:
            return False
        query = "SELECT count(*) FROM search_config WHERE k = 'secure-delete' AND v = 1"
        return bool(cursor.execute(query).fetchone()[0])

    def create_derived(self, connection: sa.Connection) -> None:
        """See `Dialect.create_derived`."""
        searching.create(connection, forgetful=self._version >= SECURE_SEARCH_VERSION)
        for statement in _DERIVED:
            connection.exec_driver_sql(statement)

    def index_beginnings(self, connection: sa.Connection) -> None:
        """See `Dialect.index_beginnings`: an index of the first one, two and three letters; longer
        beginnings have few words. An index that is there is made anew.
        """
        searching.index_beginnings(connection, forgetful=self._version >= SECURE_SEARCH_VERSION)

    def insert(self, table: sa.Table) -> Any:  # noqa: ANN401 - SQLite's own insert
        """See `Dialect.insert`."""
        return sqlalchemy.dialects.sqlite.insert(table)

    def reserve(self, direct: Direct, count: int) -> range:
        """See `Dialect.reserve`: the caller holds the only right to write, and inserting a sample
        moves the number on.
        """
        (last,) = self._last_number.first(direct, modality=NUMBERS, name="samples")
        return range(last + 1, last + count + 1)

    def unsearchable(self, connection: sa.Connection) -> int:
        """See `Dialect.unsearchable`."""
        return searching.waiting(connection)

    def make_searchable(self, connection: sa.Connection, *, at_most: int) -> None:
        """See `Dialect.make_searchable`."""
        searching.take_in(connection, at_most=at_most)

    def search_again(self, connection: sa.Connection, ids: Sequence[int]) -> None:
        """See `Dialect.search_again`: what is above the last number in the index comes with it."""
        searching.take_in_again(connection, ids)

    def merge_search(self, connection: sa.Connection, *, begun: bool) -> bool:
        """See `Dialect.merge_search`: a word is looked up in each piece."""
        return searching.merge(connection, begun=begun)

    def matching(self, text: str) -> sa.Select[int] | None:
        """See `Dialect.matching`."""
        return searching.matching(text)

    def unindexed(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """See `Dialect.unindexed`: SQLite leaves indexes alone behind a unary plus."""
        return sa.UnaryExpression(column, operator=_plus, type_=column.type)

    def explain(self, error: BaseException) -> TruingError | None:
        """See `Dialect.explain`."""
        code = _primary(error)
        if code in _UNAVAILABLE:
            what, hint = _UNAVAILABLE[code]
            kind = FullError if code == _FULL else UnavailableError
            return kind(f"`{self.place}`: {what}", hint=hint)
        if code in _DAMAGED:
            return DamagedError(
                f"`{self.place}` is no sound database: {error}",
                hint="restore it from a backup; `truing verify` says what else is touched",
            )
        if "could not decode to utf-8" in str(error).lower():
            # SQLite's own words quote the text.
            return DamagedError(
                f"`{self.place}` holds a text that is damaged",
                hint="restore it from a backup; `truing verify` says what else is touched",
            )
        if code == _TOO_BIG:
            return InvalidInputError(
                "a text is too large for the database", hint="keep texts below 1 GB"
            )
        return None

    def scrub(self, engine: sa.Engine) -> None:
        """See `Dialect.scrub`."""
        raw = engine.raw_connection()
        try:
            cursor = raw.cursor()
            if self._version < SECURE_SEARCH_VERSION:
                cursor.execute("INSERT INTO search (search) VALUES ('optimize')")
            # `secure_delete` overwrites what is deleted, but not the copies that stay in the unused
            # part of a page when entries move to another one: only a new file has none.
            cursor.execute("VACUUM")
            self._truncate_log(cursor)
        finally:
            raw.close()

    def _truncate_log(self, cursor: Any) -> None:  # noqa: ANN401 - a driver's cursor
        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            busy, pages, _ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if not busy and pages <= 0:
                return
            if time.monotonic() > deadline:
                raise UnavailableError(
                    f"`{self.place}` is being read, erased text stays in its log until then",
                    hint="end the other programs that use this workspace and try again",
                )
            time.sleep(0.02)

    def problems(self, connection: sa.Connection) -> list[str]:
        """See `Dialect.problems`."""
        found = [
            f"SQLite: {row[0]}"
            for row in connection.exec_driver_sql("PRAGMA quick_check")
            if row[0] != "ok"
        ]
        found += [
            f"row {row[1]} of `{row[0]}` refers to a missing row of `{row[2]}`"
            for row in connection.exec_driver_sql("PRAGMA foreign_key_check")
        ]
        if self._version < SAFE_VERSION:
            linked = ".".join(map(str, self._version))
            found.append(
                f"SQLite {linked} can, rarely, damage a database that several processes write "
                "to; 3.51.3 and later cannot: install `pysqlite3` or a newer Python"
            )
        return found

    def search_problems(self, connection: sa.Connection) -> list[str]:
        """See `Dialect.search_problems`."""
        self.make_searchable(connection, at_most=self.unsearchable(connection))
        try:
            searching.check(connection)
        except sqlalchemy.exc.DatabaseError as error:
            if _primary(error.orig) not in _DAMAGED:
                raise
            return ["the search index does not match the texts of the samples"]
        return []

    def load(
        self, connection: sa.Connection, table: sa.Table, rows: Iterable[Sequence[Any]]
    ) -> None:
        """See `Dialect.load`."""
        names = ", ".join(f'"{column.name}"' for column in table.columns)
        values = ", ".join("?" for _ in table.columns)
        # The names are our own.
        insert = f'INSERT INTO "{table.name}" ({names}) VALUES ({values})'  # noqa: S608
        for piece in chunks(rows):
            connection.exec_driver_sql(insert, [tuple(row) for row in piece])

    def numbers(self, connection: sa.Connection) -> dict[str, int]:
        """See `Dialect.numbers`."""
        held = {row[0]: row[1] for row in connection.exec_driver_sql(_LAST_NUMBERS)}
        return {table: number for table, number in held.items() if number}

    def set_numbers(self, connection: sa.Connection, numbers: Mapping[str, int]) -> None:
        """See `Dialect.set_numbers`."""
        for table, last in numbers.items():
            if table == samples.name:
                mark = sa.update(counters).where(
                    counters.c.modality == NUMBERS, counters.c.name == "samples"
                )
                connection.execute(mark.values(value=last))
                continue
            gone = "DELETE FROM sqlite_sequence WHERE name = ?"
            connection.exec_driver_sql(gone, (table,))
            connection.exec_driver_sql("INSERT INTO sqlite_sequence VALUES (?, ?)", (table, last))


def _make_settings(connection: Any, _record: object) -> None:  # noqa: ANN401 - a driver's own
    cursor = connection.cursor()
    for setting in _SETTINGS:
        cursor.execute(setting)
    cursor.close()


def _primary(error: BaseException | None) -> int | None:
    code = getattr(error, "sqlite_errorcode", None)
    if isinstance(code, int):
        return code & 0xFF
    text = str(error)
    return next((code for code, words in _BY_TEXT.items() if words in text), None)


_BUSY = (5, 6)
_TOO_BIG = 18
_DAMAGED = (11, 26)
_BUSY_MEANS = (
    "another program is writing to it and does not let go",
    "wait until the other command is done, then try again",
)
_FULL = 13
_UNAVAILABLE = {
    3: ("the system refuses access", "check who owns the file"),
    5: _BUSY_MEANS,
    6: _BUSY_MEANS,
    7: ("out of memory", "close other programs"),
    8: (
        "cannot be written, it is read-only",
        "check who owns the folder and whether its disk is mounted read-only",
    ),
    10: ("the disk reports an error", "check the disk; `truing verify` finds what it damaged"),
    _FULL: ("the disk is full", "free some disk space and try again"),
    14: ("cannot be opened", "check that the folder exists and may be written"),
    15: _BUSY_MEANS,
    23: ("the system refuses access", "check who owns the file"),
}
# pysqlite3 builds without codes on their errors: SQLite's own fixed English.
_BY_TEXT = {
    5: "database is locked",
    6: "database table is locked",
    8: "attempt to write a readonly database",
    10: "disk I/O error",
    11: "database disk image is malformed",
    13: "database or disk is full",
    14: "unable to open database file",
    15: "locking protocol",
    18: "string or blob too big",
    26: "file is not a database",
}
