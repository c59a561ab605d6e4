"""The training loop of `vlm-lora`: TRL's trainer, with the run's own eyes and hands.

The trainer takes the steps; what it says goes to the run's context, a wish to stop and the clock
make it save, and what it saves is moved into a sealed checkpoint of the run (adapter, optimizer,
schedule, random state). It writes nowhere else, and to nobody.

*Resuming.* The trainer reads the epoch's rows again and goes on where it was; on a CPU with an
unchanged number of threads a resumed run ends in the same bytes as one never stopped.
"""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from truing.domain.errors import RunFailedError
from truing.modalities.lipreading.recipes.vlm_dataset import (
    Batches,
    Row,
    check_batch,
    check_pictures,
)
from truing.modalities.lipreading.vlm_model import quietly
from truing.training.checkpoints import refuse_another, unreadable
from truing.training.steps import SMOOTHED

if TYPE_CHECKING:
    from truing.domain.recipe import RunContext
    from truing.modalities.lipreading.vlm_prompt import Dialogue

IDENTITY = "run.json"
"""In a checkpoint: the settings and data it belongs to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The figures of one run. `identity` must be equal for a checkpoint to be resumed."""

    total: int
    batch_size: int
    accumulation: int
    rate: float
    schedule: str
    warmup: int
    weight_decay: float
    clip_norm: float
    every: int
    """Steps between validations."""
    checkpoint_minutes: float
    gradient_checkpointing: bool
    device: str
    precision: str
    seed: int
    identity: Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class Descent:
    """What a run has come to."""

    finished: bool = True
    step: int = 0
    losses: list[float] = field(default_factory=list)
    first_loss: float | None = None
    validation_loss: float | None = None
    seconds: float = 0.0

    @property
    def figures(self) -> dict[str, float]:
        """Final figures of the run."""
        last = self.losses[-SMOOTHED:]
        found = {"train_loss": sum(last) / max(1, len(last))}
        if self.validation_loss is not None:
            found["validation_loss"] = self.validation_loss
        return found | {"train_seconds": round(self.seconds, 3)}


def descend(
    model: Any,
    processor: Any,
    dialogue: Dialogue,
    plan: Plan,
    context: RunContext,
    *,
    train: Sequence[Row],
    validation: Sequence[Row],
    scratch: Path,
) -> Descent:
    """Trains the adapter of `model` in place, from the newest checkpoint if there is one.

    Args:
        model: as peft holds it, the base frozen.
        processor: of the base.
        dialogue: what is asked and how answers are written.
        plan: how many steps, how fast, when to validate and save.
        context: receives figures and checkpoints, says when to stop.
        train: rows, shuffled anew in each epoch.
        validation: rows whose loss is reported; may be empty.
        scratch: an empty folder that the trainer may write to.

    Raises:
        InvalidInputError: the first batch lacks pictures or its labels are not the answers.
        ConflictError: the checkpoint belongs to a run with other settings or data.
        DamagedError: the checkpoint cannot be read.
        RunFailedError: the loss left the finite numbers.
    """
    from transformers import PrinterCallback

    collate = Batches(processor, dialogue)
    first = train[: min(len(train), plan.batch_size)]
    batch = collate([{"image": row.jpeg, "text": row.text} for row in first])
    check_batch(batch, [row.text for row in first], dialogue)
    run = Descent()
    with quietly():
        trainer = _trainer_class()(
            model=model,
            args=_settings(plan, scratch, validates=bool(validation)),
            data_collator=collate,
            train_dataset=_dataset(train),
            eval_dataset=_dataset(validation) if validation else None,
            processing_class=processor,
            callbacks=[_watcher(plan, context, run, scratch)],
        )
        trainer.remove_callback(PrinterCallback)  # what it prints, the context is told
        started = time.monotonic()
        resumed = _resumed(plan, context)
        trainer.args.eval_on_start = bool(validation) and resumed is None
        trainer.train(resume_from_checkpoint=resumed)
    run.seconds = time.monotonic() - started
    run.step = trainer.state.global_step
    run.finished = run.step >= plan.total
    return run


def _dataset(rows: Sequence[Row]) -> Any:
    """The rows as TRL takes them: it sees by the column `image` that there are pictures."""
    from datasets import Dataset

    return Dataset.from_dict(
        {"image": [row.jpeg for row in rows], "text": [row.text for row in rows]}
    )


def _trainer_class() -> type[Any]:
    from trl import SFTTrainer

    class Trainer(SFTTrainer):  # type: ignore[misc]
        """TRL's trainer that never goes on without pictures, and writes no card."""

        def compute_loss(self, model: Any, inputs: Any, *args: Any, **named: Any) -> Any:
            """The loss of a batch that has pictures, whatever happened on its way here."""
            check_pictures(inputs)
            return super().compute_loss(model, inputs, *args, **named)

        def create_model_card(self, *_: Any, **__: Any) -> None:
            """Writes nothing: a card would hold this machine's paths and nothing else."""

    return Trainer


