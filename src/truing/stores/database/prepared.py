"""Statements compiled once and handed to the driver: for the few that run at every capture.

SQLAlchemy finds a compiled statement by walking the whole expression and wraps every execution in
events, which together cost several times what SQLite needs to run it. These are compiled at their
first use; what they mean is still written as an expression, for every dialect.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.compiler import SQLCompiler


class Prepared:
    """One statement of one dialect, run with rows of named values."""

    __slots__ = ("_names", "_statement", "_text")

    def __init__(self, statement: sa.ClauseElement) -> None:
        self._statement = statement
        self._names: list[str] | None = None
        self._text = ""

    def run(self, direct: Direct, rows: Sequence[Mapping[str, Any]]) -> None:
        """Runs it once for each row, at least one, of values by column name."""
        if not self._text:
            self._compile(direct.dialect)
        names = self._names
        values: Sequence[Any] = rows
        if names is not None:
            values = [tuple([row[name] for name in names]) for row in rows]
        if len(values) == 1:
            direct.cursor.execute(self._text, values[0])
        else:
            direct.cursor.executemany(self._text, values)

    def first(self, direct: Direct, **values: Any) -> Any:  # noqa: ANN401 - a driver's row
        """Runs a query and returns its first row, None when there is none."""
        self.run(direct, [values])
        return direct.cursor.fetchone()

    def all(self, direct: Direct, **values: Any) -> list[Any]:  # noqa: ANN401 - any column's
        """Runs a query and returns its rows."""
        self.run(direct, [values])
        rows: list[Any] = direct.cursor.fetchall()
        return rows

    def _compile(self, dialect: sa.Dialect) -> None:
        compiled = self._statement.compile(dialect=dialect)
        if not isinstance(compiled, SQLCompiler):
            raise TypeError(f"{type(self._statement).__name__} is no query")
        self._names = list(compiled.positiontup or ()) if compiled.positional else None
        self._text = str(compiled)


class Direct:
    """A transaction for writing through the driver's own cursor; see `Database.writing_directly`.

    Attributes:
        cursor: the driver's.
        dialect: what statements are compiled for.
    """

    __slots__ = ("cursor", "dialect")

    def __init__(self, cursor: Any, dialect: sa.Dialect) -> None:  # noqa: ANN401 - a driver's own
        self.cursor = cursor
        self.dialect = dialect
