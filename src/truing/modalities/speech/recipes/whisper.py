"""Recipe `whisper`: fine-tunes a Whisper checkpoint on a person's corrections.

Read from top to bottom: options, then one run in the order in which it happens: load the base,
gather rows, agree on the prompt, make batches, descend (`descent.py`), write. Any Whisper in the
format of transformers will do: English-only or multilingual, 30 s or shorter input.

Method: fine-tuning of all weights, of chosen layers or of an adapter (`adapters.py`), with replay:
half of each batch from the person and half general speech, so that a few dozen corrections do not
erase what the model knew (rehearsal; Robins, "Catastrophic forgetting, rehearsal and
pseudorehearsal", 1995). Corrections are varied by speed, level and noise, and may be joined into
longer utterances.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from truing.domain.errors import NothingToDoError, SettingError
from truing.domain.recipe import Example, Need, RunContext, TrainingInput, TrainingResult
from truing.modalities.speech.model_folder import write_model_folder
from truing.modalities.speech.recipes.adapters import ADAPTERS, attach
from truing.modalities.speech.recipes.adapters import FOLDER as ADAPTER_FOLDER
from truing.modalities.speech.recipes.descent import (
    Batch,
    Descent,
    Plan,
    descend,
)
from truing.modalities.speech.recipes.estimate import need_of_whisper
from truing.modalities.speech.recipes.options import (
    PACKAGES,
    TrainingOptions,
    plan_of,
    prepare_torch,
    refuse_wrong,
    variation_of,
)
from truing.modalities.speech.recipes.pretrained import load_base, width_of
from truing.modalities.speech.recipes.transcripts import (
    TASKS,
    is_multilingual,
    label_batch,
    prompt_for,
    text_ids,
)
from truing.modalities.speech.recipes.validate import validate
from truing.modalities.speech.recipes.waveforms import Pool, Variation, features_of
from truing.platform.numerics import choose_numerics
from truing.training.draws import random_for, seed_for
from truing.training.options import option

TINY_WIDTH = 192
"""Models at most this wide (`d_model`) are trained as tiny ones; OpenAI's smallest has 384."""
PROBED_FOR_LANGUAGE = 8
"""Training clips that vote on the language when nobody said which it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WhisperOptions(TrainingOptions):
    """What a person may set. The defaults suit OpenAI's checkpoints, which had no dropout."""

    batch_size: int = option(16, "utterances per forward pass, replay included")
    accumulation: int = option(2, "forward passes per step: raise it when memory is short")
    processes: int = option(1, "processes that share each batch, one per GPU")
    epochs: int = option(20, "most passes over the corrections")
    max_steps: int = option(0, "steps instead of epochs; 0 = by epochs")
    layers: str = option(
        "all", "what is trained: all, decoder, encoder, encoder:2+decoder (its last 2), re:PATTERN"
    )
    adapter: str = option(
        "none", f"small weights in place of the layers': {', '.join(ADAPTERS)}", ADAPTERS
    )
    adapter_rank: int = option(16, "rank of a lora or dora adapter")
    adapter_alpha: float = option(32.0, "strength of a lora or dora adapter; often twice the rank")
    adapter_dropout: float = option(0.0, "dropout before a lora or dora adapter")
    adapter_targets: str = option(
        "", "layers with an adapter, such as q_proj,v_proj; empty = usual"
    )
    adapter_rate: float = option(10.0, "an adapter's learning rate, in times of `learning_rate`")
    gradient_checkpointing: bool = option(
        default=False, text="less memory, about a third more time"
    )
    replay_share: float = option(0.5, "share of general speech in each batch, if there is any")
    words_to_choose: int = option(
        100, "fewest words of validation that may choose the step; with fewer the last is kept"
    )
    validation_rows: int = option(200, "most rows looked at in each validation; 0 = all")
    language: str = option("", "language spoken, such as en; empty = the model's own or detected")
    task: str = option("transcribe", "transcribe, or translate (into English)", TASKS)
    augment: bool = option(default=True, text="vary speed, level and noise of each clip anew")

    def __post_init__(self) -> None:
        """Refuses values that cannot work.

        Raises:
            SettingError: names the option and what it takes.
        """
        refuse_wrong(
            self,
            {
                "accumulation": self.accumulation < 1,
                "processes": self.processes < 1,
                "epochs": self.epochs < 1,
                "adapter": self.adapter not in ADAPTERS,
                "adapter_rank": self.adapter_rank < 1,
                "adapter_rate": self.adapter_rate <= 0,
                "adapter_dropout": not 0 <= self.adapter_dropout < 1,
                "replay_share": not 0 <= self.replay_share < 1,
                "task": self.task not in TASKS,
            },
        )


