"""Lines of a table: JSON objects or CSV cells one by one, each with its number or its problem."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from truing.domain.errors import InvalidInputError, NotFoundError

LONGEST_LINE = 16 << 20
"""Bytes of one JSON line; a longer one is a problem, not a row."""
DELIMITERS = ",\t;|"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line: its cells by column, or what is wrong with it."""

    number: int
    """From 1, as an editor shows it; the last one for a row of several lines."""
    cells: Mapping[str, object]
    problem: str | None = None


def must_be_file(path: Path, kind: str) -> None:
    """Looks before opening.

    Raises:
        NotFoundError: nothing at `path`.
        InvalidInputError: a folder.
    """
    if not path.exists():
        raise NotFoundError(f"there is no file `{path}`", hint="check the path")
    if not path.is_file():
        raise InvalidInputError(f"`{path}` is not a {kind} file", hint=f"name the {kind} file")


def json_lines(path: Path) -> Iterator[Line]:
    """The objects of a JSON-lines file; blank lines are passed over."""
    with path.open("rb") as stream:
        number = 0
        while piece := stream.readline(LONGEST_LINE):
            number += 1
            whole = len(piece) < LONGEST_LINE or piece.endswith(b"\n")
            while piece and not piece.endswith(b"\n") and not whole:
                piece = stream.readline(LONGEST_LINE)
            if not whole:
                problem = f"the line is longer than {LONGEST_LINE} bytes"
                yield Line(number=number, cells={}, problem=problem)
            elif text := (piece.removeprefix(b"\xef\xbb\xbf") if number == 1 else piece).strip():
                yield _json_line(text, number)


def _json_line(data: bytes, number: int) -> Line:
    try:
        value = json_value(data.decode())
    except UnicodeDecodeError as error:
        return Line(number=number, cells={}, problem=f"not UTF-8 at byte {error.start}")
    except ValueError as error:
        return Line(number=number, cells={}, problem=f"`{_short(data)}` is not JSON: {error}")
    if not isinstance(value, dict):
        return Line(number=number, cells={}, problem=f"`{_short(data)}` is not an object")
    return Line(number=number, cells=value)


def json_value(text: str) -> object:
    """A JSON value that can be written again: NaN, infinity and numbers beyond floats are null.

    Raises:
        ValueError: not JSON, nested too deeply, or a text with half a character.
    """
    try:
        value = json.loads(text, parse_float=_finite, parse_constant=lambda _: None)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not is_text(value):
        raise ValueError("a text holds half a character (a lone surrogate)")
    return value


def is_text(value: object) -> bool:
    """Whether every text in it can be written as UTF-8."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _finite(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


def _short(data: bytes) -> str:
    text = data.decode(errors="replace")
    return text if len(text) <= 60 else text[:57] + "…"


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvShape:
    """How a CSV file is written."""

    columns: tuple[str, ...]
    delimiter: str
    encoding: str


def csv_shape(path: Path, known: Sequence[str]) -> CsvShape:
    """Reads the first line: encoding by byte-order mark, else UTF-8; delimiter `,`, tab, `;` or
    `|`, the first with which one of the `known` columns appears.

    Raises:
        InvalidInputError: none of the columns is there, or one stands there twice.
    """
    with path.open("rb") as stream:
        utf16 = stream.read(2) in (b"\xff\xfe", b"\xfe\xff")
    encoding = "utf-16" if utf16 else "utf-8-sig"
    for delimiter in DELIMITERS:
        with _opened(path, encoding) as stream:
            try:
                first = next(csv.reader(stream, delimiter=delimiter), [])
            except (csv.Error, UnicodeDecodeError):
                continue
        columns = tuple(name.strip() for name in first)
        if any(name.lower() in known for name in columns):
            _refuse_doubles(columns, path)
            return CsvShape(columns=columns, delimiter=delimiter, encoding=encoding)
    raise InvalidInputError(
        f"the first line of `{path}` names none of the columns {_named(known)}",
        hint="the first line must hold the names of the columns",
    )


def csv_lines(path: Path, shape: CsvShape) -> Iterator[Line]:
    """The rows below the first line; empty lines are passed over, short rows are filled up, an
    empty cell is None.
    """
    with _opened(path, shape.encoding) as stream:
        rows = csv.reader(stream, delimiter=shape.delimiter)
        next(rows, None)
        while True:
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                yield Line(number=rows.line_num, cells={}, problem=str(error))
                continue
            except UnicodeDecodeError as error:
                yield Line(number=rows.line_num + 1, cells={}, problem=f"not UTF-16: {error}")
                return
            if row:
                yield _csv_line(row, shape, rows.line_num)


def _csv_line(row: list[str], shape: CsvShape, number: int) -> Line:
    missing = len(shape.columns) - len(row)
    if missing < 0:
        problem = f"{len(row)} cells under {len(shape.columns)} columns"
        hint = f"texts that hold `{shape.delimiter}` must be quoted"
        return Line(number=number, cells={}, problem=f"{problem}: {hint}")
    if not is_text(row):
        return Line(number=number, cells={}, problem="not UTF-8")
    filled = row + [""] * missing
    cells = {name: cell or None for name, cell in zip(shape.columns, filled, strict=True)}
    return Line(number=number, cells=cells)


def _opened(path: Path, encoding: str) -> TextIO:
    # Bytes that are no UTF-8 become lone surrogates, so that only their own row fails.
    return path.open(encoding=encoding, errors="surrogateescape", newline="")


def _refuse_doubles(columns: Sequence[str], path: Path) -> None:
    for name in columns:
        if name and columns.count(name) > 1:
            raise InvalidInputError(
                f"the column `{name}` stands twice in `{path}`", hint="rename one of the two"
            )


def _named(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
