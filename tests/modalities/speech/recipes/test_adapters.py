"""Adapters and chosen layers: what is trained, what is written, and that resuming is exact."""

from __future__ import annotations

import dataclasses
import json
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from truing.domain.errors import ConflictError, NotFoundError, SettingError
from truing.domain.recipe import Example, TrainingInput
from truing.modalities.speech.recipes.adapters import choose_layers, merge_adapter
from truing.modalities.speech.recipes.whisper import WhisperOptions, WhisperRecipe


def given(base: Path, output: Path, train: list[Example], **options: Any) -> TrainingInput:
    small = {"batch_size": 4, "accumulation": 1, "learning_rate": 1e-3, "max_steps": 3}
    return TrainingInput(
        base=str(base),
        train=train,
        validation=(),
        replay=(),
        options=WhisperOptions(**{**small, **options}),
        seed=5,
        output=output,
    )


def weights(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return dict(load_file(folder / "model.safetensors"))


def changed(base: Path, folder: Path) -> set[str]:
    before, after = weights(base), weights(folder)
    assert before.keys() == after.keys()
    return {name for name in before if not bool((before[name] == after[name]).all())}


def digest(folder: Path) -> str:
    return sha256((folder / "model.safetensors").read_bytes()).hexdigest()


@pytest.mark.parametrize("adapter", ["lora", "dora", "ia3"])
def test_an_adapter_is_merged_and_lies_beside(
    adapter: str, english_base: Path, theo: list[Example], context: Any, fresh: Any
) -> None:
    from transformers import WhisperForConditionalGeneration

    out = fresh("out")
    result = WhisperRecipe().train(given(english_base, out, theo, adapter=adapter), context)

    assert result.finished
    moved = changed(english_base, out)
    assert moved, "the model written is the base with what was learnt"
    parts = ("k_proj", "v_proj", "fc2") if adapter == "ia3" else ("_proj", "fc1", "fc2")
    assert all(any(part in name for part in parts) for name in moved), moved
    WhisperForConditionalGeneration.from_pretrained(str(out), local_files_only=True)
    files = {file.name for file in (out / "adapter").iterdir()}
    assert files == {"adapter_config.json", "adapter_model.safetensors"}
    settings = json.loads((out / "adapter" / "adapter_config.json").read_text())
    assert settings["base_model_name_or_path"] == english_base.name, "no path of this machine"


def test_an_exported_adapter_makes_the_same_model_again(
    english_base: Path, theo: list[Example], context: Any, fresh: Any
) -> None:
    import torch

    out, again = fresh("out"), fresh("again")
    WhisperRecipe().train(given(english_base, out, theo, adapter="lora"), context)
    merge_adapter(english_base, out / "adapter", again)
    first, second = weights(out), weights(again)
    assert first.keys() == second.keys()
    assert all(torch.allclose(first[name], second[name], atol=1e-6) for name in first)
    assert (again / "tokenizer.json").is_file()


@pytest.mark.parametrize("adapter", ["lora", "dora"])
def test_an_adapter_resumes_to_the_same_bytes(
    adapter: str, english_base: Path, theo: list[Example], context: Any, fresh: Any
) -> None:
    asked: dict[str, Any] = {"adapter": adapter, "adapter_rank": 2, "adapter_dropout": 0.1}
    WhisperRecipe().train(given(english_base, fresh("whole"), theo, **asked), context)
    parted = dataclasses.replace(context, folder=fresh("kept"), stop_at=2, done=(0, 0))
    first = WhisperRecipe().train(given(english_base, fresh("first"), theo, **asked), parted)
    assert not first.finished
    kept = (parted.folder / "000002" / "model.safetensors").stat().st_size
    assert kept < (english_base / "model.safetensors").stat().st_size / 2, "the base is not kept"
    parted.stop_at = None
    WhisperRecipe().train(given(english_base, fresh("second"), theo, **asked), parted)
    folder = context.folder.parent
    assert digest(folder / "second") == digest(folder / "whole")
    one, two = (folder / name / "adapter" for name in ("whole", "second"))
    name = "adapter_model.safetensors"
    assert (one / name).read_bytes() == (two / name).read_bytes()


def test_an_adapter_goes_where_it_is_told(
    english_base: Path, theo: list[Example], context: Any, fresh: Any
) -> None:
    out = fresh("out")
    asked = given(
        english_base, out, theo, adapter="lora", adapter_targets="q_proj, v_proj", layers="decoder"
    )
    WhisperRecipe().train(asked, context)
    moved = changed(english_base, out)
    assert moved
    assert all(name.startswith("model.decoder.") for name in moved)
    assert all("q_proj" in name or "v_proj" in name for name in moved)


def test_an_adapter_learns_faster_than_whole_weights(
    english_base: Path, theo: list[Example], context: Any, fresh: Any
) -> None:
    asked = given(english_base, fresh("out"), theo, adapter="lora", adapter_rate=7.0)
    WhisperRecipe().train(asked, context)
    assert max(context.values("learning_rate")) == pytest.approx(7e-3)


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ("all", {"encoder.0", "encoder.1", "decoder.0", "decoder.1"}),
        ("decoder", {"decoder.0", "decoder.1"}),
        ("encoder:1", {"encoder.1"}),
        ("encoder:1+decoder:2", {"encoder.1", "decoder.0", "decoder.1"}),
        (r"re:decoder\.layers\.0\.fc", {"decoder.0"}),
    ],
)
def test_layers_are_chosen_by_name(layers: str, expected: set[str]) -> None:
    from truing.modalities.speech.recipes.whisper_scratch import (
        WhisperScratchOptions,
        build_model,
        build_processor,
    )

    options = WhisperScratchOptions(width=16, heads=2, layers=2, feedforward=16)
    model = build_model(build_processor(["one two"], options).tokenizer, options)
    chosen = choose_layers(model, layers)
    names = [name.split(".") for name, _ in model.named_parameters() if chosen(name)]
    assert {f"{n[1]}.{n[3]}" for n in names if len(n) > 3 and n[2] == "layers"} == expected


