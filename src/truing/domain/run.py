"""A run: one training job as a row that is the truth about it, with its figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class RunState(StrEnum):
    """What a run is doing."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    FAILED = "failed"
    DONE = "done"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self in (RunState.STOPPED, RunState.FAILED, RunState.DONE)


class Want(StrEnum):
    """What a person wants of a run."""

    RUN = "run"
    PAUSE = "pause"
    STOP = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What to train: everything needed to do it again."""

    modality: str
    recipe: str
    dataset: str
    """`name@number`."""
    base: str | None
    """A model reference, folder or hub id; None for a recipe that starts from nothing."""
    options: Mapping[str, object] = field(default_factory=dict)
    """Every option of the recipe as it will be used, presets and overrides resolved."""
    replay: str | None = None
    """An audiofolder or `name@number` of general examples, or None."""
    seed: int = 0
    audience: str = "general"
    """Whose model it is to become: `general` or `subject:<name>`."""

    def as_dict(self) -> dict[str, object]:
        """The JSON form stored with the run and copied into `model.json`."""
        return {
            "modality": self.modality,
            "recipe": self.recipe,
            "dataset": self.dataset,
            "base": self.base,
            "options": dict(self.options),
            "replay": self.replay,
            "seed": self.seed,
            "audience": self.audience,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run as read at one moment."""

    id: int
    uid: str
    request: RunRequest
    state: RunState
    want: Want
    fence: int
    """Grows with each worker that takes the run; a worker with an older one must stop."""
    lease_until: int | None
    boot_id: str | None
    pid: int | None
    pid_start: int | None
    """Start time of the process as the system gives it: guards against reused numbers."""
    attempts: int
    step: int
    total_steps: int
    created_at: int
    started_at: int | None
    ended_at: int | None
    error: str | None
    result: Mapping[str, object]
    """`model` (reference), `figures`, `notes` once it is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricPoint:
    """One figure of one step of a run."""

    step: int
    name: str
    value: float
    at: int
