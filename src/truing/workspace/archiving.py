"""Archiving: samples move out of the workspace into compressed files that can be brought back.

A file is written, synced, read back and compared first; then one transaction notes it and removes
its samples; then their media go. A crash in between leaves the samples here or in a whole archive:
what was begun and not noted is removed by the next command (`archive_leftovers`). Large selections
become several files of about `archive.size_mb` each, and free the disk one after the other.

What stays here of an archived sample is a line in the database (see `domain.archive`). Dataset
versions that hold it stay whole: rows, figures and the media they need. Media that only a backup
still lists go as well, because restoring it finds them in the archive.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from truing.domain.archive import Archive, Packed
from truing.domain.clock import to_iso
from truing.domain.digest import digest_file
from truing.domain.errors import (
    ConflictError,
    DamagedError,
    InvalidInputError,
    NotFoundError,
    UnavailableError,
)
from truing.domain.event import Event
from truing.domain.sample import SampleFilter
from truing.platform.files import make_folder, remove, storage_error
from truing.stores import archive_file
from truing.workspace import backups as backing_up
from truing.workspace.archive_history import reason_of
from truing.workspace.archive_leftovers import put_right
from truing.workspace.quota import admitted

if TYPE_CHECKING:
    from truing.domain.sample import Sample
    from truing.workspace import Workspace

Progress = Callable[[int, int], None]
MOST_SAMPLES = 1000
"""In one archive: so many rows are held in memory, and rewritten when one is forgotten."""
ATTEMPTS = 3
"""How often an archive is begun anew because somebody changed a sample meanwhile."""
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,60}")


@dataclass(slots=True, kw_only=True)
class Archived:
    """What was archived, or would be."""

    archives: list[str] = field(default_factory=list)
    """Names of the new archives."""
    samples: int = 0
    media_bytes: int = 0
    """Of their media, each counted once in an archive."""
    archive_bytes: int = 0
    """Of the new files; unknown (0) in a dry run."""
    freed: int = 0
    """Bytes of media that left the workspace."""
    kept: int = 0
    """Media that stay because a dataset version or another sample needs them."""
    versions: tuple[str, ...] = ()
    """Dataset versions that hold some of the samples: they stay as they are."""
    already: int = 0
    """Samples named that are in an archive already."""
    left: list[tuple[int, str]] = field(default_factory=list)
    """Samples that stay, and why."""

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {
            "archives": list(self.archives),
            "samples": self.samples,
            "media_bytes": self.media_bytes,
            "archive_bytes": self.archive_bytes,
            "freed": self.freed,
            "kept": self.kept,
            "versions": list(self.versions),
            "already": self.already,
            "left": [{"id": number, "why": why} for number, why in self.left],
        }


def archive(
    workspace: Workspace,
    where: SampleFilter | None = None,
    *,
    ids: Sequence[int] | None = None,
    name: str | None = None,
    folder: Path | str | None = None,
    dry_run: bool = False,
    actor: str | None = None,
    reason: str | None = None,
    on_progress: Progress = lambda _, __: None,
) -> Archived:
    """Moves samples into archives. Interrupted or called again, it does what is left.

    Args:
        workspace: where they are.
        where: which samples.
        ids: their numbers, instead of a filter; those archived already are passed over.
        name: of the archive; the time when left out. Further ones are called `NAME-2`, ….
        folder: where the files go; `archive.folder` or `archives/` in the workspace when left out.
        dry_run: only tell.
        actor: who asks for it; the workspace's own when left out.
        reason: why these, for the journal; the filter in words when left out. It names nobody.
        on_progress: called with (samples done, samples in all).

    Raises:
        InvalidInputError: neither numbers nor a filter that narrows, or both; or a name that
            cannot be a file's.
        NotFoundError: one of the numbers is no sample.
        ConflictError: one of the numbers is in the trash, or samples change all the time.
        FullError: no space on the disk, or within the quota when they stay in the workspace.
        UnavailableError: a folder that cannot be written.
    """
    if (ids is None) == (where is None) or where == SampleFilter():
        raise InvalidInputError(
            "name the samples to archive, or a filter that chooses some",
            hint="truing archive create --until 2026-01-01, or truing archive create 42 43",
        )
    done = Archived()
    numbers = _named(workspace, ids, done) if ids is not None else _fitting(workspace, where)
    if dry_run:
        return _planned(workspace, numbers, done)
    making = _Making(
        workspace=workspace,
        base=_checked_name(name) or _stamp(workspace),
        folder=place_of_archives(workspace, folder),
        actor=actor or workspace.actor,
        done=done,
    )
    for part, size in _parts(workspace, numbers):
        # Until its media go, they are there twice.
        with admitted(workspace, size, "the archive", making.folder):
            making.part(part)
        on_progress(done.samples + len(done.left), len(numbers))
    if done.samples:
        data: dict[str, object] = {"samples": done.samples, "archives": list(done.archives)}
        if reason or where is not None:
            data["reason"] = reason or reason_of(where or SampleFilter())
        event = Event(kind="archived", at=workspace.clock.now(), actor=making.actor, data=data)
        workspace.store.events.add(event)
    return done


def place_of_archives(workspace: Workspace, folder: Path | str | None = None) -> Path:
    """Where new archives go: the folder given, `archive.folder`, or the workspace's own."""
    given = folder or workspace.settings.text("archive.folder")
    place = Path(given).expanduser() if given else workspace.layout.archives
    return place if place.is_absolute() else (workspace.layout.root / place).resolve()


