"""The running average of the weights: what a run validates, shows and ends with.

Method: exponential moving average, its decay rising with the steps as min(decay, (1 + n)/(10 + n)),
so that the weights of the first steps are soon forgotten (as in Ho, Jain and Abbeel, "Denoising
diffusion probabilistic models", 2020, with TensorFlow's warm-up).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from truing.training.checkpoints import put_weights, trained

if TYPE_CHECKING:
    from truing.training.checkpoints import Tensors


class RunningAverage:
    """Keeps the average beside the model; with a decay of 0 there is none.

    Args:
        model: whose trained weights are averaged.
        decay: share of the average that a step leaves, once it has risen.
        weights: the average so far, when a run is resumed.
    """

    def __init__(self, model: Any, decay: float, weights: Tensors | None = None) -> None:
        self._model, self._decay = model, decay
        own = trained(model)
        if weights is None and decay:
            weights = own
        self.weights = weights and {
            name: one.detach().to(own[name].device, copy=True) for name, one in weights.items()
        }

    def take(self, step: int) -> None:
        """Takes in the weights after the step that brought the run to `step`."""
        import torch

        if self.weights is None:
            return
        decay = min(self._decay, (1 + step) / (10 + step))
        with torch.no_grad():
            for name, one in trained(self._model).items():
                self.weights[name].lerp_(one, 1.0 - decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """For the block the model has the averaged weights."""
        if self.weights is None:
            yield
            return
        kept = {name: one.detach().clone() for name, one in trained(self._model).items()}
        put_weights(self._model, self.weights)
        try:
            yield
        finally:
            put_weights(self._model, kept)

    def settle(self) -> None:
        """Leaves the averaged weights in the model for good."""
        if self.weights is not None:
            put_weights(self._model, self.weights)
