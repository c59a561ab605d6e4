"""Revisions in a database, and the standing of each sample that follows from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from truing.domain.errors import ConflictError, NotFoundError
from truing.domain.review import Appended, Revision, Standing, State, Verdict
from truing.stores.database.appending import STAND, Appending, revision_row, stands
from truing.stores.database.chunks import chunks
from truing.stores.database.connection import Database
from truing.stores.database.prepared import Prepared
from truing.stores.database.schema import revisions, samples
from truing.stores.database.tallies import outdate

_NAMES = tuple(column.name for column in revisions.columns)


class DatabaseReviews:
    """See `truing.domain.ports.Reviews`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._appending = Appending(database)
        column = revisions.c
        mine = sa.select(revisions).where(column.sample_id == sa.bindparam("sample_id"))
        self._of = Prepared(mine.order_by(column.id))

    def append(self, revision: Revision, result: Standing, *, expected: int) -> Revision:
        """See `Reviews.append`.

        The sample's text counts as known as the deciding revision says.
        """
        return self._appending.append(Appended(revision, result, expected))

    def append_each(
        self, revisions: Sequence[Appended]
    ) -> list[Revision | ConflictError | NotFoundError]:
        """See `Reviews.append_each`."""
        return self._appending.append_each(revisions)

    def append_all(
        self, revisions: Sequence[Appended], contexts: Mapping[int, Mapping[str, object]]
    ) -> list[Revision]:
        """See `Reviews.append_all`."""
        return self._appending.append_all(revisions, contexts)

    def append_many(self, first: Sequence[tuple[Revision, Standing]]) -> list[Revision | None]:
        """See `Reviews.append_many`."""
        stored: dict[int, Revision] = {}
        with self._database.writing() as connection:
            for piece in chunks(first):
                stored.update(_append(connection, piece))
        return [stored.pop(revision.sample_id, None) for revision, _ in first]

    def of_many(self, sample_ids: Sequence[int]) -> dict[int, list[Revision]]:
        """See `Reviews.of_many`."""
        found: dict[int, list[Revision]] = {}
        with self._database.reading() as connection:
            for piece in chunks(dict.fromkeys(sample_ids)):
                found.update(read_revisions(connection, piece))
        return found

    def of(self, sample_id: int) -> list[Revision]:
        """See `Reviews.of`."""
        with self._database.reading_directly() as direct:
            rows = self._of.all(direct, sample_id=sample_id)
        return [_revision(dict(zip(_NAMES, row, strict=True))) for row in rows]

    def get(self, id: int) -> Revision:
        """See `Reviews.get`."""
        query = sa.select(revisions).where(revisions.c.id == id)
        with self._database.reading() as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            raise NotFoundError(
                f"no revision `{id}`", hint="`truing history SAMPLE` lists those of a sample"
            )
        return _revision(row)

    def latest_by(self, actor: str, *, limit: int = 50) -> list[Revision]:
        """See `Reviews.latest_by`."""
        query = sa.select(revisions).where(revisions.c.actor == actor)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(revisions.c.id.desc()).limit(limit)).mappings()
            return [_revision(row) for row in rows]

    def latest(self, *, limit: int = 500) -> list[Revision]:
        """See `Reviews.latest`."""
        query = sa.select(revisions).order_by(revisions.c.id.desc()).limit(limit)
        with self._database.reading() as connection:
            return [_revision(row) for row in connection.execute(query).mappings()]

    def iterate(self, modality: str | None = None, *, batch: int = 1000) -> Iterator[Revision]:
        """See `Reviews.iterate`."""
        last = 0
        while True:
            query = sa.select(revisions).where(revisions.c.id > last)
            if modality is not None:
                # A semi-join keeps the walk along the revisions' own numbers.
                owner = sa.select(samples.c.id).where(
                    samples.c.id == revisions.c.sample_id, samples.c.modality == modality
                )
                query = query.where(owner.correlate(revisions).exists())
            with self._database.reading() as connection:
                rows = connection.execute(query.order_by(revisions.c.id).limit(batch))
                found = [_revision(row) for row in rows.mappings()]
            yield from found
            if len(found) < batch:
                return
            last = found[-1].id


def read_revisions(connection: sa.Connection, ids: Sequence[int]) -> dict[int, list[Revision]]:
    """The revisions of a few samples, oldest first; those without any are missing."""
    query = sa.select(revisions).where(revisions.c.sample_id.in_(ids)).order_by(revisions.c.id)
    found: dict[int, list[Revision]] = {}
    for row in connection.execute(query).mappings():
        found.setdefault(row["sample_id"], []).append(_revision(row))
    return found


def _append(
    connection: sa.Connection, first: Sequence[tuple[Revision, Standing]]
) -> dict[int, Revision]:
    """Stores those whose sample has no revision yet, by sample."""
    given = {revision.sample_id: (revision, result) for revision, result in reversed(first)}
    table = samples.c
    untouched = sa.select(table.id).where(
        table.id.in_(given), table.revision == 0, table.state != State.TRASHED.value
    )
    fresh = [given[number] for number in connection.scalars(untouched.with_for_update())]
    if not fresh:
        return {}
    rows = [revision_row(revision) for revision, _ in fresh]
    written = sa.insert(revisions).returning(revisions.c.sample_id, revisions.c.id)
    numbers: dict[int, int] = {row[0]: row[1] for row in connection.execute(written, rows)}
    connection.execute(
        STAND,
        [
            {"decided": one.sample_id, "revision": numbers[one.sample_id], **stands(result)}
            for one, result in fresh
        ],
    )
    outdate(connection, numbers)
    return {one.sample_id: replace(one, id=numbers[one.sample_id]) for one, _ in fresh}


def _revision(row: Mapping[Any, Any]) -> Revision:
    return Revision(
        id=row["id"],
        sample_id=row["sample_id"],
        verdict=Verdict(row["verdict"]),
        actor=row["actor"],
        created_at=row["created_at"],
        truth=row["truth"],
        why=row["why"],
        shown_because=row["shown_because"],
        prediction_known=bool(row["prediction_known"]),
        undoes=row["undoes"],
        seconds=row["seconds"],
        keys=row["keys"],
    )
