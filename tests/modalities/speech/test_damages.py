"""Damage done on purpose to shipped recordings is found, and the recordings themselves pass."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr

from truing.demo.shipped import RECORDINGS
from truing.domain.errors import DamagedError
from truing.domain.finding import Severity
from truing.domain.media import Media
from truing.domain.modality import CheckInput
from truing.domain.settings import resolve
from truing.modalities.speech.checks import check
from truing.modalities.speech.media import ingest
from truing.modalities.speech.thresholds import THRESHOLDS

RATE = 8_000
SPEAKERS = ("theo", "nicolas")
SPOKEN = (3, 1, 4, 2, 9, 7)
LIMITS = resolve(THRESHOLDS, flags={}, environ={}, file_values={}, file_origin="")
Signal = Any


def findings(source: object, text: str | None) -> dict[str, Severity]:
    """What ingesting and checking finds, as capture does both."""
    kept = ingest("audio", source)
    medium = Media(
        role="audio",
        digest="sha256:x",
        size=len(kept.data),
        media_type=kept.media_type,
        facts=kept.facts,
    )
    given = CheckInput(
        media=[medium],
        data={"audio": kept.data},
        predictions=[],
        truth=text,
        damage={"audio": kept.damage} if kept.damage else {},
    )
    return {found.check: found.severity for found in check(given, LIMITS).findings}


def metadata() -> list[dict[str, Any]]:
    lines = (RECORDINGS / "metadata.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@lru_cache(maxsize=2)
def spoken(speaker: str) -> tuple[Signal, str]:
    """Six digits one after the other over a faint noise, peak 0.6, and their words."""
    rows = {(r["speaker"], r["recording"], Path(r["file_name"]).name[0]): r for r in metadata()}
    chosen = [rows[speaker, 12, str(digit)] for digit in SPOKEN]
    pause = np.zeros(round(0.15 * RATE))
    parts = [pause]
    for row in chosen:
        sound, rate = soundfile.read(RECORDINGS / row["file_name"])
        assert rate == RATE
        fade = np.minimum(1, np.arange(len(sound)) / 80)
        parts += [sound / np.abs(sound).max() * fade * fade[::-1], pause]
    sound = np.concatenate(parts)
    sound += np.random.default_rng(3).standard_normal(len(sound)) * 3e-4
    return sound / np.abs(sound).max() * 0.6, " ".join(row["transcription"] for row in chosen)


def pink(length: int) -> Signal:
    """Noise whose power falls by 3 dB an octave, level 1."""
    spectrum = np.fft.rfft(np.random.default_rng(5).standard_normal(length))
    shaped = np.fft.irfft(spectrum / np.sqrt(np.arange(len(spectrum)) + 1), length)
    return shaped / shaped.std()


def noisy(sound: Signal, decibels: float) -> Signal:
    """Pink noise under the speech, measured where somebody speaks."""
    level = np.sqrt(np.square(sound[np.abs(sound) > 0.02]).mean())
    mixed = sound + pink(len(sound)) * level * 10 ** (-decibels / 20)
    return mixed / np.abs(mixed).max() * 0.6


def with_gaps(sound: Signal) -> Signal:
    """Five packets of 30 ms lost where it is loud."""
    broken = sound.copy()
    loud = np.flatnonzero(np.abs(sound) > 0.3)
    for place in loud[np.linspace(0, len(loud) - 1, 7).astype(int)[1:-1]]:
        broken[place : place + 240] = 0
    return broken


def two(left: Signal, right: Signal) -> Signal:
    return np.stack([left, right], axis=1)


def wave(sound: Signal, subtype: str = "PCM_16", rate: int = RATE) -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, sound, rate, format="WAV", subtype=subtype)
    return stream.getvalue()


def long_silence(sound: Signal) -> Signal:
    quiet = np.random.default_rng(7).standard_normal(12 * RATE) * 2e-4
    return np.concatenate([sound, quiet])


TONE = np.sin(2 * np.pi * 50 * np.arange(60 * RATE) / RATE)
DAMAGES: dict[str, tuple[str, Callable[[Signal], object]]] = {
    "clip_x4": ("clipped", lambda s: (np.clip(4 * s, -1, 1), RATE)),
    "clip_x10": ("clipped", lambda s: (np.clip(10 * s, -1, 1), RATE)),
    "softclip_quiet": ("clipped", lambda s: (0.1 * np.clip(6 * s, -1, 1), RATE)),
    "dc": ("dc_offset", lambda s: (s + 0.1, RATE)),
    "dropouts": ("dropouts", lambda s: (with_gaps(s), RATE)),
    "hum50": ("hum", lambda s: (s + 0.1 * TONE[: len(s)], RATE)),
    "antiphase": ("antiphase", lambda s: (two(s, -s), RATE)),
    "one_dead_channel": ("dead_channel", lambda s: (two(s, 0 * s), RATE)),
    "long_silence": ("mostly_silence", lambda s: (long_silence(s), RATE)),
    "phoneband": ("band_limited", lambda s: (soxr.resample(s, RATE, 16_000), 16_000)),
    "pink_snr10": ("noisy", lambda s: (noisy(s, 10), RATE)),
    "pink_snr5": ("noisy", lambda s: (noisy(s, 5), RATE)),
    "pink_snr0": ("noisy", lambda s: (noisy(s, 0), RATE)),
    "quiet": ("too_quiet", lambda s: (s * 0.004, RATE)),
    "silence": ("silent", lambda s: (s * 1e-4, RATE)),
    "truncated_end": ("text_too_long", lambda s: (s[: len(s) // 3], RATE)),
    "wrong_rate": ("wrong_rate", lambda s: (s, 3 * RATE)),
    "cut_file": ("damaged", lambda s: wave(s)[: len(s)]),
    "header_alone": ("damaged", lambda s: wave(s[:0])),
}
CLEAN: dict[str, Callable[[Signal], object]] = {
    "as it is": lambda s: (s, RATE),
    "24 bits": lambda s: wave(s, "PCM_24"),
    "floats": lambda s: wave(s.astype(np.float32), "FLOAT"),
    "int16": lambda s: (np.rint(s * 32767).astype(np.int16), RATE),
    "pink noise 30 dB below": lambda s: (noisy(s, 30), RATE),
    "turned down": lambda s: (s * 0.05, RATE),
    "pauses of a program": lambda s: (np.concatenate([s, np.zeros(RATE // 5), s[1500:]]), RATE),
}


@pytest.mark.parametrize("speaker", SPEAKERS)
@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_found(damage: str, speaker: str) -> None:
    expected, spoil = DAMAGES[damage]
    sound, text = spoken(speaker)
    found = findings(spoil(sound), text)
    assert expected in found
    blocking = {name for name, severity in found.items() if severity is Severity.BLOCKING}
    assert blocking == ({expected} if expected in ("damaged", "silent") else set())


@pytest.mark.parametrize("speaker", SPEAKERS)
@pytest.mark.parametrize("kind", CLEAN)
def test_a_clean_recording_in_any_shape_passes(kind: str, speaker: str) -> None:
    sound, text = spoken(speaker)
    given = CLEAN[kind](sound)
    assert findings(given, f"{text} {text}" if kind == "pauses of a program" else text) == {}


@pytest.mark.parametrize("level", [0.01, 0.1])
def test_noise_alone_is_no_speech(level: float) -> None:
    assert "no_speech" in findings((pink(3 * RATE) * level, RATE), None)


@pytest.mark.parametrize("data", [b"", b"this is a text, not sound\n" * 20])
def test_what_is_no_sound_is_refused(data: bytes) -> None:
    with pytest.raises(DamagedError):
        ingest("audio", data)


def test_the_shipped_digits_pass() -> None:
    rows = metadata()[::6]
    assert len(rows) >= 250
    for row in rows:
        found = findings(RECORDINGS / row["file_name"], row["transcription"])
        assert found == {}, (row["file_name"], found)
