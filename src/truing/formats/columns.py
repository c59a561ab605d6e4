"""Columns by which people and programs name the same things: cells become an imported row.

| thing | columns; the first one found counts |
|---|---|
| file | `file_name` `file` `path` `audio_path` `audio_filepath` `filename` `wav` |
| | `video` `video_path` |
| truth | `transcription` `transcript` `text` `sentence` `truth` |
| recognizer's text | `raw` `prediction` |
| language model's correction | `corrected` |
| who speaks | `speaker` `speaker_id` `subject` `client_id` |
| sitting | `session` `session_id` |
| time | `timestamp` `captured_at` |
| as named | `confidence` `words` `model` `trained` `rejected` `state` `prediction_known` |

Names are compared without case. A time is ISO 8601 (UTC when it says no zone) or a number since
1970 in seconds, from 1e11 on in milliseconds, from 1e14 on in microseconds. Every other column,
and a cell that does not fit its column's meaning, goes into the row's context: nothing is lost.
An object in the column `context` is the context itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TypeVar
from unicodedata import normalize

from truing.domain.clock import MICROSECONDS, from_iso
from truing.domain.consent import Consent
from truing.domain.format import FailedRow, ImportedRow
from truing.domain.prediction import Word
from truing.domain.rating import HIGHEST, LOWEST
from truing.domain.review import State
from truing.formats.lines import Line, json_value

FILE = (
    *("file_name", "file", "path", "audio_path", "audio_filepath", "filename", "wav"),
    *("video", "video_path"),
)
TRUTH = ("transcription", "transcript", "text", "sentence", "truth")
RAW = ("raw", "prediction")
SUBJECT = ("speaker", "speaker_id", "subject", "client_id")
SESSION = ("session", "session_id")
TIME = ("timestamp", "captured_at")

_EARLIEST, _LATEST = from_iso("0001-01-02"), from_iso("9999-12-30")
Value = TypeVar("Value")


class CellError(ValueError):
    """A row that cannot be used; the message says why, with the offending value."""


class Cells:
    """The cells of one row, taken one by one; what is left at the end is context."""

    def __init__(self, cells: Mapping[str, object]) -> None:
        self._left = {name: value for name, value in cells.items() if name and value is not None}
        self._columns = {name.lower(): name for name in reversed(self._left)}

    def text(self, *names: str) -> str | None:
        """The first of these columns as a text; numbers are written out.

        Raises:
            CellError: a yes/no, a list or an object where a text belongs.
        """
        for name in names:
            column = self._columns.get(name)
            if column in self._left:
                return _text(column, self._left.pop(column))
        return None

    def fitting(self, read: Callable[[object], Value | None], *names: str) -> Value | None:
        """The first of these columns as `read` understands it; left alone when it does not."""
        for name in names:
            column = self._columns.get(name)
            if column in self._left:
                value = read(self._left[column])
                if value is not None:
                    del self._left[column]
                return value
        return None

    def drop(self, *names: str) -> None:
        """Leaves columns out of the context."""
        for name in names:
            self._left.pop(self._columns.get(name, name), None)

    def rest(self) -> dict[str, object]:
        """What nobody took."""
        return dict(self._left)


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """What names a row: its key, its media, and its modality and consent where it says them."""

    key: str
    media: Mapping[str, object]
    modality: str | None = None
    consent: Consent | None = None


Named = Callable[[Cells], Name]
"""Takes the cells that name a row.

Raises:
    CellError: the row names no file, or one that is not there.
