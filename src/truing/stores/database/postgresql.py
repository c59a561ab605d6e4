"""PostgreSQL: what the store needs of it beside the SQL that every database understands.

Scope: rights to read and write, number reservation, checks of the server, erasing, loading. Its
driver, its search and its errors have modules of their own.

Reading is one snapshot (REPEATABLE READ). Writers take turns by one advisory lock, taken with the
first statement: as in SQLite no two ever fail against each other at the end, and each sees
everything that was committed before it. Known trade-offs: writers wait for each other's commit
where a server could let them share one; the lock is one for all workspaces that are schemas of
one database; PostgreSQL keeps no zero byte in a text, such a text is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
import sqlalchemy.dialects.postgresql

from truing.domain.errors import NotFoundError, TruingError, UnavailableError
from truing.stores.database import postgresql_driver, postgresql_errors
from truing.stores.database import postgresql_search as searching
from truing.stores.database.address import place_of, read_url
from truing.stores.database.prepared import Direct

BUSY_SECONDS = 60
"""How long a statement waits for another writer before it gives up."""
IDLE_SECONDS = 3600
"""After which silence the server ends a transaction that a hanging program left open; one that
was killed, or whose machine is gone, is noticed at once or within minutes.
"""
OLDEST_SERVER = 130000
"""PostgreSQL 13."""
WAITING_COUNTED = 10_000
"""Texts that wait for the search index are counted up to here."""

LEFT_BEHIND = (
    "PostgreSQL's write-ahead log holds erased texts until the server has reused its segments "
    "(max_wal_size tells how many; hours to days on a quiet server), WAL archives, replicas and "
    "dumps (pg_dump, pg_basebackup) as long as you keep them, and the server's log if it quotes "
    "statements"
)
"""What `scrub` cannot reach, for the receipt of who forgets."""

# Any number will do; the same for ever, so that all versions wait for each other.
_LOCK = 7_308_905_514_112_871
_TABLES = "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = current_schema()"
_SEQUENCES = """
SELECT sequencename, last_value FROM pg_sequences
WHERE schemaname = current_schema() AND last_value IS NOT NULL
"""
_SUFFIX = "_id_seq"
_NUMBERED = {searching.NUMBERS_SEQUENCE: "samples"}
_BROKEN_INDEXES = """
SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = current_schema() AND NOT (i.indisvalid AND i.indisready)
"""
_OFF = "SELECT name FROM pg_settings WHERE name = 'full_page_writes' AND setting = 'off'"
_STATE = """
SELECT current_setting('server_version_num')::int, current_setting('server_version'),
  current_setting('server_encoding'), current_schema(), to_regclass('migrations') IS NOT NULL,
  pg_is_in_recovery()
