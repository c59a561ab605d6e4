"""The sixth schema: samples are found by the tags that people give them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from truing.stores.database.dialect import Dialect

_metadata = sa.MetaData()
_TAGS = sa.Table(
    "sample_tags",
    _metadata,
    sa.Column("tag", sa.Text, primary_key=True, nullable=False),
    sa.Column("sample_id", sa.Integer, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)


def apply(connection: sa.Connection, dialect: Dialect) -> None:  # noqa: ARG001 - as all are called
    """Makes the table."""
    _metadata.create_all(connection, tables=[_TAGS], checkfirst=False)
