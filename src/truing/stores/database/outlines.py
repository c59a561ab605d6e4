"""Outlines of samples in a database: short columns of many rows."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from truing.domain.outline import Outline
from truing.domain.review import LIVE, State
from truing.stores.database.chunks import chunks
from truing.stores.database.connection import Database
from truing.stores.database.sample_rows import read_media
from truing.stores.database.schema import samples


class DatabaseOutlines:
    """See `truing.domain.outline.Outlines`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def newest(
        self,
        *,
        before: int | None = None,
        states: Sequence[State] | None = None,
        limit: int = 1000,
    ) -> list[Outline]:
        """See `Outlines.newest`."""
        table = samples.c
        query = sa.select(
            *(table.id, table.uid, table.modality, table.state, table.source, table.added_at)
        )
        wanted = [state.value for state in (LIVE if states is None else states)]
        # Along the numbers: by another index all samples would be sorted for each page.
        query = query.where(self._database.dialect.unindexed(table.state).in_(wanted))
        if before is not None:
            query = query.where(table.id < before)
        with self._database.reading() as connection:
            return [
                Outline(
                    id=row.id,
                    uid=row.uid,
                    modality=row.modality,
                    state=State(row.state),
                    source=row.source,
                    added_at=row.added_at,
                )
                for row in connection.execute(query.order_by(table.id.desc()).limit(limit))
            ]

    def here(self, uids: Sequence[str]) -> set[str]:
        """See `Outlines.here`."""
        found: set[str] = set()
        alive = samples.c.state.in_([state.value for state in LIVE])
        with self._database.reading() as connection:
            for piece in chunks(dict.fromkeys(uids)):
                query = sa.select(samples.c.uid).where(samples.c.uid.in_(piece), alive)
                found.update(connection.scalars(query))
        return found

    def blobs(self, ids: Sequence[int]) -> dict[int, dict[str, int]]:
        """See `Outlines.blobs`."""
        found: dict[int, dict[str, int]] = {}
        table = samples.c
        with self._database.reading() as connection:
            for piece in chunks(dict.fromkeys(ids)):
                query = sa.select(table.id, table.document).where(table.id.in_(piece))
                for number, document in connection.execute(query):
                    found[number] = {one.digest: one.size for one in read_media(document)}
        return found
