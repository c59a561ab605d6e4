"""Workspaces that are about to suffer."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from truing import Workspace


def capture(workspace: Workspace, seed: int) -> int:
    """Keeps a tenth of a second of noise and accepts what was said of it."""
    noise = np.random.default_rng(seed).integers(-9000, 9000, 1600, dtype=np.int16)
    added = workspace.capture(
        "speech", audio=(noise, 16_000), raw=f"word {seed}", sampling="wholesale"
    )
    assert added is not None
    workspace.review(added.id, "accepted")
    return added.id


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """Ten reviewed samples."""
    with Workspace.create(tmp_path / "ws", rng=random.Random(7), environ={}) as made:
        for seed in range(10):
            capture(made, seed)
        yield made
