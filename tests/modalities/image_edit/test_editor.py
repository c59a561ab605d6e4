"""Editors: one seed gives one picture, of the original's shape; what cannot work is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from truing.domain.errors import DamagedError, InvalidInputError, NotFoundError, SettingError
from truing.domain.modality import CanEdit
from truing.domain.recipe import MediaFile
from truing.modalities.image_edit.editor import DiffusionEditor, EditorOptions, fit, open_editor
from truing.modalities.image_edit.modality import ImageEdit
from truing.testing.tiny_editor import tiny_editor

pytest.importorskip("diffusers")
TEXTS = ("make the picture brighter", "turn it black and white")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_editor(tmp_path_factory.mktemp("models") / "tiny", TEXTS, widths=(8, 16), size=32)


@pytest.fixture(scope="module")
def editor(folder: Path) -> Iterator[DiffusionEditor]:
    opened = open_editor(str(folder), {})
    yield opened
    opened.close()


@pytest.fixture
def original(tmp_path: Path, coffee: Image.Image) -> MediaFile:
    coffee.save(tmp_path / "photo.png")
    return MediaFile(path=tmp_path / "photo.png")


def test_an_edit_is_a_png_of_the_originals_shape(
    editor: DiffusionEditor, original: MediaFile
) -> None:
    edited = editor.edit(original, TEXTS[0])
    picture = Image.open(BytesIO(edited.picture))
    assert (picture.format, picture.mode, picture.size) == ("PNG", "RGB", (40, 26))
    assert edited.seconds is not None
    assert edited.seconds > 0


def test_seed_instruction_and_steps_decide(
    editor: DiffusionEditor, original: MediaFile, folder: Path
) -> None:
    plain = editor.edit(original, TEXTS[0]).picture
    assert editor.edit(original, TEXTS[0]).picture == plain
    assert editor.edit(original, TEXTS[1]).picture != plain
    again = open_editor(str(folder), {})
    assert again.edit(original, TEXTS[0]).picture == plain
    for options in ({"seed": "1"}, {"steps": 2}, {"text_guidance": "3", "image_guidance": 1.5}):
        other = open_editor(str(folder), options)
        assert other.edit(original, TEXTS[0]).picture != plain, options


def test_what_a_caller_leaves_open_the_models_note_says(folder: Path, tmp_path: Path) -> None:
    note = open_editor(str(folder), {"steps": 7}).note
    assert (note.size, note.steps, note.text_guidance, note.image_guidance) == (32, 7, 1.0, 1.0)
    shutil.copytree(folder, tmp_path / "bare")
    (tmp_path / "bare" / "edits.json").unlink()
    assert open_editor(str(tmp_path / "bare"), {}).note.text_guidance == 7.5
    (tmp_path / "bare" / "edits.json").write_text('{"steps": "many"}', encoding="utf-8")
    with pytest.raises(DamagedError, match=r"edits\.json"):
        open_editor(str(tmp_path / "bare"), {})


def test_the_modality_opens_it(folder: Path, original: MediaFile) -> None:
    modality = ImageEdit()
    assert isinstance(modality, CanEdit)
    opened = modality.open_editor(str(folder), {})
    assert opened.edit(original, TEXTS[0]).picture.startswith(b"\x89PNG")
    opened.close()
    opened.close()
    with pytest.raises(InvalidInputError, match="closed"):
        opened.edit(original, TEXTS[0])


def test_originals_that_cannot_be_read(editor: DiffusionEditor, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        editor.edit(MediaFile(path=tmp_path / "gone.png"), TEXTS[0])
    (tmp_path / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 40)
    with pytest.raises(DamagedError):
        editor.edit(MediaFile(path=tmp_path / "torn.png"), TEXTS[0])


@pytest.mark.parametrize(
    ("size", "wanted"),
    [((400, 300), (36, 28)), ((300, 400), (28, 36)), ((20, 12), (20, 12)), ((21, 2), (20, 4))],
)
def test_pictures_are_made_to_fit(size: tuple[int, int], wanted: tuple[int, int]) -> None:
    assert fit(Image.new("RGB", size), 32, 4).size == wanted


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"guidance": 3}, "no option `guidance`"),
        ({"steps": "few"}, "`steps` cannot be `few`"),
        ({"image_guidance": 0.5}, "`image_guidance` cannot be"),
        ({"seed": -1}, "`seed` cannot be"),
    ],
)
def test_options_that_cannot_work(options: dict[str, object], match: str) -> None:
    with pytest.raises(InvalidInputError, match=match):
        EditorOptions.of(options)


def test_a_device_that_is_not_there(folder: Path) -> None:
    with pytest.raises(SettingError, match="no device `tpu`"):
        open_editor(str(folder), {"device": "tpu"})


# --- folders -----------------------------------------------------------------------------------


def test_folders_that_hold_no_editor(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no model folder"):
        open_editor(str(tmp_path / "gone"), {})
    with pytest.raises(NotFoundError, match=r"lacks `model_index\.json`"):
        open_editor(str(tmp_path), {})
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    shutil.rmtree(copy / "vae")
    with pytest.raises(NotFoundError, match="lacks its part `vae`"):
        open_editor(str(copy), {})
    index = copy / "model_index.json"
    told = json.loads(index.read_text(encoding="utf-8"))
    index.write_text(json.dumps(told | {"_class_name": "FluxPipeline"}), encoding="utf-8")
    with pytest.raises(InvalidInputError, match="`FluxPipeline`"):
        open_editor(str(copy), {})
    index.write_text("not json", encoding="utf-8")
    with pytest.raises(DamagedError, match=r"model_index\.json"):
        open_editor(str(copy), {})


def test_weights_that_are_torn(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    weights = copy / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises((DamagedError, InvalidInputError), match=str(copy)):
        open_editor(str(copy), {})