# --- which samples -------------------------------------------------------------------------------


def _named(workspace: Workspace, ids: Sequence[int], done: Archived) -> list[int]:
    from truing.domain.review import State

    known = {one.id: one for one in workspace.store.samples.by_ids(ids)}
    gone = [number for number in dict.fromkeys(ids) if number not in known]
    away = {one.sample_id for one in workspace.store.archives.by_ids(gone) if not one.back}
    for number in gone:
        if number not in away:
            raise NotFoundError(f"no sample `{number}`", hint="`truing samples` lists them")
    done.already = len(away)
    for sample in known.values():
        if sample.state is State.TRASHED:
            raise ConflictError(
                f"sample `{sample.id}` is in the trash",
                hint=f"truing trash restore {sample.id}, then archive",
            )
    return sorted(known)


def _fitting(workspace: Workspace, where: SampleFilter | None) -> list[int]:
    return [sample.id for sample in workspace.store.samples.iterate(where or SampleFilter())]


def _parts(workspace: Workspace, numbers: Sequence[int]) -> Iterator[tuple[list[int], int]]:
    """The samples of each archive, a thousand or as many as make about `archive.size_mb`, and the
    bytes of their media.
    """
    limit = workspace.settings.number("archive.size_mb") * 1e6
    part: list[int] = []
    size = 0
    for sample in _samples(workspace, numbers):
        part.append(sample.id)
        size += sum(one.size for one in sample.media)
        if size >= limit or len(part) >= MOST_SAMPLES:
            yield part, size
            part, size = [], 0
    if part:
        yield part, size


def _samples(workspace: Workspace, numbers: Sequence[int]) -> Iterator[Sample]:
    for start in range(0, len(numbers), MOST_SAMPLES):
        yield from workspace.store.samples.by_ids(numbers[start : start + MOST_SAMPLES])


def _planned(workspace: Workspace, numbers: Sequence[int], done: Archived) -> Archived:
    sizes: dict[str, int] = {}
    versions: dict[str, None] = {}
    for start in range(0, len(numbers), MOST_SAMPLES):
        found = workspace.store.samples.by_ids(numbers[start : start + MOST_SAMPLES])
        done.samples += len(found)
        sizes |= {one.digest: one.size for sample in found for one in sample.media}
        held = workspace.store.datasets.holding([sample.uid for sample in found])
        versions |= dict.fromkeys(name for names in held.values() for name in names)
    done.media_bytes = sum(sizes.values())
    done.versions = tuple(sorted(versions))
    return done


def _checked_name(name: str | None) -> str | None:
    if name is not None and (not _NAME.fullmatch(name) or name.endswith(".")):
        raise InvalidInputError(
            f"`{name[:80]}` cannot name an archive",
            hint="use up to 60 letters, digits, `.`, `_`, `-`",
        )
    return name


def _stamp(workspace: Workspace) -> str:
    now = workspace.clock.now()
    return to_iso(now - now % 1_000_000).replace(":", "-").removesuffix("Z")


