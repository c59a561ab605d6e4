"""Handing out: samples as a file that is made while it is sent, in memory that does not grow."""

from __future__ import annotations

import csv
import io
import json
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from truing.domain import sample_json
from truing.domain.errors import InvalidInputError
from truing.formats.csv_table import guarded
from truing.workspace.exporting import export

if TYPE_CHECKING:
    from truing.domain.sample import Sample, SampleFilter
    from truing.workspace import Workspace

Wanted: TypeAlias = "SampleFilter | tuple[int, ...]"
"""What a filter lets through, or samples by number; unknown ones are left out."""
TOGETHER = 200
"""Samples in one piece of what is sent."""
PIECE = 1 << 16
COLUMNS = (
    "id",
    "uid",
    "modality",
    "state",
    "truth",
    "raw",
    "corrected",
    "confidence",
    "speaker",
    "session",
    "source",
    "source_key",
    "captured_at",
    "sampling",
    "quality",
    "duration",
    "trained",
    "tags",
    "findings",
)
"""Of the table; tags and findings are parted by spaces."""


class Kind(StrEnum):
    """What samples can be handed out as."""

    JSONL = "jsonl"
    """Each sample in full, a line of JSON."""
    CSV = "csv"
    """A table for spreadsheets, without media."""
    AUDIOFOLDER_ZIP = "audiofolder-zip"
    """Sound files with `metadata.jsonl`, packed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """How one kind is written."""

    write: Callable[[Workspace, Wanted], Iterator[bytes]]
    media_type: str
    ending: str


def json_lines(workspace: Workspace, where: Wanted) -> Iterator[bytes]:
    """A line of JSON for each sample, in full."""
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    for some in _together(workspace, where):
        text = "".join(f"{encode(sample_json.in_full(sample))}\n" for sample in some)
        yield text.encode("utf-8", "replace")


def table(workspace: Workspace, where: Wanted) -> Iterator[bytes]:
    """A table as spreadsheets read it; no cell of it is run as a formula."""
    written = io.StringIO()
    lines = csv.writer(written, lineterminator="\r\n")
    written.write("\ufeff")
    lines.writerow(COLUMNS)
    for some in _together(workspace, where):
        lines.writerows(_cells(sample) for sample in some)
        yield _taken(written)
    yield _taken(written)


def packed_folder(workspace: Workspace, where: Wanted) -> Iterator[bytes]:
    """An audiofolder as a ZIP file. It is written to the disk first, and sent from there.

    Raises:
        InvalidInputError: samples were named by number.
        NothingToDoError: no sample matches.
        UnavailableError: no space on the disk.
    """
    if isinstance(where, tuple):
        raise InvalidInputError(
            "a folder with sound is made of what a filter lets through, not of single samples",
            hint="export them as jsonl or csv, or give them a tag and filter by it",
        )
    folder = tempfile.TemporaryDirectory(prefix="truing-export-", ignore_cleanup_errors=True)
    try:
        place = export(workspace, "audiofolder", Path(folder.name, "samples"), where=where)
    except BaseException:
        folder.cleanup()
        raise
    return _packed(folder, place)


def _packed(folder: tempfile.TemporaryDirectory[str], place: Path) -> Iterator[bytes]:
    stream = _Stream()
    with folder, zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as packed:
        for path in sorted(one for one in place.rglob("*") if one.is_file()):
            with (
                path.open("rb") as source,
                packed.open(path.relative_to(place).as_posix(), "w") as target,
            ):
                while piece := source.read(PIECE):
                    target.write(piece)
                    yield stream.take()
        packed.close()
        yield stream.take()


class _Stream(io.RawIOBase):
    """What was written and not yet sent; cannot go back, which ZIP files can do without."""

    def __init__(self) -> None:
        self._held: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object, /) -> int:
        piece = bytes(data)  # type: ignore[call-overload]
        self._held.append(piece)
        return len(piece)

    def take(self) -> bytes:
        piece = b"".join(self._held)
        self._held.clear()
        return piece


def _together(workspace: Workspace, where: Wanted) -> Iterator[list[Sample]]:
    samples = workspace.store.samples
    if isinstance(where, tuple):
        for start in range(0, len(where), TOGETHER):
            yield samples.by_ids(where[start : start + TOGETHER])
        return
    found = samples.iterate(where)
    while some := list(islice(found, TOGETHER)):
        yield some


def _taken(written: io.StringIO) -> bytes:
    text = written.getvalue()
    written.seek(0)
    written.truncate()
    return text.encode("utf-8", "replace")


def _cells(sample: Sample) -> list[object]:
    held = sample_json.as_dict(sample)
    held["tags"] = " ".join(sample.tags)
    held["findings"] = " ".join(found.check for found in sample.findings)
    cells = (held[name] for name in COLUMNS)
    return [guarded(cell) if isinstance(cell, str) else cell for cell in cells]


FILES: dict[Kind, File] = {
    Kind.JSONL: File(write=json_lines, media_type="application/x-ndjson", ending="jsonl"),
    Kind.CSV: File(write=table, media_type="text/csv; charset=utf-8", ending="csv"),
    Kind.AUDIOFOLDER_ZIP: File(write=packed_folder, media_type="application/zip", ending="zip"),
}
