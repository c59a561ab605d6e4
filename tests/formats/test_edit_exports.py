"""Image edits for trainers: each export loaded by the library that it is written for."""

from __future__ import annotations

import gc
import json
import tarfile
import warnings
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from truing.domain.dataset import Split
from truing.domain.errors import ConflictError, DamagedError, InvalidInputError, NotFoundError
from truing.domain.format import Reader, Writer
from truing.domain.review import State
from truing.formats.imagefolder import ImageFolder
from truing.formats.nexvision import NexVision
from truing.formats.parquet_edits import ParquetEdits
from truing.formats.picture import without_place
from truing.formats.standardise import Kind, Standard
from truing.formats.webdataset import WebDataset
from truing.testing.exported_rows import MemoryMedia, exported_row

TREE = Path(__file__).parents[1] / "data" / "clients" / "nexvision"
WRITERS = (ImageFolder, ParquetEdits, WebDataset)
SPLITS = [Split.TRAIN, Split.TRAIN, Split.VALIDATION, Split.TRAIN, Split.TEST]


def picture(seed: int, *, place: bool = False, kind: str = "JPEG") -> bytes:
    image = Image.linear_gradient("L").resize((40 + seed, 30)).convert("RGB")
    image.putpixel((0, 0), (seed, 0, 0))
    exif = Image.Exif()
    if place:
        exif.get_ifd(0x8825)[2] = (48.0, 12.0, 30.0)
    stream = BytesIO()
    image.save(stream, kind, exif=exif.tobytes() if place else b"")
    return stream.getvalue()


@pytest.fixture
def media(tmp_path: Path) -> MemoryMedia:
    return MemoryMedia(tmp_path / "blobs")


def pair(media: MemoryMedia, original: bytes, edited: bytes) -> dict:
    return {
        "original": media.add(original, "image/jpeg", role="original"),
        "edited": media.add(edited, "image/png", role="edited"),
    }


@pytest.fixture
def rows(media: MemoryMedia) -> list:
    """Real pairs of a frozen version and, between them, rows that must stay out."""
    read = [row for row in NexVision().read(TREE) if "55-" not in row.key][:20:4]
    out = []
    for number, (row, split) in enumerate(zip(read, SPLITS, strict=True), start=1):
        files = [Path(str(row.media[role])).read_bytes() for role in ("original", "edited")]
        said = {"media": pair(media, *files), "raw": row.raw, "truth": row.raw.strip()}
        context = {"email": "ada@example.org"}
        out.append(
            exported_row(number, **said, state=State.CORRECTED, split=split, context=context)
        )
    base = out[0]
    undecided = replace(base, uid="u-1", truth=None, state=State.PENDING)
    rejected = replace(base, uid="u-2", state=State.REJECTED)
    blank = replace(base, uid="u-3", truth=" ")
    single = replace(base, uid="u-4", media={"original": base.media["original"]})
    return [undecided, *out[:3], rejected, blank, single, *out[3:]]


def kept(rows: list, split: Split) -> list:
    return [row for row in rows if row.split is split and not row.uid.startswith("u-")]


def same_pixels(image: Image.Image, data: bytes) -> bool:
    with Image.open(BytesIO(data)) as stored:
        return stored.convert("RGB").tobytes() == image.convert("RGB").tobytes()


def check_loaded(loaded, rows: list, media: MemoryMedia) -> None:
    """What `datasets` made of an export: pictures and texts in the order of the rows."""
    assert set(loaded) == {"train", "validation", "test"}
    for split in Split:
        wanted = kept(rows, split)
        part = loaded[split.value]
        assert list(part["edit_prompt"]) == [row.truth for row in wanted]
        for example, row in zip(part, wanted, strict=True):
            for role in ("original", "edited"):
                assert isinstance(example[f"{role}_image"], Image.Image)
                stored = media.read(row.media[role].digest)
                assert same_pixels(example[f"{role}_image"], stored)


@pytest.fixture
def load(tmp_path: Path):
    from datasets import load_dataset

    return lambda *args, **options: load_dataset(*args, cache_dir=str(tmp_path / "hf"), **options)


def test_imagefolder_loads_as_pictures_and_text(rows, media, load, tmp_path: Path) -> None:
    target = tmp_path / "edits"
    assert ImageFolder().write(rows, media, target) == 5
    loaded = load("imagefolder", data_dir=str(target))
    assert list(loaded["train"].features) == ["original_image", "edited_image", "edit_prompt"]
    check_loaded(loaded, rows, media)
    # The way in which diffusers' training script loads a folder.
    alone = load("imagefolder", data_files={"train": f"{target}/train/**"})
    assert list(alone["train"]["edit_prompt"]) == [row.truth for row in kept(rows, Split.TRAIN)]


def test_parquet_loads_as_pictures_and_text(rows, media, load, tmp_path: Path) -> None:
    from datasets import Image as ImageFeature

    target = tmp_path / "edits"
    assert ParquetEdits().write(rows, media, target) == 5
    for how in (("parquet", str(target)), (str(target), None)):
        loaded = load(how[0], data_dir=how[1])
        features = loaded["train"].features
        assert list(features) == ["original_image", "edit_prompt", "edited_image"]
        assert isinstance(features["original_image"], ImageFeature)
        assert isinstance(features["edited_image"], ImageFeature)
        check_loaded(loaded, rows, media)


