"""A census in a database: one row for each name of a kind, and which rows each sample added to.

As tallies are, it is taken when somebody asks, not when a sample is captured. What changes a sample
that was counted calls `outdate`, what removes one `leave`, both in the same transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from truing.domain.census import BETWEEN, LONGEST, Counted, Entry, Facts, Kind
from truing.domain.sample import Sample
from truing.stores.database.backlog import is_mark, reached, waiting
from truing.stores.database.chunks import chunks
from truing.stores.database.connection import Database
from truing.stores.database.dialect import Dialect
from truing.stores.database.json_text import to_json, to_list
from truing.stores.database.prepared import Prepared
from truing.stores.database.sample_rows import read_samples
from truing.stores.database.schema import (
    NUMBERS,
    census,
    census_members,
    census_outdated,
    counters,
    samples,
)

DISTINCT = "distinct"
"""Stands in `census.kind` where the name is a kind, and `samples` how many names it has."""
_NEXT = chr(ord(BETWEEN) + 1)
_ALL = 2**31 - 1
_FEW = 60
_SUMS = ("samples", "media", "bytes")

Name = tuple[str, str]
"""Kind and name."""


class DatabaseCensus:
    """See `truing.domain.census.Census`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._named = _named()
        begins = (census.c.name > sa.bindparam("after"), census.c.name < sa.bindparam("until"))
        self._beneath = _named(*begins)

    def take(
        self, modality: str, version: str, facts: Callable[[Sample], Facts], *, at_most: int = 500
    ) -> int:
        """See `Census.take`."""
        mark = f"census {modality} {version}"
        with self._database.reading() as connection:
            # Nothing to count needs no right to write.
            counted = reached(connection, mark)
            if counted is not None and not self._waiting(connection, modality, counted, at_most=1):
                return 0
        with self._database.writing() as connection:
            counted = reached(connection, mark)
            if counted is None:
                _begin_anew(connection, modality, mark)
            ids = self._waiting(connection, modality, counted or 0, at_most=at_most)
            if not ids:
                return 0
            leave(connection, ids)
            told = [(one.id, facts(one)) for one in read_samples(connection, ids)]
            _enter(connection, self._database.dialect, modality, told)
            last = max(*ids, counted or 0)
            connection.execute(sa.update(counters).where(is_mark(mark)).values(value=last))
        return len(ids)

    def _waiting(
        self, connection: sa.Connection, modality: str, counted: int, *, at_most: int
    ) -> list[int]:
        dialect = self._database.dialect
        return waiting(connection, dialect, modality, census_outdated, counted, at_most=at_most)

    def counted(self, modality: str, most: Mapping[Kind, int | None]) -> Counted:
        """See `Census.counted`."""
        with self._database.reading_directly() as direct:
            named = self._named
            distinct = _entries(named.all(direct, **_asked(modality, DISTINCT, None)))
            found = {
                kind: _entries(named.all(direct, **_asked(modality, kind.value, limit)))
                for kind, limit in most.items()
            }
        return Counted(
            distinct={Kind(one.name): one.samples for one in distinct if one.samples},
            entries=found,
        )

    def beneath(
        self, modality: str, kind: Kind, names: Sequence[str], *, most: int
    ) -> dict[str, list[Entry]]:
        """See `Census.beneath`."""
        asked = _asked(modality, kind.value, most)
        with self._database.reading_directly() as direct:
            return {
                name: _entries(
                    self._beneath.all(
                        direct, **asked, after=f"{name}{BETWEEN}", until=f"{name}{_NEXT}"
                    ),
                    cut=len(name) + len(BETWEEN),
                )
                for name in names
            }


def outdate(connection: sa.Connection, ids: Iterable[int]) -> None:
    """Remembers that these samples changed since they were counted."""
    for piece in chunks(ids):
        connection.execute(_outdating(census_members.c.sample_id.in_(piece)))


def outdating() -> sa.Insert:
    """One sample's share of `outdate`, for who prepares a statement: its number is `sample_id`."""
    return _outdating(census_members.c.sample_id == sa.bindparam("sample_id"))


def _outdating(those: sa.ColumnElement[bool]) -> sa.Insert:
    member = census_members.c.sample_id
    there = sa.select(census_outdated.c.sample_id).where(census_outdated.c.sample_id == member)
    counted = sa.select(member).where(those, ~there.correlate(census_members).exists())
    return sa.insert(census_outdated).from_select(["sample_id"], counted)


def leave(connection: sa.Connection, ids: Iterable[int]) -> None:
    """Takes back what these samples added, and names that nobody bears any more."""
    for piece in chunks(ids):
        table = census_members.c
        here = table.sample_id.in_(piece)
        gone: dict[int, list[int]] = {}
        for (added,) in connection.execute(sa.select(table.added).where(here)):
            media, size, *rows = to_list(added)
            for row in rows:
                sums = gone.setdefault(row, [0, 0, 0])
                for place, value in enumerate((1, media, size)):
                    sums[place] += value
        _lower(connection, gone)
        connection.execute(sa.delete(census_members).where(here))
        connection.execute(sa.delete(census_outdated).where(census_outdated.c.sample_id.in_(piece)))


