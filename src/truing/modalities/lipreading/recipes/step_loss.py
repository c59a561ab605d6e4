"""The loss of a step: of every frame whose word is known, of its sounds, and of whole sentences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from truing.modalities.lipreading.recipes.numerics import Numerics
from truing.modalities.lipreading.recipes.rows import Rows
from truing.modalities.lipreading.recipes.tcn_options import VisualTcnOptions

if TYPE_CHECKING:
    import torch

SMOOTHED_SOUNDS = 0.05
"""Share of the target that is spread over all sounds."""


def loss_of_steps(
    network: Any,
    rows: Rows,
    options: VisualTcnOptions,
    numerics: Numerics,
    *,
    seed: int,
    early: int,
) -> Callable[[int], torch.Tensor]:
    """The loss of a step by its number; the same each time it is asked for.

    Args:
        network: a `LipNetwork`, on its device.
        rows: give the clips of a step.
        options: of the recipe.
        numerics: of the forward pass.
        seed: of the run.
        early: the step from which whole sentences compete.
    """
    import torch

    from truing.modalities.lipreading.recipes.network import batch_of

    decoder = rows.decoder

    def loss_of(step: int) -> torch.Tensor:
        guess = step < early
        drawn = rows.draw(step, seed, guess=guess)
        batch, lengths = batch_of([one.frames for one in drawn])
        logits, heard = network.both(batch.to(numerics.device), numerics.autocast)
        if not bool(torch.isfinite(logits).all()):
            return logits.sum()  # not finite either, which ends the run
        known: Any = None
        loss = torch.zeros((), device=logits.device)
        if decoder.kind != "grammar" or not guess:
            whole, known = decoder.loss(logits, lengths, [one.labels for one in drawn])
            loss = loss + whole / len(drawn)
        if decoder.kind == "grammar":
            targets = _targets(logits, [one.states for one in drawn], lengths, known)
            framewise = _cross_entropy(logits, targets, options.label_smoothing)
            loss = loss + options.framewise_weight * framewise
            if heard is not None:
                loss = loss + _cross_entropy(heard, targets @ network.sounds, SMOOTHED_SOUNDS)
        return loss

    return loss_of


def _targets(
    logits: torch.Tensor,
    states: Sequence[Sequence[int] | None],
    lengths: Sequence[int],
    known: Any,
) -> torch.Tensor:
    """(B, T, outputs): the outputs that are right at each frame, or likely given the sentence.

    Args:
        logits: (B, T, outputs).
        states: for each clip its true outputs by alignment; None without one.
        lengths: frames of each clip.
        known: posteriors given the sentence (B, T, outputs), or None.
    """
    import torch

    targets = torch.zeros_like(logits)
    for row, (told, frames) in enumerate(zip(states, lengths, strict=True)):
        if told is not None:
            places = torch.tensor(told, device=logits.device)
            seen = (places >= 0).nonzero().flatten()
            targets[row, seen, places[seen]] = 1.0
        elif known is not None:
            targets[row, :frames] = torch.from_numpy(known[row, :frames]).to(targets)
    return targets


def _cross_entropy(logits: torch.Tensor, targets: torch.Tensor, smoothing: float) -> torch.Tensor:
    """Mean over the frames that have a target, of which this share is spread over all outputs."""
    import torch

    counted = targets.sum(dim=2, keepdim=True)
    smooth = targets * (1.0 - smoothing) + counted * smoothing / logits.shape[2]
    losses = -(smooth * torch.log_softmax(logits, dim=2)).sum(dim=2)
    return losses.sum() / counted.sum().clamp(min=1.0)
