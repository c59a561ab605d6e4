"""Several starts of one run: stopped or killed anywhere, kept in one folder, read together."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.modalities.lipreading.conftest import FolderContext, clip, names
from tests.modalities.lipreading.recipes.test_visual_tcn import config, given, some

from truing.domain.errors import ConflictError, DamagedError, NotFoundError, SettingError
from truing.domain.prediction import Recognition
from truing.modalities.lipreading.frames import read_frames
from truing.modalities.lipreading.recipes.clips import pictures_of
from truing.modalities.lipreading.recipes.tcn_folder import read_model
from truing.modalities.lipreading.recipes.visual_tcn import VisualTcnRecipe
from truing.modalities.lipreading.visual_tcn_runtime import VisualTcnReader

TWO = {"starts": 2}
WEIGHTS = ("model.safetensors", "model-2.safetensors")
STEPS = 4
"""Of a start of six clips, two epochs, in batches of four."""


class KilledError(Exception):
    """Stands in for `kill -9`: nothing of the run goes on after it."""


@dataclass
class Fatal(FolderContext):
    """A context whose process dies when a step is reported, or a line with a word is logged."""

    at_step: int = 0
    at_word: str = ""

    def report(self, step: int, metrics: Mapping[str, float]) -> None:
        if step == self.at_step:
            raise KilledError
        super().report(step, metrics)

    def log(self, message: str) -> None:
        if self.at_word and self.at_word in message:
            raise KilledError
        super().log(message)


def train(out: Path, context: FolderContext, **changes: Any) -> Any:
    rows = changes.pop("rows", None) or some(6)
    return VisualTcnRecipe().train(given(out, rows, **changes), context)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of two starts, from the seeds 3 and 4; not to be changed."""
    out = tmp_path_factory.mktemp("both")
    kept = FolderContext(tmp_path_factory.mktemp("kept"))
    train(out, kept, validation=some(6), options=TWO)
    return out


@pytest.fixture
def copy(both: Path, tmp_path: Path) -> Path:
    """The same model, to be changed."""
    return shutil.copytree(both, tmp_path / "copy")


def weights(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in WEIGHTS]


@pytest.mark.parametrize("stop_at", [1, STEPS, STEPS + 1, 2 * STEPS - 1])
def test_stopping_in_any_start_and_resuming_ends_in_the_same_bytes(
    stop_at: int, both: Path, tmp_path: Path
) -> None:
    parted = FolderContext(tmp_path / "kept", stop_at=stop_at)
    out = tmp_path / "out"
    out.mkdir()
    stopped = train(out, parted, validation=some(6), options=TWO)
    assert (stopped.finished, stopped.steps) == (False, stop_at)
    assert list(out.iterdir()) == []
    parted.stop_at = None
    resumed = train(out, parted, validation=some(6), options=TWO)
    assert (resumed.finished, resumed.steps) == (True, 2 * STEPS)
    assert weights(out) == weights(both)
    assert config(out) == config(both)
    assert [step for step, figures in parted.reports if "train_loss" in figures] == [
        *range(1, 2 * STEPS + 1)
    ]


@pytest.mark.parametrize(
    ("death", "goes_on_at"),
    [
        ({"at_step": 3}, 3),
        ({"at_word": "Start 2"}, STEPS + 1),
        ({"at_step": STEPS + 1}, STEPS + 1),
        ({"at_step": STEPS + 3}, STEPS + 3),
    ],
)
def test_a_kill_in_any_start_ends_in_the_same_bytes(
    death: dict[str, Any], goes_on_at: int, both: Path, tmp_path: Path
) -> None:
    options = {**TWO, "checkpoint_minutes": 0.0}
    folder, out = tmp_path / "kept", tmp_path / "out"
    out.mkdir()
    with pytest.raises(KilledError):
        train(out, Fatal(folder, **death), validation=some(6), options=options)
    again = FolderContext(folder)
    assert train(out, again, validation=some(6), options=options).finished
    assert weights(out) == weights(both)
    assert again.reports[0][0] == goes_on_at, "what a checkpoint holds is not done anew"


def test_each_start_is_the_run_of_the_next_seed(both: Path, tmp_path: Path) -> None:
    for number, seed in enumerate((3, 4)):
        out = tmp_path / f"seed {seed}"
        out.mkdir()
        train(out, FolderContext(tmp_path / f"kept {seed}"), validation=some(6), seed=seed)
        assert (out / WEIGHTS[0]).read_bytes() == weights(both)[number]


def test_the_mean_of_all_networks_is_read_and_calibrated_and_validated(
    both: Path, tmp_path: Path
) -> None:
    pictures = pictures_of(clip(names()[0]).media["video"])
    reader = VisualTcnReader(both, {})
    each = []
    for number, name in enumerate(WEIGHTS):
        alone = tmp_path / str(number)
        alone.mkdir()
        told = config(both) | {"starts": 1, "temperature": 1.0}
        (alone / "config.json").write_text(json.dumps(told))
        (alone / WEIGHTS[0]).write_bytes((both / name).read_bytes())
        each.append(VisualTcnReader(alone, {}).scores([pictures]))
    mean = (each[0] + each[1]) / 2
    found = reader.scores([pictures]) * config(both)["temperature"]
    np.testing.assert_allclose(found, mean, atol=1e-4)
    assert not np.allclose(each[0], each[1], atol=1e-2)


