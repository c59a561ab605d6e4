"""Intervals, paired tests and sample sizes, against values worked out another way."""

import itertools
import math

import numpy as np
import pytest

from truing.domain.comparison import PairedFigures
from truing.domain.errors import InvalidInputError
from truing.domain.evaluation import EvaluatedRow, RowScore
from truing.metrics.cluster_statistics import ClusterStatistics
from truing.metrics.significance import (
    bootstrap_difference,
    bootstrap_interval,
    cluster_sums,
    compare,
    interval,
    rows_needed,
    standard_error,
    swap_test,
)
from truing.metrics.words import SENTENCE, WER


def rows_of(errors: list[int], *, length: int = 10, per_cluster: int = 1) -> list[EvaluatedRow]:
    return [
        EvaluatedRow(
            sample_uid=f"s{place}",
            prediction="",
            scores={"wer": RowScore(count, length), "sentence_accuracy": RowScore(count == 0, 1)},
            cluster=f"c{place // per_cluster:04d}",
        )
        for place, count in enumerate(errors)
    ]


def sums_of(errors: list[float], length: float = 10.0) -> np.ndarray:
    return np.array([[count, length] for count in errors], dtype=float)


def enumerated(a: np.ndarray, b: np.ndarray) -> tuple[float, float, float]:
    """The permutation test by trying every pattern, in plain Python."""

    def gap(patterns: tuple[int, ...]) -> float:
        left, right = np.zeros(2), np.zeros(2)
        for one, two, swapped in zip(a, b, patterns, strict=True):
            left += two if swapped else one
            right += one if swapped else two
        return float(right[0] / right[1] - left[0] / left[1])

    every = [gap(pattern) for pattern in itertools.product((0, 1), repeat=len(a))]
    seen = gap((0,) * len(a))
    return (
        sum(abs(one) >= abs(seen) - 1e-12 for one in every) / len(every),
        sum(one >= seen - 1e-12 for one in every) / len(every),
        sum(one <= seen + 1e-12 for one in every) / len(every),
    )


def test_scores_are_added_up_by_cluster_in_the_order_of_names() -> None:
    found = cluster_sums(["b", "a", "b"], [RowScore(1, 2), RowScore(5, 6), RowScore(3, 4)])
    assert found.tolist() == [[5, 6], [4, 6]]


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ([3, 1, 4, 1, 5, 9, 2, 6], [1, 1, 2, 0, 5, 4, 3, 4]),
        ([0, 0, 2, 4], [2, 4, 0, 0]),
        ([5, 5, 5], [3, 3, 3]),
        ([2, 0, 0, 7, 8, 1, 0], [4, 6, 0, 9, 8, 3, 2]),
    ],
)
def test_the_convolved_test_is_the_enumerated_one(a: list[float], b: list[float]) -> None:
    found = swap_test(sums_of(a), sums_of(b), seed=0)
    assert found.method == "exact"
    expected = enumerated(sums_of(a), sums_of(b))
    assert (found.two_sided, found.upward, found.downward) == pytest.approx(expected)


def test_unequal_lengths_are_enumerated_while_few_clusters_differ() -> None:
    a = np.array([[3, 10], [1, 4], [5, 20], [2, 8]], dtype=float)
    b = np.array([[1, 11], [1, 5], [2, 19], [2, 8]], dtype=float)
    found = swap_test(a, b, seed=0)
    assert (found.method, found.differing) == ("exact", 3)
    assert (found.two_sided, found.upward, found.downward) == pytest.approx(enumerated(a, b))


def test_random_swaps_come_close_to_the_exact_test() -> None:
    rng = np.random.default_rng(7)
    a = sums_of(list(rng.integers(0, 6, 60)))
    b = sums_of(list(rng.integers(0, 5, 60)))
    exact = swap_test(a, b, seed=0)
    uneven = b.copy()
    uneven[:, 0] += 1e-9 * np.arange(60)
    drawn = swap_test(a, uneven, seed=0)
    assert (exact.method, drawn.method) == ("exact", "monte-carlo")
    assert drawn.two_sided == pytest.approx(exact.two_sided, abs=0.01)
    assert drawn == swap_test(a, uneven, seed=0)
    assert drawn != swap_test(a, uneven, seed=1)


def test_a_drawn_p_value_is_never_zero() -> None:
    a, b = sums_of([9.5] * 40), sums_of([0.0] * 40)
    assert 0 < swap_test(a, b, seed=0, swaps=100).downward <= 2 / 101


def test_equal_scores_are_no_evidence() -> None:
    found = swap_test(sums_of([1, 2]), sums_of([1, 2]), seed=0)
    assert (found.two_sided, found.upward, found.downward, found.differing) == (1, 1, 1, 0)


def test_sentence_accuracy_gives_the_exact_mcnemar_test() -> None:
    wrong, right = RowScore(0, 1), RowScore(1, 1)
    a = cluster_sums([str(n) for n in range(20)], [wrong] * 8 + [right] * 12)
    b = cluster_sums([str(n) for n in range(20)], [right] * 7 + [wrong] * 1 + [right] * 12)
    a[19] = (1, 1)
    b[19] = (0, 1)
    # Seven gained, one lost of eight that differ: the sign test's tail.
    expected = (math.comb(8, 7) + 1) / 2**8
    assert swap_test(a, b, seed=0).upward == pytest.approx(expected)


def test_the_interval_holds_the_figure_and_is_the_same_each_time() -> None:
    rng = np.random.default_rng(3)
    sums = np.stack([rng.integers(0, 5, 50), rng.integers(5, 15, 50)], axis=1).astype(float)
    found = bootstrap_interval(sums, seed=4)
    assert found is not None
    assert found.low < found.value < found.high
    assert found == bootstrap_interval(sums, seed=4)
    assert found != bootstrap_interval(sums, seed=5)


def test_the_interval_is_close_to_the_linearised_one() -> None:
    rng = np.random.default_rng(3)
    a = np.stack([rng.integers(0, 5, 200), np.full(200, 10)], axis=1).astype(float)
    b = np.stack([rng.integers(0, 4, 200), np.full(200, 10)], axis=1).astype(float)
    ends = bootstrap_difference(a, b, seed=0)
    error = standard_error(a, b)
    assert ends is not None
    assert error is not None
    difference = b[:, 0].sum() / 2000 - a[:, 0].sum() / 2000
    assert ends[0] == pytest.approx(difference - 1.96 * error, abs=0.2 * error)
    assert ends[1] == pytest.approx(difference + 1.96 * error, abs=0.2 * error)


def test_rows_of_one_cluster_do_not_make_the_interval_narrower() -> None:
    errors = [0, 4, 1, 3, 2, 0, 5, 1]
    single = interval(rows_of(errors), WER)
    fourfold = interval(rows_of([n for n in errors for _ in range(4)], per_cluster=4), WER)
    scattered = interval(rows_of([n for n in errors for _ in range(4)]), WER)
    assert single is not None
    assert fourfold is not None
    assert scattered is not None
    assert (fourfold.low, fourfold.high) == (single.low, single.high)
    assert scattered.high - scattered.low < 0.6 * (single.high - single.low)


@pytest.mark.parametrize("errors", [[], [3]])
def test_fewer_than_two_clusters_have_no_interval(errors: list[int]) -> None:
    assert interval(rows_of(errors), WER) is None


def test_one_cluster_gives_a_difference_without_an_interval() -> None:
    found = compare(rows_of([3, 2], per_cluster=2), rows_of([1, 1], per_cluster=2), WER)
    assert (found.low, found.high, found.standard_error) == (None, None, None)
    assert found.difference == pytest.approx(-0.15)
    assert found.p_better == 0.5


def test_a_perfect_figure_still_has_an_interval() -> None:
    none = interval(rows_of([0] * 30), WER)
    every = interval(rows_of([0] * 30), SENTENCE)
    assert none is not None
    assert every is not None
    assert (none.low, every.high) == (0, 1)
    assert none.high == pytest.approx(1 - 0.025 ** (1 / 30))
    assert every.low == pytest.approx(0.025 ** (1 / 30))


def test_a_comparison_in_the_metric_s_own_direction() -> None:
    worse, better = rows_of([2, 3, 1, 2, 4, 3]), rows_of([0, 1, 0, 0, 2, 1])
    found = compare(worse, better, WER)
    assert (found.value_a, found.value_b) == (0.25, pytest.approx(4 / 60))
    assert found.p_better == pytest.approx(1 / 64)
    assert found.p_value == pytest.approx(2 / 64)
    back = compare(better, worse, WER)
    assert back.difference == -found.difference
    assert back.p_better == 1
    upward = compare(worse, better, SENTENCE)
    assert upward.difference == 0.5
    assert upward.p_better == pytest.approx(1 / 8)


@pytest.mark.parametrize(("left", "right"), [([], []), ([1], [1, 2])])
def test_other_rows_are_refused(left: list[int], right: list[int]) -> None:
    with pytest.raises(InvalidInputError, match="same samples"):
        compare(rows_of(left), rows_of(right), WER)


def planned(**changes: object) -> PairedFigures:
    values: dict[str, object] = {
        "metric": "wer",
        "higher_is_better": False,
        "value_a": 0.3,
        "value_b": 0.28,
        "difference": -0.02,
        "low": None,
        "high": None,
        "level": 0.95,
        "p_value": 0.3,
        "p_better": 0.15,
        "standard_error": 0.02,
        "rows": 100,
        "clusters": 100,
        "differing": 40,
        "method": "exact",
    }
    return PairedFigures(**(values | changes))  # type: ignore[arg-type]


def test_the_rows_that_a_difference_of_one_standard_error_needs() -> None:
    # (1.645 + 0.842)² = 6.18 times as many.
    assert rows_needed(planned(), alpha=0.05) == 619
    assert rows_needed(planned(difference=-0.04), alpha=0.05) == 155
    assert rows_needed(planned(), alpha=0.01) == 1004


def test_nothing_proves_a_model_that_is_no_better() -> None:
    assert rows_needed(planned(difference=0.0), alpha=0.05) is None
    assert rows_needed(planned(difference=0.01), alpha=0.05) is None
    assert rows_needed(planned(higher_is_better=True), alpha=0.05) is None


def test_enough_clusters_must_differ_for_a_p_value_to_exist() -> None:
    few = planned(rows=30, clusters=3, differing=3, standard_error=None)
    assert rows_needed(few, alpha=0.05) == 50
    sharp = planned(rows=30, clusters=3, differing=3, standard_error=1e-9)
    assert rows_needed(sharp, alpha=0.05) == 50
    assert rows_needed(sharp, alpha=2**-5) == 60


def test_the_planned_rows_are_about_enough_in_practice() -> None:
    rng = np.random.default_rng(11)
    first = sums_of(list(rng.binomial(10, 0.3, 400)))
    second = sums_of(list(rng.binomial(10, 0.27, 400)))
    seen = planned(
        difference=-0.03, standard_error=standard_error(first, second), rows=400, differing=330
    )
    count = rows_needed(seen, alpha=0.05)
    assert count is not None
    passed = sum(
        swap_test(
            sums_of(list(rng.binomial(10, 0.3, count))),
            sums_of(list(rng.binomial(10, 0.27, count))),
            seed=0,
        ).downward
        < 0.05
        for _ in range(200)
    )
    assert 0.7 < passed / 200 < 0.9


def test_the_object_the_verbs_are_given_keeps_one_seed_and_level() -> None:
    rows, others = rows_of([0, 4, 1, 3, 2]), rows_of([0, 2, 1, 1, 2])
    narrow, wide = ClusterStatistics(seed=3, level=0.8), ClusterStatistics(seed=3)
    found, wider = narrow.interval(rows, WER), wide.interval(rows, WER)
    assert found is not None
    assert wider is not None
    assert wider.low < found.low < found.high < wider.high
    paired = narrow.compare(rows, others, WER)
    assert paired == compare(rows, others, WER, seed=3, level=0.8)
    assert narrow.rows_needed(paired, alpha=0.05) == rows_needed(paired, alpha=0.05)


@pytest.mark.parametrize(
    ("freedom", "quantile"),
    [(1, -12.7062), (2, -4.3027), (5, -2.5706), (11, -2.2010), (40, -2.0211), (100_000, -1.9600)],
)
def test_quantiles_of_student_as_printed_in_tables(freedom: int, quantile: float) -> None:
    from truing.metrics.significance import student_quantile

    assert student_quantile(0.025, freedom) == pytest.approx(quantile, abs=2e-4)
    assert student_quantile(0.975, freedom) == pytest.approx(-quantile, abs=2e-4)
