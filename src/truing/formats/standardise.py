"""Standardising pictures on their way out: one size, one kind of file, sRGB, upright, no metadata.

Nothing that is stored changes: the parameters belong to an export, or to a dataset version, and
their digest names them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from io import BytesIO
from typing import TYPE_CHECKING, Any

from truing.domain.digest import canonical_json, digest_bytes
from truing.domain.errors import InvalidInputError
from truing.formats.picture import PROFILED, opened, oriented, turned

if TYPE_CHECKING:
    from PIL.Image import Image


class Fit(StrEnum):
    """How a picture comes to its size."""

    COVER = "cover"
    """Scaled until it covers the size, then cut to its middle."""
    INSIDE = "inside"
    """Scaled down until it lies within the size; smaller ones stay as they are."""
    STRETCH = "stretch"
    """Scaled in each direction by itself."""


class Kind(StrEnum):
    """The kind of file that is written."""

    KEEP = "keep"
    """JPEG stays JPEG, all others become PNG."""
    JPEG = "jpeg"
    PNG = "png"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standard:
    """What every picture of an export has in common. Both pictures of a pair get the same."""

    width: int | None = None
    """Pixels; with `height`, or neither."""
    height: int | None = None
    fit: Fit = Fit.COVER
    srgb: bool = True
    """Colours of an embedded profile are converted to sRGB; otherwise the profile is kept."""
    kind: Kind = Kind.KEEP
    quality: int = 95
    """Of JPEG, 1 to 100; from 91 on without chroma subsampling."""
    compression: int = 6
    """Of PNG, 0 to 9; changes size and time, never a pixel."""

    def __post_init__(self) -> None:
        """Refuses what cannot be meant.

        Raises:
            InvalidInputError: a size, quality or compression out of range.
        """
        sides = (self.width, self.height)
        if (self.width is None) != (self.height is None):
            raise InvalidInputError(
                f"a size of {self.width} x {self.height} lacks a side", hint="give both or neither"
            )
        _within("side", 1, 16_384, *(side for side in sides if side is not None))
        _within("quality", 1, 100, self.quality)
        _within("compression", 0, 9, self.compression)

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {name: getattr(value, "value", value) for name, value in asdict(self).items()}

    @staticmethod
    def from_dict(said: Mapping[str, object]) -> Standard:
        """Reads the JSON form; what it does not say has its usual value.

        Raises:
            InvalidInputError: a name or value that means nothing here.
        """
        known = {one.name for one in fields(Standard)}
        if unknown := sorted(said.keys() - known):
            raise InvalidInputError(
                f"`{unknown[0]}` is no parameter of a standard",
                hint=f"there are {', '.join(sorted(known))}",
            )
        given: dict[str, Any] = dict(said)
        try:
            if "fit" in given:
                given["fit"] = Fit(given["fit"])
            if "kind" in given:
                given["kind"] = Kind(given["kind"])
        except ValueError as error:
            raise InvalidInputError(
                f"{error}", hint=f"fit: {', '.join(Fit)}; kind: {', '.join(Kind)}"
            ) from error
        return Standard(**given)

    @property
    def digest(self) -> str:
        """`sha256:…` of the parameters, the same wherever they are the same."""
        return digest_bytes(canonical_json(self.as_dict()))


def standardised(data: bytes, standard: Standard) -> bytes:
    """The picture as the standard has it: upright, its metadata gone.

    Args:
        data: a picture file; of several frames the first one counts.
        standard: what it becomes.

    Returns:
        A JPEG or PNG file.

    Raises:
        InvalidInputError: no picture, or one beyond the bounds.
        DamagedError: it cannot be decoded to its end.
        MissingDependencyError: Pillow is not installed.
    """
    image = opened(data)
    jpeg = standard.kind is Kind.JPEG or (standard.kind is Kind.KEEP and image.format == "JPEG")
    profile = image.info.get("icc_profile")
    pixels = turned(image, oriented(image))
    if standard.srgb and isinstance(profile, bytes):
        pixels, profile = _in_srgb(pixels, profile), None
    fits = profile is not None and pixels.mode in PROFILED
    options: dict[str, Any] = {"icc_profile": profile} if fits and not standard.srgb else {}
    pixels = _sized(_plain(pixels, with_alpha=not jpeg), standard)
    pixels.info.clear()
    stream = BytesIO()
    if jpeg:
        sampling = 0 if standard.quality > 90 else 2
        pixels.save(
            stream, "JPEG", quality=standard.quality, subsampling=sampling, optimize=True, **options
        )
    else:
        pixels.save(stream, "PNG", compress_level=standard.compression, **options)
    return stream.getvalue()


def picture_bytes(data: bytes, standard: Standard | None) -> bytes:
    """The picture as the standard has it; unchanged where there is none."""
    return data if standard is None else standardised(data, standard)


def _within(what: str, least: int, most: int, *values: object) -> None:
    for value in values:
        number = isinstance(value, int) and not isinstance(value, bool)
        if not number or not isinstance(value, int) or not least <= value <= most:
            raise InvalidInputError(
                f"a {what} of {value!r} is not possible", hint=f"give {least} to {most}"
            )


def _in_srgb(image: Image, profile: bytes) -> Image:
    """RGB, or RGBA where it is transparent: a profile speaks of colours alone."""
    from PIL import ImageCms

    alpha = image.convert("RGBA").getchannel("A") if _is_transparent(image) else None
    colours = _colours(image)
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        converted = ImageCms.profileToProfile(
            colours, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        # A profile for other pixels than these, or none at all: colours are taken as they are.
        converted = None
    shown = colours.convert("RGB") if converted is None else converted
    if alpha is not None:
        shown.putalpha(alpha)
    return shown


def _colours(image: Image) -> Image:
    """The picture without its transparency, in a mode that there are profiles for."""
    if image.mode in ("LA", "PA", "P"):
        image = image.convert("L" if image.mode == "LA" else "RGBA")
    image = _eight_bits(image)
    image = image if image.mode in ("RGB", "L", "CMYK") else image.convert("RGB")
    if "transparency" in image.info:
        image = image.copy()
        del image.info["transparency"]
    return image


def _is_transparent(image: Image) -> bool:
    return image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info


def _plain(image: Image, *, with_alpha: bool) -> Image:
    """RGB over white, or RGBA where there is transparency and a place for it."""
    if not _is_transparent(image):
        return _eight_bits(image).convert("RGB")
    image = image.convert("RGBA")
    if with_alpha:
        return image
    import PIL.Image

    ground = PIL.Image.new("RGBA", image.size, "white")
    ground.alpha_composite(image)
    return ground.convert("RGB")


def _eight_bits(image: Image) -> Image:
    # Pillow cuts 16 bits off at 255 when it converts: scaled here instead.
    if not image.mode.startswith("I"):
        return image
    return image.convert("I").point(lambda value: value * (1 / 257)).convert("L")


def _sized(image: Image, standard: Standard) -> Image:
    if standard.width is None or standard.height is None:
        return image
    width, height = image.size
    from PIL.Image import Resampling

    scales = standard.width / width, standard.height / height
    if standard.fit is Fit.INSIDE:
        scale = min(*scales, 1.0)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        return image if size == image.size else image.resize(size, Resampling.LANCZOS)
    box = (0.0, 0.0, float(width), float(height))
    if standard.fit is Fit.COVER:
        box = _middle(width, height, standard.width / max(scales), standard.height / max(scales))
    size = (standard.width, standard.height)
    same = size == image.size and all(map(math.isclose, box, (0, 0, width, height)))
    return image if same else image.resize(size, Resampling.LANCZOS, box=box)


def _middle(
    width: int, height: int, inner_width: float, inner_height: float
) -> tuple[float, float, float, float]:
    left, top = max(0.0, (width - inner_width) / 2), max(0.0, (height - inner_height) / 2)
    return left, top, min(float(width), left + inner_width), min(float(height), top + inner_height)