def test_the_figures_of_a_run_are_those_of_all_networks_together(
    context: FolderContext, fresh: Any
) -> None:
    options = {**TWO, "epochs": 4, "learning_rate": 4e-3}
    result = train(fresh("out"), context, validation=some(6), options=options)
    own = context.values("validation_loss")
    assert result.figures["validation_loss"] not in (own[3], own[7])
    assert result.figures["validation_loss"] < max(own[3], own[7])
    assert result.figures["train_seconds"] > 0


def test_a_mirror_image_reads_the_same_where_both_are_seen(copy: Path) -> None:
    pictures = pictures_of(clip(names()[0]).media["video"])
    plain = VisualTcnReader(copy, {})
    (copy / "config.json").write_text(json.dumps(config(copy) | {"mirrored": True}))
    reader = VisualTcnReader(copy, {})
    shown, mirrored = (reader.scores([one]) for one in (pictures, pictures[:, :, ::-1]))
    np.testing.assert_allclose(shown, mirrored, atol=1e-4)
    assert not np.allclose(plain.scores([pictures]), shown, atol=1e-3)


def test_the_option_mirror_is_kept_in_the_model(context: FolderContext, fresh: Any) -> None:
    out = fresh("out")
    result = train(out, context, validation=some(6), options={"mirror": True, "epochs": 1})
    assert read_model(out).mirrored
    assert result.figures["validation_loss"] != context.values("validation_loss")[-1]


def test_several_networks_follow_a_camera(both: Path) -> None:
    row = clip(names()[0])
    reader = VisualTcnReader(both, {})
    stream = reader.stream()
    for frame in read_frames(row.media["video"].path, colour="rgb"):
        stream.push(frame.image, frame.time)
    said: Recognition = stream.finish()
    assert said.text == reader.recognize(row.media).text
    assert len(said.alternatives) == 4


def test_open_speech_is_read_by_several_networks_too(context: FolderContext, fresh: Any) -> None:
    out = fresh("out")
    train(out, context, options={**TWO, "vocabulary": "characters"})
    assert len(read_model(out).networks) == 2
    assert isinstance(VisualTcnReader(out, {}).recognize(some(1)[0].media).text, str)


def test_a_missing_start_is_named(copy: Path) -> None:
    (copy / WEIGHTS[1]).unlink()
    with pytest.raises(NotFoundError, match=r"it has no `model-2\.safetensors`") as caught:
        VisualTcnReader(copy, {})
    assert caught.value.hint == "Copy `model-2.safetensors` again from where the model was made."


@pytest.mark.parametrize("starts", [0, "2", None])
def test_a_number_of_starts_that_cannot_be_is_refused(starts: object, copy: Path) -> None:
    (copy / "config.json").write_text(json.dumps(config(copy) | {"starts": starts}))
    with pytest.raises(DamagedError, match=f"`{starts}` starts"):
        read_model(copy)


def test_a_model_from_before_there_were_starts_reads_as_it_did(copy: Path) -> None:
    told = config(copy) | {"starts": 1}
    (copy / "config.json").write_text(json.dumps(told))
    media = some(1)[0].media
    now = VisualTcnReader(copy, {"num_alternatives": 0}).recognize(media)
    old = {key: value for key, value in told.items() if key not in ("starts", "mirrored")}
    (copy / "config.json").write_text(json.dumps(old))
    found = VisualTcnReader(copy, {"num_alternatives": 0}).recognize(media)
    assert (found.text, found.confidence) == (now.text, now.confidence)


def test_each_network_of_a_base_is_adapted_by_a_start_of_its_own(
    both: Path, context: FolderContext, fresh: Any, tmp_path: Path
) -> None:
    import torch

    still = {"epochs": 1, "learning_rate": 1e-9, "freeze_norms": True}
    train(fresh("out"), context, base=str(both), options={**TWO, **still})
    old, new = read_model(both).networks, read_model(tmp_path / "out").networks
    for before, after in zip(old, new, strict=True):
        for name, value in before.state_dict().items():
            if value.is_floating_point():
                assert torch.allclose(value, after.state_dict()[name], atol=1e-5), name
    alone = train(fresh("one"), FolderContext(tmp_path / "other"), base=str(both), options=still)
    assert "Of the base's 2 networks 1 went on; `starts=2` adapts all of them." in alone.notes


def test_a_checkpoint_between_two_starts_is_checked_as_any_other(tmp_path: Path) -> None:
    folder, out = tmp_path / "kept", tmp_path / "out"
    out.mkdir()
    with pytest.raises(KilledError):
        train(out, Fatal(folder, at_word="Start 2"), options=TWO)
    with pytest.raises(ConflictError, match=f"checkpoint of step {STEPS} belongs to other"):
        train(out, FolderContext(folder), options=TWO, seed=9)
    (folder / f"{STEPS:06d}" / "finished-1.safetensors").unlink()
    with pytest.raises(DamagedError, match="cannot be read") as caught:
        train(out, FolderContext(folder), options=TWO)
    assert caught.value.hint is not None


def test_what_several_starts_need_is_told_beforehand() -> None:
    recipe = VisualTcnRecipe()
    one, three = (recipe.estimate(None, recipe.options(starts=count)) for count in (1, 3))
    assert three.disk["model"] == 3 * one.disk["model"]
    assert three.disk["checkpoints"] > one.disk["checkpoints"]
    assert three.memory["activations"] == one.memory["activations"], "one after the other"
    with pytest.raises(SettingError, match="`starts` cannot be `0`"):
        recipe.options(starts=0)
