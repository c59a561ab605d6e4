"""Revisions in a database, and the standing of each sample that follows from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from truing.domain.errors import ConflictError, NotFoundError
from truing.domain.review import Revision, Standing, Verdict
from truing.stores.database.connection import Database
from truing.stores.database.schema import revisions, samples


class DatabaseReviews:
    """See `truing.domain.ports.Reviews`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, revision: Revision, result: Standing, *, expected: int) -> Revision:
        """See `Reviews.append`.

        The sample's text counts as known as the deciding revision says.
        """
        known = result.deciding.prediction_known if result.deciding is not None else True
        sample_id = revision.sample_id
        seen = sa.select(samples.c.revision).where(samples.c.id == sample_id).with_for_update()
        with self._database.writing() as connection:
            newest = connection.scalar(seen)
            if newest is None:
                raise NotFoundError(f"no sample `{sample_id}`", hint="it was forgotten meanwhile")
            if newest != expected:
                raise ConflictError(
                    f"sample `{sample_id}` was reviewed meanwhile: revision {newest} follows "
                    f"{expected}",
                    hint="look at it again, then decide",
                )
            number = connection.scalar(
                sa.insert(revisions).values(_row(revision)).returning(revisions.c.id)
            )
            connection.execute(
                sa.update(samples)
                .where(samples.c.id == sample_id)
                .values(
                    state=result.state.value,
                    truth=result.truth,
                    revision=number,
                    prediction_known=int(known),
                )
            )
        return replace(revision, id=number or 0)

    def of(self, sample_id: int) -> list[Revision]:
        """See `Reviews.of`."""
        query = sa.select(revisions).where(revisions.c.sample_id == sample_id)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(revisions.c.id)).mappings()
            return [_revision(row) for row in rows]

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


def _row(revision: Revision) -> dict[str, Any]:
    return {
        "sample_id": revision.sample_id,
        "verdict": revision.verdict.value,
        "actor": revision.actor,
        "created_at": revision.created_at,
        "truth": revision.truth,
        "why": revision.why,
        "shown_because": revision.shown_because,
        "prediction_known": int(revision.prediction_known),
        "undoes": revision.undoes,
        "seconds": revision.seconds,
        "keys": revision.keys,
    }


def _revision(row: sa.RowMapping) -> Revision:
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
