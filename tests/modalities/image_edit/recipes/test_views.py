"""Views of a pair: what happens to one picture happens to the other."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from truing.domain.recipe import Example, MediaFile
from truing.modalities.image_edit.recipes.views import WHOLE, View, squares, view_of

SIZE = 32


def pair(folder: Path, original: Image.Image, edited: Image.Image, text: str) -> Example:
    media = {}
    for role, image in {"original": original, "edited": edited}.items():
        image.save(folder / f"{role}.png")
        media[role] = MediaFile(path=folder / f"{role}.png")
    return Example(uid="1", media=media, truth=text)


@pytest.fixture
def alike(tmp_path: Path, coffee: Image.Image) -> Example:
    """A pair that shows the same twice: after any view it still does."""
    return pair(tmp_path, coffee, coffee, "make it brighter")


def drawn(example: Example, count: int, **options: object) -> list[View]:
    settings = {"seed": 1, "crop": 0.3, "mirror": True, **options}
    return [view_of(example, 0, number, **settings) for number in range(count)]  # type: ignore[arg-type]


def test_both_pictures_are_seen_alike(alike: Example) -> None:
    seen = set()
    for view in drawn(alike, 12):
        original, edited = squares(alike, view, SIZE)
        assert (original.size, original.mode) == ((SIZE, SIZE), "RGB")
        assert original.tobytes() == edited.tobytes()
        seen.add(original.tobytes())
    assert len(seen) == 12


def test_a_result_of_another_size_and_shape_is_laid_over(
    tmp_path: Path, coffee: Image.Image
) -> None:
    example = pair(tmp_path, coffee, coffee.resize((200, 200)), "make it brighter")
    for view in drawn(example, 6):
        original, edited = (np.asarray(one, np.float32) for one in squares(example, view, SIZE))
        assert np.abs(original - edited).mean() < 4


def test_what_is_whole_is_the_middle(alike: Example, coffee: Image.Image) -> None:
    middle = coffee.crop(((512 - 341) // 2, 0, (512 - 341) // 2 + 341, 341)).resize((SIZE, SIZE))
    original, _ = squares(alike, WHOLE, SIZE)
    apart = np.asarray(original, np.float32) - np.asarray(middle, np.float32)
    assert np.abs(apart).mean() < 6


def test_half_of_the_views_are_mirrored_unless_the_instruction_names_a_side(
    alike: Example,
) -> None:
    count = Counter(view.mirrored for view in drawn(alike, 200))
    assert 70 < count[True] < 130
    for text in (
        *("add a tree on the LEFT", "the leftmost tree in red", "turn it clockwise"),
        *("remove the text", "rotate by 90 degrees", "write SALE on it", "rechts ein Baum"),
    ):
        assert not any(view.mirrored for view in drawn(replace(alike, truth=text), 50))
    assert not any(view.mirrored for view in drawn(alike, 50, mirror=False))


def test_a_pair_that_was_turned_or_mirrored_stays_one(tmp_path: Path, coffee: Image.Image) -> None:
    mirrored = coffee.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    example = pair(tmp_path, coffee, mirrored, "Mirror the picture")
    cuts = set()
    for view in drawn(example, 12):
        original, edited = (np.asarray(one, np.float32) for one in squares(example, view, SIZE))
        assert np.abs(original[:, ::-1] - edited).mean() < 1
        cuts.add(view.cut)
    assert len(cuts) == 12


def test_a_view_depends_on_row_number_and_seed_alone(alike: Example) -> None:
    again = drawn(alike, 3)
    assert drawn(alike, 3) == again
    assert drawn(alike, 3, seed=2) != again
    assert all(0 <= view.cut <= 0.3 for view in drawn(alike, 50))
    assert {view.cut for view in drawn(alike, 5, crop=0.0)} == {0.0}
