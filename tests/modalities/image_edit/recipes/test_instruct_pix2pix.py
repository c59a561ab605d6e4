"""Training tiny pipelines on edits of real photos: learning, stopping, resuming, writing."""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.modalities.image_edit.recipes.conftest import SIZE, FolderContext, Train

from truing.domain.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    NothingToDoError,
    RunFailedError,
    SettingError,
)
from truing.domain.recipe import Example, MediaFile, TrainingInput, TrainingResult
from truing.modalities.image_edit.editor import open_editor
from truing.modalities.image_edit.judging import Judge
from truing.modalities.image_edit.recipes.instruct_pix2pix import InstructPix2PixRecipe
from truing.modalities.image_edit.recipes.options import InstructPix2PixOptions
from truing.testing.photo_edits import edited_pairs
from truing.testing.tiny_editor import tiny_editor

pytest.importorskip("diffusers")
LEARNT = (
    "make the picture brighter",
    "make it darker, like late evening",
    "give it an old sepia look",
    "mirror the picture",
)


def weights(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*.safetensors"))
    }


# --- learning ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Learnt:
    """A model trained on four photos, and pairs of a fifth."""

    result: TrainingResult
    context: FolderContext
    folder: Path
    held_out: list[Example]


@pytest.fixture(scope="module")
def learnt(photos: dict[str, Image.Image], tmp_path_factory: pytest.TempPathFactory) -> Learnt:
    place = tmp_path_factory.mktemp("learnt")
    base = tiny_editor(
        place / "tiny", LEARNT, widths=(16, 32), size=SIZE, prediction="sample", copies=True
    )
    seen = {name: photo for name, photo in photos.items() if name != "chelsea"}
    rows = edited_pairs(place / "seen", seen, 8, size=SIZE, instructions=LEARNT, recoloured=True)
    held_out = edited_pairs(
        place / "unseen", {"chelsea": photos["chelsea"]}, 4, size=SIZE, instructions=LEARNT
    )
    output = place / "model"
    output.mkdir()
    context = FolderContext(place / "checkpoints")
    options = InstructPix2PixOptions(
        size=SIZE,
        batch_size=8,
        accumulation=1,
        max_steps=200,
        learning_rate=4e-3,
        schedule="cosine",
        warmup_steps=20,
        ema=0.98,
        # Guidance is off below: nothing has to be learnt without text or original.
        dropout_text=0.0,
        dropout_image=0.0,
        dropout_both=0.0,
        crop=0.0,
        views=1,
        validate_every=100,
        pictures=2,
        steps=4,
        text_guidance=1.0,
        image_guidance=1.0,
        threads=1,
    )
    given = TrainingInput(
        base=str(base),
        train=rows,
        validation=held_out[:4],
        replay=(),
        options=options,
        seed=1,
        output=output,
    )
    result = InstructPix2PixRecipe().train(given, context)
    return Learnt(result=result, context=context, folder=output, held_out=held_out)


def test_validation_falls(learnt: Learnt) -> None:
    losses = learnt.context.values("validation_loss")
    assert [step for step, told in learnt.context.reports if "validation_loss" in told] == [
        *(0, 100, 200)
    ]
    assert losses[-1] < 0.6 * losses[0]
    assert learnt.result.figures["validation_loss"] == losses[-1]
    assert learnt.result.finished
    assert learnt.context.done == (200, 200)


def test_it_edits_unseen_photos_better_than_doing_nothing(learnt: Learnt) -> None:
    editor, judge = open_editor(str(learnt.folder), {}), Judge()
    found: dict[str, list[float]] = {}
    for row in learnt.held_out:
        original = row.media["original"]
        pictures = {
            "model": editor.edit(original, row.truth).picture,
            "copy": original.path.read_bytes(),
        }
        for who, picture in pictures.items():
            scored = judge.score(row, picture)
            for name in ("psnr", "ssim"):
                found.setdefault(f"{who} {name}", []).append(scored[name].numerator)
    editor.close()
    means = {name: statistics.fmean(values) for name, values in found.items()}
    print(means)
    assert means["model psnr"] > means["copy psnr"] + 2
    assert means["model ssim"] > means["copy ssim"]


def test_pictures_come_with_each_validation(learnt: Learnt) -> None:
    shown = learnt.context.shown
    assert list(shown) == [0, 100, 200]
    first, last = shown[0], shown[200]
    assert [(one.uid, one.text) for one in first] == [
        (row.uid, row.truth) for row in learnt.held_out[:2]
    ]

    def apart(one: bytes, other: bytes) -> float:
        a, b = (np.asarray(Image.open(BytesIO(data)), np.float32) for data in (one, other))
        assert a.shape == (SIZE, SIZE, 3)
        return float(np.abs(a - b).mean())

    for before, after in zip(first, last, strict=True):
        assert (before.given, before.wanted) == (after.given, after.wanted)
        assert apart(after.given, after.wanted) > 10
    ends = [statistics.fmean(apart(one.made, one.wanted) for one in told) for told in (first, last)]
    assert ends[1] < 0.6 * ends[0]


def test_the_folder_is_a_pipeline_as_diffusers_has_them(learnt: Learnt) -> None:
    from truing.modalities.image_edit.pipeline import quietly

    with quietly():
        from diffusers import StableDiffusionInstructPix2PixPipeline

        pipeline = StableDiffusionInstructPix2PixPipeline.from_pretrained(learnt.folder)
    assert pipeline.unet.config.in_channels == 8
    note = json.loads((learnt.folder / "edits.json").read_text(encoding="utf-8"))
    assert note == {
        "base": "tiny",
        "image_guidance": 1.0,
        "size": SIZE,
        "steps": 4,
        "text_guidance": 1.0,
    }
    assert {file.suffix for file in learnt.folder.rglob("*") if file.is_file()} == {
        *(".json", ".safetensors")
    }


