"""`truing evaluate`, `compare` and `promote` for models that make pictures."""

from __future__ import annotations

from pathlib import Path

import pytest

from truing import Workspace
from truing.testing.colour_editor import (
    HALFWAY,
    WARMER,
    fill_with_pairs,
    open_colour_editor,
    save_colour_editor,
)
from truing.workspace.model_import import import_model

TREE = Path(__file__).parents[1] / "data" / "clients" / "nexvision" / "training-data"


@pytest.fixture
def edits(truing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace in the current folder with `warm@1` and two models."""
    monkeypatch.setattr("truing.modalities.image_edit.editor.open_editor", open_colour_editor)
    folder = tmp_path / "ws"
    (tmp_path / "scratch").mkdir()
    photos = [next(TREE.glob(f"session-*-{stamp}Z/original-*")) for stamp in ("051", "205")]
    with Workspace.open(folder, environ={}) as workspace:
        fill_with_pairs(workspace, photos, tmp_path / "scratch")
        workspace.freeze("warm", modality="image_edit", test_share=0.8, validation_share=0.0)
        for name, matrix in (("half", HALFWAY), ("all", WARMER)):
            import_model(
                workspace, save_colour_editor(tmp_path / name, matrix), modality="image_edit"
            )
    monkeypatch.chdir(folder)
    return folder


def test_evaluate_prints_the_unchanged_input_beside_the_model(truing, edits: Path) -> None:
    said = truing("evaluate", "image_edit/1", "--dataset", "warm@1")
    assert said.code == 0, said.err
    lines = said.out.splitlines()
    head = next(line for line in lines if "copy-the-input" in line and "the model" in line)
    assert head.split() == ["the", "model", "copy-the-input", "better", "is"]
    assert any(line.startswith("SSIM ") and line.endswith("higher") for line in lines)
    psnr = next(line for line in lines if line.startswith("PSNR ")).split()
    assert float(psnr[1]) > float(psnr[3])
    assert "against copy-the-input" in said.out
    assert "does not tell which pictures people prefer" in said.out + said.err
    told = truing("evaluate", "image_edit/1", "--dataset", "warm@1", "--json").json
    assert told["baseline"]["name"] == "copy-the-input"
    assert told["ssim"] > told["baseline"]["ssim"]
    first = told["measures"][0]
    assert (first["name"], first["value"], first["proves"]) == ("ssim", told["ssim"], False)
    assert told["seconds_per_picture"] > 0
    assert "confusions" not in told


def test_compare_and_the_gate(truing, edits: Path) -> None:
    said = truing("compare", "image_edit/1", "image_edit/2", "--dataset", "warm@1")
    assert said.code == 0, said.err
    psnr = next(line for line in said.out.splitlines() if line.startswith("PSNR ")).split()
    assert psnr[3:5] == ["60.00", "dB"]
    assert "nearer to the target" in said.out
    told = truing("compare", "image_edit/1", "image_edit/2", "--dataset", "warm@1", "--json").json
    assert told["b"]["ssim"] > told["a"]["ssim"] > told["baseline"]["ssim"]
    assert (told["people"], told["measures"][0]["b"]) == (None, told["b"]["ssim"])
    page = truing(
        "compare", "image_edit/1", "image_edit/2", "--dataset", "warm@1", "--html", "x.html"
    )
    assert page.code == 2
    assert "these models make pictures" in page.err
    assert not (edits / "x.html").exists()

    refused = truing("promote", "image_edit/1", "--dataset", "warm@1", "--json")
    assert (refused.code, refused.json["reason"]) == (10, "not-provable")
    forced = truing(
        "promote", "image_edit/1", "--dataset", "warm@1", "--force", "--reason", "the first one"
    )
    assert forced.code == 0
    again = truing("promote", "image_edit/2", "--dataset", "warm@1")
    assert again.code == 10
    assert "not provable" in again.err
    assert "truing prefer image_edit/1 image_edit/2 --dataset warm@1" in again.err
