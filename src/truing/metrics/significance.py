"""Whether a figure, or the difference of two, is more than chance.

*Scope.* Every metric here is a ratio of sums over rows. Rows that share a recording, sitting or
speaker resemble each other, so the unit that is resampled or swapped is the cluster, never the
row: Liu & Peng 2020, "Statistical Testing on ASR Performance via Blockwise Bootstrap".

*Known trade-offs.* Two clusters are the least from which a spread can be seen; intervals from
fewer than about ten are wide on purpose. The paired test asks whether two models could be swapped
without anyone noticing; its statistic orders the swaps exactly as the studentised one does when
both models are scored over the same lengths, so it holds for a mean difference of zero too.

The same rows, seed and numpy version give the same figures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Protocol

from truing.domain.comparison import Interval, PairedFigures
from truing.domain.errors import InvalidInputError
from truing.domain.evaluation import EvaluatedRow, Measure, RowScore

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

RESAMPLES = 10_000
DRAWS_AT_MOST = 20_000_000
ENUMERATE_AT_MOST = 13
CONVOLVE_AT_MOST = 1_000_000_000
SWAPS = 20_000
POWER = 0.8


NORMAL_FROM = 1000
"""Degrees of freedom from which Student's t is taken for normal."""


class Observed(Protocol):
    """What planning a sample size needs of a comparison; `PairedFigures` has it."""

    @property
    def difference(self) -> float:
        """Value b minus value a."""

    @property
    def higher_is_better(self) -> bool:
        """The metric's direction."""

    @property
    def standard_error(self) -> float | None:
        """Of the difference, over clusters."""

    @property
    def rows(self) -> int:
        """Rows compared."""

    @property
    def differing(self) -> int:
        """Clusters on which the models differ."""


def cluster_sums(clusters: Sequence[str], scores: Sequence[RowScore]) -> Numbers:
    """Numerators and denominators added up per cluster: shape (clusters, 2), clusters sorted."""
    import numpy as np

    names = {name: place for place, name in enumerate(sorted(set(clusters)))}
    sums = np.zeros((len(names), 2))
    for cluster, score in zip(clusters, scores, strict=True):
        sums[names[cluster]] += (score.numerator, score.denominator)
    return sums


def bootstrap_interval(
    sums: Numbers, *, seed: int, level: float = 0.95, resamples: int = RESAMPLES
) -> Interval | None:
    """Percentile interval of a ratio by resampling clusters; None with fewer than two.

    Bisani & Ney 2004, "Bootstrap estimates for confidence intervals in ASR performance
    evaluation", with the percentiles widened for few clusters after Hesterberg 2015, "What
    Teachers Should Know About the Bootstrap", section 5.3. A figure of exactly 0 or 1 has no
    spread to resample; its interval then reaches as far as the share of faulty clusters that
    could have stayed unseen (the "rule of three", Hanley & Lippman-Hand 1983). `sums` has the
    shape (clusters, 2) and comes from `cluster_sums`.
    """
    import numpy as np

    count = len(sums)
    if count < 2:
        return None
    value = float(_ratio(sums.sum(axis=0)))
    draws = _ratio(_resampled(sums, seed=seed, resamples=resamples))
    low, high = (float(end) for end in np.quantile(draws, _percentiles(count, level)))
    unseen = 1.0 - ((1.0 - level) / 2.0) ** (1.0 / count)
    if not sums[:, 0].any():
        high = unseen
    elif (sums[:, 0] == sums[:, 1]).all():
        low = 1.0 - unseen
    return Interval(value=value, low=low, high=high, level=level, clusters=count)


def bootstrap_difference(
    sums_a: Numbers,
    sums_b: Numbers,
    *,
    seed: int,
    level: float = 0.95,
    resamples: int = RESAMPLES,
) -> tuple[float, float] | None:
    """Percentile interval of ratio(b) - ratio(a), both over the same drawn clusters.

    Sources as in `bootstrap_interval`. None with fewer than two clusters.
    """
    import numpy as np

    count = len(sums_a)
    if count < 2:
        return None
    drawn = _resampled(np.hstack([sums_a, sums_b]), seed=seed, resamples=resamples)
    differences = _ratio(drawn[:, 2:]) - _ratio(drawn[:, :2])
    low, high = np.quantile(differences, _percentiles(count, level))
    return float(low), float(high)


def _resampled(sums: Numbers, *, seed: int, resamples: int) -> Numbers:
    """Column sums of `resamples` draws of all clusters with replacement, in bounded memory."""
    import numpy as np

    rng = np.random.default_rng(seed)
    count = len(sums)
    repeats = min(resamples, max(1000, DRAWS_AT_MOST // count))
    step = max(1, 1_000_000 // count)
    parts = [
        sums[rng.integers(0, count, size=(min(step, repeats - done), count))].sum(axis=1)
        for done in range(0, repeats, step)
    ]
    return np.concatenate(parts)


def _ratio(sums: Numbers) -> Numbers:
    import numpy as np

    numerator, denominator = sums[..., 0], sums[..., 1]
    # A set without length has the value of its numerator, as in `words.rate`.
    return numerator / np.where(denominator == 0, 1.0, denominator)


def _percentiles(count: int, level: float) -> tuple[float, float]:
    quantile = student_quantile((1.0 - level) / 2.0, count - 1)
    tail = NormalDist().cdf(math.sqrt(count / (count - 1)) * quantile)
    return tail, 1.0 - tail


def student_quantile(probability: float, freedom: int) -> float:
    """Quantile of Student's t, to four digits.

    With x = √freedom · tan θ the density is cos(θ) to the power freedom - 1, bounded and smooth,
    and is added up on a grid. Beyond a thousand degrees of freedom the normal is as near.
    """
    import numpy as np

    if freedom > NORMAL_FROM:
        return NormalDist().inv_cdf(probability)
    angle = np.linspace(-np.pi / 2, np.pi / 2, 20_001)
    density = np.cos(angle) ** (freedom - 1)
    mass = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2)])
    found = np.interp(probability * mass[-1], mass, angle)
    return float(math.sqrt(freedom) * np.tan(found))


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapTest:
    """P-values of the paired permutation test."""

    two_sided: float
    upward: float
    """How often a swap gives a difference b - a at least as high as the one seen."""
    downward: float
    differing: int
    method: str


def swap_test(sums_a: Numbers, sums_b: Numbers, *, seed: int, swaps: int = SWAPS) -> SwapTest:
    """Paired permutation test of ratio(b) - ratio(a): per cluster the models change places.

    Noreen 1989, "Computer-Intensive Methods for Testing Hypotheses" (approximate
    randomisation), as Riezler & Maxwell 2005 advise for such figures. It is exact when the
    scores are whole numbers over equal lengths, by adding one cluster after another to the
    distribution of the sum (Pagano & Tritchler 1983), and when few clusters differ, by trying
    all swaps. Otherwise `swaps` random ones, with the one seen among them so that no p-value is
    zero (Phipson & Smyth 2010). Both arrays have the shape (clusters, 2) and one order.
    """
    import numpy as np

    unequal = (sums_a != sums_b).any(axis=1)
    differing = int(unequal.sum())
    if not differing:
        return SwapTest(two_sided=1.0, upward=1.0, downward=1.0, differing=0, method="exact")
    gaps = (sums_b - sums_a)[unequal]
    size = np.abs(gaps[:, 0]).sum()
    whole = not gaps[:, 1].any() and bool((gaps[:, 0] == np.rint(gaps[:, 0])).all())
    if whole and size * differing <= CONVOLVE_AT_MOST:
        upward, downward, both = _convolved(gaps[:, 0])
        method = "exact"
    else:
        method = "exact" if differing <= ENUMERATE_AT_MOST else "monte-carlo"
        upward, downward, both = _swapped(sums_a, sums_b, gaps, seed=seed, swaps=swaps)
    return SwapTest(
        two_sided=both, upward=upward, downward=downward, differing=differing, method=method
    )


