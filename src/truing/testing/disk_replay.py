"""What a power cut could leave: calls that reach the disk, recorded, and all states they allow.

    disk = RecordedDisk(folder)
    with disk.recording():
        blobs.put(b"sound")
        disk.mark("stored")
    for crash in disk.crashes():
        crash.lay_out(other_folder)     # then look whether everything marked is there

`truing.platform.files` reaches the disk through its own `os`; a recording one takes its place. At
each call the folder is looked at, so that writes, new files and renames made by other code are
noticed as well, between two calls at the latest.

What may be lost, as file systems allow it (POSIX, not what one of them happens to do):

* bytes of a file written since its last sync: none, any earlier content, all, the first half, or
  zeros in their place;
* entries of a folder (new, renamed, removed) since the folder's last sync: any subset, in any
  order, but for two changes of the same entry. A rename is in one place or the other.

*Source*: Pillai et al., "All File Systems Are Not Created Equal" (ALICE, OSDI 2014); Mohan et al.,
"Finding Crash-Consistency Bugs with Bounded Black-Box Crash Testing" (CrashMonkey, OSDI 2018).

*Known trade-offs*: one process at a time is recorded, and no database: SQLite's own tests do that.
"""

from __future__ import annotations

import os
import random
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from truing.platform import files

EVERY = 12
"""Up to so many unsynced changes of folders, every subset is tried; of more, a sample."""
SAMPLE = 300

Entry = tuple[int, str]
"""A name in a folder: (the folder's inode, the name)."""


@dataclass(frozen=True, slots=True)
class Written:
    """A file's bytes changed."""

    inode: int
    data: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Changed:
    """Entries of folders changed in one step: a name given, taken away, or both (a rename)."""

    gone: Entry | None
    new: Entry | None
    inode: int
    is_folder: bool

    @property
    def touched(self) -> set[Entry]:
        """The names it changes."""
        return {one for one in (self.gone, self.new) if one is not None}

    @property
    def folder(self) -> int:
        """The folder whose sync makes it last."""
        entry = self.new or self.gone
        assert entry is not None
        return entry[0]


@dataclass(frozen=True, slots=True)
class Synced:
    """A file's bytes or a folder's entries were forced to the disk."""

    inode: int


@dataclass(frozen=True, slots=True)
class Marked:
    """Something was said to be done."""

    what: object


Event = Written | Changed | Synced | Marked


@dataclass(frozen=True, slots=True)
class Crash:
    """One state of the disk after a power cut."""

    marks: tuple[object, ...]
    """What had been said to be done by then."""
    content: Mapping[str, bytes | None]
    """By path below the folder; None for folders."""
    after: int
    """How many events there had been."""

    def lay_out(self, folder: Path) -> None:
        """Makes a folder look like this."""
        folder.mkdir(parents=True)
        for name, data in sorted(self.content.items()):
            if data is None:
                (folder / name).mkdir()
            else:
                (folder / name).write_bytes(data)


