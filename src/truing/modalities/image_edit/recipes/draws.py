"""Chance that depends on what it is for, never on what was drawn before: a run can be resumed."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np


def random_for(seed: int, purpose: str, *numbers: int) -> np.random.Generator:
    """A generator that depends on its arguments only."""
    import numpy as np

    return np.random.default_rng(
        [seed & 0xFFFFFFFFFFFFFFFF, zlib.crc32(purpose.encode()), *numbers]
    )


def noise_for(seed: int, purpose: str, number: int, shape: Sequence[int]) -> Any:
    """Normal noise, a float32 tensor on the CPU: the same for every device."""
    import torch

    draw = int(random_for(seed, purpose, number).integers(2**62))
    return torch.randn(tuple(shape), generator=torch.Generator("cpu").manual_seed(draw))


@lru_cache(maxsize=8)
def order(count: int, seed: int, epoch: int) -> Sequence[int]:
    """The order in which an epoch goes through its rows."""
    return [int(row) for row in random_for(seed, "order", epoch).permutation(count)]


def some_of(count: int, most: int, seed: int) -> list[int]:
    """At most `most` of `count` rows, in their order; all of them when `most` is 0."""
    if not most or count <= most:
        return list(range(count))
    return sorted(int(row) for row in random_for(seed, "some", count).permutation(count)[:most])
