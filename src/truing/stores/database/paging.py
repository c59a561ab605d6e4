"""Which samples a filter lets through, in which order, by which path through the indexes.

Pages go by key, never by offset. A page is put together from one walk per modality and state,
each along an index that has exactly the wanted order, so that its cost does not grow with the
number of samples; what else lists are narrowed by stands in those indexes, so that a walk looks at
no row that it does not return. A filter that lets only few samples through (a session, a rare
word, a rare finding) turns this round: those few are fetched and sorted. A word that very many
samples hold is looked up for the next few samples of the walk at a time.

Known trade-offs: two filters that let many samples through each and hardly any together walk far
(some 0.5 s at a million samples when nothing fits both).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from truing.domain.review import LIVE
from truing.domain.sample import SampleFilter, SampleOrder
from truing.stores.database.conditions import ANY_FINDING, Condition, conditions, of_dates
from truing.stores.database.cursors import Position
from truing.stores.database.dialect import Dialect
from truing.stores.database.lookups import of_sittings
from truing.stores.database.schema import (
    NUMBERS,
    counters,
    sample_findings,
    sample_tags,
    samples,
)

Branch = tuple[str, str]
"""A modality and a state that hold at least one sample."""

EVERYWHERE = 100_000
"""Words that so many samples hold are looked up by sample."""
PROBED = 2_000
NEARBY = 100
"""Numbers that lie so near to each other are read as one range."""
LONGEST_STRETCH = 5_000
FEW_IN_INDEX = 3
"""So many times more samples may be sorted where all that is asked for stands in an index."""
_USED: sa.ColumnElement[int] = sa.literal_column("1", sa.Integer)
"""Written out: the partial index is chosen for this value alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordering:
    """A column and a direction; the sample's number breaks ties in the same direction."""

    column: sa.Column[Any]
    descending: bool

    @property
    def by_date(self) -> bool:
        """Whether its column is the date, for which there are indexes by subject as well."""
        return self.column is samples.c.captured_at

    def keys(
        self, column: sa.ColumnElement[Any], number: sa.ColumnElement[Any]
    ) -> tuple[sa.ColumnElement[Any], sa.ColumnElement[Any]]:
        """The ORDER BY, over these columns."""
        return (column.desc(), number.desc()) if self.descending else (column.asc(), number.asc())

    def after(
        self, position: Position | None, column: sa.ColumnElement[Any] | None = None
    ) -> list[tuple[Condition, ...]]:
        """What comes after a position, as one or two walks along an index.

        The ties of the position and what lies beyond them are walked apart: SQLite does not use
        a row's number within `(key, id) > (?, ?)`, and would read a million ties for each page.
        """
        if position is None:
            return [()]
        key = self.column if column is None else column
        number = samples.c.id
        if self.descending:
            return [(key == position.value, number < position.id), (key < position.value,)]
        return [(key == position.value, number > position.id), (key > position.value,)]


ORDERINGS = {
    SampleOrder.NEWEST: Ordering(column=samples.c.captured_at, descending=True),
    SampleOrder.OLDEST: Ordering(column=samples.c.captured_at, descending=False),
    SampleOrder.LEAST_CONFIDENT: Ordering(column=samples.c.certainty, descending=False),
    SampleOrder.LOWEST_QUALITY: Ordering(column=samples.c.quality, descending=False),
}


def page_positions(
    connection: sa.Connection,
    dialect: Dialect,
    where: SampleFilter,
    order: SampleOrder,
    *,
    after: Position | None,
    limit: int,
) -> list[Position]:
    """The positions of the first `limit` samples after `after`."""
    branches = filled_branches(connection, where)
    if not branches:
        return []
    ordering = ORDERINGS[order]
    words = dialect.matching(where.text) if where.text is not None else None
    common = words is not None and not _are_few(connection, words)
    walked = replace(where, text=None) if common else where
    candidates = few_samples(connection, dialect, walked, branches, ordering)
    if candidates is None and where.trained:
        branches = [one for one in branches if _holds_trained(connection, one)]

    person = candidates is None and _is_one_person(connection, walked, ordering, branches)

    def walk(start: Position | None, size: int) -> list[Position]:
        if person:
            query = _sorted_person(dialect, walked, ordering, branches, start, size)
        elif candidates is not None:
            query = _sorted_few(dialect, walked, ordering, candidates, start, size)
        elif branches:
            query = _walks(dialect, walked, ordering, branches, start, size)
        else:
            return []
        return [Position(value=row[0], id=row[1]) for row in connection.execute(query)]

    if words is None or not common:
        return walk(after, limit)
    return _with_words(connection, dialect, words, walk, after, limit)


