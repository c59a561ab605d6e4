"""A choice: which of several results of one moment a person took."""

from __future__ import annotations

from dataclasses import dataclass

from truing.domain.review import Revision, Verdict

NOT_CHOSEN = "not chosen"
"""Why a result is rejected that was not taken."""
MOST_RESULTS = 16
CHOSEN, OF = "chosen", "of"
"""In the context of each result: whether it was taken, and the uids of all, in the order given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MomentChoice:
    """What an app says of the results that it hands in."""

    chosen: int | None = None
    """Place of the one that was taken, from 0; None while nobody has chosen."""
    actor: str
    """Who chose."""
    rated: bool = False
    """Whether a rating comes with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a choice changed."""

    chosen: int
    """Number of the sample that was taken."""
    rejected: tuple[int, ...] = ()
    """Those that were rejected by it."""
    restored: tuple[int, ...] = ()
    """Those that an earlier choice had rejected, and this one takes back."""


def rejection(number: int, actor: str, now: int, *, known: bool) -> Revision:
    """The decision on a result that was not taken.

    Args:
        number: of the sample, 0 while it has none.
        actor: who chose.
        now: when.
        known: whether a model's text stands beside it.
    """
    return Revision(
        sample_id=number,
        verdict=Verdict.REJECTED,
        actor=actor,
        created_at=now,
        why=NOT_CHOSEN,
        shown_because="app",
        prediction_known=known,
    )
