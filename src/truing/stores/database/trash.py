"""The trash in a database: deleted samples keep their row, in a state of its own."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from truing.domain.review import State, standing
from truing.domain.trash import Trashed
from truing.stores.database.chunks import chunks
from truing.stores.database.connection import Database
from truing.stores.database.reviews import read_revisions
from truing.stores.database.schema import samples, trash
from truing.stores.database.tallies import outdate


class DatabaseTrash:
    """See `truing.domain.trash.Trash`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, ids: Sequence[int], *, at: int, actor: str) -> list[int]:
        """See `Trash.put`."""
        moved: list[int] = []
        with self._database.writing() as connection:
            for piece in chunks(dict.fromkeys(ids)):
                here = (samples.c.id.in_(piece), samples.c.state != State.TRASHED.value)
                query = sa.select(samples.c.id).where(*here).with_for_update()
                numbers = sorted(connection.scalars(query))
                if not numbers:
                    continue
                rows = [{"sample_id": one, "at": at, "actor": actor} for one in numbers]
                connection.execute(sa.insert(trash), rows)
                connection.execute(
                    sa.update(samples)
                    .where(samples.c.id.in_(numbers))
                    .values(state=State.TRASHED.value)
                )
                outdate(connection, numbers)
                moved += numbers
        return moved

    def take_back(self, ids: Sequence[int]) -> list[int]:
        """See `Trash.take_back`."""
        back: list[int] = []
        with self._database.writing() as connection:
            for piece in chunks(dict.fromkeys(ids)):
                query = sa.select(trash.c.sample_id).where(trash.c.sample_id.in_(piece))
                numbers = sorted(connection.scalars(query))
                # A state is derived from the revisions alone, never remembered beside them.
                held = read_revisions(connection, numbers)
                by_state: dict[State, list[int]] = {}
                for number in numbers:
                    state = standing(held.get(number, [])).state
                    by_state.setdefault(state, []).append(number)
                for state, those in by_state.items():
                    connection.execute(
                        sa.update(samples).where(samples.c.id.in_(those)).values(state=state.value)
                    )
                connection.execute(sa.delete(trash).where(trash.c.sample_id.in_(numbers)))
                outdate(connection, numbers)
                back += numbers
        return back

    def page(self, *, before: Trashed | None = None, limit: int = 50) -> list[Trashed]:
        """See `Trash.page`."""
        query = sa.select(trash).order_by(trash.c.at.desc(), trash.c.sample_id.desc())
        if before is not None:
            place = sa.tuple_(trash.c.at, trash.c.sample_id)
            query = query.where(place < sa.tuple_(before.at, before.sample_id))
        with self._database.reading() as connection:
            rows = connection.execute(query.limit(limit)).mappings()
            return [
                Trashed(sample_id=row["sample_id"], at=row["at"], actor=row["actor"])
                for row in rows
            ]

    def due(self, until: int, *, limit: int = 500) -> list[int]:
        """See `Trash.due`."""
        query = sa.select(trash.c.sample_id).where(trash.c.at <= until)
        with self._database.reading() as connection:
            return list(
                connection.scalars(query.order_by(trash.c.at, trash.c.sample_id).limit(limit))
            )

    def count(self) -> int:
        """See `Trash.count`."""
        with self._database.reading() as connection:
            return connection.scalar(sa.select(sa.func.count()).select_from(trash)) or 0
