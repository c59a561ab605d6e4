"""The second schema: what was forgotten, and what lies in the trash."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from truing.stores.database.dialect import Dialect

metadata = sa.MetaData()

# Only its key is referred to here.
sa.Table("samples", metadata, sa.Column("id", sa.Integer, primary_key=True))

_ERASURES = sa.Table(
    "erasures",
    metadata,
    sa.Column("mac", sa.Text, primary_key=True, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("number", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

_TRASH = sa.Table(
    "trash",
    metadata,
    sa.Column(
        "sample_id",
        sa.Integer,
        sa.ForeignKey("samples.id", ondelete="CASCADE"),
        primary_key=True,
        nullable=False,
    ),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Index("trash_by_date", "at", "sample_id"),
)


def apply(connection: sa.Connection, dialect: Dialect) -> None:
    """Makes the two tables."""
    del dialect
    metadata.create_all(connection, tables=[_ERASURES, _TRASH], checkfirst=False)
