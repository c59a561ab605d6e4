"""A census: what there is among all samples of a modality, added up as samples come and change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from truing.domain.sample import Sample

BETWEEN = "\x1f"
"""Stands in a name between its parts; sorted before whatever a part may begin with."""
LONGEST = 400
"""Characters of a name: an index holds them."""


class Kind(StrEnum):
    """What is counted by name."""

    WEEK = "week"
    """First day of the week in which it was captured, then its source."""
    DAY = "day"
    """The day on which it was captured, such as `2026-11-21` (UTC)."""
    SITTING = "sitting"
    """Source and session, as a digest: only how many there are is asked."""
    CLUSTER = "cluster"
    """Texts that are nearly equal, as a digest of what they share."""
    TEXT = "text"
    """The cluster, then the text."""
    WORD = "word"
    """A word of the text, in how many texts it stands."""
    RATING = "rating"
    """First day of the week, then the rating."""
    FINDING = "finding"
    """The check, then `open` or `decided`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What one sample adds."""

    media: int = 0
    bytes: int = 0
    """Of its media, as kept."""
    names: tuple[tuple[Kind, str], ...] = ()
    """Each once. A sample in the trash has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What all samples of one name add up to."""

    name: str
    samples: int
    media: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """A census as it stands at one moment."""

    distinct: Mapping[Kind, int] = field(default_factory=dict)
    """How many names of a kind there are; a kind without any is missing."""
    entries: Mapping[Kind, Sequence[Entry]] = field(default_factory=dict)
    """Of the kinds that were asked for: the most frequent first, then by name."""


class Census(Protocol):
    """Counts by name, kept so that asking costs the same at any size."""

    def take(
        self, modality: str, version: str, facts: Callable[[Sample], Facts], *, at_most: int = 500
    ) -> int:
        """Counts samples that are new or changed since they were counted.

        Args:
            modality: whose samples.
            version: of `facts`; under another one everything is counted anew.
            facts: says what a sample adds; others wait with writing while it is called.
            at_most: samples in this one transaction.

        Returns:
            How many were counted; 0 when nothing waits any more.
        """
        ...

    def counted(self, modality: str, most: Mapping[Kind, int | None]) -> Counted:
        """What was counted.

        Args:
            modality: whose samples.
            most: the kinds whose entries are wanted, with how many of them; None for all.
        """
        ...

    def beneath(
        self, modality: str, kind: Kind, names: Sequence[str], *, most: int
    ) -> dict[str, list[Entry]]:
        """The most frequent entries of a kind whose names go on from each of `names`; their own
        names without that beginning.
        """
        ...
