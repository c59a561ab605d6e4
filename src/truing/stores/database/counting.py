"""Counts of samples, from the counters that triggers keep."""

from __future__ import annotations

import sqlalchemy as sa

from truing.stores.database.schema import NUMBERS, counters, samples, trash


def counts(connection: sa.Connection, modality: str | None) -> dict[str, int]:
    """The counters of one modality, or of all."""
    query = sa.select(counters.c.name, sa.func.sum(counters.c.value)).group_by(counters.c.name)
    query = query.where(
        counters.c.modality != NUMBERS if modality is None else counters.c.modality == modality
    )
    return {row[0]: int(row[1]) for row in connection.execute(query)}


def trained_trash(connection: sa.Connection, modality: str | None) -> int:
    """How many samples in the trash were trained on."""
    table = samples.c
    here = [table.id == trash.c.sample_id, table.trained == 1]
    if modality is not None:
        here.append(table.modality == modality)
    return connection.scalar(sa.select(sa.func.count()).select_from(trash).where(*here)) or 0
