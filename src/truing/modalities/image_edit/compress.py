"""Compress: a kept picture in fewer bytes, at a quality that somebody chose.

What comes out stands upright and carries no metadata but its colour profile; see `conversions`.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO

from truing.domain.errors import InvalidInputError
from truing.domain.recipe import MediaFile
from truing.modalities.image_edit import pixels
from truing.modalities.image_edit.conversions import WEBP_SIDE, profile_of

COMPRESSIONS: Mapping[str, str] = {"jpeg": "image/jpeg", "webp": "image/webp"}


def compress(medium: MediaFile, format: str, quality: int) -> bytes | None:
    """The picture as JPEG or WebP; None for one that moves, for a transparent one as JPEG, and for
    one too large for WebP, which holds 16383 pixels on a side.

    Args:
        medium: the picture.
        format: `jpeg` or `webp`.
        quality: 1 to 100; libjpeg's scale, or libwebp's.

    Raises:
        InvalidInputError: no such format or quality, or a file that is no picture.
        DamagedError: it cannot be decoded to its end: what is left of it is kept as it is.
        NotFoundError: its file is gone.
        MissingDependencyError: Pillow is not installed.
    """
    if format not in COMPRESSIONS or not 1 <= quality <= 100:
        raise InvalidInputError(
            f"a picture cannot be compressed as `{format}` at quality {quality}",
            hint="choose jpeg or webp, and a quality from 1 to 100",
        )
    picture = pixels.read(medium.path, alpha=True)
    lossy_alpha = picture.image.mode == "RGBA" and format == "jpeg"
    too_large = max(picture.image.size) > WEBP_SIDE and format == "webp"
    if picture.animated or picture.damage or lossy_alpha or too_large:
        return None
    kept = BytesIO()
    options = {"optimize": True, "progressive": True} if format == "jpeg" else {"method": 4}
    picture.image.save(
        kept, format=format.upper(), quality=quality, **options, **profile_of(picture)
    )
    return kept.getvalue()
