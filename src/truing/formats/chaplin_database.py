"""Chaplin's training data as a database: the table `training_samples` and a folder of videos."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

from truing.domain.errors import InvalidInputError
from truing.domain.format import ExportedRow, ExportMedia, FailedRow, ImportedRow
from truing.domain.review import State
from truing.formats.chaplin_record import (
    NOBODY,
    SOURCE,
    VIDEOS,
    VideoNames,
    exported,
    imported,
    record_of,
)
from truing.formats.columns import CellError
from truing.formats.exported_video import ROLE, video_file
from truing.formats.lines import json_value
from truing.formats.sittings import Sittings
from truing.formats.sqlite_file import explained, reading
from truing.formats.target import whole

TABLE = "training_samples"
SCHEMA = """CREATE TABLE training_samples (
    id TEXT PRIMARY KEY,
    video_path TEXT NOT NULL,
    raw_output TEXT,
    llm_correction TEXT,
    ground_truth TEXT,
    timestamp REAL,
    speaker_id TEXT,
    context TEXT,
    was_correct INTEGER
)"""
COLUMNS = (
    "id",
    "video_path",
    "raw_output",
    "llm_correction",
    "ground_truth",
    "timestamp",
    "speaker_id",
    "context",
    "was_correct",
)
_PLACES = ", ".join("?" * len(COLUMNS))
_INSERT = f"INSERT INTO {TABLE} ({', '.join(COLUMNS)}) VALUES ({_PLACES})"  # noqa: S608 - constants
_SELECT = f"SELECT {', '.join(COLUMNS)} FROM {TABLE} ORDER BY rowid"  # noqa: S608 - constants


class ChaplinDatabase:
    """The SQLite form of Chaplin's training data."""

    name = "chaplin-sqlite"
    modality = "lipreading"
    summary = "SQLite form of Chaplin's training data (table training_samples) with its videos"
    keys_are_unique = True

    def read(self, path: Path) -> Iterator[ImportedRow | FailedRow]:
        """Rows in the order they were written; videos are looked for in `videos` beside the file.

        Raises:
            NotFoundError: no file at `path`.
            InvalidInputError: no SQLite database, or one without the table.
            DamagedError: broken pages.
            UnavailableError: locked for too long, or unreadable.
        """
        with reading(path) as connection:
            try:
                columns = {
                    row[1].decode() for row in connection.execute(f"PRAGMA table_info({TABLE})")
                }
            except sqlite3.Error as error:
                raise explained(error, path) from error
        missing = [name for name in COLUMNS if name not in columns]
        if missing:
            named = ", ".join(f"`{name}`" for name in missing)
            raise InvalidInputError(
                f"`{path}` is not Chaplin's training data: its table `{TABLE}` lacks {named}",
                hint="a folder with samples.jsonl is the format `chaplin`",
            )
        return _rows(path)

    def write(self, rows: Iterable[ExportedRow], media: ExportMedia, target: Path) -> int:
        """Writes the database and a folder `videos` beside it; see `Chaplin.write`.

        Raises:
            ConflictError: the target or the folder exists and is not empty.
            InvalidInputError: a row that is a span of its video.
            UnavailableError: the target cannot be written.
        """
        names, count = VideoNames(), 0
        videos = target.with_name(VIDEOS)
        with whole(target, videos) as draft, closing(sqlite3.connect(draft / target.name)) as file:
            (draft / VIDEOS).mkdir()
            file.execute(SCHEMA)
            for row in rows:
                if ROLE not in row.media or row.state is State.REJECTED:
                    continue
                data, ending = video_file(row, media)
                name = names.of(row, ending)
                (draft / VIDEOS / name).write_bytes(data)
                file.execute(_INSERT, _cells(row, f"{VIDEOS}/{name}"))
                count += 1
            file.commit()
        return count


def _cells(row: ExportedRow, video_path: str) -> list[object]:
    record = exported(row, video_path)
    metadata = dict(record.metadata)
    speaker, context = metadata.pop("speaker"), metadata.pop("context")
    if metadata:
        # The table has one column for all that is known of the moment.
        context = json.dumps({"context": context, **metadata}, ensure_ascii=False)
    cells = {**record.as_dict(), "speaker_id": speaker, "context": context}
    return [cells[name] for name in COLUMNS]


def _rows(path: Path) -> Iterator[ImportedRow | FailedRow]:
    sittings = Sittings(SOURCE)
    with reading(path) as connection:
        try:
            for row in connection.execute(_SELECT):
                yield _imported(dict(zip(COLUMNS, row, strict=True)), path, sittings)
        except sqlite3.Error as error:
            raise explained(error, path) from error


def _imported(cells: dict[str, object], path: Path, sittings: Sittings) -> ImportedRow | FailedRow:
    texts = {
        name: value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        for name, value in cells.items()
    }
    metadata = {"speaker": texts.pop("speaker_id") or NOBODY, **_context(texts.pop("context"))}
    try:
        record = record_of({**texts, "metadata": metadata})
    except CellError as error:
        return FailedRow(key=str(texts["id"]), reason=str(error))
    return imported(record, path.parent / VIDEOS, sittings)


def _context(cell: object) -> dict[str, object]:
    if not isinstance(cell, str):
        return {}
    if cell.startswith("{"):
        try:
            told = json_value(cell)
        except ValueError:
            return {"context": cell}
        if isinstance(told, dict) and "context" in told:
            return told
    return {"context": cell}
