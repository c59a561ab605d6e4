"""Archives: found, looked through, cleaned of what was forgotten, removed.

An archive may lie anywhere. One that was carried off is cleaned when it is met again: whatever
looks into a file asks the memory of what was forgotten (`remembering`) first.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from truing.domain.archive import Archive, Away, Packed
from truing.domain.erasure import Memory
from truing.domain.errors import (
    DamagedError,
    InvalidInputError,
    TruingError,
)
from truing.domain.event import Event
from truing.loop.forget import Contact, Person, Whom, entomb
from truing.platform.files import remove
from truing.stores.archive_file import Written, opened_archive
from truing.stores.database.names import unnamed
from truing.workspace import backups as backing_up
from truing.workspace.archive_contents import bring_media
from truing.workspace.archive_history import note_look
from truing.workspace.archive_leftovers import put_right
from truing.workspace.archive_places import files_of, found, known_as, listed
from truing.workspace.keeping import Problem
from truing.workspace.remembering import read_file

if TYPE_CHECKING:
    from truing.workspace import Workspace

log = logging.getLogger(__name__)
Progress = Callable[[str, int, int], None]
"""Called with what is done, bytes done and bytes in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What a look through archives found."""

    archives: int
    problems: tuple[Problem, ...]
    forgotten: int
    """Samples that had been forgotten since: the archives are without them now."""

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {
            "ok": not self.problems,
            "archives": self.archives,
            "forgotten": self.forgotten,
            "problems": [{"what": one.what, "why": one.why} for one in self.problems],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What an archive holds, without its media."""

    place: Path
    size: int
    digest: str
    archive: Archive | None
    """The archive it is in this workspace, None for a stranger's."""
    samples: list[Packed]


def contents(workspace: Workspace, name: str) -> Contents:
    """What an archive holds: of those forgotten since, nothing is told.

    Raises:
        NotFoundError: no such archive, or its file is not where it was.
        DamagedError: it is damaged.
    """
    place, known = found(workspace, name)
    memory = memory_of(workspace)
    with opened_archive(place) as there:
        packed = [one for one in there.packed() if not one.forgotten(memory)]
        return Contents(
            place=place, size=there.size, digest=there.digest, archive=known, samples=packed
        )


def verify(
    workspace: Workspace,
    name: str | None = None,
    *,
    on_progress: Progress = lambda _, __, ___: None,
) -> Looked:
    """Reads archives from end to end, and takes out what was forgotten since.

    Args:
        workspace: whose archives.
        name: of one, or the path of a file; all of them when left out.
        on_progress: see `Progress`.

    Raises:
        NotFoundError: no such archive.
        UnavailableError: an archive that holds what was forgotten cannot be rewritten.
    """
    amiss: dict[str, str] = {}
    with backing_up.holding(workspace.layout):
        put_right(workspace)
        places = files_of(workspace) if name is None else [found(workspace, name)[0]]
        memory = memory_of(workspace)
        problems: list[Problem] = []
        forgotten = 0
        for place in places:
            why, gone = _looked_through(workspace, place, memory, on_progress)
            problems += [Problem(what=f"archive {place.stem}", why=one) for one in why]
            amiss.update((place.stem, one) for one in why)
            forgotten += gone
        note_look(workspace, [place.stem for place in places], amiss)
    return Looked(archives=len(places), problems=tuple(problems), forgotten=forgotten)


def _looked_through(
    workspace: Workspace, place: Path, memory: Memory, on_progress: Progress
) -> tuple[list[str], int]:
    if not place.is_file():
        return [f"`{place}` is not there: name its file, truing archive verify FILE"], 0
    try:
        with opened_archive(place) as there:
            there.check(lambda done, total: on_progress(place.stem, done, total))
            known = known_as(workspace, there)
            packed = there.packed()
            digest = there.digest
        kept = [one for one in packed if not one.forgotten(memory)]
        if len(kept) < len(packed):
            rewrite(workspace, place, kept)
    except (DamagedError, InvalidInputError) as error:
        return [error.message], 0
    if known is not None and known.place == place and known.digest != digest:
        return ["it is not the file that was written: its digest is another one"], 0
    return [], len(packed) - len(kept)


def memory_of(workspace: Workspace) -> Memory:
    """What was forgotten in this workspace."""
    table, lines = workspace.store.erasures.all(), read_file(workspace.layout.forgotten)
    return Memory([*table, *lines])


