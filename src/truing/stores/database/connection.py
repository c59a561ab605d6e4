"""Transactions on one database, and its driver's errors in our own words.

Scope: every read is one transaction that sees one moment; every write is one that holds the right
to write from its first statement, so that two writers wait for each other instead of failing at
the end. Connections are pooled; threads and processes may share a `Database`, and a forked child
never touches a connection of its parent.
"""

from __future__ import annotations

import json
import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
import sqlalchemy.exc

from truing.domain.errors import (
    ConflictError,
    DamagedError,
    InvalidInputError,
    NotFoundError,
    TruingError,
    UnavailableError,
)
from truing.stores.database.dialect import Dialect
from truing.stores.database.prepared import Direct

_BEGIN = "truing_begin"


class Database:
    """A pool of connections to one database."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self._guard = threading.Lock()
        self._abandoned: list[object] = []
        self._own = threading.local()
        self._kept: weakref.WeakSet[DirectWriting] = weakref.WeakSet()
        self._engine = dialect.create_engine()
        self._pid = os.getpid()
        self._reader, self._writer = self._views()

    def _views(self) -> tuple[sa.Engine, sa.Engine]:
        sa.event.listen(self._engine, "begin", _begin)
        return (
            self._engine.execution_options(**{_BEGIN: self.dialect.begin_reading}),
            self._engine.execution_options(**{_BEGIN: self.dialect.begin_writing}),
        )

    @property
    def engine(self) -> sa.Engine:
        """The connections of this process."""
        if self._pid != os.getpid():
            with self._guard:
                self._leave_parent()
        return self._engine

    def _leave_parent(self) -> None:
        if self._pid == os.getpid():
            return
        # Closing a parent's connection here would drop its locks: keep them, never use them.
        self._abandoned += [self._engine.pool, *self._kept]
        self._own = threading.local()
        self._kept = weakref.WeakSet()
        self._engine.dispose(close=False)
        self._pid = os.getpid()

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A transaction for reading.

        Raises:
            TruingError: the database refused; see `explain`.
        """
        _ = self.engine
        with explained(self.dialect), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction for writing: durable when the block ends, undone when it raises.

        Raises:
            TruingError: the database refused; see `explain`.
        """
        _ = self.engine
        with explained(self.dialect), self._writer.begin() as connection:
            yield connection

    def reading_directly(self) -> DirectReading:
        """The same as `reading` for `Prepared` statements, through the connection by which this
        thread writes: what it wrote itself is still in its cache. Not within `writing_directly`.

        Raises:
            TruingError: the database refused; see `explain`.
        """
        return DirectReading(self._kept_connection(), self.dialect.begin_reading)

    def writing_directly(self) -> DirectWriting:
        """The same as `writing` for `Prepared` statements, at a fraction of its cost: through a
        connection that the thread keeps.

        Raises:
            TruingError: the database refused; see `explain`.
        """
        return self._kept_connection()

    def _kept_connection(self) -> DirectWriting:
        kept: DirectWriting | None = getattr(self._own, "kept", None)
        if kept is None or not kept.usable:
            with explained(self.dialect):
                kept = DirectWriting(self.engine, self.dialect)
            self._own.kept = kept
            with self._guard:
                self._kept.add(kept)
        return kept

    def prepare(self) -> None:
        """Opens the database and makes its lasting settings; see `Dialect.prepare`."""
        with explained(self.dialect):
            self.dialect.prepare(self.engine)

    def scrub(self) -> None:
        """Leaves no erased byte in the database's files; see `Dialect.scrub`."""
        with explained(self.dialect):
            self.dialect.scrub(self.engine)

    def close(self) -> None:
        """Ends all connections of this process; the next use opens new ones.

        What other threads do at this moment is done to its end first, each by its own connection.
        """
        with self._guard:
            for kept in list(self._kept):
                kept.close()
        self.engine.dispose()


