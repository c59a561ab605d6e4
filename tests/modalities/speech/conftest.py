"""Whisper folders for tests: the trained tiny base of the demo, and random ones of real shape."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import truing
from truing.domain.recipe import MediaFile
from truing.modalities.speech.transformers_runtime import without_progress_bars

DATA = Path(__file__).parents[2] / "data" / "speech"

ENGLISH_WORDS, MULTILINGUAL_WORDS = 50_256, 50_257
"""Text tokens of OpenAI's English-only and multilingual vocabularies."""


def write_random_whisper(folder: Path, *, multilingual: bool, **shape: Any) -> Path:
    """A Whisper of OpenAI's vocabulary and 30 s input with random weights, written offline."""
    import torch
    from tokenizers import pre_tokenizers
    from transformers import (
        GenerationConfig,
        WhisperConfig,
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
        WhisperProcessor,
        WhisperTokenizer,
    )
    from transformers.models.whisper.tokenization_whisper import LANGUAGES

    size = MULTILINGUAL_WORDS if multilingual else ENGLISH_WORDS
    symbols = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = symbols + [f"Ġw{n}" for n in range(size - len(symbols))]
    if multilingual:
        words[-1] = ""  # as in OpenAI's vocabulary
    languages = list(LANGUAGES)[:99]
    specials = ["<|endoftext|>", "<|startoftranscript|>", *(f"<|{code}|>" for code in languages)]
    specials += ["<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>"]
    specials += ["<|nospeech|>", "<|notimestamps|>"]
    specials += [f"<|{step * 0.02:.2f}|>" for step in range(1501)]
    vocabulary = {word: number for number, word in enumerate([*words, *specials])}
    tokenizer = WhisperTokenizer(vocab=vocabulary, merges=[])
    tokenizer.add_special_tokens({"additional_special_tokens": specials[1:]})
    config = WhisperConfig(
        vocab_size=len(vocabulary),
        eos_token_id=size,
        pad_token_id=size,
        bos_token_id=size,
        decoder_start_token_id=size + 1,
        **shape,
    )
    torch.manual_seed(7)
    model = WhisperForConditionalGeneration(config)
    with torch.no_grad():
        for name, weights in model.named_parameters():
            # With the usual 0.02 all outputs are nearly alike and a rounding error decides.
            if weights.ndim > 1 and "embed_positions" not in name:
                weights.mul_(3.0)
    last = config.decoder_layers - 1
    settings = GenerationConfig(
        eos_token_id=size,
        pad_token_id=size,
        decoder_start_token_id=size + 1,
        max_length=448,
        begin_suppress_tokens=[220, size],
        suppress_tokens=[1, 2, 7],
        is_multilingual=multilingual,
        no_timestamps_token_id=size + 106,
        alignment_heads=[[last, 0], [last, 1]],
    )
    if multilingual:
        settings.lang_to_id = {f"<|{c}|>": size + 2 + n for n, c in enumerate(languages)}
        settings.task_to_id = {"translate": size + 101, "transcribe": size + 102}
    model.generation_config = settings
    with without_progress_bars():
        model.save_pretrained(folder)
    extractor = WhisperFeatureExtractor(feature_size=config.num_mel_bins)
    WhisperProcessor(feature_extractor=extractor, tokenizer=tokenizer).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def base() -> Path:
    """The tiny Whisper of the demo: 2 s of input, digits, every speaker but theo."""
    return Path(truing.__file__).parent / "demo" / "digits" / "base" / "without-theo"


@dataclass(frozen=True)
class Digit:
    """One real recording of one digit."""

    path: Path
    text: str
    speaker: str

    @property
    def media(self) -> dict[str, MediaFile]:
        return {"audio": MediaFile(path=self.path)}


@pytest.fixture(scope="session")
def digits() -> list[Digit]:
    """Recordings of jackson, whom the base knows, and of theo, whom it does not."""
    folder = DATA / "digits"
    rows = map(json.loads, (folder / "metadata.jsonl").read_text(encoding="utf-8").splitlines())
    return [Digit(folder / r["file_name"], r["transcription"], r["speaker"]) for r in rows]


@pytest.fixture(scope="session")
def distilled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shape of distil-small.en with two layers instead of twelve and four."""
    return write_random_whisper(
        tmp_path_factory.mktemp("models") / "distilled",
        multilingual=False,
        d_model=768,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=12,
        decoder_attention_heads=12,
        encoder_ffn_dim=3072,
        decoder_ffn_dim=3072,
    )


@pytest.fixture(scope="session")
def many_languages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A multilingual vocabulary and prompt on a small body."""
    return write_random_whisper(
        tmp_path_factory.mktemp("models") / "many",
        multilingual=True,
        d_model=64,
        encoder_layers=1,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=128,
        decoder_ffn_dim=128,
    )