def test_parquet_is_sharded(rows, media, load, tmp_path: Path) -> None:
    target = tmp_path / "edits"
    ParquetEdits(shard=1).write(rows, media, target)
    assert sorted(file.name for file in (target / "data").iterdir()) == [
        "test-00000-of-00001.parquet",
        *(f"train-0000{number}-of-00003.parquet" for number in range(3)),
        "validation-00000-of-00001.parquet",
    ]
    check_loaded(load("parquet", data_dir=str(target)), rows, media)


def loaded_by_webdataset(shards: list[str]) -> list[dict]:
    import webdataset

    with warnings.catch_warnings():
        # The library leaves closing its files to the collector.
        warnings.simplefilter("ignore", ResourceWarning)
        stream = webdataset.WebDataset(shards, shardshuffle=False).decode("pil")
        found = list(stream.rename(original="original.jpg;original.png", edited="edited.png"))
        del stream
        gc.collect()
    return found


def test_webdataset_loads_as_pictures_and_text(rows, media, tmp_path: Path) -> None:
    target = tmp_path / "edits"
    assert WebDataset(shard=1).write(rows, media, target) == 5
    shards = [str(file) for file in sorted(target.glob("train-*.tar"))]
    assert [Path(name).name for name in shards] == [f"train-00000{one}.tar" for one in range(3)]
    found = loaded_by_webdataset(shards)
    wanted = kept(rows, Split.TRAIN)
    assert [one["__key__"] for one in found] == [row.uid for row in wanted]
    assert [one["txt"] for one in found] == [row.truth for row in wanted]
    assert [one["json"]["raw"] for one in found] == [row.raw for row in wanted]
    for one, row in zip(found, wanted, strict=True):
        for role in ("original", "edited"):
            assert same_pixels(one[role], media.read(row.media[role].digest))


def test_webdataset_of_one_kind_of_file_loads_in_datasets(
    rows, media, load, tmp_path: Path
) -> None:
    target = tmp_path / "edits"
    WebDataset(standard=Standard(kind=Kind.PNG)).write(rows, media, target)
    loaded = load("webdataset", data_dir=str(target))
    assert list(loaded["train"]["txt"]) == [row.truth for row in kept(rows, Split.TRAIN)]
    assert isinstance(loaded["test"][0]["original.png"], Image.Image)


def every_byte(target: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(target.rglob("*")) if file.is_file())


@pytest.mark.parametrize("writer", WRITERS)
def test_places_and_contacts_stay_here(writer, media, tmp_path: Path) -> None:
    original, edited = picture(1, place=True), picture(2, kind="PNG")
    row = exported_row(
        1,
        media=pair(media, original, edited),
        state=State.ACCEPTED,
        truth="brighter",
        context={"userEmail": "ada@example.org"},
        subject="ada@example.org",
    )
    assert without_place(original) != original
    for keep_place in (False, True):
        target = tmp_path / str(keep_place)
        assert writer(keep_place=keep_place).write([row], media, target) == 1
        written = every_byte(target)
        assert edited in written  # what tells no place stays byte for byte
        assert (original in written) is keep_place
        assert (without_place(original) in written) is not keep_place
        assert b"ada@example.org" not in written


@pytest.mark.parametrize("writer", WRITERS)
def test_they_keep_to_what_a_writer_must(writer, rows, media, tmp_path: Path) -> None:
    assert isinstance(writer(), Writer)
    assert not isinstance(writer(), Reader)
    for place in ("one", "two"):
        assert writer().write(iter(rows), media, tmp_path / place) == 5
    assert every_byte(tmp_path / "one") == every_byte(tmp_path / "two")
    with pytest.raises(ConflictError):
        writer().write(rows, media, tmp_path / "one")
    assert writer().write([], media, tmp_path / "none") == 0
    with pytest.raises(InvalidInputError, match="comes twice"):
        writer().write([*rows, rows[1]], media, tmp_path / "three")
    few = MemoryMedia(tmp_path, reads=0)
    with pytest.raises(NotFoundError):
        writer().write(rows, few, tmp_path / "three")
    assert not (tmp_path / "three").exists()
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("writer", WRITERS)
def test_a_picture_that_must_be_changed_and_cannot_is_named(writer, media, tmp_path: Path) -> None:
    cut = picture(1)[:700]
    for data, error in ((b"no picture", InvalidInputError), (cut, DamagedError)):
        row = exported_row(1, media=pair(media, data, picture(2)), truth="x", state=State.ACCEPTED)
        with pytest.raises(error, match=f"sample {row.uid}, original: "):
            writer(standard=Standard(width=8, height=8)).write([row], media, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_rows_without_a_split_are_for_training(media, tmp_path: Path) -> None:
    row = exported_row(1, media=pair(media, picture(1), picture(2)), truth="x")
    ImageFolder().write([row], media, tmp_path / "folder")
    line = json.loads((tmp_path / "folder" / "train" / "metadata.jsonl").read_text())
    assert line == {
        "original_image_file_name": f"{row.uid}.original.jpg",
        "edited_image_file_name": f"{row.uid}.edited.jpg",  # by content, not by its stated type
        "edit_prompt": "x",
    }
    WebDataset().write([row], media, tmp_path / "tar")
    with tarfile.open(tmp_path / "tar" / "train-000000.tar") as tar:
        said = json.loads(tar.extractfile(f"{row.uid}.json").read())
    assert set(said) == {"uid", "edit_prompt", "raw", "rating", "captured_at", "split", "source"}