# --- stopping and resuming ---------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"adapter": "lora", "ema": 0.0}], ids=["full", "lora"])
def test_a_run_stopped_and_resumed_ends_in_the_same_bytes(
    train: Train, tmp_path: Path, options: dict[str, object]
) -> None:
    _, whole, folder = train("whole", **options)
    half = FolderContext(tmp_path / "half-checkpoints", stop_at=3)
    stopped, _, _ = train("half", half, **options)
    assert (stopped.finished, stopped.steps) == (False, 3)
    assert half.lines[-1] == "Stopped at step 3 of 4; it can be resumed."
    again = FolderContext(half.folder)
    resumed, _, other = train("rest", again, **options)
    assert resumed.finished
    assert "Resumed at step 3 of 4." in again.lines
    assert weights(other) == weights(folder)
    assert half.reports + again.reports == whole.reports
    assert list(again.shown) == [4]
    assert again.shown[4] == whole.shown[4]


def test_a_checkpoint_of_other_settings_is_refused(train: Train, tmp_path: Path) -> None:
    train("half", FolderContext(tmp_path / "kept", stop_at=1), pictures=0)
    with pytest.raises(ConflictError, match="other settings or data"):
        train("other", FolderContext(tmp_path / "kept"), pictures=0, weight_decay=0.5)


# --- what is trained ---------------------------------------------------------------------------


def test_a_base_without_eyes_is_widened(train: Train, narrow: Path) -> None:
    result, context, folder = train("wide", start=narrow)
    assert "its first layer was widened for originals" in " ".join(result.notes)
    assert context.values("validation_loss")[-1] < context.values("validation_loss")[0]
    editor = open_editor(str(folder), {})
    editor.close()
    with pytest.raises(InvalidInputError, match="makes pictures from text alone"):
        open_editor(str(narrow), {})


def test_an_adapter_is_merged_and_kept_beside(train: Train, narrow: Path) -> None:
    result, context, folder = train(
        "lora", start=narrow, adapter="lora", gradient_checkpointing=True, max_steps=6
    )
    assert result.finished
    assert context.values("validation_loss")[-1] < context.values("validation_loss")[0]
    kept = json.loads((folder / "adapter" / "adapter_config.json").read_text(encoding="utf-8"))
    assert (kept["r"], kept["base_model_name_or_path"]) == (16, "tiny")
    assert kept["modules_to_save"] == ["conv_in"]
    changed = set(weights(folder).items()) ^ set(weights(narrow).items())
    assert {name for name, _ in changed} == {
        "adapter/adapter_model.safetensors",
        "unet/diffusion_pytorch_model.safetensors",
    }


def test_short_of_memory_a_batch_is_cut_and_learns_the_same(train: Train, tmp_path: Path) -> None:
    whole, _, _ = train("whole", pictures=0)
    short = FolderContext(tmp_path / "short", shortages=1)
    result, _, _ = train("pieces", short, pictures=0)
    assert result.figures["batch_parts"] == 2
    assert "computed in 2 pieces" in " ".join(result.notes)
    assert result.figures["train_loss"] == pytest.approx(whole.figures["train_loss"], rel=1e-3)


# --- refusals ----------------------------------------------------------------------------------


def test_rows_without_pictures_or_words_are_left_out(
    train: Train, pairs: list[Example], tmp_path: Path
) -> None:
    good = pairs[0]
    gone = MediaFile(path=tmp_path / "gone.png")
    bad = [
        Example(uid="silent", media=good.media, truth="  "),
        Example(uid="half", media={"original": good.media["original"]}, truth="brighter"),
        Example(uid="gone", media={**good.media, "edited": gone}, truth="brighter"),
    ]
    result, _, _ = train("some", rows=[good, *bad], validation=[], max_steps=1)
    assert "2 rows were left out: they lack a picture or an instruction." in result.notes
    assert "1 rows were left out: a picture of theirs cannot be read." in result.notes
    with pytest.raises(NothingToDoError, match="no training pairs"):
        train("none", rows=bad)


def test_a_base_must_be_a_pipeline(train: Train, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no model folder"):
        train("lost", start=tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotFoundError, match=r"lacks `model_index\.json`"):
        train("lost-again", start=tmp_path / "empty")


def test_a_loss_that_is_no_number_ends_the_run(train: Train) -> None:
    with pytest.raises(RunFailedError, match="The training loss became") as failed:
        train("wild", learning_rate=1e30, clip_norm=0.0, pictures=0, validation=[], max_steps=40)
    assert "learning_rate" in str(failed.value.hint)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("size", 4),
        ("dropout_text", 0.95),
        ("ema", 1.0),
        ("adapter", "dora"),
        ("image_guidance", 0.5),
        ("precision", "int8"),
    ],
)
def test_options_that_cannot_work_are_refused(name: str, value: object) -> None:
    with pytest.raises(SettingError, match=f"`{name}` cannot be `{value}`"):
        InstructPix2PixOptions(**{name: value})  # type: ignore[arg-type]


def test_layers_that_are_not_there_are_refused(train: Train) -> None:
    with pytest.raises(SettingError, match="adapter_targets"):
        train("strange", adapter="lora", adapter_targets="nose")
