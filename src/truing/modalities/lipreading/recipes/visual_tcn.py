"""Recipe `visual-tcn`: a network that sees moving lips, from some hundred clips, on a CPU.

Read from top to bottom: choose the vocabulary, decode the clips, build or take over the network,
make batches, descend (`descent.py`), calibrate, write. With a slot grammar (GRID, commands) whole
sentences compete and every word has an exact posterior (`sentence_model.py`); open speech is
written in characters or words (`ctc.py`). Word alignments help where there are any: then every
frame is learned as well. A base model is adapted: its front and trunk are kept in any case, its
outputs when they mean the same. Several starts, each from the next seed, make several networks
that are read together (`starts.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from truing.domain.errors import NothingToDoError
from truing.domain.recipe import Need, RunContext, TrainingInput, TrainingResult
from truing.modalities.lipreading.recipes.augmentation import random_for
from truing.modalities.lipreading.recipes.checkpoints import Tensors, put_tensors, tensors_of
from truing.modalities.lipreading.recipes.clips import Clips
from truing.modalities.lipreading.recipes.descent import Descent, Plan, descend
from truing.modalities.lipreading.recipes.numerics import Numerics, choose_numerics
from truing.modalities.lipreading.recipes.pronunciation import sounds_in
from truing.modalities.lipreading.recipes.rows import Rows
from truing.modalities.lipreading.recipes.sentence_model import SentenceModel
from truing.modalities.lipreading.recipes.starts import Starts
from truing.modalities.lipreading.recipes.step_loss import loss_of_steps
from truing.modalities.lipreading.recipes.tcn_estimate import need_of
from truing.modalities.lipreading.recipes.tcn_folder import (
    Decoder,
    TcnModel,
    read_model,
    write_model,
)
from truing.modalities.lipreading.recipes.tcn_options import VisualTcnOptions
from truing.modalities.lipreading.recipes.validate import temperature_for, validate
from truing.modalities.lipreading.recipes.vocabulary import choose_vocabulary

LEAST = 4
"""Clips without which nothing can be learned from nothing."""
FEW = 100
"""Fewer clips than this make bad statistics: a base keeps its own."""
GUESSED = 0.5
"""Share of a run in which words without alignments stay where the lips were seen to move: let go
sooner, the network settles on wrong places (.42 of the words instead of .77)."""
SMALL = 300
"""Fewer clips than this are learned in smaller batches."""


class VisualTcnRecipe:
    """Trains a small video network, from nothing or from a base; see the module for the method."""

    name = "visual-tcn"
    summary = "train a small network on mouth clips, from nothing or from a model of other speakers"
    options: type = VisualTcnOptions
    needs_base = False
    needs_packages: Mapping[str, str] = {
        "torch": "truing[train]",
        "safetensors": "truing[train]",
        "av": "truing[lipreading]",
    }

    def presets(self, examples: int, base: str | None) -> Mapping[str, object]:
        """Few clips in small batches; a base is adapted slowly, with sentences from the start."""
        small: dict[str, object] = {"batch_size": 8} if examples < SMALL else {}
        if base is None:
            return small
        return {
            **small,
            "learning_rate": 5e-4,
            "epochs": max(5, min(60, round(2400 / max(1, examples)))),
            "sequence_loss_from": 0,
            "freeze_norms": examples < FEW,
        }

    def estimate(self, base: str | None, options: VisualTcnOptions) -> Need:
        """What a run with these options will need at most; see `tcn_estimate`."""
        del base
        return need_of(options)

    def train(self, given: TrainingInput, context: RunContext) -> TrainingResult:
        """Trains, or resumes, and writes the model to `given.output`.

        Raises:
            NothingToDoError: too few training clips, or none that can be used.
            SettingError: a vocabulary that the texts do not allow, or no such device.
            InvalidInputError: a base of another kind, or examples without video.
            ConflictError: the checkpoint belongs to a run with other settings or data.
            RunFailedError: the loss left the finite numbers.
        """
        if not len(given.train):
            raise NothingToDoError(
                "There are no training rows.", hint="Import or review some samples first."
            )
        with closing(Clips()) as clips:
            return _trained(given, context, clips)


def _trained(given: TrainingInput, context: RunContext, clips: Clips) -> TrainingResult:
    """The run, from top to bottom."""
    options: VisualTcnOptions = given.options
    numerics = choose_numerics(options.device, options.precision, options.threads)
    base = read_model(Path(given.base)) if given.base is not None else None
    texts = [row.truth for row in given.train]
    decoder, said = choose_vocabulary(texts, options, base.decoder if base else None)
    context.log(said)

    rows = _gather(given, context, clips, decoder)
    if rows is None:
        return TrainingResult(finished=False, steps=0, notes=clips.notes)
    _refuse_too_few(rows, clips, given.base)
    plan = _plan(given, rows)
    starts = Starts(context, count=options.starts, steps=plan.total, identity=plan.identity)
    context.log(
        f"{len(rows.train)} training ({rows.aligned} with alignment), {len(rows.replay)} "
        f"replayed and {len(rows.validation)} validation clips; {plan.total} steps "
        f"of {options.batch_size} clips."
    )
    notes = (said, *clips.notes, *_left_in(base, options))
    work = _Work(rows=rows, plan=plan, options=options, numerics=numerics, base=base)
    before, run = starts.before, _start(work, starts)
    while run.finished and starts.number < starts.count:
        before, run = starts.before, _start(work, starts)
    figures = _written(given.output, work, starts) if run.finished else run.figures
    return TrainingResult(
        finished=run.finished, steps=before + run.step, figures=figures, notes=notes
    )


@dataclass(slots=True, kw_only=True)
class _Work:
    """What all starts of a run have in common."""

    rows: Rows
    plan: Plan
    options: VisualTcnOptions
    numerics: Numerics
    base: TcnModel | None
    shape: Any = None
    """Of every network."""


def _start(work: _Work, starts: Starts) -> Descent:
    """One network, from the seed of its number on."""
    rows, options, numerics, context = work.rows, work.options, work.numerics, starts.context()
    seed = work.plan.seed + starts.number
    network = _network(rows.decoder, options, work.base, starts.number, seed)
    network, work.shape = network.to(numerics.device), network.shape
    said = f"{sum(p.numel() for p in network.parameters())} parameters."
    context.log(f"Start {starts.number + 1} of {starts.count}: {said}")
    run, kept = descend(
        network,
        replace(work.plan, seed=seed),
        context,
        loss_of=loss_of_steps(network, rows, options, numerics, seed=seed, early=work.plan.early),
        check=_check(rows, numerics) if rows.validation else None,
    )
    if run.finished:
        starts.finish(tensors_of(kept.plain()), run.figures)
    return run


def _written(output: Path, work: _Work, starts: Starts) -> Mapping[str, float]:
    """Calibrates and writes the model; returns its figures."""
    rows, numerics = work.rows, work.numerics
    networks = tuple(_filled(work.shape, one).to(numerics.device) for one in starts.finished)
    model = TcnModel(
        networks=networks,
        mirrored=work.options.mirror,
        decoder=rows.decoder,
        temperature=work.base.temperature if work.base else 1.0,
    )
    reading = model.reading()
    found = temperature_for(reading, rows, numerics)
    write_model(output, replace(model, temperature=found or model.temperature))
    each = starts.figures
    if reading is networks[0]:
        return each[0]
    return {
        "train_loss": sum(one["train_loss"] for one in each) / len(each),
        **(validate(reading, rows, numerics) if rows.validation else {}),
        "train_seconds": round(sum(one["train_seconds"] for one in each), 3),
    }


def _filled(shape: Any, tensors: Tensors) -> Any:
    from truing.modalities.lipreading.recipes.network import LipNetwork

    network = LipNetwork(shape)
    put_tensors(network, tensors)
    return network.eval()


def _left_in(base: TcnModel | None, options: VisualTcnOptions) -> tuple[str, ...]:
    """What of a base of several networks is not gone on with."""
    count = len(base.networks) if base is not None else 0
    if count <= options.starts:
        return ()
    went = f"Of the base's {count} networks {options.starts} went on"
    return (f"{went}; `starts={count}` adapts all of them.",)


def _gather(
    given: TrainingInput, context: RunContext, clips: Clips, decoder: Decoder
) -> Rows | None:
    """Decodes all rows; None when asked to stop meanwhile."""

    def fits(text: str, frames: int) -> bool:
        return decoder.labels(text, frames) is not None

    found: list[list[int]] = []
    for name, examples, rule in (
        ("training", given.train, fits),
        ("replayed", given.replay, fits),
        ("validation", given.validation, lambda *_: True),
    ):
        numbers = clips.gather(examples, name, fits=rule, stopped=context.should_stop)
        if numbers is None:
            return None
        found.append(numbers)
    train, replay, validation = found
    return Rows(clips, decoder, given.options, train=train, replay=replay, validation=validation)


def _refuse_too_few(rows: Rows, clips: Clips, base: str | None) -> None:
    least = LEAST if base is None else 1
    if len(rows.train) < least:
        raise NothingToDoError(
            f"{len(rows.train)} training clips can be used; it takes at least {least}. "
            f"{' '.join(clips.notes)}".strip(),
            hint="Capture or import more clips, or start from a base model.",
        )


def _network(
    decoder: Decoder, options: VisualTcnOptions, base: TcnModel | None, number: int, seed: int
) -> Any:
    """The network before the first step: drawn from the seed, or the base's as far as it fits.

    A base of several networks lends each start another one, in turn.
    """
    import torch

    from truing.modalities.lipreading.recipes.network import LipNetwork, Shape

    torch.manual_seed(int(random_for(seed, "first weights").integers(2**62)))
    told = None
    if options.phones == "auto" and isinstance(decoder, SentenceModel):
        told = sounds_in(decoder.words)
    sounds = None if told is None else torch.from_numpy(told)
    if base is None:
        shape = Shape(outputs=decoder.outputs, hidden=options.hidden, dropout=options.dropout)
        return LipNetwork(shape, sounds)
    old = base.networks[number % len(base.networks)]
    shape = Shape.from_dict(
        {**old.shape.as_dict(), "outputs": decoder.outputs, "dropout": options.dropout}
    )
    network = LipNetwork(shape, sounds)
    if decoder.as_dict() == base.decoder.as_dict():
        network.head.load_state_dict(old.head.state_dict())
    for part in ("front", "join", "trunk"):
        getattr(network, part).load_state_dict(getattr(old, part).state_dict())
    return network


def _plan(given: TrainingInput, rows: Rows) -> Plan:
    options: VisualTcnOptions = given.options
    per_epoch = math.ceil(len(rows.train) / rows.own)
    total = per_epoch * options.epochs_for(len(rows.train))
    early = options.sequence_loss_from
    if given.base is None and 2 * rows.aligned < len(rows.train):
        early = max(early, round(total * GUESSED))
    return Plan(
        total=total,
        early=early,
        per_epoch=per_epoch,
        peak=options.learning_rate,
        warmup=options.warmup,
        floor=0.005,
        weight_decay=options.weight_decay,
        clip_norm=options.clip_norm,
        average=options.average,
        patience=options.patience if rows.validation else 0,
        freeze_norms=options.freeze_norms,
        checkpoint_minutes=options.checkpoint_minutes,
        seed=given.seed,
        identity={
            "options": asdict(options),
            "seed": given.seed,
            "base": given.base,
            "rows": [len(rows.train), len(rows.replay), len(rows.validation)],
        },
    )


def _check(rows: Rows, numerics: Numerics) -> Callable[[Any], dict[str, float]]:
    def check(network: Any) -> dict[str, float]:
        return validate(network, rows, numerics)

    return check
