"""The history of archives: why each was made and when it was last looked through, by the journal.

An archive is read back and compared when it is made, so one that nobody has looked through since
was whole then. Of a filter only what names nobody is noted, so that forgetting need not reach here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from truing.domain.archive import Archive
from truing.domain.clock import to_iso
from truing.domain.event import Event
from truing.workspace.archive_places import listed

if TYPE_CHECKING:
    from truing.domain.sample import SampleFilter
    from truing.workspace import Workspace

MADE, LOOKED = "archived", "archives-verified"
"""Kinds of events."""
_PAGE = 1000
_TOLD = frozenset({"modality", "states", "captured_from", "captured_until"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """An archive with what the journal tells of it."""

    archive: Archive
    reason: str | None
    """Why its samples were chosen; None when they were named one by one, or it is not known."""
    checked_at: int
    """When its bytes were last compared with their digests: at the latest when it was made."""
    whole: bool
    """Whether they matched then."""
    why: str | None
    """What was amiss, in a sentence."""

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {
            **self.archive.as_dict(),
            "reason": self.reason,
            "checked_at": to_iso(self.checked_at),
            "whole": self.whole,
            "why": self.why,
        }


def remembered(workspace: Workspace) -> list[Remembered]:
    """All archives that the workspace knows, newest first."""
    known = listed(workspace)
    if not known:
        return []
    reasons = {
        name: event.data.get("reason")
        for event in _events(workspace, MADE)
        for name in _names(event.data.get("archives"))
    }
    looks: dict[str, tuple[int, str | None]] = {}
    for event in _events(workspace, LOOKED):
        amiss = event.data.get("amiss")
        why = amiss if isinstance(amiss, Mapping) else {}
        for name in _names(event.data.get("archives")):
            looks[name] = (event.at, None if name not in why else str(why[name]))
    found = []
    for one in known:
        at, amiss_since = looks.get(one.name, (0, None))
        # A name is free again once its archive is gone.
        checked, why_now = (at, amiss_since) if at > one.created_at else (one.created_at, None)
        found.append(
            Remembered(
                archive=one,
                reason=str(reasons[one.name]) if reasons.get(one.name) else None,
                checked_at=checked,
                whole=why_now is None,
                why=why_now,
            )
        )
    return found


def note_look(workspace: Workspace, names: Sequence[str], amiss: Mapping[str, str]) -> None:
    """Notes in the journal that archives were read from end to end, and what was amiss."""
    if names:
        data = {"archives": list(names), "amiss": dict(amiss)}
        at, actor = workspace.clock.now(), workspace.actor
        workspace.store.events.add(Event(kind=LOOKED, at=at, actor=actor, data=data))


def reason_of(where: SampleFilter) -> str:
    """A filter in words, without the names and texts in it."""
    said = ["samples" if not where.states else " or ".join(one.value for one in where.states)]
    if where.modality is not None:
        said.append(f"of {where.modality}")
    if where.captured_from is not None:
        said.append(f"captured since {to_iso(where.captured_from)[:10]}")
    if where.captured_until is not None:
        said.append(f"captured before {to_iso(where.captured_until)[:10]}")
    names = [one.name for one in fields(where) if one.name not in _TOLD]
    if any(getattr(where, name) is not None for name in names):
        said.append("narrowed further")
    return " ".join(said)


def _events(workspace: Workspace, kind: str) -> Iterator[Event]:
    last = 0
    while page := workspace.store.events.all(after=last, limit=_PAGE, kind=kind):
        yield from page
        last = page[-1].id


def _names(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []
