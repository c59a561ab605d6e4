"""Tallies in a database: one row for each kind of sample, and what each sample added to it.

Samples are counted when somebody asks, not when they are captured. What changes a sample that was
counted calls `outdate`, what removes one `uncount`, both in the same transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from truing.domain.review import LIVE
from truing.domain.sample import Sample
from truing.domain.tally import Accuracy, Compared, Count, Slice, Tally
from truing.stores.database import census
from truing.stores.database.backlog import is_mark, reached, waiting
from truing.stores.database.chunks import chunks
from truing.stores.database.connection import Database
from truing.stores.database.sample_rows import read_samples
from truing.stores.database.schema import NUMBERS, counters, outdated, tallied, tallies

FIGURES = ("exact", "numerator", "denominator")
SUMS = ("seconds", *(f"{kind}_{name}" for kind in ("raw", "corrected") for name in
                     ("samples", *FIGURES)))  # fmt: skip
_KEYS = ("modality", "state", *(one.value for one in Slice))
_LIVE = "live"
"""Stands for every state but the trash: the fewer kinds, the quicker they are added up."""
_NOBODY = ""
"""Stands for samples that do not say who is recorded."""


class DatabaseTallies:
    """See `truing.domain.tally.Tallies`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def tally(
        self,
        modality: str,
        metric: str,
        count: Callable[[Sample], Count],
        *,
        at_most: int = 500,
    ) -> int:
        """See `Tallies.tally`."""
        mark = f"tallied {modality} {metric}"
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
            found = read_samples(connection, ids)
            uncount(connection, ids)
            _add(connection, [(sample, count(sample)) for sample in found])
            last = max(*ids, counted or 0)
            connection.execute(sa.update(counters).where(is_mark(mark)).values(value=last))
        return len(ids)

    def _waiting(
        self, connection: sa.Connection, modality: str, counted: int, *, at_most: int
    ) -> list[int]:
        dialect = self._database.dialect
        return waiting(connection, dialect, modality, outdated, counted, at_most=at_most)

    def sums(
        self,
        modality: str,
        by: Slice | None = None,
        *,
        where: Mapping[Slice, str] | None = None,
    ) -> dict[str, Tally]:
        """See `Tallies.sums`."""
        table = tallies.c
        value = sa.literal("") if by is None else table[by.value]
        query = sa.select(
            value.label("value"),
            *(sa.func.sum(table[name]).label(name) for name in ("samples", *SUMS)),
        ).where(table.modality == modality, table.state == _LIVE)
        for one, wanted in (where or {}).items():
            query = query.where(table[one.value] == wanted)
        with self._database.reading() as connection:
            rows = connection.execute(query.group_by(value)).mappings().all()
        return {row["value"]: _tally(row) for row in rows if row["samples"]}


def outdate(connection: sa.Connection, ids: Iterable[int]) -> None:
    """Remembers that these samples changed since they were counted, here and in the census."""
    for piece in chunks(ids):
        census.outdate(connection, piece)
        there = sa.select(outdated.c.sample_id).where(outdated.c.sample_id == tallied.c.sample_id)
        counted = sa.select(tallied.c.sample_id).where(
            tallied.c.sample_id.in_(piece), ~there.correlate(tallied).exists()
        )
        connection.execute(sa.insert(outdated).from_select(["sample_id"], counted))


def uncount(connection: sa.Connection, ids: Iterable[int]) -> None:
    """Takes back what these samples added, and kinds of which none is left with their names."""
    for piece in chunks(ids):
        here = tallied.c.sample_id.in_(piece)
        added = sa.select(
            tallied.c.tally_id,
            sa.func.count().label("samples"),
            *(sa.func.sum(tallied.c[name]).label(name) for name in SUMS),
        )
        for row in connection.execute(added.where(here).group_by(tallied.c.tally_id)).mappings():
            table = tallies.c
            changes = {name: table[name] - row[name] for name in ("samples", *SUMS)}
            kind = table.id == row["tally_id"]
            connection.execute(sa.update(tallies).where(kind).values(changes))
            connection.execute(sa.delete(tallies).where(kind, table.samples <= 0))
        connection.execute(sa.delete(tallied).where(here))
        connection.execute(sa.delete(outdated).where(outdated.c.sample_id.in_(piece)))


