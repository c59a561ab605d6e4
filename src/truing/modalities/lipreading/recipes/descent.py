"""The training loop of a network: step, report, validate each epoch, checkpoint, stop, resume.

A step depends on (seed, step) alone: `loss_of(step)` must say the same each time it is asked, and
dropout is seeded anew at each step. With weights, their running average, optimizer moments and
best-so-far in the checkpoint, a resumed run therefore ends in the same bytes as one never stopped:
on a CPU with an unchanged number of threads, on a GPU as far as its kernels are deterministic.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from truing.domain.errors import ConflictError, RunFailedError
from truing.domain.recipe import RunContext
from truing.modalities.lipreading.recipes.augmentation import random_for
from truing.modalities.lipreading.recipes.checkpoints import (
    Tensors,
    moments_of,
    put_moments,
    put_tensors,
    read_checkpoint,
    tensors_of,
    write_checkpoint,
)

SMOOTHED = 20
"""Last losses that are averaged into a run's final `train_loss`."""

Check = Callable[[Any], dict[str, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The figures of one run. `identity` must be equal for a checkpoint to be resumed."""

    total: int
    """Steps."""
    per_epoch: int
    early: int
    """Steps before whole sentences compete."""
    peak: float
    """Learning rate after warm-up."""
    warmup: float
    """Share of the run in which the rate rises."""
    floor: float
    """The last rate, as a share of the peak."""
    weight_decay: float
    clip_norm: float
    average: float
    """Decay of the running average per step."""
    patience: int
    """Epochs without gain after which the run ends with its best weights; 0 = never."""
    freeze_norms: bool
    checkpoint_minutes: float
    seed: int
    identity: Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class Descent:
    """What a run has come to: returned at its end, and restored when it is resumed."""

    finished: bool = False
    step: int = 0
    validated: dict[str, float] = field(default_factory=dict)
    """Figures of the last validation."""
    losses: list[float] = field(default_factory=list)
    seconds: float = 0.0
    best: dict[str, float] = field(default_factory=dict)
    """Figures of the best validation, where it may choose."""
    misses: int = 0
    """Validations since then."""
    best_tensors: Tensors | None = None

    @property
    def figures(self) -> dict[str, float]:
        """Final figures of the run, validation ones only when there were validation rows."""
        return {
            "train_loss": sum(self.losses) / max(1, len(self.losses)),
            **(self.best or self.validated),
            "train_seconds": round(self.seconds, 3),
        }


def descend(
    network: Any,
    plan: Plan,
    context: RunContext,
    *,
    loss_of: Callable[[int], Any],
    check: Check | None,
) -> tuple[Descent, Any]:
    """Trains `network` in place, from the newest checkpoint if there is one.

    Args:
        network: on its device.
        plan: how many steps, how fast.
        context: receives figures and checkpoints, says when to stop.
        loss_of: the loss of a step, by its number, a scalar tensor of `network` as it is.
        check: validation figures of a network; None without validation rows.

    Returns:
        The run, and the network to keep: the running average, or its best state by validation.

    Raises:
        ConflictError: the checkpoint belongs to a run with other settings or data.
        RunFailedError: the loss left the finite numbers.
    """
    import torch

    averaged = copy.deepcopy(network).eval()
    optimizer = torch.optim.AdamW(_groups(network, plan.weight_decay), lr=plan.peak)
    run = _restore(network, averaged, optimizer, plan, context)
    started = saved = time.monotonic()
    before = run.seconds

    def save() -> None:
        run.seconds = before + time.monotonic() - started
        _save(network, averaged, optimizer, plan, run, context)

    while run.step < plan.total and not (plan.patience and run.misses >= plan.patience):
        if context.should_stop():
            save()
            context.log(f"Stopped at step {run.step} of {plan.total}; it can be resumed.")
            return run, averaged
        if time.monotonic() - saved > plan.checkpoint_minutes * 60:
            save()
            saved = time.monotonic()
        rate = rate_at(run.step, plan)
        loss = _step(network, optimizer, plan, run.step, rate, loss_of)
        run.step += 1
        run.losses = [*run.losses[1 - SMOOTHED :], loss]
        _follow(averaged, network, min(plan.average, run.step / (run.step + 10)))
        context.report(run.step, {"train_loss": loss, "learning_rate": rate})
        context.progress(run.step, plan.total)
        if check is not None and (run.step % plan.per_epoch == 0 or run.step == plan.total):
            run.validated = check(averaged)
            context.report(run.step, run.validated)
            _offer(run, plan, averaged)
    run.finished, run.seconds = True, before + time.monotonic() - started
    if run.best_tensors is not None:
        put_tensors(averaged, run.best_tensors)
    return run, averaged


def _step(
    network: Any,
    optimizer: Any,
    plan: Plan,
    step: int,
    rate: float,
    loss_of: Callable[[int], Any],
) -> float:
    """Changes the weights once; returns the loss."""
    import torch

    network.train()
    if plan.freeze_norms:
        network.freeze_norms()
    torch.manual_seed(int(random_for(plan.seed, "dropout", step).integers(2**62)))
    for group in optimizer.param_groups:
        group["lr"] = rate
    loss = loss_of(step)
    value = float(loss.detach())
    if not math.isfinite(value):
        raise RunFailedError(
            f"The training loss became {value}.",
            hint="Lower `learning_rate`, or set `precision` to fp32.",
        )
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), plan.clip_norm or math.inf)
    optimizer.step()
    return value


def _follow(averaged: Any, network: Any, decay: float) -> None:
    """Moves the running average towards the network: weights and statistics.

    Polyak & Juditsky, "Acceleration of stochastic approximation by averaging" (1992).
    """
    import torch

    with torch.no_grad():
        now = network.state_dict()
        for name, mean in averaged.state_dict().items():
            if mean.is_floating_point():
                mean.lerp_(now[name], 1.0 - decay)
            else:
                mean.copy_(now[name])


def _offer(run: Descent, plan: Plan, averaged: Any) -> None:
    """Remembers the best state, where validation may choose."""
    if not plan.patience:
        return

    def order(figures: Mapping[str, float]) -> tuple[float, float]:
        return figures["validation_wer"], figures["validation_loss"]

    if not run.best or order(run.validated) < order(run.best):
        run.best, run.misses, run.best_tensors = dict(run.validated), 0, tensors_of(averaged)
    else:
        run.misses += 1


def rate_at(step: int, plan: Plan) -> float:
    """Learning rate of step `step`, from 0: up during warm-up, then half a cosine wave down.

    Loshchilov & Hutter, "SGDR" (2017).
    """
    warmup = max(1, round(plan.total * plan.warmup))
    if step < warmup:
        return plan.peak * (step + 1) / warmup
    along = (step - warmup) / max(1, plan.total - warmup)
    return plan.peak * (plan.floor + (1.0 - plan.floor) * 0.5 * (1.0 + math.cos(math.pi * along)))


def _groups(network: Any, weight_decay: float) -> list[dict[str, Any]]:
    """Parameter groups for AdamW: matrices decay, biases and norms do not."""
    weights = list(network.parameters())
    return [
        {"params": [p for p in weights if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in weights if p.ndim < 2], "weight_decay": 0.0},
    ]


def _save(
    network: Any, averaged: Any, optimizer: Any, plan: Plan, run: Descent, context: RunContext
) -> None:
    networks = {"model": tensors_of(network), "average": tensors_of(averaged)}
    if run.best_tensors is not None:
        networks["best"] = run.best_tensors
    state = {
        "identity": plan.identity,
        "step": run.step,
        "validated": run.validated,
        "losses": run.losses,
        "seconds": run.seconds,
        "best": run.best,
        "misses": run.misses,
    }
    moments = moments_of(network, optimizer)
    context.save_checkpoint(
        run.step,
        lambda folder: write_checkpoint(folder, networks=networks, optimizer=moments, state=state),
    )


def _restore(
    network: Any, averaged: Any, optimizer: Any, plan: Plan, context: RunContext
) -> Descent:
    found = context.latest_checkpoint()
    if found is None:
        return Descent()
    tensors, state = read_checkpoint(found[1])
    if state["identity"] != plan.identity:
        raise ConflictError(
            f"The checkpoint of step {found[0]} belongs to other settings or data.",
            hint="Start a new run instead of resuming this one.",
        )
    put_tensors(network, tensors["model"])
    put_tensors(averaged, tensors["average"])
    put_moments(network, optimizer, tensors["optimizer"])
    context.log(f"Resumed at step {state['step']} of {plan.total}.")
    kept = {name: value for name, value in state.items() if name != "identity"}
    return Descent(**kept, best_tensors=tensors.get("best"))
