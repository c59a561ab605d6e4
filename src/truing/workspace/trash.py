"""The trash: deleting samples so that they can be taken back, and erasing them for good later.

Deleting tidies up; it is no forgetting. What is erased from the trash leaves tombstones in the
dataset versions that hold it, but models stay as they are, and backups keep it until they make room
for newer ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING

from truing.domain.clock import MICROSECONDS
from truing.domain.errors import InvalidInputError, NotFoundError, NothingToDoError
from truing.domain.event import Event
from truing.domain.sample import SampleFilter
from truing.domain.trash import Trashed

if TYPE_CHECKING:
    from truing.workspace import Workspace

BATCH = 500
_DAY = 86_400 * MICROSECONDS


def delete(
    workspace: Workspace,
    *,
    ids: Sequence[int] | None = None,
    where: SampleFilter | None = None,
    actor: str | None = None,
) -> list[int]:
    """Moves samples into the trash; returns their numbers.

    Args:
        workspace: where they are.
        ids: their numbers; those in the trash already are passed over.
        where: which samples, instead of numbers.
        actor: who deletes them; the workspace's own when left out.

    Raises:
        InvalidInputError: neither numbers nor a filter that narrows, or both.
        NotFoundError: one of the numbers is no sample; nothing was deleted.
        NothingToDoError: no sample fits, or all are in the trash already.
    """
    if (ids is None) == (where is None) or where == SampleFilter():
        raise InvalidInputError(
            "name the samples to delete, or a filter that chooses some",
            hint="truing delete 42 43, or truing delete --state rejected",
        )
    samples = workspace.store.samples
    # One instant for all: they can be taken back together.
    now = workspace.clock.now()
    moved: list[int] = []
    if ids is not None:
        for number in ids:
            samples.get(number)
        numbers = iter(ids)
    else:
        numbers = (sample.id for sample in samples.iterate(where or SampleFilter()))
    while part := list(islice(numbers, BATCH)):
        moved += workspace.store.trash.put(part, at=now, actor=actor or workspace.actor)
    if not moved:
        raise NothingToDoError(
            "no sample fits" if ids is None else "it is in the trash already",
            hint="truing samples shows those there are, truing trash list those deleted",
        )
    _note(workspace, "deleted", len(moved), actor)
    return moved


def take_back(
    workspace: Workspace,
    *,
    ids: Sequence[int] | None = None,
    last: bool = False,
    actor: str | None = None,
) -> list[int]:
    """Takes samples out of the trash; each has the state it had. Returns their numbers.

    Args:
        workspace: where they are.
        ids: their numbers.
        last: those that were deleted together the last time, instead of numbers.
        actor: who takes them back; the workspace's own when left out.

    Raises:
        InvalidInputError: neither or both were given.
        NotFoundError: none of the samples is in the trash.
        NothingToDoError: the trash is empty.
    """
    if (ids is None) != last:
        raise InvalidInputError(
            "name the samples to take back",
            hint="truing trash restore 42 43, or truing trash restore --last",
        )
    trash = workspace.store.trash
    numbers = list(ids) if ids is not None else _last(workspace)
    back: list[int] = []
    for start in range(0, len(numbers), BATCH):
        back += trash.take_back(numbers[start : start + BATCH])
    if not back:
        raise NotFoundError(
            f"sample {', '.join(map(str, numbers[:10]))} is not in the trash",
            hint="truing trash list shows what is",
        )
    _note(workspace, "taken-back", len(back), actor)
    return back


def _last(workspace: Workspace) -> list[int]:
    trash = workspace.store.trash
    page = trash.page(limit=BATCH)
    if not page:
        raise NothingToDoError("the trash is empty", hint="truing samples")
    numbers = []
    when = page[0].at
    while page:
        numbers += [one.sample_id for one in page if one.at == when]
        if page[-1].at != when:
            break
        page = trash.page(before=page[-1], limit=BATCH)
    return numbers


def listed(
    workspace: Workspace, *, before: Trashed | None = None, limit: int = 50
) -> list[Trashed]:
    """What is in the trash, newest first."""
    return workspace.store.trash.page(before=before, limit=limit)


def goes_at(workspace: Workspace, one: Trashed) -> int:
    """When a sample in the trash will be erased for good."""
    return one.at + keeping_time(workspace)


def keeping_time(workspace: Workspace) -> int:
    """Microseconds for which a deleted sample can be taken back."""
    return int(workspace.settings.number("trash.days") * _DAY)


def empty(
    workspace: Workspace, *, everything: bool = True, actor: str | None = None
) -> tuple[int, int]:
    """Erases samples in the trash for good; an interrupted call can be made again.

    Args:
        workspace: where they are.
        everything: False erases only what has been there for `trash.days`.
        actor: who asks for it; the workspace's own when left out.

    Returns:
        How many samples and how many media files went. Media that a backup lists stay until it
        goes.
    """
    store = workspace.store
    until = workspace.clock.now()
    if not everything:
        until -= keeping_time(workspace)
    samples = blobs = 0
    while numbers := store.trash.due(until, limit=BATCH):
        blobs += erase(workspace, numbers)
        samples += len(numbers)
    if samples:
        store.scrub()
        _note(workspace, "trash-emptied", samples, actor)
    return samples, blobs


def erase(workspace: Workspace, numbers: Sequence[int]) -> int:
    """Erases a batch of samples for good, in the trash or not; the caller scrubs the database.

    Returns:
        How many media files went.
    """
    from truing.loop.forget import entomb
    from truing.workspace.backups import backed_up
    from truing.workspace.nexvision_folder import tidy_sessions

    store = workspace.store
    uids = [sample.uid for sample in store.samples.by_ids(numbers)]
    entomb(uids, store, taint=False)
    tidy_sessions(workspace, uids)
    freed = set(store.samples.erase(numbers))
    unlisted = freed - backed_up(workspace.layout, freed)
    return len(workspace.blobs.discard(unlisted, store.samples.needed_blobs))


def _note(workspace: Workspace, kind: str, samples: int, actor: str | None = None) -> None:
    workspace.store.events.add(
        Event(
            kind=kind,
            at=workspace.clock.now(),
            actor=actor or workspace.actor,
            data={"samples": samples},
        )
    )
