"""`metadata.jsonl` with the same type of column in every split, as Hugging Face's loader wants it.

The loader takes the types of a split from the first 10 MB of its table and refuses splits that
differ. A column that is missing all along there gets a placeholder in the first row: an empty
text, or 0.0. It also turns texts into times where all of a column look like times: such a text
gets a blank after it. `.truing.json` beside the tables notes both, and reading takes them back.
(datasets 3.6 and 5.2, `packaged_modules/folder_based_builder`.)
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath

from truing.domain.errors import InvalidInputError
from truing.formats.lines import Line, json_value

TABLE = "metadata.jsonl"
NOTE = ".truing.json"
INFERRED = 8 << 20
"""Bytes of a table from which its types are taken, with some room to spare."""
EMPTY: Mapping[str, object] = {
    **dict.fromkeys(("transcription", "raw", "corrected", "speaker", "session"), ""),
    "confidence": 0.0,
}
"""The columns that may be missing, and what stands in for them."""
TEXTS = [column for column, value in EMPTY.items() if value == ""]
_LIKE_A_TIME = re.compile(r"\d{4}-\d\d-\d\d(?:[ T][\d:.,]*(?:Z|[+-][\d:]*)?)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What was done to the tables of a folder."""

    padded: bool = False
    """Whether texts that look like times have a blank after them."""
    placeholders: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By file name relative to the root, the columns that are in fact missing."""


class SplitTable:
    """The table of one split in the making: the first row waits until all others are known.

    Args:
        rest: where the other rows are kept meanwhile.
    """

    def __init__(self, rest: Path) -> None:
        self._path = rest
        self._rest = rest.open("wb")
        self._size = 0
        self._first: dict[str, object] | None = None
        self._typed: set[str] = set()
        self.filled: set[str] = set()
        """Columns that hold anything."""
        self.padded = False
        """Whether a text got a blank."""

    @property
    def first_file(self) -> str | None:
        """The file of the first row, None while there is none."""
        return None if self._first is None else str(self._first["file_name"])

    def add(self, cells: Mapping[str, object]) -> None:
        """Takes the next row."""
        row = dict(cells)
        for column in TEXTS:
            if _looks_like_a_time(row[column]):
                row[column] = f"{row[column]} "
                self.padded = True
        line = _line(row)
        self._size += len(line)
        present = {column for column in EMPTY if row[column] is not None}
        self.filled |= present
        if self._size <= INFERRED:
            self._typed |= present
        if self._first is None:
            self._first = row
        else:
            self._rest.write(line)

    def finish(self, path: Path, filled: Collection[str]) -> list[str]:
        """Writes the table and returns the columns with a placeholder in the first row.

        Args:
            path: the table to be.
            filled: columns that hold anything in any split.
        """
        first = self._first or {}
        columns = [column for column in first if column in filled and column not in self._typed]
        first.update((column, EMPTY[column]) for column in columns)
        with path.open("wb") as table:
            table.write(_line(first) if first else b"")
            self._rest.close()
            with self._path.open("rb") as rest:
                shutil.copyfileobj(rest, table)
        return columns

    def close(self) -> None:
        """Lets go of the file; a second call does nothing."""
        self._rest.close()


def _line(cells: Mapping[str, object]) -> bytes:
    return json.dumps(cells, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def _looks_like_a_time(value: object) -> bool:
    return isinstance(value, str) and _LIKE_A_TIME.fullmatch(value) is not None


def write_note(root: Path, note: Note) -> None:
    """Writes `.truing.json`, or nothing when nothing was done."""
    if note != Note():
        said = {"padded": note.padded, "placeholders": dict(note.placeholders)}
        text = json.dumps(said, ensure_ascii=False, sort_keys=True)
        (root / NOTE).write_text(text + "\n", encoding="utf-8")


def read_note(root: Path) -> Note:
    """The note; an empty one when the folder was not written by Truing.

    Raises:
        InvalidInputError: it is not as it was written.
    """
    path = root / NOTE
    if not path.is_file():
        return Note()
    try:
        said = json_value(path.read_text(encoding="utf-8"))
    except ValueError:
        said = None
    placeholders = said.get("placeholders") if isinstance(said, dict) else None
    if (
        not isinstance(said, dict)
        or not isinstance(placeholders, dict)
        or not all(isinstance(columns, list) for columns in placeholders.values())
    ):
        raise InvalidInputError(
            f"`{path}` is damaged",
            hint="delete it: it only tells which empty cells of the tables are missing ones",
        )
    return Note(padded=said.get("padded") is True, placeholders=placeholders)


def as_it_was(line: Line, note: Note, folder: PurePath) -> Line:
    """The line before `SplitTable` changed it.

    Args:
        line: a line of `metadata.jsonl`.
        note: the note of the root.
        folder: the table's folder relative to the root.
    """
    cells = dict(line.cells)
    for column in TEXTS if note.padded else ():
        value = cells.get(column)
        if isinstance(value, str) and _looks_like_a_time(value.removesuffix(" ")):
            cells[column] = value.removesuffix(" ")
    for column in note.placeholders.get((folder / str(cells.get("file_name"))).as_posix(), ()):
        if column in EMPTY and cells.get(column) == EMPTY[column]:
            cells[column] = None
    return replace(line, cells=cells)