class WhisperRecipe:
    """Fine-tunes Whisper; see the module for the method and `WhisperOptions` for the dials."""

    name = "whisper"
    summary = "fine-tune a Whisper checkpoint on corrections, with replay against forgetting"
    options: type = WhisperOptions
    needs_base = True
    needs_packages: Mapping[str, str] = PACKAGES

    def presets(self, examples: int, base: str | None) -> Mapping[str, object]:
        """Option values for this many corrections and this base model.

        A tiny base (a folder with `d_model` of at most 192) gets the recipe measured on tiny
        models; any other gets fewer epochs the more corrections there are.
        """
        if base is not None and width_of(base) <= TINY_WIDTH:
            return {
                "learning_rate": 5e-4,
                "adapter_rate": 3.0,
                "accumulation": 1,
                "max_steps": max(160, examples),
                "average": 0.4,
                "dropout": 0.1,
                "join_chance": 0.6,
                "threads": 1,
            }
        steps = ((50, 20), (200, 10), (1000, 5))
        return {"epochs": next((epochs for below, epochs in steps if examples < below), 3)}

    def estimate(self, base: str | None, options: WhisperOptions) -> Need | None:
        """What a run needs at most; see `estimate.py` for the formula and how it was measured."""
        return None if base is None else need_of_whisper(base, options)

    def train(self, given: TrainingInput, context: RunContext) -> TrainingResult:
        """Trains, or resumes, and writes the best weights to `given.output`.

        Raises:
            NothingToDoError: there are no training rows, or none that fits the model.
            NotFoundError, InvalidInputError, UnavailableError: the base cannot be had.
            DamagedError: an audio file or the base's weights cannot be read.
            ConflictError: the checkpoint belongs to a run with other settings or data.
            RunFailedError: the loss left the finite numbers.
        """
        import torch

        options: WhisperOptions = given.options
        if not len(given.train):
            raise NothingToDoError(
                "There are no training rows.", hint="Review some samples, then freeze a dataset."
            )
        if options.processes > 1 and not hasattr(context, "team"):
            from truing.modalities.speech.recipes.parallel import lead

            return lead(self, given, context, options.processes)
        prepare_torch(options.threads)
        model, processor = load_base(given.base, dropout=options.dropout)
        numerics = choose_numerics(options.device, options.precision)
        torch.manual_seed(seed_for(given.seed, "adapter"))
        adapter = attach(model, options, str(given.base))
        model.to(numerics.device)
        if options.gradient_checkpointing:
            # Its name until transformers 5.x; each newer version warns of the older name.
            enable = getattr(model, "activation_checkpointing_enable", None)
            (enable or model.gradient_checkpointing_enable)({"use_reentrant": False})

        rows = _gather(given, model, processor.tokenizer)
        notes = [note for pool in rows.values() for note in pool.notes]
        prompt_of = _prompts(model, processor, rows["train"], options, notes)
        personal, general = _shares(options, has_replay=len(rows["replay"]) > 0)
        plan = _plan(given, rows, personal)
        context.log(
            f"{len(rows['train'])} corrections, {len(rows['replay'])} replay and "
            f"{len(rows['validation'])} validation rows; {plan.total} steps of "
            f"{options.accumulation} x ({personal} + {general}) utterances."
        )

        variation = variation_of(options) if options.augment else Variation()

        def batches(step: int) -> list[Batch]:
            places = range(step * options.accumulation, (step + 1) * options.accumulation)
            return [mixed_batch(place) for place in places]

        def mixed_batch(place: int) -> Batch:
            first, first_general = place * personal, place * general
            drawn = [rows["train"].draw(first + i, variation) for i in range(personal)]
            drawn += [rows["replay"].draw(first_general + i, variation) for i in range(general)]
            texts = [(prompt_of(e), text_ids(processor.tokenizer, text)) for _, text, e in drawn]
            sounds = [sound for sound, _, _ in drawn]
            features = features_of(sounds, processor.feature_extractor, rows["train"].longest)
            return features, *label_batch(texts, model.config.eos_token_id)

        def check() -> dict[str, float]:
            return validate(
                model,
                rows["validation"],
                processor=processor,
                prompt_of=prompt_of,
                batch_size=options.batch_size,
                autocast=numerics.autocast,
            )

        run = descend(
            model,
            plan,
            numerics,
            context,
            batches=batches,
            check=check if len(rows["validation"]) else None,
        )
        if run.finished:
            if adapter is not None:
                adapter.write(given.output / ADAPTER_FOLDER)
                adapter.merge()
            write_model_folder(given.output, model=model, processor=processor)
            notes += [*_verdict(run, plan), *run.notes]
        return TrainingResult(
            finished=run.finished, steps=run.step, figures=run.figures, notes=tuple(notes)
        )


