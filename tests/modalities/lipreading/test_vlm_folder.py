"""Recognising vision-language models and adapters by their folders; merging them."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from truing.domain.errors import (
    ConflictError,
    DamagedError,
    InvalidInputError,
    MissingDependencyError,
    NotFoundError,
    UnavailableError,
)
from truing.domain.modality import CanCombine
from truing.modalities.lipreading import vlm_model
from truing.modalities.lipreading.modality import LipReading
from truing.modalities.lipreading.recipes.vlm_adapter import attach, targets_in
from truing.modalities.lipreading.recipes.vlm_lora import VlmLoraOptions
from truing.modalities.lipreading.vlm_folder import Found, VlmNote, find
from truing.modalities.lipreading.vlm_model import load, locate, quietly, with_adapter
from truing.testing.tiny_vlm import tiny_gemma3, tiny_idefics3
from truing.training.adapter_files import write_adapter

TEXTS = ["bin blue at f two now", "set white with p four please"]


def logits_of(model: Any) -> Any:
    """What the model expects behind eight tokens of text, with no dropout."""
    import torch

    with torch.no_grad():
        ids = torch.arange(20, 28)[None]
        return model.eval()(input_ids=ids, attention_mask=torch.ones_like(ids)).logits


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_idefics3(tmp_path_factory.mktemp("idefics3"), TEXTS)


@pytest.fixture(scope="module")
def trained(base: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """An adapter's folder, and the logits of the model in memory that it was written from."""
    import torch

    folder = tmp_path_factory.mktemp("adapter")
    found = Found(base=str(base))
    model, processor = load(found, device="cpu", precision="fp32", four_bit=False)
    torch.manual_seed(1)
    wrapped = attach(model, VlmLoraOptions(), found)
    for name, weight in wrapped.named_parameters():
        if "lora_B" in name:  # zero before training: an adapter that does nothing
            weight.data.normal_(0, 0.3)
    with quietly():
        write_adapter(folder, wrapped, str(base))
    processor.save_pretrained(folder)
    VlmNote(base=str(base), form=3, span="alignment").write(folder)
    return folder, logits_of(wrapped)


def test_a_saved_adapter_gives_the_same_logits(base: Path, trained: tuple[Path, Any]) -> None:
    import torch

    folder, expected = trained
    found = find(str(folder))
    assert (found.base, found.adapter) == (str(base), folder)
    model, _ = load(found, device="cpu", precision="fp32", four_bit=False)
    plain = logits_of(model)
    assert torch.equal(logits_of(with_adapter(model, folder)), expected)
    assert (plain - expected).abs().max() > 0.1


def test_merged_weights_give_the_same_logits(
    base: Path, trained: tuple[Path, Any], tmp_path: Path
) -> None:
    import torch

    folder, expected = trained
    modality = LipReading()
    assert isinstance(modality, CanCombine)
    modality.merge(modality.locate(str(base)), folder, tmp_path)
    merged = find(str(tmp_path))
    assert merged.adapter is None
    assert merged.note == VlmNote(base=base.name, form=3, span="alignment")
    assert not (tmp_path / "adapter_config.json").exists()
    model, _ = load(merged, device="cpu", precision="fp32", four_bit=False)
    torch.testing.assert_close(logits_of(model), expected, atol=1e-4, rtol=1e-4)


def test_a_moved_base_is_found_beside_its_adapter(
    base: Path, trained: tuple[Path, Any], tmp_path: Path
) -> None:
    shutil.copytree(trained[0], tmp_path / "7")
    VlmNote(base=f"/gone/{base.name}").write(tmp_path / "7")
    with pytest.raises(NotFoundError, match="is not there any more") as caught:
        find(str(tmp_path / "7"))
    assert "base" in (caught.value.hint or "")
    assert find(str(tmp_path / "7"), base=str(base)).base == str(base)
    shutil.copytree(base, tmp_path / base.name)
    assert find(str(tmp_path / "7")).base == str(tmp_path / base.name)


def test_a_base_is_found_by_the_description_of_the_model(
    base: Path, trained: tuple[Path, Any], tmp_path: Path
) -> None:
    models = tmp_path / "lipreading"
    shutil.copytree(trained[0], models / "2")
    VlmNote(base="/a/copy/on/another/machine").write(models / "2")
    description = models / "2" / "model.json"
    description.write_text(json.dumps({"base": str(base)}), encoding="utf-8")
    assert find(str(models / "2")).base == str(base)
    # Trained on from an adapter: the base is that of the adapter.
    shutil.copytree(models / "2", models / "3")
    description = models / "3" / "model.json"
    description.write_text(json.dumps({"base": "lipreading/2"}), encoding="utf-8")
    assert find(str(models / "3")).base == str(base)


def test_an_adapter_from_elsewhere_names_its_base_itself(
    trained: tuple[Path, Any], tmp_path: Path
) -> None:
    shutil.copytree(trained[0], tmp_path / "adapter")
    (tmp_path / "adapter" / "vlm.json").unlink()
    settings = tmp_path / "adapter" / "adapter_config.json"
    said = json.loads(settings.read_text(encoding="utf-8"))
    settings.write_text(json.dumps({**said, "base_model_name_or_path": "google/gemma-3-4b-it"}))
    found = find(str(tmp_path / "adapter"))
    assert (found.base, found.note) == ("google/gemma-3-4b-it", None)
    settings.write_text(json.dumps({**said, "base_model_name_or_path": None}))
    with pytest.raises(NotFoundError, match="does not say which model"):
        find(str(tmp_path / "adapter"))


