"""Readmitting: samples that left come back as the rows they were, and are found as before.

What is noted in bulk (search, blobs, sittings, tallies) knows samples by a number up to which all
are noted: one that comes back below that number is noted by hand.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from truing.domain.archive import Packed, Row
from truing.stores.database.chunks import chunks
from truing.stores.database.dialect import Dialect
from truing.stores.database.lookups import noted
from truing.stores.database.prepared import Direct
from truing.stores.database.sample_rows import (
    blob_rows,
    finding_rows,
    group_rows,
    read_findings,
    read_groups,
    read_media,
    read_tags,
    sitting_row,
    tag_rows,
)
from truing.stores.database.schema import (
    archived,
    census_outdated,
    contacts,
    outdated,
    ratings,
    revisions,
    sample_blobs,
    sample_findings,
    sample_groups,
    sample_sittings,
    sample_tags,
    samples,
)


def readmit(
    connection: sa.Connection, dialect: Dialect, packed: Sequence[Packed]
) -> dict[str, int]:
    """Stores those that are not here; their numbers by uid.

    Args:
        connection: may write.
        dialect: of its database.
        packed: whole rows of the present schema.
    """
    fresh = _absent(connection, packed)
    if not fresh:
        return {}
    own = _given_here(connection, fresh)
    strangers = [one for one in fresh if one.uid not in own]
    given = iter(_new_numbers(connection, dialect, len(strangers)))
    numbers = {one.uid: one.number if one.uid in own else next(given) for one in fresh}
    last = {table: dialect.numbers(connection).get(table.name, 0) for table in (revisions, ratings)}
    for one in fresh:
        _insert(connection, one, numbers[one.uid], last if one.uid in own else {})
    _find_again(connection, dialect, [{**one.sample, "id": numbers[one.uid]} for one in fresh])
    return numbers


def _absent(connection: sa.Connection, packed: Sequence[Packed]) -> list[Packed]:
    here: set[str] = set()
    named: set[tuple[str, str]] = set()
    columns = samples.c
    for piece in chunks(packed):
        uids = [one.uid for one in piece]
        here.update(connection.scalars(sa.select(columns.uid).where(columns.uid.in_(uids))))
        keys = [one.sample["source_key"] for one in piece if one.sample["source_key"] is not None]
        query = sa.select(columns.source, columns.source_key).where(columns.source_key.in_(keys))
        named.update((row[0], row[1]) for row in connection.execute(query))
    return [
        one
        for one in packed
        if one.uid not in here and (one.sample["source"], one.sample["source_key"]) not in named
    ]


def _given_here(connection: sa.Connection, packed: Sequence[Packed]) -> set[str]:
    """Uids of those whose number was given out by this database, and to nobody else."""
    found: set[str] = set()
    for piece in chunks(packed):
        query = sa.select(archived.c.uid, archived.c.sample_id)
        known = {
            (row[0], row[1])
            for row in connection.execute(query.where(archived.c.uid.in_([p.uid for p in piece])))
        }
        numbers = [one.number for one in piece]
        taken = set(connection.scalars(sa.select(samples.c.id).where(samples.c.id.in_(numbers))))
        found |= {
            one.uid for one in piece if (one.uid, one.number) in known and one.number not in taken
        }
    return found


def _new_numbers(connection: sa.Connection, dialect: Dialect, count: int) -> range:
    if not count:
        return range(0)
    return dialect.reserve(Direct(connection.connection.cursor(), connection.dialect), count)


def _insert(connection: sa.Connection, one: Packed, number: int, last: dict[sa.Table, int]) -> None:
    """Stores a sample with all that hangs on it.

    Args:
        connection: may write.
        one: the sample.
        number: what it is called from now on.
        last: up to which number revisions and ratings were given out here; those of another
            workspace get new ones.
    """
    connection.execute(
        sa.insert(samples).values({**one.sample, "id": number, "trained": 0, "revision": 0})
    )
    renumbered = _hang(connection, revisions, number, one.revisions, last)
    _hang(connection, ratings, number, one.ratings, last)
    if one.contact is not None:
        row = {"sample_id": number, "contact": one.contact}
        connection.execute(sa.insert(contacts).values(row))
    standing = {
        "trained": one.sample["trained"],
        "revision": renumbered.get(one.sample["revision"], 0),
    }
    connection.execute(sa.update(samples).where(samples.c.id == number).values(standing))


def _hang(
    connection: sa.Connection,
    table: sa.Table,
    number: int,
    rows: Sequence[Row],
    last: dict[sa.Table, int],
) -> dict[int, int]:
    """Stores revisions or ratings, oldest first; the numbers they have by those they had."""
    ids = [row["id"] for row in rows]
    taken = connection.scalar(sa.select(sa.func.count()).where(table.c.id.in_(ids)))
    keep = not taken and all(one <= last.get(table, 0) for one in ids)
    numbers: dict[int, int] = {}
    for row in rows:
        made = {name: value for name, value in row.items() if name != "id" or keep}
        made["sample_id"] = number
        if made.get("undoes") is not None:
            made["undoes"] = numbers.get(made["undoes"], made["undoes"])
        new = connection.scalar(sa.insert(table).values(made).returning(table.c.id))
        numbers[row["id"]] = int(new or 0)
    return numbers


def _find_again(connection: sa.Connection, dialect: Dialect, rows: Sequence[Row]) -> None:
    """Notes what samples are looked for by; what is counted later counts them anew."""
    ids = [row["id"] for row in rows]
    lookups: dict[sa.Table, list[Row]] = {
        sample_groups: [],
        sample_findings: [],
        sample_tags: [],
        sample_blobs: [],
        sample_sittings: [],
        outdated: [{"sample_id": one} for one in ids],
        census_outdated: [{"sample_id": one} for one in ids],
    }
    mark = noted(connection)
    for row in rows:
        number, document = row["id"], row["document"]
        lookups[sample_groups] += group_rows(number, read_groups(document))
        lookups[sample_findings] += finding_rows(number, read_findings(row["findings"]))
        lookups[sample_tags] += tag_rows(number, read_tags(document))
        if number <= mark:
            lookups[sample_blobs] += blob_rows(number, read_media(document))
            lookups[sample_sittings].append(sitting_row(number, row["source"], row["session"]))
    for table, made in lookups.items():
        if made:
            connection.execute(dialect.insert(table).on_conflict_do_nothing(), made)
    dialect.search_again(connection, ids)
