"""Ratings: how good a person finds a sample, from 1 to 5; the newest one counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

LOWEST, HIGHEST = 1, 5
LONGEST_REASON = 2000
"""Characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """One person's rating of one sample; never changed, only followed by another."""

    id: int = 0
    sample_id: int
    value: int
    """`LOWEST` to `HIGHEST`."""
    actor: str
    created_at: int
    reason: str | None = None


class Ratings(Protocol):
    """The port of ratings; what a sample is rated now is kept beside them in one transaction."""

    def add(self, rating: Rating) -> Rating:
        """Stores a rating, with `id` 0, and makes it the sample's own; the stored one is returned.

        Raises:
            NotFoundError: no such sample.
            ConflictError: the sample is in the trash.
        """
        ...

    def of(self, sample_id: int) -> list[Rating]:
        """All ratings of a sample, oldest first."""
        ...
