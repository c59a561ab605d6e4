"""Evaluation: scores per row as numerator and denominator, so that one gate serves any metric."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class RowScore:
    """Errors over length for an error rate; hits over one for an accuracy."""

    numerator: float
    denominator: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A figure per row that adds up: the set's value is Σ numerator / Σ denominator."""

    name: str
    """`wer`."""
    version: str
    """Names the normaliser and its version, such as `neutral-1`; stored with each figure."""
    higher_is_better: bool
    score: Callable[[str, str], RowScore]
    """(truth, prediction) -> score of the row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatedRow:
    """What a model said about one row of a dataset version."""

    sample_uid: str
    prediction: str
    scores: Mapping[str, RowScore]
    """By metric name."""
    cluster: str
    """Rows that share a session, recording or speaker are resampled together."""
    subject: str | None = None
    confidence: float | None = None
    seconds: float | None = None
    duration: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The figures of one model on one split of one dataset version."""

    uid: str
    modality: str
    model: str
    """Its reference, or the folder or hub id of a model outside the workspace."""
    model_digest: str
    dataset: str
    dataset_digest: str
    split: str
    metric: str
    """The primary metric's name; its value and interval are in `figures`."""
    metric_version: str
    figures: Mapping[str, object]
    """`<metric>` for each metric, `ci`, `rows`, `excluded`, `baseline`, `slices`, …"""
    created_at: int
    id: int = 0
    rows: tuple[EvaluatedRow, ...] = field(default_factory=tuple)
    """Empty when only the head was read."""


class Evaluations(Protocol):
    """Figures and per-row scores."""

    def add(self, evaluation: Evaluation) -> Evaluation:
        """Stores an evaluation with its rows."""
        ...

    def find(self, model_digest: str, dataset: str, split: str, version: str) -> Evaluation | None:
        """The newest evaluation of that model on that split with that metric version, rows
        included.
        """
        ...

    def all(self, *, limit: int = 100) -> list[Evaluation]:
        """Heads, newest first."""
        ...

    def forget(self, uids: Sequence[str]) -> int:
        """Removes the rows of these samples; returns how many."""
        ...
