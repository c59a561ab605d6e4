"""CSV and TSV tables with the files beside them: read from anywhere, written for spreadsheets.

Reading finds the delimiter (`,` tab `;` `|`), takes the columns of `columns` and file names
relative to the table. Writing gives UTF-8 with a byte-order mark, which spreadsheets need, and
the files in a folder `NAME.media` beside the table; or a folder that holds both.

A spreadsheet runs a cell that begins with `=`, `+`, `-`, `@`, tab or carriage return as a formula
(CWE-1236). Text cells that begin so, or with an apostrophe, are written with an apostrophe before
them; an empty text, unlike a missing one, is a lone apostrophe. The first column, `truing`, marks
such a table, and only there reading takes the apostrophes off again.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from truing.domain.clock import to_iso
from truing.domain.digest import digest_bytes, digest_file
from truing.domain.format import (
    ANY_MODALITY,
    ExportedRow,
    ExportMedia,
    FailedRow,
    ImportedRow,
)
from truing.formats.columns import FILE, CellError, Cells, Name, found_file, named_file, table_rows
from truing.formats.exported_audio import sound_file
from truing.formats.exported_video import video_file
from truing.formats.lines import Line, csv_lines, csv_shape, must_be_file
from truing.formats.target import file_stem, table_at, whole_table, write_new

MAIN = ("audio", "video")
"""The media of which a row of the table holds one file; others of a sample stay out."""
TABLE = "rows.csv"
ENDINGS = (".csv", ".tsv", ".txt")
MARK = "truing"
VERSION = "1"
COLUMNS = (
    MARK,
    "id",
    "uid",
    "modality",
    "role",
    "file_name",
    "digest",
    "media_type",
    "state",
    "transcription",
    "raw",
    "corrected",
    "prediction_known",
    "confidence",
    "rating",
    "speaker",
    "session",
    "timestamp",
    "trained",
    "source",
    "source_key",
    "split",
    "context",
)
TEXTS = {
    *("uid", "transcription", "raw", "corrected", "speaker", "session"),
    *("source", "source_key", "context"),
}
"""Columns whose cells a person or another program worded."""
FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")


class CsvTable:
    """A table of rows, one line each, with the sound in files beside it."""

    name = "csv"
    modality = ANY_MODALITY
    summary = "CSV or TSV table with the media in files beside it"

    def __init__(self, *, role: str = "audio") -> None:
        self._role = role

    def read(self, path: Path) -> Iterator[ImportedRow | FailedRow]:
        """Rows from top to bottom. The key is the `uid` of our own tables, else the file name.

        Raises:
            NotFoundError: no file at `path`.
            InvalidInputError: the first line has no column for the file.
        """
        path = table_at(path, TABLE)
        must_be_file(path, "CSV")
        shape = csv_shape(path, FILE)
        lines = csv_lines(path, shape)
        own = MARK in shape.columns
        named = partial(_own_named if own else _named, path.parent, self._role)
        lines = map(_unguarded_line, lines) if own else lines
        return table_rows(lines, path.name, named, set())

    def write(self, rows: Iterable[ExportedRow], media: ExportMedia, target: Path) -> int:
        """Writes the table and its folder of files, which is missing when there are none.

        A target that ends in `.csv`, `.tsv` (then with tabs) or `.txt` is the table; any other
        is a folder for both.

        Raises:
            ConflictError: the table or a folder exists and is not empty.
            InvalidInputError: a uid that cannot be a file name or comes twice.
            DamagedError: a span of sound that cannot be decoded.
            UnavailableError: the target cannot be written.
        """
        count = 0
        delimiter = "\t" if target.suffix.lower() == ".tsv" else ","
        with (
            whole_table(target, TABLE, ENDINGS) as (path, files),
            path.open("w", encoding="utf-8-sig", newline="") as stream,
        ):
            table = csv.writer(stream, delimiter=delimiter, lineterminator="\r\n")
            table.writerow(COLUMNS)
            for row in rows:
                table.writerow(_line(row, media, files))
                count += 1
        return count


def guarded(text: str | None) -> str:
    """A text cell that no spreadsheet runs as a formula; `unguarded` takes it back."""
    if text is None:
        return ""
    return "'" + text if not text or text.startswith(FORMULA) else text


def unguarded(cell: str | None) -> str | None:
    """The text behind a cell of our own table."""
    return cell.removeprefix("'") if cell else None


def _line(row: ExportedRow, media: ExportMedia, folder: Path) -> list[object]:
    role = next((one for one in MAIN if one in row.media), None)
    name, digest, kind = (None, None, None) if role is None else _written(row, role, media, folder)
    cells: dict[str, object] = {
        MARK: VERSION,
        "id": row.id,
        "uid": row.uid,
        "modality": row.modality,
        "role": role,
        "file_name": name,
        "digest": digest,
        "media_type": kind,
        "state": row.state.value,
        "transcription": row.truth,
        "raw": row.raw,
        "corrected": row.corrected,
        "prediction_known": str(row.prediction_known).lower(),
        "confidence": row.confidence,
        "rating": row.rating,
        "speaker": row.subject,
        "session": row.session,
        "timestamp": to_iso(row.captured_at),
        "trained": str(row.trained).lower(),
        "source": row.source,
        "source_key": row.source_key,
        "split": None if row.split is None else row.split.value,
        "context": json.dumps(dict(row.context), ensure_ascii=False, allow_nan=False),
    }
    return [_cell(column, cells[column]) for column in COLUMNS]


def _cell(column: str, value: object) -> object:
    text = value if isinstance(value, str) else None
    return guarded(text) if column in TEXTS else value


def _written(row: ExportedRow, role: str, media: ExportMedia, folder: Path) -> tuple[str, str, str]:
    medium = row.media[role]
    data, ending = video_file(row, media) if role == "video" else sound_file(medium, media)
    folder.mkdir(exist_ok=True)
    name = file_stem(row.uid) + ending
    write_new(folder / name, data, row.uid)
    cut = medium.start is not None or medium.end is not None
    return f"{folder.name}/{name}", digest_bytes(data), "audio/flac" if cut else medium.media_type


def _unguarded_line(line: Line) -> Line:
    cells = {
        name: unguarded(cell) if name in TEXTS and isinstance(cell, str) else cell
        for name, cell in line.cells.items()
    }
    return replace(line, cells=cells)


def _named(folder: Path, role: str, cells: Cells) -> Name:
    file = named_file(cells, folder)
    return Name(key=file.relative_to(folder).as_posix(), media={role: file})


def _own_named(folder: Path, role: str, cells: Cells) -> Name:
    uid, name, digest = cells.text("uid"), cells.text("file_name"), cells.text("digest")
    cells.drop(MARK, "id", "media_type", "source", "source_key", "split")
    if uid is None:
        raise CellError("it has no `uid`")
    modality, role = cells.text("modality"), cells.text("role") or role
    if name is None:
        return Name(key=uid, media={}, modality=modality)
    file = found_file(folder, name)
    if digest is not None and digest_file(file) != digest:
        raise CellError(f"the bytes of `{name}` are not those that were exported")
    return Name(key=uid, media={role: file}, modality=modality)