def _convolved(gaps: Numbers) -> tuple[float, float, float]:
    """Tails of Σ ±gap over all sign patterns, from the distribution of Σ gap x {0, 1}."""
    import numpy as np

    sizes = np.sort(np.abs(gaps).astype(np.int64))
    sizes //= np.gcd.reduce(sizes)
    total = int(sizes.sum())
    chances = np.zeros(total + 1)
    chances[0], reach = 1.0, 0
    for size in sizes:
        chances[size : reach + size + 1] += chances[: reach + 1].copy()
        reach += int(size)
        chances[: reach + 1] *= 0.5
    # Σ ±gap = 2 x position - total; the positions mirror each other around the middle.
    seen = round(float(gaps.sum()) * total / float(np.abs(gaps).sum()))
    upward = float(chances[(seen + total) // 2 :].sum())
    downward = float(chances[: (seen + total) // 2 + 1].sum())
    both = 1.0 if seen == 0 else 2.0 * float(chances[(abs(seen) + total) // 2 :].sum())
    return min(upward, 1.0), min(downward, 1.0), min(both, 1.0)


def _swapped(
    sums_a: Numbers, sums_b: Numbers, gaps: Numbers, *, seed: int, swaps: int
) -> tuple[float, float, float]:
    import numpy as np

    whole_a, whole_b = sums_a.sum(axis=0), sums_b.sum(axis=0)
    seen = float(_ratio(whole_b) - _ratio(whole_a))
    count = len(gaps)
    enumerated = count <= ENUMERATE_AT_MOST
    if enumerated:
        patterns = (np.arange(2**count)[:, None] >> np.arange(count)) & 1
        moved = patterns @ gaps
    else:
        rng = np.random.default_rng(seed)
        step = max(1, 4_000_000 // count)
        moved = np.concatenate(
            [
                rng.integers(0, 2, size=(min(step, swaps - done), count), dtype=np.int8) @ gaps
                for done in range(0, swaps, step)
            ]
        )
    found = _ratio(whole_b - moved) - _ratio(whole_a + moved)
    slack = 1e-12 * max(1.0, abs(seen))
    hits = np.array(
        [
            (found >= seen - slack).sum(),
            (found <= seen + slack).sum(),
            (np.abs(found) >= abs(seen) - slack).sum(),
        ]
    )
    upward, downward, both = hits / 2**count if enumerated else (hits + 1) / (swaps + 1)
    return float(upward), float(downward), float(both)


def standard_error(sums_a: Numbers, sums_b: Numbers) -> float | None:
    """Standard error of ratio(b) - ratio(a) over clusters, linearised (the delta method).

    Cochran 1977, "Sampling Techniques", section 6.4. None with fewer than two clusters.
    """
    count = len(sums_a)
    if count < 2:
        return None
    residual = sums_a[:, 0] * 0.0
    for sums, sign in ((sums_b, 1.0), (sums_a, -1.0)):
        total = sums.sum(axis=0)
        length = total[1] or 1.0
        residual = residual + sign * (sums[:, 0] - _ratio(total) * sums[:, 1]) / length
    return math.sqrt(count / (count - 1) * float((residual**2).sum()))


def rows_needed(seen: Observed, *, alpha: float, power: float = POWER) -> int | None:
    """About how many test rows in all would prove the difference that was seen.

    The normal approximation n = rows x ((z₁₋α + z_power) x SE / difference)², one-sided; at
    least so many that enough clusters differ for a p-value below alpha to exist at all. It
    takes the difference seen for the true one, so it is a guide, not a promise.

    Args:
        seen: the comparison so far.
        alpha: one-sided level of the test to pass.
        power: chance of passing it if the difference is real.

    Returns:
        None when b is not better so far: no number of rows would prove it.
    """
    gain = seen.difference if seen.higher_is_better else -seen.difference
    if gain <= 0 or not seen.differing:
        return None
    normal = NormalDist()
    reach = normal.inv_cdf(1.0 - alpha) + normal.inv_cdf(power)
    error = seen.standard_error
    spread = reach * error / gain if error is not None else 1.0
    fewest = (math.floor(-math.log2(alpha)) + 1) / seen.differing
    return max(1, math.ceil(seen.rows * max(spread * spread, fewest)))


def interval(
    rows: Sequence[EvaluatedRow], metric: Measure, *, seed: int = 0, level: float = 0.95
) -> Interval | None:
    """The cluster bootstrap interval of a metric over evaluated rows."""
    if not rows:
        return None
    sums = cluster_sums([row.cluster for row in rows], [row.scores[metric.name] for row in rows])
    return bootstrap_interval(sums, seed=seed, level=level)


def compare(
    rows_a: Sequence[EvaluatedRow],
    rows_b: Sequence[EvaluatedRow],
    metric: Measure,
    *,
    seed: int = 0,
    level: float = 0.95,
) -> PairedFigures:
    """Difference, interval and paired test of two models over the same rows in the same order.

    The clusters are those of `rows_b`.

    Raises:
        InvalidInputError: no rows, or the two lists are not about the same samples.
    """
    if not rows_a or [row.sample_uid for row in rows_a] != [row.sample_uid for row in rows_b]:
        raise InvalidInputError(
            f"a paired comparison of {len(rows_a)} and {len(rows_b)} rows needs the same samples "
            "on both sides",
            hint="keep the rows that both evaluations have, in one order",
        )
    clusters = [row.cluster for row in rows_b]
    sums_a = cluster_sums(clusters, [row.scores[metric.name] for row in rows_a])
    sums_b = cluster_sums(clusters, [row.scores[metric.name] for row in rows_b])
    value_a, value_b = float(_ratio(sums_a.sum(axis=0))), float(_ratio(sums_b.sum(axis=0)))
    ends = bootstrap_difference(sums_a, sums_b, seed=seed, level=level)
    test = swap_test(sums_a, sums_b, seed=seed)
    return PairedFigures(
        metric=metric.name,
        higher_is_better=metric.higher_is_better,
        value_a=value_a,
        value_b=value_b,
        difference=value_b - value_a,
        low=ends[0] if ends else None,
        high=ends[1] if ends else None,
        level=level,
        p_value=test.two_sided,
        p_better=test.upward if metric.higher_is_better else test.downward,
        standard_error=standard_error(sums_a, sums_b),
        rows=len(rows_a),
        clusters=len(sums_a),
        differing=test.differing,
        method=test.method,
    )
