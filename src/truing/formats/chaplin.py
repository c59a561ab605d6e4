"""Chaplin's training data: a folder `training_data` with JSON lines and a folder of videos.

Scope: both names that the app has given its lines, `samples.jsonl` and `training_samples.jsonl`,
read as one when both are there, and the shape of its own description.

Known trade-offs: the app knows no state but the truth, so that undecided rows are written without
one and rejected rows stay out. A record whose video is nowhere to be found is a failed row.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from truing.domain.errors import InvalidInputError, NotFoundError
from truing.domain.format import ExportedRow, ExportMedia, FailedRow, ImportedRow
from truing.domain.review import State
from truing.formats.chaplin_record import (
    SOURCE,
    VIDEOS,
    Record,
    VideoNames,
    exported,
    imported,
    record_of,
)
from truing.formats.columns import CellError
from truing.formats.exported_video import ROLE, video_file
from truing.formats.lines import json_lines
from truing.formats.sittings import Sittings
from truing.formats.target import whole

TABLES = ("samples.jsonl", "training_samples.jsonl")
"""What the app calls its lines: the older name first."""
FOLDER = "training_data"


class Chaplin:
    """The folder `training_data` of the lip-reading app Chaplin."""

    name = SOURCE
    modality = "lipreading"
    summary = "folder training_data of the lip-reading app Chaplin (JSON lines and videos)"
    keys_are_unique = True
    """Ids are random: a moved or copied folder holds the same rows."""

    def read(self, path: Path) -> Iterator[ImportedRow | FailedRow]:
        """Rows from top to bottom, those of the older file first; an id counts once.

        Args:
            path: the folder `training_data`, the one it lies in, or one of its files.

        Raises:
            NotFoundError: nothing at `path`.
            InvalidInputError: neither of the files in it, or a file that is not JSON lines.
        """
        return _rows(_tables(path))

    def write(self, rows: Iterable[ExportedRow], media: ExportMedia, target: Path) -> int:
        """Writes the folder; rows that were rejected or have no video are left out.

        Raises:
            ConflictError: the target exists and is not empty.
            InvalidInputError: a row that is a span of its video.
            UnavailableError: the target cannot be written.
        """
        names, count = VideoNames(), 0
        with whole(target) as draft:
            folder = draft / target.name
            (folder / VIDEOS).mkdir(parents=True)
            with (folder / TABLES[1]).open("wb") as stream:
                for row in rows:
                    if ROLE not in row.media or row.state is State.REJECTED:
                        continue
                    data, ending = video_file(row, media)
                    name = names.of(row, ending)
                    (folder / VIDEOS / name).write_bytes(data)
                    record = exported(row, f"{target.name}/{VIDEOS}/{name}")
                    line = json.dumps(record.as_dict(), ensure_ascii=False, allow_nan=False)
                    stream.write(line.encode() + b"\n")
                    count += 1
        return count


def _tables(path: Path) -> list[Path]:
    if not path.exists():
        raise NotFoundError(f"there is no folder `{path}`", hint="check the path")
    if path.is_file():
        return [_checked(path)]
    for folder in (path, path / FOLDER):
        found = [folder / name for name in TABLES if (folder / name).is_file()]
        if found:
            return [_checked(table) for table in found]
    raise InvalidInputError(
        f"`{path}` holds neither `{TABLES[0]}` nor `{TABLES[1]}`",
        hint=f"name the folder `{FOLDER}` that Chaplin writes beside its program",
    )


def _checked(table: Path) -> Path:
    with table.open("rb") as stream:
        head = stream.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
    if head and not head.startswith(b"{"):
        raise InvalidInputError(
            f"`{table}` does not begin with a JSON object",
            hint=f"name the folder `{FOLDER}`, or the file `{TABLES[1]}` in it",
        )
    return table


def _rows(tables: list[Path]) -> Iterator[ImportedRow | FailedRow]:
    seen: dict[str, Record] = {}
    sittings = Sittings(SOURCE)
    for table in tables:
        for line in json_lines(table):
            place = f"{table.name}:{line.number}"
            if line.problem is not None:
                yield FailedRow(key=place, reason=line.problem)
                continue
            try:
                record = record_of(line.cells)
            except CellError as error:
                yield FailedRow(key=place, reason=str(error))
                continue
            first = seen.setdefault(record.key, record)
            if first is record:
                yield imported(record, table.parent / VIDEOS, sittings)
            elif first != record:
                yield FailedRow(key=place, reason=f"another record has the id `{record.id}`")
