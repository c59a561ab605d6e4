"""Options that the recipes share: fields that explain themselves, and what is made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from truing.modalities.speech.recipes.descent import Plan
from truing.modalities.speech.recipes.waveforms import Variation
from truing.platform.numerics import PRECISIONS
from truing.training.options import option, refuse
from truing.training.steps import SCHEDULES

PACKAGES = {"torch": "truing[train]", "transformers": "truing[train]"}
"""What training Whisper imports, and the extra that brings it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingOptions:
    """What every recipe of this folder lets a person set; each has defaults of its own."""

    learning_rate: float = option(1e-5, "peak learning rate of AdamW")
    batch_size: int = option(16, "utterances per forward pass")
    max_steps: int = option(0, "steps of training")
    schedule: str = option("linear", f"after warm-up: {', '.join(SCHEDULES)}", SCHEDULES)
    warmup_steps: int = option(10, "steps of rising rate; at most a tenth of the run")
    weight_decay: float = option(0.01, "decay of AdamW on matrices")
    clip_norm: float = option(1.0, "largest gradient norm; 0 = never clip")
    dropout: float = option(0.0, "dropout in encoder and decoder")
    average: float = option(
        0.0, "share of the run, at its end, whose steps' weights are averaged; 0 = the last step's"
    )
    patience: int = option(3, "stop after this many validations without gain; 0 = never")
    validate_every: int = option(0, "steps between validations; 0 = a tenth of the run")
    speed: float = option(0.1, "speed varies by 1 ± this")
    volume_db: float = option(6.0, "level varies by ± this many decibels")
    noise_snr_db: float = option(20.0, "lowest signal-to-noise ratio of added noise; 0 = none")
    join_chance: float = option(0.0, "chance that another utterance of the speaker is joined on")
    join_words: int = option(3, "most words in a joined utterance")
    precision: str = option(
        "auto", "fp32, bf16, fp16; auto = bf16 or fp16 on a GPU, else fp32", PRECISIONS
    )
    device: str = option("auto", "cpu, cuda, mps; auto = a GPU when there is one")
    threads: int = option(0, "threads of torch; 0 = leave as it is")
    checkpoint_minutes: float = option(5.0, "most minutes of work that a crash can lose")


def refuse_wrong(options: TrainingOptions, wrong: Mapping[str, bool]) -> None:
    """Raises for the first option whose value cannot work.

    Args:
        options: of either recipe.
        wrong: what is wrong with the options that are the recipe's own.

    Raises:
        SettingError: names the option, its value and what it takes.
    """
    shared = {
        "learning_rate": options.learning_rate <= 0,
        "batch_size": options.batch_size < 1,
        "max_steps": options.max_steps < 0,
        "schedule": options.schedule not in SCHEDULES,
        "dropout": not 0 <= options.dropout < 1,
        "average": not 0 <= options.average <= 1,
        "speed": not 0 <= options.speed < 0.5,
        "join_chance": not 0 <= options.join_chance < 1,
        "precision": options.precision not in PRECISIONS,
    }
    refuse(options, {**shared, **wrong})


def plan_of(
    options: TrainingOptions, *, total: int, choosing: bool, seed: int, rows: object
) -> Plan:
    """The figures of a run of `total` steps; with other options or `rows` it is another run."""
    return Plan(
        total=total,
        peak=options.learning_rate,
        warmup=min(options.warmup_steps, total // 10),
        schedule=options.schedule,
        weight_decay=options.weight_decay,
        clip_norm=options.clip_norm,
        every=options.validate_every or max(1, total // 10),
        patience=options.patience,
        choosing=choosing,
        average_from=total - round(total * options.average),
        checkpoint_minutes=options.checkpoint_minutes,
        seed=seed,
        identity={"options": asdict(options), "seed": seed, "rows": rows},
    )


def variation_of(options: TrainingOptions, *, gap: tuple[float, float] = (0.0, 0.08)) -> Variation:
    """How far each clip may be changed; `gap` is the silence between joined ones, in seconds."""
    return Variation(
        speed=options.speed,
        volume_db=options.volume_db,
        noise_snr_db=options.noise_snr_db,
        join_chance=options.join_chance,
        join_words=options.join_words,
        join_gap=gap,
    )


def prepare_torch(threads: int) -> None:
    """Lets torch use this many CPU threads (0 leaves the number); no bars in a run's log."""
    import torch
    from transformers.utils import logging

    if threads:
        torch.set_num_threads(threads)
    logging.disable_progress_bar()
