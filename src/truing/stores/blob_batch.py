"""Many blobs at once: all are written, then all are synced, then all get their names.

A disk that is asked to sync after each file waits for its journal each time; asked for many files
in a row, it finds most of the work done. The order within a batch is that of a single blob: no
name before its bytes are on the disk, and every name on the disk when the batch ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from truing.platform.files import replace, storage_error, sync_file, sync_folder

Drafting = Callable[[str], tuple[str, BinaryIO]]
"""Opens a temporary file in a folder: its path, and the stream."""


class BlobBatch:
    """The blobs of one block that have no names yet."""

    def __init__(self) -> None:
        self._drafts: list[tuple[str, str, str]] = []
        self._names: set[str] = set()
        self.folders: set[str] = set()
        """To be synced at the end: names in them are new."""

    @contextmanager
    def written(self, folder: str, name: str, drafting: Drafting) -> Iterator[BinaryIO]:
        """A stream to a file that gets its name when the batch ends.

        Raises:
            UnavailableError: the file system refused.
        """
        try:
            draft, stream = drafting(folder)
            try:
                with stream:
                    yield stream
            except BaseException:
                # Whoever called may go on with the next blob: this one must never get its name.
                Path(draft).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise storage_error(error, Path(folder, name)) from error
        self._drafts.append((draft, folder, name))
        self._names.add(f"{folder}/{name}")

    def holds(self, folder: str, name: str) -> bool:
        """Whether the file was written in this batch: it gets its name with the others."""
        return f"{folder}/{name}" in self._names

    def settle(self) -> None:
        """Makes everything durable.

        Raises:
            UnavailableError: the file system refused; blobs without a name are removed.
        """
        try:
            for draft, _, _ in self._drafts:
                # Windows syncs only what is open for writing.
                with open(draft, "rb+") as stream:  # noqa: PTH123 - as quick as it gets
                    sync_file(stream.fileno())
            while self._drafts:
                draft, folder, name = self._drafts[-1]
                replace(draft, f"{folder}/{name}")
                self.folders.add(folder)
                self._drafts.pop()
            for folder in sorted(self.folders):
                sync_folder(folder)
        except OSError as error:
            self.discard()
            raise storage_error(error, Path(str(error.filename or "blobs"))) from error

    def discard(self) -> None:
        """Removes what has no name yet."""
        for draft, _, _ in self._drafts:
            Path(draft).unlink(missing_ok=True)
        self._drafts.clear()
