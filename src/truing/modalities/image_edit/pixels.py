"""Reading a picture: bytes become upright RGB pixels, within bounds that are checked before.

The header is read first and nothing is decoded that says it is larger than the bounds. Only the
decoder of the format that the bytes show is let at them. A file that breaks off keeps what could
be decoded; the rest of it is black, and `Picture.damage` says so.

Known trade-offs: colours are taken as they are stored; a colour profile is kept, not applied.
Sixteen bits a channel become eight. Of large pictures one at a time is decoded in a process.
"""

from __future__ import annotations

import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from truing.domain.errors import (
    DamagedError,
    InvalidInputError,
    MissingDependencyError,
    NotFoundError,
)
from truing.modalities.image_edit.container import AVIF, FORMATS_HINT, JPEG, TIFF, Form, sniff

if TYPE_CHECKING:
    from PIL.Image import Image

EXTRA = 'pip install "truing[images]"'
MOST_BYTES = 50_000_000
MOST_PIXELS = 100_000_000
LONGEST_SIDE = 16_384
LARGE = 16_000_000
"""Pixels from which a picture waits until no other so large is being decoded."""
ORIENTATION, GPS = 0x0112, 0x8825
"""Tags of EXIF."""
UPRIGHT = 1
WHITE = (255, 255, 255)
"""What shows through where a picture is transparent."""
SCALABLE = ("L", "LA", "RGB", "RGBA", "CMYK", "YCbCr")
"""Modes whose pixels may be averaged before they become RGB."""

BROKEN = (
    *(OSError, SyntaxError, ValueError, EOFError, TypeError, AttributeError, LookupError),
    *(ArithmeticError, MemoryError, AssertionError, RuntimeError, struct.error, zlib.error),
)
"""What decoders raise over hostile bytes."""
_ROOM = threading.RLock()
_WARNINGS = threading.RLock()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Picture:
    """A decoded picture and what its file says about it."""

    image: Image
    """Upright, without metadata; RGB, or RGBA where that was asked for and it is transparent."""
    width: int
    """Pixels, as shown; `image` may be smaller."""
    height: int
    form: Form
    orientation: int
    """EXIF's, 1 to 8: how the stored pixels were turned to stand upright."""
    mode: str
    """Pillow's name of how the pixels are stored."""
    has_alpha: bool
    has_gps: bool
    animated: bool
    """Whether there are frames after the one that is read."""
    profile: bytes | None
    """The embedded colour profile."""
    damage: str | None
    """Why it could not be decoded to its end."""


def load(source: Path | bytes, *, longest: int | None = None) -> Image:
    """The picture as shown: upright, RGB, transparency over white; the first frame.

    Args:
        source: a file, or its bytes.
        longest: most pixels of the longer side; larger pictures are scaled down, JPEGs while they
            are decoded, which is many times faster.

    Returns:
        A picture of mode RGB. Of a file that breaks off the missing part is black.

    Raises:
        NotFoundError: no such file.
        InvalidInputError: no picture, or one beyond the bounds.
        DamagedError: nothing of it can be decoded.
        MissingDependencyError: Pillow is not installed.
    """
    return read(source, longest=longest).image


