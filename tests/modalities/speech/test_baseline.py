"""The nearest template: good at what it has heard, silent about what it cannot know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from truing.domain.errors import NotFoundError
from truing.domain.recipe import Example, MediaFile
from truing.modalities.speech.baseline import (
    MOST_TEMPLATES,
    cepstra,
    mfcc,
    nearest_template,
    warped,
)


def example(digit: Any, uid: str = "") -> Example:
    return Example(uid=uid or digit.path.stem, media=digit.media, truth=digit.text)


def stretched(digit: Any, folder: Path, factor: float, gain: float) -> Example:
    """The same recording spoken faster or slower, and louder or softer."""
    import soxr

    sound, rate = soundfile.read(digit.path)
    path = folder / f"{digit.path.stem}-{factor}.wav"
    soundfile.write(path, soxr.resample(sound, rate * factor, rate) * gain, rate)
    return Example(uid=path.stem, media={"audio": MediaFile(path=path)}, truth=digit.text)


def test_a_clip_spoken_otherwise_is_still_nearest_to_itself(
    digits: list[Any], tmp_path: Path
) -> None:
    known = [digit for digit in digits if digit.speaker == "jackson"]
    train = [example(digit) for digit in known]
    for factor, gain in ((1.1, 0.3), (0.92, 0.9)):
        test = [stretched(digit, tmp_path, factor, gain) for digit in known]
        found = nearest_template(train, test)
        assert found is not None
        assert sum(a == b.truth for a, b in zip(found, test, strict=True)) >= 9


def test_second_recordings_of_the_same_speaker(digits: list[Any]) -> None:
    theo = [digit for digit in digits if digit.speaker == "theo"]
    train = [example(digit) for digit in theo if digit.path.stem.endswith("25")]
    test = [example(digit) for digit in theo if digit.path.stem.endswith("26")]
    found = nearest_template(train, test)
    assert found is not None
    assert sum(a == b.truth for a, b in zip(found, test, strict=True)) >= len(test) - 2


def test_an_open_vocabulary_is_declined(digits: list[Any]) -> None:
    one = example(digits[0])
    assert nearest_template([], [one]) is None
    assert nearest_template([one], [example(digits[1])]) is None
    many = [Example(uid=str(n), media=one.media, truth=f"sentence {n}") for n in range(201)]
    assert nearest_template(many, many[:1]) is None


def test_many_templates_are_thinned_text_by_text(digits: list[Any]) -> None:
    zero, one = example(digits[0]), example(digits[1])
    assert zero.truth != one.truth
    crowd = [zero] * (MOST_TEMPLATES + 50) + [one]
    assert nearest_template(crowd, [one]) == [one.truth]


def test_warping_compares_each_template_at_its_own_length() -> None:
    rng = np.random.default_rng(0)
    clips = [rng.standard_normal((n, 13)).astype(np.float32) for n in (10, 25, 40)]
    padded = np.zeros((3, 40, 13), np.float32)
    for row, clip in enumerate(clips):
        padded[row, : len(clip)] = clip
    lengths = np.array([10, 25, 40])
    for row, clip in enumerate(clips):
        distances = warped(clip, padded, lengths)
        assert distances[row] == pytest.approx(0.0, abs=1e-3)
        assert distances.argmin() == row
        slow = np.repeat(clip, 2, axis=0)
        assert warped(slow, padded, lengths).argmin() == row


def test_cepstra_have_their_shape_and_long_clips_are_bounded(tmp_path: Path) -> None:
    assert mfcc(np.zeros(0, np.float32)).shape == (1, 13)
    noise = np.random.default_rng(0).standard_normal(16_000).astype(np.float32)
    assert mfcc(noise).shape == (49, 13)
    assert mfcc(np.tile(noise, 5)).shape == (75, 13)
    with pytest.raises(NotFoundError):
        cepstra(Example(uid="x", media={"audio": MediaFile(path=tmp_path / "none.wav")}, truth="x"))
