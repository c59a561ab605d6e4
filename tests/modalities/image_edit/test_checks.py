"""What is found in real pairs, whole and spoilt on purpose."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter
from tests.modalities.image_edit.conftest import Checked, Session, as_media, coded, names

from truing.domain.finding import Severity
from truing.domain.media import Media
from truing.domain.modality import CheckInput
from truing.domain.settings import resolve
from truing.modalities.image_edit import faces, pixels
from truing.modalities.image_edit.checks import check
from truing.modalities.image_edit.media import ingest
from truing.modalities.image_edit.modality import ImageEdit
from truing.modalities.image_edit.thresholds import THRESHOLDS

NAMED = {
    "ok": [],
    "unchanged": ["unchanged"],
    "mismatch": ["shape_changed", "unrelated"],
    "tiny": ["too_small"],
    "damaged": ["damaged"],
    "blank": ["instruction_empty"],
}
"""Beginning of EXPECTED.csv's verdict -> warnings and blocking findings."""


def test_the_sessions_are_judged_as_expected(sessions: list[Session], checked: Checked) -> None:
    for one in sessions:
        report = checked(one.original, one.edited, said=one.instruction, find_faces="true")
        grave = [f.check for f in report.findings if f.severity is not Severity.INFO]
        verdict = next(word for word in NAMED if one.expected.startswith(word))
        assert grave == NAMED[verdict], one
        assert report.blocked == (verdict in ("tiny", "damaged", "blank"))
        assert (report.quality >= 0.9) == (verdict == "ok")
    assert len(sessions) == 27


def brighter(image: Image.Image) -> Image.Image:
    return ImageEnhance.Brightness(image).enhance(1.3)


def test_a_good_pair(coffee: Image.Image, checked: Checked) -> None:
    report = checked(coffee, brighter(coffee), said="make it brighter")
    assert (report.findings, report.quality) == ((), 1.0)


@pytest.mark.parametrize("said", ["", "  \n", None])
def test_without_an_instruction(coffee: Image.Image, checked: Checked, said: str | None) -> None:
    report = checked(coffee, brighter(coffee), said=said)
    assert names(report) == ["instruction_empty"]
    assert report.blocked


def test_the_truth_is_what_counts(coffee: Image.Image, checked: Checked) -> None:
    assert names(checked(coffee, brighter(coffee), said=" ", truth="brighter")) == []
    assert names(checked(coffee, brighter(coffee), said="brighter", truth="")) == [
        "instruction_empty"
    ]


def test_odd_instructions(coffee: Image.Image, checked: Checked) -> None:
    edited = brighter(coffee)
    assert names(checked(coffee, edited, said="?! 123")) == ["instruction_not_text"]
    assert names(checked(coffee, edited, said="明るくして")) == []
    long = "brighter " * 40
    report = checked(coffee, edited, said=long)
    assert names(report) == ["instruction_too_long"]
    assert (report.findings[0].value, report.findings[0].threshold) == (359, 300)
    assert report.findings[0].setting == "image_edit.longest_instruction"
    assert names(checked(coffee, edited, said=long, longest_instruction="400")) == []


def test_a_missing_result(coffee: Image.Image, checked: Checked) -> None:
    report = checked(coffee, None)
    assert names(report) == ["damaged"]
    assert "the result is missing" in report.findings[0].reason


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_the_same_picture_twice(coffee: Image.Image, checked: Checked, form: str) -> None:
    again = coffee if form == "PNG" else coded(coffee.resize((400, 266)), "JPEG", quality=80)
    report = checked(coffee, again)
    assert names(report) == ["unchanged"]
    found = report.findings[0]
    assert found.severity is Severity.WARNING
    assert ("pixel by pixel" in found.reason) == (form == "PNG")
    assert names(checked(coffee, again, least_change="0")) == []


def test_a_grey_picture_can_be_made_grey(coffee: Image.Image, checked: Checked) -> None:
    grey = coffee.convert("L").convert("RGB")
    report = checked(grey, grey, said="turn it black and white")
    assert [(f.check, f.severity) for f in report.findings] == [("unchanged", Severity.INFO)]
    assert checked(grey, grey, said="brighter").findings[0].severity is Severity.WARNING
    assert checked(coffee, coffee, said="black & white").findings[0].severity is Severity.WARNING


def test_another_scene(coffee: Image.Image, rocket: Image.Image, checked: Checked) -> None:
    report = checked(coffee, rocket)
    assert names(report) == ["unrelated"]
    assert report.quality == 0.5
    mirrored = brighter(coffee).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    assert names(checked(coffee, mirrored)) == []


def test_another_shape(coffee: Image.Image, checked: Checked) -> None:
    edited = brighter(coffee)
    assert names(checked(coffee, edited.resize((512, 360)))) == []
    assert names(checked(coffee, edited.resize((400, 400)))) == ["shape_changed"]
    assert names(checked(coffee, edited.resize((400, 400)), shape_change="1")) == []
    turned = edited.rotate(90, expand=True)
    assert names(checked(coffee, turned)) == ["shape_changed"]


