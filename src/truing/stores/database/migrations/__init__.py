"""Schema migrations: numbered, applied once, each in one transaction with its record.

The list only grows. A migration never imports the present schema: it says itself what it makes,
so that it means the same for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING

import sqlalchemy as sa

from truing.domain.errors import DamagedError, InvalidInputError
from truing.stores.database.migrations import (
    m001_first,
    m002_erasures,
    m003_lists,
    m004_captures,
    m005_accounts,
    m006_tags,
    m007_ratings,
    m008_preferences,
    m009_archives,
    m010_census,
    m011_arrivals,
    m012_pictures,
)
from truing.stores.database.schema import migrations as record

if TYPE_CHECKING:
    from truing.domain.clock import Clock
    from truing.stores.database.connection import Database

MIGRATIONS: tuple[ModuleType, ...] = (
    m001_first,
    m002_erasures,
    m003_lists,
    m004_captures,
    m005_accounts,
    m006_tags,
    m007_ratings,
    m008_preferences,
    m009_archives,
    m010_census,
    m011_arrivals,
    m012_pictures,
)
"""In order; the number of each is its place, from 1."""


def migrate(
    database: Database, clock: Clock, *, before: Callable[[], object] = lambda: None
) -> int:
    """Applies what is missing; safe when several processes open a database at once.

    Args:
        database: what is brought up to date.
        clock: dates the record.
        before: called once when there is a schema to be changed, not for a new database.

    Returns:
        How many migrations this call applied.

    Raises:
        InvalidInputError: the database belongs to another program.
        DamagedError: it was written by a newer version.
    """
    with database.reading() as connection:
        applied = _applied(connection, database.dialect.place)
    if 0 < applied < len(MIGRATIONS):
        before()
    count = 0
    while applied < len(MIGRATIONS):
        # Only the holder of the right to write looks what is missing, and fills it in.
        with database.writing() as connection:
            applied = _applied(connection, database.dialect.place)
            if applied < len(MIGRATIONS):
                migration = MIGRATIONS[applied]
                migration.apply(connection, database.dialect)
                applied += 1
                count += 1
                name = migration.__name__.rpartition(".")[2]
                connection.execute(
                    sa.insert(record).values(number=applied, name=name, applied_at=clock.now())
                )
    return count


def _applied(connection: sa.Connection, place: str) -> int:
    tables = sa.inspect(connection).get_table_names()
    if record.name not in tables:
        if tables:
            raise InvalidInputError(
                f"`{place}` is a database of another program: it holds `{tables[0]}`",
                hint="import it, or give the path of a Truing database",
            )
        return 0
    number = connection.scalar(sa.select(sa.func.max(record.c.number))) or 0
    if number > len(MIGRATIONS):
        raise DamagedError(
            f"`{place}` was written by a newer version of Truing: its schema is {number}, "
            f"this version knows {len(MIGRATIONS)}",
            hint="upgrade Truing; the data is safe",
        )
    return number
