"""The table `s2s_training_data`: its rows as they lie there, found, inserted, brought up to date.

Rows are read in batches of a few megabytes: short enough that the app, which waits five seconds
for a lock, hardly waits, and long enough that an app which writes all the time cannot starve us.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from truing.formats.s2s_blob import LIMIT

TABLE = "s2s_training_data"
COLUMNS = ("id", "transcript", "audio_blob", "is_reviewed", "is_trained", "timestamp")
SCHEMA = """CREATE TABLE s2s_training_data (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            transcript TEXT,
            audio_blob BLOB,
            is_reviewed INTEGER,
            is_trained INTEGER,
            timestamp DATETIME DEFAULT CURRENT_TIMESTAMP
        )"""
"""As the app creates it."""
INSERT = """INSERT INTO s2s_training_data
    (transcript, audio_blob, is_reviewed, is_trained, timestamp) VALUES (?, ?, ?, ?, ?)"""
BATCH_ROWS = 200
BATCH_BYTES = 4 << 20
"""Whichever is reached first ends a batch; a single row may be larger."""

_COLUMNS = "PRAGMA table_info(s2s_training_data)"
_LAST = "SELECT max(id) FROM s2s_training_data"
_IDS = "SELECT id FROM s2s_training_data WHERE id > ? AND id <= ? ORDER BY id LIMIT ?"
# A blob beyond the limit is never read: its length stands in the row's header.
_ROW = """SELECT transcript, CASE WHEN length(audio_blob) <= ? THEN audio_blob END,
    coalesce(length(audio_blob), 0), typeof(audio_blob), is_reviewed, is_trained,
    CAST(timestamp AS TEXT) FROM s2s_training_data WHERE id = ?"""
# Texts are read as bytes, which would be bound, and compared, as blobs.
_UPDATE = """UPDATE s2s_training_data SET transcript = ?, is_reviewed = 1, is_trained = ?
    WHERE id = ? AND transcript IS CAST(? AS TEXT) AND is_reviewed IS ? AND is_trained IS ?
    AND coalesce(length(audio_blob), 0) = ? AND CAST(timestamp AS TEXT) IS CAST(? AS TEXT)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRow:
    """One row, its cells as SQLite gives them; texts are bytes."""

    id: int
    transcript: object
    blob: bytes | None
    """None when there is none or it is longer than `LIMIT`."""
    size: int
    """Bytes of the blob, 0 without one."""
    kind: str
    """SQLite's type of the blob cell: `blob`, `null`, or something the app never wrote."""
    reviewed: object
    trained: object
    timestamp: bytes | None

    @property
    def key(self) -> str:
        """`id:12 hex digits` of time and sound: review and training leave them as they are, and
        a row that gets the same number after a reset of the table has others.
        """
        state = hashlib.sha256((self.timestamp or b"") + b"\n")
        state.update(self.blob if self.blob is not None else str(self.size).encode())
        return f"{self.id}:{state.hexdigest()[:12]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenRow:
    """A row whose pages are damaged."""

    id: int
    reason: str


def missing_columns(connection: sqlite3.Connection) -> list[str]:
    """Which of the app's columns the table lacks; all of them when there is no table."""
    found = connection.execute(_COLUMNS).fetchall()
    names = {name.decode("utf-8", "replace") for _, name, *_ in found}
    return [column for column in COLUMNS if column not in names]


def stored_rows(connection: sqlite3.Connection) -> Iterator[StoredRow | BrokenRow]:
    """All rows by id, up to the highest there is now; no lock is held while one is in use.

    Raises:
        sqlite3.Error: a lock that stays, or damage that hits more than single rows.
    """
    last = connection.execute(_LAST).fetchall()[0][0]
    after = -(1 << 63)
    while last is not None and after < last:
        connection.execute("BEGIN")
        try:
            batch = _batch(connection, after, last)
        finally:
            connection.execute("ROLLBACK")
        if not batch:
            return
        yield from batch
        after = batch[-1].id


def _batch(connection: sqlite3.Connection, after: int, last: int) -> list[StoredRow | BrokenRow]:
    batch: list[StoredRow | BrokenRow] = []
    held = 0
    for (number,) in connection.execute(_IDS, (after, last, BATCH_ROWS)).fetchall():
        try:
            row = stored_row(connection, number)
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_CORRUPT:
                raise
            batch.append(BrokenRow(id=number, reason=str(error)))
            continue
        if row is not None:
            batch.append(row)
            held += row.size
        if held >= BATCH_BYTES:
            break
    return batch


def stored_row(connection: sqlite3.Connection, number: int) -> StoredRow | None:
    """One row, None when there is none (any more)."""
    found = connection.execute(_ROW, (LIMIT, number)).fetchall()
    if not found:
        return None
    transcript, blob, size, kind, reviewed, trained, timestamp = found[0]
    return StoredRow(
        id=number,
        transcript=transcript,
        blob=blob,
        size=size,
        kind=kind.decode("ascii"),
        reviewed=reviewed,
        trained=trained,
        timestamp=timestamp,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a row was when it was looked at, and what it shall be."""

    seen: StoredRow
    transcript: str
    trained: bool

    @property
    def differs(self) -> bool:
        """Whether there is anything to write."""
        wanted = (self.transcript.encode(), 1, self._flag())
        return (self.seen.transcript, self.seen.reviewed, self.seen.trained) != wanted

    def _flag(self) -> object:
        seen = self.seen.trained
        return 1 if self.trained else (0 if seen is None else seen)

    def apply(self, connection: sqlite3.Connection) -> int:
        """Writes it, unless the row is no longer as it was seen; returns how many changed."""
        seen = self.seen
        was = (seen.id, seen.transcript, seen.reviewed, seen.trained, seen.size, seen.timestamp)
        return connection.execute(_UPDATE, (self.transcript, self._flag(), *was)).rowcount
