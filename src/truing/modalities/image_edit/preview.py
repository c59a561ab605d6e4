"""Preview: what a panel draws of a pair before the pictures are fetched, in less than 40 kilobytes.

Both pictures small, their sizes, and how they differ. The colours of a grid of four by four are the
first thing that can be drawn. Few `buckets` ask for smaller pictures and no difference.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from io import BytesIO
from typing import TYPE_CHECKING

from truing.domain.errors import InvalidInputError
from truing.domain.recipe import MediaFile
from truing.modalities.image_edit import pixels, similarity
from truing.modalities.image_edit.resemblance import resemblance
from truing.modalities.image_edit.roles import EDITED, ORIGINAL, ROLES

if TYPE_CHECKING:
    from PIL.Image import Image

FEW = 16
"""Fewer buckets ask for what a row of a table shows."""
LOOK = 512
STILL_SIDE, SMALL_SIDE, MAP_SIDE = 256, 96, 128
"""Pixels of the longer side."""
MOST_STILL, MOST_MAP = 11_000, 4_000
"""Bytes of a picture, before base64 makes four of three."""
QUALITIES = (75, 60, 45, 30, 15)
GRID = 4
"""Colours of a placeholder in each direction."""
SEEN = 16
"""Of 255, in any channel: a pixel that differs by more has changed."""
GAIN = 2
"""By which the map of differences is brightened."""


def preview(media: Mapping[str, MediaFile], buckets: int) -> Mapping[str, object]:
    """What can be drawn of a pair.

    Args:
        media: `original`, and `edited` if there is one.
        buckets: fewer than `FEW` ask for stills of 96 pixels, without `difference`.

    Returns:
        For each role `width`, `height` (pixels, as shown), `format`, `bytes`, `orientation`
        (EXIF's), `still` (base64 of a JPEG), `placeholder` (base64 of 4 x 4 RGB colours, row by
        row) and `damage` (None, or why the picture breaks off). With both, `difference`: `psnr`
        (dB), `ssim`, `colour` (CIE Lab), `structure`, `resemblance`, `largest_change` (of 255),
        `changed_share` (of the pixels), `map` (base64 of a JPEG: where it is bright, it changed).

    Raises:
        NotFoundError: its file is gone.
        InvalidInputError: no original.
        DamagedError: it cannot be decoded.
        MissingDependencyError: the extra `images` is not installed.
    """
    if ORIGINAL not in media:
        raise InvalidInputError(
            "a pair without its original cannot be shown", hint=f"give `{ORIGINAL}`"
        )
    few = buckets < FEW
    pictures = {
        role: pixels.read(media[role].path, longest=LOOK) for role in ROLES if role in media
    }
    side = SMALL_SIDE if few else STILL_SIDE
    drawn: dict[str, object] = {
        role: _of_one(picture, media[role], side) for role, picture in pictures.items()
    }
    if not few and EDITED in pictures:
        drawn["difference"] = _difference(pictures[ORIGINAL].image, pictures[EDITED].image)
    return drawn


def _of_one(picture: pixels.Picture, medium: MediaFile, side: int) -> dict[str, object]:
    grid = picture.image.resize((GRID, GRID), pixels.pillow().Resampling.BOX)
    return {
        "width": picture.width,
        "height": picture.height,
        "format": picture.form.name,
        "bytes": medium.path.stat().st_size,
        "orientation": picture.orientation,
        "still": _jpeg(similarity.shrunk(picture.image, side), MOST_STILL),
        "placeholder": base64.b64encode(grid.tobytes()).decode("ascii"),
        "damage": picture.damage,
    }


def _difference(before: Image, after: Image) -> dict[str, object]:
    import numpy as np

    one, other = similarity.together(before, after, longest=STILL_SIDE)
    apart = np.abs(one.astype(np.int16) - other).max(axis=2)
    bright = np.minimum(apart * GAIN, 255).astype(np.uint8)
    drawn = similarity.shrunk(pixels.pillow().fromarray(bright), MAP_SIDE)
    return {
        "psnr": round(similarity.psnr(one, other), 2),
        "ssim": round(similarity.ssim(one, other), 4),
        "colour": round(similarity.colour_distance(one, other), 2),
        "structure": round(similarity.structure_distance(one, other), 4),
        "resemblance": round(resemblance(before, after), 4),
        "largest_change": round(similarity.largest_change(before, after), 2),
        "changed_share": round(float((apart > SEEN).mean()), 4),
        "map": _jpeg(drawn, MOST_MAP),
    }


def _jpeg(image: Image, most: int) -> str:
    """Base64 of a JPEG of at most so many bytes, of lower quality where it must be."""
    data = b""
    for quality in QUALITIES:
        kept = BytesIO()
        image.save(kept, format="JPEG", quality=quality, optimize=True)
        data = kept.getvalue()
        if len(data) <= most:
            return base64.b64encode(data).decode("ascii")
    return _jpeg(similarity.shrunk(image, max(image.size) // 2), most)
