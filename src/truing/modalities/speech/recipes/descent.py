"""The training loop: step, report, validate, checkpoint, stop, resume.

A step depends on (seed, step) alone: the caller's `batches(step)` must say the same each time it is
asked, and dropout is seeded anew at each step. With weights, optimizer moments and best-so-far
weights in the checkpoint, a resumed run therefore ends in the same bytes as one never stopped.
That holds on a CPU with an unchanged number of threads; on a GPU as far as its kernels are
deterministic.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from truing.domain.errors import ConflictError, RunFailedError, SettingError
from truing.domain.recipe import RunContext
from truing.modalities.speech.recipes.checkpoints import (
    Tensors,
    put_weights,
    read_checkpoint,
    weights_of,
    write_checkpoint,
)
from truing.modalities.speech.recipes.transcripts import IGNORED
from truing.modalities.speech.recipes.validate import cross_entropy_sum
from truing.modalities.speech.recipes.waveforms import random_for

SCHEDULES = ("linear", "cosine", "constant")
PRECISIONS = ("auto", "fp32", "bf16", "fp16")
SMOOTHED = 20
"""Last losses that are averaged into a run's final `train_loss`."""

Batch = tuple[Any, Any, Any]
"""Features (rows, mel, frames), decoder inputs and labels (rows, tokens), all on the CPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The figures of one run. `identity` must be equal for a checkpoint to be resumed."""

    total: int
    peak: float
    warmup: int
    schedule: str
    weight_decay: float
    clip_norm: float
    every: int
    """Steps between validations."""
    patience: int
    """Validations without gain after which the run ends; 0 = never."""
    choosing: bool
    """Whether validation may choose the step; else it is reported and the last step is kept."""
    checkpoint_minutes: float
    seed: int
    identity: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Numerics:
    """Where and how precisely the arithmetic runs."""

    device: Any
    autocast: Callable[[], Any]
    scaler: Any


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
class Descent:
    """What a run has come to: returned at its end, and restored when it is resumed."""

    finished: bool = False
    step: int = 0
    best: Best = field(default_factory=Best)
    validated: dict[str, float] = field(default_factory=dict)
    """Figures of the last validation."""
    losses: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def figures(self) -> dict[str, float]:
        """Final figures of the run, validation ones only when there were validation rows."""
        found = {"train_loss": sum(self.losses) / max(1, len(self.losses)), **self.validated}
        if self.best.weights is not None:
            found |= {"validation_wer": self.best.wer, "validation_loss": self.best.loss}
        return found | {"train_seconds": round(self.seconds, 3)}


def descend(
    model: Any,
    plan: Plan,
    numerics: Numerics,
    context: RunContext,
    *,
    batches: Callable[[int], Sequence[Batch]],
    check: Callable[[], dict[str, float]] | None,
) -> Descent:
    """Trains `model` in place, from the newest checkpoint if there is one.

    Args:
        model: a Whisper on its device; parameters that need no gradient stay as they are.
        plan: how many steps, how fast, when to validate and save.
        numerics: the device and precision, as `choose_numerics` gives them.
        context: receives figures and checkpoints, says when to stop.
        batches: the forward passes whose gradients make up one step, by step number.
        check: validation figures of the model as it is; None without validation rows.

    Returns:
        At the end of a finished run `model` holds the best weights by validation, or the last.

    Raises:
        ConflictError: the checkpoint belongs to a run with other settings or data.
        RunFailedError: the loss left the finite numbers.
    """
    import torch

    optimizer = torch.optim.AdamW(decayed_groups(model, plan.weight_decay), lr=plan.peak)
    run = _restore(model, optimizer, plan, numerics, context)
    started = saved = time.monotonic()
    before = run.seconds

    def save() -> None:
        run.seconds = before + time.monotonic() - started
        state = _state(run, plan, numerics)
        context.save_checkpoint(
            run.step,
            lambda folder: write_checkpoint(
                folder, model=model, optimizer=optimizer, best=run.best.weights, state=state
            ),
        )

    def validate() -> None:
        if check is not None:
            run.validated = check()
            context.report(run.step, run.validated)
            if plan.choosing:
                run.best.offer(run.step, run.validated, model)

    if run.step == 0 and not run.validated:
        validate()  # the base itself: training must beat it
    while run.step < plan.total and not (plan.patience and run.best.misses >= plan.patience):
        if context.should_stop():
            save()
            context.log(f"Stopped at step {run.step} of {plan.total}; it can be resumed.")
            return run
        if time.monotonic() - saved > plan.checkpoint_minutes * 60:
            save()
            saved = time.monotonic()
        rate = rate_at(run.step, plan)
        for group in optimizer.param_groups:
            group["lr"] = rate
        torch.manual_seed(int(random_for(plan.seed, "dropout", run.step).integers(2**62)))
        loss = _step(model, optimizer, batches(run.step), numerics, plan.clip_norm)
        run.step += 1
        run.losses = [*run.losses[1 - SMOOTHED :], loss]
        context.report(run.step, {"train_loss": loss, "learning_rate": rate})
        context.progress(run.step, plan.total)
        if run.step % plan.every == 0 or run.step == plan.total:
            validate()
    if run.best.weights is not None:
        put_weights(model, run.best.weights)
    run.finished = True
    run.seconds = before + time.monotonic() - started
    return run


