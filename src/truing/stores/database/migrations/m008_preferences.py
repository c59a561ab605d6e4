"""The eighth schema: people say which of two models' results they prefer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from truing.stores.database.dialect import Dialect

_metadata = sa.MetaData()
_PREFERENCES = sa.Table(
    "preferences",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    *(
        sa.Column(name, sa.Text, nullable=False)
        for name in (
            *("uid", "modality", "dataset", "split", "model_a", "model_b"),
            *("sample_uid", "choice", "actor"),
        )
    ),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("seconds", sa.Double, nullable=True),
    sa.UniqueConstraint("uid", name="preferences_uid"),
    sa.Index(
        "preferences_once",
        *("model_a", "model_b", "dataset", "split", "sample_uid", "actor"),
        unique=True,
    ),
    sa.Index("preferences_by_sample", "sample_uid"),
    sqlite_autoincrement=True,
)


def apply(connection: sa.Connection, dialect: Dialect) -> None:  # noqa: ARG001 - as all are called
    """Makes the table."""
    _metadata.create_all(connection, tables=[_PREFERENCES], checkfirst=False)
