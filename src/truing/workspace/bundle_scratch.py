"""The scratch folder of a bundle: what was unpacked, checked once, used until the run is done."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from truing.domain.dataset import DatasetRow, Split
from truing.domain.errors import ConflictError, DamagedError
from truing.platform.files import make_folder, storage_error, sync_folder, write_durably
from truing.stores.bundle_file import Bundle, refuse_too_large
from truing.stores.model_files import refuse_pickles
from truing.workspace.bundles import BASE, BLOBS, REPLAY, ROWS, lines_of

MODEL = "model"
SPLITS = {"train": Split.TRAIN, "validation": Split.VALIDATION}
Progress = Callable[[str, int, int], None]

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class Scratch:
    """The folder beside the bundle.

    Args:
        folder: made by the caller.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "unpacked"
        self.model = folder / MODEL

    def make(self) -> None:
        """Makes the folder, for nobody else on the machine to read.

        Raises:
            UnavailableError: it cannot be made beside the bundle.
        """
        try:
            make_folder(self.folder, mode=0o700)
        except OSError as error:
            raise storage_error(error, self.folder) from error

    def unpack(self, source: Bundle, on_progress: Progress) -> None:
        """Unpacks and checks the bundle, unless that was done before.

        Raises:
            ConflictError: the folder belongs to another bundle.
            DamagedError: the bundle was cut or altered.
            InvalidInputError: its base model holds a pickle.
            UnavailableError: no room.
        """
        mark = self.folder / "bundle"
        seal = source.digest.encode("ascii")
        if mark.is_file():
            if mark.read_bytes() == seal:
                return
            raise ConflictError(
                f"`{self.folder}` belongs to another bundle",
                hint="remove that folder, or rename the bundle",
            )
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir()
        refuse_too_large(source, self.folder)
        try:
            source.extract(self._place, lambda done, total: on_progress("unpacking", done, total))
            if (self.data / BASE).is_dir():
                refuse_pickles(self.data / BASE)
        except BaseException:
            shutil.rmtree(self.data, ignore_errors=True)
            raise
        sync_folder(self.data)
        write_durably(mark, seal)

    def _place(self, name: str) -> Path | None:
        head, _, rest = name.partition("/")
        if head == BLOBS and _DIGEST.fullmatch(f"sha256:{rest}"):
            return self.blob(f"sha256:{rest}")
        if name == ROWS or (head == BASE and rest):
            return self.data / name
        return None

    def blob(self, digest: str) -> Path:
        """Where a medium lies."""
        name = digest.removeprefix("sha256:")
        return self.data / BLOBS / name[:2] / name

    def rows(self) -> dict[str, list[DatasetRow]]:
        """The rows of each part, every one of them checked.

        Raises:
            DamagedError: a row that is not whole, or whose media are missing.
        """
        found: dict[str, list[DatasetRow]] = {part: [] for part in (*SPLITS, REPLAY)}
        for told in lines_of(self.data / ROWS):
            part = told.get("part")
            if part not in found or not self._sound(told):
                raise DamagedError(
                    "the bundle has a row that cannot be trained on",
                    hint="make it again: truing train --bundle FILE",
                )
            rows = found[str(part)]
            rows.append(
                DatasetRow(
                    position=len(rows),
                    sample_uid=told["uid"],
                    split=SPLITS.get(str(part), Split.TRAIN),
                    digest="",
                    salt=None,
                    payload=told,
                )
            )
        return found

    def _sound(self, told: Mapping[str, Any]) -> bool:
        media, inputs = told.get("media"), told.get("inputs")
        if not isinstance(media, dict) or not isinstance(inputs, dict):
            return False
        kinds: dict[str, Any] = {"uid": str, "truth": str, "subject": (str, type(None))}
        whole = all(isinstance(told.get(key), kind) for key, kind in kinds.items())
        texts = all(isinstance(value, str) for value in inputs.values())
        return whole and texts and all(self._is_medium(one) for one in media.values())

    def _is_medium(self, one: object) -> bool:
        if not isinstance(one, dict) or not _DIGEST.fullmatch(str(one.get("digest"))):
            return False
        times = (one.get("start", ""), one.get("end", ""))
        spans = all(value is None or type(value) in (int, float) for value in times)
        return spans and self.blob(one["digest"]).is_file()

    def empty(self) -> None:
        """Removes all but the lock, which is still held."""
        for place in self.folder.iterdir():
            if place.is_dir():
                shutil.rmtree(place, ignore_errors=True)
            elif place.name != "lock":
                place.unlink(missing_ok=True)
