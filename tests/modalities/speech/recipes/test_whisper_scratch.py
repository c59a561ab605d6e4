"""Training from nothing really runs here: small models, real recordings, a few steps each."""

from __future__ import annotations

import dataclasses
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from truing.domain.errors import NothingToDoError, SettingError
from truing.domain.recipe import Example, TrainingInput
from truing.modalities.speech.recipes.whisper_scratch import (
    WhisperScratchOptions,
    WhisperScratchRecipe,
    build_model,
    build_processor,
    distort,
)

SMALL = {
    "width": 16, "heads": 2, "layers": 1, "feedforward": 32, "input_seconds": 1,
    "text_positions": 24, "batch_size": 4, "max_steps": 4, "distort_from": 1,
}  # fmt: skip


def given(output: Path, train: list[Example], **changes: Any) -> TrainingInput:
    options = WhisperScratchOptions(**{**SMALL, **changes.pop("options", {})})
    rows: dict[str, Any] = {"base": None, "validation": (), "replay": (), **changes}
    return TrainingInput(train=train, options=options, seed=3, output=output, **rows)


def digest(folder: Path) -> str:
    return sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def test_a_run_writes_a_model_that_transformers_can_use(
    theo: list[Example], jackson: list[Example], context: Any, fresh: Any
) -> None:
    from transformers import WhisperForConditionalGeneration, WhisperProcessor

    from truing.modalities.speech.recipes.waveforms import features_of
    from truing.modalities.speech.recording import read_mono

    out = fresh("out")
    result = WhisperScratchRecipe().train(given(out, theo + jackson, validation=theo[:4]), context)

    assert result.finished
    assert result.steps == 4
    assert "validation_wer" in result.figures
    assert json.loads((out / "preprocessor_config.json").read_text())["n_samples"] == 16_000
    model = WhisperForConditionalGeneration.from_pretrained(str(out), local_files_only=True)
    processor = WhisperProcessor.from_pretrained(str(out), local_files_only=True)
    sound = read_mono(theo[0].media["audio"])
    features = features_of([sound], processor.feature_extractor, 1.0)
    assert tuple(features.shape) == (1, 80, 100)
    assert model.eval().generate(features[:1], max_new_tokens=5).shape[0] == 1


@pytest.mark.parametrize("stop_at", [1, 3])
def test_stopping_and_resuming_ends_in_the_same_bytes(
    stop_at: int, theo: list[Example], jackson: list[Example], context: Any, fresh: Any
) -> None:
    rows, validation = theo[4:] + jackson, theo[:4]
    WhisperScratchRecipe().train(given(fresh("whole"), rows, validation=validation), context)
    parted = dataclasses.replace(
        context, folder=fresh("kept"), stop_at=stop_at, reports=[], done=(0, 0)
    )
    first = given(fresh("first"), rows, validation=validation)
    assert not WhisperScratchRecipe().train(first, parted).finished
    parted.stop_at = None
    second = given(fresh("second"), rows, validation=validation)
    assert WhisperScratchRecipe().train(second, parted).finished
    folder = context.folder.parent
    assert digest(folder / "second") == digest(folder / "whole")
    assert parted.reports == context.reports


def test_the_seed_decides_everything(theo: list[Example], context: Any, fresh: Any) -> None:
    outs = [fresh(name) for name in ("a", "b", "c")]
    for out, seed in zip(outs, (3, 3, 4), strict=True):
        asked = dataclasses.replace(given(out, theo), seed=seed)
        WhisperScratchRecipe().train(asked, context)
    first, again, other = map(digest, outs)
    assert first == again != other


def test_special_tokens_stand_where_whisper_looks_for_them() -> None:
    from transformers.models.whisper.tokenization_whisper import LANGUAGES

    processor = build_processor(["zero one two"], WhisperScratchOptions(input_seconds=2))
    ids = processor.tokenizer.convert_tokens_to_ids
    start = ids("<|startoftranscript|>")
    assert start == ids("<|endoftext|>") + 1
    assert [ids(f"<|{code}|>") for code in LANGUAGES] == list(
        range(start + 1, start + 1 + len(LANGUAGES))
    )
    assert ids("<|0.00|>") == ids("<|notimestamps|>") + 1
    assert ids("<|2.00|>") == len(processor.tokenizer) - 1


@pytest.mark.parametrize("text", ["zero", "naïve café", "数字 🙂", "a <b> & c"])
def test_the_tokenizer_can_write_any_text(text: str) -> None:
    from truing.modalities.speech.recipes.transcripts import text_ids

    processor = build_processor(["zero one two"], WhisperScratchOptions())
    written = processor.tokenizer.decode(text_ids(processor.tokenizer, text))
    assert written == " " + text


def test_first_weights_have_the_scale_that_lets_so_small_a_model_learn() -> None:
    import torch

    torch.manual_seed(0)
    options = WhisperScratchOptions()
    tokenizer = build_processor(["zero one two"], options).tokenizer
    parameters = dict(build_model(tokenizer, options).named_parameters())
    assert float(parameters["model.encoder.layers.0.fc1.weight"].detach().std()) == pytest.approx(
        0.06, 0.05
    )
    assert float(parameters["model.encoder.conv1.weight"].detach().std()) == pytest.approx(
        0.10, 0.05
    )
    positions = parameters["model.encoder.embed_positions.weight"]
    assert float(positions.detach().abs().max()) == pytest.approx(1.0, abs=1e-3), "sinusoids stay"


def test_distortion_depends_on_strength_and_generator_only() -> None:
    import numpy as np

    features = np.random.default_rng(0).normal(size=(80, 100)).astype("float32")
    assert distort(features, 0.0, np.random.default_rng(1)) is features
    before = features.copy()
    one, again = (distort(features, 1.0, np.random.default_rng(1)) for _ in range(2))
    other = distort(features, 1.0, np.random.default_rng(2))
    assert one.dtype == np.float32
    assert one.shape == features.shape
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
    assert np.array_equal(features, before), "the input is not changed"


def test_errors_say_what_repairs_them(
    theo: list[Example], english_base: Path, context: Any, fresh: Any
) -> None:
    out = fresh("out")
    cases = [
        (NothingToDoError, "no training rows", given(out, [])),
        (NothingToDoError, "fits", given(out, [dataclasses.replace(theo[0], truth="ab " * 99)])),
        (SettingError, "no base", given(out, theo, base=str(english_base))),
    ]
    for kind, words, asked in cases:
        with pytest.raises(kind, match=words) as caught:
            WhisperScratchRecipe().train(asked, context)
        assert caught.value.hint


@pytest.mark.parametrize(
    ("name", "value"),
    [("width", 97), ("input_seconds", 31), ("text_positions", 2), ("max_steps", 0)],
)
def test_options_refuse_what_cannot_work(name: str, value: int) -> None:
    with pytest.raises(SettingError, match=name):
        WhisperScratchOptions(**{name: value})


def test_every_option_explains_itself() -> None:
    for field in dataclasses.fields(WhisperScratchOptions):
        assert field.metadata["help"]
    assert WhisperScratchRecipe().presets(1000, None) == {}
