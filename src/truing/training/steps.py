"""The steps of a training loop: how many, how fast, and which weights decay."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SCHEDULES = ("linear", "cosine", "constant")
SMOOTHED = 20
"""Last losses that are averaged into a run's final `train_loss`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """The figures of one run. `identity` must be equal for a checkpoint to be resumed."""

    total: int
    peak: float
    warmup: int
    schedule: str
    weight_decay: float
    clip_norm: float
    every: int
    """Steps between validations."""
    checkpoint_minutes: float
    identity: Mapping[str, Any]


def rate_at(step: int, plan: Steps) -> float:
    """Learning rate of step `step`, from 0: up during warm-up, then as the schedule says.

    `cosine` is one half wave (Loshchilov & Hutter, SGDR, 2017).
    """
    if step < plan.warmup:
        return plan.peak * (step + 1) / (plan.warmup + 1)
    along = (step - plan.warmup) / max(1, plan.total - plan.warmup)
    if plan.schedule == "cosine":
        return plan.peak * 0.5 * (1.0 + math.cos(math.pi * along))
    return plan.peak * (1.0 - along) if plan.schedule == "linear" else plan.peak


def adamw(model: Any, plan: Steps) -> Any:
    """AdamW for what is trained: matrices decay, biases and norms do not."""
    import torch

    trained = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim >= 2], "weight_decay": plan.weight_decay},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=plan.peak)


def set_rate(optimizer: Any, rate: float) -> float:
    """Gives all groups of the optimizer this learning rate; returns it."""
    for group in optimizer.param_groups:
        group["lr"] = rate
    return rate
