"""Catches the video clips that another program writes into a folder before it removes them.

Each clip gets a second name (a hard link) in a folder beside it as soon as it appears: the file
then outlives the removal, also when the other program goes on writing. A clip is whole when its
container was closed, which its own headers tell; what is removed before that was given up.
"""

from __future__ import annotations

import contextlib
import fnmatch
import logging
import os
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from truing.domain.errors import NotFoundError, UnavailableError

PATTERNS = ("webcam*.mp4", "webcam*.avi", "webcam*.mkv")
"""Names of clips of Chaplin and of programs made from it."""
HIDDEN = ".truing-clips"
"""The folder of second names; a hard link cannot leave the file system of its file."""
LOOK = 0.05
"""Seconds between two looks; a clip lives while it is recorded and read, which takes seconds."""
SETTLE = 0.3
"""Seconds in which a whole clip must not have grown."""
GIVEN_UP = 2.0
"""Seconds after its removal in which a clip may still become whole."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaughtClip:
    """A whole clip. Its file is ours: remove it when it was dealt with."""

    name: str
    """As the other program called it."""
    file: Path


@dataclass(slots=True, kw_only=True)
class _Candidate:
    source: Path
    file: Path
    linked: bool
    size: int = -1
    since: float = field(default_factory=time.monotonic)
    """When the size was last seen to change, or the clip to be removed."""
    gone: bool = False


class ClipCatcher:
    """Looks after a folder in a thread of its own. Use it as a context manager.

    Args:
        folder: where clips appear.
        patterns: names of clips.

    Raises:
        NotFoundError: there is no such folder.
        UnavailableError: it cannot be read or written.
    """

    def __init__(self, folder: Path, patterns: Sequence[str] = PATTERNS) -> None:
        if not folder.is_dir():
            raise NotFoundError(
                f"there is no folder `{folder}`", hint="give the folder that the app writes into"
            )
        self._folder, self._patterns = folder, tuple(patterns)
        self._hidden = folder / HIDDEN
        self._candidates: dict[str, _Candidate] = {}
        self._settled: set[str] = set()
        """Names that were dealt with and are still there."""
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._problem: OSError | None = None
        self._whole: list[CaughtClip] = []
        self._turn = threading.Lock()
        try:
            self._hidden.mkdir(exist_ok=True)
        except OSError as error:
            raise UnavailableError(
                f"clips cannot be kept beside those of `{folder}`: {error.strerror}",
                hint="make the folder writable for this user",
            ) from error
        for left in sorted(self._hidden.iterdir()):  # by a catcher that was ended on its way
            self._candidates[left.name] = _Candidate(
                source=folder / left.name, file=left, linked=True
            )

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._watch, name="truing-clips", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        for one in self._candidates.values():
            if one.linked and not one.gone:  # its own name is there, and will be found again
                one.file.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self._hidden.rmdir()  # unless clips are left in it

    def caught(self) -> list[CaughtClip]:
        """The clips that became whole since the last call, in the order they did.

        Raises:
            UnavailableError: the folder cannot be read any more.
        """
        with self._turn:
            found, self._whole = self._whole, []
        if not found and self._problem is not None:
            raise UnavailableError(
                f"`{self._folder}` cannot be watched any more: {self._problem.strerror}",
                hint="begin again when the folder is there and can be written",
            ) from self._problem
        return found

    def settle(self) -> None:
        """Waits until each clip that is whole now, and does not grow meanwhile, can be handed out:
        whether or not the catcher's own thread has had its turn.
        """
        self._looked()
        time.sleep(SETTLE)
        self._looked()

    def look(self) -> None:
        """One look at the folder; called again and again by the catcher's own thread."""
        with self._turn:
            names = {entry.name for entry in self._entries()}
            self._settled &= names
            for name in sorted(names - self._settled - self._candidates.keys()):
                self._secure(name)
            for name, one in list(self._candidates.items()):
                if self._decided(one, there=name in names):
                    del self._candidates[name]
                    if name in names:
                        self._settled.add(name)

    def _watch(self) -> None:
        while not self._over.is_set() and self._looked():
            self._over.wait(LOOK)

    def _looked(self) -> bool:
        """One look; False when the folder cannot be read any more."""
        try:
            self.look()
        except OSError as error:
            self._problem = error
            return False
        return True

    def _entries(self) -> Iterator[os.DirEntry[str]]:
        with os.scandir(self._folder) as entries:
            for entry in entries:
                if any(fnmatch.fnmatch(entry.name, pattern) for pattern in self._patterns):
                    yield entry

    def _secure(self, name: str) -> None:
        source, file = self._folder / name, self._hidden / name
        linked = True
        try:
            self._hidden.mkdir(exist_ok=True)  # somebody may have tidied up
            os.link(source, file)
        except FileNotFoundError:
            return  # removed since the look
        except OSError:
            linked = False  # a file system without links: it is copied when it is whole
        self._candidates[name] = _Candidate(
            source=source, file=file if linked else source, linked=linked
        )

    def _decided(self, one: _Candidate, *, there: bool) -> bool:
        """Whether a clip is dealt with: handed out, or given up."""
        now = time.monotonic()
        try:
            size = one.file.stat().st_size
        except FileNotFoundError:
            log.warning("a clip was removed before it could be caught")
            return True
        if size != one.size or one.gone == there:
            one.size, one.since, one.gone = size, now, not there
        waited = now - one.since
        if is_whole(one.file):
            if waited < SETTLE and there:
                return False
            self._hand_out(one)
            return True
        given_up = one.gone and waited > GIVEN_UP
        if given_up and one.linked:
            one.file.unlink(missing_ok=True)
        return given_up

    def _hand_out(self, one: _Candidate) -> None:
        file = self._hidden / one.source.name
        if not one.linked:
            self._hidden.mkdir(exist_ok=True)
            try:
                shutil.copyfile(one.source, file)
            except FileNotFoundError:
                log.warning("a clip was removed before it could be copied")
                return
        self._whole.append(CaughtClip(name=one.source.name, file=file))


def is_whole(file: Path) -> bool:
    """Whether whoever wrote a video has closed it, by its own headers; nothing is decoded.

    AVI counts its bytes in its head, and MP4 has its index, only then. Of other containers a file
    that is not empty may be whole.
    """
    try:
        with file.open("rb") as stream:
            head = stream.read(12)
            size = stream.seek(0, os.SEEK_END)
            if head[:4] == b"RIFF":
                # AVI pads a chunk of odd length.
                return int.from_bytes(head[4:8], "little") + 8 in (size, size - 1)
            if head[4:8] == b"ftyp":
                return _has_index(stream, size)
    except OSError:
        return False
    return size > 0


def _has_index(stream: IO[bytes], size: int) -> bool:
    """Whether the boxes of an MP4 file fill it exactly, its `moov` among them."""
    at, kinds = 0, set()
    while at + 8 <= size:
        stream.seek(at)
        head = stream.read(16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if length < 8:  # 0 means up to the end: its writer is not done
            return False
        kinds.add(head[4:8])
        at += length
    return at == size and b"moov" in kinds
