"""Pictures in fewer bytes: upright, without metadata, and only where the format can hold them."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from truing.domain.errors import DamagedError, InvalidInputError
from truing.domain.recipe import MediaFile
from truing.modalities.image_edit.compress import COMPRESSIONS, compress
from truing.modalities.image_edit.media import ingest

ORIENTATION, GPS = 0x0112, 0x8825


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A soft picture that lies on its side and says where it was taken."""
    rows, columns = np.mgrid[0:300, 0:400]
    shades = np.stack([rows % 256, columns % 256, (rows + columns) // 3 % 256], axis=2)
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    exif.get_ifd(GPS)[1] = "N"
    path = tmp_path / "photo"
    Image.fromarray(shades.astype(np.uint8)).save(path, format="JPEG", quality=98, exif=exif)
    return path


@pytest.mark.parametrize("format", COMPRESSIONS)
def test_a_picture_gets_smaller_and_stays_itself(photo: Path, format: str) -> None:
    before = ingest("original", photo)
    assert before.facts["has_gps"]
    sizes = []
    for quality in (90, 30):
        data = compress(MediaFile(path=photo), format, quality)
        assert data is not None
        after = ingest("original", data)
        assert after.media_type == COMPRESSIONS[format]
        assert (after.facts["width"], after.facts["height"]) == (300, 400)
        assert (after.facts["orientation"], after.facts["has_gps"]) == (1, False)
        sizes.append(len(data))
    assert sizes[1] < sizes[0] < len(before.data)


def test_what_the_format_cannot_hold_stays(photo: Path, tmp_path: Path) -> None:
    clear = Image.new("RGBA", (40, 30), (200, 10, 10, 90))
    clear.save(tmp_path / "clear", format="PNG")
    assert compress(MediaFile(path=tmp_path / "clear"), "jpeg", 80) is None
    kept = compress(MediaFile(path=tmp_path / "clear"), "webp", 80)
    assert kept is not None
    assert Image.open(BytesIO(kept)).mode == "RGBA"
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "moving", format="GIF", save_all=True, append_images=frames[1:])
    assert compress(MediaFile(path=tmp_path / "moving"), "webp", 80) is None
    cut = tmp_path / "cut"
    cut.write_bytes(photo.read_bytes()[: photo.stat().st_size // 2])
    assert compress(MediaFile(path=cut), "webp", 80) is None


def test_what_is_no_picture_or_no_format_is_refused(photo: Path) -> None:
    for wished, quality in (("png", 80), ("jpeg", 0), ("webp", 101)):
        with pytest.raises(InvalidInputError, match="cannot be compressed"):
            compress(MediaFile(path=photo), wished, quality)
    photo.write_bytes(photo.read_bytes()[:20])
    with pytest.raises((DamagedError, InvalidInputError)):
        compress(MediaFile(path=photo), "jpeg", 80)
