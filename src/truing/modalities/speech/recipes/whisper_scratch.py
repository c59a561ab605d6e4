"""Recipe `whisper-scratch`: a tiny Whisper with its own tokenizer, from a few thousand clips.

Read from top to bottom: options, then one run in the order in which it happens: train the
tokenizer, build the model, gather rows, make batches, descend (`descent.py`), write. The result is
a Whisper with an input of a few seconds, which costs a laptop minutes to train and milliseconds to
run. It suits a small vocabulary: digits, commands. It is of the English-only kind, with no language
in its prompt, unless several `languages` are named.

What decides whether so small a model learns at all is the scale of its first weights: with
transformers' 0.02 a width of 96 stays on a plateau; with 0.06 (convolutions 0.10) the loss after
350 steps was 0.46 instead of 1.20. Features are warped, filtered and masked (SpecAugment, Park et
al. 2019; vocal tract length perturbation, Jaitly & Hinton 2013), since a few speakers are few.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from truing.domain.errors import NothingToDoError, SettingError
from truing.domain.recipe import Example, RunContext, TrainingInput, TrainingResult
from truing.modalities.speech.model_folder import write_model_folder
from truing.modalities.speech.recipes.descent import Batch, descend
from truing.modalities.speech.recipes.options import (
    PACKAGES,
    TrainingOptions,
    plan_of,
    prepare_torch,
    refuse_wrong,
    variation_of,
)
from truing.modalities.speech.recipes.transcripts import TASKS, label_batch, prompt_for, text_ids
from truing.modalities.speech.recipes.validate import validate
from truing.modalities.speech.recipes.waveforms import Pool, features_of
from truing.platform.numerics import choose_numerics
from truing.training.draws import random_for, seed_for
from truing.training.options import option
from truing.training.steps import SCHEDULES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BYTES = 256
"""Symbols of a byte-level alphabet: every text can be written, whatever its script."""
POSITIONS_PER_SECOND = 50
"""Encoder positions per second: 100 frames, halved by the second convolution."""
TIMESTAMP_STEP = 0.02
"""Seconds between Whisper's timestamp tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WhisperScratchOptions(TrainingOptions):
    """What a person may set. The defaults are those measured on three speakers of digits."""

    width: int = option(96, "size of the hidden states (d_model)")
    layers: int = option(2, "layers of the encoder, and of the decoder")
    heads: int = option(4, "attention heads per layer")
    feedforward: int = option(384, "size of the feed-forward layers")
    input_seconds: int = option(2, "seconds of sound the model hears; time grows faster than this")
    text_positions: int = option(48, "most tokens in a transcript, prompt included")
    merges: int = option(200, "most merges of the byte-pair tokenizer; few words need few")
    languages: str = option("", "languages spoken, such as en,de; empty = one, which is not named")
    max_steps: int = option(2200, "steps of training")
    batch_size: int = option(16, "utterances per step")
    learning_rate: float = option(1.2e-3, "peak learning rate of AdamW")
    schedule: str = option("cosine", f"after warm-up: {', '.join(SCHEDULES)}", SCHEDULES)
    warmup_steps: int = option(100, "steps of rising rate; at most a tenth of the run")
    dropout: float = option(0.1, "dropout in encoder and decoder")
    initial_scale: float = option(0.06, "standard deviation of the first weights")
    initial_scale_convolutions: float = option(0.10, "the same for the two convolutions")
    patience: int = option(0, "stop after this many validations without gain; 0 = never")
    speed: float = option(0.16, "speed varies by 1 ± this")
    join_chance: float = option(0.6, "chance that another utterance of the speaker is joined on")
    distort_from: int = option(300, "step from which features are distorted, fully after as many")
    threads: int = option(1, "threads of torch; so small a model is slower with more")

    @property
    def known_languages(self) -> tuple[str, ...]:
        """Codes of the languages; none when there is only one and nobody names it."""
        return tuple(code.strip() for code in self.languages.split(",") if code.strip())

    def __post_init__(self) -> None:
        """Refuses values that cannot work.

        Raises:
            SettingError: names the option and what it takes.
        """
        refuse_wrong(
            self,
            {
                "width": self.width < 8 or self.width % (2 * self.heads) != 0,
                "input_seconds": not 1 <= self.input_seconds <= 30,
                "text_positions": self.text_positions < 8,
                "max_steps": self.max_steps < 1,
            },
        )


