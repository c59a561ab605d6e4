"""Whether a picture was made from another."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import pytest
from PIL import Image, ImageFilter, ImageOps
from tests.modalities.image_edit.conftest import Session, opened

from truing.modalities.image_edit.pixels import load
from truing.modalities.image_edit.resemblance import resemblance

Edit = Callable[[Image.Image], Image.Image]
LEAST = 0.2


def cropped(share: float) -> Edit:
    def crop(image: Image.Image) -> Image.Image:
        left, top = int(image.width * share), int(image.height * share)
        return image.crop((left, top, image.width - left, image.height - top))

    return crop


def half_painted(image: Image.Image) -> Image.Image:
    edited = image.copy()
    edited.paste((30, 90, 200), (0, 0, image.width // 2, image.height))
    return edited


EDITS: dict[str, Edit] = {
    "negative": ImageOps.invert,
    "mirror": ImageOps.mirror,
    "flip": ImageOps.flip,
    "turn": lambda image: image.rotate(90, expand=True),
    "grey": lambda image: image.convert("L").convert("RGB"),
    "posterise": lambda image: ImageOps.posterize(image, 2),
    "equalise": ImageOps.equalize,
    "dark": lambda image: image.point(lambda value: value // 5),
    "blur": lambda image: image.filter(ImageFilter.GaussianBlur(5)),
    "contours": lambda image: image.filter(ImageFilter.CONTOUR),
    "crop": cropped(0.1),
    "zoom": cropped(0.2),
    "half": half_painted,
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_resembles_its_original(
    coffee: Image.Image, rocket: Image.Image, name: str
) -> None:
    for photo in (coffee, rocket):
        edited = EDITS[name](photo)
        assert resemblance(photo, edited) > LEAST + 0.05
        assert resemblance(edited, photo) > LEAST + 0.05


def test_photos_of_different_things_do_not(sessions: list[Session]) -> None:
    photos = {one.photo: opened(one.original) for one in reversed(sessions)}
    assert len(photos) == 5
    found = [resemblance(one, other) for one, other in combinations(photos.values(), 2)]
    assert max(found) < 0.3
    assert sum(one < LEAST for one in found) >= 9


def test_the_sessions(sessions: list[Session]) -> None:
    for one in sessions:
        found = resemblance(load(one.original.read_bytes()), load(one.edited.read_bytes()))
        if one.expected.startswith("mismatch"):
            assert found < 0.1
        elif not one.expected.startswith("damaged"):
            assert found > LEAST + 0.1, one


def test_who_only_asks_for_enough_is_answered_alike(
    coffee: Image.Image, rocket: Image.Image
) -> None:
    for name, edit in EDITS.items():
        edited = edit(coffee)
        whole, soon = resemblance(coffee, edited), resemblance(coffee, edited, enough=LEAST)
        assert LEAST <= soon <= whole, name
        assert resemblance(edited, coffee, enough=0.9) == resemblance(edited, coffee), name
    zoomed = EDITS["zoom"](coffee)
    assert resemblance(coffee, zoomed, enough=LEAST) < resemblance(coffee, zoomed) - 0.05
    assert resemblance(coffee, rocket, enough=LEAST) == resemblance(coffee, rocket)


def test_nothing_resembles_an_empty_picture(coffee: Image.Image) -> None:
    assert resemblance(coffee, Image.new("RGB", (300, 200), (9, 9, 9))) == 0
