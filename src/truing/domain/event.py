"""Events: what happened in a workspace, append-only, without transcripts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One entry of the workspace's journal.

    Kinds: `workspace-created`, `imported`, `dataset-frozen`, `run-queued`, `run-ended`,
    `evaluated`, `promoted`, `rolled-back`, `fell-back`, `forgotten`, `deleted`,
    `taken-back`, `trash-emptied`, `restored`, `consent-given`, `consent-withdrawn`,
    `person-added`, `person-changed`, `person-removed`, `archived`, `brought-back`,
    `archive-removed`, `archives-verified`, `compressed`.
    """

    kind: str
    at: int
    actor: str
    data: Mapping[str, object] = field(default_factory=dict)
    """Names and numbers only; never a transcript, so that forgetting need not rewrite it."""
    id: int = 0


class Events(Protocol):
    """The journal."""

    def add(self, event: Event) -> Event:
        """Appends an entry and returns it with its number."""
        ...

    def all(self, *, after: int = 0, limit: int = 200, kind: str | None = None) -> list[Event]:
        """Entries with a number above `after`, oldest first; of one kind when it is named."""
        ...