class WhisperScratchRecipe:
    """Trains a tiny Whisper from nothing; see the module for the method."""

    name = "whisper-scratch"
    summary = "train a tiny Whisper and its tokenizer from a few thousand short clips"
    options: type = WhisperScratchOptions
    needs_base = False
    needs_packages: Mapping[str, str] = PACKAGES

    def presets(self, examples: int, base: str | None) -> Mapping[str, object]:
        """Nothing: the defaults are for the one size of model that this recipe is meant for."""
        del examples, base
        return {}

    def train(self, given: TrainingInput, context: RunContext) -> TrainingResult:
        """Trains, or resumes, and writes the model to `given.output`.

        `given.base` must be None and `given.replay` is not used: nothing can be forgotten yet.

        Raises:
            NothingToDoError: there are no training rows, or none that fits the model.
            SettingError: a base was given.
            DamagedError: an audio file cannot be read.
            ConflictError: the checkpoint belongs to a run with other settings or data.
            RunFailedError: the loss left the finite numbers.
        """
        import numpy as np
        import torch

        options: WhisperScratchOptions = given.options
        if given.base is not None:
            raise SettingError(
                f"The recipe `whisper-scratch` takes no base model (`{given.base}`).",
                hint="Leave the base out, or use the recipe `whisper`.",
            )
        if not len(given.train):
            raise NothingToDoError(
                "There are no training rows.", hint="Import or review some samples first."
            )
        prepare_torch(options.threads)
        numerics = choose_numerics(options.device, options.precision)
        torch.manual_seed(seed_for(given.seed, "first weights"))
        processor = build_processor([row.truth for row in given.train], options)
        model = build_model(processor.tokenizer, options).to(numerics.device)

        train, validation = _gather(given, processor.tokenizer)
        if not len(train):
            raise NothingToDoError(
                f"No training row fits the model. {' '.join(train.notes)}",
                hint="Raise `input_seconds` or `text_positions`.",
            )
        prompt_of = _prompts(processor.tokenizer, options)
        plan = plan_of(
            options,
            total=options.max_steps,
            choosing=True,
            seed=given.seed,
            rows=[len(train), len(validation)],
        )
        context.log(
            f"{len(train)} training and {len(validation)} validation rows; "
            f"{sum(p.numel() for p in model.parameters())} parameters; {plan.total} steps of "
            f"{options.batch_size} utterances."
        )
        variation = variation_of(options, gap=(0.03, 0.15))

        def batches(step: int) -> list[Batch]:
            first = step * options.batch_size
            drawn = [train.draw(first + i, variation) for i in range(options.batch_size)]
            features = features_of(
                [sound for sound, _, _ in drawn], processor.feature_extractor, train.longest
            )
            strength = min(1.0, max(0.0, step / max(1, options.distort_from) - 1.0))
            distorted = [
                distort(row, strength, random_for(given.seed, "distort", first + i))
                for i, row in enumerate(features.numpy())
            ]
            # All of the prompt but its start is learnt too: the language is to be told from sound.
            texts = [
                (prompt[:1], [*prompt[1:], *text_ids(processor.tokenizer, text)])
                for prompt, text in ((prompt_of(e), text) for _, text, e in drawn)
            ]
            labels = label_batch(texts, model.config.eos_token_id)
            return [(torch.from_numpy(np.stack(distorted)), *labels)]

        def check() -> dict[str, float]:
            return validate(
                model,
                validation,
                processor=processor,
                prompt_of=prompt_of,
                batch_size=64,
                autocast=numerics.autocast,
            )

        run = descend(
            model,
            plan,
            numerics,
            context,
            batches=batches,
            check=check if len(validation) else None,
        )
        if run.finished:
            write_model_folder(given.output, model=model, processor=processor)
        return TrainingResult(
            finished=run.finished,
            steps=run.step,
            figures=run.figures,
            notes=(*train.notes, *validation.notes, *run.notes),
        )


def _prompts(tokenizer: Any, options: WhisperScratchOptions) -> Callable[[Example], list[int]]:
    """The prompt of an example: with its language when the model is to know several."""
    known = options.known_languages
    if not known:
        plain = prompt_for(tokenizer, language=None, task="transcribe")
        return lambda _: plain
    prompts = {one: prompt_for(tokenizer, language=one, task="transcribe") for one in known}

    def prompt_of(example: Example) -> list[int]:
        language = example.inputs.get("language") or known[0]
        if language not in prompts:
            raise SettingError(
                f"The sample `{example.uid}` is in `{language}`, which is not in `languages`.",
                hint=f"Set `languages` to {','.join((*known, language))}.",
            )
        return prompts[language]

    return prompt_of


