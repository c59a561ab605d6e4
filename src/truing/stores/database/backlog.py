"""How far samples were counted, and which of them wait: what tallies and census have in common."""

from __future__ import annotations

import sqlalchemy as sa

from truing.stores.database.dialect import Dialect
from truing.stores.database.schema import NUMBERS, counters, samples


def is_mark(mark: str) -> sa.ColumnElement[bool]:
    """The row of `counters` that keeps the number up to which all samples were counted once."""
    return sa.and_(counters.c.modality == NUMBERS, counters.c.name == mark)


def reached(connection: sa.Connection, mark: str) -> int | None:
    """That number; None where counting has not begun."""
    return connection.scalar(sa.select(counters.c.value).where(is_mark(mark)))


def waiting(
    connection: sa.Connection,
    dialect: Dialect,
    modality: str,
    outdated: sa.Table,
    counted: int,
    *,
    at_most: int,
) -> list[int]:
    """Numbers of samples that changed since they were counted, then of those never counted.

    Args:
        connection: may be one that only reads.
        dialect: of its database.
        modality: whose samples.
        outdated: the table of those that changed.
        counted: the number up to which all were counted once.
        at_most: how many are told.
    """
    # Along the numbers: an index of the lists would lead through a million samples each time.
    here = dialect.unindexed(samples.c.modality) == modality
    own = sa.select(samples.c.id).where(samples.c.id == outdated.c.sample_id, here)
    changed = (
        sa.select(outdated.c.sample_id)
        .where(own.correlate(outdated).exists())
        .order_by(outdated.c.sample_id)
        .limit(at_most)
    )
    ids = list(connection.scalars(changed))
    if len(ids) < at_most:
        fresh = (
            sa.select(samples.c.id)
            .where(samples.c.id > counted, here)
            .order_by(samples.c.id)
            .limit(at_most - len(ids))
        )
        ids += connection.scalars(fresh)
    # One that came back from an archive may be both.
    return list(dict.fromkeys(ids))
