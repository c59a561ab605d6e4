"""Averages, interpolation and merged adapters: the arithmetic, the lineage, what is refused."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from truing import Workspace
from truing.demo import shipped
from truing.domain.errors import ConflictError, ConsentError, InvalidInputError, TruingError
from truing.domain.model import ModelRef, ModelState
from truing.workspace.combining import average, merge

FIRST, SECOND = shipped.base_without("theo"), shipped.base_without("jackson")


def weights(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return {name: one.float() for name, one in load_file(folder / "model.safetensors").items()}


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A model that shipped."""
    return Path(shutil.copytree(FIRST, tmp_path / "base"))


@pytest.fixture
def tuned(tmp_path: Path, base: Path) -> Path:
    """What became of it: every weight is one higher."""
    from safetensors.torch import save_file

    folder = Path(shutil.copytree(base, tmp_path / "tuned"))
    moved = {name: one + 1.0 for name, one in weights(base).items()}
    save_file(moved, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "adapter").mkdir()
    (folder / "adapter" / "adapter_model.safetensors").write_bytes(b"not the result's")
    return folder


@pytest.mark.parametrize(
    ("shares", "expected"), [(None, 0.5), ([0.3, 0.7], 0.7), ([1.0, 0.0], 0.0), ([-0.2, 1.2], 1.2)]
)
def test_the_result_lies_between_the_models(
    shares: list[float] | None, expected: float, workspace: Workspace, base: Path, tuned: Path
) -> None:
    import torch

    made = average(workspace, [str(tuned), str(base)][::-1], weights=shares)
    folder = workspace.model_files.path(made.ref)
    before, after = weights(base), weights(folder)
    assert before.keys() == after.keys()
    assert all(torch.allclose(after[n], before[n] + expected, atol=1e-4) for n in before)
    assert not (folder / "adapter").exists()
    assert made.parents == (str(base), str(tuned))
    assert made.recipe == "average"


def test_the_result_still_transcribes(workspace: Workspace) -> None:
    from truing.workspace.proving import transcribe

    made = average(workspace, [str(FIRST), str(FIRST)])
    recording = next(shipped.RECORDINGS.glob("jackson/7_jackson_*.flac"))
    told = list(transcribe(workspace, [recording], str(made.ref)))
    assert told[0].recognition.text == "seven"


def test_parents_are_all_models_and_their_parents(
    workspace: Workspace, base: Path, tuned: Path
) -> None:
    first = average(workspace, [str(base), str(tuned)])
    second = average(workspace, [str(first.ref), str(base)], weights=[0.9, 0.1])
    assert second.ref == ModelRef(modality="speech", number=2)
    assert second.parents == ("speech/1", str(base), str(tuned))
    assert workspace.store.models.get(second.ref) == second
    assert second.figures["average"] == {"speech/1": 0.9, str(base): 0.1}
    assert [event.kind for event in workspace.store.events.all()].count("model-combined") == 2


def test_the_data_of_the_one_that_learned_goes_with_it(
    workspace: Workspace, base: Path, tuned: Path
) -> None:
    first = average(workspace, [str(base), str(tuned)])
    learned = replace(
        first,
        ref=ModelRef(modality="speech", number=2),
        uid=workspace.ids.new(),
        dataset="voice@1",
        dataset_digest="sha256:0",
        audience="subject:ann",
        licence="MIT",
    )
    shutil.copytree(workspace.model_files.path(first.ref), workspace.layout.models / "speech" / "2")
    workspace.store.models.add(learned)
    made = average(workspace, [str(base), "speech/2"], weights=[0.3, 0.7])
    assert (made.dataset, made.audience, made.licence) == ("voice@1", "subject:ann", "MIT")

    workspace.store.models.set_state(learned.ref, ModelState.TAINTED)
    with pytest.raises(ConsentError, match="speech/2"):
        average(workspace, [str(base), "speech/2"])
    assert len(workspace.store.models.all()) == 3, "nothing was made"


@pytest.mark.parametrize("shares", [[0.5], [0.5, 0.6], [0.2, 0.3, 0.5]])
def test_shares_that_do_not_fit_are_refused(shares: list[float], workspace: Workspace) -> None:
    with pytest.raises(InvalidInputError, match="shares"):
        average(workspace, [str(FIRST), str(SECOND)], weights=shares)


def test_one_model_is_no_average(workspace: Workspace) -> None:
    with pytest.raises(InvalidInputError, match="two models"):
        average(workspace, [str(FIRST)])


def test_models_that_differ_are_refused(
    workspace: Workspace, base: Path, tuned: Path, tmp_path: Path
) -> None:
    from safetensors.torch import save_file

    shape, name = (Path(shutil.copytree(base, tmp_path / one)) for one in ("shape", "name"))
    known = weights(base)
    key = "model.decoder.layer_norm.weight"
    save_file({**known, key: known[key][:5]}, shape / "model.safetensors")
    save_file({**known, "other": known[key].clone()}, name / "model.safetensors")
    for folder, word in ((shape, "layer_norm"), (name, "other")):
        with pytest.raises(ConflictError, match=word):
            average(workspace, [str(base), str(folder)])
    spoken = (tuned / "tokenizer.json").read_text(encoding="utf-8")
    (tuned / "tokenizer.json").write_text(spoken.replace('"a": ', '"A": ', 1), encoding="utf-8")
    with pytest.raises(ConflictError, match="tokenizer"):
        average(workspace, [str(base), str(tuned)])
    (name / "model.safetensors").write_bytes(b"\x00" * 40)
    with pytest.raises(TruingError, match="cannot be read"):
        average(workspace, [str(base), str(name)])
    (name / "model.safetensors").unlink()
    with pytest.raises(InvalidInputError, match="no safetensors"):
        average(workspace, [str(base), str(name)])
    one = average(workspace, [str(base), str(base)])
    other = average(workspace, [str(SECOND), str(SECOND)])
    with pytest.raises(ConflictError, match="origin"):
        average(workspace, [str(one.ref), str(other.ref)])
    assert len(workspace.store.models.all()) == 2
    assert not list(workspace.layout.models.glob(".draft*"))


def test_an_adapter_becomes_a_model(workspace: Workspace, base: Path, tmp_path: Path) -> None:
    import peft

    from truing.modalities.speech.recipes.adapters import Adapter, attach
    from truing.modalities.speech.recipes.pretrained import load_base
    from truing.modalities.speech.recipes.whisper import WhisperOptions

    assert peft
    model, _ = load_base(str(base), dropout=0.0)
    adapter = attach(model, WhisperOptions(adapter="lora", adapter_targets="fc2"), str(base))
    assert isinstance(adapter, Adapter)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            parameter.data.fill_(0.01)
    adapter.write(tmp_path / "adapter")
    made = merge(workspace, str(base), tmp_path / "adapter")
    before, after = weights(base), weights(workspace.model_files.path(made.ref))
    moved = {name for name in before if bool((before[name] - after[name]).abs().max() > 1e-3)}
    assert moved == {name for name in before if name.endswith("fc2.weight")}
    assert (made.recipe, made.parents) == ("merge", (str(base),))
