"""Statements compiled once and handed to the driver: for the few that run at every capture.

SQLAlchemy finds a compiled statement by walking the whole expression and wraps every execution in
events, which together cost several times what SQLite needs to run it. These are compiled at their
first use; what they mean is still written as an expression, for every dialect, and a driver's
error still comes as SQLAlchemy's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
import sqlalchemy.exc
from sqlalchemy.sql.compiler import SQLCompiler


class Prepared:
    """One statement of one dialect, run with rows of named values."""

    __slots__ = ("_names", "_statement", "_text")

    def __init__(self, statement: sa.ClauseElement) -> None:
        self._statement = statement
        self._names: list[str] | None = None
        self._text = ""

    def run(self, connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> int | None:
        """Runs it once for each row.

        Args:
            connection: with a transaction under way.
            rows: values by column name, at least one row.

        Returns:
            The first value of the first row it gives, for a statement that gives any.
        """
        if not self._text:
            compiled = self._statement.compile(dialect=connection.dialect)
            if not isinstance(compiled, SQLCompiler):
                raise TypeError(f"{type(self._statement).__name__} is no query")
            self._names = list(compiled.positiontup or ()) if compiled.positional else None
            self._text = str(compiled)
        names = self._names
        if names is None:
            return run_directly(connection, self._text, rows)
        return run_directly(
            connection, self._text, [tuple([row[name] for name in names]) for row in rows]
        )


def run_directly(connection: sa.Connection, text: str, rows: Sequence[Any] = ()) -> int | None:
    """Runs a driver's own SQL without SQLAlchemy's events; errors come as SQLAlchemy's.

    Returns:
        The first value of the first row it gives.
    """
    cursor = connection.connection.cursor()
    try:
        if len(rows) > 1:
            cursor.executemany(text, rows)
            return None
        cursor.execute(text, *rows)
        first = cursor.fetchone() if cursor.description else None
    except Exception as error:
        driver = connection.dialect.loaded_dbapi.Error
        if not isinstance(error, driver):
            raise
        raise sqlalchemy.exc.DBAPIError.instance(
            text, None, error, driver, hide_parameters=True, dialect=connection.dialect
        ) from error
    finally:
        cursor.close()
    return first[0] if first else None
