"""The memory of what was forgotten, in a database."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from truing.domain.erasure import Erasure, Forgotten
from truing.stores.database.chunks import chunks
from truing.stores.database.connection import Database
from truing.stores.database.schema import erasures


class DatabaseErasures:
    """See `truing.domain.erasure.Erasures`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, new: Sequence[Erasure]) -> None:
        """See `Erasures.add`."""
        with self._database.writing() as connection:
            insert = self._database.dialect.insert(erasures)
            for piece in chunks(new):
                rows = [
                    {
                        "mac": one.mac,
                        "kind": one.kind.value,
                        "key": one.key,
                        "at": one.at,
                        "number": one.number,
                    }
                    for one in piece
                ]
                connection.execute(insert.on_conflict_do_nothing(index_elements=["mac"]), rows)

    def all(self) -> list[Erasure]:
        """See `Erasures.all`."""
        query = sa.select(erasures).order_by(erasures.c.at, erasures.c.mac)
        with self._database.reading() as connection:
            return [
                Erasure(
                    kind=Forgotten(row["kind"]),
                    key=row["key"],
                    mac=row["mac"],
                    at=row["at"],
                    number=row["number"],
                )
                for row in connection.execute(query).mappings()
            ]
