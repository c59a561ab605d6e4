"""Films made of pictures, and coded pictures moved to the times they were taken."""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from truing.domain.errors import InvalidInputError, MissingDependencyError
from truing.modalities.lipreading.container import MP4, MPEG, sniff
from truing.modalities.lipreading.encode import encoded, milliseconds, rate_of, retimed
from truing.modalities.lipreading.frames import probe, read_frames, stamps

GRID = Path(__file__).parents[2] / "data" / "lipreading" / "grid"


@pytest.mark.parametrize("shape", [(48, 64), (47, 63), (48, 64, 3), (47, 63, 3)])
def test_pictures_come_back_as_they_were(shape: tuple[int, ...]) -> None:
    ramp = np.linspace(0, 255, shape[1], dtype=np.uint8)
    picture = np.broadcast_to(ramp.reshape(1, -1, *[1] * (len(shape) - 2)), shape)
    frames = np.stack([picture, picture[:, ::-1]])
    back = np.stack([one.image for one in read_frames(encoded(frames, [0.0, 0.1]))])
    grey = back.mean(axis=3)
    expected = frames.mean(axis=3) if len(shape) == 3 else frames
    assert np.abs(grey - expected).mean() < 2.5


def test_times_are_those_given_counted_from_the_first() -> None:
    times = [12.5, 12.53, 12.6, 12.601, 13.0]
    film = encoded(np.zeros((5, 16, 16), np.uint8), times)
    assert stamps(film) == pytest.approx([0, 0.03, 0.1, 0.101, 0.5], abs=1e-6)
    assert probe(film).container == "matroska"


@pytest.mark.parametrize("name", ["bbaf2n.mpg", "bbaf2n_mouth.mp4"])
def test_coded_pictures_move_without_being_coded_anew(name: str) -> None:
    data = (GRID / name).read_bytes()
    rng = np.random.default_rng(5)
    times = np.cumsum(rng.choice([0.033, 0.034, 0.066], 75)).tolist()
    moved = retimed(data, sniff(data[:64], name), times)
    before, after = read_frames(data, colour="grey"), read_frames(moved, colour="grey")
    for one, other, time in zip(before, after, times, strict=True):
        assert np.array_equal(one.image, other.image)
        assert other.time == pytest.approx(time - times[0], abs=1e-6)
    assert not probe(moved).has_audio


def test_there_must_be_one_time_for_each_picture() -> None:
    with pytest.raises(InvalidInputError, match="holds 75 pictures, but 3 times"):
        retimed((GRID / "bbaf2n.mpg").read_bytes(), MPEG, [0.0, 0.1, 0.2])


def test_rates_and_milliseconds() -> None:
    assert rate_of([0.0, 0.04, 0.08]) == 25
    assert rate_of([3.0]) == Fraction(25)
    assert milliseconds([5.0, 5.0334, 6.0]) == [0, 33, 1000]


def test_without_pyav_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingDependencyError) as missing:
        encoded(np.zeros((1, 16, 16), np.uint8), [0.0])
    assert missing.value.hint == 'pip install "truing[lipreading]"'
    with pytest.raises(MissingDependencyError):
        retimed(b"", MP4, [])
    with pytest.raises(MissingDependencyError):
        probe(GRID / "bbaf2n.mpg")
