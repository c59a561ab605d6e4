"""Chance that depends on what it is for, never on what was drawn before: a run can be resumed."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def random_for(seed: int, purpose: str, *numbers: int) -> np.random.Generator:
    """A generator that depends on its arguments only."""
    import numpy as np

    return np.random.default_rng(
        [seed & 0xFFFFFFFFFFFFFFFF, zlib.crc32(purpose.encode()), *numbers]
    )


def seed_for(seed: int, purpose: str, *numbers: int) -> int:
    """A seed for torch that depends on its arguments only."""
    return int(random_for(seed, purpose, *numbers).integers(2**62))


@lru_cache(maxsize=8)
def order(count: int, seed: int, purpose: str, epoch: int) -> Sequence[int]:
    """The order in which an epoch goes through its rows."""
    return [int(row) for row in random_for(seed, purpose, epoch).permutation(count)]
