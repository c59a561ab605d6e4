"""Stored pictures as files of other formats, without what their metadata tell."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms
from tests.modalities.image_edit.conftest import coded

from truing.domain.errors import DamagedError, InvalidInputError
from truing.domain.recipe import MediaFile
from truing.modalities.image_edit.conversions import CONVERSIONS
from truing.modalities.image_edit.modality import ImageEdit

FORMS = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP", "small.jpg": "JPEG"}


def kept(folder: Path, data: bytes) -> MediaFile:
    (folder / "kept").write_bytes(data)
    return MediaFile(path=folder / "kept")


@pytest.mark.parametrize("format", CONVERSIONS)
def test_upright_and_without_a_place(coffee: Image.Image, tmp_path: Path, format: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8825)[2] = (59.0, 19.0, 0.0)
    large = coffee.resize((1536, 1024))
    data = coded(large, "JPEG", exif=exif, comment=b"Jane was here", xmp=b"<x>GPSLatitude</x>")
    made = ImageEdit().convert(kept(tmp_path, data), format)
    assert b"Jane" not in made
    assert b"GPS" not in made
    with Image.open(BytesIO(made)) as image:
        assert image.format == FORMS[format]
        assert image.size == ((341, 512) if format == "small.jpg" else (1024, 1536))
        assert not image.getexif()
        upright = image.convert("RGB").resize((256, 384))
    wanted = np.asarray(large.transpose(Image.Transpose.ROTATE_270).resize((256, 384)), dtype=int)
    assert np.abs(np.asarray(upright) - wanted).mean() < 6


def test_png_loses_nothing(coffee: Image.Image, tmp_path: Path) -> None:
    clear = coffee.convert("RGBA")
    clear.putalpha(coffee.convert("L"))
    made = ImageEdit().convert(
        kept(tmp_path, coded(clear, "WEBP", lossless=True, exact=True)), "png"
    )
    with Image.open(BytesIO(made)) as image:
        assert image.tobytes() == clear.tobytes()


def test_jpeg_is_white_where_there_was_nothing(tmp_path: Path) -> None:
    data = coded(Image.new("RGBA", (64, 64), (255, 0, 0, 0)), "PNG")
    with Image.open(BytesIO(ImageEdit().convert(kept(tmp_path, data), "jpg"))) as image:
        assert image.getpixel((30, 30)) == (255, 255, 255)


@pytest.mark.parametrize("format", CONVERSIONS)
def test_the_colour_profile_goes_along(coffee: Image.Image, tmp_path: Path, format: str) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    made = ImageEdit().convert(kept(tmp_path, coded(coffee, "PNG", icc_profile=profile)), format)
    with Image.open(BytesIO(made)) as image:
        assert image.info["icc_profile"] == profile


def test_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="`svg`"):
        ImageEdit().convert(kept(tmp_path, b""), "svg")
    with pytest.raises(DamagedError):
        ImageEdit().convert(kept(tmp_path, b"\xff\xd8\xff\xe0"), "png")
