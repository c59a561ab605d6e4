"""NexVision's folder written live beside a workspace: what the app posts, and what it has missed.

The workspace comes first: when the folder cannot be written, the session is kept all the same, a
mark in `.nexvision-behind/` names it, and `catch_up` writes it as soon as that is possible. The log
and `truing doctor` tell of it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from truing.domain.compression import COMPRESSED
from truing.domain.errors import DamagedError, NotFoundError, TruingError, UnavailableError
from truing.domain.review import State
from truing.formats.nexvision_session import FILES, SAFE_KEY, SOURCE, exported, names_of
from truing.formats.nexvision_tree import SessionTree
from truing.platform.files import make_folder, remove
from truing.platform.locks import FileLock
from truing.workspace.exporting import exported_sample

if TYPE_CHECKING:
    from truing.domain.sample import Sample
    from truing.workspace import Workspace

log = logging.getLogger(__name__)

KEY = "image_edit.nexvision_folder"
BEHIND = ".nexvision-behind"
LOCK = ".nexvision-catching-up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the folder stands to the workspace."""

    root: Path
    behind: int
    """Sessions of the workspace that are still to be written into it."""
    trouble: str | None
    """Why nothing can be written now."""


def tree_of(workspace: Workspace) -> SessionTree | None:
    """The folder of the setting; None when there is none. A relative one lies in the workspace."""
    text = workspace.settings.text(KEY).strip()
    if not text:
        return None
    root = workspace.layout.root / Path(text).expanduser()
    return SessionTree(root, clock=workspace.clock)


def claim(tree: SessionTree, session: str) -> bool | None:
    """Takes a session's name in the folder.

    Returns:
        False when it is taken already, None when the folder cannot be written.
    """
    try:
        return tree.claim(session)
    except UnavailableError as error:
        log.warning("the folder of NexVision cannot be written: %s", error.message)
        return None


def write(workspace: Workspace, tree: SessionTree, sample: Sample, *, claimed: bool) -> bool:
    """Writes a sample's session; whatever happens, the workspace keeps it.

    Returns:
        Whether it is written; if not, `catch_up` will do it.
    """
    session = str(sample.source_key)
    try:
        if not claimed and not tree.claim(session):
            raise UnavailableError(f"`{session}` is taken", hint="see what lies in the folder")
        tree.put(session, *_contents(workspace, sample))
    except TruingError as error:
        log.warning("%s is not in the folder of NexVision yet: %s", session, error.message)
        _mark(workspace, sample.uid)
        return False
    return True


def catch_up(workspace: Workspace) -> int:
    """Writes the sessions that the folder has missed, as far as that is possible; returns how
    many. What is left, the log and `health` tell.
    """
    tree = tree_of(workspace)
    lock = FileLock(workspace.layout.root / LOCK)
    if tree is None or not (tree.root.is_dir() or _marks(workspace)) or not lock.acquire():
        return 0
    try:
        return _finish_claims(workspace, tree) + _write_missed(workspace, tree)
    except UnavailableError as error:
        log.warning("the folder of NexVision cannot be written: %s", error.message)
        return 0
    finally:
        lock.release()


def health(workspace: Workspace) -> Health | None:
    """How the folder stands to the workspace; None when none is set."""
    tree = tree_of(workspace)
    if tree is None:
        return None
    there = tree.root.is_dir()
    place = tree.root if there else tree.root.parent
    writable = os.access(place, os.W_OK | os.X_OK)
    left = tree.unfinished() if there else []
    return Health(
        root=tree.root,
        behind=len(_marks(workspace)) + len(left),
        trouble=None if writable else f"`{place}` cannot be written",
    )


def sessions_of(workspace: Workspace, uids: Sequence[str]) -> tuple[str, ...]:
    """How many sessions of samples the folder holds, in words; empty where there are none."""
    tree = tree_of(workspace)
    if tree is None or not tree.root.is_dir():
        return ()
    return _in_words(tree, sum(tree.holds(*one) for one in _named(workspace, uids).items()))


def remove_sessions(workspace: Workspace, uids: Sequence[str]) -> tuple[str, ...]:
    """Erases the sessions of samples from the folder.

    Returns:
        As `sessions_of`.

    Raises:
        UnavailableError: the folder cannot be written.
    """
    for uid in uids:
        remove(workspace.layout.root / BEHIND / uid)
    tree = tree_of(workspace)
    if tree is None:
        return ()
    if not tree.root.is_dir():
        log.warning("the folder of NexVision is not there: what it held is not erased from it")
        return ()
    return _in_words(tree, len(tree.remove(_named(workspace, uids))))


