"""Pictures of a run: what its model made of a few validation rows, step by step.

    pictures/<sample>/row.json        what was asked for
    pictures/<sample>/original.png
    pictures/<sample>/target.png
    pictures/<sample>/000120.png      what the model made at step 120

The folder is its own index: a file is there whole or not at all, and forgetting a sample is
removing its folder. Of many steps the first and the newest are kept.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from truing.domain.digest import digest_bytes
from truing.domain.errors import NotFoundError
from truing.domain.recipe import Glimpse
from truing.platform.files import make_folder, write_durably

MOST_STEPS = 100
ROW, ORIGINAL, TARGET = "row.json", "original.png", "target.png"
PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")
STEP = re.compile(r"\d{6,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureRow:
    """One validation row and the steps at which the model was seen to edit it."""

    sample: str
    """Name of its folder: the sample's uid."""
    text: str
    steps: tuple[int, ...]

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {"sample": self.sample, "text": self.text, "steps": list(self.steps)}


class PictureFolder:
    """The pictures of one run; nothing is made before the first is added."""

    __slots__ = ("_folder",)

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, step: int, glimpses: Sequence[Glimpse]) -> None:
        """Keeps what the model made at a step; older steps beyond `MOST_STEPS` go.

        Raises:
            UnavailableError: the file system refused.
        """
        for place, glimpse in enumerate(glimpses):
            folder = self._folder / name_of(glimpse.uid)
            if not (folder / ROW).is_file():
                make_folder(folder)
                write_durably(folder / ORIGINAL, glimpse.given)
                write_durably(folder / TARGET, glimpse.wanted)
                said = json.dumps({"place": place, "text": glimpse.text}, sort_keys=True)
                write_durably(folder / ROW, said.encode())
            write_durably(folder / f"{step:06d}.png", glimpse.made)
            for old in _steps(folder)[1:-MOST_STEPS]:
                (folder / f"{old:06d}.png").unlink(missing_ok=True)

    def rows(self) -> list[PictureRow]:
        """The rows in the order in which they were first shown; what is not whole is left out."""
        found = sorted(self._read(), key=lambda pair: (pair[0], pair[1].sample))
        return [row for _, row in found]

    def file(self, sample: str, name: str) -> Path:
        """A picture: `name` is `original`, `target` or a step.

        Raises:
            NotFoundError: there is none.
        """
        plain = f"{int(name):06d}" if name.isdecimal() else name
        wanted = PLAIN.fullmatch(sample) and (plain in ("original", "target") or name.isdecimal())
        path = self._folder / sample / f"{plain}.png"
        if not wanted or not path.is_file():
            raise NotFoundError(
                f"there is no picture `{name}` of `{sample}`",
                hint="the list of the run's pictures says which there are",
            )
        return path

    def forget(self, uids: Iterable[str]) -> int:
        """Removes all pictures of samples; returns how many of these had some."""
        folders = [self._folder / name_of(uid) for uid in uids]
        there = [folder for folder in folders if folder.is_dir()]
        for folder in there:
            shutil.rmtree(folder)
        return len(there)

    def _read(self) -> Iterator[tuple[int, PictureRow]]:
        for folder in self._folder.iterdir() if self._folder.is_dir() else ():
            try:
                said = json.loads((folder / ROW).read_text(encoding="utf-8"))
            except FileNotFoundError:
                continue  # it is being made, or being forgotten
            steps = tuple(_steps(folder))
            yield said["place"], PictureRow(sample=folder.name, text=said["text"], steps=steps)


def name_of(uid: str) -> str:
    """The folder of a sample: its uid, or a digest of one that would be no plain name."""
    return uid if PLAIN.fullmatch(uid) else digest_bytes(uid.encode()).rpartition(":")[2][:40]


def _steps(folder: Path) -> list[int]:
    names = (file.stem for file in folder.glob("*.png") if not file.name.startswith("."))
    return sorted(int(name) for name in names if STEP.fullmatch(name))
