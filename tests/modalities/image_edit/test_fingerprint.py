"""Marks, sketches and likeness of pairs."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from PIL import Image, ImageEnhance
from tests.modalities.image_edit.conftest import as_media, coded

from truing.domain.errors import MissingDependencyError
from truing.domain.media import Media
from truing.modalities.image_edit.fingerprint import (
    VERSION,
    bits_apart,
    described,
    likeness,
    marks,
    phash,
    sketch,
)
from truing.modalities.image_edit.media import ingest
from truing.modalities.image_edit.view import reduced


def pair(original: object, edited: object | None) -> list[Media]:
    kept = {"original": ingest("original", original)}
    if edited is not None:
        kept["edited"] = ingest("edited", edited)
    return as_media(kept)


def faked(original: int, edited: int) -> list[Media]:
    return [
        Media(
            role=role, digest="x", size=1, media_type="image/png", facts={"phash": f"{bits:016x}"}
        )
        for role, bits in (("original", original), ("edited", edited))
    ]


def brighter(image: Image.Image) -> Image.Image:
    return ImageEnhance.Brightness(image).enhance(1.4)


@pytest.mark.parametrize("quality", [90, 60, 35])
@pytest.mark.parametrize("scale", [1.0, 0.7])
def test_a_copy_coded_anew_is_found_and_alike(
    coffee: Image.Image, quality: int, scale: float
) -> None:
    def again(image: Image.Image) -> bytes:
        size = (round(image.width * scale), round(image.height * scale))
        return coded(image.resize(size), "JPEG", quality=quality)

    edited = brighter(coffee)
    known = marks(pair(coffee, edited))
    copy = marks(pair(again(coffee), again(edited)))
    assert set(known.kept) & set(copy.asked)
    one = {"original": coded(coffee, "PNG"), "edited": coded(edited, "PNG")}
    other = {"original": again(coffee), "edited": again(edited)}
    assert likeness(one, other) > 0.85
    assert likeness(one, one) == 1.0


def test_another_result_of_one_original_is_no_copy(coffee: Image.Image) -> None:
    before = coded(coffee, "PNG")
    plain = {"original": before, "edited": coded(brighter(coffee), "PNG")}
    grey = {"original": before, "edited": coded(coffee.convert("L"), "PNG")}
    mirrored = {"original": before, "edited": coded(coffee.transpose(0), "PNG")}
    assert likeness(plain, grey) < 0.8
    assert likeness(plain, mirrored) < 0.8
    spot = brighter(coffee)
    spot.paste(coffee.crop((300, 200, 330, 230)), (100, 60))
    assert likeness(plain, {"original": before, "edited": coded(spot, "PNG")}) < 0.8
    square = {"original": before, "edited": coded(brighter(coffee).resize((99, 99)), "PNG")}
    assert likeness(plain, square) == 0
    assert likeness(plain, {"original": before}) == 0


def test_another_result_shares_no_mark(coffee: Image.Image, rocket: Image.Image) -> None:
    known = marks(pair(coffee, brighter(coffee)))
    assert not set(known.kept) & set(marks(pair(coffee, rocket)).asked)
    assert not set(known.kept) & set(marks(pair(coffee, coffee.transpose(0))).asked)


def test_up_to_seven_bits_apart_are_found() -> None:
    rng = np.random.default_rng(3)
    for _ in range(200):
        one, other = (int(rng.integers(0, 2**63)) for _ in range(2))
        known = marks(faked(one, other))
        assert len(known.kept) == 4
        assert len(set(known.asked)) == 4 + 4 * 32
        assert all(key.startswith(VERSION) for key in known.asked)
        for place in rng.choice(128, 7, replace=False):
            if place < 64:
                one ^= 1 << int(place)
            else:
                other ^= 1 << int(place) - 64
        assert set(known.kept) & set(marks(faked(one, other)).asked)


def test_a_sample_without_a_result_has_marks_of_its_original(coffee: Image.Image) -> None:
    known = marks(pair(coffee, None))
    copy = marks(pair(coded(coffee, "JPEG", quality=50), None))
    assert set(known.kept) & set(copy.asked)
    assert len(known.asked) == 4 + 4 * 16
    assert not marks([]).kept
    assert not marks([]).asked


def test_sketches_lie_near_for_what_is_alike(coffee: Image.Image, rocket: Image.Image) -> None:
    def place(original: Image.Image, edited: Image.Image) -> np.ndarray:
        found = sketch(pair(original, edited))
        assert found is not None
        assert len(found) == 32
        return np.asarray(found)

    def apart(one: np.ndarray, other: np.ndarray) -> float:
        return float(np.linalg.norm(one - other))

    plain = place(coffee, brighter(coffee))
    again = place(coffee.resize((256, 170)), brighter(coffee))
    other = place(rocket, brighter(rocket))
    grey = place(coffee, coffee.convert("L").convert("RGB"))
    assert apart(plain, again) < 0.1 < apart(plain, grey)
    assert apart(plain, again) < 0.1 < apart(plain, other)


def test_sketch_from_facts_alone(coffee: Image.Image) -> None:
    found = sketch(pair(coffee, None))
    assert found is not None
    assert set(found[16:]) == {0.0}
    assert sketch([]) is None
    assert sketch(faked(1, 2)) is None


def test_what_is_described(coffee: Image.Image) -> None:
    facts = described(reduced(coffee))
    assert (
        facts["phash"] == phash(coffee.resize((256, 170), reducing_gap=2.0))
        or bits_apart(str(facts["phash"]), phash(coffee)) <= 2
    )
    assert bits_apart("00", "ff") == 8


def test_without_imagehash(monkeypatch: pytest.MonkeyPatch, coffee: Image.Image) -> None:
    monkeypatch.setitem(sys.modules, "imagehash", None)
    with pytest.raises(MissingDependencyError) as caught:
        ingest("original", coffee)
    assert caught.value.hint == 'pip install "truing[images]"'
