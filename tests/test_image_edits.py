"""Image edits for trainers: from exports and frozen versions, both pictures always alike."""

from __future__ import annotations

import pickle
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from truing import Workspace
from truing.domain.dataset import Split
from truing.domain.errors import InvalidInputError, MissingDependencyError, NotFoundError
from truing.formats.imagefolder import ImageFolder
from truing.formats.parquet_edits import ParquetEdits
from truing.formats.standardise import Standard
from truing.image_edits import Augment, ImageEdits
from truing.testing.exported_rows import MemoryMedia, exported_row
from truing.torch import ImageEditDataset

TREE = Path(__file__).parent / "data" / "clients" / "nexvision"
PROMPTS = ("make it brighter", "mirror it", "move it to the left", "add a frame", "sepia")
SPLITS = (Split.TRAIN, Split.TRAIN, Split.TRAIN, Split.VALIDATION, Split.TEST)
ALL = Augment(flip=0.5, crop=0.5, brightness=0.3, contrast=0.3, saturation=0.3)


def scene(seed: int, size: tuple[int, int]) -> Image.Image:
    """Smooth colours, the same scene at any size."""
    random = np.random.default_rng(seed)
    small = random.integers(0, 256, (4, 6, 3)).astype(np.uint8)
    return Image.fromarray(small).resize(size, Image.Resampling.BICUBIC)


def png(image: Image.Image) -> bytes:
    stream = BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def rows_and_media(
    folder: Path, *, edited: tuple[int, int] = (240, 160)
) -> tuple[list, MemoryMedia]:
    """Five pairs whose second picture shows the very same as the first, at another size."""
    media, rows = MemoryMedia(folder / "blobs"), []
    for number, (prompt, split) in enumerate(zip(PROMPTS, SPLITS, strict=True), start=1):
        pair = {
            "original": media.add(png(scene(number, (120, 80))), "image/png", role="original"),
            "edited": media.add(png(scene(number, edited)), "image/png", role="edited"),
        }
        rows.append(exported_row(number, media=pair, truth=prompt, split=split))
    return rows, media


