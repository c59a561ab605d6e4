"""Inserting: new samples with their look-ups, and the decisions that some of them come with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import sqlalchemy as sa

from truing.domain.review import Revision, standing
from truing.domain.sample import NewSample
from truing.stores.database.appending import STAND, revision_row, stands
from truing.stores.database.prepared import Direct, Prepared
from truing.stores.database.sample_rows import lookup_rows, sample_row
from truing.stores.database.schema import (
    contacts,
    revisions,
    sample_findings,
    sample_groups,
    samples,
)


class Inserting:
    """Writes the rows of new samples."""

    def __init__(self) -> None:
        self._inserts = {
            table: Prepared(sa.insert(table))
            for table in (samples, sample_groups, sample_findings, contacts)
        }
        names = [column.name for column in revisions.columns if column.name != "id"]
        decided = sa.insert(revisions).values({name: sa.bindparam(name) for name in names})
        self._decide = Prepared(decided.returning(revisions.c.id))
        self._stand = Prepared(STAND)

    def insert(self, direct: Direct, fresh: Sequence[tuple[int, NewSample]]) -> None:
        """Stores samples under the numbers given."""
        rows = lookup_rows(fresh)
        rows[samples] = [sample_row(number, new) for number, new in fresh]
        for table, insert in self._inserts.items():
            if rows[table]:
                insert.run(direct, rows[table])
        for number, new in fresh:
            if new.decided is not None:
                self._decided(direct, replace(new.decided, sample_id=number))

    def _decided(self, direct: Direct, revision: Revision) -> None:
        (kept,) = self._decide.first(direct, **revision_row(revision))
        result = standing([replace(revision, id=kept)])
        values = {"decided": revision.sample_id, "revision": kept, **stands(result)}
        self._stand.run(direct, [values])
