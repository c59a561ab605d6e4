"""Reading pictures: upright, bounded, and as much as there is of what breaks off."""

from __future__ import annotations

import struct
import threading
import time
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps
from tests.modalities.image_edit.conftest import coded

from truing.domain.errors import DamagedError, InvalidInputError, NotFoundError, TruingError
from truing.modalities.image_edit import pixels
from truing.modalities.image_edit.pixels import load, read


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few hundred bytes whose header promises any size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\x00" * 10_000)
    start = b"\x89PNG\r\n\x1a\n"
    return start + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
def test_every_format_shows_the_same(coffee: Image.Image, form: str, tmp_path: Path) -> None:
    data = coded(coffee, form)
    shown = load(data)
    assert (shown.mode, shown.size) == ("RGB", coffee.size)
    apart = np.abs(np.asarray(shown, dtype=np.int16) - np.asarray(coffee))
    assert apart.mean() < (12 if form == "GIF" else 5)
    path = tmp_path / "named.jpg"
    path.write_bytes(data)
    assert load(path).tobytes() == shown.tobytes()


@pytest.mark.parametrize("form", ["JPEG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", [3, 6])
def test_orientation_is_applied_once_in_every_format(
    coffee: Image.Image, form: str, orientation: int
) -> None:
    exif = Image.Exif()
    exif[pixels.ORIENTATION] = orientation
    picture = read(coded(coffee, form, exif=exif))
    wanted = pixels.turned(coffee, orientation)
    assert picture.image.size == wanted.size == (picture.width, picture.height)
    apart = np.abs(np.asarray(picture.image, dtype=int) - np.asarray(wanted))
    assert apart.mean() < 5


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(coffee: Image.Image, orientation: int) -> None:
    exif = Image.Exif()
    exif[pixels.ORIENTATION] = orientation
    data = coded(coffee, "PNG", exif=exif)
    picture = read(data)
    with Image.open(BytesIO(data)) as stored:
        wanted = ImageOps.exif_transpose(stored)
    assert picture.image.tobytes() == wanted.convert("RGB").tobytes()
    assert (picture.width, picture.height) == wanted.size
    assert picture.orientation == orientation


def test_scaled_while_it_is_decoded(coffee: Image.Image) -> None:
    exif = Image.Exif()
    exif[pixels.ORIENTATION] = 6
    data = coded(coffee.resize((2048, 1364)), "JPEG", exif=exif)
    picture = read(data, longest=256)
    assert (picture.width, picture.height) == (1364, 2048)
    assert picture.image.size == (171, 256)
    assert load(coded(coffee, "JPEG"), longest=4000).size == coffee.size


def test_transparency_lies_over_white_unless_it_is_kept() -> None:
    image = Image.new("RGBA", (40, 30), (255, 0, 0, 0))
    image.paste((0, 0, 255, 255), (0, 0, 20, 30))
    data = coded(image, "PNG")
    assert load(data).getpixel((30, 5)) == (255, 255, 255)
    assert load(data).getpixel((3, 5)) == (0, 0, 255)
    kept = read(data, alpha=True)
    assert (kept.has_alpha, kept.image.mode) == (True, "RGBA")
    assert read(coded(image.convert("RGB"), "PNG"), alpha=True).image.mode == "RGB"


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "CMYK", "I;16"])
def test_modes_become_rgb(coffee: Image.Image, mode: str) -> None:
    if mode == "I;16":
        grey = np.asarray(coffee.convert("L"), dtype=np.uint16) * 257
        stored, form = Image.fromarray(grey), "PNG"
    else:
        stored, form = coffee.convert(mode), "TIFF" if mode == "CMYK" else "PNG"
    picture = read(coded(stored, form))
    assert picture.image.mode == "RGB"
    assert picture.mode == mode
    apart = np.asarray(picture.image.convert("L"), dtype=int) - np.asarray(coffee.convert("L"))
    assert abs(apart.mean()) < 6


def test_palette_with_transparency() -> None:
    image = Image.new("P", (40, 30), 1)
    image.putpalette([255, 0, 0, 0, 255, 0])
    picture = read(coded(image, "PNG", transparency=b"\xff\x00"))
    assert picture.has_alpha
    assert picture.image.getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize(
    "size", [(60_000, 60_000), (20_000, 10), (10, 20_000), (12_000, 12_000), (2**31 - 1, 1)]
)
def test_a_bomb_is_refused_by_its_header(size: tuple[int, int]) -> None:
    began = time.process_time()
    with pytest.raises(InvalidInputError, match="too large"):
        load(bomb(*size))
    assert time.process_time() - began < 1.0


def test_within_the_bounds_pillow_does_not_warn() -> None:
    """Pillow warns from 89 megapixels on, this refuses from 100 on."""
    with pytest.raises(DamagedError, match="nothing of"):
        load(bomb(9_700, 9_700))


