"""Recipe `instruct-pix2pix`: teaches a diffusion pipeline to edit pictures as told.

Read from top to bottom: load the base, widen its UNet or put an adapter beside it, encode the
pairs, descend (`descent.py`), write. Any pipeline of Stable Diffusion's make will do, one that
edits already or one that makes pictures from text.

Method: Brooks, Holynski and Efros, "InstructPix2Pix: Learning to Follow Image Editing
Instructions" (2023): the original's latents are further input channels of the UNet, and guidance
weighs instruction and original against each other because both were left out at times in training.
VAE and text encoder stay as they are. `adapter=lora` trains a low-rank adapter in place of all
weights (Hu et al., "LoRA", 2021); it is merged when the model is written, and kept beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from truing.domain.digest import digest_bytes
from truing.domain.errors import NothingToDoError
from truing.domain.recipe import Example, Need, RunContext, TrainingInput, TrainingResult
from truing.modalities.image_edit.pipeline import load_parts, pipeline_of, quietly
from truing.modalities.image_edit.pipeline_folder import DEFAULT_BASE, EditNote, find_pipeline
from truing.modalities.image_edit.recipes.descent import Descent, Duties, Plan, descend
from truing.modalities.image_edit.recipes.diffusion import Diffusion, Noised, loss_of
from truing.modalities.image_edit.recipes.draws import some_of
from truing.modalities.image_edit.recipes.estimate import need_of
from truing.modalities.image_edit.recipes.glimpses import show_of
from truing.modalities.image_edit.recipes.latents import Encoder
from truing.modalities.image_edit.recipes.options import InstructPix2PixOptions
from truing.modalities.image_edit.recipes.unet import FOLDER, Adapter, attach, widen
from truing.modalities.image_edit.recipes.views import usable
from truing.platform.numerics import choose_numerics
from truing.training.draws import seed_for

if TYPE_CHECKING:
    from truing.modalities.image_edit.pipeline import Parts
    from truing.platform.numerics import Numerics

TOGETHER = 4
"""Validation pairs that are looked at together, each at several time steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """What a run learns from and is judged by."""

    train: Sequence[Example]
    validation: Sequence[Example]
    notes: Sequence[str]


class InstructPix2PixRecipe:
    """Trains a pipeline to edit; see the module for the method."""

    name = "instruct-pix2pix"
    summary = f"a diffusion pipeline that edits pictures as told; by default from {DEFAULT_BASE}"
    options: type = InstructPix2PixOptions
    needs_base = False
    default_base = DEFAULT_BASE
    needs_packages: Mapping[str, str] = {
        "torch": "truing[diffusion]",
        "transformers": "truing[diffusion]",
        "diffusers": "truing[diffusion]",
        "peft": "truing[diffusion]",
        "PIL": "truing[diffusion]",
    }

    def presets(self, examples: int, base: str | None) -> Mapping[str, object]:
        """More epochs the fewer pairs there are."""
        del base
        steps = ((50, 100), (200, 50), (1000, 20))
        return {"epochs": next((epochs for below, epochs in steps if examples < below), 10)}

    def estimate(self, base: str | None, options: InstructPix2PixOptions) -> Need | None:
        """What a run needs at most; see `estimate.py`."""
        return need_of(base, options)

    def train(self, given: TrainingInput, context: RunContext) -> TrainingResult:
        """Trains, or resumes, and writes a whole pipeline to `given.output`.

        Raises:
            NothingToDoError: there are no training pairs, or none can be read.
            NotFoundError, InvalidInputError, UnavailableError: the base cannot be had.
            DamagedError: the base's weights cannot be read.
            MissingDependencyError: a package is missing.
            ConflictError: the checkpoint belongs to a run with other settings or data.
            RunFailedError: the loss left the finite numbers.
        """
        import torch

        options: InstructPix2PixOptions = given.options
        if options.threads:
            torch.set_num_threads(options.threads)
        rows = _rows(given, options)
        base = given.base or DEFAULT_BASE
        numerics = choose_numerics(options.device, options.precision)
        folder = find_pipeline(base)
        context.log(f"Loading `{base}` onto {numerics.device}.")
        parts = load_parts(folder)
        torch.manual_seed(seed_for(given.seed, "adapter"))
        widened = widen(parts.unet, parts.vae.config.latent_channels)
        adapter = attach(parts.unet, options, base, widened=widened)
        parts.to(numerics.device)
        if options.gradient_checkpointing:
            parts.unet.enable_gradient_checkpointing()
        plan = _plan(given, rows)
        context.log(
            f"{len(rows.train)} training pairs, {len(rows.validation)} of validation; {plan.total} "
            f"steps of {options.accumulation} x {options.batch_size} pairs."
        )
        note = _note(base, options)
        with quietly():
            duties = _duties(parts, rows, given, note, numerics, context)
            run = descend(parts.unet, plan, numerics, context, duties)
            if run.finished:
                _write(given.output, parts, adapter, note)
        return TrainingResult(
            finished=run.finished,
            steps=run.step,
            figures=run.figures,
            notes=tuple(_told(rows, given, run, widened=widened)),
        )


