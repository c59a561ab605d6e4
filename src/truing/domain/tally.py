"""Tallies: figures over all samples, added up as samples come and change.

Counting a million samples anew for each look takes minutes; adding up what was counted before
takes milliseconds. A `Count` is what one sample adds, a `Tally` what many add up to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from truing.domain.sample import Sample


class Slice(StrEnum):
    """What figures are told apart by."""

    SUBJECT = "subject"
    SOURCE = "source"
    MODEL = "model"
    WEEK = "week"
    CHANCE = "chance"
    """`1` for samples taken by chance or wholesale, `0` for the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One text against the truth."""

    exact: bool
    """Equal character by character."""
    numerator: float
    denominator: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What one sample adds to the figures."""

    model: str
    week: str
    """Its first day, such as `2026-01-05`."""
    chance: bool
    seconds: float
    """Length of its first medium, 0 when unknown."""
    raw: Compared | None = None
    """None while there is no truth, or no such text."""
    corrected: Compared | None = None


@dataclass(slots=True, kw_only=True)
class Accuracy:
    """Sums over compared texts."""

    samples: int = 0
    exact: int = 0
    numerator: float = 0.0
    denominator: float = 0.0


@dataclass(slots=True, kw_only=True)
class Tally:
    """Sums over samples."""

    samples: int = 0
    seconds: float = 0.0
    raw: Accuracy = field(default_factory=Accuracy)
    corrected: Accuracy = field(default_factory=Accuracy)


class Tallies(Protocol):
    """Figures over all samples, kept so that asking costs the same at any size."""

    def tally(
        self,
        modality: str,
        metric: str,
        count: Callable[[Sample], Count],
        *,
        at_most: int = 500,
    ) -> int:
        """Counts samples that are new or changed since they were counted.

        Args:
            modality: whose samples.
            metric: name and version; under another one everything is counted anew.
            count: says what a sample adds; others wait with writing while it is called.
            at_most: samples in this one transaction.

        Returns:
            How many were counted; 0 when nothing waits any more.
        """
        ...

    def sums(
        self,
        modality: str,
        by: Slice | None = None,
        *,
        where: Mapping[Slice, str] | None = None,
    ) -> dict[str, Tally]:
        """What the counted samples add up to, without those in the trash.

        Args:
            modality: whose samples.
            by: told apart by this; None for all in one, under an empty name.
            where: only these; an empty subject is who is not named.
        """
        ...