def _step(
    model: Any, optimizer: Any, batches: Sequence[Batch], numerics: Numerics, clip_norm: float
) -> float:
    """One update; returns the mean loss per token over all its forward passes."""
    import torch

    model.train()
    if not any(p.requires_grad for p in model.model.encoder.parameters()):
        model.model.encoder.eval()  # a frozen encoder hears the same each time: no dropout
    tokens = sum(int((labels != IGNORED).sum()) for _, _, labels in batches)
    loss_sum = 0.0
    for batch in batches:
        features, inputs, labels = (tensor.to(numerics.device) for tensor in batch)
        with numerics.autocast():
            logits = model(features, decoder_input_ids=inputs, use_cache=False).logits
        # Divided by the tokens of the whole step, so that accumulation equals one large batch.
        loss = cross_entropy_sum(logits, labels) / tokens
        numerics.scaler.scale(loss).backward()
        loss_sum += loss.item()
    if not math.isfinite(loss_sum):
        raise RunFailedError(
            f"The training loss became {loss_sum}.",
            hint="Lower `learning_rate`, or set `precision` to fp32.",
        )
    numerics.scaler.unscale_(optimizer)
    if clip_norm:
        torch.nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
    numerics.scaler.step(optimizer)
    numerics.scaler.update()
    optimizer.zero_grad(set_to_none=True)
    return loss_sum


def rate_at(step: int, plan: Plan) -> float:
    """Learning rate of step `step`, from 0: up during warm-up, then down to 0 at the last.

    `cosine` is one half wave (Loshchilov & Hutter, SGDR, 2017).
    """
    if step < plan.warmup:
        return plan.peak * (step + 1) / (plan.warmup + 1)
    along = (step - plan.warmup) / max(1, plan.total - plan.warmup)
    if plan.schedule == "cosine":
        return plan.peak * 0.5 * (1.0 + math.cos(math.pi * along))
    return plan.peak * (1.0 - along) if plan.schedule == "linear" else plan.peak


def decayed_groups(model: Any, weight_decay: float) -> list[dict[str, Any]]:
    """Parameter groups for AdamW: matrices decay, biases and norms do not; frozen ones left out."""
    trained = [p for p in model.parameters() if p.requires_grad]
    return [
        {"params": [p for p in trained if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
    ]


def choose_numerics(device: str, precision: str) -> Numerics:
    """The device and precision to use; half precision on CUDA only.

    Raises:
        SettingError: the device is not there, or cannot compute in that precision.
    """
    import torch

    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.mps.is_available()}
    kind = next(k for k in ("cuda", "mps", "cpu") if present[k]) if device == "auto" else device
    name = kind.partition(":")[0]
    if not present.get(name, False):
        raise SettingError(
            f"There is no device `{device}`.",
            hint=f"Use one of {', '.join(k for k, there in present.items() if there)}, or auto.",
        )
    if precision == "auto" and name == "cuda":
        precision = "bf16" if torch.cuda.is_bf16_supported() else "fp16"
    half = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision)
    if half is not None and name != "cuda":
        raise SettingError(
            f"`{precision}` is for CUDA; the device is `{name}`, where it is slower than fp32.",
            hint="Set `precision` to fp32 or auto.",
        )
    return Numerics(
        device=torch.device(kind),
        autocast=lambda: torch.autocast(name, dtype=half, enabled=half is not None),
        scaler=torch.amp.GradScaler(name, enabled=precision == "fp16"),
    )


def _state(run: Descent, plan: Plan, numerics: Numerics) -> dict[str, Any]:
    return {
        "identity": plan.identity,
        "step": run.step,
        "best": run.best.as_state(),
        "validated": run.validated,
        "losses": run.losses,
        "seconds": run.seconds,
        "scaler": numerics.scaler.state_dict(),
    }


def _restore(
    model: Any, optimizer: Any, plan: Plan, numerics: Numerics, context: RunContext
) -> Descent:
    found = context.latest_checkpoint()
    if found is None:
        return Descent()
    weights, state = read_checkpoint(found[1], model=model, optimizer=optimizer)
    if state["identity"] != plan.identity:
        raise ConflictError(
            f"The checkpoint of step {found[0]} belongs to other settings or data.",
            hint="Start a new run instead of resuming this one.",
        )
    if state["scaler"]:
        numerics.scaler.load_state_dict(state["scaler"])
    context.log(f"Resumed at step {state['step']} of {plan.total}.")
    return Descent(
        step=state["step"],
        best=Best(weights=weights, **state["best"]),
        validated=state["validated"],
        losses=state["losses"],
        seconds=state["seconds"],
    )
