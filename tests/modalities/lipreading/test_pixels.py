"""The small matrix of a clip: the same however light, long or often it was taken."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from truing.domain.errors import DamagedError, NotFoundError
from truing.domain.recipe import MediaFile
from truing.modalities.lipreading import pixels
from truing.modalities.lipreading.pixels import POINTS, WIDTH, between, matrix, pixels_of

MOUTH = Path(__file__).parents[2] / "data" / "lipreading" / "grid_s1" / "mouth"
CLIP = MOUTH / "bbas1s.mp4"


def frames(count: int = 30, seed: int = 0) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(40, 200, (count // 5 + 1, 24, 24))
    steady = np.repeat(np.repeat(coarse, 4, axis=1), 4, axis=2)
    return np.repeat(steady, 5, axis=0)[:count].astype(np.uint8)


def test_a_real_clip() -> None:
    found = pixels_of(MediaFile(path=CLIP))
    assert found.values.shape == (POINTS, WIDTH)
    assert found.values.dtype == np.float32
    assert np.abs(found.values.mean(0)).max() < 1e-4
    assert (found.first, round(found.last, 2), found.seen) == (0.0, 2.96, 1.0)
    assert found.place(found.time(12.5)) == pytest.approx(12.5)
    assert found.place(1.0) == pytest.approx(25.0, abs=0.01)


def test_light_and_contrast_do_not_matter() -> None:
    times = np.arange(30) / 25
    plain = frames()
    darker = (plain * 0.5 + 20).astype(np.uint8)
    assert np.abs(matrix(plain, times) - matrix(darker, times)).max() < 0.03


def test_time_is_spread_by_the_stamps_not_by_the_number_of_frames() -> None:
    plain = frames()
    times = np.arange(30) / 25
    # Every second frame of the second half was dropped.
    kept = np.r_[np.arange(15), np.arange(15, 30, 2), 29]
    gappy = matrix(plain[kept], times[kept])
    assert np.corrcoef(gappy.ravel(), matrix(plain, times).ravel())[0, 1] > 0.9


def test_a_single_frame_stands_still() -> None:
    assert np.abs(matrix(frames(1), np.zeros(1))).max() < 1e-4


def test_reading_between_frames() -> None:
    clips = np.arange(6, dtype=np.float32).reshape(1, 3, 2)
    found = between(clips, np.array([[0.5, 2.0, -4.0, 9.0]]))
    assert found[0].tolist() == [[1, 2], [4, 5], [0, 1], [4, 5]]


def test_a_clip_is_decoded_once_and_another_under_its_name_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from truing.modalities.lipreading import mouth

    calls = []
    real = mouth.mouth_clip
    monkeypatch.setattr(mouth, "mouth_clip", lambda *a, **k: (calls.append(a), real(*a, **k))[1])
    pixels._pixels.cache_clear()
    file = tmp_path / "blob"
    shutil.copyfile(CLIP, file)
    first = pixels_of(MediaFile(path=file))
    assert pixels_of(MediaFile(path=file)) is first
    assert len(calls) == 1
    span = pixels_of(MediaFile(path=file, start=1.0, end=2.0))
    assert span.last - span.first == pytest.approx(0.96, abs=0.02)
    file.unlink()
    shutil.copyfile(MOUTH / "bbas2p.mp4", file)
    assert np.abs(pixels_of(MediaFile(path=file)).values - first.values).max() > 0.1
    assert len(calls) == 3


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="nowhere"):
        pixels_of(MediaFile(path=tmp_path / "nowhere"))
    with pytest.raises(DamagedError, match=r"between 60\.0 s and 61\.0 s"):
        pixels_of(MediaFile(path=CLIP, start=60.0, end=61.0))
