"""What samples are seldom looked for by: noted when somebody asks, not when one is captured.

Each index costs a capture a page, and a digest falls anywhere in its index. So blobs (asked for
when media are cleaned up or forgotten) and sittings (source and session) have tables that are
filled in bulk. The number of the last sample that was noted stands among the counters; those
after it are read themselves, so that an answer is whole whether they are noted or not.
"""

from __future__ import annotations

import contextlib
import heapq
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import sqlalchemy as sa

from truing.domain.errors import UnavailableError
from truing.domain.sample import SampleFilter
from truing.stores.database.connection import Database
from truing.stores.database.dialect import Dialect
from truing.stores.database.sample_rows import Row, blob_rows, read_media, sitting_row
from truing.stores.database.schema import (
    NUMBERS,
    counters,
    dataset_blobs,
    pictures,
    sample_blobs,
    sample_sittings,
    samples,
)

UNNOTED = 200
"""Samples that need not be noted yet."""
TOGETHER = 20_000
"""Samples noted in one transaction: the more, the fewer pages are written twice."""
DOCUMENTS_AT_ONCE = 500
DIGESTS_AT_ONCE = 5000

_BLOBS = (sample_blobs.c.digest, dataset_blobs.c.digest, pictures.c.digest)
_NOTED = "noted"


def note(database: Database) -> None:
    """Notes what was captured, before somebody asks for it.

    What is left then is few enough to be read each time; so is everything while there is no room
    to note it.

    Args:
        database: where the samples are.
    """
    with contextlib.suppress(UnavailableError):
        while True:
            with database.reading() as connection:
                if _unnoted(connection) <= UNNOTED:
                    return
            with database.writing() as connection:
                _note(connection, database.dialect, at_most=TOGETHER)


def _unnoted(connection: sa.Connection) -> int:
    last = connection.scalar(sa.select(sa.func.max(samples.c.id))) or 0
    return max(0, last - noted(connection))


def _note(connection: sa.Connection, dialect: Dialect, *, at_most: int) -> None:
    blobs: list[Row] = []
    sittings: list[Row] = []
    table = samples.c
    query = sa.select(table.id, table.source, table.session, table.document)
    query = query.where(table.id > noted(connection)).order_by(table.id).limit(at_most)
    for row in connection.execute(query.execution_options(yield_per=DOCUMENTS_AT_ONCE)):
        number, source, session, document = row
        blobs += blob_rows(number, read_media(document))
        sittings.append(sitting_row(number, source, session))
    # In order: neighbours in the index are written once.
    blobs.sort(key=lambda row: row["digest"])
    for noted_in, rows in ((sample_blobs, blobs), (sample_sittings, sittings)):
        if rows:
            connection.execute(dialect.insert(noted_in).on_conflict_do_nothing(), rows)
    if sittings:
        set_noted(connection, dialect, sittings[-1]["sample_id"])


def noted(connection: sa.Connection) -> int:
    """The number of the last sample that is noted."""
    here = (counters.c.modality == NUMBERS, counters.c.name == _NOTED)
    return connection.scalar(sa.select(counters.c.value).where(*here)) or 0


def set_noted(connection: sa.Connection, dialect: Dialect, last: int) -> None:
    """Remembers up to which sample all are noted."""
    mark = dialect.insert(counters).values(modality=NUMBERS, name=_NOTED, value=last)
    key = [counters.c.modality, counters.c.name]
    connection.execute(mark.on_conflict_do_update(index_elements=key, set_={"value": last}))


# --- blobs -------------------------------------------------------------------------------------


def referenced_blobs(database: Database) -> Iterator[str]:
    """Every blob that is referred to, in order, each once."""
    note(database)
    with database.reading() as connection:
        newest = sorted(_newest_blobs(connection))
    streams = [_digests(database, column) for column in _BLOBS]
    for digest, _ in groupby(heapq.merge(newest, *streams)):
        yield digest


def still_referenced(connection: sa.Connection, digests: Iterable[str]) -> set[str]:
    """Those digests that a sample, a derived medium, a live dataset row or a picture that a model
    made refers to.
    """
    # One look for each: a blob that a million samples share is not counted.
    looks = [
        sa.select(sa.literal(1)).where(column == sa.bindparam("wanted")).limit(1)
        for column in _BLOBS
    ]
    newest = _newest_blobs(connection)
    return {
        digest
        for digest in digests
        if digest in newest
        or any(connection.scalar(look, {"wanted": digest}) is not None for look in looks)
    }


def _newest_blobs(connection: sa.Connection) -> set[str]:
    """The blobs of the samples that are not noted."""
    query = sa.select(samples.c.id, samples.c.document).where(samples.c.id > noted(connection))
    rows = connection.execute(query.execution_options(yield_per=DOCUMENTS_AT_ONCE))
    return {
        row["digest"]
        for number, document in rows
        for row in blob_rows(number, read_media(document))
    }


def _digests(database: Database, column: sa.Column[str]) -> Iterator[str]:
    last = ""
    while True:
        query = sa.select(column).where(column > last).distinct()
        query = query.order_by(column).limit(DIGESTS_AT_ONCE)
        with database.reading() as connection:
            found = list(connection.scalars(query))
        yield from found
        if len(found) < DIGESTS_AT_ONCE:
            return
        last = found[-1]


# --- sittings ----------------------------------------------------------------------------------


def of_sittings(connection: sa.Connection, where: SampleFilter) -> Sequence[sa.Select[int]]:
    """Candidates for the session of a filter, and for its source; none where it names neither."""
    table, column = sample_sittings.c, samples.c
    ids = sa.select(table.sample_id.label("id"))
    newest = sa.select(column.id).where(column.id > noted(connection))
    found = []
    if where.session is not None:
        known = ids.where(table.source.in_(_sources()), table.session == where.session)
        found.append((known, newest.where(column.session == where.session)))
    if where.source is not None:
        known = ids.where(table.source == where.source)
        found.append((known, newest.where(column.source == where.source)))
    return [sa.select(sa.union_all(*parts).subquery().c.id) for parts in found]


def _sources() -> sa.Select[str]:
    """Every source, by one look into the index for each."""
    column = sample_sittings.c.source
    first = sa.select(sa.func.min(column).label("source"))
    known = first.cte("sources", recursive=True)
    following = sa.select(sa.func.min(column)).where(column > known.c.source).scalar_subquery()
    known = known.union_all(sa.select(following).where(known.c.source.is_not(None)))
    return sa.select(known.c.source)
