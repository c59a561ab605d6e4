"""Models that make pictures: what they make is judged, remembered, and goes with its samples."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from truing import Workspace
from truing.domain.dataset import DatasetRef, Split
from truing.domain.errors import NotFoundError
from truing.domain.evaluation import Evaluation
from truing.domain.modality import CanEdit, CanJudge, measures_of
from truing.domain.sample import SampleFilter
from truing.domain.settings import Settings
from truing.modalities.image_edit.judging import CLIP_MODEL
from truing.testing.colour_editor import (
    HALFWAY,
    SAME,
    WARMER,
    ColourEditor,
    fill_with_pairs,
    open_colour_editor,
    save_colour_editor,
)
from truing.workspace.backups import create_backup
from truing.workspace.cleaning import clean
from truing.workspace.forgetting import forget, would_forget
from truing.workspace.keeping import verify
from truing.workspace.model_import import import_model

TREE = Path(__file__).parents[1] / "data" / "clients" / "nexvision" / "training-data"
EDITOR = "truing.modalities.image_edit.editor.open_editor"
PHOTOS = [
    next(TREE.glob(f"session-*-{stamp}Z/original-*")) for stamp in ("051", "205", "269", "305")
]
"""A cat, a cup of coffee, a rocket and a wall of bricks."""


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[ColourEditor]:
    """The editors that were loaded."""
    loaded: list[ColourEditor] = []

    def open_editor(model: str, options: dict[str, object]) -> ColourEditor:
        loaded.append(open_colour_editor(model, options))
        return loaded[-1]

    monkeypatch.setattr(EDITOR, open_editor)
    return loaded


@pytest.fixture
def editors(tmp_path: Path) -> dict[str, Path]:
    """Model folders: one leaves pictures as they are, one does half of what is wanted, one all."""
    made = {"same": SAME, "half": HALFWAY, "warm": WARMER}
    return {name: save_colour_editor(tmp_path / name, matrix) for name, matrix in made.items()}


@pytest.fixture
def pictured(workspace: Workspace, tmp_path: Path) -> Workspace:
    """`mine@1`: twenty cuts of real photos, each beside a warmer one, most of them to test on."""
    (tmp_path / "scratch").mkdir()
    fill_with_pairs(workspace, PHOTOS, tmp_path / "scratch")
    workspace.freeze("mine", modality="image_edit", test_share=0.8, validation_share=0.0)
    return workspace


def test_the_modality_edits_and_judges(workspace: Workspace) -> None:
    modality = workspace.modality("image_edit")
    assert isinstance(modality, CanEdit)
    assert isinstance(modality, CanJudge)
    assert measures_of(modality, workspace.settings)[0].name == "ssim"
    assert measures_of(workspace.modality("speech"), workspace.settings)[0].name == "wer"


def test_a_model_is_judged_by_its_pictures_beside_the_input(
    pictured: Workspace, editors: dict[str, Path], opened: list[ColourEditor]
) -> None:
    found = pictured.evaluate(str(editors["warm"]), "mine@1")
    rows = found.figures["rows"]
    assert rows == len(opened[0].asked) > 10
    assert found.metric == "ssim"
    assert found.figures["ssim"] == pytest.approx(1.0, abs=1e-6)
    assert found.figures["psnr"] == 60.0
    assert found.figures["colour_distance"] == pytest.approx(0.0, abs=0.01)
    trivial = found.figures["baseline"]
    assert isinstance(trivial, dict)
    assert trivial["name"] == "copy-the-input"
    assert trivial["ssim"] < 0.99
    assert trivial["psnr"] < 30
    # What the model did to the input is what people wanted done to it.
    assert found.figures["source_ssim"] == pytest.approx(trivial["ssim"], abs=1e-6)
    assert trivial["source_psnr"] == 60.0
    assert trivial["difference"] == pytest.approx(1 - trivial["ssim"], abs=1e-6)
    assert trivial["p_better"] < 0.05
    picture = Image.open(BytesIO(pictured.blobs.read(found.rows[0].prediction)))
    assert (picture.format, picture.size) == ("PNG", (96, 64))
    assert found.rows[0].seconds is not None


def test_a_model_that_changes_nothing_is_the_baseline(
    pictured: Workspace, editors: dict[str, Path], opened: list[ColourEditor]
) -> None:
    found = pictured.evaluate(str(editors["same"]), "mine@1")
    trivial = found.figures["baseline"]
    assert isinstance(trivial, dict)
    assert trivial["difference"] == 0.0
    assert {name: found.figures[name] for name in ("ssim", "psnr", "colour_distance")} == {
        name: trivial[name] for name in ("ssim", "psnr", "colour_distance")
    }
    assert len(opened) == 1


def test_what_was_made_is_not_made_again(
    pictured: Workspace, editors: dict[str, Path], opened: list[ColourEditor]
) -> None:
    model = str(editors["half"])

    class CutOffError(Exception):
        pass

    def cut_off(done: int, _total: int) -> None:
        if done == 7:
            raise CutOffError

    with pytest.raises(CutOffError):
        pictured.evaluate(model, "mine@1", on_progress=cut_off)
    assert len(opened[0].asked) == 7
    first = pictured.evaluate(model, "mine@1")
    assert len(opened[1].asked) == len(first.rows) - 7
    again = pictured.evaluate(model, "mine@1", fresh=True)
    assert len(opened) == 2
    assert [row.prediction for row in again.rows] == [row.prediction for row in first.rows]
    assert pictured.evaluate(model, "mine@1").uid == again.uid
    # The same pictures of another model, and of the same model run in another way, are made anew.
    pictured.evaluate(str(editors["warm"]), "mine@1")
    pictured.evaluate(model, "mine@1", options={"seed": 3})
    assert [len(one.asked) for one in opened[2:]] == [len(first.rows)] * 2


def test_two_models_are_compared_row_by_row(
    pictured: Workspace, editors: dict[str, Path], opened: list[ColourEditor]
) -> None:
    found = pictured.compare(str(editors["half"]), str(editors["warm"]), "mine@1")
    assert (found.metric, found.wins, found.losses) == ("ssim", found.rows, 0)
    assert found.difference > 0.001
    assert found.p_better < 0.01
    one = found.compared[0]
    assert one.prediction_a != one.prediction_b
    assert all(pictured.blobs.exists(digest) for digest in (one.prediction_a, one.prediction_b))
    assert len(opened) == 2


def prediction(found: Evaluation, uid: str) -> str:
    return next(row.prediction for row in found.rows if row.sample_uid == uid)


def test_the_workspace_knows_what_was_made(
    pictured: Workspace, editors: dict[str, Path], opened: list[ColourEditor], tmp_path: Path
) -> None:
    found = pictured.evaluate(str(editors["half"]), "mine@1")
    assert len(opened) == 1
    made = {row.prediction for row in found.rows}
    assert made <= set(pictured.store.samples.referenced_blobs())
    assert clean(pictured, older_than=3600.0).media.count == 0
    assert [one for one in verify(pictured) if "3.51.3" not in one.why] == []
    backup = create_backup(pictured, "by-hand")
    assert made <= set((backup.folder / "blobs.txt").read_text().split())
    victim = min(made)
    pictured.blobs.delete(victim)
    assert [one.why for one in verify(pictured) if victim[:19] in one.what] == ["it is missing"]
    # The evaluation brings back what is missing.
    pictured.evaluate(str(editors["half"]), "mine@1", fresh=True)
    assert pictured.blobs.exists(victim)


@pytest.mark.parametrize("way", ["ids", "contact"])
def test_forgetting_a_sample_erases_what_was_made_of_it(
    pictured: Workspace, editors: dict[str, Path], opened: list[ColourEditor], way: str
) -> None:
    found = pictured.evaluate(str(editors["half"]), "mine@1")
    quick = pictured.evaluate(str(editors["warm"]), "mine@1", most=12)
    assert len(opened) == 2
    create_backup(pictured, "by-hand")
    gone_uid, kept_uid = found.rows[0].sample_uid, found.rows[1].sample_uid
    samples = pictured.store.samples.by_uids([gone_uid])
    contact = pictured.store.contacts.of(samples[gone_uid].id)
    given = {"ids": [samples[gone_uid].id]} if way == "ids" else {"contact": contact}
    told = would_forget(pictured, **given)  # type: ignore[arg-type]
    uids = {gone_uid} if way == "ids" else _of_contact(pictured, str(contact))
    rows = [row for one in (found, quick) for row in one.rows if row.sample_uid in uids]
    doomed = {row.prediction for row in rows}
    media = {
        one.digest
        for sample in pictured.store.samples.by_uids(sorted(uids)).values()
        for one in sample.media
    }
    assert told.blobs == len(doomed | media)
    forget(pictured, **given)  # type: ignore[arg-type]
    assert not any(pictured.blobs.exists(digest) for digest in doomed)
    assert not doomed & set(pictured.blobs.digests())
    if kept_uid not in uids:
        assert pictured.blobs.exists(prediction(found, kept_uid))
    assert pictured.store.pictures.made_of(sorted(uids)) == set()
    with pytest.raises(NotFoundError):
        pictured.blobs.read(prediction(found, gone_uid))


def _of_contact(workspace: Workspace, contact: str) -> set[str]:
    ids = workspace.store.contacts.samples(contact)
    return {one.uid for one in workspace.store.samples.by_ids(ids)}


def test_emptying_the_trash_erases_what_was_made(
    pictured: Workspace, editors: dict[str, Path], opened: list[ColourEditor]
) -> None:
    from truing.workspace.trash import delete, empty

    found = pictured.evaluate(str(editors["half"]), "mine@1")
    assert len(opened) == 1
    row = found.rows[0]
    delete(pictured, ids=[pictured.store.samples.by_uids([row.sample_uid])[row.sample_uid].id])
    assert pictured.blobs.exists(row.prediction)
    samples, blobs = empty(pictured)
    assert (samples, blobs) == (1, 3)
    assert not pictured.blobs.exists(row.prediction)


def test_a_sample_that_is_forgotten_meanwhile_leaves_nothing(
    pictured: Workspace, editors: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow(ColourEditor):
        def edit(self, original, instruction):  # type: ignore[no-untyped-def]
            made = super().edit(original, instruction)
            if len(self.asked) == 2:
                where = SampleFilter(modality="image_edit")
                found = pictured.store.samples.iterate(where)
                forget(pictured, ids=[one.id for one in found if one.truth == instruction])
            return made

    monkeypatch.setattr(EDITOR, lambda model, options: Slow(Path(model)))
    ref = DatasetRef.parse("mine@1")
    before = len(list(pictured.store.datasets.rows(ref, Split.TEST)))
    found = pictured.evaluate(str(editors["half"]), "mine@1")
    assert found.figures["rows"] == before - 1
    assert found.figures["unreadable"] == 1


def test_a_model_of_the_workspace(
    pictured: Workspace, editors: dict[str, Path], opened: list[ColourEditor]
) -> None:
    version = import_model(pictured, editors["half"], modality="image_edit").model
    found = pictured.evaluate(str(version.ref), "mine@1")
    assert found.model == "image_edit/1"
    assert len(opened) == 1


def own(workspace: Workspace, editors: dict[str, Path], *names: str) -> list[str]:
    """Brings model folders into the workspace; gives their references."""
    made = [import_model(workspace, editors[name], modality="image_edit") for name in names]
    return [str(one.model.ref) for one in made]


def test_the_gate_before_a_first_model(
    pictured: Workspace, editors: dict[str, Path], opened: list[ColourEditor]
) -> None:
    warm, same = own(pictured, editors, "warm", "same")
    found = pictured.promote(warm, dataset="mine@1")
    assert (found.passed, found.reason.value) == (False, "not-provable")
    assert "of `copy-the-input`" in found.sentence
    assert "no model yet to compare it with" in str(found.hint)
    assert pictured.promote(same, dataset="mine@1").reason.value == "not-better"
    assert pictured.store.models.champion("image_edit", "general") is None
    forced = pictured.promote(warm, dataset="mine@1", force="the first one we have")
    assert not forced.passed
    assert pictured.store.models.champion("image_edit", "general") == warm
    assert len(opened) == 2


def test_the_gate_asks_people(
    pictured: Workspace, editors: dict[str, Path], opened: list[ColourEditor]
) -> None:
    half, warm = own(pictured, editors, "half", "warm")
    pictured.promote(half, dataset="mine@1", force="the first one we have")
    found = pictured.promote(warm, dataset="mine@1")
    assert found.reason.value == "not-provable"
    assert f"truing prefer {half} {warm} --dataset mine@1" in str(found.hint)
    preferences = pictured.preferences
    contest = preferences.start(half, warm, "mine@1")
    while pairs := preferences.next(contest):
        side = "left" if pairs[0].left.prediction in _made(contest.b) else "right"
        preferences.choose(contest, pairs[0].sample.uid, side)
    found = pictured.promote(warm, dataset="mine@1")
    assert (found.passed, found.reason.value, found.metric) == (True, "better", "preferred")
    assert found.rows == len(contest.b.rows)
    assert pictured.store.models.champion("image_edit", "general") == warm
    assert len(opened) == 2


def _made(found: Evaluation) -> set[str]:
    return {row.prediction for row in found.rows}


def test_a_general_set_of_pictures(
    pictured: Workspace, editors: dict[str, Path], opened: list[ColourEditor]
) -> None:
    warm, half = own(pictured, editors, "warm", "half")
    pictured.promote(warm, dataset="mine@1", force="the first one we have")
    found = pictured.promote(half, dataset="mine@1", general_set="mine@1")
    assert (found.reason.value, found.retention_before) == ("forgets", pytest.approx(1.0))
    assert found.retention_after is not None
    assert found.retention_after < 0.99
    assert len(opened) == 4


def test_the_gate_with_a_local_clip(
    pictured: Workspace,
    editors: dict[str, Path],
    opened: list[ColourEditor],
    tmp_path: Path,
) -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(3)
    small = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    small |= {"num_attention_heads": 2}
    text = small | {"vocab_size": 64, "max_position_embeddings": 16}
    vision = small | {"image_size": 32, "patch_size": 8}
    config = transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=16)
    transformers.CLIPModel(config).save_pretrained(tmp_path / "clip")

    half, warm, same = own(pictured, editors, "half", "warm", "same")
    pictured.promote(half, dataset="mine@1", force="the first one we have")
    assert pictured.promote(warm, dataset="mine@1").reason.value == "not-provable"
    pictured.settings = settings_with(
        pictured, {CLIP_MODEL: str(tmp_path / "clip"), "gate.minimum_rows": 10}
    )
    # The pictures are known: they are judged once more, not made once more.
    before = [len(one.asked) for one in opened]
    unchanged = pictured.promote(same, dataset="mine@1")
    assert (unchanged.reason.value, unchanged.metric) == ("not-better", "clip_direction")
    assert (unchanged.value_after, unchanged.baseline_value) == (0.0, 0.0)
    found = pictured.promote(warm, dataset="mine@1")
    assert found.passed, found.sentence
    assert (found.metric, found.value_after) == ("clip_direction", pytest.approx(1.0))
    assert [len(one.asked) for one in opened][: len(before)] == before
    assert len(opened) == len(before) + 1


def settings_with(workspace: Workspace, values: dict[str, str | int]) -> Settings:
    """Its settings with some of them changed."""
    return Settings(
        replace(one, value=values.get(one.setting.key, one.value)) for one in workspace.settings
    )
