"""A comparison: how two models differ on the same rows, by how much and how surely."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from truing.domain.evaluation import RowScore

SHOWN = 10
"""Best and worst rows that `as_dict` quotes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A figure with the interval that would hold the truth in `level` of all repetitions."""

    value: float
    low: float
    high: float
    level: float
    clusters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedFigures:
    """Two models on the same rows; `difference` is b - a in the metric's own unit."""

    metric: str
    higher_is_better: bool
    value_a: float
    value_b: float
    difference: float
    low: float | None
    """Lower end of the difference's interval; None when there are fewer than two clusters."""
    high: float | None
    level: float
    p_value: float
    """Two-sided: how often swapped labels give a difference at least this large."""
    p_better: float
    """One-sided: how often they give one at least this much in favour of b."""
    standard_error: float | None
    """Of the difference, linearised over clusters; None when there are fewer than two."""
    rows: int
    clusters: int
    differing: int
    """Clusters on which the two models do not have the same score."""
    method: str
    """`exact` or `monte-carlo`: how the p-values were found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedRow:
    """One row as both models read it."""

    sample_uid: str
    cluster: str
    subject: str | None
    truth: str | None
    prediction_a: str
    prediction_b: str
    score_a: RowScore
    score_b: RowScore
    gain: float
    """By how much b is better, in the numerator's unit (words, characters); negative is worse."""
    duration: float | None = None

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {
            "sample": self.sample_uid,
            "subject": self.subject,
            "truth": self.truth,
            "a": self.prediction_a,
            "b": self.prediction_b,
            "gain": self.gain,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedSlice:
    """Both figures on a part of the rows."""

    name: str
    rows: int
    value_a: float
    value_b: float

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {"name": self.name, "rows": self.rows, "a": self.value_a, "b": self.value_b}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two models on the same rows; `a` is the one in use, `b` the candidate."""

    model_a: str
    model_b: str
    dataset: str
    """Of evaluation b."""
    dataset_digest: str
    split: str
    metric: str
    metric_version: str
    higher_is_better: bool
    value_a: float
    value_b: float
    difference: float
    """b - a, in the metric's own unit: -0.03 is three points of word error rate less."""
    low: float | None
    high: float | None
    level: float
    p_value: float
    p_better: float
    standard_error: float | None
    method: str
    rows: int
    clusters: int
    differing: int
    wins: int
    """Rows on which b is better."""
    losses: int
    only_a: int
    """Rows that only evaluation a has."""
    only_b: int
    changed: int
    """Rows left out because their truth differs between the dataset versions."""
    slices: tuple[ComparedSlice, ...]
    """By speaker, where known."""
    compared: tuple[ComparedRow, ...]
    evaluation_a: str = ""
    """The uid of the evaluation of a; empty where there is none."""
    evaluation_b: str = ""
    figures: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Every measure that both were scored with, a and b on the same rows."""
    baseline: Mapping[str, object] | None = None
    """What evaluation b tells of the trivial baseline: its `name`, and its figures by measure."""

    @property
    def ci(self) -> tuple[float, float] | None:
        """The difference's interval."""
        return None if self.low is None or self.high is None else (self.low, self.high)

    def best(self, limit: int = SHOWN) -> list[ComparedRow]:
        """Rows that b reads better, the largest gain first."""
        ranked = sorted(self.compared, key=lambda row: (-row.gain, row.sample_uid))
        return [row for row in ranked[:limit] if row.gain > 0]

    def worst(self, limit: int = SHOWN) -> list[ComparedRow]:
        """Rows that b reads worse, the largest loss first."""
        ranked = sorted(self.compared, key=lambda row: (row.gain, row.sample_uid))
        return [row for row in ranked[:limit] if row.gain < 0]

    def as_dict(self) -> dict[str, object]:
        """The JSON form of `compare`; quotes the ten best and worst rows."""
        return {
            "a": {
                "model": self.model_a,
                "evaluation": self.evaluation_a,
                **{name: pair[0] for name, pair in self.figures.items()},
                self.metric: self.value_a,
            },
            "b": {
                "model": self.model_b,
                "evaluation": self.evaluation_b,
                **{name: pair[1] for name, pair in self.figures.items()},
                self.metric: self.value_b,
            },
            "baseline": dict(self.baseline) if self.baseline is not None else None,
            "dataset": self.dataset,
            "split": self.split,
            "metric": self.metric,
            "metric_version": self.metric_version,
            "higher_is_better": self.higher_is_better,
            "difference": self.difference,
            "ci": list(self.ci) if self.ci is not None else None,
            "level": self.level,
            "p_value": self.p_value,
            "p_better": self.p_better,
            "method": self.method,
            "rows": self.rows,
            "clusters": self.clusters,
            "wins": self.wins,
            "losses": self.losses,
            "ties": self.rows - self.wins - self.losses,
            "only_a": self.only_a,
            "only_b": self.only_b,
            "changed": self.changed,
            "slices": [one.as_dict() for one in self.slices],
            "best": [row.as_dict() for row in self.best()],
            "worst": [row.as_dict() for row in self.worst()],
        }
