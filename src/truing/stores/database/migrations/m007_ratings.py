"""The seventh schema: samples are rated, and have contacts.

The newest rating stands in the sample's own row as well, so that lists are narrowed by it. The
indexes along which lists are walked hold it, and the quality, too; ratings that are rare among many
samples have a small index of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from truing.stores.database.dialect import Dialect

metadata = sa.MetaData()

_FILTERED = ("sampling", "source", "certainty", "quality", "rating", "captured_at", "trained")

_SAMPLES = sa.Table(
    "samples",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    *(sa.Column(name, sa.Text) for name in ("modality", "subject", "state", "source", "sampling")),
    *(sa.Column(name, sa.BigInteger) for name in ("captured_at", "trained", "rating")),
    *(sa.Column(name, sa.Double) for name in ("certainty", "quality")),
)
_RATINGS = sa.Table(
    "ratings",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column(
        "sample_id", sa.Integer, sa.ForeignKey("samples.id", ondelete="CASCADE"), nullable=False
    ),
    sa.Column("value", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.Text, nullable=True),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Index("ratings_by_sample", "sample_id", "id"),
    sqlite_autoincrement=True,
)
_CONTACTS = sa.Table(
    "contacts",
    metadata,
    sa.Column(
        "sample_id",
        sa.Integer,
        sa.ForeignKey("samples.id", ondelete="CASCADE"),
        primary_key=True,
        nullable=False,
    ),
    sa.Column("contact", sa.Text, nullable=False),
    sa.Index("contacts_by_contact", "contact", "sample_id"),
)
_BY_SUBJECT = (
    *("modality", "subject", "state", "captured_at", "id"),
    *("certainty", "quality", "rating", "sampling", "source", "trained"),
)


def _walked(name: str, key: str) -> sa.Index:
    """An index along which a list is walked: all that narrows the list stands in it."""
    rest = [column for column in _FILTERED if column != key]
    return sa.Index(name, *(_SAMPLES.c[one] for one in ("modality", "state", key, "id", *rest)))


def _partial(name: str, *columns: str, where: str) -> sa.Index:
    rows = sa.text(where)
    held = (_SAMPLES.c[one] for one in columns)
    return sa.Index(name, *held, sqlite_where=rows, postgresql_where=rows)


def apply(connection: sa.Connection, dialect: Dialect) -> None:  # noqa: ARG001 - as all are called
    """Makes the column and the tables, and the indexes anew, one after the other."""
    connection.execute(sa.text("ALTER TABLE samples ADD COLUMN rating BIGINT"))
    metadata.create_all(connection, tables=[_RATINGS, _CONTACTS], checkfirst=False)
    for name in ("date", "certainty", "quality", "subject"):
        connection.execute(sa.text(f"DROP INDEX samples_by_{name}"))
    for index in (
        _walked("samples_by_date", "captured_at"),
        _walked("samples_by_certainty", "certainty"),
        _walked("samples_by_quality", "quality"),
        _partial("samples_by_subject", *_BY_SUBJECT, where="subject IS NOT NULL"),
        _partial(
            *("samples_by_rating", "modality", "state", "rating", "id"),
            where="rating IS NOT NULL",
        ),
    ):
        index.create(connection)
