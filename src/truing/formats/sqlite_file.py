"""Another program's SQLite file: opened so that the program never notices.

Scope: reading opens with `mode=ro`, so nothing is ever written into the database, a rollback
journal or a write-ahead log. Where SQLite itself would have to write first (a write-ahead log in
a folder we may not write to, a journal left by a crash), a private copy is read instead.

Known trade-offs: the standard library's SQLite is used, not a newer one: two copies of SQLite in
one process would drop each other's POSIX locks on the same file.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from truing.domain.errors import (
    DamagedError,
    InvalidInputError,
    NotFoundError,
    TruingError,
    UnavailableError,
)

WAIT_SECONDS = 10.0
"""How long another program may hold the lock before we give up."""
COPY_ATTEMPTS = 5
_NEEDS_COPY = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that reads; each statement is its own transaction, text comes as bytes.

    Raises:
        NotFoundError: no file at `path`.
        InvalidInputError: the file is no SQLite database.
        DamagedError: its pages are broken.
        UnavailableError: it is locked for longer than `WAIT_SECONDS`, or unreadable.
    """
    _must_be_file(path)
    had_log = _log_of(path).exists()
    try:
        connection = _connected(path, "ro")
    except sqlite3.Error as error:
        if _primary(error) not in _NEEDS_COPY:
            raise explained(error, path) from error
        with _private_copy(path) as copy, closing(copy) as connection:
            yield connection
        return
    try:
        yield connection
    finally:
        connection.close()
        if not had_log:
            _tidy(path)


@contextmanager
def writing(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that may write, with `BEGIN` left to the caller; the file must exist.

    Raises:
        NotFoundError: no file at `path`.
        InvalidInputError: the file is no SQLite database.
        DamagedError: its pages are broken.
        UnavailableError: it is locked for longer than `WAIT_SECONDS`, or not writable.
    """
    _must_be_file(path)
    try:
        connection = _connected(path, "rw")
    except sqlite3.Error as error:
        raise explained(error, path) from error
    with closing(connection):
        yield connection


def explained(error: sqlite3.Error, path: Path) -> TruingError:
    """The error as ours, by SQLite's result code."""
    code = _primary(error)
    if code == sqlite3.SQLITE_NOTADB:
        return InvalidInputError(
            f"`{path}` is not an SQLite database",
            hint="give the path of the app's database file",
        )
    if code == sqlite3.SQLITE_CORRUPT:
        return DamagedError(
            f"`{path}` is damaged: {error}",
            hint="repair it with `sqlite3 FILE .recover` into a new file, then import that",
        )
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return UnavailableError(
            f"`{path}` has been locked by another program for {WAIT_SECONDS:g} s",
            hint="close the program that writes to it, or try again",
        )
    return UnavailableError(
        f"`{path}` cannot be used: {error}",
        hint="check the permissions of the file and its folder, and the room on the disk",
    )


def _primary(error: sqlite3.Error) -> int:
    # Errors raised by the module itself, not by SQLite, carry no code.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _must_be_file(path: Path) -> None:
    if not path.exists():
        raise NotFoundError(f"there is no file `{path}`", hint="check the path")
    if not path.is_file():
        raise InvalidInputError(
            f"`{path}` is a folder, not a database file",
            hint="give the path of the database file in it",
        )


def _connected(path: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode={mode}",
        uri=True,
        timeout=WAIT_SECONDS,
        isolation_level=None,
    )
    try:
        connection.text_factory = bytes
        connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
    except BaseException:
        connection.close()
        raise
    return connection


def _log_of(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def _tidy(path: Path) -> None:
    # Reading a database in WAL mode leaves an empty log behind when nobody else has it open; the
    # last connection that may write takes it away. There is nothing in it to be written.
    log = _log_of(path)
    if log.exists() and log.stat().st_size == 0:
        try:
            _connected(path, "rw").close()
        except sqlite3.Error:
            return  # the empty log stays: harmless, the app reuses it


@contextmanager
def _private_copy(path: Path) -> Iterator[sqlite3.Connection]:
    with tempfile.TemporaryDirectory(prefix="truing-") as folder:
        try:
            copy = _copied(path, Path(folder))
        except OSError as error:
            raise UnavailableError(
                f"`{path}` cannot be read: {error.strerror or error}",
                hint="check the permissions of the file and its folder",
            ) from error
        try:
            connection = _connected(copy, "rw")
        except sqlite3.Error as error:
            raise explained(error, path) from error
        yield connection


def _copied(path: Path, folder: Path) -> Path:
    for _ in range(COPY_ATTEMPTS):
        before = file_marks(path)
        for suffix in ("", "-wal", "-journal"):
            source = path.with_name(path.name + suffix)
            target = folder / (path.name + suffix)
            target.unlink(missing_ok=True)
            if source.exists():
                shutil.copyfile(source, target)
        if file_marks(path) == before:
            return folder / path.name
    raise UnavailableError(
        f"`{path}` changes faster than it can be copied",
        hint="close the program that writes to it, or allow writing to its folder",
    )


def file_marks(path: Path) -> tuple[tuple[int, int, int], ...]:
    """Inode, size and time of change (ns) of the database and its logs; zeros for those missing
    or empty. Asks the file system only: opening the file by hand would drop SQLite's locks.
    """
    marks = []
    for suffix in ("", "-wal", "-journal"):
        try:
            found = path.with_name(path.name + suffix).stat()
        except FileNotFoundError:
            marks.append((0, 0, 0))
            continue
        held = found.st_size > 0
        marks.append((found.st_ino, found.st_size, found.st_mtime_ns) if held else (0, 0, 0))
    return tuple(marks)
