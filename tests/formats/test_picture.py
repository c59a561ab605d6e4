"""Pictures on their way out: places are taken out of every kind of file, pixels stay."""

from __future__ import annotations

import struct
import sys
import zlib
from io import BytesIO

import pytest
from PIL import Image, PngImagePlugin

from truing.domain.errors import InvalidInputError, MissingDependencyError
from truing.formats.picture import (
    EXIF,
    _png_chunk,
    as_png,
    ending_of,
    opened,
    picture_file,
    without_place,
)

XMP = b"<x:xmpmeta><rdf exif:GPSLatitude='48,12.5N'/></x:xmpmeta>"
KINDS = ("JPEG", "PNG", "WEBP", "TIFF")


def exif(*, place: bool, orientation: int = 1) -> bytes:
    made = Image.Exif()
    made[0x010F] = "Camera of Ada"
    if orientation != 1:
        made[0x0112] = orientation
    if place:
        made.get_ifd(0x8825).update({1: "N", 2: (48.0, 12.0, 30.0), 3: "E", 4: (16.0, 22.0, 0.0)})
    return made.tobytes()


def saved(kind: str, **options: object) -> bytes:
    image = Image.effect_mandelbrot((32, 24), (-2, -1, 1, 1), 50).convert("RGB")
    stream = BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def has_place(data: bytes) -> bool:
    with Image.open(BytesIO(data)) as image:
        return bool(image.getexif().get_ifd(0x8825)) or b"GPSLatitude" in data


FILM = struct.pack(">I4s", 16, b"ftyp") + b"mp42\0\0\0\0moov\xa9xyz\0\x12\x15\xc7+48.1371+011.5754/"


def pixels(data: bytes) -> bytes:
    with Image.open(BytesIO(data)) as image:
        return image.convert("RGB").tobytes()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_place_in_exif_goes_and_the_pixels_stay(kind: str, orientation: int) -> None:
    data = saved(kind, exif=exif(place=True, orientation=orientation))
    assert has_place(data)
    out = without_place(data)
    assert not has_place(out)
    assert b"Camera of Ada" not in out
    if kind == "TIFF":  # written anew, upright
        with Image.open(BytesIO(out)) as image:
            assert image.format == "PNG"
            assert image.size == ((32, 24) if orientation == 1 else (24, 32))
        return
    assert pixels(out) == pixels(data)
    with Image.open(BytesIO(out)) as image:
        assert image.getexif().get(0x0112, 1) == orientation
    assert without_place(out) == out


@pytest.mark.parametrize("kind", KINDS)
def test_what_tells_no_place_stays_byte_for_byte(kind: str) -> None:
    for data in (saved(kind), saved(kind, exif=exif(place=False, orientation=3))):
        assert without_place(data) == data


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_a_place_in_xmp_goes(kind: str) -> None:
    data = saved(kind, xmp=XMP, exif=exif(place=False, orientation=6))
    out = without_place(data)
    assert XMP in data
    assert not has_place(out)
    assert pixels(out) == pixels(data)
    with Image.open(BytesIO(out)) as image:
        assert image.getexif().get(0x0112) == 6


@pytest.mark.parametrize("packed", [False, True])
def test_a_place_in_a_text_of_png_goes(packed: bool) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", XMP.decode(), zip=packed)
    info.add_text("Software", "an editor")
    digits = exif(place=True).hex()
    info.add_text("Raw profile type exif", f"\nexif\n {len(digits) // 2}\n{digits}\n", zip=packed)
    data = saved("PNG", pnginfo=info)
    out = without_place(data)
    assert pixels(out) == pixels(data)
    with Image.open(BytesIO(out)) as image:
        assert image.text == {"Software": "an editor"}
        assert not image.getexif().get_ifd(0x8825)


def test_pictures_behind_the_first_go_with_their_places() -> None:
    data = saved("JPEG") + saved("JPEG", exif=exif(place=True))
    assert without_place(data) == saved("JPEG")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("behind", [saved("JPEG", exif=exif(place=True)), FILM])
def test_what_lies_behind_a_picture_goes_with_its_place(kind: str, behind: bytes) -> None:
    data = saved(kind)
    out = without_place(data + behind)
    assert pixels(out) == pixels(data)
    assert behind not in out
    assert without_place(data + b"no place") == data + b"no place"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("words", [b"drone:GpsLongtitude='+11.5'", b"geo:lat='48.1'"])
def test_a_place_in_other_words_goes(kind: str, words: bytes) -> None:
    xmp = b"<x:xmpmeta><rdf " + words + b"/></x:xmpmeta>"
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", xmp.decode())
    options = {"PNG": {"pnginfo": info}, "TIFF": {"tiffinfo": {700: xmp}}}
    data = saved(kind, **options.get(kind, {"xmp": xmp}))
    assert words in data
    assert words not in without_place(data)


