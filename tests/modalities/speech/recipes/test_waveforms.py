"""Drawing, joining and varying utterances: by position alone, and never beyond what fits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from truing.domain.recipe import Example
from truing.modalities.speech.recipes import waveforms
from truing.modalities.speech.recipes.waveforms import Pool, Variation, vary
from truing.modalities.speech.recording import RATE, read_mono
from truing.training.draws import random_for

BUSY = Variation(speed=0.1, volume_db=6.0, noise_snr_db=20.0, join_chance=0.6)


def pool(rows: list[Example], *, longest: float = 2.0, seed: int = 1, name: str = "train") -> Pool:
    return Pool(rows, seed=seed, name=name, longest=longest, fits=lambda _: True)


def test_a_draw_depends_on_its_position_alone(theo: list[Example]) -> None:
    forwards, backwards = pool(theo), pool(theo)
    first = [forwards.draw(position, BUSY) for position in range(40)]
    second = [backwards.draw(position, BUSY) for position in reversed(range(40))][::-1]
    for (sound, text, example), (sound_2, text_2, example_2) in zip(first, second, strict=True):
        assert np.array_equal(sound, sound_2)
        assert (text, example.uid) == (text_2, example_2.uid)


def test_an_epoch_holds_each_row_once_and_the_next_is_shuffled_anew(theo: list[Example]) -> None:
    rows = pool(theo)
    epochs = [
        [rows.draw(position, Variation())[2].uid for position in range(first, first + len(theo))]
        for first in (0, len(theo))
    ]
    assert sorted(epochs[0]) == sorted(epochs[1]) == sorted(row.uid for row in theo)
    assert epochs[0] != epochs[1]


def test_without_variation_a_clip_is_as_recorded(theo: list[Example]) -> None:
    sound, text, example = pool(theo).draw(0, Variation())
    assert np.array_equal(sound, read_mono(example.media["audio"]))
    assert text == example.truth


def test_joined_utterances_stay_within_their_limits(
    theo: list[Example], jackson: list[Example]
) -> None:
    rows = pool(theo + jackson)
    drawn = [rows.draw(position, BUSY) for position in range(300)]
    counts = [len(text.split()) for _, text, _ in drawn]
    assert set(counts) == {1, 2, 3}
    assert max(len(sound) for sound, _, _ in drawn) <= 2.0 * RATE
    assert min(len(sound) for sound, _, _ in drawn) > 0.1 * RATE
    assert all(np.abs(sound).max() <= 1.0 for sound, _, _ in drawn)
    assert {sound.dtype for sound, _, _ in drawn} == {np.dtype("float32")}


def test_only_one_subject_speaks_in_a_joined_utterance(
    monkeypatch: pytest.MonkeyPatch, theo: list[Example], jackson: list[Example]
) -> None:
    rows = pool(theo + jackson)
    heard: list[str | None] = []
    real = Pool.waveform

    def spy(self: Pool, index: int) -> Any:
        heard.append(self.example(index).subject)
        return real(self, index)

    monkeypatch.setattr(Pool, "waveform", spy)
    for position in range(100):
        heard.clear()
        rows.draw(position, BUSY)
        assert len(set(heard)) == 1


def test_a_clip_as_long_as_the_input_is_never_cut_by_slowing(theo: list[Example]) -> None:
    longest = max(len(read_mono(row.media["audio"])) for row in theo) / RATE
    rows = pool(theo, longest=longest)
    lengths = [len(rows.draw(position, Variation(speed=0.4))[0]) for position in range(60)]
    assert max(lengths) <= round(longest * RATE)
    assert rows.too_long == 0


def test_sound_that_does_not_fit_into_memory_is_decoded_again(
    monkeypatch: pytest.MonkeyPatch, theo: list[Example]
) -> None:
    monkeypatch.setattr(waveforms, "CACHE_BYTES", 0)
    rows = pool(theo)
    assert np.array_equal(rows.waveform(0), rows.waveform(0))
    assert rows.waveform(0) is not rows.waveform(0)


def test_noise_has_the_level_asked_for() -> None:
    tone = np.sin(np.arange(RATE) * 0.3).astype("float32") * 0.2
    for number in range(20):
        changed = vary(
            [tone],
            speed=1.0,
            variation=Variation(noise_snr_db=20.0),
            random=random_for(0, "test", number),
        )
        ratio = 10 * np.log10(np.mean(tone**2) / np.mean((changed - tone) ** 2))
        assert 19.5 < ratio < 50.5


def test_speed_changes_length_and_pitch_together() -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE).astype("float32")
    fast = vary([tone], speed=1.25, variation=Variation(), random=random_for(0, "test"))
    assert len(fast) == pytest.approx(RATE / 1.25, abs=2)
    spectrum = np.abs(np.fft.rfft(fast))
    assert np.argmax(spectrum) * RATE / len(fast) == pytest.approx(550, abs=2)


def test_generators_differ_by_seed_purpose_and_number() -> None:
    firsts = {
        float(random_for(seed, purpose, *numbers).random())
        for seed in (0, 1, -1)
        for purpose in ("a", "b")
        for numbers in ((), (1,), (2,), (1, 2))
    }
    assert len(firsts) == 3 * 2 * 4
