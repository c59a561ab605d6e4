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
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from truing.domain.errors import RunFailedError
from truing.domain.recipe import KnowsShortages, RunContext
from truing.modalities.speech.recipes.candidates import Average, Best
from truing.modalities.speech.recipes.shortage import (
    more_parts,
    no_memory_left,
    pieces,
    refuse_more,
)
from truing.modalities.speech.recipes.transcripts import IGNORED
from truing.modalities.speech.recipes.validate import cross_entropy_sum
from truing.platform.numerics import Numerics
from truing.training.checkpoints import (
    put_weights,
    read_checkpoint,
    refuse_another,
    write_checkpoint,
)
from truing.training.draws import seed_for
from truing.training.shortage import out_of_memory, release
from truing.training.steps import SMOOTHED, Steps, adamw, rate_at, set_rate

Check = Callable[[], dict[str, float]]
Batch = tuple[Any, Any, Any]
"""Features (rows, mel, frames), decoder inputs and labels (rows, tokens), all on the CPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(Steps):
    """The figures of one run."""

    patience: int
    """Validations without gain after which the run ends; 0 = never."""
    choosing: bool
    """Whether validation may choose the step; else it is reported and the last step is kept."""
    average_from: int
    """Weights after later steps than this are averaged; `total` averages none."""
    seed: int


@dataclass(slots=True, kw_only=True)
class Descent:
    """What a run has come to: returned at its end, and restored when it is resumed."""

    finished: bool = False
    step: int = 0
    best: Best = field(default_factory=Best)
    average: Average = field(default_factory=Average)
    validated: dict[str, float] = field(default_factory=dict)
    """Figures of the last validation."""
    losses: list[float] = field(default_factory=list)
    seconds: float = 0.0
    parts: int = 1
    """Pieces that each batch is computed in; more than 1 when memory was short."""

    @property
    def notes(self) -> list[str]:
        """What a person should know about how the steps were computed."""
        if self.parts == 1:
            return []
        said = (
            f"Memory was short: each batch was computed in {self.parts} pieces, which changes "
            "nothing but the time. A lower `batch_size` with a higher `accumulation` does the same."
        )
        return [said]

    @property
    def figures(self) -> dict[str, float]:
        """Final figures of the run, validation ones only when there were validation rows."""
        found = {"train_loss": sum(self.losses) / max(1, len(self.losses)), **self.validated}
        if self.best.weights is not None:
            found |= {"validation_wer": self.best.wer, "validation_loss": self.best.loss}
        if self.parts > 1:
            found["batch_parts"] = float(self.parts)
        return found | {"train_seconds": round(self.seconds, 3)}


class Alone:
    """One process that does all of a run; several that share it are `parallel.Team`."""

    def share(self, batches: Callable[[int], Sequence[Batch]]) -> Callable[[int], Sequence[Batch]]:
        """The batches whose gradients this process computes."""
        return batches

    def once(self, check: Check | None) -> Check | None:
        """The validation as this process comes by it."""
        return check

    def gather(self, model: Any, loss: float) -> float:
        """Makes the gradients those of the whole step; returns the loss of the whole step."""
        del model
        return loss


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
    team = getattr(context, "team", Alone())
    batches, check = team.share(batches), team.once(check)
    optimizer = adamw(model, plan)
    run = _restore(model, optimizer, plan, numerics, context)
    started = saved = time.monotonic()
    before = run.seconds

    def save() -> None:
        run.seconds = before + time.monotonic() - started
        state = _state(run, plan, numerics)
        context.save_checkpoint(
            run.step,
            lambda folder: write_checkpoint(
                folder,
                model=model,
                optimizer=optimizer,
                kept={"best": run.best.weights, "average": run.average.weights},
                state=state,
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
        rate = set_rate(optimizer, rate_at(run.step, plan))
        loss = _gradients(model, optimizer, batches(run.step), plan, numerics, run, context)
        loss = team.gather(model, loss)
        _update(model, optimizer, numerics, plan.clip_norm)
        run.step += 1
        run.losses = [*run.losses[1 - SMOOTHED :], loss]
        context.report(run.step, {"train_loss": loss, "learning_rate": rate})
        context.progress(run.step, plan.total)
        run.average.take(model, run.step - plan.average_from)
        if run.step % plan.every == 0 or run.step == plan.total:
            validate()
    _settle(model, run, validate)
    run.finished = True
    run.seconds = before + time.monotonic() - started
    return run


def _settle(model: Any, run: Descent, validate: Callable[[], None]) -> None:
    """Leaves the weights in the model that the run ends with."""
    if run.average.weights is not None:
        put_weights(model, run.average.weights)
        validate()  # one more candidate beside the steps
    if run.best.weights is not None:
        put_weights(model, run.best.weights)


def _gradients(
    model: Any,
    optimizer: Any,
    batches: Sequence[Batch],
    plan: Plan,
    numerics: Numerics,
    run: Descent,
    context: RunContext,
) -> float:
    """The gradients of one update, in smaller pieces while memory is short; returns the mean loss
    per token over all its forward passes.
    """
    import torch

    if not model.training:
        model.train()
    if not any(p.requires_grad for p in model.model.encoder.parameters()):
        model.model.encoder.eval()  # a frozen encoder hears the same each time: no dropout
    if run.parts > 1:
        refuse_more(batches, run.parts)
    while True:
        torch.manual_seed(seed_for(plan.seed, "dropout", run.step))
        try:
            return _loss(model, pieces(batches, run.parts), numerics)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            said = str(error).partition("\n")[0]
        # Beyond the block, where the error no longer holds on to what it was computing.
        optimizer.zero_grad(set_to_none=True)
        release(numerics.device)
        run.parts = more_parts(batches, run.parts)
        context.log(
            f"Memory was short at step {run.step}: each batch is now computed in {run.parts} "
            f"pieces; what a step learns stays the same. ({said})"
        )


def _loss(model: Any, batches: Sequence[Batch], numerics: Numerics) -> float:
    """Adds the gradients of all batches; returns the mean loss per token."""
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
    return loss_sum


def _update(model: Any, optimizer: Any, numerics: Numerics, clip_norm: float) -> None:
    """Changes the weights by their gradients."""
    import torch

    try:
        numerics.scaler.unscale_(optimizer)
        if clip_norm:
            torch.nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
        numerics.scaler.step(optimizer)
    except (RuntimeError, MemoryError) as error:
        # Some weights may have been changed: smaller pieces would not help, nor be the same.
        if out_of_memory(error):
            raise no_memory_left("the optimizer's moments") from error
        raise
    numerics.scaler.update()
    optimizer.zero_grad(set_to_none=True)


def _state(run: Descent, plan: Plan, numerics: Numerics) -> dict[str, Any]:
    return {
        "identity": plan.identity,
        "step": run.step,
        "best": run.best.as_state(),
        "averaged": run.average.count,
        "validated": run.validated,
        "losses": run.losses,
        "seconds": run.seconds,
        "parts": run.parts,
        "scaler": numerics.scaler.state_dict(),
    }


def _restore(
    model: Any, optimizer: Any, plan: Plan, numerics: Numerics, context: RunContext
) -> Descent:
    found = context.latest_checkpoint()
    shortages = context.memory_shortages() if isinstance(context, KnowsShortages) else 0
    if found is None:
        return Descent(parts=2**shortages)
    kept, state = read_checkpoint(found[1], model=model, optimizer=optimizer)
    refuse_another(found[0], state["identity"], plan.identity)
    if state["scaler"]:
        numerics.scaler.load_state_dict(state["scaler"])
    context.log(f"Resumed at step {state['step']} of {plan.total}.")
    return Descent(
        step=state["step"],
        best=Best(weights=kept.get("best"), **state["best"]),
        average=Average(weights=kept.get("average"), count=state["averaged"]),
        validated=state["validated"],
        losses=state["losses"],
        seconds=state["seconds"],
        parts=max(state["parts"], 2**shortages),
    )