def tidy_sessions(workspace: Workspace, uids: Sequence[str]) -> None:
    """Erases the sessions of samples that leave the trash, where the folder lets it."""
    try:
        remove_sessions(workspace, uids)
    except UnavailableError as error:
        log.warning("deleted sessions stay in the folder of NexVision: %s", error.message)


def _in_words(tree: SessionTree, count: int) -> tuple[str, ...]:
    return (f"{tree.root}: {count} session{'s' * (count != 1)}",) if count else ()


def _named(workspace: Workspace, uids: Sequence[str]) -> dict[str, set[str] | None]:
    """By the names of the sessions, the digests of their pictures; of archived samples as well.

    Names under the app's own source are the app's, whatever became of the pictures since. Others
    can be chosen by contributors, who may erase what is theirs alone.
    """
    here = workspace.store.samples.by_uids(uids).values()
    named = [(one.source_key, None if one.source == SOURCE else _digests(one)) for one in here]
    away = workspace.store.archives.by_uids(uids)
    named += [(one.source_key, None if one.source == SOURCE else set(one.digests)) for one in away]
    return {key: found for key, found in named if key is not None and SAFE_KEY.fullmatch(key)}


def _digests(sample: Sample) -> set[str]:
    """Of its pictures as they are, and as they came where they were compressed since."""
    before = [medium.parameters.get(COMPRESSED) for medium in sample.media]
    came = {str(one.get("digest")) for one in before if isinstance(one, Mapping)}
    return came | {medium.digest for medium in sample.media}


def _contents(
    workspace: Workspace, sample: Sample
) -> tuple[Mapping[str, bytes], Mapping[str, object]]:
    """The files of a session by name, and its metadata."""
    row = exported_sample(sample, None)
    session = str(sample.source_key)
    names = names_of(row, session)
    data = {role: workspace.blobs.read(row.media[role].digest) for role in FILES}
    said = exported(row, session, {role: len(found) for role, found in data.items()})
    return {names[role]: found for role, found in data.items()}, said


def _finish_claims(workspace: Workspace, tree: SessionTree) -> int:
    """Ends what a process that is dead has begun: its sample is there, or it never was."""
    written = 0
    for session in tree.unfinished() if tree.root.is_dir() else ():
        sample = _posted_as(workspace, session)
        if sample is None:
            tree.release(session)
        else:
            written += _finish(workspace, tree, sample)
    return written


def _posted_as(workspace: Workspace, session: str) -> Sample | None:
    samples = workspace.store.samples
    people = workspace.store.people.all()
    for source in (SOURCE, *(f"contributor/{one.name}" for one in people)):
        for number in samples.by_source(source, [session]).values():
            # None of it is here when the sample lies in an archive.
            return next(iter(samples.by_ids([number])), None)
    return None


def _write_missed(workspace: Workspace, tree: SessionTree) -> int:
    written = 0
    for uid in _marks(workspace):
        sample = workspace.store.samples.by_uids([uid]).get(uid)
        if sample is not None and sample.state is not State.TRASHED:
            if not _finish(workspace, tree, sample):
                continue
            written += 1
        remove(workspace.layout.root / BEHIND / uid)
    return written


def _finish(workspace: Workspace, tree: SessionTree, sample: Sample) -> bool:
    session = str(sample.source_key)
    if tree.taken(session, _digests(sample)):
        log.warning("another program has written a %s into the folder of NexVision", session)
        return False
    try:
        tree.finish(session, *_contents(workspace, sample))
    except (DamagedError, NotFoundError) as error:
        log.warning("%s stays out of the folder of NexVision: %s", session, error.message)
        return False
    return True


def _mark(workspace: Workspace, uid: str) -> None:
    place = workspace.layout.root / BEHIND
    try:
        make_folder(place)
        (place / uid).touch()
    except OSError as error:
        log.warning("what the folder of NexVision lacks is not noted: %s", error.strerror)


def _marks(workspace: Workspace) -> list[str]:
    place = workspace.layout.root / BEHIND
    return sorted(one.name for one in place.iterdir()) if place.is_dir() else []
