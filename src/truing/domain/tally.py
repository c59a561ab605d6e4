"""Tallies: figures over all samples, added up as samples come and change.

Counting a million samples anew for each look takes minutes; adding up what was counted before
takes milliseconds. A `Count` is what one sample adds, a `Tally` what many add up to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


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
