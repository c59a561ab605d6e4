"""Compare: two evaluations on the same rows: difference, interval, test, wins, losses, speakers.

Only rows that both models were judged by count; what either lacks is counted, not guessed. When
the evaluations come from different dataset versions, rows whose truth changed length in between
are left out too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from truing.domain.errors import InvalidInputError
from truing.domain.evaluation import EvaluatedRow, Evaluation, Metric, RowScore

SHOWN = 10


class PairedFigures(Protocol):
    """What the paired test answers; see `truing.metrics.significance`."""

    @property
    def value_a(self) -> float:
        """The first model's figure."""

    @property
    def value_b(self) -> float:
        """The second model's figure."""

    @property
    def difference(self) -> float:
        """Value b minus value a."""

    @property
    def low(self) -> float | None:
        """Lower end of the difference's interval."""

    @property
    def high(self) -> float | None:
        """Upper end of the difference's interval."""

    @property
    def level(self) -> float:
        """Of the interval, such as 0.95."""

    @property
    def p_value(self) -> float:
        """Two-sided."""

    @property
    def p_better(self) -> float:
        """One-sided, that b is better."""

    @property
    def standard_error(self) -> float | None:
        """Of the difference, over clusters."""

    @property
    def clusters(self) -> int:
        """Clusters compared."""

    @property
    def differing(self) -> int:
        """Clusters on which the models differ."""

    @property
    def method(self) -> str:
        """How the p-values were found."""


class PairedStatistics(Protocol):
    """The numeric work, given from outside."""

    def compare(
        self, rows_a: Sequence[EvaluatedRow], rows_b: Sequence[EvaluatedRow], metric: Metric
    ) -> PairedFigures:
        """The difference b - a over the same rows in the same order."""


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
            "a": {"model": self.model_a, self.metric: self.value_a},
            "b": {"model": self.model_b, self.metric: self.value_b},
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


def compare(
    a: Evaluation,
    b: Evaluation,
    metric: Metric,
    statistics: PairedStatistics,
    *,
    truths: Mapping[str, str] | None = None,
) -> Comparison:
    """Sets two evaluations side by side on the rows they both have.

    Args:
        a: the model in use, with its rows.
        b: the candidate, with its rows; its clusters and dataset count.
        metric: the metric both were scored with.
        statistics: the paired test.
        truths: by sample uid, for showing rows.

    Raises:
        InvalidInputError: other modalities, metrics or metric versions, or no row in common.
    """
    _check(a, b, metric)
    before = {row.sample_uid: row for row in a.rows}
    both = [(before[row.sample_uid], row) for row in b.rows if row.sample_uid in before]
    same = [pair for pair in both if a.dataset_digest == b.dataset_digest or _alike(pair, metric)]
    if not same:
        raise InvalidInputError(
            f"the evaluations of `{a.model}` and `{b.model}` have no row in common",
            hint="evaluate both on the same dataset version: truing evaluate --dataset NAME@NUMBER",
        )
    paired = statistics.compare([one for one, _ in same], [two for _, two in same], metric)
    compared = [_compared(one, two, metric, truths or {}) for one, two in same]
    return Comparison(
        model_a=a.model,
        model_b=b.model,
        dataset=b.dataset,
        dataset_digest=b.dataset_digest,
        split=b.split,
        metric=metric.name,
        metric_version=metric.version,
        higher_is_better=metric.higher_is_better,
        value_a=paired.value_a,
        value_b=paired.value_b,
        difference=paired.difference,
        low=paired.low,
        high=paired.high,
        level=paired.level,
        p_value=paired.p_value,
        p_better=paired.p_better,
        standard_error=paired.standard_error,
        method=paired.method,
        rows=len(compared),
        clusters=paired.clusters,
        differing=paired.differing,
        wins=sum(row.gain > 0 for row in compared),
        losses=sum(row.gain < 0 for row in compared),
        only_a=len(a.rows) - len(both),
        only_b=len(b.rows) - len(both),
        changed=len(both) - len(same),
        slices=tuple(_by_subject(compared)),
        compared=tuple(compared),
    )


def _check(a: Evaluation, b: Evaluation, metric: Metric) -> None:
    for name, one, two in (
        ("modality", a.modality, b.modality),
        ("metric version", a.metric_version, b.metric_version),
    ):
        if one != two:
            raise InvalidInputError(
                f"`{a.model}` and `{b.model}` cannot be compared: their {name} is `{one}` "
                f"and `{two}`",
                hint="evaluate both afresh: truing evaluate --fresh",
            )
    if metric.version != b.metric_version or any(
        metric.name not in row.scores for row in (*a.rows[:1], *b.rows[:1])
    ):
        raise InvalidInputError(
            f"`{metric.name}` ({metric.version}) is not what `{b.model}` was scored with",
            hint=f"they have `{b.metric}` ({b.metric_version})",
        )


def _alike(pair: tuple[EvaluatedRow, EvaluatedRow], metric: Metric) -> bool:
    one, two = (row.scores[metric.name].denominator for row in pair)
    return one == two


def _compared(
    one: EvaluatedRow, two: EvaluatedRow, metric: Metric, truths: Mapping[str, str]
) -> ComparedRow:
    score_a, score_b = one.scores[metric.name], two.scores[metric.name]
    # Rows of unequal length are brought to b's, so that a gain keeps one unit.
    scale = score_b.denominator / score_a.denominator if score_a.denominator else 1.0
    more = score_b.numerator - score_a.numerator * scale
    return ComparedRow(
        sample_uid=two.sample_uid,
        cluster=two.cluster,
        subject=two.subject,
        truth=truths.get(two.sample_uid),
        prediction_a=one.prediction,
        prediction_b=two.prediction,
        score_a=score_a,
        score_b=score_b,
        gain=more if metric.higher_is_better else -more,
        duration=two.duration,
    )


def _by_subject(rows: Sequence[ComparedRow]) -> list[ComparedSlice]:
    groups: dict[str, list[ComparedRow]] = {}
    for row in rows:
        if row.subject is not None:
            groups.setdefault(row.subject, []).append(row)
    return [
        ComparedSlice(
            name=name,
            rows=len(group),
            value_a=_value(row.score_a for row in group),
            value_b=_value(row.score_b for row in group),
        )
        for name, group in sorted(groups.items())
    ]


def _value(scores: Iterable[RowScore]) -> float:
    numerator = denominator = 0.0
    for score in scores:
        numerator += score.numerator
        denominator += score.denominator
    return numerator / denominator if denominator else numerator
