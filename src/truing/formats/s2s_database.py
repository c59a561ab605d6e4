"""The S2S app's SQLite database: read in any of its four generations, written, followed.

Scope: the table `s2s_training_data`, whose columns never changed. Blobs: see `s2s_blob`. The
table `s2s_transcript` of the first generation is left alone: its ids are random and its lengths
those of the spoken answer, so nothing ties its rows to a recording.

Known trade-offs: the app overwrites a transcript when it is reviewed, so the recognizer's text
of reviewed rows is lost (`prediction_known=False`). A session is named after its first row: when
that row is deleted in the app, rows imported later get another name for the same sitting.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from truing.domain.clock import MICROSECONDS, Clock, SystemClock, from_iso, to_iso
from truing.domain.errors import InvalidInputError, NotFoundError
from truing.domain.format import ExportedRow, ExportMedia, FailedRow, ImportedRow
from truing.domain.review import State
from truing.formats.exported_audio import int16_mono
from truing.formats.s2s_blob import LIMIT, RATE, BlobError, decoded, encoded
from truing.formats.s2s_table import (
    INSERT,
    SCHEMA,
    TABLE,
    BrokenRow,
    Change,
    StoredRow,
    missing_columns,
    stored_row,
    stored_rows,
)
from truing.formats.sittings import Sittings
from truing.formats.sqlite_file import explained, file_marks, reading, writing
from truing.formats.target import whole

ROLE = "audio"
SETTLED = 2 * MICROSECONDS
"""On some file systems two changes closer than this leave the same time on a file."""


class S2SDatabase:
    """The database of the S2S app (m4iple/S2S).

    Args:
        gap_minutes: a longer pause between two rows starts a new session.
        clock: tells how fresh a change is, for `changed_since`.
    """

    name = "s2s"
    modality = "speech"
    summary = "database of the S2S speech app (SQLite, table s2s_training_data)"
    keys_are_unique = True
    """A key covers sound and time: a moved or copied database holds the same rows."""

    def __init__(self, *, gap_minutes: float = 30.0, clock: Clock | None = None) -> None:
        self._gap_minutes = gap_minutes
        self._clock = clock or SystemClock()

    def read(self, path: Path) -> Iterator[ImportedRow | FailedRow]:
        """Rows by id, those there were when reading began; the app may go on writing.

        The sound is `(int16 array of shape (n,), 16000)` under the role `audio`; a row whose
        blob is NULL or empty has no media. A time that cannot be read is kept as `timestamp`
        in the context.

        Raises:
            NotFoundError: no file at `path`.
            InvalidInputError: no SQLite database, or one without the table and its columns.
            DamagedError: broken pages that hold more than single rows.
            UnavailableError: locked for too long, or unreadable.
        """
        with reading(path) as connection, _explained(path):
            _check_columns(connection, path)
        return self._rows(path)

    def write(self, rows: Iterable[ExportedRow], media: ExportMedia, target: Path) -> int:
        """Writes a database the app can be started with, numbered from 1 in the order given.

        Decided rows are reviewed ones with the truth as transcript; others carry the
        recognizer's text. Rejected rows stay out, as the app has no such state. Times lose their
        fraction of a second; sound is brought to int16 mono at 16 kHz.

        Raises:
            ConflictError: the target exists and is not empty.
            DamagedError: sound that cannot be decoded.
            UnavailableError: the target cannot be written.
        """
        kept = (row for row in rows if row.state is not State.REJECTED)
        with whole(target) as draft, _explained(target):
            connection = sqlite3.connect(draft / target.name)
            try:
                connection.execute(SCHEMA)
                cells = (_cells(row, media) for row in kept)
                count = connection.executemany(INSERT, cells).rowcount
                connection.commit()
            finally:
                connection.close()
        return max(count, 0)

    def changed_since(self, path: Path, mark: str | None) -> tuple[bool, str]:
        """Compares size and time of the file and its logs, without opening any.

        A change so fresh that a second one could hide behind it gives a mark that is outdated
        as soon as the file has settled, so that nothing is ever missed.

        Raises:
            NotFoundError: no file at `path`.
        """
        if not path.is_file():
            raise NotFoundError(f"there is no file `{path}`", hint="check the path")
        marks = file_marks(path)
        newest = max(time for _, _, time in marks) // 1000
        fresh = ";fresh" if self._clock.now() - newest < SETTLED else ""
        new = ";".join(":".join(map(str, one)) for one in marks) + fresh
        return new != mark, new

    def write_back(self, path: Path, rows: Iterable[ExportedRow]) -> int:
        """Brings truths and the trained flag of decided rows into the app's table.

        A row is found by its `source_key`. Sounds are compared before the write lock is taken,
        and a row the app changes in between is left for the next call, so that the lock lasts
        milliseconds. The flag `is_trained` is only ever raised; NULL, which the app's training
        passes over, becomes 0.

        Raises:
            NotFoundError: no file at `path`.
            InvalidInputError: no such database.
            UnavailableError: locked for too long, or not writable.
        """
        with writing(path) as connection, _explained(path):
            _check_columns(connection, path)
            found = (_change(connection, row) for row in rows)
            changes = [change for change in found if change is not None and change.differs]
            if not changes:
                return 0
            # Checkpoints are the app's business.
            connection.execute("PRAGMA wal_autocheckpoint = 0")
            connection.execute("BEGIN IMMEDIATE")
            with connection:
                return sum(change.apply(connection) for change in changes)

    def _rows(self, path: Path) -> Iterator[ImportedRow | FailedRow]:
        sittings = Sittings("s2s", self._gap_minutes)
        with reading(path) as connection:
            for stored in _explained_rows(connection, path):
                if isinstance(stored, BrokenRow):
                    reason = f"row {stored.id} is damaged: {stored.reason}"
                    yield FailedRow(key=str(stored.id), reason=reason)
                else:
                    yield _imported(stored, sittings)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise explained(error, path) from error


def _check_columns(connection: sqlite3.Connection, path: Path) -> None:
    missing = missing_columns(connection)
    if missing:
        named = ", ".join(f"`{column}`" for column in missing)
        raise InvalidInputError(
            f"`{path}` is not the database of the S2S app: its table `{TABLE}` lacks {named}",
            hint="the app's `configs/database.toml` names its database under `path`",
        )


def _explained_rows(connection: sqlite3.Connection, path: Path) -> Iterator[StoredRow | BrokenRow]:
    with _explained(path):
        yield from stored_rows(connection)


def _imported(stored: StoredRow, sittings: Sittings) -> ImportedRow | FailedRow:
    instant, odd_time = _instant(stored.timestamp)
    session = sittings.of(instant)
    try:
        transcript = _text(stored.transcript)
        media = _media(stored)
    except (BlobError, UnicodeDecodeError) as error:
        return FailedRow(key=stored.key, reason=f"row {stored.id}: {error}")
    reviewed = _flag(stored.reviewed)
    return ImportedRow(
        key=stored.key,
        media=media,
        captured_at=instant,
        raw=None if reviewed else transcript,
        truth=transcript if reviewed else None,
        prediction_known=not reviewed,
        trained=_flag(stored.trained),
        session=session,
        context={} if odd_time is None else {"timestamp": odd_time},
    )


def _media(stored: StoredRow) -> dict[str, object]:
    if stored.kind not in ("blob", "null"):
        raise BlobError(f"its sound is of SQLite's type `{stored.kind}`, not a blob")
    if stored.blob is None and stored.size:
        raise BlobError(f"its sound has {stored.size} bytes, more than {LIMIT}")
    samples = decoded(stored.blob) if stored.blob else None
    return {} if samples is None or samples.size == 0 else {ROLE: (samples, RATE)}


def _instant(timestamp: bytes | None) -> tuple[int | None, str | None]:
    if timestamp is None:
        return None, None
    text = timestamp.decode("utf-8", "replace")
    try:
        return from_iso(text), None
    except (ValueError, OverflowError):
        return None, text


def _text(cell: object) -> str | None:
    if isinstance(cell, bytes):
        return cell.decode()
    return None if cell is None else str(cell)


def _flag(cell: object) -> bool:
    # NULL, as every version before 2026 leaves it, counts as false.
    return isinstance(cell, (int, float)) and cell != 0


def _cells(row: ExportedRow, media: ExportMedia) -> tuple[object, ...]:
    decided = row.state.has_truth and row.truth is not None
    transcript = row.truth if decided else (row.corrected if row.raw is None else row.raw)
    sound = row.media.get(ROLE)
    blob = None if sound is None else encoded(int16_mono(sound, media, RATE))
    time = to_iso(row.captured_at)[:19].replace("T", " ")
    return transcript, blob, int(decided), int(row.trained), time


def _change(connection: sqlite3.Connection, row: ExportedRow) -> Change | None:
    number, _, _ = (row.source_key or "").partition(":")
    if not row.state.has_truth or row.truth is None or not number.isdecimal():
        return None
    stored = stored_row(connection, int(number))
    if stored is None or stored.key != row.source_key:
        return None
    return Change(seen=stored, transcript=row.truth, trained=row.trained)
