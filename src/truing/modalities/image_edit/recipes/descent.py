"""The training loop: step, average, validate, show, checkpoint, stop, resume.

A step depends on (seed, step) alone: its rows, noise, time steps and dropout are drawn anew from
these. With weights, optimizer moments and running average in the checkpoint, a resumed run
therefore ends in the same bytes as one never stopped. That holds on a CPU with an unchanged number
of threads; on a GPU as far as its kernels are deterministic.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from truing.domain.errors import RunFailedError
from truing.domain.recipe import KnowsShortages, RunContext
from truing.modalities.image_edit.recipes.average import RunningAverage
from truing.modalities.image_edit.recipes.diffusion import loss_of
from truing.modalities.image_edit.recipes.shortage import more_parts
from truing.training.checkpoints import read_checkpoint, refuse_another, trained, write_checkpoint
from truing.training.shortage import out_of_memory, release
from truing.training.steps import SMOOTHED, Steps, adamw, rate_at, set_rate

if TYPE_CHECKING:
    from truing.modalities.image_edit.recipes.diffusion import Noised
    from truing.platform.numerics import Numerics


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(Steps):
    """The figures of one run."""

    ema: float
    show_every: int
    """Steps between pictures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Duties:
    """What the loop asks its caller for."""

    batches: Callable[[int], Sequence[Noised]]
    """The forward passes of a step; the same each time it is asked."""
    check: Callable[[], dict[str, float]] | None
    """Figures of a validation, with the weights the model has now; None without rows."""
    show: Callable[[int], None] | None
    """Makes pictures of a step, with the weights the model has now."""


@dataclass(slots=True, kw_only=True)
class Descent:
    """What a run has come to: returned at its end, and restored when it is resumed."""

    finished: bool = False
    step: int = 0
    validated: dict[str, float] = field(default_factory=dict)
    """Figures of the last validation."""
    first: float | None = None
    """Loss of the first validation: that of the base."""
    losses: list[float] = field(default_factory=list)
    seconds: float = 0.0
    parts: int = 1
    """Pieces that each batch is computed in; more than 1 when memory was short."""

    @property
    def figures(self) -> dict[str, float]:
        """Final figures of the run, validation ones only when there were validation rows."""
        found = {"train_loss": sum(self.losses) / max(1, len(self.losses)), **self.validated}
        if self.parts > 1:
            found["batch_parts"] = float(self.parts)
        return found | {"train_seconds": round(self.seconds, 3)}


def descend(
    unet: Any, plan: Plan, numerics: Numerics, context: RunContext, duties: Duties
) -> Descent:
    """Trains `unet` in place, from the newest checkpoint if there is one.

    Returns:
        `finished` is False when `context.should_stop()` ended the run; a checkpoint is then there.
        A finished run leaves the running average in the model.

    Raises:
        ConflictError: the checkpoint belongs to a run with other settings or data.
        RunFailedError: the loss left the finite numbers, or not even one pair fits the memory.
    """
    optimizer = adamw(unet, plan)
    run, average = _restore(unet, optimizer, plan, numerics, context)
    loop = _Loop(unet, optimizer, average, run, plan, numerics, context, duties)
    return loop.through()


