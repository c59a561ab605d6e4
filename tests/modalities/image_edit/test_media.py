"""Pictures in: what is kept, and the facts about it."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.modalities.image_edit.conftest import Session, as_media, coded

from truing.domain.errors import InvalidInputError, NotFoundError
from truing.modalities.image_edit import pixels
from truing.modalities.image_edit.media import group_keys, ingest


def test_a_file_is_kept_as_it_came(sessions: list[Session]) -> None:
    for one in sessions[:2]:
        before = ingest("original", one.original)
        after = ingest("edited", str(one.edited))
        assert before.data == one.original.read_bytes()
        assert before.media_type == "image/jpeg"
        assert after.data == one.edited.read_bytes()
        assert one.edited.suffix == ".jpg"
        assert (after.media_type, after.facts["format"]) == ("image/png", "png")


def test_facts(coffee: Image.Image) -> None:
    exif = Image.Exif()
    exif[pixels.ORIENTATION] = 6
    kept = ingest("original", coded(coffee, "JPEG", exif=exif))
    assert kept.damage is None
    facts = dict(kept.facts)
    assert len(str(facts.pop("phash"))) == 16
    sketch = facts.pop("sketch")
    assert isinstance(sketch, list)
    assert len(sketch) == 16
    assert all(0 <= number <= 1 for number in sketch)
    shown = np.asarray(pixels.load(kept.data))
    digest = hashlib.sha256(b"341x512;" + shown.tobytes()).hexdigest()
    assert facts == {
        "width": 341,
        "height": 512,
        "orientation": 6,
        "format": "jpeg",
        "mode": "RGB",
        "has_alpha": False,
        "has_gps": False,
        "has_profile": False,
        "animated": False,
        "trailing": 0,
        "content": f"rgb:sha256:{digest}",
    }


def test_one_picture_is_one_content_in_every_container(coffee: Image.Image) -> None:
    turned = Image.Exif()
    turned[pixels.ORIENTATION] = 8
    sources = [
        coffee,
        np.asarray(coffee),
        coded(coffee, "PNG"),
        coded(coffee, "BMP"),
        coded(coffee, "TIFF"),
        coded(coffee, "WEBP", lossless=True),
        coded(coffee.transpose(Image.Transpose.ROTATE_270), "PNG", exif=turned),
        np.dstack([np.asarray(coffee), np.full(coffee.size[::-1], 255, np.uint8)]),
    ]
    contents = {ingest("original", source).facts["content"] for source in sources}
    assert len(contents) == 1
    assert ingest("edited", coded(coffee, "JPEG")).facts["content"] not in contents


def test_arrays_and_images_become_png(coffee: Image.Image) -> None:
    array = np.asarray(coffee)
    kept = ingest("edited", array)
    assert kept.media_type == "image/png"
    assert np.array_equal(np.asarray(pixels.load(kept.data)), array)
    exif = Image.Exif()
    exif[pixels.ORIENTATION] = 3
    with Image.open(io.BytesIO(coded(coffee, "PNG", exif=exif))) as stored:
        upright = ingest("edited", stored)
    assert upright.facts["orientation"] == 1
    assert np.array_equal(np.asarray(pixels.load(upright.data)), array[::-1, ::-1])
    assert ingest("edited", coffee.convert("CMYK")).facts["mode"] == "RGB"


@pytest.mark.parametrize(
    "source",
    [
        7,
        None,
        np.zeros((4, 4, 3), np.float32),
        np.zeros((4, 4), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4, 4, 5), np.uint8),
    ],
)
def test_what_it_cannot_take(source: object) -> None:
    with pytest.raises(InvalidInputError, match="cannot be"):
        ingest("original", source)


def test_another_role(coffee: Image.Image) -> None:
    with pytest.raises(InvalidInputError, match="`mask`"):
        ingest("mask", coffee)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        ingest("original", tmp_path / "gone.jpg")


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "WEBP", "BMP"])
def test_an_archive_behind_a_picture_is_refused(coffee: Image.Image, form: str) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("run.js", "alert(1)")
    with pytest.raises(InvalidInputError, match="ZIP archive behind it"):
        ingest("original", coded(coffee, form) + archive.getvalue())
    with pytest.raises(InvalidInputError, match="web page behind it"):
        ingest("original", coded(coffee, form) + b"<script>alert(1)</script>")


def test_other_bytes_behind_a_picture_are_counted(coffee: Image.Image) -> None:
    kept = ingest("original", coded(coffee, "JPEG") + bytes(500))
    assert kept.facts["trailing"] == 500
    assert kept.damage is None


def test_a_phone_may_add_a_second_picture(coffee: Image.Image) -> None:
    data = coded(coffee, "MPO", save_all=True, append_images=[coffee.convert("L")])
    kept = ingest("original", data)
    assert (kept.facts["format"], kept.facts["animated"]) == ("jpeg", False)
    assert kept.facts["content"] == ingest("original", coded(coffee, "JPEG")).facts["content"]


def test_a_cut_file_is_kept_with_its_damage(coffee: Image.Image) -> None:
    data = coded(coffee, "PNG")[:60_000]
    kept = ingest("edited", data)
    assert kept.data == data
    assert kept.damage is not None
    assert kept.facts["damage"] == kept.damage
    assert (kept.facts["width"], kept.facts["height"]) == coffee.size


def test_a_result_used_as_original_ties_a_chain(sessions: list[Session]) -> None:
    def keys(one: Session) -> set[str]:
        kept = {"original": ingest("original", one.original)}
        kept["edited"] = ingest("edited", one.edited)
        return set(group_keys(as_media(kept)))

    first, other = sessions[0], sessions[4]
    chained = next(one for one in sessions if "chain" in one.expected)
    again = next(one for one in sessions if one.photo == first.photo and one is not first)
    assert len(keys(first)) == 2
    assert keys(first) & keys(chained)
    assert keys(first) & keys(again)
    assert not keys(first) & keys(other)
