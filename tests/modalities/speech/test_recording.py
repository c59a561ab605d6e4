"""Stored sound as models hear it: spans, rates, channels that must not cancel."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from truing.domain.errors import DamagedError, NotFoundError
from truing.domain.recipe import MediaFile
from truing.modalities.speech.recording import Recording, mono, read_mono

RATE = 16_000


def tone(seconds: float, rate: int = RATE, hertz: float = 440.0) -> Any:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.flac"
    soundfile.write(path, np.concatenate([np.zeros(RATE), tone(1.0), np.zeros(RATE)]), RATE)
    return path


def test_a_span_is_what_it_says(file: Path) -> None:
    whole = read_mono(MediaFile(path=file))
    middle = read_mono(MediaFile(path=file, start=1.0, end=2.0))
    assert (len(whole), len(middle)) == (3 * RATE, RATE)
    assert np.array_equal(middle, whole[RATE : 2 * RATE])
    assert middle.dtype == np.float32
    assert len(read_mono(MediaFile(path=file, start=2.5, end=9.0))) == RATE // 2
    assert len(read_mono(MediaFile(path=file, start=9.0))) == 0


def test_pieces_within_a_span_count_from_its_start(file: Path) -> None:
    with Recording(MediaFile(path=file, start=0.5, end=2.5)) as recording:
        assert recording.seconds == 2.0
        assert np.array_equal(
            recording.read(0.5, 1.5), read_mono(MediaFile(path=file, start=1.0, end=2.0))
        )
        assert len(recording.read(1.5, 99.0)) == RATE // 2


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000])
def test_other_rates_are_resampled(rate: int) -> None:
    buffer = io.BytesIO()
    soundfile.write(buffer, tone(1.0, rate), rate, format="WAV")
    sound = read_mono(buffer.getvalue())
    assert abs(len(sound) - RATE) <= 1
    inner = slice(2000, 14_000)
    assert np.abs(sound[inner] - tone(1.0)[inner]).max() < 0.005


def test_channels_that_cancel_are_not_mixed() -> None:
    signal = tone(0.1).astype(np.float32)
    assert np.array_equal(mono(np.stack([signal, -signal], axis=1)), signal)


def test_dead_channels_do_not_halve_the_sound() -> None:
    signal = tone(0.1).astype(np.float32)
    silent = np.zeros_like(signal)
    assert np.array_equal(mono(np.stack([silent, signal], axis=1)), signal)
    assert np.array_equal(mono(np.stack([silent, silent], axis=1)), silent)


@pytest.mark.parametrize("name", ["common_voice_en_651325.mp3", "mono_c0.opus", "stereo.sph"])
def test_a_stored_file_needs_no_name(name: str, tmp_path: Path) -> None:
    source = Path(__file__).parents[2] / "data" / "speech" / "formats" / name
    blob = tmp_path / "cdef0123"
    blob.write_bytes(source.read_bytes())
    sound = read_mono(MediaFile(path=blob))
    assert np.array_equal(sound, read_mono(blob.read_bytes()))
    assert len(sound) / RATE == pytest.approx(Recording(MediaFile(path=blob)).seconds, abs=0.01)


def test_ordinary_stereo_is_averaged() -> None:
    left, right = tone(0.1).astype(np.float32), tone(0.1, hertz=300).astype(np.float32)
    assert mono(np.stack([left, right], axis=1)) == pytest.approx((left + right) / 2, abs=1e-6)


def test_a_missing_or_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"gone\.flac"):
        read_mono(MediaFile(path=tmp_path / "gone.flac"))
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(DamagedError, match=r"text\.wav"):
        read_mono(MediaFile(path=tmp_path / "text.wav"))
    with pytest.raises(DamagedError):
        read_mono(b"")