def _rows(given: TrainingInput, options: InstructPix2PixOptions) -> _Rows:
    """The pairs that can be read.

    Raises:
        NothingToDoError: none of those to learn from.
    """
    train, notes = usable(given.train)
    if not train:
        raise NothingToDoError(
            f"There are no training pairs. {' '.join(notes)}".rstrip(),
            hint="Review some samples, then freeze a dataset.",
        )
    chosen = some_of(len(given.validation), options.validation_rows, given.seed)
    validation, more = usable([given.validation[row] for row in chosen])
    return _Rows(train=train, validation=validation, notes=[*notes, *more])


def _note(base: str, options: InstructPix2PixOptions) -> EditNote:
    return EditNote(
        size=options.size,
        steps=options.steps,
        text_guidance=options.text_guidance,
        image_guidance=options.image_guidance,
        base=Path(base).name if Path(base).is_dir() else base,
    )


def _plan(given: TrainingInput, rows: _Rows) -> Plan:
    options: InstructPix2PixOptions = given.options
    per_step = options.batch_size * options.accumulation
    total = options.max_steps or max(1, -(-options.epochs * len(rows.train) // per_step))
    every = options.validate_every or max(1, total // 10)
    return Plan(
        total=total,
        peak=options.learning_rate,
        warmup=min(options.warmup_steps, total // 10),
        schedule=options.schedule,
        weight_decay=options.weight_decay,
        clip_norm=options.clip_norm,
        ema=options.ema,
        every=every,
        show_every=options.pictures_every or every,
        checkpoint_minutes=options.checkpoint_minutes,
        identity={
            "options": asdict(options),
            "seed": given.seed,
            "rows": _digest(rows.train),
            "validation": _digest(rows.validation),
        },
    )


def _digest(rows: Sequence[Example]) -> str:
    return digest_bytes("\n".join(f"{row.uid} {row.truth}" for row in rows).encode())


def _duties(
    parts: Parts,
    rows: _Rows,
    given: TrainingInput,
    note: EditNote,
    numerics: Numerics,
    context: RunContext,
) -> Duties:
    """What the loop will ask for: noised batches, the validation loss, pictures."""
    options: InstructPix2PixOptions = given.options
    encoder = Encoder(parts, options, numerics, given.seed)
    dropout = (options.dropout_text, options.dropout_image, options.dropout_both)
    diffusion = Diffusion(parts.scheduler, encoder.text(""), dropout, given.seed)

    def batches(step: int) -> list[Noised]:
        passes = range(step * options.accumulation, (step + 1) * options.accumulation)
        size = options.batch_size
        return [
            diffusion.training(
                encoder.training(rows.train, range(one * size, (one + 1) * size)), one
            )
            for one in passes
        ]

    def check() -> dict[str, float]:
        return {"validation_loss": _validated(parts.unet, encoder, diffusion, rows, numerics)}

    shown = rows.validation[: options.pictures] if options.pictures else ()
    return Duties(
        batches=batches,
        check=check if rows.validation else None,
        show=show_of(parts, shown, note, numerics, context),
    )


def _validated(
    unet: Any, encoder: Encoder, diffusion: Diffusion, rows: _Rows, numerics: Numerics
) -> float:
    """Mean loss over the validation pairs: noise and time steps are the same each time."""
    import torch

    total, count = 0.0, 0
    with torch.no_grad():
        for first in range(0, len(rows.validation), TOGETHER):
            places = range(first, min(first + TOGETHER, len(rows.validation)))
            noised = diffusion.validation(encoder.validation(rows.validation, places), places)
            total += float(loss_of(unet, noised, numerics))
            count += len(noised.times)
    return total / count


def _write(folder: Path, parts: Parts, adapter: Adapter | None, note: EditNote) -> None:
    if adapter is not None:
        adapter.write(folder / FOLDER)
        parts.unet = adapter.merged()
    parts.to("cpu")
    pipeline_of(parts).save_pretrained(folder, safe_serialization=True)
    note.write(folder)


def _told(rows: _Rows, given: TrainingInput, run: Descent, *, widened: bool) -> list[str]:
    """What a person should know about the run."""
    notes = list(rows.notes)
    if not given.base:
        notes.append(f"No base was named: it started from `{DEFAULT_BASE}`.")
    if widened:
        notes.append("The base made pictures from text; its first layer was widened for originals.")
    if run.first is not None and "validation_loss" in run.validated:
        ends = f"{run.first:.4f}, {run.validated['validation_loss']:.4f}"
        notes.append(f"Validation loss before and after: {ends}.")
    if run.parts > 1:
        notes.append(
            f"Memory was short: each batch was computed in {run.parts} pieces, which changes "
            "nothing but the time."
        )
    return notes