def _begin_anew(connection: sa.Connection, modality: str, mark: str) -> None:
    """Drops what was counted with another metric."""
    kinds = sa.select(tallies.c.id).where(tallies.c.modality == modality)
    for table in (outdated, tallied):
        counted = sa.select(tallied.c.sample_id).where(tallied.c.tally_id.in_(kinds))
        connection.execute(sa.delete(table).where(table.c.sample_id.in_(counted)))
    connection.execute(sa.delete(tallies).where(tallies.c.modality == modality))
    others = counters.c.name.startswith(f"tallied {modality} ", autoescape=True)
    connection.execute(sa.delete(counters).where(counters.c.modality == NUMBERS, others))
    connection.execute(sa.insert(counters).values(modality=NUMBERS, name=mark, value=0))


def _add(connection: sa.Connection, counted: Sequence[tuple[Sample, Count]]) -> None:
    kinds: dict[tuple[str, ...], dict[str, Any]] = {}
    for sample, count in counted:
        sums = kinds.setdefault(_kind(sample, count), dict.fromkeys(("samples", *SUMS), 0))
        sums["samples"] += 1
        for name, value in _figures(count).items():
            sums[name] += value
    numbers = {kind: _raise(connection, kind, sums) for kind, sums in kinds.items()}
    rows = [
        {"sample_id": sample.id, "tally_id": numbers[_kind(sample, count)], **_figures(count)}
        for sample, count in counted
    ]
    if rows:
        connection.execute(sa.insert(tallied), rows)


def _raise(connection: sa.Connection, kind: tuple[str, ...], sums: Mapping[str, Any]) -> int:
    table = tallies.c
    here = [table[name] == value for name, value in zip(_KEYS, kind, strict=True)]
    number: int | None = connection.scalar(sa.select(table.id).where(*here))
    if number is None:
        values = {**dict(zip(_KEYS, kind, strict=True)), **sums}
        made = connection.scalar(sa.insert(tallies).values(values).returning(table.id))
        return int(made or 0)
    changes = {name: table[name] + value for name, value in sums.items()}
    connection.execute(sa.update(tallies).where(table.id == number).values(changes))
    return number


def _kind(sample: Sample, count: Count) -> tuple[str, ...]:
    said = {
        Slice.SUBJECT: sample.subject or _NOBODY,
        Slice.SOURCE: sample.source,
        Slice.MODEL: count.model,
        Slice.WEEK: count.week,
        Slice.CHANCE: str(int(count.chance)),
    }
    state = _LIVE if sample.state in LIVE else sample.state.value
    return (sample.modality, state, *(said[one] for one in Slice))


def _figures(count: Count) -> dict[str, float]:
    return {
        "seconds": count.seconds,
        **_compared("raw", count.raw),
        **_compared("corrected", count.corrected),
    }


def _compared(kind: str, one: Compared | None) -> dict[str, float]:
    if one is None:
        return dict.fromkeys((f"{kind}_samples", *(f"{kind}_{name}" for name in FIGURES)), 0)
    return {
        f"{kind}_samples": 1,
        f"{kind}_exact": int(one.exact),
        f"{kind}_numerator": one.numerator,
        f"{kind}_denominator": one.denominator,
    }


def _tally(row: sa.RowMapping) -> Tally:
    return Tally(
        samples=int(row["samples"]),
        seconds=float(row["seconds"]),
        raw=_accuracy(row, "raw"),
        corrected=_accuracy(row, "corrected"),
    )


def _accuracy(row: sa.RowMapping, kind: str) -> Accuracy:
    return Accuracy(
        samples=int(row[f"{kind}_samples"]),
        exact=int(row[f"{kind}_exact"]),
        numerator=float(row[f"{kind}_numerator"]),
        denominator=float(row[f"{kind}_denominator"]),
    )
