"""CSV and TSV tables with the files beside them: read from anywhere, written for spreadsheets.

Reading finds the delimiter (`,` tab `;` `|`), takes the columns of `columns` and file names
relative to the table. Writing gives UTF-8 with a byte-order mark, which spreadsheets need, and
the sound files in a folder `NAME.media` beside the table; or a folder that holds both.

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
from truing.domain.format import ExportedRow, ExportMedia, FailedRow, ImportedRow
from truing.formats.columns import FILE, CellError, Cells, found_file, named_file, table_rows
from truing.formats.exported_audio import sound_file
from truing.formats.lines import Line, csv_lines, csv_shape, must_be_file
from truing.formats.target import file_stem, table_at, whole_table, write_new

ROLE = "audio"
TABLE = "rows.csv"
ENDINGS = (".csv", ".tsv", ".txt")
MARK = "truing"
VERSION = "1"
COLUMNS = (
    MARK,
    "id",
    "uid",
    "file_name",
    "digest",
    "media_type",
    "state",
    "transcription",
    "raw",
    "corrected",
    "prediction_known",
    "confidence",
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
    modality = "speech"
    summary = "CSV or TSV table with sound files beside it"

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
        named = partial(_own_named if own else _named, path.parent)
        lines = map(_unguarded_line, lines) if own else lines
        return table_rows(lines, path.name, named, set())

    def write(self, rows: Iterable[ExportedRow], media: ExportMedia, target: Path) -> int:
        """Writes the table and its folder of sound files, which is missing when there are none.

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
            whole_table(target, TABLE, ENDINGS) as (path, sounds),
            path.open("w", encoding="utf-8-sig", newline="") as stream,
        ):
            table = csv.writer(stream, delimiter=delimiter, lineterminator="\r\n")
            table.writerow(COLUMNS)
            for row in rows:
                table.writerow(_line(row, media, sounds))
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
    name, digest, kind = _written(row, media, folder)
    cells: dict[str, object] = {
        MARK: VERSION,
        "id": row.id,
        "uid": row.uid,
        "file_name": name,
        "digest": digest,
        "media_type": kind,
        "state": row.state.value,
        "transcription": row.truth,
        "raw": row.raw,
        "corrected": row.corrected,
        "prediction_known": str(row.prediction_known).lower(),
        "confidence": row.confidence,
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


def _written(
    row: ExportedRow, media: ExportMedia, folder: Path
) -> tuple[str | None, str | None, str | None]:
    sound = row.media.get(ROLE)
    if sound is None:
        return None, None, None
    data, ending = sound_file(sound, media)
    folder.mkdir(exist_ok=True)
    name = file_stem(row.uid) + ending
    write_new(folder / name, data, row.uid)
    cut = sound.start is not None or sound.end is not None
    return f"{folder.name}/{name}", digest_bytes(data), "audio/flac" if cut else sound.media_type


def _unguarded_line(line: Line) -> Line:
    cells = {
        name: unguarded(cell) if name in TEXTS and isinstance(cell, str) else cell
        for name, cell in line.cells.items()
    }
    return replace(line, cells=cells)


def _named(folder: Path, cells: Cells) -> tuple[str, dict[str, object]]:
    file = named_file(cells, folder)
    return file.relative_to(folder).as_posix(), {ROLE: file}


def _own_named(folder: Path, cells: Cells) -> tuple[str, dict[str, object]]:
    uid, name, digest = cells.text("uid"), cells.text("file_name"), cells.text("digest")
    cells.drop(MARK, "id", "media_type", "source", "source_key", "split")
    if uid is None:
        raise CellError("it has no `uid`")
    if name is None:
        return uid, {}
    file = found_file(folder, name)
    if digest is not None and digest_file(file) != digest:
        raise CellError(f"the bytes of `{name}` are not those that were exported")
    return uid, {ROLE: file}
