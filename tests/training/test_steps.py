"""How fast a loop learns, step by step, and which weights decay."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from truing.training.steps import Steps, adamw, rate_at, set_rate


def steps(**others: Any) -> Steps:
    figures: dict[str, Any] = {
        "total": 10, "peak": 1.0, "warmup": 2, "schedule": "linear", "weight_decay": 0.1,
        "clip_norm": 0.0, "every": 1, "checkpoint_minutes": 5.0, "identity": {},
    }  # fmt: skip
    return Steps(**{**figures, **others})


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        ("linear", [1 / 3, 2 / 3, 1.0, 0.5, 0.125]),
        ("cosine", [1 / 3, 2 / 3, 1.0, 0.5, 0.038]),
        ("constant", [1 / 3, 2 / 3, 1.0, 1.0, 1.0]),
    ],
)
def test_the_rate_rises_then_follows_its_schedule(schedule: str, rates: list[float]) -> None:
    found = [rate_at(step, steps(schedule=schedule)) for step in (0, 1, 2, 6, 9)]
    assert found == pytest.approx(rates, abs=1e-3)


def test_matrices_decay_and_what_is_frozen_is_left_out() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.LayerNorm(2), torch.nn.Linear(2, 1))
    model[2].requires_grad_(requires_grad=False)
    optimizer = adamw(model, steps())
    shapes = [[p.ndim for p in group["params"]] for group in optimizer.param_groups]
    assert shapes == [[2], [1, 1, 1]]
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.1, 0.0]
    assert set_rate(optimizer, 0.25) == 0.25
    assert [group["lr"] for group in optimizer.param_groups] == [0.25, 0.25]
