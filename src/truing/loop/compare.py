"""Compare: two evaluations on the same rows: difference, interval, test, wins, losses, speakers.

Only rows that both models were judged by count; what either lacks is counted, not guessed. When
the evaluations come from different dataset versions, rows whose truth changed length in between
are left out too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from truing.domain.comparison import ComparedRow, ComparedSlice, Comparison, PairedFigures
from truing.domain.errors import InvalidInputError
from truing.domain.evaluation import EvaluatedRow, Evaluation, Measure, RowScore


class PairedStatistics(Protocol):
    """The numeric work, given from outside."""

    def compare(
        self, rows_a: Sequence[EvaluatedRow], rows_b: Sequence[EvaluatedRow], metric: Measure
    ) -> PairedFigures:
        """The difference b - a over the same rows in the same order."""
        ...


def compare(
    a: Evaluation,
    b: Evaluation,
    metric: Measure,
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
        evaluation_a=a.uid,
        evaluation_b=b.uid,
        figures=_figures(same),
        baseline=_baseline_of(b),
    )


def _check(a: Evaluation, b: Evaluation, metric: Measure) -> None:
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


def _figures(
    pairs: Sequence[tuple[EvaluatedRow, EvaluatedRow]],
) -> dict[str, tuple[float, float]]:
    names = [name for name in pairs[0][1].scores if name in pairs[0][0].scores]
    return {
        name: (
            _value(one.scores[name] for one, _ in pairs),
            _value(two.scores[name] for _, two in pairs),
        )
        for name in names
    }


def _baseline_of(evaluation: Evaluation) -> Mapping[str, object] | None:
    found = evaluation.figures.get("baseline")
    return found if isinstance(found, Mapping) else None


def _alike(pair: tuple[EvaluatedRow, EvaluatedRow], metric: Measure) -> bool:
    one, two = (row.scores[metric.name].denominator for row in pair)
    return one == two


def _compared(
    one: EvaluatedRow, two: EvaluatedRow, metric: Measure, truths: Mapping[str, str]
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