class DirectWriting:
    """The connection of one thread for its own short transactions; use it in a `with`."""

    def __init__(self, engine: sa.Engine, dialect: Dialect) -> None:
        self._dialect = dialect
        self._engine = engine
        self._driver_error = engine.dialect.loaded_dbapi.Error
        self._engine_dialect = engine.dialect
        self._pid = os.getpid()
        self._in_use = threading.RLock()
        self._given_up = False
        self._connect()

    def _connect(self) -> None:
        self._connection = self._engine.raw_connection()
        self._direct = Direct(self._connection.cursor(), self._engine_dialect)
        self._open = True

    @property
    def usable(self) -> bool:
        """Whether it is open, and of this process."""
        return self._open and not self._given_up and self._pid == os.getpid()

    def __enter__(self) -> Direct:
        return self.begin(self._dialect.begin_writing)

    def begin(self, statement: str) -> Direct:
        """Begins a transaction with this statement; `__exit__` ends it."""
        self._in_use.acquire()
        try:
            if self._given_up:  # since the thread asked for it
                with explained(self._dialect):
                    self._connect()
            self._begin(statement)
        except BaseException:
            self._leave()
            raise
        return self._direct

    def _begin(self, statement: str) -> None:
        try:
            self._direct.cursor.execute(statement)
        except self._driver_error as error:
            self._undo()
            if self._open:
                raise self._meaning(error) from error
            self._begin_anew(statement)

    def _begin_anew(self, statement: str) -> None:
        """The server ended the connection since its last use: nothing was under way."""
        with explained(self._dialect):
            self._connect()
            try:
                self._direct.cursor.execute(statement)
            except self._driver_error:
                self._undo()
                raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        try:
            self._end(error)
        finally:
            self._leave()

    def _leave(self) -> None:
        if self._given_up:
            self._give_back()
        self._in_use.release()

    def _end(self, error: BaseException | None) -> None:
        if error is None:
            try:
                self._direct.cursor.execute("COMMIT")
            except self._driver_error as refused:
                self._undo()
                raise self._meaning(refused) from refused
            return
        self._undo()
        if isinstance(error, Exception) and not isinstance(error, TruingError):
            meaning = self._meaning(error)
            if meaning is not error:
                raise meaning from error

    def close(self) -> None:
        """Gives the connection back; a thread that is using it does so itself when it is done.

        A driver that loses its connection in the middle of a statement may take the process along.
        """
        self._given_up = True
        if self._in_use.acquire(blocking=False):
            try:
                self._give_back()
            finally:
                self._in_use.release()

    def _give_back(self) -> None:
        if self._open:
            self._open = False
            self._connection.close()

    def _undo(self) -> None:
        try:
            self._connection.rollback()
        except self._driver_error:
            # What cannot be undone is dropped with its connection.
            self._open = False
            self._connection.invalidate()

    def _meaning(self, error: Exception) -> Exception:
        known = error
        if isinstance(error, self._driver_error):
            known = sqlalchemy.exc.DBAPIError.instance(
                None,
                None,
                error,
                self._driver_error,
                hide_parameters=True,
                dialect=self._engine_dialect,
            )
        return explain(known, self._dialect) or known


class DirectReading:
    """A short look through the connection that a thread keeps; use it in a `with`."""

    __slots__ = ("_kept", "_statement")

    def __init__(self, kept: DirectWriting, statement: str) -> None:
        self._kept = kept
        self._statement = statement

    def __enter__(self) -> Direct:
        return self._kept.begin(self._statement)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        self._kept.__exit__(kind, error, trace)


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options()[_BEGIN])


@contextmanager
def explained(dialect: Dialect) -> Iterator[None]:
    """Turns the exceptions of SQLAlchemy and the driver into ours, in this one place."""
    try:
        yield
    except TruingError:
        raise
    except Exception as error:
        meant = explain(error, dialect)
        if meant is None:
            raise
        raise meant from error


def explain(error: Exception, dialect: Dialect) -> TruingError | None:
    """What an exception means to a person; None when it shows a fault in this program.

    Disk full, read-only, locked, not reachable -> `UnavailableError`; damaged -> `DamagedError`;
    a key taken twice -> `ConflictError`; a parent row gone -> `NotFoundError`; a value no
    database can hold -> `InvalidInputError`.
    """
    meant: TruingError | None = None
    if isinstance(error, sqlalchemy.exc.TimeoutError):
        meant = UnavailableError(
            f"no free connection to `{dialect.place}`", hint="try again when less is going on"
        )
    elif isinstance(error, sqlalchemy.exc.DBAPIError) and error.orig is not None:
        meant = dialect.explain(error.orig) or _by_class(error, dialect)
    elif isinstance(error, OverflowError):
        meant = InvalidInputError(
            f"a number is too large for the database: {error}", hint="use numbers of 64 bits"
        )
    elif isinstance(error, json.JSONDecodeError):
        meant = DamagedError(
            f"`{dialect.place}` holds something that is damaged",
            hint="restore it from a backup; `truing verify` says what else is touched",
        )
    elif isinstance(error, UnicodeEncodeError):
        meant = InvalidInputError(
            f"a text holds half a character: `{error.object[error.start : error.end]!r}`",
            hint="decode it as UTF-8 with `errors='replace'` first",
        )
    else:
        meant = dialect.explain(error)
    return meant


def _by_class(error: sqlalchemy.exc.DBAPIError, dialect: Dialect) -> TruingError | None:
    if isinstance(error, sqlalchemy.exc.IntegrityError):
        if "foreign key" in str(error.orig).lower():
            return NotFoundError(
                "what this belongs to is not there any more", hint="it was forgotten meanwhile"
            )
        if "not null" in str(error.orig).lower():
            return InvalidInputError(
                f"a value is missing or no number: {error.orig}", hint="give a finite one"
            )
        return ConflictError(f"stored already: {error.orig}", hint="read it instead")
    if isinstance(error, sqlalchemy.exc.DataError):
        return InvalidInputError(
            f"`{dialect.place}` cannot hold a value: {error.orig}", hint="give a smaller one"
        )
    return None
