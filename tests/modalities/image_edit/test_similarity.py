"""How alike two pictures are, against figures worked out by hand and known laws."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter, ImageOps
from skimage.measure import blur_effect
from tests.modalities.image_edit.conftest import coded

from truing.domain.errors import MissingDependencyError
from truing.modalities.image_edit import similarity
from truing.modalities.image_edit.pixels import load
from truing.modalities.image_edit.similarity import (
    MOST_PSNR,
    blur,
    colour_distance,
    colourfulness,
    contrast,
    largest_change,
    luma,
    psnr,
    shape_change,
    shrunk,
    ssim,
    structure_distance,
    together,
)


def flat(value: int, height: int = 20, width: int = 30) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def test_psnr_by_hand() -> None:
    assert psnr(flat(10), flat(10)) == MOST_PSNR
    assert psnr(flat(10), flat(11)) == pytest.approx(20 * np.log10(255))
    assert psnr(flat(0), flat(255)) == pytest.approx(0.0)
    one = flat(10)
    one[0, 0, 0] = 13  # an error of 9 / 1800
    assert psnr(flat(10), one) == pytest.approx(10 * np.log10(255**2 * 1800 / 9))


def test_ssim_of_flat_pictures_by_its_formula() -> None:
    c1 = (0.01 * 255) ** 2
    wanted = (2 * 100 * 120 + c1) / (100**2 + 120**2 + c1)
    assert ssim(flat(100), flat(120)) == pytest.approx(wanted, abs=1e-6)


def test_ssim_orders_what_eyes_order(coffee: Image.Image) -> None:
    one = np.asarray(coffee)
    assert ssim(one, one) == pytest.approx(1.0)
    soft = np.asarray(coffee.filter(ImageFilter.GaussianBlur(1)))
    softer = np.asarray(coffee.filter(ImageFilter.GaussianBlur(4)))
    assert 1 > ssim(one, soft) > ssim(one, softer) > 0
    negative = np.asarray(ImageOps.invert(coffee))
    assert ssim(one, negative) < 0.1


def test_ssim_of_tiny_pictures() -> None:
    assert ssim(flat(9, 3, 2), flat(9, 3, 2)) == pytest.approx(1.0)


def test_colour_distance_by_hand() -> None:
    white, black = flat(255), flat(0)
    assert colour_distance(white, black) == pytest.approx(100.0, abs=0.01)
    assert colour_distance(white, white) == 0
    half = white.copy()
    half[:10] = 0
    assert colour_distance(white, half) == pytest.approx(50.0, abs=0.01)


def test_structure_does_not_mind_colour(coffee: Image.Image, rocket: Image.Image) -> None:
    one = np.asarray(coffee)
    dark = np.asarray(ImageEnhance.Brightness(coffee).enhance(0.4))
    _, other = together(coffee, rocket)
    assert structure_distance(one, one) == pytest.approx(0.0, abs=1e-9)
    assert structure_distance(one, np.asarray(ImageOps.invert(coffee))) < 0.01
    assert structure_distance(one, dark) < 0.05
    assert structure_distance(one, other) > 0.7
    assert structure_distance(flat(5), flat(9)) == 1.0


def test_together_takes_the_size_of_the_first(coffee: Image.Image, rocket: Image.Image) -> None:
    one, other = together(coffee, rocket.resize((100, 80)))
    assert one.shape == other.shape == (341, 512, 3)
    one, other = together(coffee, rocket, longest=128)
    assert one.shape == other.shape == (85, 128, 3)
    assert shrunk(coffee, 600) is coffee


def test_shape_change() -> None:
    assert shape_change((400, 200), (200, 100)) == 0
    assert shape_change((400, 200), (200, 200)) == pytest.approx(1.0)
    assert shape_change((200, 200), (400, 200)) == pytest.approx(1.0)


@pytest.mark.parametrize("quality", [95, 75, 50])
@pytest.mark.parametrize("scale", [1.0, 0.8, 0.6])
def test_coding_anew_changes_next_to_nothing(
    coffee: Image.Image, rocket: Image.Image, quality: int, scale: float
) -> None:
    for photo in (coffee, rocket):
        size = (round(photo.width * scale), round(photo.height * scale))
        again = load(coded(photo.resize(size), "JPEG", quality=quality))
        assert largest_change(photo, again) < 2.5


def test_a_small_edit_is_a_change(coffee: Image.Image) -> None:
    edited = coffee.copy()
    edited.paste(coffee.crop((300, 200, 325, 225)), (100, 60))
    assert largest_change(coffee, edited) > 5
    assert largest_change(coffee, ImageEnhance.Brightness(coffee).enhance(1.05)) > 3
    assert largest_change(coffee, coffee.filter(ImageFilter.GaussianBlur(3))) > 3
    assert largest_change(coffee, coffee) == 0
    assert largest_change(Image.new("RGB", (5, 3)), Image.new("RGB", (5, 3), (9, 9, 9))) == 9


def test_blur_grows_with_blurring(coffee: Image.Image, rocket: Image.Image) -> None:
    for photo in (coffee, rocket):
        figures = [blur(photo.filter(ImageFilter.GaussianBlur(s))) for s in (0, 2, 5)]
        assert figures == sorted(figures)
        assert figures[0] < 0.5
        assert figures[-1] > 0.8


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of its own division by nothing
@pytest.mark.parametrize("size", [(512, 341), (97, 130), (60, 8), (5, 7), (4, 4), (90, 3)])
def test_blur_is_the_figure_of_scikit_image(coffee: Image.Image, size: tuple[int, int]) -> None:
    photo = coffee.resize(size)
    for picture in (photo, photo.filter(ImageFilter.GaussianBlur(3))):
        wanted = blur_effect(luma(np.asarray(picture)) / 255)
        assert blur(picture) == pytest.approx(0.0 if np.isnan(wanted) else wanted, abs=1e-9)


def test_blur_of_what_has_no_steps() -> None:
    stripes = np.zeros((40, 50, 3), np.uint8)
    stripes[::4] = 200
    for one in (flat(7), stripes, stripes.swapaxes(0, 1)):
        picture = Image.fromarray(np.ascontiguousarray(one))
        assert blur(picture) == pytest.approx(blur_effect(luma(one) / 255), abs=1e-9) == 1.0


def test_contrast_is_that_of_the_most_varied_channel(coffee: Image.Image) -> None:
    for picture in (coffee, coffee.resize((3, 1)), Image.fromarray(flat(9))):
        wanted = np.asarray(picture).std(axis=(0, 1)).max()
        assert contrast(picture) == pytest.approx(wanted, abs=1e-8)


def test_the_largest_change_by_its_definition(coffee: Image.Image, rocket: Image.Image) -> None:
    soft = coffee.filter(ImageFilter.GaussianBlur(3))
    found = [largest_by_definition(*together(coffee, one, longest=256)) for one in (rocket, soft)]
    assert largest_change(coffee, rocket) == pytest.approx(max(found[0]), abs=1e-9)
    assert largest_change(coffee, soft) == pytest.approx(max(found[1]), abs=1e-9)
    assert found[0][0] > found[0][1]
    assert found[1][0] < found[1][1]


def largest_by_definition(one: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """The largest change of a cell's mean, and a third of that of its contrast."""
    means, contrasts = [], []
    for top in range(0, one.shape[0] // 16 * 16, 16):
        for left in range(0, one.shape[1] // 16 * 16, 16):
            cells = [
                picture[top : top + 16, left : left + 16].reshape(256, 3).astype(float)
                for picture in (one, other)
            ]
            means.append(np.abs(cells[0].mean(0) - cells[1].mean(0)).mean())
            contrasts.append(np.abs(cells[0].std(0) - cells[1].std(0)).mean() / 3)
    return max(means), max(contrasts)


def test_colourfulness(coffee: Image.Image) -> None:
    assert colourfulness(np.asarray(coffee.convert("L").convert("RGB"))) == 0
    assert colourfulness(np.asarray(coffee)) > 20


def test_without_scikit_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "skimage.metrics", None)
    with pytest.raises(MissingDependencyError) as caught:
        similarity.ssim(flat(1), flat(2))
    assert caught.value.hint == 'pip install "truing[images]"'
