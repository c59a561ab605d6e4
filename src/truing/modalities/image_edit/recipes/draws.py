"""Noise and rows that are chosen by chance, the same each time a run is asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from truing.training.draws import random_for, seed_for


def noise_for(seed: int, purpose: str, number: int, shape: Sequence[int]) -> Any:
    """Normal noise, a float32 tensor on the CPU: the same for every device."""
    import torch

    draw = seed_for(seed, purpose, number)
    return torch.randn(tuple(shape), generator=torch.Generator("cpu").manual_seed(draw))


def some_of(count: int, most: int, seed: int) -> list[int]:
    """At most `most` of `count` rows, in their order; all of them when `most` is 0."""
    if not most or count <= most:
        return list(range(count))
    return sorted(int(row) for row in random_for(seed, "some", count).permutation(count)[:most])
