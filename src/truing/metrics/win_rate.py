"""How often people prefer one model's results to another's, with an interval that lasts.

*One vote for each original.* Rows of one original are alike, and so are the opinions of several
people on one row. The unit is the cluster of the evaluated rows: the first choice on any of its
rows counts, by whomever. Later ones tell how far people agree, and count for nothing else. Which
rows come first is drawn by chance, so that the choice that counts is a fair one.

*Looking after each vote.* A usual interval promises its level for one look at a number of votes
fixed beforehand; looked at after each vote, it leaves the truth out at some time far more often.
This one is a confidence sequence: it holds at all numbers of votes at once, so that anybody may
look, stop or go on whenever they like. Someone bets on the votes against a mean m: with the share b
of the stake on "b wins", the stake is multiplied by x · b/m + (1 - x) · (1 - b)/(1 - m) for a vote
x. If m is the true mean, no way to bet gains on average, and even the mean of all of them, b drawn
from Beta(½, ½), ever reaches 1/α with a probability of at most α (Ville 1939). The interval holds
each m that has not lost 1/α. This is Cover's universal portfolio as in Orabona & Jun 2024, "Tight
Concentrations and Confidence Sequences From the Regret of Universal Portfolio"; for votes without
ties it is the mixture of Robbins 1970, "Statistical Methods Related to the Law of the Iterated
Logarithm". It is exact for any values from 0 to 1, so that ties are halves and nothing is
approximated for few votes.

*Known trade-offs.* Such an interval is about 1.6 times as wide as one for a single look: of 60
votes 43 must be for the better model, not 38.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from truing.domain.preference import Choice, Preference, WinRate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

LEVEL = 0.95
BETS = 2048
"""Ways to bet in the mixture; enough for some ten thousand votes."""
NEAREST = 1e-9
"""How near to 0 and 1 the interval is looked for, and how exactly."""
PLANNED = (1.0,) * 7 + (0.0,) * 3
"""Votes that are planned with while there are none."""
PLANNED_AT_MOST = 10_000

_VALUES = {Choice.A: 0.0, Choice.TIE: 0.5, Choice.B: 1.0}


def win_rate(
    votes: Sequence[Preference],
    clusters: Mapping[str, str],
    equal: frozenset[str] = frozenset(),
    *,
    level: float = LEVEL,
) -> WinRate | None:
    """How often model b is preferred.

    Args:
        votes: oldest first, of one pair of models; those on other rows do not count.
        clusters: of all rows that both models answered, by sample uid.
        equal: the rows on which their answers are the very same.
        level: of the interval.

    Returns:
        None when no vote counts.
    """
    known = [vote for vote in votes if vote.sample_uid in clusters]
    counted = first_votes(known, clusters, equal)
    if not counted:
        return None
    shares = _equal_shares(clusters, equal)
    values = [
        shares[cluster] / 2 + (1 - shares[cluster]) * _VALUES[vote.choice]
        for cluster, vote in counted.items()
    ]
    asked = sum(share < 1 for share in shares.values())
    # Originals without any difference are not drawn: they are known, and a half each.
    known_ties = 1 - asked / len(shares)
    low, high = interval(values, level=level)
    choices = Counter(vote.choice for vote in counted.values())
    return WinRate(
        wins=choices[Choice.B],
        losses=choices[Choice.A],
        ties=choices[Choice.TIE],
        equal=len(equal & clusters.keys()),
        rate=_with_ties(sum(values) / len(values), known_ties),
        low=_with_ties(low, known_ties),
        high=_with_ties(high, known_ties),
        level=level,
        p_better=p_better(values),
        votes=len(known),
        people=len({vote.actor for vote in known}),
        agreement=_agreement(known),
        clusters=asked,
        needed=votes_needed(values, level=level),
    )


def first_votes(
    votes: Sequence[Preference],
    clusters: Mapping[str, str],
    equal: frozenset[str] = frozenset(),
) -> dict[str, Preference]:
    """The vote that counts, by cluster: the first on any of its rows that differ."""
    found: dict[str, Preference] = {}
    for vote in votes:
        if vote.sample_uid in clusters and vote.sample_uid not in equal:
            found.setdefault(clusters[vote.sample_uid], vote)
    return found


def interval(values: Sequence[float], *, level: float = LEVEL) -> tuple[float, float]:
    """The confidence sequence of a mean after these values, each from 0 to 1; see the module.

    Returns:
        Its lower and upper end; (0, 1) without values.
    """
    if not values:
        return 0.0, 1.0
    limit = -math.log(1.0 - level)
    counts = Counter(values)

    def lost(mean: float) -> float:
        return _log_stake(counts, mean) - limit

    # As a sum of products of what is log-convex in the mean, the stake has a single least value,
    # and it lies below 1 at the mean of the values.
    middle = min(max(sum(values) / len(values), NEAREST), 1.0 - NEAREST)
    return _crossing(lost, middle, NEAREST), _crossing(lost, middle, 1.0 - NEAREST)


def p_better(values: Sequence[float]) -> float:
    """The p-value of "the mean is at most one half", good at any time: 1 over the stake of those
    who only ever bet above it (Ville 1939).
    """
    return min(1.0, math.exp(-_log_stake(Counter(values), 0.5, upward=True)))


def votes_needed(values: Sequence[float], *, level: float = LEVEL) -> int | None:
    """About how many votes in all leave one half out, if they go on as those before.

    It takes the rate seen for the true one, so it is a guide, not a promise. Without votes it
    is what `PLANNED` ones would need.

    Returns:
        None when no number up to 10,000 would do.
    """
    shares = Counter(values or PLANNED)
    total = sum(shares.values())
    limit = -math.log(1.0 - level)

    def enough(count: int) -> bool:
        grown = {value: share * count / total for value, share in shares.items()}
        return _log_stake(grown, 0.5) >= limit

    if not enough(PLANNED_AT_MOST):
        return None
    few, many = 0, PLANNED_AT_MOST
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (few, middle) if enough(middle) else (middle, many)
    return many


def _log_stake(counts: Mapping[float, float], mean: float, *, upward: bool = False) -> float:
    """The logarithm of what all ways to bet have made of 1, on average."""
    import numpy as np

    bets = _bets(upward=upward)
    gained = np.zeros_like(bets)
    for value, count in counts.items():
        gained += count * np.log(value * bets / mean + (1 - value) * (1 - bets) / (1 - mean))
    most = float(gained.max())
    return most + math.log(float(np.exp(gained - most).mean()))


def _bets(*, upward: bool) -> Numbers:
    """Quantiles of Beta(½, ½), or of its half above ½."""
    import numpy as np

    places = (np.arange(BETS) + 0.5) / BETS
    found: Numbers = np.sin((1 + places if upward else 2 * places) * (np.pi / 4)) ** 2
    return found


def _crossing(lost: Callable[[float], float], inside: float, outside: float) -> float:
    """Where a mean is first left out between one that is not and the end; the end if none is."""
    if lost(outside) < 0:
        return round(outside)
    while abs(outside - inside) > NEAREST:
        middle = (inside + outside) / 2
        inside, outside = (inside, middle) if lost(middle) >= 0 else (middle, outside)
    return outside


def _with_ties(rate: float, share: float) -> float:
    return share / 2 + (1 - share) * rate


def _equal_shares(clusters: Mapping[str, str], equal: frozenset[str]) -> dict[str, float]:
    """For each cluster the share of its rows on which the models do not differ."""
    rows = Counter(clusters.values())
    same = Counter(cluster for uid, cluster in clusters.items() if uid in equal)
    return {cluster: same[cluster] / count for cluster, count in rows.items()}


def _agreement(votes: Sequence[Preference]) -> float | None:
    by_row: dict[str, list[Choice]] = {}
    for vote in votes:
        by_row.setdefault(vote.sample_uid, []).append(vote.choice)
    shared = [choices for choices in by_row.values() if len(choices) > 1]
    if not shared:
        return None
    return sum(len(set(choices)) == 1 for choices in shared) / len(shared)
