"""Sound in fewer bytes: as long and nearly as it was, and never a loss upon a loss."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from truing.domain.errors import DamagedError, InvalidInputError
from truing.domain.recipe import MediaFile
from truing.modalities.speech.compress import COMPRESSIONS, compress
from truing.modalities.speech.media import ingest

RATE = 16_000


@pytest.fixture
def hum(tmp_path: Path) -> Path:
    """Five seconds of a voice-like sound with some noise, as it is kept."""
    t = np.arange(5 * RATE) / RATE
    tones = sum(np.sin(2 * np.pi * 120 * k * t) / k for k in range(1, 20))
    noise = np.random.default_rng(5).normal(0, 0.02, len(t))
    sound = (0.2 * tones * (1 + np.sin(2 * np.pi * 3 * t)) / 2 + noise).astype(np.float32)
    path = tmp_path / "hum.flac"
    soundfile.write(path, sound, RATE, subtype="PCM_16")
    return path


@pytest.mark.parametrize("format", COMPRESSIONS)
def test_sound_gets_smaller_and_stays_itself(hum: Path, format: str) -> None:
    sizes = []
    for quality in (90, 10):
        data = compress(MediaFile(path=hum), format, quality)
        assert data is not None
        kept = ingest("audio", data)
        assert kept.data == data
        assert kept.media_type == COMPRESSIONS[format]
        assert abs(float(kept.facts["duration"]) - 5) < 0.1  # type: ignore[arg-type]
        sizes.append(len(data))
    assert sizes[1] < sizes[0] < hum.stat().st_size / 2
    (hum.parent / "again").write_bytes(data or b"")
    assert compress(MediaFile(path=hum.parent / "again"), format, 10) is None


def test_what_cannot_be_compressed_stays_or_is_refused(hum: Path) -> None:
    assert compress(MediaFile(path=hum, start=0.0, end=1.0), "opus", 50) is None
    for wished, quality in (("jpeg", 50), ("opus", 0), ("opus", 101)):
        with pytest.raises(InvalidInputError, match="cannot be compressed"):
            compress(MediaFile(path=hum), wished, quality)
    hum.write_bytes(b"no sound at all")
    with pytest.raises(DamagedError):
        compress(MediaFile(path=hum), "opus", 50)