# --- making one ----------------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class _Making:
    """Archives in the making, one after the other."""

    workspace: Workspace
    base: str
    folder: Path
    actor: str
    done: Archived

    def part(self, numbers: Sequence[int]) -> None:
        """Moves these samples into one archive."""
        try:
            make_folder(self.folder, mode=0o700)
        except OSError as error:
            raise storage_error(error, self.folder) from error
        with backing_up.holding(self.workspace.layout):
            put_right(self.workspace)
            for _ in range(ATTEMPTS):
                packed = self._sound(self.workspace.store.archives.pack(numbers))
                if not packed or self._moved(packed):
                    return
        raise ConflictError(
            f"samples from `{numbers[0]}` on change while they are archived",
            hint="archive them when nobody reviews or imports",
        )

    def _sound(self, packed: Sequence[Packed]) -> list[Packed]:
        """Those whose media are whole; the others stay, and are named."""
        told = dict(self.done.left)
        sound = []
        for one in packed:
            why = next(filter(None, (self._amiss(digest) for digest in one.digests)), None)
            if why is None:
                sound.append(one)
            elif one.number not in told:
                self.done.left.append((one.number, why))
        return sound

    def _amiss(self, digest: str) -> str | None:
        try:
            # In an object store: of the copy that is then packed.
            whole = digest_file(self.workspace.blobs.path(digest)) == digest
        except NotFoundError:
            return "its media are missing"
        except DamagedError:
            whole = False
        return None if whole else "its media are damaged"

    def _moved(self, packed: Sequence[Packed]) -> bool:
        """Whether the samples are in an archive now; False when they changed meanwhile."""
        store = self.workspace.store
        versions = store.datasets.holding([one.uid for one in packed])
        made = self._begun(len(packed))
        store.archives.begin(made)
        try:
            written = self._written(made, packed)
            made = replace(
                made, digest=written.digest, size=written.size, media_bytes=written.media_bytes
            )
            freed = store.archives.take(made, packed)
        except BaseException:
            # Nothing was taken: what was written goes, unless there is no way to remove it now.
            if made.name in {one.name for one in store.archives.begun()}:
                _discard(self.workspace, made)
            raise
        if freed is None:
            _discard(self.workspace, made)
            return False
        self._tell(made, packed, freed)
        named = {name for names in versions.values() for name in names}
        self.done.versions = tuple(sorted({*self.done.versions, *named}))
        return True

    def _begun(self, samples: int) -> Archive:
        name = free_name(self.workspace, self.base, self.folder)
        return Archive(
            name=name,
            place=self.folder / f"{name}{archive_file.ENDING}",
            digest="",
            created_at=self.workspace.clock.now(),
            actor=self.actor,
            samples=samples,
            size=0,
            media_bytes=0,
        )

    def _written(self, made: Archive, packed: Sequence[Packed]) -> archive_file.Written:
        """Writes the file, then reads it back from end to end."""
        from truing import __version__

        head = {
            "name": made.name,
            "created_at": to_iso(made.created_at),
            "version": __version__,
            "samples": len(packed),
        }
        written = archive_file.write(made.place, head, packed, self.workspace.blobs)
        with archive_file.opened_archive(made.place) as there:
            there.check()
            if there.digest != written.digest or there.packed() != list(packed):
                raise DamagedError(
                    f"`{made.place}` does not read as it was written",
                    hint="check the disk; nothing was removed from the workspace",
                )
        return written

    def _tell(self, made: Archive, packed: Sequence[Packed], freed: Sequence[str]) -> None:
        workspace, sizes = self.workspace, _sizes(packed)
        self.done.archives.append(made.name)
        self.done.samples += len(packed)
        self.done.media_bytes += made.media_bytes
        self.done.archive_bytes += made.size
        self.done.kept += len(archive_file.digests_of(packed)) - len(freed)
        # Looked at once more: somebody may have captured the same bytes since.
        gone = workspace.blobs.discard(freed, workspace.store.samples.needed_blobs)
        self.done.freed += sum(sizes.get(digest, 0) for digest in gone)


def free_name(workspace: Workspace, base: str, folder: Path) -> str:
    """The first of `BASE`, `BASE-2`, … that names neither an archive nor a file in the folder."""
    archives = workspace.store.archives
    known = {one.name for one in (*archives.all(), *archives.begun())}
    number = 1
    while True:
        name = base if number == 1 else f"{base}-{number}"
        if name not in known and not (folder / f"{name}{archive_file.ENDING}").exists():
            return name
        number += 1


def _sizes(packed: Sequence[Packed]) -> dict[str, int]:
    return {
        str(one["digest"]): int(one["size"])
        for row in packed
        for one in json.loads(row.sample["document"]).get("media", ())
    }


def _discard(workspace: Workspace, made: Archive) -> None:
    # What cannot be removed now is removed by the next command: it stands as begun until then.
    with contextlib.suppress(UnavailableError):
        remove(made.place)
        workspace.store.archives.remove(made.name)
