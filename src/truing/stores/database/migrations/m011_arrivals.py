"""The eleventh schema: how many bytes come is counted by day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from truing.stores.database.dialect import Dialect

_metadata = sa.MetaData()
_ARRIVALS = sa.Table(
    "arrivals",
    _metadata,
    sa.Column("day", sa.Text, primary_key=True, nullable=False),
    sa.Column("modality", sa.Text, primary_key=True, nullable=False),
    sa.Column("samples", sa.BigInteger, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)


def apply(connection: sa.Connection, dialect: Dialect) -> None:  # noqa: ARG001 - as all are called
    """Makes the table."""
    _metadata.create_all(connection, tables=[_ARRIVALS], checkfirst=False)
