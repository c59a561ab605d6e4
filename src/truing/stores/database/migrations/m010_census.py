"""A schema with a census: what there is among all samples, by name, without looking at them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from truing.stores.database.dialect import Dialect

metadata = sa.MetaData()

_TABLES = (
    sa.Table(
        "census",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("modality", "kind", "name")),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("samples", "media", "bytes")),
        sa.Index("census_by_name", "modality", "kind", "name", unique=True),
        sa.Index("census_by_samples", "modality", "kind", "samples", "id"),
        sqlite_autoincrement=True,
    ),
    sa.Table(
        "census_members",
        metadata,
        sa.Column("sample_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("added", sa.Text, nullable=False),
    ),
    sa.Table(
        "census_outdated",
        metadata,
        sa.Column("sample_id", sa.Integer, primary_key=True, autoincrement=False),
    ),
)


def apply(connection: sa.Connection, dialect: Dialect) -> None:  # noqa: ARG001 - as all are called
    """Makes the tables."""
    metadata.create_all(connection, tables=_TABLES, checkfirst=False)