def _settings(plan: Plan, scratch: Path, *, validates: bool) -> Any:
    from trl import SFTConfig

    return SFTConfig(
        output_dir=str(scratch),
        max_steps=plan.total,
        per_device_train_batch_size=plan.batch_size,
        per_device_eval_batch_size=plan.batch_size,
        gradient_accumulation_steps=plan.accumulation,
        learning_rate=plan.rate,
        lr_scheduler_type=plan.schedule,
        warmup_steps=plan.warmup,
        weight_decay=plan.weight_decay,
        max_grad_norm=plan.clip_norm or math.inf,
        optim="adamw_torch",
        bf16=plan.precision == "bf16",
        use_cpu=plan.device == "cpu",
        gradient_checkpointing=plan.gradient_checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": False},
        eval_strategy="steps" if validates else "no",
        eval_steps=plan.every,
        prediction_loss_only=True,
        logging_steps=1,
        logging_nan_inf_filter=False,
        save_strategy="no",  # the run's context says when
        report_to="none",
        push_to_hub=False,
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=plan.device != "cpu",
        dataset_kwargs={"skip_prepare_dataset": True},
        max_length=None,  # cutting a prompt would cut the picture's tokens
        packing=False,
        seed=plan.seed,
        data_seed=plan.seed,
    )


def _watcher(plan: Plan, context: RunContext, run: Descent, scratch: Path) -> Any:
    from transformers import TrainerCallback

    class Watcher(TrainerCallback):  # type: ignore[misc]
        """Tells the context what the trainer does, and the trainer what the context wants."""

        def __init__(self) -> None:
            self._saved = time.monotonic()

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            """Passes figures on; a loss that is no number ends the run."""
            del args, control
            if "loss" in logs:
                _take_loss(run, float(logs["loss"]))
                rate = float(logs["learning_rate"])
                context.report(
                    state.global_step, {"train_loss": run.losses[-1], "learning_rate": rate}
                )
            if "eval_loss" in logs:
                run.validation_loss = float(logs["eval_loss"])
                context.report(state.global_step, {"validation_loss": run.validation_loss})

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
            """Saves when it is time, or when the run is to stop."""
            del args
            context.progress(state.global_step, plan.total)
            if state.global_step >= plan.total:
                return control
            if context.should_stop():
                control.should_save = control.should_training_stop = True
                said = f"Stopped at step {state.global_step} of {plan.total}; it can be resumed."
                context.log(said)
            elif time.monotonic() - self._saved > plan.checkpoint_minutes * 60:
                control.should_save = True
            return control

        def on_substep_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            """A sign of life: a large model takes minutes for a step of many passes."""
            del args, control
            _be_alive(state.global_step, plan, context)

        def on_prediction_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            """The same during a validation."""
            self.on_substep_end(args, state, control)

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            """Moves what the trainer wrote into a sealed checkpoint of the run."""
            del args, control
            written = scratch / f"checkpoint-{state.global_step}"
            context.save_checkpoint(
                state.global_step, lambda folder: _copy(written, folder, plan.identity)
            )
            shutil.rmtree(written)
            self._saved = time.monotonic()

    return Watcher()


def _be_alive(step: int, plan: Plan, context: RunContext) -> None:
    if step < plan.total:  # else each word would be a line in the log
        context.progress(step, plan.total)


def _take_loss(run: Descent, loss: float) -> None:
    if not math.isfinite(loss):
        raise RunFailedError(
            f"The training loss became {loss}.",
            hint="Lower `learning_rate`, or set `precision` to fp32.",
        )
    run.first_loss = loss if run.first_loss is None else run.first_loss
    run.losses = [*run.losses[1 - SMOOTHED :], loss]


def _copy(written: Path, folder: Path, identity: Mapping[str, Any]) -> None:
    for file in sorted(written.iterdir()):
        # Pickled settings of the trainer, with this machine's paths: nobody reads them.
        if file.is_file() and file.name != "training_args.bin":
            shutil.copyfile(file, folder / file.name)
    text = json.dumps(identity, sort_keys=True)
    (folder / IDENTITY).write_text(text, encoding="utf-8")


def _resumed(plan: Plan, context: RunContext) -> str | None:
    """The folder of the newest checkpoint, when it is of this run."""
    found = context.latest_checkpoint()
    if found is None:
        return None
    step, folder = found
    try:
        said = json.loads((folder / IDENTITY).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise unreadable(folder, str(error)) from error
    refuse_another(step, said, json.loads(json.dumps(plan.identity)))
    context.log(f"Resumed at step {step} of {plan.total}.")
    return str(folder)