def test_blurred(coffee: Image.Image, checked: Checked) -> None:
    soft = coffee.filter(ImageFilter.GaussianBlur(5))
    report = checked(soft, brighter(soft))
    assert [(f.check, f.severity) for f in report.findings] == [("blurred", Severity.WARNING)]
    report = checked(coffee, soft, said="blur it")
    assert [(f.check, f.severity) for f in report.findings] == [("blurred", Severity.INFO)]
    assert report.quality == 0.9


def test_blank(coffee: Image.Image, checked: Checked) -> None:
    noise = np.random.default_rng(0).integers(100, 103, (200, 300, 3)).astype(np.uint8)
    report = checked(coffee, noise)
    assert names(report) == ["blank"]
    assert report.blocked
    assert "the result" in report.findings[0].reason
    assert names(checked(Image.new("RGB", (90, 90)), noise)) == ["blank", "blank"]


def test_too_small(coffee: Image.Image, checked: Checked) -> None:
    report = checked(coffee, coffee.resize((90, 60)))
    assert names(report) == ["too_small"]
    assert "90 x 60" in report.findings[0].reason
    assert names(checked(coffee, brighter(coffee).resize((99, 66)))) == []


@pytest.mark.parametrize("role", ["original", "edited"])
def test_damaged(coffee: Image.Image, checked: Checked, role: str) -> None:
    whole, cut = coded(coffee, "JPEG"), coded(brighter(coffee), "JPEG")[:9000]
    pair = {"original": whole, "edited": whole, role: cut}
    report = checked(pair["original"], pair["edited"])
    assert names(report) == ["damaged"]
    assert report.quality == 0


def test_what_the_files_carry(coffee: Image.Image, checked: Checked) -> None:
    exif = Image.Exif()
    exif.get_ifd(pixels.GPS)[2] = (59.0, 19.0, 0.0)
    edited = brighter(coffee)
    report = checked(coded(coffee, "JPEG", exif=exif), edited)
    assert (names(report), report.quality) == (["location"], 1.0)
    assert names(checked(coffee, coded(edited, "PNG") + bytes(65))) == ["trailing_bytes"]
    assert names(checked(coffee, coded(edited, "PNG") + bytes(64))) == []
    moving = coded(edited, "WEBP", save_all=True, append_images=[coffee])
    assert names(checked(coffee, moving)) == ["animated"]


def test_never_raises_for_odd_data(coffee: Image.Image) -> None:
    settings = resolve(THRESHOLDS, flags={}, environ={}, file_values={}, file_origin="")
    good = BytesIO()
    coffee.save(good, "PNG")

    def found(data: dict[str, bytes]) -> list[str]:
        media = [Media(role=role, digest="x", size=1, media_type="image/png") for role in data]
        given = CheckInput(media=media, data=data, predictions=(), truth="x", damage={})
        return names(check(given, settings))

    assert found({}) == ["damaged", "damaged"]
    assert found({"original": b"", "edited": good.getvalue()}) == ["damaged"]
    assert found({"original": b"GIF89a", "edited": b"<svg/>"}) == ["damaged", "damaged"]


def test_what_ingesting_saw_is_not_decoded_again(coffee: Image.Image) -> None:
    settings = resolve(
        ImageEdit.settings,
        flags={"image_edit.find_faces": "false"},
        environ={},
        file_values={},
        file_origin="",
    )
    kept = {
        role: ingest(role, picture)
        for role, picture in {"original": coffee, "edited": coffee.resize((400, 266))}.items()
    }
    given = CheckInput(
        media=as_media(kept),
        data=dict.fromkeys(kept, b"no picture"),
        predictions=(),
        truth="x",
        damage={},
        seen={role: one.seen for role, one in kept.items()},
    )
    assert names(check(given, settings)) == ["unchanged"]
    stored = replace(given, data={role: one.data for role, one in kept.items()}, seen={})
    assert check(stored, settings) == check(given, settings)
    assert names(check(replace(given, seen={}), settings)) == ["damaged", "damaged"]


@pytest.fixture
def fresh_detector() -> Iterator[None]:
    faces._detector.cache_clear()
    yield
    faces._detector.cache_clear()


def test_a_face_is_told_for_the_sake_of_consent(sessions: list[Session], checked: Checked) -> None:
    one = next(one for one in sessions if one.photo == "camera.png")
    report = checked(one.original, one.edited, find_faces="true")
    assert names(report) == ["face_present"]
    assert report.findings[0].severity is Severity.INFO
    assert report.quality == 1.0
    assert names(checked(one.original, one.edited)) == []
    for photo in ("brick.png", "rocket.jpg"):
        other = [one for one in sessions if one.photo == photo and one.expected == "ok"]
        for one in other:
            assert names(checked(one.original, one.edited, find_faces="true")) == []


@pytest.mark.usefixtures("fresh_detector")
def test_without_a_face_detector(
    coffee: Image.Image, checked: Checked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mediapipe.python.solutions", None)
    report = checked(coffee, brighter(coffee), find_faces="true")
    assert names(report) == ["face_not_checked"]
    assert "truing[lipreading]" in report.findings[0].reason
    assert report.quality == 1.0


def test_without_scikit_image(
    coffee: Image.Image, checked: Checked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "scipy.ndimage", None)
    report = checked(coffee, brighter(coffee))
    assert names(report) == ["not_checked"]
    assert "truing[images]" in report.findings[0].reason
