"""The trash: samples that somebody deleted and may still take back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Trashed:
    """One sample in the trash."""

    sample_id: int
    at: int
    """When it was deleted; samples deleted together share the instant."""
    actor: str
    """Who deleted it."""


class Trash(Protocol):
    """Deleted samples that may still be taken back. They keep their number, and the dataset
    versions that hold them keep their rows; every list, count and search leaves them out.
    """

    def put(self, ids: Sequence[int], *, at: int, actor: str) -> list[int]:
        """Moves samples into the trash; returns the numbers of those that were not there yet.
        Unknown ones are passed over.
        """
        ...

    def take_back(self, ids: Sequence[int]) -> list[int]:
        """Gives samples the state that follows from their revisions; returns the numbers of those
        that were in the trash.
        """
        ...

    def page(self, *, before: Trashed | None = None, limit: int = 50) -> list[Trashed]:
        """What was deleted, newest first, from after `before` on."""
        ...

    def due(self, until: int, *, limit: int = 500) -> list[int]:
        """Numbers of samples deleted at `until` or before, oldest first."""
        ...

    def count(self) -> int:
        """How many samples are in the trash."""
        ...