def rewrite(workspace: Workspace, place: Path, kept: Sequence[Packed]) -> None:
    """Writes an archive anew with these samples alone; one that would be empty is removed.

    Raises:
        DamagedError: it is damaged: nothing was changed.
        UnavailableError: it cannot be written.
    """
    with opened_archive(place) as there:
        known = known_as(workspace, there)
        written: Written | None = there.rewrite(place, kept) if kept else None
    if written is None:
        remove(place)
        if known is not None and known.place == place:
            workspace.store.archives.remove(known.name)
    elif known is not None and known.place == place:
        workspace.store.archives.move(known.name, place, written.digest)


def delete(workspace: Workspace, name: str, *, actor: str | None = None) -> int:
    """Removes an archive for good, and with it the samples that lie in it alone.

    As from the trash, they leave tombstones in the dataset versions that hold them, and media that
    a backup lists come back until that backup goes. A call that was cut off can be made again.

    Args:
        workspace: whose archive.
        name: of the archive.
        actor: who asks for it; the workspace's own when left out.

    Returns:
        How many samples are gone.

    Raises:
        NotFoundError: no such archive.
        UnavailableError: the file cannot be removed.
    """
    store = workspace.store
    with backing_up.holding(workspace.layout):
        put_right(workspace)
        place = found(workspace, store.archives.get(name).name)[0]
        only = [away for away in store.archives.iterate() if _only_in(away, name)]
        _keep_for_backups(workspace, place, only)
        uids = [away.uid for away in only]
        entomb(uids, store, taint=False)
        remove(place)
        store.archives.remove(name)
        freed = set(store.archives.drop(uids))
        freed |= {digest for away in only for digest in away.digests}
        unlisted = freed - backing_up.backed_up(workspace.layout, freed)
        workspace.blobs.discard(sorted(unlisted), store.samples.needed_blobs)
        data = {"archive": name, "samples": len(only)}
        who = actor or workspace.actor
        now = workspace.clock.now()
        store.events.add(Event(kind="archive-removed", at=now, actor=who, data=data))
    return len(only)


def _only_in(away: Away, name: str) -> bool:
    return away.archive == name and not away.back


def _keep_for_backups(workspace: Workspace, place: Path, only: Sequence[Away]) -> None:
    digests = {digest for away in only for digest in away.digests}
    listed_in_backups = backing_up.backed_up(workspace.layout, digests)
    if listed_in_backups and place.is_file():
        bring_media(workspace, place, listed_in_backups)


# --- forgetting ----------------------------------------------------------------------------------


def forget_in_archives(
    workspace: Workspace, uids: Collection[str], person: Whom
) -> tuple[list[str], list[str]]:
    """Takes samples, or everything of a person, out of every archive; the caller holds the lock.

    Args:
        workspace: whose archives.
        uids: of the samples.
        person: whose samples go as well; a speaker's name goes from those of others, too.

    Returns:
        The names of the archives that are without them now, and of those that hold or may hold
        them still: they are not where they were, are damaged, or cannot be written.
    """
    names, missed = [], [one.name for one in _out_of_reach(workspace, uids)]
    for place in files_of(workspace):
        if place.is_file():
            try:
                if _forgot(workspace, place, uids, person):
                    names.append(place.stem)
            except TruingError as error:
                log.warning("the archive `%s` is not cleaned: %s", place, error.message)
                missed.append(place.stem)
    return names, missed


def _forgot(workspace: Workspace, place: Path, uids: Collection[str], person: Whom) -> bool:
    packed = _packed(place)
    kept = [one for one in packed if not _concerned(one, uids, person)]
    if isinstance(person, Person):
        kept = [unnamed(one, person.name, person.pseudonym) for one in kept]
    if kept == packed:
        return False
    rewrite(workspace, place, kept)
    return True


def would_forget_in_archives(
    workspace: Workspace, uids: Collection[str], person: Whom
) -> tuple[list[str], list[str]]:
    """What `forget_in_archives` would reach, and what it would not; changes nothing."""
    names, missed = [], [one.name for one in _out_of_reach(workspace, uids)]
    for place in files_of(workspace):
        if place.is_file():
            try:
                if any(_concerned(one, uids, person) for one in _packed(place)):
                    names.append(place.stem)
            except TruingError:
                missed.append(place.stem)
    return names, missed


def _concerned(packed: Packed, uids: Collection[str], person: Whom) -> bool:
    if packed.uid in uids:
        return True
    if isinstance(person, Person):
        return bool(packed.sample["subject"] == person.name)
    return isinstance(person, Contact) and packed.contact == person.address


def _packed(place: Path) -> list[Packed]:
    with opened_archive(place) as there:
        return there.packed()


def _out_of_reach(workspace: Workspace, uids: Collection[str]) -> list[Archive]:
    """Archives that hold some of these samples, and are not where they were last seen."""
    named = {one.archive for one in workspace.store.archives.by_uids(list(uids))}
    return [one for one in listed(workspace) if one.name in named and not one.place.is_file()]
