"""Image edits as Parquet with the pictures in it, as Hugging Face's loaders and trainers take it.

    data/train-00000-of-00002.parquet, data/test-00000-of-00001.parquet, …

The columns are `original_image`, `edit_prompt` and `edited_image`; the schema tells `datasets`
that two of them are pictures. A file holds about 500 MB. Coordinates are taken out of the
pictures; the other bytes stay as they are unless a `Standard` says otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from truing.domain.dataset import Split
from truing.domain.errors import MissingDependencyError
from truing.domain.format import ExportedRow, ExportMedia
from truing.formats.exported_edits import (
    COLUMNS,
    MODALITY,
    PROMPT,
    SHARD,
    EditOptions,
    Pair,
    confirmed_pairs,
    write_parts,
)
from truing.formats.standardise import Standard
from truing.formats.target import whole

if TYPE_CHECKING:
    import pyarrow as pa

FOLDER = "data"
ORDER = (COLUMNS["original"], PROMPT, COLUMNS["edited"])
GROUP = 32
"""Rows of a group: what a loader must read to get at one of them."""
GROUP_BYTES = 64_000_000


class ParquetEdits:
    """Files of about 500 MB per split.

    Args:
        standard: how pictures are changed; None leaves them as they are but for coordinates.
        keep_place: leaves coordinates in as well.
        shard: bytes of pictures from which the next file is begun.
    """

    name = "parquet"
    modality = MODALITY
    summary = "image edits as Parquet with the pictures in it (Hugging Face), confirmed rows only"

    def __init__(
        self, *, standard: Standard | None = None, keep_place: bool = False, shard: int = SHARD
    ) -> None:
        self._options = EditOptions(standard=standard, keep_place=keep_place)
        self._shard = shard

    def write(self, rows: Iterable[ExportedRow], media: ExportMedia, target: Path) -> int:
        """Writes the folder; see `confirmed_pairs` for which rows and what else is raised.

        Raises:
            ConflictError: the target exists and is not empty.
            MissingDependencyError: pyarrow is not installed.
            UnavailableError: the target cannot be written.
        """
        schema = _schema()
        with whole(target) as draft:
            folder = draft / target.name / FOLDER
            folder.mkdir(parents=True)
            count, parts = write_parts(
                confirmed_pairs(rows, media, self._options),
                lambda split: _Part(folder, split, schema, self._shard),
            )
            for part in parts:
                part.name_files()
        return count


class _Part:
    """The files of one split; how many there are is known at the end."""

    def __init__(self, folder: Path, split: Split, schema: pa.Schema, shard: int) -> None:
        self._folder, self._split, self._schema, self._most = folder, split, schema, shard
        self._files: list[Path] = []
        self._writer: Any = None
        self._written = 0
        self._waiting: list[dict[str, object]] = []
        self._waiting_bytes = 0

    def add(self, pair: Pair) -> None:
        if self._written + self._waiting_bytes >= self._most:
            self.close()
        self._waiting.append(_cells(pair))
        self._waiting_bytes += pair.size
        if len(self._waiting) == GROUP or self._waiting_bytes >= GROUP_BYTES:
            self._write_group()

    def close(self) -> None:
        self._write_group()
        if self._writer is not None:
            self._writer.close()
            self._writer, self._written = None, 0

    def name_files(self) -> None:
        for number, file in enumerate(self._files):
            of = f"{number:05d}-of-{len(self._files):05d}"
            file.rename(self._folder / f"{self._split.value}-{of}.parquet")

    def _write_group(self) -> None:
        if not self._waiting:
            return
        import pyarrow as pa
        from pyarrow import parquet

        if self._writer is None:
            file = self._folder / f".{self._split.value}-{len(self._files)}"
            self._files.append(file)
            # Pictures are compressed already.
            self._writer = parquet.ParquetWriter(
                file, self._schema, compression="none", use_dictionary=False
            )
        self._writer.write_table(pa.Table.from_pylist(self._waiting, schema=self._schema))
        self._written += self._waiting_bytes
        self._waiting, self._waiting_bytes = [], 0


def _cells(pair: Pair) -> dict[str, object]:
    cells: dict[str, object] = {PROMPT: pair.prompt}
    for role, (data, ending) in pair.files.items():
        cells[COLUMNS[role]] = {"bytes": data, "path": f"{pair.stem}.{role}{ending}"}
    return cells


def _schema() -> pa.Schema:
    """With what `datasets` keeps beside a schema: which columns are pictures."""
    try:
        import pyarrow as pa
    except ImportError as error:
        raise MissingDependencyError(
            "Parquet is written by pyarrow, which is not installed",
            hint='pip install "truing[parquet]"',
        ) from error
    picture = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    kinds = {PROMPT: (pa.string(), {"dtype": "string", "_type": "Value"})}
    kinds.update((column, (picture, {"_type": "Image"})) for column in COLUMNS.values())
    told = {"info": {"features": {column: kinds[column][1] for column in ORDER}}}
    fields = [(column, kinds[column][0]) for column in ORDER]
    return pa.schema(fields, metadata={"huggingface": json.dumps(told)})
