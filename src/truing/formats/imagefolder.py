"""Image edits as Hugging Face's `imagefolder`: pictures, and `metadata.jsonl` that pairs them.

    train/metadata.jsonl   {"original_image_file_name": "<uid>.original.jpg",
                            "edited_image_file_name": "<uid>.edited.png",
                            "edit_prompt": "turn it black and white"}
    train/<uid>.original.jpg, train/<uid>.edited.png, …
    validation/…, test/…

`load_dataset("imagefolder", data_dir=…)` turns these columns into pictures `original_image` and
`edited_image` and the text `edit_prompt` (datasets 4 and 5). Coordinates are taken out of the
pictures; the other bytes stay as they are unless a `Standard` says otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from truing.domain.dataset import Split
from truing.domain.format import ExportedRow, ExportMedia
from truing.formats.exported_edits import (
    COLUMNS,
    MODALITY,
    PROMPT,
    EditOptions,
    Pair,
    confirmed_pairs,
)
from truing.formats.standardise import Standard
from truing.formats.target import whole

TABLE = "metadata.jsonl"
FILE_NAME = "_file_name"
"""What the loader looks for at the end of a column's name."""


class ImageFolder:
    """A folder per split with pictures and a table.

    Args:
        standard: how pictures are changed; None leaves them as they are but for coordinates.
        keep_place: leaves coordinates in as well.
    """

    name = "imagefolder"
    modality = MODALITY
    summary = "image edits as a folder with metadata.jsonl (Hugging Face), confirmed rows only"

    def __init__(self, *, standard: Standard | None = None, keep_place: bool = False) -> None:
        self._options = EditOptions(standard=standard, keep_place=keep_place)

    def write(self, rows: Iterable[ExportedRow], media: ExportMedia, target: Path) -> int:
        """Writes the folder; see `confirmed_pairs` for which rows and what is raised.

        Raises:
            ConflictError: the target exists and is not empty.
            UnavailableError: the target cannot be written.
        """
        count = 0
        with whole(target) as draft, ExitStack() as stack:
            folder = draft / target.name
            folder.mkdir()
            tables: dict[Split, BinaryIO] = {}
            for pair in confirmed_pairs(rows, media, self._options):
                place = folder / pair.split.value
                if pair.split not in tables:
                    place.mkdir()
                    tables[pair.split] = stack.enter_context((place / TABLE).open("wb"))
                tables[pair.split].write(_line(pair, place))
                count += 1
        return count


def _line(pair: Pair, place: Path) -> bytes:
    said = {}
    for role, (data, ending) in pair.files.items():
        name = f"{pair.stem}.{role}{ending}"
        (place / name).write_bytes(data)
        said[COLUMNS[role] + FILE_NAME] = name
    said[PROMPT] = pair.prompt
    return json.dumps(said, ensure_ascii=False).encode() + b"\n"
