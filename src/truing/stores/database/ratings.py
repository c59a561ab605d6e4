"""Ratings in a database; the newest one stands in the sample's row as well."""

from __future__ import annotations

from dataclasses import replace

import sqlalchemy as sa

from truing.domain.errors import ConflictError, NotFoundError
from truing.domain.rating import Rating
from truing.domain.review import State
from truing.stores.database.census import outdate
from truing.stores.database.connection import Database
from truing.stores.database.schema import ratings, samples


class DatabaseRatings:
    """See `truing.domain.rating.Ratings`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, rating: Rating) -> Rating:
        """See `Ratings.add`.

        Raises:
            NotFoundError: no such sample.
            ConflictError: the sample is in the trash.
        """
        number = rating.sample_id
        row = {name: getattr(rating, name) for name in _NAMES if name != "id"}
        with self._database.writing() as connection:
            here = samples.c.id == number
            state = connection.scalar(sa.select(samples.c.state).where(here).with_for_update())
            _refuse(number, state)
            made = connection.scalar(sa.insert(ratings).values(row).returning(ratings.c.id))
            connection.execute(sa.update(samples).where(here).values(rating=rating.value))
            outdate(connection, [number])
        return replace(rating, id=int(made or 0))

    def of(self, sample_id: int) -> list[Rating]:
        """See `Ratings.of`."""
        query = sa.select(ratings).where(ratings.c.sample_id == sample_id).order_by(ratings.c.id)
        with self._database.reading() as connection:
            return [Rating(**row) for row in connection.execute(query).mappings()]


_NAMES = tuple(column.name for column in ratings.columns)


def _refuse(number: int, state: str | None) -> None:
    if state is None:
        raise NotFoundError(f"no sample `{number}`", hint="`truing samples` lists them")
    if state == State.TRASHED.value:
        raise ConflictError(
            f"sample `{number}` is in the trash", hint=f"truing trash restore {number}, then rate"
        )