def test_too_many_bytes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pixels, "MOST_BYTES", 1000)
    with pytest.raises(InvalidInputError, match="too large: 1001 bytes"):
        load(b"\xff\xd8\xff" + b"x" * 998)
    path = tmp_path / "large.png"
    path.write_bytes(b"\x89PNG" * 300)
    with pytest.raises(InvalidInputError, match="too large: 1200 bytes"):
        load(path)


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="none"):
        load(tmp_path / "none.png")
    with pytest.raises(InvalidInputError, match="no file"):
        load(tmp_path)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "BMP"])
def test_of_half_a_file_half_is_shown(coffee: Image.Image, form: str) -> None:
    data = coded(coffee, form)
    picture = read(data[: len(data) // 2])
    assert picture.damage is not None
    whole = np.asarray(load(data), dtype=int)
    apart = np.abs(np.asarray(picture.image, dtype=int) - whole).mean(axis=(1, 2))
    rows = apart[::-1] if form == "BMP" else apart
    assert rows[: len(rows) // 4].max() < 3
    assert rows[-len(rows) // 4 :].min() > 3
    assert read(data).damage is None


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
def test_a_header_alone_is_refused(coffee: Image.Image, form: str) -> None:
    with pytest.raises(DamagedError):
        load(coded(coffee, form)[:40])


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
def test_spoilt_bytes_never_raise_anything_else(coffee: Image.Image, form: str) -> None:
    rng = np.random.default_rng(5)
    data = coded(coffee.resize((64, 48)), form)
    answers = set()
    for _ in range(60):
        spoilt = np.frombuffer(data, np.uint8).copy()
        places = rng.integers(4 if form != "AVIF" else 40, len(spoilt), rng.integers(1, 12))
        spoilt[places] = rng.integers(0, 256, len(places))
        cut = int(rng.integers(30, len(data) + 1))
        try:
            picture = read(spoilt.tobytes()[:cut])
            answers.add(picture.damage is None)
            assert picture.image.mode == "RGB"
        except TruingError:
            answers.add(None)
    assert None in answers


def test_where_it_was_taken_is_noticed(coffee: Image.Image) -> None:
    exif = Image.Exif()
    exif.get_ifd(pixels.GPS)[1] = "N"
    exif.get_ifd(pixels.GPS)[2] = (59.0, 19.0, 0.0)
    assert read(coded(coffee, "JPEG", exif=exif)).has_gps
    assert not read(coded(coffee, "JPEG")).has_gps
    xmp = b"<x:xmpmeta><exif:GPSLatitude>59,19N</exif:GPSLatitude></x:xmpmeta>"
    assert read(coded(coffee, "JPEG", xmp=xmp)).has_gps


def test_what_is_loaded_carries_no_metadata(coffee: Image.Image) -> None:
    exif = Image.Exif()
    exif.get_ifd(pixels.GPS)[1] = "N"
    for form in ("JPEG", "PNG", "WEBP"):
        data = coded(coffee, form, exif=exif, icc_profile=b"profile")
        for shown in (load(data), load(data, longest=100)):
            assert not shown.info
            assert not shown.getexif()
        assert read(data).profile == b"profile"


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "TIFF"])
def test_a_lent_picture_shows_the_same(coffee: Image.Image, form: str) -> None:
    data = coded(coffee, form)
    lent = read(data, lent=True).image
    assert lent.tobytes() == load(data).tobytes()
    assert not lent.info
    # Of a JPEG it is the decoder's own: a copy would take as much memory again.
    assert (type(lent) is Image.Image) == (form != "JPEG")
    assert type(load(data)) is Image.Image


def test_odd_metadata_does_not_matter(coffee: Image.Image) -> None:
    data = coded(coffee, "JPEG", exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff broken")
    picture = read(data)
    assert (picture.orientation, picture.damage) == (1, None)


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "TIFF"])
def test_of_an_animation_the_first_frame_is_read(coffee: Image.Image, form: str) -> None:
    small = coffee.resize((64, 48))
    data = coded(small, form, save_all=True, append_images=[Image.new("RGB", (64, 48))])
    picture = read(data)
    assert picture.animated
    assert np.asarray(picture.image).mean() > 50
    assert not read(coded(small, form)).animated


def test_large_pictures_take_turns(monkeypatch: pytest.MonkeyPatch, coffee: Image.Image) -> None:
    monkeypatch.setattr(pixels, "LARGE", 1000)
    data, inside, most = coded(coffee, "PNG"), 0, 0
    decode = pixels._decoded

    def slowly(*given: Any) -> Any:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        time.sleep(0.02)
        done = decode(*given)
        inside -= 1
        return done

    monkeypatch.setattr(pixels, "_decoded", slowly)
    threads = [threading.Thread(target=load, args=(data,)) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert most == 1
