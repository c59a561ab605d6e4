"""Unarchiving: samples come back from an archive as they were, with numbers, decisions and media.

Media come first, then the rows in pieces, each one transaction: a crash in between leaves whole
samples here and the rest in the archive, and the same command goes on. What is here already is left
alone, and what was forgotten never comes back: it is taken out of the archive first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from truing.domain.archive import Archive, Packed
from truing.domain.errors import FullError, NotFoundError, UnavailableError
from truing.domain.event import Event
from truing.stores.archive_file import opened_archive
from truing.workspace import backups as backing_up
from truing.workspace.archive_contents import bring_media
from truing.workspace.archive_leftovers import put_right
from truing.workspace.archive_places import found, known_as
from truing.workspace.archives import memory_of, rewrite
from truing.workspace.quota import lacking

if TYPE_CHECKING:
    from truing.workspace import Workspace

Progress = Callable[[int, int], None]
TOGETHER = 200
"""Samples in one transaction: others may write in between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BroughtBack:
    """What came back."""

    archive: str
    ids: tuple[int, ...]
    """Numbers of the samples that came back, here."""
    present: int
    """Samples of the archive that are here already."""
    elsewhere: int
    """Samples that were archived again since: the newer archive has them."""
    forgotten: int
    """Samples that were forgotten since: they are gone from the archive, too."""
    reminder: str | None = None
    """What is left for a person to do."""

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {
            "archive": self.archive,
            "samples": len(self.ids),
            "ids": list(self.ids),
            "present": self.present,
            "elsewhere": self.elsewhere,
            "forgotten": self.forgotten,
            "reminder": self.reminder,
        }


def restore(
    workspace: Workspace,
    name: str,
    *,
    ids: Sequence[int] | None = None,
    actor: str | None = None,
    on_progress: Progress = lambda _, __: None,
) -> BroughtBack:
    """Brings samples back from an archive; a second call changes nothing.

    Args:
        workspace: where they go; it need not be the one they are from.
        name: of the archive, or the path of its file.
        ids: numbers of samples in it; all of them when left out.
        actor: who asks for it; the workspace's own when left out.
        on_progress: called with (samples done, samples in all).

    Raises:
        NotFoundError: no such archive, it is not where it was, or a sample is not in it.
        DamagedError: the archive is damaged: nothing of it was stored.
        FullError: no space on the disk, or less than the quota leaves.
    """
    with backing_up.holding(workspace.layout):
        put_right(workspace)
        place, _ = found(workspace, name)
        if not place.is_file():
            raise NotFoundError(
                f"the archive `{name}` is not at `{place}` any more",
                hint="name its file: truing archive restore FILE",
            )
        packed, known, forgotten, reminder = _without_forgotten(workspace, place)
        chosen = _chosen(packed, ids, place)
        here = set(workspace.store.samples.by_uids([one.uid for one in chosen]))
        newer = _newer(workspace, chosen, known)
        wanted = [one for one in chosen if one.uid not in here | newer]
        _bring(workspace, place, wanted)
        numbers = _put_back(workspace, wanted, on_progress)
        # Those of a sample with the same bytes may have gone before the rows came.
        bring_media(workspace, place, {digest for one in wanted for digest in one.digests})
        if numbers:
            data = {"archive": place.stem, "samples": len(numbers)}
            now, who = workspace.clock.now(), actor or workspace.actor
            event = Event(kind="brought-back", at=now, actor=who, data=data)
            workspace.store.events.add(event)
    return BroughtBack(
        archive=known.name if known is not None else place.stem,
        ids=tuple(numbers),
        present=len(chosen) - len(newer - here) - len(numbers),
        elsewhere=len(newer - here),
        forgotten=forgotten,
        reminder=reminder,
    )


def _without_forgotten(
    workspace: Workspace, place: Path
) -> tuple[list[Packed], Archive | None, int, str | None]:
    """What an archive holds that was not forgotten; the rest is taken out of its file."""
    memory = memory_of(workspace)
    with opened_archive(place) as there:
        there.check()
        known = known_as(workspace, there)
        packed = there.packed()
    kept = [one for one in packed if not one.forgotten(memory)]
    forgotten, reminder = len(packed) - len(kept), None
    if forgotten:
        try:
            if kept:
                rewrite(workspace, place, kept)
        except UnavailableError as error:
            reminder = f"`{place}` still holds what was forgotten: {error.message}"
    return kept, known, forgotten, reminder


def _chosen(packed: Sequence[Packed], ids: Sequence[int] | None, place: Path) -> list[Packed]:
    if ids is None:
        return list(packed)
    by_number = {one.number: one for one in packed}
    for number in ids:
        if number not in by_number:
            raise NotFoundError(
                f"sample `{number}` is not in `{place.name}`",
                hint=f"truing archive show {place.stem} tells what is",
            )
    return [by_number[number] for number in dict.fromkeys(ids)]


def _newer(workspace: Workspace, chosen: Sequence[Packed], known: Archive | None) -> set[str]:
    own = known.name if known is not None else None
    away = workspace.store.archives.by_uids([one.uid for one in chosen])
    return {one.uid for one in away if not one.back and one.archive != own}


def _bring(workspace: Workspace, place: Path, wanted: Sequence[Packed]) -> None:
    if not wanted:
        return
    refused = lacking(workspace, 2 * place.stat().st_size, "bringing back")
    if refused is not None:
        some = f"bring back some of the samples: truing archive restore {place.stem} ID"
        raise FullError(refused.message, hint=f"{some}; or {refused.hint}")
    bring_media(workspace, place, {digest for one in wanted for digest in one.digests})


def _put_back(workspace: Workspace, wanted: Sequence[Packed], on_progress: Progress) -> list[int]:
    numbers: list[int] = []
    for start in range(0, len(wanted), TOGETHER):
        piece = wanted[start : start + TOGETHER]
        numbers += workspace.store.archives.put_back(piece).values()
        on_progress(start + len(piece), len(wanted))
    return sorted(numbers)
