"""Image edits as WebDataset: tar files of which each holds samples as runs of files.

    train-000000.tar    <uid>.original.jpg, <uid>.edited.png, <uid>.txt, <uid>.json
    train-000001.tar    …
    test-000000.tar     …

`.txt` is the instruction, `.json` says `uid`, `edit_prompt`, `raw` (the instruction as it was
sent), `captured_at`, `split` and `source`. A shard holds about 500 MB. Coordinates are taken out
of the pictures; the other bytes stay as they are unless a `Standard` says otherwise. Equal rows
give equal bytes.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

from truing.domain.clock import to_iso
from truing.domain.dataset import Split
from truing.domain.format import ExportedRow, ExportMedia
from truing.formats.exported_edits import (
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


class WebDataset:
    """Tar shards of about 500 MB per split.

    Args:
        standard: how pictures are changed; None leaves them as they are but for coordinates.
        keep_place: leaves coordinates in as well.
        shard: bytes of pictures from which the next shard is begun.
    """

    name = "webdataset"
    modality = MODALITY
    summary = "image edits as tar shards (WebDataset), confirmed rows only"

    def __init__(
        self, *, standard: Standard | None = None, keep_place: bool = False, shard: int = SHARD
    ) -> None:
        self._options = EditOptions(standard=standard, keep_place=keep_place)
        self._shard = shard

    def write(self, rows: Iterable[ExportedRow], media: ExportMedia, target: Path) -> int:
        """Writes the shards; see `confirmed_pairs` for which rows and what else is raised.

        Raises:
            ConflictError: the target exists and is not empty.
            UnavailableError: the target cannot be written.
        """
        with whole(target) as draft:
            folder = draft / target.name
            folder.mkdir()
            count, _ = write_parts(
                confirmed_pairs(rows, media, self._options),
                lambda split: _Part(folder, split, self._shard),
            )
        return count


class _Part:
    """The shards of one split."""

    def __init__(self, folder: Path, split: Split, shard: int) -> None:
        self._folder, self._split, self._most = folder, split, shard
        self._number = -1
        self._tar: tarfile.TarFile | None = None
        self._size = 0

    def add(self, pair: Pair) -> None:
        if self._size >= self._most:
            self.close()
        if self._tar is None:
            self._number += 1
            path = self._folder / f"{self._split.value}-{self._number:06d}.tar"
            self._tar = tarfile.open(path, "w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115
        for role, (data, ending) in pair.files.items():
            _add(self._tar, f"{pair.stem}.{role}{ending}", data)
        _add(self._tar, f"{pair.stem}.txt", pair.prompt.encode())
        said = json.dumps(_said(pair), ensure_ascii=False, allow_nan=False)
        _add(self._tar, f"{pair.stem}.json", said.encode())
        self._size += pair.size

    def close(self) -> None:
        if self._tar is not None:
            self._tar.close()
            self._tar, self._size = None, 0


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    tar.addfile(member, BytesIO(data))


def _said(pair: Pair) -> dict[str, object]:
    return {
        "uid": pair.row.uid,
        PROMPT: pair.prompt,
        "raw": pair.row.raw,
        "rating": pair.row.rating,
        "captured_at": to_iso(pair.row.captured_at),
        "split": pair.split.value,
        "source": pair.row.source,
    }
