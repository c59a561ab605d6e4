"""Marks: a cheap look at a database that tells whether anybody has written to it."""

from __future__ import annotations

import sqlalchemy as sa

from truing.stores.database.connection import Database
from truing.stores.database.schema import (
    counters,
    datasets,
    events,
    models,
    promotions,
    ratings,
    revisions,
    runs,
    samples,
    trash,
)


def read_marks(database: Database) -> dict[str, tuple[object, ...]]:
    """See `Store.marks`: the last numbers given out, and what counters and runs stand at."""
    looks = {
        "samples": (
            _last(samples.c.id),
            _last(revisions.c.id),
            _last(ratings.c.id),
            _last(events.c.id),
            sa.select(sa.func.sum(counters.c.value)),
            sa.select(sa.func.count()).select_from(trash),
        ),
        "runs": (
            _last(runs.c.id),
            sa.select(sa.func.count()).select_from(runs).where(runs.c.ended_at.is_(None)),
            sa.select(sa.func.sum(runs.c.step + runs.c.fence)),
        ),
        "models": (
            sa.select(sa.func.count()).select_from(models),
            _last(promotions.c.id),
        ),
        "datasets": (_last(datasets.c.id), sa.select(sa.func.sum(datasets.c.forgotten))),
    }
    every = [look.scalar_subquery() for group in looks.values() for look in group]
    with database.reading() as connection:
        row = iter(connection.execute(sa.select(*every)).one())
    return {
        topic: tuple(str(value) for value, _ in zip(row, group, strict=False))
        for topic, group in looks.items()
    }


def _last(column: sa.Column[int]) -> sa.Select[int]:
    return sa.select(sa.func.max(column))
