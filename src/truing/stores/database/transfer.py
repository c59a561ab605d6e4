"""All rows of one database into another, of whatever system, and proof that they arrived.

The copy is one transaction of the new database and reads one state of the old one: what fails or
is cut off leaves the new database as empty as it was. What is kept by triggers (counters, the
search index) is made anew, not copied; the record of migrations is each database's own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from truing.domain.errors import ConflictError, DamagedError, InvalidInputError
from truing.stores.database.connection import Database
from truing.stores.database.lookups import noted, set_noted
from truing.stores.database.schema import NUMBERS, counters, metadata, migrations
from truing.stores.database.store import DatabaseStore

BATCH = 500
"""Rows in memory at once."""
SEARCHABLE_TOGETHER = 2000
NUMBERS_GIVEN = "numbers"
"""Stands among the tables of a digest for the last number each gave out."""

OnProgress = Callable[[int, int], None]
Row = Sequence[Any]

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def database_digest(store: DatabaseStore) -> dict[str, str]:
    """What a database holds, as one SHA-256 for each table, the same on every system.

    Each row is a line of JSON (UTF-8, values in the order of the columns), in the order of the
    primary key; before the rows stand the names of the columns. Counters of zero are left out.
    Under `numbers` is the digest of the last number each table gave out: with it equal, no
    number is ever given twice.
    """
    with store.database.reading() as connection:
        return _digests(store.database, connection)


def is_empty(store: DatabaseStore) -> bool:
    """Whether a database holds no row of anybody."""
    with store.database.reading() as connection:
        return not any(
            connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first()
            for table in _tables()
            if table is not counters
        )


def transfer(
    source: DatabaseStore, target: DatabaseStore, *, on_progress: OnProgress = lambda *_: None
) -> dict[str, str]:
    """Copies everything; nobody writes to either meanwhile.

    Args:
        source: the old database; it is only read.
        target: the new one, with nothing in it.
        on_progress: called with rows copied and rows in all.

    Returns:
        The digest of both; see `database_digest`.

    Raises:
        ConflictError: `target` holds something else.
        DamagedError: what arrived is not what was sent; nothing was kept.
        TruingError: one of the databases refused.
    """
    with source.database.writing() as old:
        # A copy that was finished just before a crash is as good as a new one.
        if not is_empty(target):
            sent = _digests(source.database, old)
            if database_digest(target) != sent:
                raise ConflictError(
                    f"`{target.database.dialect.place}` holds something already",
                    hint="give the address of a new database, or move that one away",
                )
        else:
            sent = _copy(source.database, old, target.database, on_progress)
    _make_searchable(target.database)
    return sent


def _copy(
    source: Database, old: sa.Connection, target: Database, on_progress: OnProgress
) -> dict[str, str]:
    tables = _tables()
    count = sa.select(sa.func.count())
    total = sum(old.scalar(count.select_from(table)) or 0 for table in tables)
    passing = _Passing(old, total, on_progress)
    try:
        return _write(source, old, target, passing)
    except InvalidInputError as error:
        raise InvalidInputError(
            f"{passing.place} cannot be moved: {error.message}", hint=error.hint
        ) from error


def _write(
    source: Database, old: sa.Connection, target: Database, passing: _Passing
) -> dict[str, str]:
    sent = passing.digests
    with target.writing() as new:
        for table in _tables():
            if table is counters:
                # Made by triggers while the samples came: as in the old database, then compared.
                new.execute(sa.delete(counters).where(counters.c.modality != NUMBERS))
            target.dialect.load(new, table, passing.rows(table))
        set_noted(new, target.dialect, noted(old))
        numbers = source.dialect.numbers(old)
        target.dialect.set_numbers(new, numbers)
        sent[NUMBERS_GIVEN] = _numbers_digest(numbers)
        arrived = _digests(target, new)
        if arrived != sent:
            differing = ", ".join(sorted(name for name in sent if sent[name] != arrived[name]))
            raise DamagedError(
                f"not everything arrived in `{target.dialect.place}`: {differing}",
                hint="nothing was changed; run `truing verify`, then try again",
            )
    passing.finish()
    return sent


class _Passing:
    """Rows on their way: digests of what was sent, and which row is under way."""

    def __init__(self, old: sa.Connection, total: int, on_progress: OnProgress) -> None:
        self.digests: dict[str, str] = {}
        self.place = "a row"
        self._old = old
        self._total = total
        self._done = 0
        self._on_progress = on_progress

    def rows(self, table: sa.Table) -> Iterator[Row]:
        """All rows of a table."""
        digest = _Digest(table)
        key = [place for place, column in enumerate(table.columns) if column.primary_key]
        for row in _rows(self._old, table):
            self.place = f"the row `{', '.join(str(row[one]) for one in key)}` of `{table.name}`"
            digest.add(row)
            yield row
            self._done += 1
            if not self._done % BATCH:
                self._on_progress(self._done, self._total)
        self.digests[table.name] = digest.text()

    def finish(self) -> None:
        """Says that all is done."""
        self._on_progress(self._total, self._total)


def _make_searchable(database: Database) -> None:
    while True:
        with database.reading() as connection:
            if not database.dialect.unsearchable(connection):
                return
        with database.writing() as connection:
            database.dialect.make_searchable(connection, at_most=SEARCHABLE_TOGETHER)


def _tables() -> list[sa.Table]:
    """In an order in which no row refers to one that is not there yet; counters last."""
    others = [one for one in metadata.sorted_tables if one not in (migrations, counters)]
    return [*others, counters]


def _rows(connection: sa.Connection, table: sa.Table) -> Iterator[Row]:
    query = sa.select(table).order_by(*table.primary_key.columns)
    if table is counters:
        query = query.where(counters.c.modality != NUMBERS, counters.c.value != 0)
    streaming = query.execution_options(yield_per=BATCH)
    for row in connection.execute(streaming):
        yield tuple(row)


class _Digest:
    """The digest of a table while its rows go by."""

    def __init__(self, table: sa.Table) -> None:
        self._hash = hashlib.sha256()
        self._line([table.name, *(column.name for column in table.columns)])

    def add(self, row: Row) -> None:
        """Takes the next row in."""
        # A minus before a zero is not kept by every system.
        self._line([value + 0.0 if isinstance(value, float) else value for value in row])

    def _line(self, values: Sequence[Any]) -> None:
        self._hash.update(_encode(values).encode("utf-8") + b"\n")

    def text(self) -> str:
        """The digest as it is written elsewhere."""
        return f"sha256:{self._hash.hexdigest()}"


def _digests(database: Database, connection: sa.Connection) -> dict[str, str]:
    found: dict[str, str] = {}
    for table in _tables():
        digest = _Digest(table)
        for row in _rows(connection, table):
            digest.add(row)
        found[table.name] = digest.text()
    found[NUMBERS_GIVEN] = _numbers_digest(database.dialect.numbers(connection))
    return found


def _numbers_digest(numbers: dict[str, int]) -> str:
    held = _encode(sorted(numbers.items())).encode("utf-8")
    return f"sha256:{hashlib.sha256(held).hexdigest()}"
