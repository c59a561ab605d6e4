"""Formats by content, and where a picture ends."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from tests.modalities.image_edit.conftest import coded

from truing.domain.errors import InvalidInputError
from truing.modalities.image_edit.container import (
    JPEG,
    PNG,
    end_of,
    hidden,
    refuse_slow,
    sniff,
)

PICTURE = Image.linear_gradient("L").convert("RGB")
FILES: dict[str, bytes] = {
    "jpeg": coded(PICTURE, "JPEG"),
    "png": coded(PICTURE, "PNG"),
    "gif": coded(PICTURE, "GIF"),
    "webp": coded(PICTURE, "WEBP"),
    "bmp": coded(PICTURE, "BMP"),
    "tiff": coded(PICTURE, "TIFF"),
    "avif": coded(PICTURE, "AVIF"),
}
ENDING = ("jpeg", "png", "gif", "webp", "bmp")


@pytest.mark.parametrize("name", FILES)
def test_format_is_told_by_content(name: str) -> None:
    assert sniff(FILES[name], "x").name == name


@pytest.mark.parametrize("name", ENDING)
def test_bytes_behind_the_end_do_not_belong_to_a_picture(name: str) -> None:
    data = FILES[name]
    form = sniff(data, "x")
    assert end_of(data, form) == len(data)
    assert end_of(data + b"more of it", form) == len(data)


@pytest.mark.parametrize("name", ENDING)
def test_a_cut_picture_has_no_end(name: str) -> None:
    data = FILES[name]
    for length in (12, 20, 40, len(data) // 2, len(data) - 1):
        assert end_of(data[:length], sniff(data, "x")) is None


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("JPEG", {"progressive": True}),
        ("JPEG", {"restart_marker_rows": 1}),
        ("JPEG", {"comment": b"\xff\xd9 not the end"}),
        ("GIF", {"save_all": True, "append_images": [PICTURE.rotate(90)]}),
        ("PNG", {"save_all": True, "append_images": [PICTURE.rotate(90)]}),
        ("WEBP", {"lossless": True}),
    ],
)
def test_end_of_unusual_files(form: str, options: dict[str, Any]) -> None:
    data = coded(PICTURE, form, **options)
    assert end_of(data + b"x" * 100, sniff(data, "x")) == len(data)


@pytest.mark.parametrize("name", ["tiff", "avif"])
def test_end_that_cannot_be_told(name: str) -> None:
    assert end_of(FILES[name] + b"more", sniff(FILES[name], "x")) is None


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "empty"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "SVG"),
        (b'\xef\xbb\xbf  <?xml version="1.0"?>\n<svg/>', "SVG"),
        (b"<!DOCTYPE html><img src=x>", "markup"),
        (b"\n<html>" + FILES["png"], "markup"),
        (b"PK\x03\x04" + FILES["jpeg"], "ZIP"),
        (b"%PDF-1.7 " + FILES["jpeg"], "PDF"),
        (b"MZ\x90\x00", "program"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "HEIC"),
        (b"\x00\x00\x00\x18ftypisom\x00\x00\x00\x00mp41isom", "film"),
        (b"what is this", "not known"),
    ],
)
def test_what_is_no_picture_is_named(data: bytes, what: str) -> None:
    with pytest.raises(InvalidInputError, match=what) as caught:
        sniff(data, "given.png")
    assert "given.png" in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("tail", "what"),
    [
        (b"\x00\x00PK\x03\x04", "a ZIP archive"),
        (b"film" * 9 + b"PK\x05\x06" + bytes(18), "a ZIP archive"),
        (b"film" * 9 + b"PK\x05\x06" + bytes(16) + b"\x03\x00abc", "a ZIP archive"),
        (b"\xff\xd8 a picture PK\x03\x04 \x7fELF PK\x05\x06" + b"x" * 70, None),
        (b"film <svg film", "a web page"),
        (b"abc<SCRIPT>", "a web page"),
        (b"%PDF-1.4", "a PDF document"),
        (b"\x7fELF", "a program"),
        (b"<?php system()", "a web page"),
        (b"", None),
        (b"\x00" * 100, None),
        (b"\x00\x00\x00\x18ftypmp42 the film of a moving photo", None),
    ],
)
def test_what_hides_behind_a_picture(tail: bytes, what: str | None) -> None:
    assert hidden(tail) == what


def scanned(count: int) -> bytes:
    """A progressive JPEG of 100 x 100 pixels whose last scan comes so many times more."""
    made = BytesIO()
    Image.new("L", (100, 100), 90).save(made, "JPEG", progressive=True)
    data = made.getvalue()
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * count + b"\xff\xd9"


def test_a_jpeg_that_keeps_decoders_busy_is_refused() -> None:
    data = scanned(300)
    refuse_slow(data, JPEG, 10_000, "a.jpg")
    with pytest.raises(InvalidInputError, match=r"`a\.jpg` is coded in 30\d scans"):
        refuse_slow(data, JPEG, 100_000_000, "a.jpg")
    # What only looks like scans, in a comment, takes no time.
    comment = b"\xff\xfe" + (2002).to_bytes(2, "big") + b"\xff\xda" * 1000
    refuse_slow(data[:2] + comment + scanned(1)[2:], JPEG, 100_000_000, "a.jpg")
    refuse_slow(data[:-50], PNG, 100_000_000, "a.png")
    with pytest.raises(InvalidInputError):
        refuse_slow(data[:-50], JPEG, 100_000_000, "cut.jpg")
    assert end_of(data, JPEG) == len(data)
    assert end_of(data + b"more", JPEG) == len(data)
