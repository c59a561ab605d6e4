"""A run: one training job as a row that is the truth about it, with its figures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from truing.domain.clock import to_iso

PROMOTE = "promote"
"""What a run may do `then`: put its model before the gate, and publish it if that lets it pass."""


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
    then: str | None = None
    """`promote`: what the worker does with the model it has made; None leaves it to a person."""
    publish_to: str | None = None
    """The folder in which a promoted model is published; None for nowhere."""

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
            "then": self.then,
            "publish_to": self.publish_to,
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
    """`model` (reference), `figures`, `notes` once it is done; if it was to promote, `verdict` of
    the gate and `published` (the folder).
    """

    def as_dict(self) -> dict[str, object]:
        """The JSON form that the commands and the API share; instants are ISO 8601."""
        return {
            "run": self.id,
            "uid": self.uid,
            "state": self.state.value,
            "want": self.want.value,
            "step": self.step,
            "total_steps": self.total_steps,
            "attempts": self.attempts,
            "created_at": to_iso(self.created_at),
            "started_at": _iso(self.started_at),
            "ended_at": _iso(self.ended_at),
            "error": self.error,
            "model": self.result.get("model"),
            "figures": self.result.get("figures", {}),
            "notes": self.result.get("notes") or self.result.get("troubles", []),
            "verdict": self.result.get("verdict"),
            "published": self.result.get("published"),
            "request": self.request.as_dict(),
        }


def _iso(instant: int | None) -> str | None:
    return None if instant is None else to_iso(instant)


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricPoint:
    """One figure of one step of a run."""

    step: int
    name: str
    value: float
    at: int

    def as_dict(self) -> dict[str, object]:
        """The JSON form; a figure that is no number is null."""
        value = self.value if math.isfinite(self.value) else None
        return {"step": self.step, "name": self.name, "value": value, "at": to_iso(self.at)}


class Runs(Protocol):
    """Training runs and their figures."""

    def add(self, uid: str, request: RunRequest, created_at: int) -> Run:
        """Queues a run."""
        ...

    def get(self, id: int) -> Run:
        """One run.

        Raises:
            NotFoundError: no such run.
        """
        ...

    def all(self, *, before: int | None = None, limit: int = 100) -> list[Run]:
        """Newest first; those numbered below `before`."""
        ...

    def claim(
        self, id: int, *, boot_id: str, pid: int, pid_start: int, now: int, lease_until: int
    ) -> Run | None:
        """Takes a run that is queued, paused with want `run`, or whose lease has expired: raises
        its fence and its attempts and marks it running. None when somebody else has it.
        """
        ...

    def heartbeat(
        self, id: int, fence: int, *, lease_until: int, step: int, total_steps: int
    ) -> Want | None:
        """Prolongs the lease and says what is wanted; None when the fence is stale: stop."""
        ...

    def want(self, id: int, want: Want) -> Run:
        """Records what a person wants of a run."""
        ...

    def end(
        self,
        id: int,
        fence: int,
        *,
        state: RunState,
        at: int,
        error: str | None = None,
        result: Mapping[str, object] | None = None,
    ) -> bool:
        """Ends or pauses a run; False when the fence is stale."""
        ...

    def report(self, id: int, points: Sequence[MetricPoint]) -> None:
        """Stores figures; one already there for the same step and name is replaced."""
        ...

    def metrics(self, id: int, *, after_step: int = -1) -> list[MetricPoint]:
        """Figures by step."""
        ...
