"""Pictures on their way out: their usual endings, opened within bounds, and freed of places.

`without_place` takes out where a picture was taken without touching a pixel: of JPEG, PNG and
WebP only the blocks of metadata change. Of EXIF the orientation stays. A file that tells no place
stays as it is, byte for byte.
"""

from __future__ import annotations

import re
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING, Any

from truing.domain.errors import DamagedError, InvalidInputError, MissingDependencyError

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_PIXELS = 100_000_000
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
ORIENTATION, GPS = 0x0112, 0x8825
"""Tags of EXIF."""
EXIF = b"Exif\0\0"
PROFILED = ("RGB", "RGBA", "P", "PA")
"""Modes whose colour profile fits the RGB that is made of them; that of CMYK or grey does not."""
_PLACE = re.compile(
    rb"gps(?:dest)?(?:latitude|longt?itude|altitude|position|coordinates)|geo:(?:lat|long)",
    re.IGNORECASE,
)
"""How XMP, and texts written after it, name coordinates; some drones have words of their own."""
_PLACE_BEHIND = re.compile(rb"exif|\xa9xyz|quicktime\.location", re.IGNORECASE)
"""Behind a picture: another one with metadata of its own, or a film that tells where it was."""
MOST_DIRECTORIES = 16
METADATA = (0xE1, 0xE2, 0xED)
"""Segments of JPEG that hold EXIF, XMP, further pictures and what newspapers write."""
NOTES = (*range(0xE1, 0xF0), 0xFE)
"""Segments in which programs note what they like."""
_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
_STARTS = {
    _JPEG: ".jpg",
    _PNG: ".png",
    b"GIF8": ".gif",
    b"BM": ".bmp",
    b"II*\0": ".tiff",
    b"MM\0*": ".tiff",
}
"""How the kinds begin that the usual loaders read; others are written as PNG."""
_BROKEN = (
    *(OSError, SyntaxError, ValueError, EOFError, TypeError, AttributeError, LookupError),
    *(ArithmeticError, MemoryError, RuntimeError, struct.error, zlib.error),
)
"""What decoders raise over damaged bytes."""
_WARNINGS = threading.RLock()
"""Filters of warnings belong to the process: threads that set and restore them take turns."""


def picture_file(data: bytes, *, keep_place: bool) -> tuple[bytes, str]:
    """The bytes of a picture and their ending by content, such as `.jpg`.

    Args:
        data: the file as it is kept; one that the usual loaders cannot read becomes PNG.
        keep_place: whether coordinates stay in it.

    Raises:
        InvalidInputError: it must be changed and is no picture that Pillow reads.
        DamagedError: it must be changed and cannot be decoded.
        MissingDependencyError: it must be changed and Pillow is not installed.
    """
    if ending_of(data) is None:
        data = as_png(data)
    elif not keep_place:
        data = without_place(data)
    return data, ending_of(data) or ".png"


def ending_of(data: bytes) -> str | None:
    """The usual ending of that kind of picture, by content; None where loaders know none."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return ".webp"
    return next((ending for start, ending in _STARTS.items() if data.startswith(start)), None)


def opened(data: bytes) -> Image:
    """The first frame of a picture file, decoded, as stored.

    Raises:
        InvalidInputError: no picture, or one of too many pixels.
        DamagedError: it cannot be decoded to its end.
        MissingDependencyError: Pillow is not installed.
    """
    image = _header(data)
    try:
        image.load()
    except _BROKEN as error:
        raise DamagedError(
            f"a picture cannot be decoded to its end: {error}",
            hint="reject its sample, or leave out what would change its bytes",
        ) from error
    return image


def oriented(image: Image) -> int:
    """EXIF's orientation, 1 to 8; 1 where nothing sensible is said."""
    with _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd metadata
        try:
            stated = image.getexif().get(ORIENTATION, 1)
        except _BROKEN:
            return 1
    return stated if stated in range(1, 9) else 1


def turned(image: Image, orientation: int) -> Image:
    """Stands upright what a camera stored with this orientation."""
    from PIL.Image import Transpose

    ways = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    return image.transpose(ways[orientation]) if orientation in ways else image