def _lower(connection: sa.Connection, gone: Mapping[int, Sequence[int]]) -> None:
    if not gone:
        return
    lower = sa.update(census).where(census.c.id == sa.bindparam("row"))
    lower = lower.values({name: census.c[name] - sa.bindparam(f"less_{name}") for name in _SUMS})
    connection.execute(
        lower,
        [
            {"row": row, **{f"less_{name}": one for name, one in zip(_SUMS, sums, strict=True)}}
            for row, sums in gone.items()
        ],
    )
    for piece in chunks(gone):
        empty = sa.delete(census).where(census.c.id.in_(piece), census.c.samples <= 0)
        lost = connection.execute(empty.returning(census.c.modality, census.c.kind)).all()
        for (modality, kind), number in Counter((row[0], row[1]) for row in lost).items():
            row = (census.c.modality == modality, census.c.kind == DISTINCT, census.c.name == kind)
            fewer = sa.update(census).where(*row).values(samples=census.c.samples - number)
            connection.execute(fewer)


def _enter(
    connection: sa.Connection,
    dialect: Dialect,
    modality: str,
    told: Sequence[tuple[int, Facts]],
) -> None:
    sums: dict[Name, list[int]] = {}
    for _, facts in told:
        for name in _names(facts):
            held = sums.setdefault(name, [0, 0, 0])
            for place, value in enumerate((1, facts.media, facts.bytes)):
                held[place] += value
    _raise(connection, dialect, modality, sums)
    rows, fresh = _rows(connection, modality, sums)
    new = {(DISTINCT, kind): [number, 0, 0] for kind, number in fresh.items()}
    _raise(connection, dialect, modality, new)
    members = [
        {
            "sample_id": number,
            "added": to_json(
                [facts.media, facts.bytes, *(rows[name] for name in _names(facts))], "census"
            ),
        }
        for number, facts in told
    ]
    if members:
        connection.execute(sa.insert(census_members), members)


def _names(facts: Facts) -> Sequence[Name]:
    return tuple(dict.fromkeys((kind.value, name[:LONGEST]) for kind, name in facts.names))


def _raise(
    connection: sa.Connection,
    dialect: Dialect,
    modality: str,
    sums: Mapping[Name, Sequence[int]],
) -> None:
    if not sums:
        return
    more = dialect.insert(census)
    raised = {name: census.c[name] + more.excluded[name] for name in _SUMS}
    more = more.on_conflict_do_update(index_elements=["modality", "kind", "name"], set_=raised)
    # In order: neighbours in the index are written once.
    connection.execute(
        more,
        [
            {"modality": modality, "kind": kind, "name": name}
            | dict(zip(_SUMS, sums[(kind, name)], strict=True))
            for kind, name in sorted(sums)
        ],
    )


def _rows(
    connection: sa.Connection, modality: str, sums: Mapping[Name, Sequence[int]]
) -> tuple[dict[Name, int], Counter[str]]:
    """The numbers of the rows of some names, and of how many of a kind this was the first time."""
    found: dict[Name, int] = {}
    fresh: Counter[str] = Counter()
    table = census.c
    query = sa.select(table.id, table.kind, table.name, table.samples)
    for kinds, names in _looks(sums):
        here = (table.modality == modality, table.kind.in_(kinds), table.name.in_(names))
        for number, kind, name, held in connection.execute(query.where(*here)):
            if (kind, name) in sums:
                found[(kind, name)] = number
                fresh[kind] += held == sums[(kind, name)][0]
    return found, fresh


def _looks(named: Iterable[Name]) -> Iterator[tuple[Collection[str], Collection[str]]]:
    """Kinds and names to be asked for together: few of them at once, many kind by kind."""
    by_kind: dict[str, list[str]] = {}
    for kind, name in named:
        by_kind.setdefault(kind, []).append(name)
    if sum(map(len, by_kind.values())) <= _FEW:
        yield by_kind, {name for names in by_kind.values() for name in names}
        return
    for kind, names in by_kind.items():
        for piece in chunks(names):
            yield (kind,), piece


def _named(*narrowed: sa.ColumnElement[bool]) -> Prepared:
    """Asks for the entries of a kind, the most frequent first."""
    table = census.c
    query = sa.select(table.name, table.samples, table.media, table.bytes)
    query = query.where(
        table.modality == sa.bindparam("modality"), table.kind == sa.bindparam("kind"), *narrowed
    )
    ordered = query.order_by(table.samples.desc(), table.id.desc())
    # SQLAlchemy writes an offset for SQLite in any case, and a number of its own for it.
    page = ordered.limit(sa.bindparam("most", type_=sa.Integer)).offset(sa.literal_column("0"))
    return Prepared(page)


def _asked(modality: str, kind: str, most: int | None) -> dict[str, Any]:
    return {"modality": modality, "kind": kind, "most": _ALL if most is None else most}


def _entries(rows: Sequence[Sequence[Any]], *, cut: int = 0) -> list[Entry]:
    return [
        Entry(name=name[cut:], samples=number, media=media, bytes=size)
        for name, number, media, size in rows
    ]


def _begin_anew(connection: sa.Connection, modality: str, mark: str) -> None:
    """Drops what another version counted."""
    own = sa.select(samples.c.id).where(samples.c.modality == modality)
    for table in (census_outdated, census_members):
        connection.execute(sa.delete(table).where(table.c.sample_id.in_(own)))
    connection.execute(sa.delete(census).where(census.c.modality == modality))
    others = counters.c.name.startswith(f"census {modality} ", autoescape=True)
    connection.execute(sa.delete(counters).where(counters.c.modality == NUMBERS, others))
    connection.execute(sa.insert(counters).values(modality=NUMBERS, name=mark, value=0))
