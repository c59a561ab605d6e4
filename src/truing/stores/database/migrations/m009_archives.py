"""The schema of archives: which there are, and what is known of samples that lie in one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from truing.stores.database.dialect import Dialect

metadata = sa.MetaData()


def _text(name: str, *, null: bool = False, key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=null, primary_key=key)


def _whole(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False)


def _partial(name: str, *columns: str, where: str) -> sa.Index:
    rows = sa.text(where)
    return sa.Index(name, *columns, sqlite_where=rows, postgresql_where=rows)


_ARCHIVES = sa.Table(
    "archives",
    metadata,
    _text("name", key=True),
    _text("place"),
    _text("digest"),
    _text("state"),
    _whole("created_at"),
    _text("actor"),
    _whole("samples"),
    _whole("size"),
    _whole("media_bytes"),
)
_ARCHIVED = sa.Table(
    "archived",
    metadata,
    _text("archive", key=True),
    _text("uid", key=True),
    sa.Column("sample_id", sa.Integer, nullable=False),
    _whole("back"),
    _text("source"),
    _text("source_key", null=True),
    _text("subject", null=True),
    _text("contact", null=True),
    _text("digests"),
    sa.Index("archived_by_uid", "uid"),
    sa.Index("archived_by_number", "sample_id"),
    _partial("archived_by_key", "source", "source_key", where="source_key IS NOT NULL"),
    _partial("archived_by_subject", "subject", where="subject IS NOT NULL"),
    _partial("archived_by_contact", "contact", where="contact IS NOT NULL"),
)


def apply(connection: sa.Connection, dialect: Dialect) -> None:  # noqa: ARG001 - as all are called
    """Makes the tables."""
    metadata.create_all(connection, tables=[_ARCHIVES, _ARCHIVED], checkfirst=False)