@pytest.mark.parametrize("marker", [b"\xff\xe4", b"\xff\xfe"])
def test_a_place_in_a_note_of_a_program_goes(marker: bytes) -> None:
    good, note = saved("JPEG"), b"GPSPosition 48.1 11.5"
    segment = marker + (len(note) + 2).to_bytes(2, "big") + note
    assert without_place(good[:2] + segment + good[2:]) == good


def test_a_place_in_the_directory_of_the_thumbnail_goes() -> None:
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, 1, 0)
    first = struct.pack(">H", 1) + entry + struct.pack(">I", 26)
    second = struct.pack(">HHHII", 1, 0x8825, 4, 1, 60) + struct.pack(">I", 0)
    tiff = b"MM\0*" + struct.pack(">I", 8) + first + second
    data = saved("JPEG", exif=EXIF + tiff)
    assert tiff in data
    assert without_place(data) == saved("JPEG")


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_with_a_profile_keeps_it(progressive: bool) -> None:
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = saved("JPEG", exif=exif(place=True), icc_profile=profile, progressive=progressive)
    with Image.open(BytesIO(without_place(data))) as image:
        assert image.info["icc_profile"] == profile
        assert not image.getexif()


def test_exif_that_cannot_be_read_goes() -> None:
    good = saved("PNG")
    chunk = _png_chunk(b"eXIf", b"II*\0\xff\xff")
    assert without_place(good[:33] + chunk + good[33:]) == good


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_files_that_break_off_anywhere_are_no_reason_to_fail(kind: str) -> None:
    data = saved(kind, exif=exif(place=True))
    for size in range(0, len(data), 7):
        assert isinstance(without_place(data[:size]), bytes)


def test_endings_are_told_from_the_bytes() -> None:
    kinds = {"JPEG": ".jpg", "GIF": ".gif", "BMP": ".bmp", "TIFF": ".tiff", "WEBP": ".webp"}
    for kind, ending in kinds.items():
        assert picture_file(saved(kind), keep_place=False) == (saved(kind), ending)
    assert ending_of(b"") is None


def test_a_kind_that_loaders_do_not_know_becomes_png() -> None:
    data = saved("AVIF")
    out, ending = picture_file(data, keep_place=True)
    assert (ending, pixels(out)) == (".png", pixels(data))
    assert as_png(data) == out


def test_a_text_that_unpacks_without_end_is_bounded() -> None:
    good = saved("PNG")
    bomb = _png_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(64 << 20)))
    data = good[:33] + bomb + good[33:]
    assert without_place(data) == data


def test_filling_before_a_marker_is_passed_over() -> None:
    data = saved("JPEG", exif=exif(place=True))
    filled = data[:20] + b"\xff\xff" + data[20:]
    assert data[20:22] == b"\xff\xe1"
    assert not has_place(without_place(filled))
    assert pixels(without_place(filled)) == pixels(data)


def test_texts_of_png_that_do_not_unpack_stay() -> None:
    good = saved("PNG")
    for kind, body in (
        (b"zTXt", b"a\0\0no stream"),
        (b"tEXt", b"Raw profile type exif\0\nexif\n 4\nno digits\n"),
    ):
        data = good[:33] + _png_chunk(kind, body) + good[33:]
        assert without_place(data) == data


def test_a_place_in_a_gif_goes_with_its_comment() -> None:
    image = Image.new("P", (4, 4))
    image.putpalette([0, 0, 0, 255, 0, 0])
    image.putpixel((1, 1), 1)
    stream = BytesIO()
    image.save(stream, "GIF", comment=XMP, transparency=0)
    out, ending = picture_file(stream.getvalue(), keep_place=False)
    assert ending == ".png"
    assert not has_place(out)
    with Image.open(BytesIO(out)) as back:
        assert back.convert("RGBA").getpixel((1, 1)) == (255, 0, 0, 255)
        assert back.convert("RGBA").getpixel((0, 0))[3] == 0
    assert without_place(b"BM no picture") == b"BM no picture"


def test_pictures_beyond_the_bounds_are_not_decoded() -> None:
    for width, height in ((11_000, 10_000), (60_000, 60_000)):
        size = width.to_bytes(4, "big") + height.to_bytes(4, "big")
        bomb = b"\x89PNG\r\n\x1a\n" + _png_chunk(b"IHDR", size + b"\x08\2\0\0\0")
        bomb += _png_chunk(b"IDAT", zlib.compress(bytes(1000))) + _png_chunk(b"IEND", b"")
        with pytest.raises(InvalidInputError, match=r"too large|no picture"):
            opened(bomb)


def test_pillow_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    data = saved("JPEG")
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.delitem(sys.modules, "PIL.Image")
    with pytest.raises(MissingDependencyError) as caught:
        opened(data)
    assert "truing[images]" in str(caught.value.hint)
    assert without_place(data) == data