def without_place(data: bytes) -> bytes:
    """The file without coordinates in EXIF or XMP; unchanged where it has none. What lies behind
    the picture and tells a place goes as a whole.

    Raises:
        InvalidInputError: a place in a file of a kind that Pillow must write anew and cannot read.
        DamagedError: such a file cannot be decoded.
        MissingDependencyError: such a file, and Pillow is not installed.
    """
    if data.startswith(_JPEG):
        return _jpeg(data)
    if data.startswith(_PNG):
        return _png(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp(data)
    told = _tells_place(data) or EXIF in data or _has_gps(data)
    return _anew(data) if told else data


def _header(data: bytes) -> Image:
    try:
        import PIL.Image
    except ImportError as error:
        raise MissingDependencyError(
            "pictures are changed by Pillow, which is not installed",
            hint='pip install "truing[images]"',
        ) from error
    with _WARNINGS, warnings.catch_warnings():
        # Pillow warns of sizes from its own bound on, and of odd metadata.
        warnings.simplefilter("ignore")
        try:
            image = PIL.Image.open(BytesIO(data), formats=FORMATS)
        except (*_BROKEN, PIL.Image.DecompressionBombError) as error:
            raise InvalidInputError(
                f"the bytes are no picture that can be read: {error}",
                hint="reject its sample, or leave out what would change its bytes",
            ) from error
    if image.width * image.height > MOST_PIXELS:
        raise InvalidInputError(
            f"a picture of {image.width} x {image.height} pixels is too large to be changed",
            hint=f"the most are {MOST_PIXELS} pixels",
        )
    return image


def _jpeg(data: bytes) -> bytes:
    segments = list(_segments(data))
    if not _jpeg_tells_place(data, segments):
        return data
    parts, place = [data[:2]], 2
    for start, marker, end in segments:
        body = data[start + 4 : end]
        if marker == 0xD9:
            # More pictures may lie behind the first, with metadata of their own.
            return b"".join([*parts, data[place:end]])
        profile = marker == 0xE2 and body.startswith(b"ICC_PROFILE")
        if (marker in METADATA and not profile) or (marker in NOTES and _tells_place(body)):
            orientation = _orientation(body[len(EXIF) :], 1) if body.startswith(EXIF) else 1
            kept = b"" if orientation == 1 else _segment(EXIF + _small_exif(orientation))
            parts += [data[place:start], kept]
            place = end
    return b"".join([*parts, data[place:]])


def _jpeg_tells_place(data: bytes, segments: list[tuple[int, int, int]]) -> bool:
    for start, marker, end in segments:
        body = data[start + 4 : end]
        exif = marker == 0xE1 and body.startswith(EXIF) and _exif_has_gps(body[len(EXIF) :])
        if exif or (marker in NOTES and _tells_place(body)):
            return True
        if marker == 0xD9 and _tells_place_behind(data[end:]):
            return True
    return False


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Start, marker and end of each; a scan's end is where its header ends."""
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            return
        marker = data[at + 1]
        if marker == 0xFF:  # filling
            at += 1
            continue
        if marker == 0xD9:
            yield at, marker, at + 2
            return
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        yield at, marker, min(end, len(data))
        at = _behind_scan(data, end) if marker == 0xDA else end
    if data[at : at + 2] == b"\xff\xd9":
        yield at, 0xD9, at + 2


def _behind_scan(data: bytes, at: int) -> int:
    while (at := data.find(b"\xff", at)) >= 0:
        following = data[at + 1 : at + 2]
        if following and following != b"\0" and not 0xD0 <= following[0] <= 0xD7:
            return at
        at += 1
    return len(data)


def _segment(body: bytes) -> bytes:
    return b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body


def _png(data: bytes) -> bytes:
    def rewritten(kind: bytes, body: bytes) -> bytes | None:
        if kind == b"eXIf" and _exif_has_gps(body):
            orientation = _orientation(body, 1)
            return None if orientation == 1 else _small_exif(orientation)
        text = kind in (b"tEXt", b"zTXt", b"iTXt")
        return None if text and _tells_place(_inflated(kind, body)) else body

    parts, changed, at = [data[:8]], False, 8
    while at + 12 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        after = rewritten(kind, body)
        if after == body:
            parts.append(data[at : at + 12 + size])
        else:
            changed = True
            parts.append(b"" if after is None else _png_chunk(kind, after))
        at += 12 + size
        if kind == b"IEND" and _tells_place_behind(data[at:]):
            return b"".join(parts)
    return b"".join([*parts, data[at:]]) if changed else data


def _png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _inflated(kind: bytes, body: bytes) -> bytes:
    """A text of PNG with what is packed in it unpacked, at most 16 MiB of it."""
    keyword, _, rest = body.partition(b"\0")
    packed = kind == b"zTXt" or (kind == b"iTXt" and rest[:1] == b"\1")
    if packed:
        stream = rest[1:] if kind == b"zTXt" else rest[2:].split(b"\0", 2)[-1]
        try:
            rest = zlib.decompressobj().decompress(stream, 16 << 20)
        except zlib.error:
            return body
    if keyword.startswith(b"Raw profile type"):
        # ImageMagick's way to keep EXIF and XMP: hexadecimal digits.
        digits = b"".join(rest.split()[2:])
        try:
            rest = bytes.fromhex(digits.decode("ascii"))
        except ValueError:
            return rest
        exif = rest.removeprefix(EXIF)
        return b"GPSLatitude" if _exif_has_gps(exif) else rest
    return rest


def _webp(data: bytes) -> bytes:
    parts, at, flags = [], 12, 0
    told = 8 + int.from_bytes(data[4:8], "little")
    data, tail = data[: told + told % 2], data[told + told % 2 :]
    changed = _tells_place_behind(tail)
    tail = b"" if changed else tail
    while at + 8 <= len(data):
        kind, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        body, end = data[at + 8 : at + 8 + size], at + 8 + size + size % 2
        exif = body.removeprefix(EXIF)
        if kind == b"EXIF" and _exif_has_gps(exif):
            small = _small_exif(_orientation(exif, 1))
            parts.append(kind + len(small).to_bytes(4, "little") + small + b"\0" * (len(small) % 2))
            changed = True
        elif kind == b"XMP " and _tells_place(body):
            changed, flags = True, flags | 0x04
        else:
            parts.append(data[at:end])
        at = end
    if not changed:
        return data + tail
    if parts and parts[0][:4] == b"VP8X":
        head = bytearray(parts[0])
        head[8] &= ~flags & 0xFF
        parts[0] = bytes(head)
    body = b"WEBP" + b"".join(parts)
    return b"RIFF" + len(body).to_bytes(4, "little") + body + tail


def _anew(data: bytes) -> bytes:
    image = opened(data)
    upright = turned(image, oriented(image))
    plain = upright.mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I", "I;16")
    copied = upright.copy() if plain else upright.convert("RGB")
    # Pixels that became RGB are of another kind than their profile.
    profile = image.info.get("icc_profile") if plain else None
    transparency = image.info.get("transparency")
    copied.info.clear()
    options: dict[str, Any] = {} if profile is None else {"icc_profile": profile}
    if transparency is not None:
        options["transparency"] = transparency
    stream = BytesIO()
    copied.save(stream, "PNG", **options)
    return stream.getvalue()


def as_png(data: bytes) -> bytes:
    """The picture as PNG, upright, without metadata but its colour profile.

    Raises:
        InvalidInputError: no picture that Pillow reads.
        DamagedError: it cannot be decoded.
        MissingDependencyError: Pillow is not installed.
    """
    return _anew(data)


def _tells_place(text: bytes) -> bool:
    return _PLACE.search(text) is not None


def _tells_place_behind(tail: bytes) -> bool:
    return _tells_place(tail) or _PLACE_BEHIND.search(tail) is not None


def _has_gps(data: bytes) -> bool:
    try:
        return bool(_header(data).getexif().get_ifd(GPS))
    except InvalidInputError:
        return False
    except _BROKEN:
        return True


def _exif_has_gps(tiff: bytes) -> bool:
    try:
        return any(GPS in entries for entries in _directories(tiff))
    except struct.error:
        return True  # what cannot be read may hold anything: it goes


def _orientation(tiff: bytes, otherwise: int) -> int:
    try:
        stated = next(_directories(tiff), {}).get(ORIENTATION, otherwise)
    except struct.error:
        return otherwise
    return stated if stated in range(1, 9) else otherwise


def _directories(tiff: bytes) -> Iterator[dict[int, int]]:
    """The directories of EXIF, of the picture and then of its thumbnail: tag -> its first 16 bits.

    Raises:
        struct.error: it ends within one, or does not begin as EXIF does.
    """
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        raise struct.error("neither byte order is named")
    (at,) = struct.unpack_from(f"{order}I", tiff, 4)
    for _ in range(MOST_DIRECTORIES):
        if not at:
            return
        (count,) = struct.unpack_from(f"{order}H", tiff, at)
        entries = {}
        for number in range(count):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", tiff, at + 2 + 12 * number)
            entries[tag] = value
        yield entries
        # Some writers end the last directory without saying that there is no further one.
        following = tiff[at + 2 + 12 * count :][:4]
        at = int.from_bytes(following, "little" if order == "<" else "big")


def _small_exif(orientation: int) -> bytes:
    """EXIF that says nothing but how the picture stands."""
    entry = struct.pack(">HHIHH", ORIENTATION, 3, 1, orientation, 0)
    return b"MM\0*" + struct.pack(">IH", 8, 1) + entry + struct.pack(">I", 0)
