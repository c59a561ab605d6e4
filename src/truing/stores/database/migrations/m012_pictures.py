"""Pictures: what models made of samples is remembered, and goes with the samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from truing.stores.database.dialect import Dialect

metadata = sa.MetaData()

_PICTURES = sa.Table(
    "pictures",
    metadata,
    *(
        sa.Column(name, sa.Text, primary_key=True, nullable=False)
        for name in ("model_digest", "given", "sample_uid")
    ),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("seconds", sa.Double, nullable=True),
    sa.Index("pictures_by_digest", "digest"),
    sa.Index("pictures_by_sample", "sample_uid"),
    sqlite_with_rowid=False,
)


def apply(connection: sa.Connection, dialect: Dialect) -> None:  # noqa: ARG001 - as all are called
    """Makes the table."""
    metadata.create_all(connection, tables=[_PICTURES], checkfirst=False)
