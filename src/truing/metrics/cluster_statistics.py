"""The statistics that the verbs are given: intervals, paired tests and sample sizes by cluster."""

from __future__ import annotations

from collections.abc import Sequence

from truing.domain.comparison import Interval, PairedFigures
from truing.domain.evaluation import EvaluatedRow, Measure
from truing.metrics import significance
from truing.metrics.significance import Observed


class ClusterStatistics:
    """One seed and one level for all figures of an evaluation.

    Args:
        seed: for resampling; the same seed gives the same intervals.
        level: of the intervals.
    """

    __slots__ = ("_level", "_seed")

    def __init__(self, seed: int = 0, level: float = 0.95) -> None:
        self._seed = seed
        self._level = level

    def interval(self, rows: Sequence[EvaluatedRow], metric: Measure) -> Interval | None:
        """See `significance.interval`."""
        return significance.interval(rows, metric, seed=self._seed, level=self._level)

    def compare(
        self, rows_a: Sequence[EvaluatedRow], rows_b: Sequence[EvaluatedRow], metric: Measure
    ) -> PairedFigures:
        """See `significance.compare`."""
        return significance.compare(rows_a, rows_b, metric, seed=self._seed, level=self._level)

    def rows_needed(self, seen: Observed, /, *, alpha: float) -> int | None:
        """See `significance.rows_needed`."""
        return significance.rows_needed(seen, alpha=alpha)