def read(
    source: Path | bytes, *, longest: int | None = None, alpha: bool = False, lent: bool = False
) -> Picture:
    """Decodes a picture; see `load`.

    Args:
        source: see `load`.
        longest: see `load`.
        alpha: keep transparency.
        lent: only its pixels are looked at, and it is let go: then it may be the decoder's own
            object. To copy a large JPEG takes half as long as to decode it, and as much memory.
    """
    data, name = (source, "the given bytes") if isinstance(source, bytes) else (None, str(source))
    whole = data if data is not None else file_bytes(Path(name))
    form = sniff(whole, name)
    image = _opened(whole, form, name)
    width, height = image.size
    with room(width, height):
        if longest is not None:
            # Twice as large as wanted: what a JPEG's own scaling blurs is lost afterwards.
            image.draft("RGB", (2 * longest, 2 * longest))
        # The decoder of TIFF reads metadata as it goes, and warns; it also turns what it decoded.
        with without_warnings() if form is TIFF else nullcontext():
            damage = _decoded(image, name)
        if form is TIFF:
            width, height = image.size
        exif = _exif(image)
        orientation = exif.get(ORIENTATION, UPRIGHT)
        orientation = orientation if orientation in range(1, 9) else UPRIGHT
        has_alpha = _has_alpha(image)
        mode, info = image.mode, dict(image.info)
        shown = _shown(image, longest, orientation, keep_alpha=alpha and has_alpha)
        if shown is image and not (lent and form is JPEG):
            shown = image.copy()  # apart from its file
        shown.info.clear()
        animated = form.name != "jpeg" and _animated(image)
    if orientation >= 5:
        width, height = height, width
    profile = info.get("icc_profile")
    return Picture(
        image=shown,
        width=width,
        height=height,
        form=form,
        orientation=orientation,
        mode=mode,
        has_alpha=has_alpha,
        has_gps=_has_gps(exif, info),
        animated=animated,
        profile=profile if isinstance(profile, bytes) and profile else None,
        damage=damage,
    )


def room(width: int, height: int) -> AbstractContextManager[Any]:
    """Held while a large picture is decoded or looked at whole: the next one waits."""
    return _ROOM if width * height > LARGE else nullcontext()


def file_bytes(path: Path) -> bytes:
    """A file within the bounds.

    Raises:
        NotFoundError: no such file.
        InvalidInputError: too large, or it cannot be read.
    """
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise InvalidInputError(f"`{path}` is no file", hint=FORMATS_HINT)
        if size > MOST_BYTES:
            raise too_large(str(path), f"{size} bytes")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no file `{path}`", hint="check its name") from error
    except OSError as error:
        raise InvalidInputError(
            f"`{path}` cannot be read: {error.strerror}", hint="give a readable picture file"
        ) from error


def size_of(source: bytes, name: str) -> tuple[int, int]:
    """Width and height as stored, from the header alone.

    Raises:
        InvalidInputError: no picture, or one beyond the bounds.
        DamagedError: its header cannot be read.
    """
    width, height = _opened(source, sniff(source, name), name).size
    return width, height


def too_large(name: str, size: str) -> InvalidInputError:
    """The error for a picture beyond the bounds."""
    return InvalidInputError(
        f"`{name}` is too large: {size}",
        hint=f"give a picture of at most {MOST_BYTES // 10**6} MB, {MOST_PIXELS // 10**6} "
        f"megapixels and {LONGEST_SIDE} pixels on a side",
    )


def check_size(size: tuple[int, int], name: str) -> None:
    """Refuses a picture beyond the bounds.

    Raises:
        InvalidInputError: it is.
    """
    width, height = size
    if max(size) > LONGEST_SIDE or width * height > MOST_PIXELS:
        raise too_large(name, f"{width} x {height} pixels")


