"""What a filter of samples asks, as SQL."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import sqlalchemy as sa

from truing.domain.review import State
from truing.domain.sample import SampleFilter
from truing.stores.database.dialect import Dialect
from truing.stores.database.schema import sample_findings, sample_tags, samples

Condition = sa.ColumnElement[bool]

ANY_FINDING = "*"


def conditions(
    dialect: Dialect,
    where: SampleFilter,
    *,
    indexed: Collection[str] = (),
    skip: Collection[str] = (),
) -> list[Condition]:
    """The filter as SQL.

    Args:
        dialect: for full-text search.
        where: the filter.
        indexed: columns an index may be chosen for; the planner, which has no statistics,
            leaves alone those for all others.
        skip: columns that the caller sees to.
    """

    def column(name: str) -> sa.ColumnElement[Any]:
        known: sa.ColumnElement[Any] = samples.c[name]
        return known if name in indexed else dialect.unindexed(known)

    found = [
        column(name) == value
        for name, value in _equal(where)
        if value is not None and name not in skip
    ]
    if where.states is not None and "state" not in skip:
        found.append(column("state").in_([state.value for state in where.states]))
    elif "state" not in skip:
        found.append(column("state") != State.TRASHED.value)
    found += of_dates(where, column("captured_at"))
    if where.confidence_below is not None:
        found.append(column("certainty") < where.confidence_below)
    if where.rating_from is not None:
        found.append(column("rating") >= where.rating_from)
    if where.quality_from is not None:
        found.append(column("quality") >= where.quality_from)
    if where.tag is not None:
        tagged = (sample_tags.c.tag == where.tag, sample_tags.c.sample_id == samples.c.id)
        found.append(sa.select(sample_tags.c.sample_id).where(*tagged).exists())
    if where.finding == ANY_FINDING:
        here = sample_findings.c.sample_id == samples.c.id
        found.append(sa.select(sample_findings.c.sample_id).where(here).exists())
    elif where.finding is not None:
        here = sample_findings.c.sample_id == samples.c.id
        found_by = sample_findings.c.check == where.finding
        found.append(sa.select(sample_findings.c.sample_id).where(found_by, here).exists())
    if where.text is not None and where.text.strip():
        matches = dialect.matching(where.text)
        found.append(sa.false() if matches is None else column("id").in_(matches))
    return found


def of_dates(where: SampleFilter, column: sa.ColumnElement[Any]) -> list[Condition]:
    """The dates of a filter, of a column."""
    found: list[Condition] = []
    if where.captured_from is not None:
        found.append(column >= where.captured_from)
    if where.captured_until is not None:
        found.append(column < where.captured_until)
    return found


def _equal(where: SampleFilter) -> Iterable[tuple[str, object]]:
    yield "modality", where.modality
    yield "subject", where.subject
    yield "session", where.session
    yield "source", where.source
    yield "sampling", where.sampling.value if where.sampling is not None else None
    yield "trained", int(where.trained) if where.trained is not None else None