def _holds_trained(connection: sa.Connection, branch: Branch) -> bool:
    modality, state = branch
    here = (samples.c.modality == modality, samples.c.state == state, samples.c.trained == _USED)
    return connection.scalar(sa.select(samples.c.id).where(*here).limit(1)) is not None


def _with_words(
    connection: sa.Connection,
    dialect: Dialect,
    words: sa.Select[int],
    walk: Callable[[Position | None, int], list[Position]],
    after: Position | None,
    limit: int,
) -> list[Position]:
    """The first of a walk that the search index names as well: looked up a stretch at a time."""
    found: list[Position] = []
    size = 4 * limit
    everywhere = _are_everywhere(connection, words)
    while len(found) < limit:
        stretch = walk(after, size)
        ids = [position.id for position in stretch]
        held = set(connection.scalars(_among(dialect, words, ids, everywhere=everywhere)))
        found += [position for position in stretch if position.id in held]
        if len(stretch) < size:
            break
        after = stretch[-1]
        size = min(2 * size, LONGEST_STRETCH)
    return found[:limit]


def _are_everywhere(connection: sa.Connection, words: sa.Select[int]) -> bool:
    """Whether about `EVERYWHERE` samples hold the words, judged by a few in the middle."""
    number = words.selected_columns[0]
    last = connection.scalar(sa.select(sa.func.max(samples.c.id))) or 0
    here = words.where(number.between(last // 2, last // 2 + PROBED - 1)).subquery()
    found = connection.scalar(sa.select(sa.func.count()).select_from(here)) or 0
    return found * last >= EVERYWHERE * PROBED


def _among(
    dialect: Dialect, words: sa.Select[int], ids: Sequence[int], *, everywhere: bool
) -> sa.Select[int]:
    """Which of these samples hold the words, in the cheapest way."""
    number = words.selected_columns[0]
    low, high = min(ids, default=0), max(ids, default=0)
    if high - low < NEARBY * len(ids):
        return words.where(number.between(low, high), dialect.unindexed(number).in_(ids))
    if everywhere:
        # One look into the index for each number.
        return words.where(number.in_(ids))
    # One walk along all that hold the words.
    return words.where(dialect.unindexed(number).in_(ids))


def _sorted_few(
    dialect: Dialect,
    where: SampleFilter,
    ordering: Ordering,
    candidates: sa.Select[int],
    after: Position | None,
    limit: int,
) -> sa.Select[Any]:
    beyond = [sa.and_(sa.true(), *part) for part in ordering.after(after)]
    return (
        sa.select(ordering.column, samples.c.id)
        .where(samples.c.id.in_(candidates), sa.or_(*beyond), *conditions(dialect, where))
        .order_by(*ordering.keys(dialect.unindexed(ordering.column), samples.c.id))
        .limit(limit)
    )


def _is_one_person(
    connection: sa.Connection,
    where: SampleFilter,
    ordering: Ordering,
    branches: Sequence[Branch],
) -> bool:
    """Whether a walk would pass over more samples than the person has: an index holds those."""
    if where.subject is None or ordering.by_date or not branches:
        return False
    own = sa.select(samples.c.id).where(*_of_person(where, branches))
    return _are_few(connection, own, times=FEW_IN_INDEX)


def _of_person(where: SampleFilter, branches: Sequence[Branch]) -> list[Condition]:
    column = samples.c
    return [
        column.modality.in_(sorted({modality for modality, _ in branches})),
        column.subject == where.subject,
        column.state.in_(sorted({state for _, state in branches})),
    ]


def _sorted_person(
    dialect: Dialect,
    where: SampleFilter,
    ordering: Ordering,
    branches: Sequence[Branch],
    after: Position | None,
    limit: int,
) -> sa.Select[Any]:
    key = dialect.unindexed(ordering.column)
    beyond = [sa.and_(sa.true(), *part) for part in ordering.after(after, key)]
    rest = conditions(dialect, where, skip=("modality", "subject", "state"))
    return (
        sa.select(ordering.column, samples.c.id)
        .where(*_of_person(where, branches), sa.or_(*beyond), *rest)
        .order_by(*ordering.keys(key, samples.c.id))
        .limit(limit)
    )


def _walks(
    dialect: Dialect,
    where: SampleFilter,
    ordering: Ordering,
    branches: Sequence[Branch],
    after: Position | None,
    limit: int,
) -> sa.Select[Any]:
    indexed = {"captured_at", "subject"} if ordering.by_date else {ordering.column.name}
    rest = conditions(dialect, where, indexed=indexed, skip=("modality", "state"))
    walks = [
        sa.select(ordering.column.label("key"), samples.c.id)
        .where(samples.c.modality == modality, samples.c.state == state, *beyond, *rest)
        .order_by(*ordering.keys(ordering.column, samples.c.id))
        .limit(limit)
        for modality, state in branches
        for beyond in ordering.after(after)
    ]
    if len(walks) == 1:
        return walks[0]
    # SQLite takes ORDER BY within a UNION only inside a subquery of its own.
    boxed = [sa.select(walk.subquery()) for walk in walks]
    both = sa.union_all(*boxed).subquery()
    query = sa.select(both.c.key, both.c.id)
    return query.order_by(*ordering.keys(both.c.key, both.c.id)).limit(limit)


def filled_branches(connection: sa.Connection, where: SampleFilter) -> list[Branch]:
    """Modalities and states that the filter names and that hold samples, from the counters."""
    states = [state.value for state in (where.states if where.states is not None else LIVE)]
    query = sa.select(counters.c.modality, counters.c.name).where(
        counters.c.value > 0, counters.c.name.in_(states)
    )
    if where.modality is not None:
        query = query.where(counters.c.modality == where.modality)
    return [(row[0], row[1]) for row in connection.execute(query)]


def few_samples(
    connection: sa.Connection,
    dialect: Dialect,
    where: SampleFilter,
    branches: Sequence[Branch],
    ordering: Ordering | None = None,
) -> sa.Select[int] | None:
    """A query for the candidates, when one part of the filter lets only few samples through.

    Args:
        connection: where the samples are.
        dialect: of the database.
        where: the filter.
        branches: what `filled_branches` said.
        ordering: parts of the filter that its walk sees to by index need not be tried.
    """
    return next(
        (
            candidates
            for candidates in _narrow(connection, dialect, where, branches, ordering)
            if _are_few(connection, candidates)
        ),
        None,
    )


def _are_few(connection: sa.Connection, candidates: sa.Select[int], *, times: int = 1) -> bool:
    total = sa.select(sa.func.sum(counters.c.value)).where(counters.c.modality != NUMBERS)
    limit = times * few(connection.scalar(total) or 0)
    probe = sa.select(sa.func.count()).select_from(candidates.limit(limit + 1).subquery())
    return (connection.scalar(probe) or 0) <= limit


def few(total: int) -> int:
    """Up to how many candidates sorting costs less than walking: about √(50 · total).

    Sorting fetches each candidate (2 µs); walking until a page of 50 is full looks at
    `50 · total / candidates` samples (2 µs each): equal where candidates² = 50 · total.
    """
    return max(500, math.isqrt(50 * total))


def _narrow(
    connection: sa.Connection,
    dialect: Dialect,
    where: SampleFilter,
    branches: Sequence[Branch],
    ordering: Ordering | None,
) -> Iterable[sa.Select[int]]:
    column = samples.c
    ids = sa.select(column.id)
    modalities = column.modality.in_(sorted({modality for modality, _ in branches}))
    states = column.state.in_(sorted({state for _, state in branches}))
    by_date = ordering is not None and ordering.by_date
    if where.text is not None and where.text.strip():
        found = dialect.matching(where.text)
        yield found if found is not None else ids.where(sa.false())
    yield from of_sittings(connection, where)
    if where.tag is not None:
        yield sa.select(sample_tags.c.sample_id).where(sample_tags.c.tag == where.tag)
    if where.finding == ANY_FINDING:
        yield sa.select(sample_findings.c.sample_id)
    elif where.finding is not None:
        found_by = sample_findings.c.check == where.finding
        yield sa.select(sample_findings.c.sample_id).where(found_by)
    if where.trained:
        yield ids.where(modalities, states, column.trained == _USED)
    if where.subject is not None and ordering is None:
        yield ids.where(modalities, column.subject == where.subject)
    if where.confidence_below is not None:
        yield ids.where(modalities, states, column.certainty < where.confidence_below)
    if where.rating_from is not None:
        yield ids.where(modalities, states, column.rating >= where.rating_from)
    if where.quality_from is not None:
        yield ids.where(modalities, states, column.quality >= where.quality_from)
    if not by_date and (where.captured_from is not None or where.captured_until is not None):
        yield ids.where(modalities, states, *of_dates(where, column.captured_at))