def pillow() -> Any:
    """The module `PIL.Image`.

    Raises:
        MissingDependencyError: it is not installed.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingDependencyError(
            "pictures are read by Pillow, which is not installed", hint=EXTRA
        ) from error
    return Image


def _opened(data: bytes, form: Form, name: str) -> Any:
    """The header, read; nothing is decoded yet."""
    if len(data) > MOST_BYTES:
        raise too_large(name, f"{len(data)} bytes")
    module = pillow()
    if form is AVIF and AVIF.decoder not in _readable():
        raise InvalidInputError(
            f"`{name}` is an AVIF picture, which this Pillow cannot read",
            hint="save it as JPEG or PNG, or install a newer Pillow",
        )
    # Pillow warns of sizes from its own bound on; ours is checked below.
    with without_warnings():
        try:
            image = module.open(BytesIO(data), formats=(form.decoder,))
        except module.DecompressionBombError as error:
            raise too_large(name, "more pixels than any camera takes") from error
        except BROKEN as error:
            raise DamagedError(
                f"`{name}` begins as {form.name.upper()} and cannot be decoded",
                hint="save the picture anew",
            ) from error
    check_size(image.size, name)
    return image


@contextmanager
def without_warnings() -> Iterator[None]:
    """What libraries warn of meanwhile is left out.

    Filters of warnings belong to the process: threads that set and restore them take turns.
    """
    with _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _readable() -> set[str]:
    module = pillow()
    module.init()
    return set(module.OPEN)


def _decoded(image: Any, name: str) -> str | None:
    """Decodes in place; what is wrong when it breaks off after something was decoded."""
    try:
        image.load()
    except BROKEN as error:
        image.tile = []  # what was decoded so far counts as everything
        try:
            some = image.getbbox(alpha_only=False) is not None
        except BROKEN:
            some = False
        if not some:
            raise DamagedError(
                f"nothing of `{name}` can be decoded: {error}", hint="save the picture anew"
            ) from error
        return f"the picture breaks off: {error}"
    return None


def _exif(image: Any) -> Any:
    with without_warnings():  # of odd metadata
        try:
            exif = image.getexif()
            exif.get_ifd(GPS)
        except BROKEN:
            return {}
    return exif


def _has_gps(exif: Any, info: dict[Any, object]) -> bool:
    """Whether the file tells where the picture was taken, in EXIF or in XMP."""
    if exif and exif.get_ifd(GPS):
        return True
    texts = (one if isinstance(one, bytes) else str(one).encode() for one in info.values())
    return any(b"GPSLatitude" in text for text in texts)


def _animated(image: Any) -> bool:
    with without_warnings():  # of odd metadata in what follows
        try:
            return bool(getattr(image, "is_animated", False))
        except BROKEN:
            return False


def _has_alpha(image: Any) -> bool:
    return image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info


def _shown(image: Any, longest: int | None, orientation: int, *, keep_alpha: bool) -> Image:
    """RGB or RGBA, scaled and turned; as few copies as can be."""
    if image.mode in SCALABLE and "transparency" not in image.info:
        _scale(image, longest)
    pixels = _coloured(image, keep_alpha=keep_alpha)
    _scale(pixels, longest)
    return turned(pixels, orientation)


def _scale(image: Any, longest: int | None) -> None:
    if longest is not None and max(image.size) > longest:
        image.thumbnail((longest, longest), pillow().Resampling.LANCZOS, reducing_gap=3.0)


def _coloured(image: Any, *, keep_alpha: bool) -> Any:
    if keep_alpha:
        return image.convert("RGBA")
    if _has_alpha(image):
        clear = image if image.mode == "RGBA" else image.convert("RGBA")
        ground = pillow().new("RGB", image.size, WHITE)
        ground.paste(clear, mask=clear.getchannel("A"))
        return ground
    if image.mode.startswith("I"):
        return _of_16_bits(image)
    return image if image.mode == "RGB" else image.convert("RGB")


def _of_16_bits(image: Any) -> Any:
    """Pillow would cut such pixels off at 255 instead of scaling them."""
    import numpy as np

    deep = np.asarray(image)
    high = np.clip(deep, 0, 65_535) // 257
    return pillow().fromarray(high.astype(np.uint8)).convert("RGB")


def turned(image: Any, orientation: int) -> Image:
    """Stands upright what a camera stored with this EXIF orientation."""
    turns = pillow().Transpose
    ways = {
        2: turns.FLIP_LEFT_RIGHT,
        3: turns.ROTATE_180,
        4: turns.FLIP_TOP_BOTTOM,
        5: turns.TRANSPOSE,
        6: turns.ROTATE_270,
        7: turns.TRANSVERSE,
        8: turns.ROTATE_90,
    }
    way = ways.get(orientation)
    upright: Image = image if way is None else image.transpose(way)
    return upright
