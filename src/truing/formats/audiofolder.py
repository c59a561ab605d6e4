"""A folder of sound files with `metadata.jsonl` or `metadata.csv`, as Hugging Face's `audiofolder`.

Reading takes a table in the folder and in any folder below it (`train/`, `test/`, …), each with
file names relative to itself. A sound file that no table above it names is a failed row; where
there is no table, it is a row without truth. Names and meanings of the columns: see `columns`.
Below a folder named after a split, the context says so under `split`.

Writing gives `metadata.jsonl` (see `audiofolder_table`) and `<uid>.flac` beside it, under a folder
per split for rows that have one. Equal rows give equal bytes. The columns are `file_name`,
`transcription`, `raw`, `corrected`, `state`, `prediction_known`, `confidence`, `speaker`,
`session`, `timestamp`, `trained` and `source`; what the app knew besides (`context`) is not
handed out.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from truing.domain.clock import to_iso
from truing.domain.errors import InvalidInputError, NotFoundError
from truing.domain.format import ExportedRow, ExportMedia, FailedRow, ImportedRow
from truing.formats.audiofolder_table import (
    TABLE,
    Note,
    SplitTable,
    as_it_was,
    read_note,
    write_note,
)
from truing.formats.columns import FILE, Cells, Name, named_file, table_rows
from truing.formats.exported_audio import sound_file
from truing.formats.lines import Line, csv_lines, csv_shape, json_lines
from truing.formats.target import file_stem, whole, write_new

ROLE = "audio"
TABLES = (TABLE, "metadata.csv")
"""The first one present in a folder counts."""
SOUND = {
    *(".wav", ".w64", ".rf64", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".m4a", ".aac"),
    *(".aif", ".aiff", ".au", ".caf", ".sph", ".wma", ".webm"),
}
"""Endings by which a file counts as sound when no table names it."""
SPLITS = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
    "eval": "test",
    "evaluation": "test",
}
"""Folder names that Hugging Face takes for splits."""


class AudioFolder:
    """A folder of sound files and a table that says what is spoken in them."""

    name = "audiofolder"
    modality = "speech"
    summary = "folder of sound files with metadata.jsonl or metadata.csv (Hugging Face)"

    def read(self, path: Path) -> Iterator[ImportedRow | FailedRow]:
        """Rows of the tables in their order, then files no table names, by name.

        The key is the file's name relative to `path`; the medium is its path.

        Raises:
            NotFoundError: nothing at `path`.
            InvalidInputError: no folder, neither sound nor table in it, or a table without a
                column for the file.
        """
        if not path.exists():
            raise NotFoundError(f"there is no folder `{path}`", hint="check the path")
        if not path.is_dir():
            raise InvalidInputError(
                f"`{path}` is not a folder", hint="name the folder that holds the sound files"
            )
        found = _scan(path)
        if not found.tables and not found.sounds:
            raise InvalidInputError(
                f"`{path}` holds neither sound files nor `metadata.jsonl` or `metadata.csv`",
                hint="name the folder that holds them; a `metadata.parquet` must be converted",
            )
        # Opened here, so that a table without a column for the file is refused at once.
        note = read_note(path)
        readers = [(table, _table_lines(path, table, note)) for table in found.tables]
        return _rows(path, readers, found.sounds)

    def write(self, rows: Iterable[ExportedRow], media: ExportMedia, target: Path) -> int:
        """Writes the folder; rows without sound are left out and not counted.

        Raises:
            ConflictError: the target exists and is not empty.
            InvalidInputError: a uid that cannot be a file name or comes twice.
            DamagedError: a span of sound that cannot be decoded.
            UnavailableError: the target cannot be written.
        """
        with whole(target) as draft, ExitStack() as stack:
            folder = draft / target.name
            tables: dict[Path, SplitTable] = {folder: _new_table(folder, draft, stack)}
            count = 0
            for row in rows:
                sound = row.media.get(ROLE)
                if sound is None:
                    continue
                place = folder if row.split is None else folder / row.split.value
                if place not in tables:
                    tables[place] = _new_table(place, draft, stack)
                data, ending = sound_file(sound, media)
                name = file_stem(row.uid) + ending
                write_new(place / name, data, row.uid)
                tables[place].add(_cells(row, name))
                count += 1
            _finish(folder, tables)
        return count


@dataclass(frozen=True, slots=True)
class _Found:
    tables: list[Path]
    sounds: list[tuple[str, str | None]]
    """Names relative to the root, each with the table that should name it."""


def _scan(root: Path) -> _Found:
    found = _Found([], [])
    governing: dict[str, str | None] = {}
    for place, folders, files in os.walk(root):
        folders[:] = sorted(one for one in folders if not one.startswith((".", "__MACOSX")))
        prefix = Path(place).relative_to(root)
        table = next((one for one in TABLES if one in files), None)
        if table is not None:
            found.tables.append(Path(place, table))
        owner = (prefix / table).as_posix() if table else governing.get(str(Path(place).parent))
        governing[place] = owner
        found.sounds.extend(
            ((prefix / one).as_posix(), owner)
            for one in sorted(files)
            if not one.startswith(".") and Path(one).suffix.lower() in SOUND
        )
    return found


def _table_lines(root: Path, table: Path, note: Note) -> Iterator[Line]:
    if table.name != TABLE:
        return csv_lines(table, csv_shape(table, FILE))
    lines = json_lines(table)
    folder = table.parent.relative_to(root)
    return lines if note == Note() else (as_it_was(line, note, folder) for line in lines)


def _rows(
    root: Path,
    tables: list[tuple[Path, Iterator[Line]]],
    sounds: list[tuple[str, str | None]],
) -> Iterator[ImportedRow | FailedRow]:
    listed: set[str] = set()
    for table, lines in tables:
        named = partial(_named, root, table.parent)
        for row in table_rows(lines, table.relative_to(root).as_posix(), named, listed):
            yield _with_split(row) if isinstance(row, ImportedRow) else row
    for name, owner in sounds:
        if name in listed:
            continue
        if owner is not None:
            yield FailedRow(key=name, reason=f"no line of `{owner}` names `{name}`")
        else:
            yield ImportedRow(key=name, media={ROLE: root / name}, context=_split_of(name))


def _named(root: Path, folder: Path, cells: Cells) -> Name:
    file = named_file(cells, folder)
    return Name(key=file.relative_to(root).as_posix(), media={ROLE: file})


def _with_split(row: ImportedRow) -> ImportedRow:
    split = _split_of(row.key)
    return replace(row, context=split | dict(row.context)) if split else row


def _split_of(name: str) -> dict[str, object]:
    parts = name.lower().split("/")[:-1]
    # Hugging Face also looks below a folder `data`.
    top = parts[1:2] if parts[:1] == ["data"] else parts[:1]
    split = SPLITS.get(top[0]) if top else None
    return {} if split is None else {"split": split}


def _new_table(place: Path, draft: Path, stack: ExitStack) -> SplitTable:
    place.mkdir()
    table = SplitTable(draft / f".{place.name}.rest")
    stack.callback(table.close)
    return table


def _finish(folder: Path, tables: dict[Path, SplitTable]) -> None:
    filled = {column for table in tables.values() for column in table.filled}
    placeholders = {}
    for place, table in tables.items():
        if place == folder and len(tables) > 1 and table.first_file is None:
            continue  # an empty table above the splits would govern them
        columns = table.finish(place / TABLE, filled)
        if columns:
            name = (place / str(table.first_file)).relative_to(folder).as_posix()
            placeholders[name] = columns
    padded = any(table.padded for table in tables.values())
    write_note(folder, Note(padded=padded, placeholders=placeholders))


def _cells(row: ExportedRow, name: str) -> dict[str, object]:
    return {
        "file_name": name,
        "transcription": row.truth,
        "raw": row.raw,
        "corrected": row.corrected,
        "state": row.state.value,
        "prediction_known": row.prediction_known,
        "confidence": None if row.confidence is None else float(row.confidence),
        "speaker": row.subject,
        "session": row.session,
        "timestamp": _time(row.captured_at),
        "trained": row.trained,
        "source": row.source,
    }


def _time(instant: int) -> str:
    # Always with a fraction: without one the loader counts the text as a time, without zone.
    text = to_iso(instant)
    return text if "." in text else text.replace("Z", ".000000Z")
