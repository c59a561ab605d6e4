"""Copies of a recording are recognised and others are not; sketches tell sounds apart."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr

from truing.demo.shipped import RECORDINGS
from truing.domain.media import Media
from truing.domain.modality import CanSketch, CanSpotCopies
from truing.domain.sample import MARK
from truing.modalities.speech.fingerprint import (
    LONGEST,
    correlation,
    likeness,
    marks,
    sketch,
)
from truing.modalities.speech.media import ingest
from truing.modalities.speech.modality import Speech

RATE = 8_000
LIMIT = 0.85
CLEAN = Path(__file__).parents[2] / "data" / "speech" / "quality" / "sb_clean.flac"
Signal = Any


def digits() -> list[tuple[str, str, Path]]:
    """(speaker, digit, file) of every shipped recording."""
    lines = (RECORDINGS / "metadata.jsonl").read_text(encoding="utf-8").splitlines()
    rows = map(json.loads, lines)
    return [(r["speaker"], r["transcription"], RECORDINGS / r["file_name"]) for r in rows]


def medium(data: object) -> tuple[Media, bytes]:
    kept = ingest("audio", data)
    kind, facts = kept.media_type, kept.facts
    return Media(role="audio", digest="d", size=1, media_type=kind, facts=facts), kept.data


def coded(sound: Signal, kind: str, subtype: str) -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, sound, RATE, format=kind, subtype=subtype)
    return stream.getvalue()


def noise(length: int) -> Signal:
    return np.random.default_rng(1).standard_normal(length)


def level(sound: Signal) -> float:
    return float(np.sqrt(np.square(sound).mean()))


CHANGES: dict[str, Callable[[Signal], object]] = {
    "another level": lambda s: (s * 0.3, RATE),
    "another rate": lambda s: (soxr.resample(s, RATE, 11_025), 11_025),
    "mp3": lambda s: coded(s, "MP3", "MPEG_LAYER_III"),
    "opus": lambda s: coded(s, "OGG", "OPUS"),
    "vorbis": lambda s: coded(s, "OGG", "VORBIS"),
    "mu-law": lambda s: coded(s, "WAV", "ULAW"),
    "silence around": lambda s: (np.pad(s, (1_234, 777)), RATE),
    "turned over": lambda s: (-s, RATE),
    "two channels": lambda s: (np.stack([s, s], axis=1), RATE),
    "noise 30 dB below": lambda s: (s + noise(len(s)) * level(s) * 10**-1.5, RATE),
    "noise 20 dB below": lambda s: (s + noise(len(s)) * level(s) * 0.1, RATE),
}


@pytest.fixture(scope="module")
def sounds() -> list[tuple[str, str, Signal]]:
    chosen = [row for row in digits() if row[2].stem[-2:] in ("12", "17")]
    assert len(chosen) >= 80
    return [(who, said, soundfile.read(file)[0]) for who, said, file in chosen]


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_of_a_digit_is_found_and_alike(
    change: str, sounds: list[tuple[str, str, Signal]]
) -> None:
    found = 0
    for _, _, sound in sounds[::2]:
        one, data = medium((sound, RATE))
        other, changed = medium(CHANGES[change](sound))
        shared = set(marks([one]).kept) & set(marks([other]).asked)
        found += bool(shared) and likeness(data, changed) >= LIMIT
    # A digit lasts 0.4 s and has one mark: the hardest case.
    assert found >= 0.8 * len(sounds[::2])


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_of_a_sentence_is_found(change: str) -> None:
    sound = soxr.resample(soundfile.read(CLEAN)[0], 16_000, RATE)
    one, data = medium((sound, RATE))
    other, changed = medium(CHANGES[change](sound))
    assert set(marks([one]).kept) & set(marks([other]).asked)
    assert likeness(data, changed) >= LIMIT


@pytest.mark.parametrize("cut", [(800, 0), (0, 1_200), (800, 800)])
def test_a_trimmed_sentence_is_found(cut: tuple[int, int]) -> None:
    sound = soxr.resample(soundfile.read(CLEAN)[0], 16_000, RATE)
    one, data = medium((sound, RATE))
    other, changed = medium((sound[cut[0] : len(sound) - cut[1]], RATE))
    assert set(marks([one]).kept) & set(marks([other]).asked)
    assert likeness(data, changed) >= LIMIT


def test_two_takes_of_a_digit_are_never_copies(sounds: list[tuple[str, str, Signal]]) -> None:
    kept = [(who, said, medium((sound, RATE))[1]) for who, said, sound in sounds]
    compared = 0
    for place, (_, said, data) in enumerate(kept):
        for _, other, changed in kept[place + 1 :]:
            if other == said:
                compared += 1
                assert likeness(data, changed) < LIMIT - 0.05
    assert compared > 200


def test_a_part_is_not_nearly_the_whole() -> None:
    sound = soxr.resample(soundfile.read(CLEAN)[0], 16_000, RATE)
    loudest = int(np.abs(sound).argmax())
    _, whole = medium((np.concatenate([sound, 0.2 * sound, 0.2 * sound[::-1]]), RATE))
    _, part = medium((sound[max(0, loudest - 2_000) : loudest + 2_000], RATE))
    assert likeness(whole, part) < LIMIT


def test_silence_and_blips_have_no_marks() -> None:
    for given in ((np.zeros(RATE), RATE), (np.full(50, 0.5), RATE)):
        one, _ = medium(given)
        assert marks([one]).kept == marks([one]).asked == ()
        assert sketch([one]) is None
    assert likeness(medium((np.zeros(RATE), RATE))[1], medium((np.zeros(RATE), RATE))[1]) == 0.0


def test_marks_are_few_and_begin_as_they_must() -> None:
    one, _ = medium(CLEAN)
    found = marks([one])
    assert 1 <= len(found.kept) <= 3
    assert len(found.asked) <= 200
    assert found.kept[0] == found.asked[0]
    assert all(key.startswith(MARK) for key in (*found.kept, *found.asked))


def test_facts_that_are_missing_or_of_a_span_give_none() -> None:
    one, _ = medium(CLEAN)
    bare = Media(role="audio", digest="d", size=1, media_type="audio/flac")
    span = Media(
        role="audio", digest="d", size=1, media_type="a", start=0.5, end=1.0, facts=one.facts
    )
    assert marks([bare]).asked == marks([span]).asked == marks([]).asked == ()
    assert sketch([bare]) is sketch([]) is None


def test_only_the_first_half_minute_counts() -> None:
    rng = np.random.default_rng(2)
    sound = rng.standard_normal(round((LONGEST + 5) * RATE)) * 0.1
    sound[: RATE * 3] *= 5
    one, _ = medium((sound, RATE))
    other, _ = medium((sound[: round(LONGEST * RATE)], RATE))
    assert one.facts["marks"] == other.facts["marks"]


def test_the_correlation_of_a_shifted_copy_is_one() -> None:
    sound = noise(4_000)
    assert correlation(sound, sound[300:]) == pytest.approx(1.0)
    assert correlation(sound, noise(9_000)[5_000:]) < 0.2
    assert correlation(sound, np.zeros(4_000)) == 0.0


class TestSketch:
    def test_the_level_does_not_move_it_and_its_length_is_fixed(self) -> None:
        sound, rate = soundfile.read(CLEAN)
        one, other = sketch([medium((sound, rate))[0]]), sketch([medium((sound * 0.2, rate))[0]])
        assert one is not None
        assert other is not None
        assert len(one) == len(other) == 26
        assert np.abs(np.subtract(one, other)).max() < 0.1

    def test_a_digit_lies_nearer_to_itself_said_again_than_to_others(
        self, sounds: list[tuple[str, str, Signal]]
    ) -> None:
        found = [sketch([medium((sound, RATE))[0]]) for _, _, sound in sounds]
        vectors = np.array(found, dtype=float)
        gaps = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)
        same = [[a[:2] == b[:2] for b in sounds] for a in sounds]
        own = ~np.eye(len(sounds), dtype=bool)
        assert gaps[np.array(same) & own].mean() < 0.75 * gaps[~np.array(same)].mean()

    def test_the_modality_can(self) -> None:
        speech = Speech()
        assert isinstance(speech, CanSketch)
        assert isinstance(speech, CanSpotCopies)
        one, data = medium(CLEAN)
        assert speech.sketch([one]) == sketch([one])
        assert speech.marks([one]) == marks([one])
        assert speech.likeness({"audio": data}, {"audio": data}) == pytest.approx(1.0)
        assert speech.least_likeness in {setting.key for setting in speech.settings}