"""


class PostgreSQL:
    """A database, or a schema of one, on a server."""

    kind = "PostgreSQL"
    left_behind: tuple[str, ...] = (LEFT_BEHIND,)
    begin_reading = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    begin_writing = f"BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock({_LOCK})"

    def __init__(self, url: sa.URL, *, create: bool = True) -> None:
        self.url = url
        self.place = place_of(url)
        self._create = create

    def create_engine(self) -> sa.Engine:
        """See `Dialect.create_engine`."""
        return postgresql_driver.create_engine(
            self.url, busy_seconds=BUSY_SECONDS, idle_seconds=IDLE_SECONDS
        )

    def prepare(self, engine: sa.Engine) -> None:
        """See `Dialect.prepare`.

        Raises:
            UnavailableError: the server is too old or a copy, or the database is not in UTF-8.
            NotFoundError: nothing is there and nothing may be made.
        """
        raw = engine.raw_connection()
        try:
            cursor = raw.cursor()
            cursor.execute(_STATE)
            (number, version, encoding, schema, made, copy), *_ = cursor.fetchall()
        finally:
            raw.close()
        if number < OLDEST_SERVER:
            raise UnavailableError(
                f"`{self.place}` is PostgreSQL {version}, which is too old",
                hint="use version 13 or newer",
            )
        if copy:
            raise UnavailableError(
                f"`{self.place}` is a copy that cannot be written",
                hint="give the address of the primary server",
            )
        if encoding != "UTF8":
            raise UnavailableError(
                f"`{self.place}` keeps its texts as {encoding}",
                hint="make one for every script: "
                "createdb --encoding UTF8 --template template0 NAME",
            )
        if schema is None:
            raise NotFoundError(
                f"`{self.place}` names a schema that is not there", hint="CREATE SCHEMA makes it"
            )
        if not made and not self._create:
            raise NotFoundError(
                f"no workspace in `{self.place}`", hint="`truing init FOLDER --database URL`"
            )

    def create_derived(self, connection: sa.Connection) -> None:
        """See `Dialect.create_derived`."""
        for statement in searching.DERIVED:
            connection.exec_driver_sql(statement)

    def index_beginnings(self, connection: sa.Connection) -> None:
        """See `Dialect.index_beginnings`: the index holds words in order, so it does already."""

    def insert(self, table: sa.Table) -> Any:  # noqa: ANN401 - PostgreSQL's own insert
        """See `Dialect.insert`."""
        return sqlalchemy.dialects.postgresql.insert(table)

    def reserve(self, direct: Direct, count: int) -> range:
        """See `Dialect.reserve`: numbers of a transaction that fails are left out for ever."""
        if not count:
            return range(0)
        name = searching.NUMBERS_SEQUENCE
        direct.cursor.execute(f"SELECT setval('{name}', nextval('{name}') + %s)", (count - 1,))
        (last,) = direct.cursor.fetchone()
        return range(last - count + 1, last + 1)

    def unsearchable(self, connection: sa.Connection) -> int:
        """See `Dialect.unsearchable`."""
        return searching.unsearchable(connection, at_most=WAITING_COUNTED)

    def make_searchable(self, connection: sa.Connection, *, at_most: int) -> None:
        """See `Dialect.make_searchable`."""
        searching.make_searchable(connection, at_most=at_most)

    def search_again(self, connection: sa.Connection, ids: Sequence[int]) -> None:
        """See `Dialect.search_again`: a trigger sees to it."""

    def merge_search(self, connection: sa.Connection, *, begun: bool) -> bool:  # noqa: ARG002
        """See `Dialect.merge_search`: the server does that by itself."""
        return False

    def matching(self, text: str) -> sa.Select[int] | None:
        """See `Dialect.matching`."""
        return searching.matching(text)

    def unindexed(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """See `Dialect.unindexed`: the planner knows how many rows it would fetch."""
        return column

    def explain(self, error: BaseException) -> TruingError | None:
        """See `Dialect.explain`."""
        return postgresql_errors.explain(error, self.place)

    def scrub(self, engine: sa.Engine) -> None:
        """See `Dialect.scrub`: every table is written anew, because a page keeps the bytes of
        deleted rows until others need the room. Each is locked while that takes; `left_behind`
        says what stays.
        """
        raw = engine.raw_connection()
        try:
            cursor = raw.cursor()
            cursor.execute(_TABLES)
            for (table,) in cursor.fetchall():
                cursor.execute(f"VACUUM (FULL, ANALYZE) {table}")
        finally:
            raw.close()

    def problems(self, connection: sa.Connection) -> list[str]:
        """See `Dialect.problems`."""
        found = [
            f"the index `{row[0]}` is broken: REINDEX INDEX {row[0]} mends it"
            for row in connection.exec_driver_sql(_BROKEN_INDEXES)
        ]
        found += [
            f"the server runs with {row[0]} off: a crash can damage the database"
            for row in connection.exec_driver_sql(_OFF)
        ]
        return found

    def search_problems(self, connection: sa.Connection) -> list[str]:
        """See `Dialect.search_problems`."""
        return searching.problems(connection)

    def load(
        self, connection: sa.Connection, table: sa.Table, rows: Iterable[Sequence[Any]]
    ) -> None:
        """See `Dialect.load`."""
        names = ", ".join(f'"{column.name}"' for column in table.columns)
        driver: Any = connection.connection.driver_connection
        with (
            driver.cursor() as cursor,
            cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN') as copy,
        ):
            for row in rows:
                copy.write_row(row)

    def numbers(self, connection: sa.Connection) -> dict[str, int]:
        """See `Dialect.numbers`."""
        return {
            _NUMBERED.get(name, name.removesuffix(_SUFFIX)): int(last)
            for name, last in connection.exec_driver_sql(_SEQUENCES)
        }

    def set_numbers(self, connection: sa.Connection, numbers: Mapping[str, int]) -> None:
        """See `Dialect.set_numbers`."""
        sequences = {table: sequence for sequence, table in _NUMBERED.items()}
        for table, last in numbers.items():
            sequence = sequences.get(table, table + _SUFFIX)
            connection.exec_driver_sql("SELECT setval(%s::regclass, %s)", (sequence, last))


def from_url(text: str, create: bool) -> PostgreSQL:  # noqa: FBT001 - a table's own signature
    """The database behind a URL; see `store.DIALECTS`.

    Raises:
        InvalidInputError: the URL cannot be read.
    """
    return PostgreSQL(read_url(text), create=create)
