"""Checkpoints of a run: folders that count only once a manifest beside them has sealed them.

`save` lets the recipe fill a fresh folder, syncs every byte of it, and writes the manifest (sizes
and SHA-256) last. A folder without a manifest, or one that differs from it in a single bit, a
missing or an additional file, is never offered for resuming: resuming from damaged optimizer or
random state would go on silently with other weights.

    checkpoints/000007-step-1200/        what the recipe wrote
    checkpoints/000007-step-1200.json    the manifest, canonical JSON

The first number counts the saves of a run, so that the newest is the one saved last even when the
run has gone back to an earlier step.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from truing.domain.digest import canonical_json, digest_file
from truing.domain.errors import InvalidInputError
from truing.platform.files import (
    make_folder,
    storage_error,
    sync_file,
    sync_folder,
    write_durably,
)

SCHEMA = 1
NAME = re.compile(r"(\d{6,})-step-(\d+)")
log = logging.getLogger(__name__)


class CheckpointFolder:
    """The checkpoints of one run; one process writes at a time.

    Args:
        folder: where they lie; made when the first is saved.
        keep: how many whole ones to keep, at least 1.
        say: takes a line about each checkpoint that is passed over.
    """

    __slots__ = ("_damaged", "_folder", "_keep", "_say")

    def __init__(
        self, folder: Path, *, keep: int = 2, say: Callable[[str], None] = log.warning
    ) -> None:
        self._folder = folder
        self._keep = max(1, keep)
        self._say = say
        self._damaged: set[str] = set()

    def save(self, step: int, write: Callable[[Path], None]) -> Path:
        """Durable when it returns; when `write` raises, the older ones are as they were.

        Raises:
            InvalidInputError: `write` made a link, a device or another file without own bytes.
            UnavailableError: no space, or a folder that cannot be written.
        """
        try:
            make_folder(self._folder)
            fresh = self._sealed(self._fresh(step), step, write)
        except OSError as error:
            raise storage_error(error, self._folder) from error
        self._prune()
        return fresh

    def _sealed(self, fresh: Path, step: int, write: Callable[[Path], None]) -> Path:
        try:
            write(fresh)
            _sync_tree(fresh)
            manifest = _manifest(fresh, step)
            sync_folder(self._folder)
            write_durably(_manifest_path(fresh), manifest)
        except BaseException:
            # What is not whole takes no room from what comes next.
            shutil.rmtree(fresh, ignore_errors=True)
            raise
        return fresh

    def latest(self) -> tuple[int, Path] | None:
        """The newest whole checkpoint as (step, folder); older ones when it is damaged."""
        for folder in reversed(self._all()):
            problem = _problem(folder)
            if problem is None:
                return _step(folder), folder
            self._damaged.add(folder.name)
            self._say(f"passing over checkpoint `{folder.name}`: {problem}")
        return None

    def _all(self) -> list[Path]:
        """Checkpoint folders, whole or not, in the order they were saved."""
        if not self._folder.is_dir():
            return []
        found = [path for path in self._folder.iterdir() if NAME.fullmatch(path.name)]
        return sorted(found, key=_number)

    def _fresh(self, step: int) -> Path:
        number = max((_number(path) for path in self._all()), default=0)
        while True:
            number += 1
            folder = self._folder / f"{number:06d}-step-{step}"
            try:
                folder.mkdir()
            except FileExistsError:
                continue
            return folder

    def _prune(self) -> None:
        every = self._all()
        sealed = [path for path in every if _manifest_path(path).exists()]
        whole = [path for path in sealed if path.name not in self._damaged]
        for folder in every:
            if folder not in whole[-self._keep :]:
                # The manifest goes first: what is left of a removal cut short is not whole.
                _manifest_path(folder).unlink(missing_ok=True)
                shutil.rmtree(folder, ignore_errors=True)


def _number(folder: Path) -> int:
    return int(folder.name.partition("-")[0])


def _step(folder: Path) -> int:
    return int(folder.name.rpartition("-")[2])


def _manifest_path(folder: Path) -> Path:
    return folder.with_name(folder.name + ".json")


def _manifest(folder: Path, step: int) -> bytes:
    """The one manifest of what lies in `folder`: equal bytes, equal checkpoint."""
    files = {
        path.relative_to(folder).as_posix(): {
            "size": path.stat().st_size,
            "digest": digest_file(path),
        }
        for path in _files(folder)
    }
    return canonical_json({"schema": SCHEMA, "step": step, "files": files})


def _problem(folder: Path) -> str | None:
    """Why the checkpoint cannot be trusted, None when every byte is as it was sealed."""
    try:
        sealed = _manifest_path(folder).read_bytes()
    except FileNotFoundError:
        return "it was never sealed"
    try:
        found = _manifest(folder, _step(folder))
    except (InvalidInputError, OSError) as error:
        return str(error)
    return None if found == sealed else "its files do not match its manifest"


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(place, name)
            if path.is_symlink() or not (path.is_dir() or path.is_file()):
                raise InvalidInputError(
                    f"the checkpoint holds `{path.relative_to(folder)}`, which is no plain file",
                    hint="let the recipe write plain files only",
                )
            if name in files:
                yield path


def _sync_tree(folder: Path) -> None:
    for path in _files(folder):
        # Windows syncs only what is open for writing.
        with path.open("r+b") as stream:
            sync_file(stream.fileno())
    for place, _, _ in os.walk(folder):
        sync_folder(Path(place))
