"""Arrivals: how many bytes came into a workspace, by day and modality; what forecasts are made of.

A `Day` says what came, never what is left: deleting a sample takes nothing back from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What came on one day, in UTC, of one modality."""

    date: str
    """Such as `2026-01-05`."""
    modality: str
    samples: int
    size: int
    """Bytes: of media that were not here before, and of what is said of them."""


class Arrivals(Protocol):
    """What came into the workspace, counted when somebody asks, not when it comes."""

    def count(self, *, at_most: int = 2000) -> int:
        """Counts samples that came since the last time, in one transaction.

        Returns:
            How many were counted; 0 when nothing waits any more.
        """
        ...

    def total(self) -> int:
        """Bytes of all that was counted."""
        ...

    def days(self, since: str = "") -> list[Day]:
        """What was counted, by day and then modality, from that day on."""
        ...