"""


def table_rows(
    lines: Iterable[Line], table: str, named: Named, seen: set[str]
) -> Iterator[ImportedRow | FailedRow]:
    """The rows of a table; a failed one is called `table:line`.

    Args:
        lines: the table's lines.
        table: its name, for the keys of failed rows.
        named: finds key and media.
        seen: keys of the rows so far; a second row with a key fails.
    """
    for line in lines:
        try:
            yield _row(line, named, seen)
        except CellError as error:
            yield FailedRow(key=f"{table}:{line.number}", reason=f"line {line.number}: {error}")


def _row(line: Line, named: Named, seen: set[str]) -> ImportedRow:
    if line.problem is not None:
        raise CellError(line.problem)
    cells = Cells(line.cells)
    name = named(cells)
    if name.key in seen:
        raise CellError(f"`{name.key}` is listed a second time")
    seen.add(name.key)
    return imported_row(cells, name)


def imported_row(cells: Cells, name: Name) -> ImportedRow:
    """The row that the cells describe.

    A truth without a recognizer's text has `prediction_known=False`, unless the row itself says.

    Raises:
        CellError: a text column that holds no text.
    """
    truth, raw = cells.text(*TRUTH), cells.text(*RAW)
    state = cells.fitting(_state, "state")
    rejected = cells.fitting(_yes_or_no, "rejected") or False
    known = cells.fitting(_yes_or_no, "prediction_known")
    return ImportedRow(
        key=name.key,
        media=name.media,
        modality=name.modality,
        consent=name.consent,
        captured_at=cells.fitting(_instant, *TIME),
        raw=raw,
        corrected=cells.text("corrected"),
        truth=truth,
        rejected=rejected or state is State.REJECTED,
        trained=cells.fitting(_yes_or_no, "trained") or False,
        prediction_known=(raw is not None or truth is None) if known is None else known,
        confidence=cells.fitting(share, "confidence"),
        words=cells.fitting(_words, "words") or (),
        model=cells.text("model"),
        subject=cells.text(*SUBJECT),
        session=cells.text(*SESSION),
        rating=cells.fitting(_rating, "rating"),
        context=(cells.fitting(_object, "context") or {}) | cells.rest(),
    )


def named_file(cells: Cells, folder: Path) -> Path:
    """The file the row names, relative to `folder`.

    Raises:
        CellError: it names none, or one that is not there.
    """
    name = cells.text(*FILE)
    if not name:
        raise CellError(f"it names no file (`{FILE[0]}`)")
    return found_file(folder, name)


def relative_name(name: str) -> str:
    """A file name within its folder, with `/` between the parts.

    Raises:
        CellError: it is absolute, leads out of the folder or names nothing.
    """
    windows = PureWindowsPath(name)
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or windows.drive or windows.root:
        raise CellError(f"`{name}` is an absolute path; name files relative to the table")
    if ".." in path.parts:
        raise CellError(f"`{name}` leads out of the folder")
    if not path.parts:
        raise CellError(f"`{name}` names no file")
    return path.as_posix()


def found_file(folder: Path, name: str) -> Path:
    """The file of that name, in whichever Unicode form the disk has it.

    Raises:
        CellError: there is none.
    """
    plain = relative_name(name)
    for form in dict.fromkeys((name, plain, normalize("NFC", plain), normalize("NFD", plain))):
        try:
            if (folder / form).is_file():
                return folder / form
        except OSError:  # longer than the file system takes: then it is not there
            break
    raise CellError(f"there is no file `{name}`")


def _text(column: str, cell: object) -> str:
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool) or not isinstance(cell, (int, float)):
        raise CellError(f"`{column}` is a {type(cell).__name__}, not a text")
    return str(cell)


def _state(cell: object) -> State | None:
    return State(cell) if isinstance(cell, str) and cell in set(State) else None


def _yes_or_no(cell: object) -> bool | None:
    if isinstance(cell, str):
        words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
        return words.get(cell.strip().lower())
    return bool(cell) if cell in (0, 1) else None


def _number(cell: object) -> float | None:
    if isinstance(cell, bool) or not isinstance(cell, (int, float, str)):
        return None
    try:
        value = float(cell)
    except (ValueError, OverflowError):
        return None
    return value if math.isfinite(value) else None


def share(cell: object) -> float | None:
    """A number from 0 to 1; None for anything else."""
    value = _number(cell)
    return value if value is not None and 0.0 <= value <= 1.0 else None


def _rating(cell: object) -> int | None:
    value = _number(cell)
    if value is None or value not in range(LOWEST, HIGHEST + 1):
        return None
    return int(value)


def _instant(cell: object) -> int | None:
    # `20260103` is a day, not 20 million seconds.
    day = isinstance(cell, str) and len(cell) == 8 and cell.isdecimal()
    value = None if day else _number(cell)
    if value is None:
        try:
            return from_iso(cell) if isinstance(cell, str) else None
        except (ValueError, OverflowError):
            return None
    size = abs(value)
    scale = 1 if size >= 1e14 else 1000 if size >= 1e11 else MICROSECONDS
    instant = cell if scale == 1 and isinstance(cell, int) else round(value * scale)
    return instant if _EARLIEST <= instant <= _LATEST else None


def _words(cell: object) -> tuple[Word, ...] | None:
    value = _parsed(cell)
    if not isinstance(value, list) or not all(isinstance(word, dict) for word in value):
        return None
    try:
        return tuple(Word.from_dict(word) for word in value)
    except KeyError:
        return None


def _object(cell: object) -> dict[str, object] | None:
    value = _parsed(cell)
    return value if isinstance(value, dict) else None


def _parsed(cell: object) -> object:
    if not isinstance(cell, str):
        return cell
    try:
        return json_value(cell)
    except ValueError:
        return None
