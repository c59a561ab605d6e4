"""Events: what happened in a workspace, append-only, without transcripts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One entry of the workspace's journal.

    Kinds: `workspace-created`, `imported`, `dataset-frozen`, `run-queued`, `run-ended`,
    `evaluated`, `promoted`, `rolled-back`, `fell-back`, `forgotten`, `deleted`,
    `taken-back`, `trash-emptied`, `restored`.
    """

    kind: str
    at: int
    actor: str
    data: Mapping[str, object] = field(default_factory=dict)
    """Names and numbers only; never a transcript, so that forgetting need not rewrite it."""
    id: int = 0
