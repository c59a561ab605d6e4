"""psycopg for SQLAlchemy the way our tables want it: what differs from its own PostgreSQL.

Whole numbers have 64 bits and texts are ordered by their bytes, as in SQLite: the same number
fits, pages come in the same order, and no update of the system's languages spoils an index. A
figure that is no number becomes null.
"""

from __future__ import annotations

from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg.adapt import Loader
from psycopg.types.numeric import FloatDumper
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.base import PGDDLCompiler, PGTypeCompiler
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

NAME = "postgresql+truing"
"""The driver's name in a SQLAlchemy URL."""

_SETTINGS = """
SET lock_timeout TO '{busy}s';
SET idle_in_transaction_session_timeout TO '{idle}s';
SET tcp_keepalives_idle TO 60;
SET tcp_keepalives_interval TO 10;
SET extra_float_digits TO 1;
SET jit TO off;
SET client_min_messages TO warning;
SELECT set_config('synchronous_commit', 'on', false)
WHERE current_setting('synchronous_commit') = 'off'
"""


_FEW_VALUES = ("modality", "state")


class _Types(PGTypeCompiler):
    def visit_INTEGER(self, type_: sa.Integer, **_: Any) -> str:  # noqa: ANN401, ARG002, N802
        return "BIGINT"

    def visit_TEXT(self, type_: sa.Text, **details: Any) -> str:  # noqa: ANN401, N802
        name: str = super().visit_TEXT(type_, **details)
        in_table = isinstance(details.get("type_expression"), sa.Column)
        return f'{name} COLLATE "C"' if in_table else name


class _Tables(PGDDLCompiler):
    """Statistics of a column quote its values, where forgetting would have to look for them."""

    def visit_create_table(self, create: Any, **details: Any) -> str:  # noqa: ANN401
        text = str(super().visit_create_table(create, **details))  # type: ignore[no-untyped-call]
        table = self.preparer.format_table(create.element)
        unseen = ", ".join(
            f"ALTER COLUMN {self.preparer.format_column(column)} SET STATISTICS 0"
            for column in create.element.columns
            if isinstance(column.type, sa.Text) and column.name not in _FEW_VALUES
        )
        return f"{text};\nALTER TABLE {table} {unseen}" if unseen else text


class Driver(PGDialect_psycopg):
    """SQLAlchemy's dialect with our types."""

    supports_statement_cache = True
    type_compiler_cls = _Types
    ddl_compiler = _Tables
    colspecs = {  # noqa: RUF012 - SQLAlchemy's own way
        **PGDialect_psycopg.colspecs,
        sa.Integer: PGDialect_psycopg.colspecs[sa.BigInteger],
    }


class _Sums(Loader):
    """Sums of whole numbers are whole numbers, as in SQLite."""

    def load(self, data: Any) -> int | float:  # noqa: ANN401 - the driver's own signature
        text = bytes(data)
        return int(text) if text.lstrip(b"-").isdigit() else float(text)


class _Figures(FloatDumper):
    def dump(self, obj: Any) -> Any:  # noqa: ANN401 - the driver's own signature
        return None if obj != obj else super().dump(obj)


def create_engine(url: sa.URL, *, busy_seconds: int, idle_seconds: int) -> sa.Engine:
    """Connections with every session setting made; nothing is opened yet.

    Args:
        url: where; what it leaves out comes from the environment and the password file.
        busy_seconds: how long a statement waits for another writer.
        idle_seconds: after which silence the server ends a transaction somebody left open.
    """
    registry.register("postgresql.truing", __name__, "Driver")
    engine = sa.create_engine(
        url.set(drivername=NAME),
        connect_args={
            # We say BEGIN ourselves: each transaction asks for what it needs.
            "autocommit": True,
            "client_encoding": "utf8",
            "fallback_application_name": "truing",
            **({} if "connect_timeout" in url.query else {"connect_timeout": 10}),
        },
        max_overflow=-1,
        # A server that was started again is met by a new connection, not by an error.
        pool_pre_ping=True,
        # What people said never gets into an error message.
        hide_parameters=True,
    )
    settings = _SETTINGS.format(busy=busy_seconds, idle=idle_seconds)

    def make_settings(connection: psycopg.Connection[Any], _record: object) -> None:
        connection.adapters.register_dumper(float, _Figures)
        connection.adapters.register_loader("numeric", _Sums)
        connection.execute(settings)

    sa.event.listen(engine, "connect", make_settings)
    return engine