def build_processor(texts: Sequence[str], options: WhisperScratchOptions) -> Any:
    """A Whisper processor whose byte-pair tokenizer was trained on `texts`.

    Whisper reads the meaning of a special token from its place, so they follow the vocabulary in
    OpenAI's order, every language included: a language's id is that of `<|startoftranscript|>` plus
    its rank.
    """
    import json

    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import WhisperFeatureExtractor, WhisperProcessor, WhisperTokenizer
    from transformers.models.whisper.tokenization_whisper import LANGUAGES

    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    learner.train_from_iterator(
        (" " + text.strip() for text in texts),
        trainers.BpeTrainer(
            vocab_size=BYTES + options.merges,
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        ),
    )
    learnt = json.loads(learner.to_str())["model"]
    tokenizer = WhisperTokenizer(
        vocab=learnt["vocab"], merges=[tuple(pair) for pair in learnt["merges"]]
    )
    specials = ["<|endoftext|>", "<|startoftranscript|>", *(f"<|{code}|>" for code in LANGUAGES)]
    specials += ["<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>"]
    specials += ["<|nospeech|>", "<|notimestamps|>"]
    tokenizer.add_special_tokens({"additional_special_tokens": specials})
    stamps = range(round(options.input_seconds / TIMESTAMP_STEP) + 1)
    tokenizer.add_tokens([f"<|{stamp * TIMESTAMP_STEP:.2f}|>" for stamp in stamps])
    extractor = WhisperFeatureExtractor(chunk_length=options.input_seconds)
    return WhisperProcessor(feature_extractor=extractor, tokenizer=tokenizer)


def build_model(tokenizer: Any, options: WhisperScratchOptions) -> Any:
    """An untrained Whisper of the size in `options`, drawn from torch's present random state."""
    import torch
    from transformers import GenerationConfig, WhisperConfig, WhisperForConditionalGeneration

    end, start, silent = (
        int(tokenizer.convert_tokens_to_ids(token))
        for token in ("<|endoftext|>", "<|startoftranscript|>", "<|notimestamps|>")
    )
    ends = {"bos_token_id": end, "eos_token_id": end, "pad_token_id": end}
    config = WhisperConfig(
        vocab_size=len(tokenizer),
        d_model=options.width,
        encoder_layers=options.layers,
        decoder_layers=options.layers,
        encoder_attention_heads=options.heads,
        decoder_attention_heads=options.heads,
        encoder_ffn_dim=options.feedforward,
        decoder_ffn_dim=options.feedforward,
        max_source_positions=options.input_seconds * POSITIONS_PER_SECOND,
        max_target_positions=options.text_positions,
        dropout=options.dropout,
        decoder_start_token_id=start,
        suppress_tokens=None,
        begin_suppress_tokens=None,
        **ends,
    )
    model = WhisperForConditionalGeneration(config)
    model.generation_config = GenerationConfig(
        decoder_start_token_id=start,
        max_length=options.text_positions,
        no_timestamps_token_id=silent,
        is_multilingual=bool(options.known_languages),
        return_timestamps=False,
        **ends,
    )
    if options.known_languages:
        numbers = tokenizer.get_vocab()
        model.generation_config.lang_to_id = {
            f"<|{code}|>": numbers[f"<|{code}|>"] for code in options.known_languages
        }
        model.generation_config.task_to_id = {task: numbers[f"<|{task}|>"] for task in TASKS}
    scale, convolutions = options.initial_scale, options.initial_scale_convolutions
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim >= 2 and "encoder.embed_positions" not in name:
                weight.normal_(0.0, convolutions if ".conv" in name else scale)
    return model


def _gather(given: TrainingInput, tokenizer: Any) -> tuple[Pool, Pool]:
    """Train and validation rows that the model can hear and write."""
    options: WhisperScratchOptions = given.options
    prompt = 4 if options.known_languages else 2
    room = options.text_positions - prompt - 1  # the end token

    def fits(text: str) -> bool:
        return len(text_ids(tokenizer, text)) <= room

    train, validation = (
        Pool(rows, seed=given.seed, name=name, longest=float(options.input_seconds), fits=fits)
        for name, rows in (("train", given.train), ("validation", given.validation))
    )
    return train, validation


def distort(
    features: NDArray[np.float32], strength: float, random: np.random.Generator
) -> NDArray[np.float32]:
    """Another voice, microphone and gaps for one clip's log-mel, as float32 of (mel, frames).

    Args:
        features: Whisper's scaled log-mel: one unit is 40 dB.
        strength: 0 = unchanged to 1 = mel axis warped by up to 10 %, a smooth filter of up to about
            6 dB, and two masks each over frequency (up to 10 bands) and time (up to 15 frames).
        random: decides all of it.
    """
    import numpy as np

    if strength <= 0.0:
        return features
    bands = len(features)
    axis = np.arange(bands)
    warped = np.clip(axis * (1.0 + strength * random.uniform(-0.1, 0.1)), 0, bands - 1)
    low = warped.astype(int)
    high, share = np.minimum(low + 1, bands - 1), (warped - low)[:, None]
    sound = features[low] * (1.0 - share) + features[high] * share
    for waves in (1, 2, 3):
        shape = np.cos(np.pi * (axis / bands * waves + random.uniform(0, 2)))
        sound += strength * 0.05 * random.uniform(-1, 1) * shape[:, None]
    quiet = sound.min()
    for side, most in ((sound, 10), (sound.T, 15)):  # views: both write into `sound`
        for _ in range(2):
            width = int(strength * random.integers(0, most + 1))
            first = int(random.integers(0, len(side) - width + 1))
            side[first : first + width] = quiet
    return np.asarray(sound, dtype=np.float32)
