"""Arrivals in a database: one row for each day and modality, and how far counting has come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from truing.domain.arrival import Day
from truing.domain.clock import to_iso
from truing.stores.database.connection import Database
from truing.stores.database.lookups import note, noted
from truing.stores.database.sample_rows import read_media
from truing.stores.database.schema import NUMBERS, arrivals, counters, sample_blobs, samples

MARK = "arrived"
"""Under `NUMBERS` the number of the last sample that is counted."""
_DATE = len("2026-01-05")
_EARLIER = (
    sa.select(sa.literal(1))
    .where(
        sample_blobs.c.digest == sa.bindparam("digest"),
        sample_blobs.c.sample_id <= sa.bindparam("reached"),
    )
    .limit(1)
)
"""Whether a counted sample has the blob."""


class DatabaseArrivals:
    """See `truing.domain.arrival.Arrivals`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self, *, at_most: int = 2000) -> int:
        """See `Arrivals.count`: a blob counts with the first sample that has it."""
        with self._database.reading() as connection:
            # Nothing to count needs no right to write.
            last = connection.scalar(sa.select(sa.func.max(samples.c.id))) or 0
            if last <= (_reached(connection) or 0):
                return 0
        note(self._database)
        with self._database.writing() as connection:
            reached = _reached(connection)
            if reached is None:
                connection.execute(sa.delete(arrivals))
            rows = _waiting(connection, reached or 0, at_most)
            if rows:
                _add(connection, rows, reached or 0)
                _reach(connection, self._database, rows[-1].id)
        return len(rows)

    def total(self) -> int:
        """See `Arrivals.total`."""
        with self._database.reading() as connection:
            return int(connection.scalar(sa.select(sa.func.sum(arrivals.c.size))) or 0)

    def days(self, since: str = "") -> list[Day]:
        """See `Arrivals.days`."""
        table = arrivals.c
        query = sa.select(arrivals).where(table.day >= since).order_by(table.day, table.modality)
        with self._database.reading() as connection:
            return [
                Day(
                    date=row["day"],
                    modality=row["modality"],
                    samples=int(row["samples"]),
                    size=int(row["size"]),
                )
                for row in connection.execute(query).mappings()
            ]


def _reached(connection: sa.Connection) -> int | None:
    here = (counters.c.modality == NUMBERS, counters.c.name == MARK)
    return connection.scalar(sa.select(counters.c.value).where(*here))


def _reach(connection: sa.Connection, database: Database, last: int) -> None:
    mark = database.dialect.insert(counters).values(modality=NUMBERS, name=MARK, value=last)
    key = [counters.c.modality, counters.c.name]
    connection.execute(mark.on_conflict_do_update(index_elements=key, set_={"value": last}))


def _waiting(connection: sa.Connection, reached: int, at_most: int) -> Sequence[sa.Row[Any]]:
    table = samples.c
    columns = (table.id, table.modality, table.added_at, table.said, table.document)
    query: sa.Select[Any] = sa.select(*columns)
    query = query.where(table.id > reached).order_by(table.id).limit(at_most)
    return connection.execute(query).all()


def _add(connection: sa.Connection, rows: Sequence[sa.Row[Any]], reached: int) -> None:
    known = _unnoted_blobs(connection, reached)
    days: dict[tuple[str, str], list[int]] = {}
    for row in rows:
        size = len(row.said.encode()) + len(row.document.encode())
        for medium in read_media(row.document):
            if medium.digest not in known and not _was_here(connection, medium.digest, reached):
                size += medium.size
            known.add(medium.digest)
        sums = days.setdefault((to_iso(row.added_at)[:_DATE], row.modality), [0, 0])
        sums[0] += 1
        sums[1] += size
    for (day, modality), (count, size) in days.items():
        _raise(connection, day, modality, count, size)


def _unnoted_blobs(connection: sa.Connection, reached: int) -> set[str]:
    """Blobs of counted samples that `sample_blobs` does not name yet."""
    table = samples.c
    query = sa.select(table.document).where(table.id > noted(connection), table.id <= reached)
    return {one.digest for text in connection.scalars(query) for one in read_media(text)}


def _was_here(connection: sa.Connection, digest: str, reached: int) -> bool:
    named = {"digest": digest, "reached": reached}
    return connection.scalar(_EARLIER, named) is not None


def _raise(connection: sa.Connection, day: str, modality: str, count: int, size: int) -> None:
    table = arrivals.c
    changes = {"samples": table.samples + count, "size": table.size + size}
    here = (table.day == day, table.modality == modality)
    if not connection.execute(sa.update(arrivals).where(*here).values(changes)).rowcount:
        row = {"day": day, "modality": modality, "samples": count, "size": size}
        connection.execute(sa.insert(arrivals).values(row))
