"""Training really runs here: real mouth clips, seconds of one core, sentences never seen."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from tests.modalities.lipreading.conftest import FolderContext, Trained, clip, names

from truing.domain.errors import (
    ConflictError,
    InvalidInputError,
    NothingToDoError,
    RunFailedError,
    SettingError,
)
from truing.domain.grammar import GRID
from truing.domain.recipe import CanEstimate, Example, TrainingInput
from truing.modalities.lipreading.recipes.tcn_folder import read_model
from truing.modalities.lipreading.recipes.visual_tcn import VisualTcnRecipe

TINY = {"hidden": 16, "epochs": 2, "batch_size": 4, "sequence_loss_from": 1, "precision": "fp32"}
SOME = ["bbas1s", "bbas2p", "bbas3a", "bbaszn", "bbbf6n", "bbbf7s"]


def given(output: Path, train: Sequence[Example], **changes: Any) -> TrainingInput:
    options = VisualTcnRecipe().options(**{**TINY, **changes.pop("options", {})})
    rows: dict[str, Any] = {"base": None, "validation": (), "replay": (), "seed": 3, **changes}
    return TrainingInput(train=train, options=options, output=output, **rows)


def some(count: int = 6, *, aligned: bool = True) -> list[Example]:
    return [clip(name, aligned=aligned) for name in names()[:count]]


def digest(folder: Path) -> str:
    return sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def config(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return found


def test_a_short_training_reads_sentences_it_never_saw_far_above_chance(trained: Trained) -> None:
    wers = trained.context.values("validation_wer")
    assert len(wers) == 6
    assert 1 - wers[-1] > GRID.chance + 0.4, "chance is 0.19; 0.79 was measured"
    losses = trained.context.values("validation_loss")
    assert losses[-1] < 0.7 * losses[0]
    told = config(trained.folder)
    assert told["model_type"] == "visual-tcn"
    assert told["vocabulary"] == "grammar"
    assert told["grammar"] == GRID.as_dict()
    assert told["input"] == {
        "side": 96, "top": 32, "left": 12, "height": 56, "width": 72, "rate": 25.0
    }  # fmt: skip
    assert 0.5 <= told["temperature"] <= 6.0
    slots = [f"validation_{slot.name}" for slot in GRID.slots]
    for name in slots:
        assert 0.0 <= trained.context.values(name)[-1] <= 1.0
    words = sum(trained.context.values(name)[-1] for name in slots) / len(slots)
    assert words == pytest.approx(1 - wers[-1], abs=1e-6), "no word is left out or added"


def test_without_alignments_lips_that_move_are_enough_to_begin_with(
    context: FolderContext, fresh: Any
) -> None:
    """Few clips of few sentences: the loss falls, and no alignment is looked at."""
    rows = some(24, aligned=False)
    out = fresh("out")
    options = {"epochs": 6, "hidden": 64, "learning_rate": 4e-3, "sequence_loss_from": 12}
    result = VisualTcnRecipe().train(
        given(out, rows, validation=rows[::4], options=options), context
    )
    assert result.finished
    assert "(0 with alignment)" in context.lines[1]
    losses = context.values("validation_loss")
    assert losses[-1] < losses[0]
    assert config(out)["vocabulary"] == "grammar"


@pytest.mark.parametrize("stop_at", [1, 3])
def test_stopping_and_resuming_ends_in_the_same_bytes(
    stop_at: int, context: FolderContext, fresh: Any
) -> None:
    rows, more = some(6), some(8)[6:]
    extra = {"validation": more, "replay": more}
    VisualTcnRecipe().train(given(fresh("whole"), rows, **extra), context)
    parted = FolderContext(fresh("kept"), stop_at=stop_at)
    stopped = VisualTcnRecipe().train(given(fresh("first"), rows, **extra), parted)
    assert not stopped.finished
    assert stopped.steps == stop_at
    assert not (context.folder.parent / "first" / "config.json").exists()
    parted.stop_at = None
    assert VisualTcnRecipe().train(given(fresh("second"), rows, **extra), parted).finished
    folder = context.folder.parent
    assert digest(folder / "second") == digest(folder / "whole")
    assert config(folder / "second") == config(folder / "whole")
    assert parted.reports == context.reports


def test_the_best_epoch_is_kept_when_validation_may_choose(
    context: FolderContext, fresh: Any
) -> None:
    rows = some(6)
    options = {"epochs": 9, "patience": 1, "learning_rate": 1e-6, "average": 0.0}
    result = VisualTcnRecipe().train(
        given(fresh("out"), rows, validation=rows[:2], options=options), context
    )
    wers = context.values("validation_wer")
    assert result.finished
    assert len(wers) < 9, "so slow a rate gains nothing, which patience ends"
    assert result.figures["validation_wer"] == min(wers)


def test_the_seed_decides_everything(context: FolderContext, fresh: Any) -> None:
    outs = [fresh(name) for name in ("a", "b", "c")]
    for out, seed in zip(outs, (3, 3, 4), strict=True):
        VisualTcnRecipe().train(
            given(out, some(4), seed=seed, options={"epochs": 1, "paste": 0.5}), context
        )
    first, again, other = map(digest, outs)
    assert first == again != other


@pytest.mark.parametrize("vocabulary", ["characters", "words"])
def test_open_speech_is_learned_too(vocabulary: str, context: FolderContext, fresh: Any) -> None:
    rows = some(12)
    out = fresh("out")
    options = {
        "vocabulary": vocabulary, "epochs": 10, "learning_rate": 4e-3, "hidden": 64,
        "lexicon": True, "average": 0.5,
    }  # fmt: skip
    VisualTcnRecipe().train(given(out, rows, validation=rows[:4], options=options), context)
    losses = context.values("validation_loss")
    assert losses[-1] < 0.8 * losses[0]
    told = config(out)
    assert told["vocabulary"] == vocabulary
    assert bool(told["lexicon"]) is (vocabulary == "characters")
    assert "validation_letter" not in context.reports[-1][1]


def test_a_base_is_adapted_with_replay_and_keeps_its_vocabulary(
    trained: Trained, context: FolderContext, fresh: Any
) -> None:
    recipe = VisualTcnRecipe()
    presets = recipe.presets(8, str(trained.folder))
    assert presets["freeze_norms"] is True
    out = fresh("out")
    rows, others = trained.held_out[:8], trained.train[:16]
    options = {**presets, "epochs": 4, "batch_size": 8}
    options.pop("hidden", None)
    recipe.train(
        given(out, rows, base=str(trained.folder), replay=others, validation=rows, options=options),
        context,
    )
    assert context.lines[0].startswith("The vocabulary is the base's own")
    before, after = read_model(trained.folder), read_model(out)
    assert after.networks[0].shape.hidden == before.networks[0].shape.hidden == 96
    old, new = before.networks[0].state_dict(), after.networks[0].state_dict()
    assert old["front.2.running_mean"].equal(new["front.2.running_mean"]), "statistics stay"
    assert not old["head.weight"].equal(new["head.weight"])
    losses = context.values("validation_loss")
    assert losses[-1] < losses[0]


def test_a_base_of_another_vocabulary_lends_all_but_its_outputs(
    trained: Trained, context: FolderContext, fresh: Any
) -> None:
    import torch

    out = fresh("out")
    options = {"vocabulary": "characters", "epochs": 1, "learning_rate": 1e-9, "freeze_norms": True}
    VisualTcnRecipe().train(given(out, some(4), base=str(trained.folder), options=options), context)
    before, after = (
        read_model(folder).networks[0].state_dict() for folder in (trained.folder, out)
    )
    assert before["head.weight"].shape != after["head.weight"].shape
    for name in ("front.0.weight", "join.1.weight", "trunk.3.0.weight"):
        assert torch.allclose(before[name], after[name], atol=1e-5)


def test_texts_outside_the_vocabulary_are_left_out_of_training_and_wrong_in_validation(
    context: FolderContext, fresh: Any
) -> None:
    odd = clip(names()[0], truth="somebody said another thing")
    empty = clip(names()[1], truth="")
    rows = [*some(20)[2:], odd]
    result = VisualTcnRecipe().train(
        given(fresh("out"), [*rows, empty], validation=[odd], options={"epochs": 1}), context
    )
    assert any("2 of 20 training clips left out" in note for note in result.notes)
    assert result.figures["validation_wer"] >= 1.0
    assert result.figures["validation_loss"] == 0.0


def test_errors_say_what_repairs_them(
    trained: Trained, context: FolderContext, fresh: Any, tmp_path: Path
) -> None:
    out, one = fresh("out"), some(1)
    silent = [dataclasses.replace(row, truth=" ") for row in some(4)]
    blind = [Example(uid="x", media={}, truth=row.truth) for row in some(4)]
    other = tmp_path / "other"
    other.mkdir()
    (other / "config.json").write_text('{"model_type": "pixel-ridge"}')
    torn = tmp_path / "torn"
    torn.mkdir()
    (torn / "config.json").write_bytes((trained.folder / "config.json").read_bytes())
    (torn / "model.safetensors").write_bytes(b"\x08")
    open_texts = [
        clip(name, truth=" ".join(["so"] * place)) for place, name in enumerate(names()[:4], 1)
    ]
    cases = [
        (NothingToDoError, "no training rows", given(out, [])),
        (NothingToDoError, "takes at least 4", given(out, one)),
        (NothingToDoError, "texts are empty", given(out, silent)),
        (InvalidInputError, "`x` has no video", given(out, blind)),
        (InvalidInputError, "of the kind `pixel-ridge`", given(out, some(4), base=str(other))),
        (Exception, "cannot be read", given(out, some(4), base=str(torn))),
        (
            SettingError,
            "no common grammar",
            given(out, open_texts, options={"vocabulary": "grammar"}),
        ),
        (SettingError, "no device `cuda:9`", given(out, some(4), options={"device": "cuda:9"})),
        (RunFailedError, "loss became", given(out, some(4), options={"learning_rate": 1e30})),
    ]
    for kind, message, asked in cases:
        with pytest.raises(kind, match=message) as caught:
            VisualTcnRecipe().train(asked, context)
        assert getattr(caught.value, "hint", None), message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("vocabulary", "latin"),
        ("batch_size", 1),
        ("shift", 9),
        ("paste", 1.5),
        ("effort", "huge"),
        ("cross", -0.5),
        ("phones", "on"),
    ],
)
def test_options_that_cannot_work_are_refused(name: str, value: object) -> None:
    with pytest.raises(SettingError, match=f"`{name}` cannot be `{value}`"):
        VisualTcnRecipe().options(**{name: value})


def test_a_checkpoint_of_other_settings_is_refused(context: FolderContext, fresh: Any) -> None:
    context.stop_at = 1
    VisualTcnRecipe().train(given(fresh("a"), some(4)), context)
    context.stop_at = None
    with pytest.raises(ConflictError, match="other settings"):
        VisualTcnRecipe().train(given(fresh("b"), some(4), seed=9), context)


def test_what_a_run_needs_is_told_beforehand(trained: Trained) -> None:
    recipe = VisualTcnRecipe()
    assert isinstance(recipe, CanEstimate)
    need = recipe.estimate(None, recipe.options(hidden=96))
    size = (trained.folder / "model.safetensors").stat().st_size
    assert need.disk["model"] == pytest.approx(size, rel=0.1)
    wider = recipe.estimate(None, recipe.options(hidden=256, batch_size=64))
    assert sum(wider.memory.values()) > sum(need.memory.values())
    assert wider.remedies == ("--set batch_size=32",)


def test_fewer_clips_are_seen_more_often() -> None:
    options = VisualTcnRecipe().options
    assert options().epochs_for(600) == options().epochs_for(5000) == 30
    assert options().epochs_for(100) == 180
    assert options().epochs_for(5) == 240
    assert options(effort="quick").epochs_for(600) == 9
    assert options(epochs=7).epochs_for(25) == 7


def test_many_clips_are_crossed_with_others_unless_it_is_quick() -> None:
    options = VisualTcnRecipe().options
    assert options().variation_for(300).cross == options(effort="long").variation_for(600).cross
    assert options().variation_for(300).cross == 0.5
    assert options().variation_for(299).cross == 0.0
    assert options(effort="quick").variation_for(600).cross == 0.0
    assert options(effort="quick", cross=0.2).variation_for(600).cross == 0.2
    assert options(cross=0.0).variation_for(600).cross == 0.0