class RecordedDisk:
    """The folder in which everything happens, and what happened to it.

    Args:
        folder: with what is in it at the beginning, all of it safe.
        deaf: `files` or `folders` whose syncs are ignored, to see that they are needed.
    """

    def __init__(self, folder: Path, *, deaf: str | None = None) -> None:
        self._folder = folder
        self._deaf = deaf
        self._held: dict[int, int] = {}
        self._names, self._data = self._look()
        self._start = dict(self._names), dict(self._data)
        self.events: list[Event] = []

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Notes every call until the end of the block."""
        real = files.__dict__["os"]
        files.__dict__["os"] = _RecordingOs(self)
        try:
            yield
            self.notice()
        finally:
            files.__dict__["os"] = real
            for fd in self._held.values():
                os.close(fd)
            self._held.clear()

    def mark(self, what: object) -> None:
        """Notes that something was said to be done."""
        self.notice()
        self.events.append(Marked(what))

    def synced(self, fd: int) -> None:
        """Notes a sync."""
        self.notice()
        found = os.fstat(fd)
        kind = "folders" if stat.S_ISDIR(found.st_mode) else "files"
        if kind != self._deaf:
            self.events.append(Synced(found.st_ino))

    def notice(self) -> None:
        """Finds what has changed since the last look."""
        names, data = self._look()
        homes = {inode: entry for entry, inode in self._names.items()}
        moved = set()
        for entry, inode in names.items():
            if self._names.get(entry) == inode:
                continue
            before = homes.get(inode)
            gone = before if before is not None and names.get(before) != inode else None
            moved |= {gone} if gone else set()
            self.events.append(Changed(gone, entry, inode, data[inode] is None))
        self.events += [
            Changed(entry, None, inode, self._data[inode] is None)
            for entry, inode in self._names.items()
            if entry not in names and entry not in moved
        ]
        self.events += [
            Written(inode, content)
            for inode, content in data.items()
            if content is not None and self._data.get(inode, b"") != content
        ]
        self._names, self._data = names, data

    def _look(self) -> tuple[dict[Entry, int], dict[int, bytes | None]]:
        names: dict[Entry, int] = {}
        data: dict[int, bytes | None] = {self._hold(self._folder): None}
        for place, folders, found in os.walk(self._folder):
            home = os.stat(place).st_ino  # noqa: PTH116 - as os.walk gives it
            for name in (*folders, *found):
                path = Path(place, name)
                inode = self._hold(path)
                names[home, name] = inode
                data[inode] = None if name in folders else path.read_bytes()
        return names, data

    def _hold(self, path: Path) -> int:
        # A file kept open keeps its inode: a later file cannot be taken for it.
        fd = os.open(path, os.O_RDONLY)
        inode = os.fstat(fd).st_ino
        if inode in self._held:
            os.close(fd)
        else:
            self._held[inode] = fd
        return inode

    def crashes(self, rng: random.Random | None = None) -> Iterator[Crash]:
        """Every state that a power cut at any moment could leave, each once per marks."""
        seen = set()
        for after in range(len(self.events) + 1):
            model = _Model(*self._start, self._folder.stat().st_ino)
            for event in self.events[:after]:
                model.take(event)
            for content in model.states(rng or random.Random(0)):
                key = (len(model.marks), frozenset(content.items()))
                if key not in seen:
                    seen.add(key)
                    yield Crash(tuple(model.marks), content, after)


class _RecordingOs:
    """The module `os`, but for the calls that reach the disk."""

    def __init__(self, disk: RecordedDisk) -> None:
        self._disk = disk

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever `os` has
        return getattr(os, name)

    def fsync(self, fd: int) -> None:
        self._disk.synced(fd)

    def replace(self, source: str, target: str) -> None:
        self._disk.notice()
        Path(source).replace(target)
        self._disk.notice()

    def unlink(self, path: str) -> None:
        self._disk.notice()
        Path(path).unlink()
        self._disk.notice()

    def mkdir(self, path: str, mode: int = 0o777) -> None:
        self._disk.notice()
        Path(path).mkdir(mode)
        self._disk.notice()


class _Model:
    """What is safe on the disk, and what may or may not be."""

    def __init__(self, names: dict[Entry, int], data: dict[int, bytes | None], root: int) -> None:
        self.marks: list[object] = []
        self._names = dict(names)
        self._folders = {inode for inode, content in data.items() if content is None}
        self._safe = {inode: one for inode, one in data.items() if one is not None}
        self._later: dict[int, list[bytes]] = {}
        self._pending: list[Changed] = []
        self._root = root

    def take(self, event: Event) -> None:
        """Goes one event on."""
        if isinstance(event, Marked):
            self.marks.append(event.what)
        elif isinstance(event, Written):
            self._later.setdefault(event.inode, []).append(event.data)
        elif isinstance(event, Changed):
            self._pending.append(event)
            if event.is_folder:
                self._folders.add(event.inode)
        elif event.inode in self._later:
            self._safe[event.inode] = self._later.pop(event.inode)[-1]
        else:
            for change in [one for one in self._pending if one.folder == event.inode]:
                self._make_safe(change)

    def _make_safe(self, change: Changed) -> None:
        if change not in self._pending:
            return
        place = self._pending.index(change)
        for before in self._pending[:place]:
            if before.touched & change.touched:
                self._make_safe(before)
        self._pending.remove(change)
        _apply(self._names, change)

    def states(self, rng: random.Random) -> Iterator[dict[str, bytes | None]]:
        """What may be found afterwards, by path."""
        for chosen in self._subsets(rng):
            names = dict(self._names)
            for change in chosen:
                _apply(names, change)
            paths = dict(_paths(names, self._root))
            loose = [one for one in paths.values() if one in self._later]
            for contents in self._contents(loose):
                yield {
                    path: contents.get(inode, self._content(inode)) for path, inode in paths.items()
                }

    def _content(self, inode: int) -> bytes | None:
        return None if inode in self._folders else self._safe.get(inode, b"")

    def _subsets(self, rng: random.Random) -> Iterator[list[Changed]]:
        count = len(self._pending)
        if count <= EVERY:
            numbers: Iterator[int] | Sequence[int] = range(1 << count)
        else:
            everything = (1 << count) - 1
            one_by_one = [1 << place for place in range(count)]
            numbers = [
                *(0, everything),
                *((1 << place) - 1 for place in range(count)),
                *one_by_one,
                *(everything ^ one for one in one_by_one),
                *(rng.getrandbits(count) for _ in range(SAMPLE)),
            ]
        for number in numbers:
            chosen = [one for place, one in enumerate(self._pending) if number >> place & 1]
            if self._in_order(chosen):
                yield chosen

    def _in_order(self, chosen: list[Changed]) -> bool:
        """Whether no change comes without an earlier one of the same entry."""
        left = [one for one in self._pending if one not in chosen]
        return not any(
            before.touched & one.touched and self._pending.index(before) < self._pending.index(one)
            for one in chosen
            for before in left
        )

    def _contents(self, loose: Sequence[int]) -> Iterator[dict[int, bytes]]:
        """All as they were, all as they are, and each in each of its states beside the others'."""
        old = {inode: self._safe.get(inode, b"") for inode in loose}
        new = {inode: self._later[inode][-1] for inode in loose}
        yield old
        yield new
        for inode in loose:
            last = new[inode]
            torn = (*self._later[inode], last[: len(last) // 2], bytes(len(last)))
            for content in (old[inode], *torn):
                yield {**new, inode: content}
                yield {**old, inode: content}


def _apply(names: dict[Entry, int], change: Changed) -> None:
    if change.gone is not None and names.get(change.gone) == change.inode:
        del names[change.gone]
    if change.new is not None:
        names[change.new] = change.inode


def _paths(names: Mapping[Entry, int], root: int) -> Iterator[tuple[str, int]]:
    below: dict[int, list[tuple[str, int]]] = {}
    for (home, name), inode in names.items():
        below.setdefault(home, []).append((name, inode))
    open_folders = [("", root)]
    while open_folders:
        prefix, home = open_folders.pop()
        for name, inode in below.get(home, ()):
            yield f"{prefix}{name}", inode
            open_folders.append((f"{prefix}{name}/", inode))
