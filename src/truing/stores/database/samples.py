"""Samples in a database."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from truing.domain.errors import ConflictError, InvalidInputError, NotFoundError, UnavailableError
from truing.domain.finding import CheckReport
from truing.domain.prediction import Prediction
from truing.domain.review import LIVE, State
from truing.domain.sample import (
    Added,
    NewSample,
    Page,
    Redescribed,
    Sample,
    SampleFilter,
    SampleOrder,
)
from truing.stores.database import census
from truing.stores.database.chunks import chunks
from truing.stores.database.conditions import conditions
from truing.stores.database.connection import Database
from truing.stores.database.counting import counts, trained_trash
from truing.stores.database.cursors import read_cursor, write_cursor
from truing.stores.database.describing import Change, redescribe, tag_counts
from truing.stores.database.erasing import erase_rows, erase_samples
from truing.stores.database.inserting import Inserting
from truing.stores.database.lookups import note, referenced_blobs, still_referenced
from truing.stores.database.paging import few_samples, filled_branches, page_positions
from truing.stores.database.prepared import Direct, Prepared
from truing.stores.database.sample_rows import (
    certainty,
    finding_rows,
    findings_json,
    read_findings,
    read_predictions,
    read_sample,
    read_samples,
    searchable,
    with_predictions,
)
from truing.stores.database.schema import archived, counters, sample_findings, sample_groups
from truing.stores.database.schema import samples as sample_table
from truing.stores.database.tallies import outdate

TRAINED = "trained"
"""The counter beside those named like states."""
_NAMES = tuple(column.name for column in sample_table.columns)
_LOOKED_AT_SINGLY = 8
"""Up to so many samples are read with a look for each: that costs less than a query for all."""
_INDEXED_AT_ONCE = 50
"""Whoever adds so many takes those before into the search index; all others wait for a search."""
_INDEXED_TOGETHER = 5000
"""Samples that enter the search index in one transaction: others may write in between."""

Name = tuple[str, str] | int


class DatabaseSamples:
    """See `truing.domain.ports.Samples`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._dialect = database.dialect
        self._inserting = Inserting()
        table = sample_table.c
        self._by_id = Prepared(sa.select(sample_table).where(table.id == sa.bindparam("id")))
        # What lies in an archive is known, too: an import does not bring it again.
        self._by_key = Prepared(
            sa.union_all(
                *(
                    sa.select(number, one.uid).where(
                        one.source == sa.bindparam("source"),
                        one.source_key == sa.bindparam("source_key"),
                    )
                    for number, one in _keyed()
                )
            )
        )

    def add(self, samples: Sequence[NewSample]) -> list[Added]:
        """See `Samples.add`.

        Raises:
            ConflictError: a uid is taken by a sample of another source or key.
        """
        if not samples:
            return []
        if len(samples) >= _INDEXED_AT_ONCE:
            # The batches before have their verdicts by now, and so are taken in only once. They
            # are stored in any case; when the index must wait, the next search sees to it.
            with contextlib.suppress(UnavailableError):
                self._make_searchable()
        known: dict[Name, Added] = {}
        try:
            with self._database.writing_directly() as direct:
                fresh = self._fresh(direct, samples, known)
                numbers = self._dialect.reserve(direct, len(fresh))
                self._inserting.insert(direct, list(zip(numbers, fresh, strict=True)))
        except ConflictError as error:
            uids = ", ".join(one.uid for one in samples[:3])
            raise ConflictError(
                f"a sample with one of the uids `{uids}`… is stored already",
                hint="give each new sample a uid of its own",
            ) from error
        for number, one in zip(numbers, fresh, strict=True):
            known[_name(one)] = Added(id=number, uid=one.uid, new=True)
        return _answer(samples, known)

    def _fresh(
        self, direct: Direct, samples: Sequence[NewSample], known: dict[Name, Added]
    ) -> list[NewSample]:
        """Those to be stored, each name once; `known` gets those that are there."""
        seen: set[Name] = set()
        fresh = []
        for one in samples:
            name = _name(one)
            if name in seen:
                continue
            seen.add(name)
            there = None
            if one.source_key is not None:
                there = self._by_key.first(direct, source=one.source, source_key=one.source_key)
            if there is None:
                fresh.append(one)
            else:
                known[name] = Added(id=there[0], uid=there[1], new=False)
        return fresh

    def _catch_up(self, where: SampleFilter) -> None:
        """Takes the newest samples into what a filter looks for them in."""
        if where.text is not None:
            self._make_searchable()
        if where.session is not None or where.source is not None:
            note(self._database)

    def _make_searchable(self) -> None:
        while True:
            with self._database.reading() as connection:
                if not self._dialect.unsearchable(connection):
                    return
            with self._database.writing() as connection:
                self._dialect.make_searchable(connection, at_most=_INDEXED_TOGETHER)

    def get(self, id: int) -> Sample:
        """See `Samples.get`."""
        found = self.by_ids([id])
        if not found:
            raise _no_sample(id)
        return found[0]

    def by_ids(self, ids: Sequence[int]) -> list[Sample]:
        """See `Samples.by_ids`."""
        if len(ids) > _LOOKED_AT_SINGLY:
            with self._database.reading() as connection:
                return read_samples(connection, ids)
        with self._database.reading_directly() as direct:
            rows = [self._by_id.first(direct, id=number) for number in ids]
        return [read_sample(dict(zip(_NAMES, row, strict=True))) for row in rows if row]

    def by_uids(self, uids: Sequence[str]) -> dict[str, Sample]:
        """See `Samples.by_uids`."""
        with self._database.reading() as connection:
            ids = [
                number
                for piece in chunks(dict.fromkeys(uids))
                for number in connection.scalars(
                    sa.select(sample_table.c.id).where(sample_table.c.uid.in_(piece))
                )
            ]
            return {sample.uid: sample for sample in read_samples(connection, ids)}

    def by_source(self, source: str, keys: Sequence[str]) -> dict[str, int]:
        """See `Samples.by_source`."""
        found: dict[str, int] = {}
        with self._database.reading() as connection:
            for piece in chunks(dict.fromkeys(keys)):
                for number, table in _keyed():
                    query = sa.select(table.source_key, number).where(
                        table.source == source, table.source_key.in_(piece)
                    )
                    found.update((row[0], row[1]) for row in connection.execute(query))
        return found

    def by_groups(self, keys: Sequence[str]) -> dict[str, list[int]]:
        """See `Samples.by_groups`."""
        found: dict[str, list[int]] = {}
        table = sample_groups.c
        with self._database.reading() as connection:
            for piece in chunks(dict.fromkeys(keys)):
                query = sa.select(table.key, table.sample_id).where(table.key.in_(piece))
                for key, number in connection.execute(query.order_by(table.key, table.sample_id)):
                    found.setdefault(key, []).append(number)
        return found

    def page(
        self, where: SampleFilter, order: SampleOrder, *, after: str | None = None, limit: int = 50
    ) -> Page[Sample]:
        """See `Samples.page`."""
        if limit < 1:
            raise InvalidInputError(f"`{limit}` samples are no page", hint="ask for 1 or more")
        start = read_cursor(order, after) if after is not None else None
        self._catch_up(where)
        with self._database.reading() as connection:
            found = page_positions(
                connection, self._dialect, where, order, after=start, limit=limit + 1
            )
            items = read_samples(connection, [position.id for position in found[:limit]])
        more = write_cursor(order, found[limit - 1]) if len(found) > limit else None
        return Page(items=tuple(items), next=more)

    def iterate(self, where: SampleFilter, *, batch: int = 500) -> Iterator[Sample]:
        """See `Samples.iterate`: each batch is one moment, no transaction is open between two."""
        self._catch_up(where)
        column = sample_table.c.id
        query = sa.select(column).where(*conditions(self._dialect, where))
        with self._database.reading() as connection:
            branches = filled_branches(connection, where)
            candidates = few_samples(connection, self._dialect, where, branches)
        if candidates is not None:
            query = query.where(column.in_(candidates))
        last = 0
        while branches:
            page = query.where(column > last).order_by(column).limit(batch)
            with self._database.reading() as connection:
                ids = list(connection.scalars(page))
                found = read_samples(connection, ids)
            yield from found
            if len(ids) < batch:
                return
            last = ids[-1]

    def count(self, where: SampleFilter) -> int:
        """See `Samples.count`: from the counters when only modality and states are asked for."""
        self._catch_up(where)
        with self._database.reading() as connection:
            branches = filled_branches(connection, where)
            if where == SampleFilter(modality=where.modality, states=where.states):
                query = sa.select(sa.func.sum(counters.c.value)).where(
                    sa.tuple_(counters.c.modality, counters.c.name).in_(branches)
                )
                return int(connection.scalar(query) or 0)
            if where == SampleFilter(text=where.text):
                return self._count_texts(connection, where.text or "")
            candidates = few_samples(connection, self._dialect, where, branches)
            query = sa.select(sa.func.count()).select_from(sample_table)
            if candidates is not None:
                query = query.where(sample_table.c.id.in_(candidates))
            return connection.scalar(query.where(*conditions(self._dialect, where))) or 0

    def _count_texts(self, connection: sa.Connection, text: str) -> int:
        found = self._dialect.matching(text)
        if not text.strip():
            return sum(counts(connection, None).get(state.value, 0) for state in LIVE)
        if found is None:
            return 0
        if counts(connection, None).get(State.TRASHED.value, 0):
            shown = (sample_table.c.id.in_(found), sample_table.c.state != State.TRASHED.value)
            query = sa.select(sa.func.count()).select_from(sample_table).where(*shown)
            return connection.scalar(query) or 0
        return connection.scalar(sa.select(sa.func.count()).select_from(found.subquery())) or 0

    def state_counts(self, modality: str | None = None) -> dict[str, int]:
        """See `Samples.state_counts`: every state is named, also those without samples."""
        with self._database.reading() as connection:
            counted = counts(connection, modality)
            if counted.get(State.TRASHED.value, 0):
                counted[TRAINED] = counted.get(TRAINED, 0) - trained_trash(connection, modality)
        names = [*(state.value for state in State), TRAINED]
        return {name: counted.get(name, 0) for name in names}

    def finding_counts(self, modality: str | None = None) -> dict[str, int]:
        """See `Samples.finding_counts`."""
        column = sample_table.c
        owner = sample_findings.join(sample_table, column.id == sample_findings.c.sample_id)
        query = sa.select(sample_findings.c.check, sa.func.count()).select_from(owner)
        query = query.where(column.state.in_([State.PENDING.value, State.SKIPPED.value]))
        if modality is not None:
            query = query.where(column.modality == modality)
        with self._database.reading() as connection:
            rows = connection.execute(query.group_by(sample_findings.c.check))
            return {row[0]: row[1] for row in rows}

    def add_prediction(self, id: int, prediction: Prediction) -> Prediction:
        """See `Samples.add_prediction`: predictions are numbered within their sample, from 1.

        Raises:
            NotFoundError: no such sample.
        """
        with self._database.writing() as connection:
            document = _column(connection, id, sample_table.c.document)
            held = read_predictions(document)
            kept = replace(prediction, id=len(held) + 1)
            said = (*held, kept)
            values = {
                "document": with_predictions(document, said),
                "said": searchable(said),
                "certainty": certainty(said),
            }
            change = sa.update(sample_table).where(sample_table.c.id == id)
            connection.execute(change.values(**values))
            outdate(connection, [id])
        return kept

    def set_report(self, id: int, report: CheckReport) -> None:
        """See `Samples.set_report`.

        Raises:
            NotFoundError: no such sample.
        """
        with self._database.writing() as connection:
            before = read_findings(_column(connection, id, sample_table.c.findings))
            erase_rows(connection, sample_findings, finding_rows(id, before))
            values = {"quality": report.quality, "findings": findings_json(report.findings)}
            change = sa.update(sample_table).where(sample_table.c.id == id)
            connection.execute(change.values(**values))
            rows = finding_rows(id, report.findings)
            if rows:
                connection.execute(sa.insert(sample_findings), rows)
            census.outdate(connection, [id])

    def redescribe(self, ids: Sequence[int], change: Change) -> dict[int, Redescribed]:
        """See `Samples.redescribe`."""
        return redescribe(self._database, ids, change)

    def tag_counts(self) -> dict[str, int]:
        """See `Samples.tag_counts`."""
        return tag_counts(self._database)

    def mark_trained(self, uids: Iterable[str]) -> None:
        """See `Samples.mark_trained`; unknown uids are passed over."""
        with self._database.writing() as connection:
            for piece in chunks(uids):
                connection.execute(
                    sa.update(sample_table)
                    .where(sample_table.c.uid.in_(piece), sample_table.c.trained == 0)
                    .values(trained=1)
                )

    def erase(self, ids: Sequence[int]) -> list[str]:
        """See `Samples.erase`; unknown numbers are passed over."""
        note(self._database)
        with self._database.writing() as connection:
            return erase_samples(connection, ids)

    def needed_blobs(self, digests: Sequence[str]) -> set[str]:
        """See `Samples.needed_blobs`."""
        note(self._database)
        with self._database.reading() as connection:
            return still_referenced(connection, digests)

    def referenced_blobs(self) -> Iterator[str]:
        """See `Samples.referenced_blobs`: also what media were derived from, and what live rows
        of dataset versions need. In order, each once.
        """
        return referenced_blobs(self._database)


def _keyed() -> tuple[tuple[sa.Column[int], Any], ...]:
    """Where names at a source are known: number and columns of the tables."""
    return (sample_table.c.id, sample_table.c), (archived.c.sample_id, archived.c)


def _no_sample(id: int) -> NotFoundError:
    return NotFoundError(f"no sample `{id}`", hint="`truing samples` lists them")


def _column(connection: sa.Connection, number: int, column: sa.Column[str]) -> str:
    query = sa.select(column).where(sample_table.c.id == number).with_for_update()
    held = connection.scalar(query)
    if held is None:
        raise _no_sample(number)
    return held


def _name(one: NewSample) -> Name:
    """What makes it the same sample: its name at its source, or else only itself."""
    return (one.source, one.source_key) if one.source_key is not None else id(one)


def _answer(samples: Sequence[NewSample], known: Mapping[Name, Added]) -> list[Added]:
    answer = []
    told: set[Name] = set()
    for one in samples:
        name = _name(one)
        added = known[name]
        # A name is new once: the second time it stands for the sample that is there.
        answer.append(replace(added, new=False) if name in told else added)
        told.add(name)
    return answer
