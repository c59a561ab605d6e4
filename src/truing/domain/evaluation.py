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
class Measure:
    """A figure per row that adds up: the set's value is Σ numerator / Σ denominator."""

    name: str
    """`wer`."""
    version: str
    """Names how it is made, such as the normaliser `neutral-1`; stored with each figure."""
    higher_is_better: bool
    title: str = ""
    """What people call it; its name in capitals where there is none."""
    unit: str = "%"
    """`%` for what is a share of one; else the unit itself, such as `dB`, empty for a number."""
    proves: bool = True
    """Whether a difference in it is a ground to promote a model. How near a picture comes to
    another, pixel by pixel, is none: it says nothing of what people prefer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric(Measure):
    """A measure of texts."""

    score: Callable[[str, str], RowScore]
    """(truth, prediction) -> score of the row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatedRow:
    """What a model made of one row of a dataset version."""

    sample_uid: str
    prediction: str
    """The text it said; the digest of the picture it made, which is kept as a blob."""
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

    def get(self, uid: str) -> Evaluation:
        """An evaluation by its uid, rows included.

        Raises:
            NotFoundError: no such evaluation.
        """
        ...

    def all(self, *, limit: int = 100) -> list[Evaluation]:
        """Heads, newest first."""
        ...

    def forget(self, uids: Sequence[str]) -> int:
        """Removes the rows of these samples; returns how many."""
        ...
