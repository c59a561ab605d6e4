"""Standardising: sizes, kinds, colours and orientation, and a digest that names the parameters."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageCms

from truing.domain.errors import DamagedError, InvalidInputError
from truing.formats.standardise import Fit, Kind, Standard, standardised


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    stream = BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def opened(data: bytes) -> Image.Image:
    image = Image.open(BytesIO(data))
    image.load()
    return image


def quarters(width: int = 80, height: int = 40) -> Image.Image:
    """Red, green, blue and white, from left to right."""
    image = Image.new("RGB", (width, height))
    for number, colour in enumerate(("red", "lime", "blue", "white")):
        image.paste(colour, (number * width // 4, 0, (number + 1) * width // 4, height))
    return image


@pytest.mark.parametrize(
    ("fit", "size", "left", "right"),
    [
        (Fit.COVER, (20, 20), (0, 255, 0), (0, 0, 255)),
        (Fit.STRETCH, (20, 20), (255, 0, 0), (255, 255, 255)),
        (Fit.INSIDE, (20, 10), (255, 0, 0), (255, 255, 255)),
    ],
)
def test_sizes(fit: Fit, size: tuple[int, int], left: tuple, right: tuple) -> None:
    image = opened(standardised(saved(quarters()), Standard(width=20, height=20, fit=fit)))
    assert image.size == size
    for x, colour in ((2, left), (17, right)):
        assert np.abs(np.subtract(image.getpixel((x, 5)), colour)).max() <= 2


def test_inside_never_enlarges() -> None:
    data = standardised(saved(quarters()), Standard(width=500, height=500, fit=Fit.INSIDE))
    assert opened(data).tobytes() == quarters().tobytes()


@pytest.mark.parametrize("fit", list(Fit))
@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (33, 47)])
def test_any_shape_comes_to_its_size(fit: Fit, size: tuple[int, int]) -> None:
    standard = Standard(width=31, height=17, fit=fit)
    width, height = opened(standardised(saved(Image.new("RGB", size)), standard)).size
    assert (width <= 31 and height <= 17) if fit is Fit.INSIDE else (width, height) == (31, 17)


def test_both_pictures_of_one_shape_are_cut_alike() -> None:
    standard = Standard(width=16, height=16)
    one = opened(standardised(saved(quarters()), standard))
    other = opened(standardised(saved(quarters(320, 160)), standard))
    assert np.abs(np.asarray(one, int) - np.asarray(other, int))[:, [2, 13]].max() == 0


def test_orientation_is_applied_and_metadata_go() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Camera of Ada"
    exif.get_ifd(0x8825)[2] = (48.0, 12.0, 30.0)
    data = standardised(
        saved(quarters(), "JPEG", exif=exif.tobytes(), quality=95, comment=b"of Ada"), Standard()
    )
    image = opened(data)
    assert (image.size, image.format) == ((40, 80), "JPEG")
    assert image.getpixel((20, 5))[0] > 200  # what was at the left is at the top
    assert image.getpixel((20, 25))[1] > 200
    assert not image.getexif()
    assert b"Ada" not in data


def test_colours_of_a_profile_become_srgb() -> None:
    lab = ImageCms.createProfile("LAB")
    linear = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ"))
    assert lab is not None
    assert linear is not None
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = saved(quarters(), icc_profile=srgb)
    converted = opened(standardised(data, Standard()))
    assert "icc_profile" not in converted.info
    assert np.abs(np.asarray(converted, int) - np.asarray(quarters(), int)).max() <= 1
    as_it_was = opened(standardised(data, Standard(srgb=False)))
    assert as_it_was.info["icc_profile"] == srgb
    broken = opened(standardised(saved(quarters(), icc_profile=b"no profile"), Standard()))
    assert broken.tobytes() == quarters().tobytes()


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("mode", ["LA", "P", "RGB", "I;16"])
def test_a_profile_changes_nothing_of_transparency_and_depth(mode: str, kind: Kind) -> None:
    clear = Image.new("LA", (16, 16), (40, 0))
    clear.paste((200, 255), (4, 4, 12, 12))
    options: dict[str, object] = {}
    image = Image.new("I;16", (16, 16), 200 * 257)
    if mode == "RGB":
        image, options = clear.convert("RGB"), {"transparency": (40, 40, 40)}
    elif mode != "I;16":
        image = clear.convert("RGBA").quantize(4) if mode == "P" else clear
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = saved(image, icc_profile=srgb, **options)
    without = opened(standardised(saved(image, **options), Standard(kind=kind)))
    out = opened(standardised(data, Standard(kind=kind)))
    assert out.mode == without.mode
    assert np.abs(np.asarray(out, int) - np.asarray(without, int)).max() <= 1


def test_a_profile_of_other_pixels_is_not_kept() -> None:
    inks = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = saved(quarters().convert("CMYK"), "TIFF", icc_profile=inks)
    assert opened(data).info["icc_profile"] == inks
    assert "icc_profile" not in opened(standardised(data, Standard(srgb=False))).info


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_any_mode_of_pixels(mode: str, kind: Kind) -> None:
    image = quarters() if mode != "I;16" else Image.new("I;16", (80, 40), 128 * 257)
    image = image.convert(mode) if mode != "I;16" else image
    data = saved(image, "TIFF" if mode == "CMYK" else "PNG")
    out = opened(standardised(data, Standard(kind=kind)))
    assert out.format == ("JPEG" if kind is Kind.JPEG else "PNG")
    transparent = mode in ("LA", "RGBA") and kind is not Kind.JPEG
    assert out.mode == ("RGBA" if transparent else "RGB")
    if mode == "I;16":
        assert abs(out.getpixel((3, 3))[0] - 128) <= 1


def test_jpeg_shows_white_through_what_is_transparent() -> None:
    data = saved(Image.new("RGBA", (16, 16), (255, 0, 0, 0)))
    assert opened(standardised(data, Standard(kind=Kind.JPEG))).getpixel((8, 8)) == (255,) * 3


def test_quality_and_compression_count() -> None:
    noise = Image.effect_noise((64, 64), 80).convert("RGB")
    data = saved(noise)
    coarse, fine = (len(standardised(data, Standard(kind=Kind.JPEG, quality=q))) for q in (20, 95))
    assert coarse < fine / 2
    loose, tight = (standardised(data, Standard(compression=level)) for level in (0, 9))
    assert len(tight) < len(loose)
    assert opened(tight).tobytes() == opened(loose).tobytes() == noise.tobytes()


def test_the_digest_names_the_parameters() -> None:
    digest = "sha256:9f2b3e2c"
    standard = Standard(width=512, height=512, kind=Kind.JPEG)
    assert Standard.from_dict(standard.as_dict()) == standard
    assert Standard.from_dict({}) == Standard()
    assert Standard.from_dict(standard.as_dict()).digest == standard.digest != digest
    changes = ({"width": 8, "height": 8}, {"fit": "inside"}, {"srgb": False}, {"kind": "png"},
               {"quality": 90}, {"compression": 1})  # fmt: skip
    digests = {Standard.from_dict(one).digest for one in ({}, *changes)}
    assert len(digests) == 7


@pytest.mark.parametrize(
    "said",
    [
        {"width": 5},
        {"width": 0, "height": 5},
        {"width": 5, "height": 20_000},
        {"quality": 0},
        {"quality": True},
        {"quality": "95"},
        {"compression": 10},
        {"fit": "crop"},
        {"kind": "gif"},
        {"size": 5},
    ],
)
def test_what_cannot_be_meant_is_refused(said: dict[str, object]) -> None:
    with pytest.raises(InvalidInputError) as caught:
        Standard.from_dict(said)
    assert caught.value.hint


def test_what_cannot_be_read_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="no picture"):
        standardised(b"text", Standard())
    with pytest.raises(DamagedError, match="to its end"):
        standardised(saved(quarters(), "JPEG")[:-300], Standard())
    with pytest.raises(InvalidInputError, match="no picture"):
        standardised(b"<svg xmlns='http://www.w3.org/2000/svg'/>", Standard())
