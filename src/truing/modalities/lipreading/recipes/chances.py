"""Chances of words in their slots: the likeliest sentences, and how sure one is of a sentence."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def likeliest(slots: Sequence[NDArray[np.float64]], count: int) -> list[tuple[int, ...]]:
    """The `count` likeliest choices of one word per slot, were the slots independent; best first.

    Best-first search: a choice's followers put one slot, not before the last one changed, a rank
    lower, so that none comes twice.
    """
    import numpy as np

    ranks = [[int(i) for i in np.argsort(-slot, kind="stable")] for slot in slots]
    costs = [
        -np.log(np.maximum(slot[rank], 1e-300)) for slot, rank in zip(slots, ranks, strict=True)
    ]
    heap = [(float(sum(cost[0] for cost in costs)), 0, (0,) * len(slots))]
    found: list[tuple[int, ...]] = []
    while heap and len(found) < count:
        total, last, chosen = heapq.heappop(heap)
        found.append(tuple(rank[i] for rank, i in zip(ranks, chosen, strict=True)))
        for slot in range(last, len(slots)):
            place = chosen[slot] + 1
            if place < len(ranks[slot]):
                next_total = total - float(costs[slot][place - 1]) + float(costs[slot][place])
                heapq.heappush(
                    heap, (next_total, slot, (*chosen[:slot], place, *chosen[slot + 1 :]))
                )
    return found


def geometric_mean(chances: Sequence[float]) -> float:
    """Confidence in a sentence: the chances of its words, multiplied, per word."""
    product = 1.0
    for chance in chances:
        product *= chance
    return share(product ** (1 / len(chances)))


def share(value: float) -> float:
    """A chance as it is told: from 0 to 1, in millionths."""
    return round(min(1.0, max(0.0, float(value))), 6)
