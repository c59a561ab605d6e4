"""What a run will need, told from files: the same as the model in memory has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from truing.domain.recipe import CanEstimate
from truing.modalities.lipreading.recipes.vlm_adapter import attach
from truing.modalities.lipreading.recipes.vlm_estimate import adapter_size, need_of, shapes_of
from truing.modalities.lipreading.recipes.vlm_lora import VlmLoraOptions, VlmLoraRecipe
from truing.modalities.lipreading.vlm_folder import Found, VlmNote
from truing.modalities.lipreading.vlm_model import load, quietly
from truing.testing.tiny_vlm import tiny_gemma3, tiny_idefics3
from truing.training.adapter_files import write_adapter

CPU = VlmLoraOptions(device="cpu", rank=5)


@pytest.mark.parametrize("build", [tiny_gemma3, tiny_idefics3])
def test_weights_and_adapter_are_those_of_the_model(build: object, tmp_path: Path) -> None:
    base = build(tmp_path / "base", ["bin blue at f two now"])
    found = Found(base=str(base))
    model, _ = load(found, device="cpu", precision="fp32", four_bit=False)
    total = sum(weight.numel() for weight in model.parameters())
    wrapped = attach(model, CPU, found)
    trained = sum(one.numel() for one in wrapped.parameters() if one.requires_grad)
    assert adapter_size(shapes_of(str(base)), CPU) == trained
    need = VlmLoraRecipe().estimate(str(base), CPU)
    assert need is not None
    assert need.memory["weights"] == 4 * total
    assert need.memory["adapter and moments"] == 16 * trained
    assert not need.on_accelerator
    half = need_of(str(base), replace(CPU, precision="bf16"))
    assert half is not None
    assert half.memory["weights"] == 2 * total
    small = need_of(str(base), replace(CPU, quantize_4bit=True))
    assert small is not None
    assert small.memory["weights"] < need.memory["weights"]

    with quietly():
        write_adapter(tmp_path / "adapter", wrapped, str(base))
    VlmNote(base=str(base)).write(tmp_path / "adapter")
    again = need_of(str(tmp_path / "adapter"), CPU)
    assert again is not None
    assert again.memory == need.memory


def test_what_is_not_here_is_not_guessed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    assert isinstance(VlmLoraRecipe(), CanEstimate)
    assert need_of(None, CPU) is None
    assert need_of("nobody/nothing", CPU) is None
    assert need_of(str(tmp_path), CPU) is None
    (tmp_path / "config.json").write_text('{"vision_config": {"a": 1}}', encoding="utf-8")
    (tmp_path / "model.safetensors").write_bytes(b"\xff" * 20)
    assert need_of(str(tmp_path), CPU) is None
