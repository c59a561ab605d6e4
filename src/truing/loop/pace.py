"""Pace: how quickly people review, from the newest decisions."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from truing.domain.clock import MICROSECONDS
from truing.domain.review import Revision, Verdict

PAUSE = 30 * 60 * MICROSECONDS
"""Between two decisions of one person: what lies farther apart are two sittings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Medians over decisions; None while nothing is known."""

    seconds_per_item: float | None
    keys_per_item: float | None
    items_per_sitting: float | None

    def as_dict(self) -> dict[str, float | None]:
        """The JSON form."""
        return {
            "seconds_per_item": self.seconds_per_item,
            "keys_per_item": self.keys_per_item,
            "items_per_sitting": self.items_per_sitting,
        }


def pace(revisions: Sequence[Revision]) -> Pace:
    """The pace of some revisions, in any order; undoings and skips count for nothing."""
    decided = [one for one in revisions if one.verdict not in (Verdict.UNDONE, Verdict.SKIPPED)]
    by_hand = [one for one in decided if one.seconds is not None or one.keys is not None]
    return Pace(
        seconds_per_item=_median(one.seconds for one in by_hand if one.seconds is not None),
        keys_per_item=_median(one.keys for one in by_hand if one.keys is not None),
        items_per_sitting=_median(_sittings(by_hand)),
    )


def _median(values: Iterable[float]) -> float | None:
    known = list(values)
    return round(float(statistics.median(known)), 3) if known else None


def _sittings(revisions: Sequence[Revision]) -> list[int]:
    """How many different samples each sitting had."""
    seen: dict[str, int] = {}
    sittings: dict[str, list[set[int]]] = {}
    for one in sorted(revisions, key=lambda revision: (revision.created_at, revision.id)):
        own = sittings.setdefault(one.actor, [])
        if not own or one.created_at - seen[one.actor] > PAUSE:
            own.append(set())
        own[-1].add(one.sample_id)
        seen[one.actor] = one.created_at
    return [len(sitting) for own in sittings.values() for sitting in own]
