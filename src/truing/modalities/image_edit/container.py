"""What the bytes of a picture say about themselves: its format by content, and where it ends.

A name or a claimed type is never trusted: many apps write PNG into files named `.jpg`. What begins
as a page, a drawing, an archive or a document is no picture, whatever a decoder could find in it.

Scope: the end is told of JPEG, PNG, GIF, WebP and BMP; TIFF and AVIF have no bytes that come last.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from truing.domain.errors import InvalidInputError

FORMATS_HINT = "give a JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF file"
HEAD = 4096
"""Bytes in which text that is no picture gives itself away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A format that is taken."""

    name: str
    """As in the fact `format`."""
    decoder: str
    """What Pillow calls it: nothing else may look at the bytes."""
    media_type: str


JPEG = Form(name="jpeg", decoder="JPEG", media_type="image/jpeg")
PNG = Form(name="png", decoder="PNG", media_type="image/png")
WEBP = Form(name="webp", decoder="WEBP", media_type="image/webp")
GIF = Form(name="gif", decoder="GIF", media_type="image/gif")
BMP = Form(name="bmp", decoder="BMP", media_type="image/bmp")
TIFF = Form(name="tiff", decoder="TIFF", media_type="image/tiff")
AVIF = Form(name="avif", decoder="AVIF", media_type="image/avif")

_BEGINNINGS: tuple[tuple[bytes, Form], ...] = (
    (b"\xff\xd8\xff", JPEG),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
    (b"BM", BMP),
    (b"II*\x00", TIFF),
    (b"MM\x00*", TIFF),
    (b"II+\x00", TIFF),
    (b"MM\x00+", TIFF),
)
# Small letters, as they are compared.
_OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"pk\x03\x04", "a ZIP archive"),
    (b"pk\x05\x06", "a ZIP archive"),
    (b"%pdf", "a PDF document"),
    (b"rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"\x7felf", "a program"),
    (b"mz", "a program"),
)
_MARKUP = re.compile(rb"^[\s\x00]*(?:\xef\xbb\xbf)?\s*<[!?/a-z]", re.IGNORECASE)
_PAGE = re.compile(rb"<script|<html|<svg[\s>]|<!doctype|<\?php", re.IGNORECASE)
_DOCUMENT = re.compile(rb"%PDF-|Rar!\x1a\x07|7z\xbc\xaf\x27\x1c")
ZIP_END, ZIP_END_SIZE, ZIP_COMMENT = b"PK\x05\x06", 22, 1 << 16
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
"""What ends the coded pixels of a JPEG: any marker but restarts and stuffed bytes."""
_SCAN, _END = b"\xff\xda", 0xD9
MOST_SCANNED = 2_000_000_000
"""Pixels of a JPEG times its scans; cameras write one, programs about ten."""


def sniff(data: bytes, name: str) -> Form:
    """The format, by content.

    Raises:
        InvalidInputError: no picture, or one in a format that is not taken.
    """
    for beginning, form in _BEGINNINGS:
        if data.startswith(beginning):
            return form
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return WEBP
    if data[4:8] == b"ftyp":
        return _of_boxes(data, name)
    raise InvalidInputError(f"`{name}` is no picture: it is {_what(data)}", hint=FORMATS_HINT)


def _of_boxes(data: bytes, name: str) -> Form:
    size = min(int.from_bytes(data[:4], "big"), 256)
    brands = {data[place : place + 4] for place in (8, *range(16, size, 4))}
    if brands & {b"avif", b"avis"}:
        return AVIF
    if brands & {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}:
        raise InvalidInputError(
            f"`{name}` is a HEIC picture, which cannot be read here",
            hint="save it as JPEG; phones call that the most compatible format",
        )
    raise InvalidInputError(f"`{name}` is no picture: it is a film", hint=FORMATS_HINT)


def _what(data: bytes) -> str:
    if not data:
        return "empty"
    head = data[:HEAD]
    if _MARKUP.search(head):
        return "an SVG drawing" if b"<svg" in head.lower() else "a page of text in markup"
    lower = head[:8].lower()
    known = (what for beginning, what in _OTHERS if lower.startswith(beginning))
    return next(known, "of a format that is not known")


def refuse_slow(data: bytes, form: Form, pixels: int, name: str) -> None:
    """Refuses a JPEG whose pixels are coded again and again: small as a file, minutes of decoding.

    Raises:
        InvalidInputError: its scans, each of so many pixels, are more than `MOST_SCANNED`.
    """
    # Within coded pixels no marker stands: counting is enough for nearly all files.
    if form is not JPEG or data.count(_SCAN) * pixels <= MOST_SCANNED:
        return
    scans = 0
    try:
        for marker, _ in _segments(data):
            scans += marker == _SCAN[1]
    except (struct.error, IndexError):
        pass  # it ends within a header: decoding says so
    if scans * pixels > MOST_SCANNED:
        raise InvalidInputError(
            f"`{name}` is coded in {scans} scans", hint="save the picture anew in an image program"
        )


def end_of(data: bytes, form: Form) -> int | None:
    """How many bytes belong to the picture; None where that cannot be told, or it is cut off."""
    try:
        if form is JPEG:
            return _end_of_jpeg(data)
        if form is PNG:
            return _end_of_png(data)
        if form is GIF:
            return _end_of_gif(data)
        if form is WEBP:
            size = int(struct.unpack_from("<I", data, 4)[0])
            return _within(8 + size + size % 2, data)
        if form is BMP:
            return _within(int(struct.unpack_from("<I", data, 2)[0]), data)
    except (struct.error, IndexError):
        pass  # it ends within a header: decoding says so
    return None


def hidden(tail: bytes) -> str | None:
    """What else the bytes behind a picture are, where they are something a program would open.

    Phones put films and further pictures there: marks so short that those hold them by chance count
    only where they must stand.
    """
    if _PAGE.search(tail):
        return "a web page"
    if _is_zip(tail):
        return "a ZIP archive"
    found = _DOCUMENT.search(tail)
    begins = found.group() if found else tail.lstrip(b"\x00\r\n ")[:4]
    known = (what for mark, what in _OTHERS if len(mark) >= 4 and begins.lower().startswith(mark))
    return next(known, None)


def _is_zip(tail: bytes) -> bool:
    """Whether a ZIP archive ends here: such archives are read from their end."""
    place = tail.rfind(ZIP_END, max(0, len(tail) - ZIP_END_SIZE - ZIP_COMMENT))
    behind = len(tail) - place - ZIP_END_SIZE
    if place < 0 or behind < 0:
        return False
    return int(struct.unpack_from("<H", tail, place + 20)[0]) <= behind


def _within(end: int, data: bytes) -> int | None:
    return end if 14 < end <= len(data) else None


def _end_of_jpeg(data: bytes) -> int | None:
    return next((place for marker, place in _segments(data) if marker == _END), None)


def _segments(data: bytes) -> Iterator[tuple[int, int]]:
    """The scans and the end of a JPEG, by marker with the place behind its header.

    Ends early where no marker stands, and raises what reading beyond the end raises.
    """
    place = 2
    while True:
        while data[place] == 0xFF and data[place + 1] == 0xFF:  # fill bytes
            place += 1
        if data[place] != 0xFF:
            return
        marker = data[place + 1]
        place += 2
        if marker == _END:
            yield marker, place
            return
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:
            continue
        place += int(struct.unpack_from(">H", data, place)[0])
        if marker == _SCAN[1]:
            following = _MARKER.search(data, place)
            yield marker, place
            if following is None:
                return
            place = following.start()


def _end_of_png(data: bytes) -> int | None:
    place = 8
    while True:
        size, kind = struct.unpack_from(">I4s", data, place)
        place += 12 + size
        if kind == b"IEND":
            return place if place <= len(data) else None


def _end_of_gif(data: bytes) -> int | None:
    place = 13 + _palette(data[10])
    while True:
        kind = data[place]
        if kind == 0x3B:
            return place + 1
        if kind == 0x21:
            place += 2
        elif kind == 0x2C:
            place += 11 + _palette(data[place + 9])
        else:
            return None
        while data[place]:
            place += 1 + data[place]
        place += 1


def _palette(flags: int) -> int:
    """Bytes of the colour table that follows."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0