def _gather(given: TrainingInput, model: Any, tokenizer: Any) -> dict[str, Pool]:
    """Train, validation and replay rows that the model can hear and write."""
    config, options = model.config, given.options
    longest = config.max_source_positions / 50  # the encoder has 50 positions per second
    room = config.max_target_positions - 5  # prompt of at most 4 tokens, and the end token

    def fits(text: str) -> bool:
        return bool(len(text_ids(tokenizer, text)) <= room)

    rows = {
        name: Pool(examples, seed=given.seed, name=name, longest=longest, fits=fits)
        for name, examples in (
            ("train", given.train),
            ("validation", _some(given.validation, options.validation_rows, given.seed)),
            ("replay", given.replay),
        )
    }
    if not len(rows["train"]):
        left_out = " ".join(rows["train"].notes)
        raise NothingToDoError(
            f"There are no training rows that this model can use. {left_out}".rstrip(),
            hint="Review some samples, then freeze a new dataset version.",
        )
    return rows


def _some(examples: Sequence[Example], most: int, seed: int) -> Sequence[Example]:
    """At most `most` of the rows, chosen by the seed; all of them when `most` is 0."""
    if not most or len(examples) <= most:
        return examples
    chosen = random_for(seed, "validation").permutation(len(examples))[:most]
    return [examples[int(row)] for row in sorted(chosen)]


def _prompts(
    model: Any, processor: Any, train: Pool, options: WhisperOptions, notes: list[str]
) -> Callable[[Example], list[int]]:
    """The prompt of an example: its own `inputs["language"]`, else the run's language."""
    tokenizer, settings = processor.tokenizer, model.generation_config
    if not is_multilingual(model):
        english = prompt_for(tokenizer, language=None, task=options.task)
        return lambda _: english
    language = options.language or getattr(settings, "language", None)
    if not language:
        language = _detect_language(model, processor, train)
        notes.append(f"Nobody named the language; the base heard `{language}`.")
    # Whoever loads the result must prompt it as it was trained.
    settings.language, settings.task, settings.is_multilingual = language, options.task, True
    general: str = language
    return lambda e: prompt_for(
        tokenizer, language=e.inputs.get("language") or general, task=options.task
    )


def _detect_language(model: Any, processor: Any, train: Pool) -> str:
    """The language that the base hears most often in the first few clips."""
    known = getattr(model.generation_config, "lang_to_id", None)
    if not known:
        raise SettingError(
            "The base model is multilingual and does not say which languages it knows.",
            hint="Set `language`, for example to `en`.",
        )
    sounds = [train.waveform(index) for index in range(min(PROBED_FOR_LANGUAGE, len(train)))]
    features = features_of(sounds, processor.feature_extractor, train.longest).to(model.device)
    heard = Counter(model.detect_language(features).flatten().tolist())
    names: dict[int, str] = {number: token.strip("<|>") for token, number in known.items()}
    return names[heard.most_common(1)[0][0]]


def _shares(options: WhisperOptions, *, has_replay: bool) -> tuple[int, int]:
    """Utterances of the person and of replay in each batch; at least one of each that exists."""
    if not has_replay or not options.replay_share or options.batch_size == 1:
        return options.batch_size, 0
    general = round(options.batch_size * options.replay_share)
    general = min(max(1, general), options.batch_size - 1)
    return options.batch_size - general, general


def _plan(given: TrainingInput, rows: Mapping[str, Pool], personal: int) -> Plan:
    options: WhisperOptions = given.options
    per_step = personal * options.accumulation
    plan = plan_of(
        options,
        total=options.max_steps or max(1, -(-options.epochs * len(rows["train"]) // per_step)),
        # One word wrong in fewer words moves the WER by more than steps differ. Measured with ten
        # digits: steps 16 to 48 were taken, and the general set lost 2.7 points for nothing.
        choosing=rows["validation"].words >= options.words_to_choose,
        seed=given.seed,
        rows={name: len(pool) for name, pool in rows.items()},
    )
    times = 1.0 if options.adapter == "none" else options.adapter_rate
    return replace(plan, peak=plan.peak * times)


def _verdict(run: Descent, plan: Plan) -> list[str]:
    """What a person should know about how the run ended."""
    count = run.average.count
    kept = f"the mean weights of the last {count} steps" if count else "the last step's weights"
    if not run.validated:
        return [f"There were no validation rows: {kept} were kept."]
    if not plan.choosing:
        return [f"Validation has too few words to choose a step: {kept} were kept."]
    found = []
    if run.step < plan.total:
        found.append(f"Stopped early at step {run.step} of {plan.total}.")
    if run.best.step == 0:
        found.append("No step was better than the base: its weights were kept.")
    else:
        found.append(f"The weights of step {run.best.step} were the best on validation.")
    return found
