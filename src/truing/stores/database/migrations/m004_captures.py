"""The fourth schema: a capture writes fewer pages, and the samples of one person are an index.

Sittings get a table that is filled, like the one of blobs, when somebody asks. The index by
person holds all that lists are ordered and narrowed by, so that what is looked for among one
person's samples is read in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from truing.stores.database.dialect import Dialect

metadata = sa.MetaData()

_SAMPLES = sa.Table(
    "samples",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    *(
        sa.Column(name, sa.Text)
        for name in ("modality", "subject", "session", "state", "source", "sampling")
    ),
    *(sa.Column(name, sa.BigInteger) for name in ("captured_at", "trained")),
    *(sa.Column(name, sa.Double) for name in ("certainty", "quality")),
)
_COUNTERS = sa.Table(
    "counters",
    metadata,
    sa.Column("modality", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.BigInteger),
)
_SITTINGS = sa.Table(
    "sample_sittings",
    metadata,
    sa.Column("source", sa.Text, primary_key=True, nullable=False),
    sa.Column("session", sa.Text, primary_key=True, nullable=False),
    sa.Column("sample_id", sa.Integer, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
_BY_SUBJECT = (
    *("modality", "subject", "state", "captured_at", "id"),
    *("certainty", "quality", "sampling", "source", "trained"),
)


def apply(connection: sa.Connection, dialect: Dialect) -> None:  # noqa: ARG001 - as all are called
    """Makes table and index; whatever is there counts as noted."""
    metadata.create_all(connection, tables=[_SITTINGS], checkfirst=False)
    column = _SAMPLES.c
    session = sa.func.coalesce(column.session, "")
    held = sa.select(column.source, session, column.id).order_by(column.source, session, column.id)
    connection.execute(_SITTINGS.insert().from_select(["source", "session", "sample_id"], held))
    for name in ("source", "subject"):
        connection.execute(sa.text(f"DROP INDEX samples_by_{name}"))
    named = sa.text("subject IS NOT NULL")
    columns = [column[name] for name in _BY_SUBJECT]
    sa.Index("samples_by_subject", *columns, sqlite_where=named, postgresql_where=named).create(
        connection
    )
    last = connection.scalar(sa.select(sa.func.max(column.id))) or 0
    mark = {"modality": "", "name": "noted", "value": last}
    connection.execute(sa.insert(_COUNTERS).values(mark))
