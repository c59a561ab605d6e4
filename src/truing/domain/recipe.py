"""A recipe turns examples into a model folder; it knows nothing of jobs, stores or workspaces.

A recipe is named in a table (`modalities/<m>/recipes`), has one frozen dataclass of options whose
fields carry `metadata={"help": …}`, and one method. Everything it may do to the world goes
through its `RunContext`: report figures, save checkpoints, ask whether to stop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaFile:
    """Media on disk: a file, or the span of it from `start` to `end` in seconds."""

    path: Path
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One training or evaluation row as a recipe or recognizer sees it."""

    uid: str
    media: Mapping[str, MediaFile]
    """By role: `{"audio": …}` for speech."""
    truth: str
    subject: str | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)
    """Text inputs of the modality, such as `raw` for text correction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingInput:
    """All that a recipe is given. Sequences may be lazy: index them, do not copy them."""

    base: str | None
    """A folder or hub id to start from; None for a recipe that starts from nothing."""
    train: Sequence[Example]
    validation: Sequence[Example]
    replay: Sequence[Example]
    """General examples mixed into every batch so that the model does not forget; may be empty."""
    options: Any
    """An instance of the recipe's own options dataclass."""
    seed: int
    output: Path
    """An existing empty folder: the finished model is written here, safetensors only."""


class RunContext(Protocol):
    """The recipe's only way to the outside. Every method is cheap enough to call each step."""

    def report(self, step: int, metrics: Mapping[str, float]) -> None:
        """Records figures of a step, such as `{"train_loss": 0.31, "learning_rate": 1e-5}`.

        Validation figures use the prefix `validation_` (`validation_wer`, `validation_loss`).
        """
        ...

    def progress(self, done: int, total: int) -> None:
        """Says how far the run is, in steps; the caller derives the remaining time."""
        ...

    def log(self, message: str) -> None:
        """Writes one line to the run's log. Never a transcript."""
        ...

    def should_stop(self) -> bool:
        """True when a person asked to stop or pause: save a checkpoint, then return."""
        ...

    def save_checkpoint(self, step: int, write: Callable[[Path], None]) -> None:
        """Lets `write` fill a fresh folder, then seals it with a SHA-256 manifest."""
        ...

    def latest_checkpoint(self) -> tuple[int, Path] | None:
        """The newest checkpoint whose manifest verifies, as (step, folder), or None."""
        ...


@runtime_checkable
class KnowsShortages(Protocol):
    """A `RunContext` that remembers when the system ended the run for want of memory."""

    def memory_shortages(self) -> int:
        """How many attempts ended so: each time the recipe should take half as much at once."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Glimpse:
    """What a model in training makes of one validation row, as three whole PNG files."""

    uid: str
    """Of the row's sample."""
    text: str
    """What was asked for."""
    given: bytes
    made: bytes
    wanted: bytes


@runtime_checkable
class ShowsGlimpses(Protocol):
    """A `RunContext` that lets people see what the model makes while it is trained."""

    def show(self, step: int, glimpses: Sequence[Glimpse]) -> None:
        """Keeps them with the run; those of the same step and row replace the ones before."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingResult:
    """What a recipe returns; the model itself lies in `TrainingInput.output`."""

    finished: bool
    """False when it stopped because `should_stop()` said so; it can be resumed."""
    steps: int
    figures: Mapping[str, float] = field(default_factory=dict)
    """Final figures, such as `{"validation_wer": 0.12, "train_seconds": 31.0}`."""
    notes: Sequence[str] = ()
    """What a person should know, such as `stopped early at step 120`."""


class Recipe(Protocol):
    """One way of training. `options` is a frozen dataclass type with a default for each field."""

    name: str
    summary: str
    options: type
    needs_base: bool
    """Whether it cannot start from nothing."""
    needs_packages: Mapping[str, str]
    """Modules it imports -> what brings them, as pip is told: `{"torch": "truing[train]"}`."""

    def presets(self, examples: int, base: str | None) -> Mapping[str, object]:
        """Option values that suit this number of examples and this base model."""
        ...

    def train(self, given: TrainingInput, context: RunContext) -> TrainingResult:
        """Trains, or resumes from `context.latest_checkpoint()`, and writes the model."""
        ...


@runtime_checkable
class HasDefaultBase(Protocol):
    """A recipe that begins from a model of its own choice where none is named."""

    default_base: str
    """A hub id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What a run will need at most, in bytes; an estimate."""

    disk: Mapping[str, int]
    """What for -> how much: checkpoints, the model."""
    memory: Mapping[str, int]
    """What for -> how much at the same time: weights, gradients, moments, activations."""
    on_accelerator: bool = False
    """Whether the memory is that of an accelerator, not the computer's."""
    remedies: Sequence[str] = ()
    """Changes that make it need less memory, such as `--set batch_size=4`."""


@runtime_checkable
class CanEstimate(Protocol):
    """A recipe that can tell beforehand what a run will need."""

    def estimate(self, base: str | None, options: Any) -> Need | None:  # noqa: ANN401 - its own options
        """The need of a run with these options; None when it cannot be told.

        Args:
            base: the folder or hub id to start from.
            options: an instance of the recipe's options.
        """
        ...
