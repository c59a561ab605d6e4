"""The third schema: lists and figures of a million samples stay quick.

What was counted has tables. The indexes of the lists hold what lists are narrowed by, so that
walking along one need not look at the rows; two small ones are new; the search index finds words
by their beginnings.

A person's name stands in no index but its own: the fewer places hold it, the better.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

if TYPE_CHECKING:
    from truing.stores.database.dialect import Dialect

metadata = sa.MetaData()

_FILTERED = ("sampling", "source", "certainty", "captured_at", "trained")

_SAMPLES = sa.Table(
    "samples",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    *(sa.Column(name, sa.Text) for name in ("modality", "state", "source", "sampling")),
    *(sa.Column(name, sa.BigInteger) for name in ("captured_at", "trained")),
    *(sa.Column(name, sa.Double) for name in ("certainty", "quality")),
)
_FINDINGS = sa.Table(
    "sample_findings",
    metadata,
    sa.Column("check", sa.Text, primary_key=True),
    sa.Column("sample_id", sa.Integer, primary_key=True, autoincrement=False),
)


_KIND = ("modality", "state", "subject", "source", "model", "week", "chance")


def _sums() -> list[sa.Column[Any]]:
    names = ("samples", "exact", "numerator", "denominator")
    kinds = {"samples": sa.BigInteger, "exact": sa.BigInteger}
    return [
        sa.Column("seconds", sa.Double, nullable=False),
        *(
            sa.Column(f"{text}_{name}", kinds.get(name, sa.Double), nullable=False)
            for text in ("raw", "corrected")
            for name in names
        ),
    ]


_TABLES = (
    sa.Table(
        "tallies",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in _KIND),
        sa.Column("samples", sa.BigInteger, nullable=False),
        *_sums(),
        sa.Index("tallies_by_kind", *_KIND, unique=True),
        sqlite_autoincrement=True,
    ),
    sa.Table(
        "tallied",
        metadata,
        sa.Column("sample_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("tally_id", sa.BigInteger, nullable=False),
        *_sums(),
    ),
    sa.Table(
        "outdated",
        metadata,
        sa.Column("sample_id", sa.Integer, primary_key=True, autoincrement=False),
    ),
)


def _walked(name: str, key: str) -> sa.Index:
    """An index along which a list is walked: all that narrows the list stands in it."""
    rest = [column for column in _FILTERED if column != key]
    return sa.Index(name, *(_SAMPLES.c[one] for one in ("modality", "state", key, "id", *rest)))


def apply(connection: sa.Connection, dialect: Dialect) -> None:
    """Makes the tables, and the indexes anew, one after the other."""
    metadata.create_all(connection, tables=_TABLES, checkfirst=False)
    for name in ("date", "certainty", "quality", "training"):
        connection.execute(sa.text(f"DROP INDEX samples_by_{name}"))
    column = _SAMPLES.c
    used = sa.text("trained = 1")
    for index in (
        _walked("samples_by_date", "captured_at"),
        _walked("samples_by_certainty", "certainty"),
        _walked("samples_by_quality", "quality"),
        sa.Index(
            "samples_by_training",
            column.modality,
            column.state,
            column.captured_at,
            column.id,
            sqlite_where=used,
            postgresql_where=used,
        ),
        sa.Index("sample_findings_by_sample", _FINDINGS.c.sample_id, _FINDINGS.c.check),
    ):
        index.create(connection)
    dialect.index_beginnings(connection)
