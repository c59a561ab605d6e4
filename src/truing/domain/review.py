"""Review: who decided what about a sample, when and why; nothing is ever overwritten.

Every decision is a `Revision`, appended and never changed. Undoing is a revision too and may
itself be undone. The state and the truth of a sample are derived from its revisions alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What a revision says."""

    ACCEPTED = "accepted"
    """The text stands as it was."""
    CORRECTED = "corrected"
    """The truth is another text."""
    REJECTED = "rejected"
    """Not usable as data."""
    SKIPPED = "skipped"
    """Left for later."""
    UNDONE = "undone"
    """Takes back the revision named in `undoes`."""


class State(StrEnum):
    """Where a sample stands."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    CORRECTED = "corrected"
    REJECTED = "rejected"
    SKIPPED = "skipped"
    TRASHED = "trashed"
    """Deleted, and not erased yet: left out wherever a filter names no states."""

    @property
    def has_truth(self) -> bool:
        """Whether the sample can be used as data."""
        return self in (State.ACCEPTED, State.CORRECTED)


LIVE = tuple(state for state in State if state is not State.TRASHED)
"""The states of samples that are not in the trash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One decision. `id` grows with time within a workspace and is 0 before it is stored."""

    sample_id: int
    verdict: Verdict
    actor: str
    created_at: int
    truth: str | None = None
    """The text that holds from now on; None for rejected, skipped and undone."""
    why: str | None = None
    """The person's reason, when one was given."""
    shown_because: str = "direct"
    """Why the sample was shown: `audit`, `newest`, `least-confident`, `finding`, `direct`, …"""
    prediction_known: bool = True
    """False when the text the model gave is lost: such reviews stay outside accuracy figures."""
    undoes: int | None = None
    seconds: float | None = None
    """Time the decision took."""
    keys: int | None = None
    """Keys pressed for the decision."""
    id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the revisions of one sample amount to."""

    state: State
    truth: str | None
    deciding: Revision | None
    """The revision that decided; None while nothing is decided."""
    disputed: bool
    """Whether two people's latest decisions disagree."""


@dataclass(frozen=True, slots=True)
class Appended:
    """A revision about to be stored: with what follows from it, and what its maker saw."""

    revision: Revision
    """With `id` 0."""
    standing: Standing
    """Of the sample, after it."""
    expected: int
    """Id of the sample's newest revision that was seen, 0 for none."""


def active_revisions(revisions: Sequence[Revision]) -> list[Revision]:
    """The decisions that hold, in order: undone ones and the undoings themselves left out.

    Args:
        revisions: all revisions of one sample, ordered by `id`.
    """
    cancelled: set[int] = set()
    for revision in reversed(revisions):
        if revision.undoes is not None and revision.id not in cancelled:
            cancelled.add(revision.undoes)
    return [
        revision
        for revision in revisions
        if revision.verdict is not Verdict.UNDONE and revision.id not in cancelled
    ]


def standing(revisions: Sequence[Revision]) -> Standing:
    """Derives state and truth: the latest decision that holds wins; a skip never undoes one."""
    active = active_revisions(revisions)
    decisions = [revision for revision in active if revision.verdict is not Verdict.SKIPPED]
    if not decisions:
        state = State.SKIPPED if active else State.PENDING
        deciding = active[-1] if active else None
        return Standing(state=state, truth=None, deciding=deciding, disputed=False)
    last = decisions[-1]
    latest = {
        revision.actor: (revision.truth, revision.verdict is Verdict.REJECTED)
        for revision in decisions
    }
    return Standing(
        state=State(last.verdict.value),
        truth=last.truth,
        deciding=last,
        disputed=len(set(latest.values())) > 1,
    )