class _Loop:
    """One run from where it stands to its end."""

    def __init__(
        self,
        unet: Any,
        optimizer: Any,
        average: RunningAverage,
        run: Descent,
        plan: Plan,
        numerics: Numerics,
        context: RunContext,
        duties: Duties,
    ) -> None:
        self._unet, self._optimizer, self._average, self._run = unet, optimizer, average, run
        self._plan, self._numerics, self._context, self._duties = plan, numerics, context, duties
        self._started = self._saved = time.monotonic()
        self._before = run.seconds

    def through(self) -> Descent:
        run, plan, context = self._run, self._plan, self._context
        if run.step == 0 and not run.validated:
            self._look(validate=True, show=True)  # the base itself: training must beat it
            run.first = run.validated.get("validation_loss")
        while run.step < plan.total:
            if context.should_stop():
                self._save()
                context.log(f"Stopped at step {run.step} of {plan.total}; it can be resumed.")
                return run
            if time.monotonic() - self._saved > plan.checkpoint_minutes * 60:
                self._save()
                self._saved = time.monotonic()
            self._step()
            last = run.step == plan.total
            self._look(
                validate=last or run.step % plan.every == 0,
                show=last or run.step % plan.show_every == 0,
            )
        self._average.settle()
        run.finished = True
        run.seconds = self._spent()
        return run

    def _step(self) -> None:
        run, plan = self._run, self._plan
        rate = set_rate(self._optimizer, rate_at(run.step, plan))
        self._unet.train()
        loss = self._gradients(self._duties.batches(run.step))
        self._update()
        run.step += 1
        run.losses = [*run.losses[1 - SMOOTHED :], loss]
        self._average.take(run.step)
        self._context.report(run.step, {"train_loss": loss, "learning_rate": rate})
        self._context.progress(run.step, plan.total)

    def _gradients(self, batches: Sequence[Noised]) -> float:
        """The gradients of one step, in smaller pieces while memory is short; the mean loss."""
        run = self._run
        rows = sum(len(batch.times) for batch in batches)
        while True:
            try:
                return self._backward([p for one in batches for p in one.pieces(run.parts)], rows)
            except (RuntimeError, MemoryError) as error:
                if not out_of_memory(error):
                    raise
                said = str(error).partition("\n")[0]
            # Beyond the block, where the error no longer holds on to what it was computing.
            self._optimizer.zero_grad(set_to_none=True)
            release(self._numerics.device)
            run.parts = more_parts(run.parts, max(len(batch.times) for batch in batches))
            self._context.log(
                f"Memory was short at step {run.step}: each batch is now computed in {run.parts} "
                f"pieces; what a step learns stays the same. ({said})"
            )

    def _backward(self, pieces: Sequence[Noised], rows: int) -> float:
        total = 0.0
        for piece in pieces:
            # Divided by the rows of the whole step, so that accumulation equals one large batch.
            loss = loss_of(self._unet, piece, self._numerics) / rows
            self._numerics.scaler.scale(loss).backward()
            total += loss.item()
        if not math.isfinite(total):
            raise RunFailedError(
                f"The training loss became {total}.",
                hint="Lower `learning_rate`, or set `precision` to fp32.",
            )
        return total

    def _update(self) -> None:
        import torch

        scaler = self._numerics.scaler
        scaler.unscale_(self._optimizer)
        if self._plan.clip_norm:
            torch.nn.utils.clip_grad_norm_(trained(self._unet).values(), self._plan.clip_norm)
        scaler.step(self._optimizer)
        scaler.update()
        self._optimizer.zero_grad(set_to_none=True)

    def _look(self, *, validate: bool, show: bool) -> None:
        """Validates and shows what the run would end with now."""
        check = self._duties.check if validate else None
        shown = self._duties.show if show else None
        if check is None and shown is None:
            return
        self._unet.eval()
        with self._average.in_place():
            if check is not None:
                self._run.validated = check()
                self._context.report(self._run.step, self._run.validated)
            if shown is not None:
                shown(self._run.step)

    def _save(self) -> None:
        run = self._run
        run.seconds = self._spent()
        state = _state(run, self._plan, self._numerics)
        self._context.save_checkpoint(
            run.step,
            lambda folder: write_checkpoint(
                folder,
                model=self._unet,
                optimizer=self._optimizer,
                kept={"average": self._average.weights},
                state=state,
            ),
        )

    def _spent(self) -> float:
        return self._before + time.monotonic() - self._started


def _state(run: Descent, plan: Plan, numerics: Numerics) -> dict[str, Any]:
    return {
        "identity": plan.identity,
        "step": run.step,
        "validated": run.validated,
        "first": run.first,
        "losses": run.losses,
        "seconds": run.seconds,
        "parts": run.parts,
        "scaler": numerics.scaler.state_dict(),
    }


def _restore(
    unet: Any, optimizer: Any, plan: Plan, numerics: Numerics, context: RunContext
) -> tuple[Descent, RunningAverage]:
    found = context.latest_checkpoint()
    shortages = context.memory_shortages() if isinstance(context, KnowsShortages) else 0
    if found is None:
        return Descent(parts=2**shortages), RunningAverage(unet, plan.ema)
    kept, state = read_checkpoint(found[1], model=unet, optimizer=optimizer)
    refuse_another(found[0], state["identity"], plan.identity)
    if state["scaler"]:
        numerics.scaler.load_state_dict(state["scaler"])
    context.log(f"Resumed at step {state['step']} of {plan.total}.")
    run = Descent(
        step=state["step"],
        validated=state["validated"],
        first=state["first"],
        losses=state["losses"],
        seconds=state["seconds"],
        parts=max(state["parts"], 2**shortages),
    )
    return run, RunningAverage(unet, plan.ema, kept.get("average"))