@pytest.mark.parametrize(
    ("layers", "word"),
    [("encoder:9", "encoder:9"), ("upper", "upper"), ("re:(", "re:("), ("re:attention9", "name")],
)
def test_layers_that_are_not_there_are_refused(
    layers: str, word: str, english_base: Path, theo: list[Example], context: Any, fresh: Any
) -> None:
    with pytest.raises(SettingError) as caught:
        WhisperRecipe().train(given(english_base, fresh("out"), theo, layers=layers), context)
    assert word in caught.value.message
    assert caught.value.hint


def test_targets_that_are_not_there_are_refused(
    english_base: Path, theo: list[Example], context: Any, fresh: Any
) -> None:
    asked = given(english_base, fresh("out"), theo, adapter="lora", adapter_targets="gate_proj")
    with pytest.raises(SettingError, match="gate_proj"):
        WhisperRecipe().train(asked, context)


def test_a_merge_needs_an_adapter_that_fits(
    english_base: Path, theo: list[Example], context: Any, fresh: Any
) -> None:
    out, wrong = fresh("out"), fresh("wrong")
    with pytest.raises(NotFoundError, match=r"adapter_config\.json"):
        merge_adapter(english_base, wrong, fresh("a"))
    WhisperRecipe().train(given(english_base, out, theo, adapter="lora"), context)
    shutil.copytree(out / "adapter", wrong, dirs_exist_ok=True)
    settings = json.loads((wrong / "adapter_config.json").read_text())
    (wrong / "adapter_config.json").write_text(json.dumps({**settings, "r": 3}))
    with pytest.raises(ConflictError, match="does not fit"):
        merge_adapter(english_base, wrong, fresh("b"))


@pytest.mark.parametrize(
    ("name", "value"), [("adapter", "qlora"), ("adapter_rank", 0), ("adapter_rate", 0.0)]
)
def test_options_refuse_what_cannot_work(name: str, value: Any) -> None:
    with pytest.raises(SettingError, match=name):
        WhisperOptions(**{name: value})