@pytest.fixture(params=[ImageFolder, ParquetEdits])
def export(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    rows, media = rows_and_media(tmp_path)
    request.param().write(rows, media, tmp_path / "export")
    return tmp_path / "export"


def test_an_export_comes_split_by_split(export: Path) -> None:
    edits = ImageEdits(export, size=32)
    assert [edits[number]["edit_prompt"] for number in range(len(edits))] == list(PROMPTS[:3])
    assert [one["edit_prompt"] for one in ImageEdits(export, split="test", size=8).generate()] == [
        "sepia"
    ]
    example = edits[-1]
    assert example["edit_prompt"] == PROMPTS[2]
    for picture in (example["original_image"], example["edited_image"]):
        assert (picture.shape, picture.dtype) == ((32, 32, 3), np.float32)
        assert -1 <= picture.min() < -0.2 < 0.2 < picture.max() <= 1
    with pytest.raises(IndexError):
        edits[3]


def test_nothing_but_the_size_changes_unless_asked(export: Path) -> None:
    middle = scene(1, (120, 80)).crop((20, 0, 100, 80)).resize((80, 80))
    wanted = np.asarray(middle, np.float32) / 127.5 - 1
    assert np.abs(ImageEdits(export, size=80)[0]["original_image"] - wanted).max() < 1e-6


def test_both_pictures_are_changed_alike(export: Path) -> None:
    """They show the same scene: after any change they still do."""
    edits = ImageEdits(export, size=64, augment=ALL)
    plain = ImageEdits(export, size=64)[0]["original_image"]
    changed = 0
    for example in edits.generate(epochs=12):
        apart = np.abs(example["original_image"] - example["edited_image"])
        assert apart.mean() < 0.02
        changed += np.abs(example["original_image"] - plain).mean() > 0.05
    assert changed > 20


def test_a_result_of_another_shape_is_laid_over_the_original(tmp_path: Path) -> None:
    rows, media = rows_and_media(tmp_path, edited=(150, 150))
    ImageFolder().write(rows, media, tmp_path / "export")
    for example in ImageEdits(tmp_path / "export", size=64, augment=ALL).generate(epochs=3):
        assert np.abs(example["original_image"] - example["edited_image"]).mean() < 0.03


def test_seed_epoch_and_number_decide(export: Path) -> None:
    def first(seed: int, epoch: int) -> np.ndarray:
        edits = ImageEdits(export, size=16, augment=ALL, seed=seed)
        edits.epoch = epoch
        return edits[0]["original_image"]

    assert np.array_equal(first(1, 2), first(1, 2))
    assert not np.array_equal(first(1, 2), first(1, 3))
    assert not np.array_equal(first(1, 2), first(2, 2))


def test_a_pair_is_mirrored_unless_its_instruction_names_a_side(export: Path) -> None:
    plain, mirrored = (ImageEdits(export, size=16, augment=Augment(flip=f)) for f in (0, 1))
    for number, flips in enumerate((True, True, False)):
        for column in ("original_image", "edited_image"):
            wanted = plain[number][column][:, ::-1] if flips else plain[number][column]
            found = mirrored[number][column]
            assert np.abs(found - wanted).max() < 1e-6
            assert found.strides[1] > 0  # torch takes no others


def test_what_moves_things_is_cut_to_the_middle(tmp_path: Path) -> None:
    media = MemoryMedia(tmp_path / "blobs")
    picture = scene(7, (120, 80))
    turned = picture.transpose(Image.Transpose.ROTATE_180)
    files = {"original": picture, "edited": turned}
    pair = {role: media.add(png(one), "image/png", role=role) for role, one in files.items()}
    row = exported_row(1, media=pair, truth="rotate it by 180°", split=Split.TRAIN)
    ImageFolder().write([row], media, tmp_path / "export")
    cut = ImageEdits(tmp_path / "export", size=32, augment=Augment(flip=1, crop=0.4))
    for example in cut.generate(epochs=6):
        apart = example["original_image"][::-1, ::-1] - example["edited_image"]
        assert np.abs(apart).mean() < 0.02


def test_generating_goes_over_all_in_each_epoch(export: Path) -> None:
    edits = ImageEdits(export, size=8, seed=3)
    found = [one["edit_prompt"] for one in edits.generate(epochs=6, shuffle=True)]
    assert len(found) == 18
    epochs = [tuple(found[start : start + 3]) for start in range(0, 18, 3)]
    assert {frozenset(epoch) for epoch in epochs} == {frozenset(PROMPTS[:3])}
    assert len(set(epochs)) > 1
    assert found == [one["edit_prompt"] for one in edits.generate(epochs=6, shuffle=True)]


def test_tensors_for_a_loader_with_workers(export: Path) -> None:
    import torch
    from torch.utils.data import DataLoader

    data = ImageEditDataset(export, size=24, augment=ALL, tokenize=len)
    data.set_epoch(4)
    batches = list(DataLoader(data, batch_size=2, num_workers=1))
    assert [len(batch["edit_prompt"]) for batch in batches] == [2, 1]
    first = batches[0]
    for name in ("original_pixel_values", "edited_pixel_values"):
        assert first[name].shape == (2, 3, 24, 24)
        assert first[name].dtype is torch.float32
        assert torch.equal(first[name][1], data[1][name])
    assert first["input_ids"].tolist() == [len(prompt) for prompt in PROMPTS[:2]]
    edits = ImageEdits(export, size=24, augment=ALL)
    edits.epoch = 4
    assert np.array_equal(data[0]["edited_pixel_values"][1], edits[0]["edited_image"][..., 1])


def test_it_can_be_sent_to_another_process(export: Path) -> None:
    edits = ImageEdits(export, size=8)
    again = pickle.loads(pickle.dumps(edits))
    assert np.array_equal(again[2]["edited_image"], edits[2]["edited_image"])


def test_importing_it_loads_no_torch() -> None:
    code = (
        "import sys, truing.torch; "
        "print([name for name in ('torch', 'numpy', 'PIL', 'pyarrow') if name in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stdout.strip() == "[]"


def test_one_parquet_file(tmp_path: Path) -> None:
    rows, media = rows_and_media(tmp_path)
    rows = [exported_row(n, media=row.media, truth=f"row {n}") for n, row in
            enumerate(rows * 20, start=1)]  # fmt: skip
    writer = ParquetEdits(standard=Standard(width=8, height=8))
    writer.write(rows, media, tmp_path / "out")
    edits = ImageEdits(tmp_path / "out" / "data" / "train-00000-of-00001.parquet", size=8)
    assert len(edits) == 100
    for number in (99, 0, 31, 32, 33, 63, 64, 96):  # over the groups of the file
        assert edits[number]["edit_prompt"] == f"row {number + 1}"


@pytest.fixture
def workspace(tmp_path: Path):
    with Workspace.create(tmp_path / "workspace") as workspace:
        workspace.import_from("nexvision", TREE)
        for number in range(1, 13):
            workspace.review(number, "accepted")
        yield workspace


def test_a_frozen_version_straight_from_the_workspace(workspace, tmp_path: Path) -> None:
    workspace.freeze("mine", modality="image_edit")
    found = {}
    with Workspace.open(tmp_path / "workspace") as opened:
        for split in Split:
            found[split] = ImageEditDataset(opened, version="mine@1", split=split, size=32)
    workspace.export("imagefolder", tmp_path / "export", dataset="mine@1")
    assert sum(map(len, found.values())) == 12
    for split, data in found.items():
        if len(data) == 0:
            continue
        exported = ImageEditDataset(tmp_path / "export", split=split, size=32)
        again = pickle.loads(pickle.dumps(data))
        assert len(exported) == len(data) == len(again)
        for number in range(len(data)):
            for name, value in exported[number].items():
                for other in (data[number][name], again[number][name]):
                    assert np.array_equal(value, other), name


def test_what_is_not_there_is_named(export: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no export"):
        ImageEdits(tmp_path / "nowhere")
    with pytest.raises(NotFoundError, match="no split `holdout`"):
        ImageEdits(export, split="holdout")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInputError, match="holds neither"):
        ImageEdits(tmp_path / "empty")
    (tmp_path / "text.parquet").write_text("text")
    with pytest.raises(InvalidInputError, match="is no Parquet file"):
        ImageEdits(tmp_path / "text.parquet")
    with pytest.raises(InvalidInputError, match="no versions"):
        ImageEdits(export, version="mine@1")
    for size in (0, 5000):
        with pytest.raises(InvalidInputError, match="not possible"):
            ImageEdits(export, size=size)


def test_tables_that_are_no_export(tmp_path: Path) -> None:
    from pyarrow import parquet, table

    parquet.write_table(table({"a": [1]}), tmp_path / "a.parquet")
    with pytest.raises(InvalidInputError, match="no column `edit_prompt`"):
        ImageEdits(tmp_path / "a.parquet")
    cell = {"bytes": None, "path": "elsewhere.png"}
    columns = {"original_image": [cell], "edit_prompt": ["x"], "edited_image": [cell]}
    parquet.write_table(table(columns), tmp_path / "b.parquet")
    with pytest.raises(InvalidInputError, match="does not hold the pictures"):
        ImageEdits(tmp_path / "b.parquet")[0]
    for line in ("{", '{"edit_prompt": "x"}', '{"original_image_file_name": "../a.png"}'):
        (tmp_path / "metadata.jsonl").write_text(line)
        with pytest.raises(InvalidInputError, match="line 1"):
            ImageEdits(tmp_path)


@pytest.mark.parametrize("wrong", [{"flip": 2}, {"crop": 0}, {"brightness": 1}, {"contrast": -1}])
def test_what_cannot_happen_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidInputError) as caught:
        Augment(**wrong)
    assert caught.value.hint


def test_packages_that_are_missing_are_named(
    export: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    data = ImageEditDataset(export, size=8)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingDependencyError) as caught:
        data[0]
    assert "truing[train]" in str(caught.value.hint)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    rows, media = rows_and_media(tmp_path)
    (tmp_path / "a.parquet").touch()
    for call in (
        lambda: ImageEdits(tmp_path / "a.parquet"),
        lambda: ParquetEdits().write(rows, media, tmp_path / "out"),
    ):
        with pytest.raises(MissingDependencyError) as caught:
            call()
        assert "truing[parquet]" in str(caught.value.hint)


def test_a_version_must_be_one_of_pictures(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "workspace") as workspace:
        with pytest.raises(InvalidInputError, match="needs a version"):
            ImageEdits(workspace)
        with pytest.raises(InvalidInputError, match="no split"):
            ImageEdits(workspace, version="mine@1", split="all")
        with pytest.raises(NotFoundError):
            ImageEdits(workspace, version="mine@1")
