"""Media as they are kept with their samples, replaced where they stand."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from truing.domain.errors import ConflictError, NotFoundError
from truing.domain.media import Media
from truing.stores.database import census
from truing.stores.database.connection import Database
from truing.stores.database.erasing import erase_rows
from truing.stores.database.lookups import note, noted, still_referenced
from truing.stores.database.sample_rows import (
    blob_rows,
    group_rows,
    read_groups,
    read_media,
    with_media,
)
from truing.stores.database.schema import sample_blobs, sample_groups, samples


class DatabaseOriginals:
    """See `truing.domain.compression.Originals`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def replace(
        self, id: int, before: Sequence[Media], after: Sequence[Media], groups: Sequence[str]
    ) -> list[str]:
        """See `Originals.replace`."""
        note(self._database)
        here = samples.c.id == id
        with self._database.writing() as connection:
            document = connection.scalar(
                sa.select(samples.c.document).where(here).with_for_update()
            )
            if document is None:
                raise NotFoundError(f"no sample `{id}`", hint="`truing samples` lists them")
            if read_media(document) != tuple(before):
                raise ConflictError(
                    f"the media of sample `{id}` changed meanwhile", hint="try again"
                )
            keys = tuple(dict.fromkeys((*read_groups(document), *groups)))
            made = with_media(document, after, keys)
            connection.execute(sa.update(samples).where(here).values(document=made))
            self._look_ups(connection, id, before, after, keys)
            census.outdate(connection, [id])
            gone = {one.digest for one in before} - {one.digest for one in after}
            return sorted(gone - still_referenced(connection, gone))

    def _look_ups(
        self,
        connection: sa.Connection,
        number: int,
        before: Sequence[Media],
        after: Sequence[Media],
        keys: Sequence[str],
    ) -> None:
        insert = self._database.dialect.insert
        made = {sample_groups: group_rows(number, keys)}
        if number <= noted(connection):
            erase_rows(connection, sample_blobs, blob_rows(number, before))
            made[sample_blobs] = blob_rows(number, after)
        for table, rows in made.items():
            if rows:
                connection.execute(insert(table).on_conflict_do_nothing(), rows)
