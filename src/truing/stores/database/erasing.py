"""Erasing samples: every row that hangs on them, and which blobs nothing needs any more."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from truing.stores.database import census
from truing.stores.database.chunks import chunks
from truing.stores.database.lookups import still_referenced
from truing.stores.database.pictures import erase_pictures
from truing.stores.database.preferences import erase_preferences
from truing.stores.database.recognitions import erase_recognitions
from truing.stores.database.sample_rows import (
    Row,
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
    evaluated_rows,
    sample_blobs,
    sample_findings,
    sample_groups,
    sample_sittings,
    sample_tags,
    samples,
)
from truing.stores.database.tallies import uncount


def erase_samples(
    connection: sa.Connection, ids: Sequence[int], *, leaving: bool = False
) -> list[str]:
    """Removes samples and returns, sorted, the digests to which nothing refers any more.

    Revisions go by foreign key, the search index and the counters by trigger. Whatever a
    recognizer said of one of the blobs goes too, also where another sample shares the blob: the
    cache fills again. The pictures that models made of the samples are among the digests.

    Args:
        connection: may write.
        ids: of the samples; unknown ones are passed over.
        leaving: they live on in an archive: what was measured of them stays.
    """
    blobs: set[str] = set()
    heard: set[str] = set()
    columns = samples.c
    wanted = sa.select(
        *(columns.id, columns.uid, columns.document, columns.findings),
        *(columns.source, columns.session),
    )
    for piece in chunks(dict.fromkeys(ids)):
        lookups: dict[sa.Table, list[Row]] = {
            sample_blobs: [],
            sample_sittings: [],
            sample_groups: [],
            sample_findings: [],
            sample_tags: [],
        }
        rows = connection.execute(wanted.where(columns.id.in_(piece))).all()
        for number, _, document, findings, source, session in rows:
            media = read_media(document)
            heard.update(str(one.facts["content"]) for one in media if "content" in one.facts)
            lookups[sample_blobs] += blob_rows(number, media)
            lookups[sample_sittings].append(sitting_row(number, source, session))
            lookups[sample_groups] += group_rows(number, read_groups(document))
            lookups[sample_findings] += finding_rows(number, read_findings(findings))
            lookups[sample_tags] += tag_rows(number, read_tags(document))
        blobs.update(row["digest"] for row in lookups[sample_blobs])
        for table, gone in lookups.items():
            erase_rows(connection, table, gone)
        uids = [row[1] for row in rows]
        if not leaving:
            measured = evaluated_rows.c.sample_uid.in_(uids)
            connection.execute(sa.delete(evaluated_rows).where(measured))
            erase_preferences(connection, uids)
            blobs |= erase_pictures(connection, uids)
        uncount(connection, piece)
        census.leave(connection, piece)
        connection.execute(sa.delete(samples).where(columns.id.in_(piece)))
    erase_recognitions(connection, sorted(blobs | heard))
    return sorted(blobs - still_referenced(connection, blobs))


def erase_rows(connection: sa.Connection, table: sa.Table, rows: Sequence[Row]) -> None:
    """Removes rows named by their whole primary key."""
    if rows:
        key = [column == sa.bindparam(f"gone_{column.name}") for column in table.primary_key]
        named = [{f"gone_{name}": value for name, value in row.items()} for row in rows]
        connection.execute(sa.delete(table).where(*key), named)
