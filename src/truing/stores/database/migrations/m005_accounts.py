"""The fifth schema: people who may use a server, and the tokens that let them in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from truing.stores.database.dialect import Dialect

_metadata = sa.MetaData()
_TABLES = (
    sa.Table(
        "people",
        _metadata,
        sa.Column("name", sa.Text, primary_key=True, nullable=False),
        sa.Column("folded", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("password", sa.Text, nullable=True),
        sa.Column("added_at", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("folded", name="people_folded"),
    ),
    sa.Table(
        "tokens",
        _metadata,
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=True),
        sa.Column("used_at", sa.BigInteger, nullable=True),
        sa.UniqueConstraint("digest", name="tokens_digest"),
        sa.Index("tokens_by_person", "person", "id"),
        sqlite_autoincrement=True,
    ),
)


def apply(connection: sa.Connection, dialect: Dialect) -> None:  # noqa: ARG001 - as all are called
    """Makes the tables."""
    _metadata.create_all(connection, tables=_TABLES, checkfirst=False)
