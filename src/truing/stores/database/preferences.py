"""Preferences between two models in a database, kept with the lesser digest as model a."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from truing.domain.errors import ConflictError
from truing.domain.preference import Choice, Preference
from truing.stores.database.chunks import chunks
from truing.stores.database.connection import Database
from truing.stores.database.schema import preferences

_NAMES = tuple(column.name for column in preferences.columns if column.name != "id")


class DatabasePreferences:
    """See `truing.domain.preference.Preferences`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, preference: Preference) -> None:
        """See `Preferences.add`."""
        kept = preference.seen_from(min(preference.model_a, preference.model_b))
        row = {name: getattr(kept, name) for name in _NAMES}
        here = [preferences.c[name] == row[name] for name in _ONCE]
        with self._database.writing() as connection:
            if connection.scalar(sa.select(preferences.c.id).where(*here)) is not None:
                raise ConflictError(
                    f"`{preference.actor}` chose on `{preference.sample_uid}` already",
                    hint="take that choice back first",
                )
            connection.execute(sa.insert(preferences).values(row))

    def of(self, model_a: str, model_b: str, dataset: str, split: str) -> list[Preference]:
        """See `Preferences.of`."""
        table = preferences.c
        first, second = sorted((model_a, model_b))
        query = (
            sa.select(*(table[name] for name in _NAMES))
            .where(table.model_a == first, table.model_b == second)
            .where(table.dataset == dataset, table.split == split)
            .order_by(table.id)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).mappings().all()
        return [_preference(row).seen_from(model_a) for row in rows]

    def remove(self, uid: str) -> bool:
        """See `Preferences.remove`."""
        here = preferences.c.uid == uid
        with self._database.writing() as connection:
            return connection.execute(sa.delete(preferences).where(here)).rowcount == 1

    def forget(self, uids: Sequence[str]) -> int:
        """See `Preferences.forget`."""
        with self._database.writing() as connection:
            return erase_preferences(connection, list(dict.fromkeys(uids)))


_ONCE = ("model_a", "model_b", "dataset", "split", "sample_uid", "actor")


def erase_preferences(connection: sa.Connection, uids: Sequence[str]) -> int:
    """Removes what people chose between results for these samples; returns how many."""
    gone = 0
    for piece in chunks(uids):
        here = preferences.c.sample_uid.in_(piece)
        gone += connection.execute(sa.delete(preferences).where(here)).rowcount
    return gone


def _preference(row: sa.RowMapping) -> Preference:
    return Preference(**{**row, "choice": Choice(row["choice"])})
