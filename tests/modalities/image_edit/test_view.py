"""Views: the same as if each were scaled by itself, up to a little softness in the largest."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from tests.modalities.image_edit.conftest import coded

from truing.domain.errors import DamagedError, InvalidInputError
from truing.modalities.image_edit.media import ingest
from truing.modalities.image_edit.similarity import blur, shrunk
from truing.modalities.image_edit.view import LOOK, SMALL, look_at, reduced

STEPS = 1500
"""Pixels of the longer side from which a view is scaled in two steps."""
SIZES = [
    *((1, 1), (3, 2), (200, 256), (255, 400), (512, 341), (513, 40), (767, 500), (768, 768)),
    *((769, 511), (1100, 7), (9, 1600), (1499, 1021), (1536, 800), (2305, 1537), (3001, 1999)),
]


def large(photo: Image.Image, width: int, height: int) -> Image.Image:
    """Many photos beside each other, as sharp as one."""
    whole = Image.new("RGB", (width, height))
    for left in range(0, width, photo.width):
        for top in range(0, height, photo.height):
            whole.paste(photo, (left, top))
    return whole


@pytest.mark.parametrize("size", SIZES)
def test_the_small_view_is_the_one_that_hashes_are_of(
    coffee: Image.Image, size: tuple[int, int]
) -> None:
    picture = large(coffee, *size)
    small = reduced(picture).at(SMALL)
    assert small.size == shrunk(picture, SMALL).size
    assert small.tobytes() == shrunk(picture, SMALL).tobytes()


@pytest.mark.parametrize("size", SIZES)
def test_what_is_looked_at_is_scaled_in_one_step_or_nearly(
    coffee: Image.Image, size: tuple[int, int]
) -> None:
    picture = large(coffee, *size)
    look, one_step = reduced(picture).at(LOOK), shrunk(picture, LOOK)
    apart = np.abs(np.asarray(look).astype(int) - np.asarray(one_step))
    if max(size) < STEPS:
        assert apart.max(initial=0) == 0
    else:
        assert apart.mean() < 1.5
        assert abs(blur(look) - blur(one_step)) < 0.02


def variants(photo: Image.Image) -> dict[str, bytes]:
    turned = Image.Exif()
    turned[0x0112] = 6
    clear = photo.convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(photo.size))
    return {
        "jpeg": coded(photo, "JPEG"),
        "large jpeg": coded(large(photo, 2200, 2100), "JPEG"),
        "turned": coded(photo, "JPEG", exif=turned),
        "cmyk": coded(photo.convert("CMYK"), "JPEG"),
        "grey": coded(photo.convert("L"), "JPEG"),
        "transparent": coded(clear, "PNG"),
        "palette": coded(photo.convert("P"), "GIF"),
    }


def test_ingesting_leaves_what_is_looked_at(coffee: Image.Image) -> None:
    for name, data in variants(coffee).items():
        seen = ingest("original", data).seen
        assert isinstance(seen, Image.Image), name
        looked = look_at(data)
        assert (seen.mode, seen.size) == (looked.mode, looked.size) == ("RGB", looked.size), name
        assert seen.tobytes() == looked.tobytes(), name
        assert max(seen.size) <= LOOK, name


def test_what_cannot_be_decoded_cannot_be_looked_at() -> None:
    header = BytesIO()
    Image.new("RGB", (90, 90)).save(header, "JPEG")
    with pytest.raises(DamagedError):
        look_at(header.getvalue()[:300])
    with pytest.raises(InvalidInputError):
        look_at(b"<svg/>")
