"""An outline: the little of a sample that decides how long it is kept, read quickly for many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from truing.domain.review import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """What a sample is, without what it holds."""

    id: int
    uid: str
    modality: str
    state: State
    source: str
    added_at: int


class Outlines(Protocol):
    """All samples that are not in the trash, in outline."""

    def newest(
        self,
        *,
        before: int | None = None,
        states: Sequence[State] | None = None,
        limit: int = 1000,
    ) -> list[Outline]:
        """Samples by descending number.

        Args:
            before: only those of lower numbers.
            states: only those; None for all but the trash.
            limit: at most so many.
        """
        ...

    def here(self, uids: Sequence[str]) -> set[str]:
        """Those of the uids whose samples are here, neither in the trash nor in an archive."""
        ...

    def blobs(self, ids: Sequence[int]) -> dict[int, dict[str, int]]:
        """The blobs of samples' media: by number, the digest of each and its bytes. Unknown
        samples are missing.
        """
        ...
