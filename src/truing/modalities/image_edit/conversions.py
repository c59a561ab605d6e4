"""Conversions: a stored picture as a file of another format, for browsers and downloads.

What comes out stands upright and carries no metadata but its colour profile: nothing of a place, a
camera or a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any

from truing.domain.errors import InvalidInputError
from truing.domain.recipe import MediaFile
from truing.modalities.image_edit import pixels

CONVERSIONS: Mapping[str, str] = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "webp": "image/webp",
    "small.jpg": "image/jpeg",
}
"""Format -> media type; `small.jpg` is for lists of many."""
SMALL_SIDE = 512
"""Pixels of the longer side."""
WEBP_SIDE = 16_383
"""Pixels that the format can hold on a side."""
_FORMS: Mapping[str, Mapping[str, Any]] = {
    "png": {"format": "PNG"},
    "jpg": {"format": "JPEG", "quality": 92, "subsampling": 0},
    "webp": {"format": "WEBP", "quality": 90},
    "small.jpg": {"format": "JPEG", "quality": 80},
}


def convert(medium: MediaFile, format: str) -> bytes:
    """The picture as a whole file, of animations the first frame; only PNG loses nothing.

    PNG and WebP keep transparency, JPEG puts white behind it.

    Raises:
        InvalidInputError: no such format, or a file that is no picture.
        DamagedError: nothing of it can be decoded.
        NotFoundError: its file is gone.
        MissingDependencyError: Pillow is not installed.
    """
    if format not in CONVERSIONS:
        raise InvalidInputError(
            f"a picture cannot be given as `{format}`", hint=f"ask for {', '.join(CONVERSIONS)}"
        )
    form = _FORMS[format]
    longest = {"small.jpg": SMALL_SIDE, "webp": WEBP_SIDE}.get(format)
    picture = pixels.read(medium.path, longest=longest, alpha=form["format"] != "JPEG")
    kept = BytesIO()
    options = {**form, **profile_of(picture)}
    picture.image.save(kept, **options)
    return kept.getvalue()


def profile_of(picture: pixels.Picture) -> dict[str, Any]:
    """Keeps a profile that fits the pixels: those in CMYK and grey became RGB."""
    kept = picture.profile if picture.mode in ("RGB", "RGBA", "P", "PA") else None
    return {} if kept is None else {"icc_profile": kept}
