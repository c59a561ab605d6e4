"""Weights beside those of the present step that a run may end with: the best, and an average."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from truing.training.checkpoints import Tensors, trained, weights_of


@dataclass(slots=True, kw_only=True)
class Best:
    """The best step so far by validation WER, ties broken by validation loss."""

    step: int = -1
    wer: float = float("inf")
    loss: float = float("inf")
    misses: int = 0
    """Validations since then without an improvement."""
    weights: Tensors | None = None

    def offer(self, step: int, figures: Mapping[str, float], model: Any) -> None:
        """Keeps a copy of the model's weights when `figures` beat the best so far."""
        wer, loss = figures["validation_wer"], figures["validation_loss"]
        if (wer, loss) < (self.wer, self.loss):
            self.step, self.wer, self.loss, self.misses = step, wer, loss, 0
            self.weights = weights_of(model)
        else:
            self.misses += 1

    def as_state(self) -> dict[str, float]:
        """The figures without the weights, for a checkpoint's JSON; empty before the first."""
        if self.weights is None:
            return {}
        return {"step": self.step, "wer": self.wer, "loss": self.loss, "misses": self.misses}


@dataclass(slots=True, kw_only=True)
class Average:
    """The mean of the weights after each of the last steps.

    Izmailov et al., "Averaging Weights Leads to Wider Optima and Better Generalization" (2018).
    """

    count: int = 0
    weights: Tensors | None = None

    def take(self, model: Any, place: int) -> None:
        """Takes the model as it is into the mean; steps with a place below 1 are before the end."""
        if place < 1:
            return
        now = trained(model)
        self.count += 1
        if self.weights is None:
            self.weights = {name: one.detach().clone() for name, one in now.items()}
            return
        for name, one in now.items():
            # Where the weights are: nothing is carried to another device at each step.
            mean = self.weights[name] = self.weights[name].to(one.device)
            mean.lerp_(one.detach(), 1.0 / self.count)