def test_an_adapter_of_another_model_is_refused(trained: tuple[Path, Any], tmp_path: Path) -> None:
    other = tiny_gemma3(tmp_path / "gemma3", TEXTS)
    model, _ = load(Found(base=str(other)), device="cpu", precision="fp32", four_bit=False)
    with pytest.raises(ConflictError, match="does not fit its base"):
        with_adapter(model, trained[0])


def test_what_is_no_model_is_named(trained: tuple[Path, Any], tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no model folder"):
        find(str(tmp_path / "nothing"))
    with pytest.raises(NotFoundError, match=r"config\.json"):
        find(str(tmp_path))
    (tmp_path / "config.json").write_text('{"model_type": "whisper"}', encoding="utf-8")
    with pytest.raises(InvalidInputError, match="sees nothing"):
        find(str(tmp_path))
    (tmp_path / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(DamagedError, match="cannot be read"):
        find(str(tmp_path))
    with pytest.raises(InvalidInputError, match="an adapter, not a whole model"):
        locate(str(trained[0]))


def test_half_a_copy_is_named(base: Path, trained: tuple[Path, Any], tmp_path: Path) -> None:
    shutil.copytree(trained[0], tmp_path / "adapter")
    weights = tmp_path / "adapter" / "adapter_model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    model, _ = load(Found(base=str(base)), device="cpu", precision="fp32", four_bit=False)
    with pytest.raises(DamagedError, match="cannot be read"):
        with_adapter(model, tmp_path / "adapter")
    weights.unlink()
    with pytest.raises(NotFoundError, match=r"lacks `adapter_model\.safetensors`"):
        find(str(tmp_path / "adapter"))
    note = tmp_path / "adapter" / "vlm.json"
    weights.write_bytes(whole)
    note.write_text('{"base": "x/y", "form": 4, "span": "clip"}', encoding="utf-8")
    with pytest.raises(DamagedError, match="form 4"):
        find(str(tmp_path / "adapter"))

    shutil.copytree(base, tmp_path / "base")
    (tmp_path / "base" / "model.safetensors").write_bytes(b"\0" * 100)
    broken = Found(base=str(tmp_path / "base"))
    with pytest.raises(DamagedError, match="cannot be read"):
        load(broken, device="cpu", precision="fp32", four_bit=False)
    (tmp_path / "base" / "model.safetensors").unlink()
    with pytest.raises(InvalidInputError, match="cannot be loaded"):
        load(broken, device="cpu", precision="fp32", four_bit=False)


def test_a_hub_that_is_out_of_reach_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UnavailableError, match="nobody/nothing"):
        load(Found(base="nobody/nothing"), device="cpu", precision="fp32", four_bit=False)


def test_a_gated_model_says_how_to_get_it() -> None:
    refused = pytest.raises(UnavailableError, match="does not hand out")
    with refused as caught, vlm_model._explained("google/gemma-3n-E4B-it", local=False):
        raise OSError("You are trying to access a gated repo.\nMake sure to have access")
    assert "HF_TOKEN" in (caught.value.hint or "")


def test_a_family_whose_parts_are_missing_says_so(base: Path, tmp_path: Path) -> None:
    """Gemma 3n: its vision tower is timm's, and timm needs torchvision."""
    from importlib.util import find_spec

    if find_spec("timm") is not None and find_spec("torchvision") is not None:
        pytest.skip("timm and torchvision are installed here")
    from transformers import Gemma3nConfig

    shutil.copytree(base, tmp_path / "gemma3n")
    Gemma3nConfig().save_pretrained(tmp_path / "gemma3n")
    found = find(str(tmp_path / "gemma3n"))
    with pytest.raises(MissingDependencyError, match="timm") as caught:
        load(found, device="cpu", precision="fp32", four_bit=False)
    assert "torchvision" in (caught.value.hint or "")


def test_the_language_model_of_qwen_is_found_apart_from_its_eyes() -> None:
    """Its processor needs torchvision, its weights do not: an empty model shows the names."""
    import torch
    from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration

    small = {"hidden_size": 32, "num_attention_heads": 2, "num_key_value_heads": 1}
    config = Qwen2VLConfig(
        text_config={
            **small,
            "vocab_size": 160_000,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "rope_scaling": {"type": "mrope", "mrope_section": [2, 3, 3]},
        },
        vision_config={"depth": 1, "embed_dim": 32, "hidden_size": 32, "num_heads": 2},
    )
    with torch.device("meta"):
        model = Qwen2VLForConditionalGeneration(config)
    pattern = re.compile(targets_in(model, "q_proj,k_proj,v_proj,o_proj"))
    hit = [name for name, _ in model.named_modules() if pattern.fullmatch(name)]
    assert len(hit) == 2 * 4
    assert not [name for name in hit if "visual" in name]
