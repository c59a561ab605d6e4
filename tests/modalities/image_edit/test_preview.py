"""What a panel can draw before the pictures are fetched."""

from __future__ import annotations

import base64
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageEnhance
from tests.modalities.image_edit.conftest import coded

from truing.domain.errors import DamagedError, InvalidInputError
from truing.domain.recipe import MediaFile
from truing.modalities.image_edit.modality import ImageEdit
from truing.modalities.image_edit.preview import preview

MOST = 40_000


def files(folder: Path, **data: bytes) -> dict[str, MediaFile]:
    for role, one in data.items():
        (folder / role).write_bytes(one)
    return {role: MediaFile(path=folder / role) for role in data}


def still(drawn: Any) -> Image.Image:
    with Image.open(BytesIO(base64.b64decode(drawn["still"]))) as image:
        assert image.format == "JPEG"
        return image.convert("RGB")


def test_a_pair(coffee: Image.Image, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    before = coded(coffee.transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif)
    edited = ImageEnhance.Brightness(coffee).enhance(1.3).resize((256, 170))
    drawn: Any = ImageEdit().preview(
        files(tmp_path, original=before, edited=coded(edited, "PNG")), 800
    )
    assert len(json.dumps(drawn)) < MOST
    one = drawn["original"]
    assert (one["width"], one["height"], one["orientation"]) == (512, 341, 6)
    assert (one["format"], one["bytes"], one["damage"]) == ("jpeg", len(before), None)
    assert still(one).size == (256, 170)
    colours = np.frombuffer(base64.b64decode(one["placeholder"]), np.uint8).reshape(4, 4, 3)
    assert np.abs(colours.mean((0, 1)) - np.asarray(coffee).mean((0, 1))).max() < 3
    assert (drawn["edited"]["width"], drawn["edited"]["format"]) == (256, "png")
    apart = drawn["difference"]
    assert 5 < apart["psnr"] < 30
    assert 0 < apart["ssim"] < 1
    assert apart["colour"] > 5
    assert apart["structure"] < 0.2
    assert apart["resemblance"] > 0.9
    assert apart["largest_change"] > 20
    assert 0.3 < apart["changed_share"] <= 1
    with Image.open(BytesIO(base64.b64decode(apart["map"]))) as image:
        assert (image.size, image.mode) == ((128, 85), "L")


def test_a_pair_without_a_difference(coffee: Image.Image, tmp_path: Path) -> None:
    data = coded(coffee, "PNG")
    drawn: Any = preview(files(tmp_path, original=data, edited=data), 100)
    apart = drawn["difference"]
    assert (apart["psnr"], apart["ssim"], apart["changed_share"]) == (100.0, 1.0, 0.0)


def test_noise_stays_within_the_bytes(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    data = [
        coded(Image.fromarray(rng.integers(0, 256, (600, 600, 3)).astype(np.uint8)), "PNG")
        for _ in range(2)
    ]
    drawn = preview(files(tmp_path, original=data[0], edited=data[1]), 800)
    assert len(json.dumps(drawn)) < MOST


def test_a_row_of_a_table(coffee: Image.Image, tmp_path: Path) -> None:
    data = coded(coffee, "PNG")
    drawn: Any = preview(files(tmp_path, original=data, edited=data), 8)
    assert "difference" not in drawn
    assert still(drawn["edited"]).size == (96, 64)
    assert len(json.dumps(drawn)) < 12_000


def test_half_a_pair(coffee: Image.Image, tmp_path: Path) -> None:
    data = coded(coffee, "PNG")
    drawn: Any = preview(files(tmp_path, original=data[:60_000]), 100)
    assert list(drawn) == ["original"]
    assert "breaks off" in drawn["original"]["damage"]
    with pytest.raises(InvalidInputError, match="without its original"):
        preview(files(tmp_path, edited=data), 100)


def test_what_cannot_be_decoded(tmp_path: Path) -> None:
    with pytest.raises(DamagedError):
        preview(files(tmp_path, original=b"\x89PNG\r\n\x1a\n broken"), 100)
