"""Where the pairs of an image-edit training set come from: an export, or a frozen version.

Each source gives, for a row number, both pictures as a file or its bytes, and the instruction.
All of them can be sent to the worker processes of a loader.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from truing.domain.dataset import DatasetRef, Split
from truing.domain.errors import InvalidInputError, MissingDependencyError, NotFoundError
from truing.formats.columns import CellError, found_file
from truing.formats.exported_edits import COLUMNS, PROMPT
from truing.formats.imagefolder import FILE_NAME, TABLE
from truing.formats.lines import Line, json_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from truing.workspace import Workspace

MODALITY = "image_edit"
HINT = "export one: truing export imagefolder --dataset NAME@NUMBER, or the same with parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One row: two pictures and what was asked for."""

    original: Path | bytes
    edited: Path | bytes
    prompt: str


class Pairs(Protocol):
    """The rows of one split, by number."""

    def __len__(self) -> int:
        """How many there are."""
        ...

    def __getitem__(self, index: int, /) -> Pair:
        """One of them.

        Raises:
            IndexError: there is none of that number.
        """
        ...


def exported_pairs(path: Path, split: str) -> Pairs:
    """The pairs of an export as `imagefolder` or `parquet`, or of one Parquet file.

    Raises:
        NotFoundError: nothing at `path`, or nothing of that split.
        InvalidInputError: what lies there is no such export.
        MissingDependencyError: Parquet, and pyarrow is not installed.
    """
    if not path.exists():
        raise NotFoundError(f"there is no export `{path}`", hint=HINT)
    if path.is_file():
        return ParquetPairs([path])
    for table in (path / split / TABLE, path / TABLE):
        if table.is_file():
            return FolderPairs(table)
    if files := sorted(path.rglob(f"{split}-*.parquet")):
        return ParquetPairs(files)
    if any(path.glob(f"*/{TABLE}")) or any(path.rglob("*.parquet")):
        raise NotFoundError(f"`{path}` holds no split `{split}`", hint="name one that it holds")
    raise InvalidInputError(f"`{path}` holds neither `{TABLE}` nor Parquet files", hint=HINT)


class FolderPairs:
    """The rows of a `metadata.jsonl`.

    Raises:
        InvalidInputError: a line that names no pair.
    """

    def __init__(self, table: Path) -> None:
        self._rows: list[Pair] = []
        for line in json_lines(table):
            try:
                self._rows.append(_listed(line, table.parent))
            except CellError as error:
                raise InvalidInputError(
                    f"`{table}`, line {line.number}: {error}", hint="export it anew"
                ) from error

    def __len__(self) -> int:
        """How many there are."""
        return len(self._rows)

    def __getitem__(self, index: int) -> Pair:
        """One of them; see `Pairs`."""
        return self._rows[index]


def _listed(line: Line, folder: Path) -> Pair:
    if line.problem is not None:
        raise CellError(line.problem)
    files = {
        role: found_file(folder, str(line.cells.get(column + FILE_NAME) or ""))
        for role, column in COLUMNS.items()
    }
    return Pair(**files, prompt=str(line.cells.get(PROMPT) or ""))


class ParquetPairs:
    """The rows of Parquet files, read a group at a time; the last few groups are kept.

    Raises:
        InvalidInputError: a file that is none, or without the three columns.
        MissingDependencyError: pyarrow is not installed.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self._groups: list[tuple[Path, int]] = []
        self._ends: list[int] = []
        for file in files:
            for number, rows in enumerate(_group_sizes(file)):
                self._groups.append((file, number))
                self._ends.append((self._ends[-1] if self._ends else 0) + rows)

    def __len__(self) -> int:
        """How many there are."""
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, index: int) -> Pair:
        """One of them; see `Pairs`."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        place = bisect_right(self._ends, index)
        file, number = self._groups[place]
        before = self._ends[place - 1] if place else 0
        row = _group(file, number).slice(index - before, 1).to_pylist()[0]
        pictures = {role: _bytes_of(row[column], file) for role, column in COLUMNS.items()}
        return Pair(**pictures, prompt=row[PROMPT])


def _group_sizes(file: Path) -> list[int]:
    try:
        from pyarrow import ArrowInvalid, parquet
    except ImportError as error:
        raise MissingDependencyError(
            "Parquet is read by pyarrow, which is not installed",
            hint='pip install "truing[parquet]"',
        ) from error
    try:
        with parquet.ParquetFile(file) as opened:
            names = set(opened.schema_arrow.names)
            sizes = [
                opened.metadata.row_group(number).num_rows
                for number in range(opened.num_row_groups)
            ]
    except (ArrowInvalid, OSError) as error:
        raise InvalidInputError(f"`{file}` is no Parquet file: {error}", hint=HINT) from error
    if missing := sorted({PROMPT, *COLUMNS.values()} - names):
        raise InvalidInputError(f"`{file}` has no column `{missing[0]}`", hint=HINT)
    return sizes


@lru_cache(maxsize=4)
def _group(file: Path, number: int) -> Any:  # noqa: ANN401 - a table of pyarrow
    from pyarrow import parquet

    with parquet.ParquetFile(file) as opened:
        return opened.read_row_group(number, columns=[PROMPT, *COLUMNS.values()])


def _bytes_of(cell: object, file: Path) -> bytes:
    data = cell.get("bytes") if isinstance(cell, dict) else None
    if not isinstance(data, bytes):
        raise InvalidInputError(
            f"`{file}` does not hold the pictures themselves",
            hint="write them into it: `embed_external_files` of datasets does",
        )
    return data


class VersionPairs:
    """The rows of one split of a frozen version, their pictures where the workspace keeps them.

    Args:
        workspace: may be closed afterwards.
        version: `name@number`.
        split: `train`, `validation` or `test`.

    Raises:
        NotFoundError: no such version.
        InvalidInputError: a name of another form, no such split, or samples of another modality.
    """

    def __init__(self, workspace: Workspace, version: str, split: str) -> None:
        from truing.workspace.datasets import examples

        if split not in set(Split):
            raise InvalidInputError(
                f"there is no split `{split}`", hint=f"choose one of {', '.join(Split)}"
            )
        head = workspace.store.datasets.get(DatasetRef.parse(version))
        if head.modality != MODALITY:
            raise InvalidInputError(
                f"`{version}` is of {head.modality}, not of {MODALITY}",
                hint="truing dataset list shows the versions",
            )
        self._again = (workspace.layout.root, str(head.ref), split)
        self._rows = examples(workspace, head.ref, Split(split))

    def __len__(self) -> int:
        """How many there are."""
        return len(self._rows)

    def __getitem__(self, index: int) -> Pair:
        """One of them; see `Pairs`.

        Raises:
            DamagedError: a picture has other bytes than were kept.
        """
        found = self._rows[index]
        files = {role: found.media[role].path for role in COLUMNS}
        return Pair(**files, prompt=found.truth)

    def __reduce__(self) -> tuple[object, ...]:
        """A process of its own opens the workspace for itself."""
        return _of_workspace_at, self._again


def _of_workspace_at(folder: Path, version: str, split: str) -> VersionPairs:
    from truing.workspace import Workspace

    with Workspace.open(folder) as workspace:
        return VersionPairs(workspace, version, split)
