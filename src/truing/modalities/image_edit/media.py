"""Pictures in: what an app gave becomes bytes to keep, and facts about them.

A file is kept byte for byte as it came, whatever its name says; arrays and Pillow images become
PNG. Every pixel is decoded once, for the digest of what is shown: a picture is one content in any
lossless container and however its file says it is turned.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from truing.domain.errors import InvalidInputError
from truing.domain.media import IngestedMedia, Media
from truing.modalities.image_edit import pixels
from truing.modalities.image_edit.container import end_of, hidden, refuse_slow, sniff
from truing.modalities.image_edit.fingerprint import described
from truing.modalities.image_edit.roles import ROLES
from truing.modalities.image_edit.view import LOOK, reduced

if TYPE_CHECKING:
    from PIL.Image import Image

STRIP = 64
"""Rows that are hashed at once."""


def ingest(role: str, source: object) -> IngestedMedia:
    """Turns a path, the bytes of a picture file, a Pillow image or an array into bytes to keep.

    Args:
        role: `original` or `edited`.
        source: an array is uint8 of shape (height, width, 3) in RGB or (height, width, 4) in RGBA.

    Returns:
        `facts`: `width`, `height` (pixels, as shown), `orientation` (EXIF's, 1 is upright),
        `format` (`jpeg`, `png`, `webp`, `gif`, `bmp`, `tiff`, `avif`), `mode`, `has_alpha`,
        `has_gps`, `has_profile`, `animated` (only the first frame counts), `trailing` (bytes behind
        the picture's end), `content` (digest of the RGB pixels as shown), `phash` and `sketch` (see
        `fingerprint`) and, for a picture that is not whole, `damage`. `seen`: what its check looks
        at.

    Raises:
        InvalidInputError: a type it cannot take, no picture, an archive, page or program hidden
            behind one, another role, more than the bounds, or a JPEG coded to keep decoders busy.
        NotFoundError: no such file.
        DamagedError: nothing of it can be decoded.
        MissingDependencyError: the extra `images` is not installed.
    """
    if role not in ROLES:
        raise InvalidInputError(
            f"image edits have no medium `{role}`", hint=f"their media are {', '.join(ROLES)}"
        )
    data, name = _given(source)
    width, height = pixels.size_of(data, name)
    refuse_slow(data, sniff(data, name), width * height, name)
    with pixels.room(width, height):
        picture = pixels.read(data, lent=True)
        content = content_of(picture.image)
        near = reduced(picture.image)
        looks, seen = described(near), near.at(LOOK)
    end = end_of(data, picture.form)
    trailing = 0 if end is None else len(data) - end
    _refuse_hidden(data[len(data) - trailing :], name)
    facts: dict[str, object] = {
        "width": picture.width,
        "height": picture.height,
        "orientation": picture.orientation,
        "format": picture.form.name,
        "mode": picture.mode,
        "has_alpha": picture.has_alpha,
        "has_gps": picture.has_gps,
        "has_profile": picture.profile is not None,
        "animated": picture.animated,
        "trailing": trailing,
        "content": content,
        **looks,
    }
    return IngestedMedia(
        role=role,
        data=data,
        media_type=picture.form.media_type,
        facts=facts | ({"damage": picture.damage} if picture.damage else {}),
        damage=picture.damage,
        seen=seen,
    )


def group_keys(media: Sequence[Media]) -> tuple[str, ...]:
    """The content digests of both pictures: a result used as the next original ties a chain."""
    found = (medium.facts.get("content") for medium in media)
    return tuple(sorted({key for key in found if isinstance(key, str)}))


def content_of(image: Image) -> str:
    """The digest of an RGB picture's pixels, row by row from the top left."""
    width, height = image.size
    digest = hashlib.sha256(f"{width}x{height};".encode())
    for top in range(0, height, STRIP):
        digest.update(image.crop((0, top, width, min(height, top + STRIP))).tobytes())
    return f"rgb:sha256:{digest.hexdigest()}"


def as_png(image: Image) -> bytes:
    """A picture as PNG, without metadata."""
    kept = BytesIO()
    image.save(kept, format="PNG")
    return kept.getvalue()


def _refuse_hidden(tail: bytes, name: str) -> None:
    what = hidden(tail)
    if what is not None:
        raise InvalidInputError(
            f"`{name}` is a picture with {what} behind it",
            hint="save the picture anew in an image program: that leaves the rest out",
        )


def _given(source: object) -> tuple[bytes, str]:
    """The bytes to keep, and what errors call them."""
    if isinstance(source, (str, Path)):
        return pixels.file_bytes(Path(source)), str(source)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source), "the given bytes"
    image = pixels.pillow()
    if isinstance(source, image.Image):
        return _of_image(source), "the image"
    if hasattr(source, "__array_interface__"):
        return _of_array(source), "the array"
    raise InvalidInputError(
        f"a picture cannot be made of `{type(source).__name__}`",
        hint="give a path, the bytes of a picture file, a Pillow image or an array of uint8",
    )


def _of_image(image: Any) -> bytes:
    from PIL import ImageOps

    pixels.check_size(image.size, "the image")
    upright = ImageOps.exif_transpose(image)
    plain = ("1", "L", "LA", "P", "RGB", "RGBA")
    return as_png(upright if upright.mode in plain else upright.convert("RGB"))


def _of_array(source: object) -> bytes:
    import numpy as np

    array = np.asarray(source)
    shaped = array.ndim == 3 and array.shape[2] in (3, 4) and array.size > 0
    if array.dtype != np.uint8 or not shaped:
        raise InvalidInputError(
            f"a picture cannot be of type {array.dtype} and shape {array.shape}",
            hint="give uint8 of shape (height, width, 3) in RGB or (height, width, 4) in RGBA",
        )
    pixels.check_size((array.shape[1], array.shape[0]), "the array")
    return as_png(pixels.pillow().fromarray(np.ascontiguousarray(array)))
