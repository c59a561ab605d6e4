"""Columns and indexes as every table of the schema has them."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()


def numbered() -> sa.Column[int]:
    """The key of a table whose rows are numbered."""
    return sa.Column("id", sa.Integer, primary_key=True, autoincrement=True)


def of(target: str, *, primary_key: bool = False) -> sa.Column[int]:
    """The key of a row of `target`, with which this row goes."""
    return sa.Column(
        f"{target.removesuffix('s')}_id",
        sa.Integer,
        sa.ForeignKey(f"{target}.id", ondelete="CASCADE"),
        primary_key=primary_key,
        nullable=False,
    )


def partial(name: str, *columns: str, where: str, unique: bool = False) -> sa.Index:
    """An index of few rows only."""
    # Most captured samples have no source key, many no subject: their rows stay out of it.
    rows = sa.text(where)
    return sa.Index(name, *columns, unique=unique, sqlite_where=rows, postgresql_where=rows)


def position() -> sa.Column[int]:
    """The place of a row among its own."""
    return sa.Column("position", sa.Integer, primary_key=True)


def text(name: str, *, null: bool = False, key: bool = False) -> sa.Column[str]:
    """A text, JSON or an enumeration."""
    return sa.Column(name, sa.Text, nullable=null, primary_key=key)


def whole(name: str, *, null: bool = False) -> sa.Column[int]:
    """A whole number, or an instant."""
    return sa.Column(name, sa.BigInteger, nullable=null)


def real(name: str, *, null: bool = False) -> sa.Column[float]:
    """A number."""
    return sa.Column(name, sa.Double, nullable=null)
