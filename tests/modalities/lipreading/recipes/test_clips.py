"""Clips come at 25 frames per second whatever their file says, and what is unusable is told."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from tests.modalities.lipreading.conftest import clip, names

from truing.domain.errors import InvalidInputError, NotFoundError
from truing.domain.recipe import Example, MediaFile
from truing.modalities.lipreading.recipes.clips import Clips, at_rate, pictures_of

DATA = Path(__file__).parents[3] / "data" / "lipreading"


def written(path: Path, times: list[float]) -> Path:
    """A video of 96 x 96 whose frames grow brighter with time and carry these times."""
    with av.open(str(path), "w", format="matroska") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width = stream.height = 96
        stream.pix_fmt = "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for time in times:
            picture = np.full((96, 96), round(40 + 60 * time), np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="gray").reformat(format="yuv420p")
            frame.pts, frame.time_base = round(1000 * time), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("rate", [10.0, 16.0, 25.0, 29.97, 60.0])
def test_any_rate_becomes_25_frames_per_second(rate: float) -> None:
    times = np.arange(round(2 * rate)) / rate
    places = at_rate(times)
    assert len(places) == round(len(times) / rate * 25)
    shown = times[places]
    wanted = np.arange(len(places)) / 25
    assert np.abs(shown - wanted).max() <= 0.5 / rate + 0.5 / 25 + 1e-9
    assert (np.diff(places) >= 0).all()
    if rate == 25.0:
        assert places.tolist() == list(range(50))


def test_uneven_times_are_kept_in_time() -> None:
    times = np.array([0.0, 0.04, 0.5, 0.54, 1.0])
    shown = times[at_rate(times)]
    assert len(shown) == round(1.25 * 25)
    assert shown[5] == 0.04, "the frame before a gap is held"
    assert shown[13] == pytest.approx(0.54, abs=0.05)
    assert at_rate([0.0]).tolist() == [0]
    assert at_rate([]).tolist() == []


def test_a_clip_of_16_frames_a_second_does_not_look_faster(tmp_path: Path) -> None:
    slow = written(tmp_path / "slow", [i / 16 for i in range(32)])
    fast = written(tmp_path / "fast", [i / 25 for i in range(50)])
    one, two = (pictures_of(MediaFile(path=path)) for path in (slow, fast))
    assert one is not None
    assert two is not None
    assert len(one) == len(two) == 50
    gaps = one.mean(axis=(1, 2)) - two.mean(axis=(1, 2))
    assert np.abs(gaps).max() < 4, "the same brightness at the same moment"


def test_a_clip_that_chaplin_wrote_lasts_as_long_as_it_did() -> None:
    folder = DATA.parent / "clients"
    videos = sorted(folder.glob("chaplin_*/**/*.avi"))
    assert videos, "the data holds recordings of Chaplin"
    with av.open(str(videos[0])) as container:
        count = sum(1 for _ in container.decode(video=0))
    found = pictures_of(MediaFile(path=videos[0]))
    assert found is not None
    assert len(found) == pytest.approx(count / 16 * 25, abs=1)


def test_frames_are_looked_up_clip_by_clip() -> None:
    clips = Clips()
    numbers = clips.gather(
        [clip(name) for name in names()[:3]],
        "training",
        fits=lambda *_: True,
        stopped=lambda: False,
    )
    assert numbers == [0, 1, 2]
    for number, name in enumerate(names()[:3]):
        expected = pictures_of(clip(name).media["video"])
        assert expected is not None
        np.testing.assert_array_equal(clips.pictures(number), expected)
        assert clips.rows[number].words is not None
    assert clips.pictures(0).shape == (75, 56, 72)
    assert clips.notes == []
    clips.close()


def test_what_cannot_be_used_is_left_out_and_told(tmp_path: Path) -> None:
    torn = tmp_path / "torn"
    torn.write_bytes(b"no video at all")
    black = written(tmp_path / "black", [i / 25 for i in range(10)])
    good = clip(names()[0])
    rows = [
        dataclasses.replace(good, media={"video": MediaFile(path=torn)}),
        dataclasses.replace(good, media={"video": MediaFile(path=black)}, truth="too long"),
        good,
    ]
    clips = Clips()
    found = clips.gather(
        rows, "training", fits=lambda text, frames: text != "too long", stopped=lambda: False
    )
    assert found == [0]
    unfit, torn_note = clips.notes
    assert unfit.startswith("1 of 3 training clips left out: their text is outside the vocabulary")
    assert torn_note == "1 of 3 training clips left out: their video cannot be decoded."
    assert clips.gather(rows, "more", fits=lambda *_: True, stopped=lambda: True) is None
    missing = dataclasses.replace(good, media={"video": MediaFile(path=tmp_path / "gone")})
    with pytest.raises(NotFoundError):
        clips.gather([missing], "more", fits=lambda *_: True, stopped=lambda: False)
    blind = Example(uid="x", media={}, truth="a")
    with pytest.raises(InvalidInputError, match="no video"):
        clips.gather([blind], "more", fits=lambda *_: True, stopped=lambda: False)
    clips.close()


def test_an_alignment_of_other_words_is_not_believed() -> None:
    clips = Clips()
    corrected = clip(names()[0], truth="bin blue at s two soon")
    unaligned = clip(names()[1], aligned=False)
    clips.gather([corrected, unaligned], "training", fits=lambda *_: True, stopped=lambda: False)
    assert [row.words for row in clips.rows] == [None, None]
    clips.close()


def test_a_span_shifts_its_words() -> None:
    whole = clip(names()[0])
    media = {
        "video": dataclasses.replace(whole.media["video"], start=0.4, end=2.6),
        "alignment": whole.media["alignment"],
    }
    clips = Clips()
    clips.gather(
        [whole, dataclasses.replace(whole, media=media)],
        "training", fits=lambda *_: True, stopped=lambda: False,
    )  # fmt: skip
    one, two = clips.rows
    assert two.frames == 55
    assert one.words is not None
    assert two.words is not None
    for a, b in zip(one.words, two.words, strict=True):
        assert (a.start or 0) - (b.start or 0) == pytest.approx(0.4)
    np.testing.assert_array_equal(clips.pictures(1), clips.pictures(0)[10:65])
    clips.close()
