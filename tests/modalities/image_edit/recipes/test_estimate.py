"""What a run will need, told from the files alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.modalities.image_edit.recipes.conftest import FolderContext, Train

from truing.modalities.image_edit.pipeline import load_parts
from truing.modalities.image_edit.recipes.estimate import adapter_size, need_of, outline_of
from truing.modalities.image_edit.recipes.options import InstructPix2PixOptions
from truing.modalities.image_edit.recipes.unet import attach, widen

pytest.importorskip("diffusers")


def options(**more: object) -> InstructPix2PixOptions:
    return InstructPix2PixOptions(size=16, device="cpu", **more)  # type: ignore[arg-type]


def test_weights_and_checkpoints_are_told_to_the_byte(
    train: Train, base: Path, tmp_path: Path
) -> None:
    need = need_of(str(base), options())
    assert need is not None
    unet = load_parts(base).unet
    learnt = 4 * sum(p.numel() for p in unet.parameters())
    assert need.memory["moments"] == 2 * learnt
    assert need.memory["running average"] == learnt
    kept = FolderContext(tmp_path / "kept", stop_at=1)
    train("half", kept, pictures=0, validation=[])
    written = sum(file.stat().st_size for file in (tmp_path / "kept").rglob("*.safetensors"))
    assert written == pytest.approx(need.disk["checkpoints"] / 3, rel=0.05)
    assert not need.on_accelerator


@pytest.mark.parametrize("which", ["base", "narrow"])
def test_an_adapter_is_counted_as_peft_makes_it(which: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(which)
    chosen = options(adapter="lora", adapter_rank=4)
    outline = outline_of(str(folder))
    assert outline is not None
    unet = load_parts(folder).unet
    attach(unet, chosen, "x", widened=widen(unet, 4))
    made = sum(p.numel() for p in unet.parameters() if p.requires_grad)
    # The widened layer's bias is trained too.
    assert adapter_size(outline, chosen) == pytest.approx(made, abs=64)


def test_remedies_shrink_the_need(base: Path) -> None:
    whole = need_of(str(base), options(batch_size=8))
    assert whole is not None
    assert whole.remedies == [
        "--set batch_size=4 --set accumulation=8",
        "--set gradient_checkpointing=true",
        "--set adapter=lora",
    ]
    for less in (
        options(batch_size=4),
        options(batch_size=8, gradient_checkpointing=True),
        options(batch_size=8, adapter="lora"),
    ):
        need = need_of(str(base), less)
        assert need is not None
        assert sum(need.memory.values()) < sum(whole.memory.values())


def test_of_a_base_that_is_not_here_nothing_is_said(tmp_path: Path) -> None:
    assert need_of(str(tmp_path / "nothing"), options()) is None
    assert need_of("nobody/nothing-of-this-name", options()) is None
    (tmp_path / "model_index.json").write_text("{}", encoding="utf-8")
    assert need_of(str(tmp_path), options()) is None
