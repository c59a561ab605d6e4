"""Describing: who is recorded, the sitting and the tags of samples, changed where they stand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sqlalchemy as sa

from truing.domain.sample import Description, Redescribed
from truing.stores.database.chunks import chunks
from truing.stores.database.connection import Database
from truing.stores.database.erasing import erase_rows
from truing.stores.database.lookups import noted
from truing.stores.database.sample_rows import read_tags, sitting_row, tag_rows, with_tags
from truing.stores.database.schema import sample_sittings, sample_tags, samples
from truing.stores.database.tallies import outdate

Change = Callable[[int, Description], Description]


def redescribe(database: Database, ids: Sequence[int], change: Change) -> dict[int, Redescribed]:
    """See `Samples.redescribe`."""
    found: dict[int, Redescribed] = {}
    with database.writing() as connection:
        for piece in chunks(dict.fromkeys(ids)):
            found.update(_redescribed(connection, piece, change))
    return found


def _redescribed(
    connection: sa.Connection, ids: Sequence[int], change: Change
) -> dict[int, Redescribed]:
    table = samples.c
    wanted = sa.select(table.id, table.subject, table.session, table.source, table.document)
    rows = connection.execute(wanted.where(table.id.in_(ids)).with_for_update()).all()
    last = noted(connection)
    found: dict[int, Redescribed] = {}
    for number, subject, session, source, document in rows:
        before = Description(subject=subject, session=session, tags=read_tags(document))
        wished = change(number, before)
        tags = tuple(sorted(set(wished.tags)))
        after = Description(subject=wished.subject, session=wished.session, tags=tags)
        found[number] = Redescribed(before=before, after=after)
        if before == after:
            continue
        values = {"subject": after.subject, "session": after.session}
        if before.tags != after.tags:
            values["document"] = with_tags(document, after.tags)
            _move_tags(connection, number, before, after)
        connection.execute(sa.update(samples).where(table.id == number).values(**values))
        if before.session != after.session and number <= last:
            erase_rows(connection, sample_sittings, [sitting_row(number, source, before.session)])
            row = sitting_row(number, source, after.session)
            connection.execute(sa.insert(sample_sittings), [row])
    # Figures are told apart by who is recorded.
    outdate(connection, [one for one, what in found.items() if what.before != what.after])
    return {number: found[number] for number in ids if number in found}


def _move_tags(
    connection: sa.Connection, number: int, before: Description, after: Description
) -> None:
    kept = set(before.tags) & set(after.tags)
    erase_rows(connection, sample_tags, tag_rows(number, set(before.tags) - kept))
    rows = tag_rows(number, set(after.tags) - kept)
    if rows:
        connection.execute(sa.insert(sample_tags), rows)


def tag_counts(database: Database) -> dict[str, int]:
    """See `Samples.tag_counts`."""
    tag = sample_tags.c.tag
    query = sa.select(tag, sa.func.count()).group_by(tag).order_by(tag)
    with database.reading() as connection:
        return {row[0]: row[1] for row in connection.execute(query)}
