"""Conversions of video: every frame at its own time, its sound beside it, quickly."""

from __future__ import annotations

import time
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from truing.domain.errors import DamagedError, InvalidInputError, NotFoundError
from truing.domain.recipe import MediaFile
from truing.modalities.lipreading import conversions
from truing.modalities.lipreading.conversions import CONVERSIONS, convert
from truing.modalities.lipreading.frames import probe, read_frames
from truing.modalities.lipreading.media import ingest

av = pytest.importorskip("av")

DATA = Path(__file__).parents[2] / "data" / "lipreading"
FACE = DATA / "grid" / "bbaf2n.mpg"
DAMAGED = DATA / "grid" / "sgib8n.mpg"
MOUTH = DATA / "grid_s1" / "mouth" / "bbas1s.mp4"


def frames_of(video: Path | bytes) -> tuple[list[float], Any]:
    """Times (s) and pictures of all frames."""
    frames = list(read_frames(video, colour="rgb"))
    return [one.time for one in frames], np.stack([one.image for one in frames])


def sound_of(video: Path | bytes) -> tuple[Any, float]:
    """One channel at 16 kHz, and when it begins (s)."""
    place = str(video) if isinstance(video, Path) else BytesIO(video)
    resampler = av.AudioResampler(format="flt", layout="mono", rate=16_000)
    parts, begins = [], None
    with av.open(place) as file:
        for block in file.decode(file.streams.audio[0]):
            begins = block.time if begins is None else begins
            parts += [piece.to_ndarray()[0] for piece in resampler.resample(block)]
    return np.concatenate(parts), float(begins or 0.0)


@pytest.mark.parametrize("clip", [FACE, DAMAGED, MOUTH], ids=["face", "damaged", "mouth"])
def test_the_lossless_form_keeps_every_pixel(clip: Path) -> None:
    times, pictures = frames_of(clip)
    kept_times, kept = frames_of(convert(MediaFile(path=clip), "mkv"))
    assert kept_times == pytest.approx(times, abs=0.0006)
    assert np.array_equal(kept, pictures)
    assert next(iter(CONVERSIONS)) == "mkv"


@pytest.mark.parametrize("clip", [FACE, DAMAGED, MOUTH], ids=["face", "damaged", "mouth"])
def test_the_proxy_has_the_same_frames_at_the_same_times(clip: Path) -> None:
    times, pictures = frames_of(clip)
    proxy = convert(MediaFile(path=clip), "mp4")
    proxy_times, shown = frames_of(proxy)
    assert proxy_times == pytest.approx(times, abs=1e-4)
    assert shown.shape == pictures.shape
    assert np.abs(shown.astype(int) - pictures).mean() < 4
    assert len(proxy) < 1_000_000


def test_the_proxy_is_coded_so_that_browsers_step_through_it() -> None:
    proxy = convert(MediaFile(path=FACE), "mp4")
    with av.open(BytesIO(proxy)) as file:
        stream = file.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert "Baseline" in stream.codec_context.profile
        assert stream.codec_context.pix_fmt == "yuv420p"
        keys = [at for at, one in enumerate(file.decode(stream)) if one.key_frame]
    assert keys[0] == 0
    assert max(np.diff(keys)) <= 5


@pytest.mark.parametrize("format", CONVERSIONS)
def test_uneven_times_stay_uneven(tmp_path: Path, format: str) -> None:
    given = [0.0, 0.05, 0.06, 0.31, 0.4, 1.0]
    frames = np.random.default_rng(0).integers(0, 255, (6, 40, 60), np.uint8)
    data = ingest("video", {"frames": frames, "times": given}).data
    times, _ = frames_of(convert(written(data, tmp_path), format))
    assert times == pytest.approx(given, abs=0.0011)


def written(data: bytes, folder: Path) -> MediaFile:
    """The bytes as a file without an ending, as blobs are kept."""
    place = folder / "blob"
    place.write_bytes(data)
    return MediaFile(path=place)


@pytest.mark.parametrize("format", CONVERSIONS)
def test_the_sound_stays_with_the_picture(format: str) -> None:
    sound, begins = sound_of(FACE)
    kept, kept_begins = sound_of(convert(MediaFile(path=FACE), format))
    lag = round((kept_begins - begins) * 16_000)
    assert abs(lag) < 1600
    length = min(len(sound), len(kept)) - 4000
    best = max(
        float(np.corrcoef(sound[2000 : 2000 + length], kept[2000 + move :][:length])[0, 1])
        for move in range(-1200, 1201, 8)
    )
    assert best > 0.95
    assert not probe(convert(MediaFile(path=MOUTH), format)).has_audio


def test_a_span_is_cut_out_with_its_sound() -> None:
    span = MediaFile(path=FACE, start=1.0, end=2.0)
    times, pictures = frames_of(FACE)
    cut = convert(span, "mkv")
    cut_times, shown = frames_of(cut)
    assert np.array_equal(shown, pictures[25:50])
    assert cut_times == pytest.approx([time - 1.0 for time in times[25:50]], abs=0.0011)
    sound, _ = sound_of(cut)
    assert len(sound) / 16_000 == pytest.approx(1.0, abs=0.06)
    with pytest.raises(DamagedError, match="no frame"):
        convert(MediaFile(path=FACE, start=8.0, end=9.0), "mp4")


def test_large_and_odd_pictures_are_made_to_fit(tmp_path: Path) -> None:
    frames = np.zeros((3, 901, 1441), np.uint8)
    data = ingest("video", {"frames": frames, "times": [0.0, 0.04, 0.08]}).data
    facts = probe(convert(written(data, tmp_path), "mp4"))
    assert (facts.width, facts.height) == (720, 450)


def test_three_seconds_take_less_than_one() -> None:
    convert(MediaFile(path=MOUTH), "mp4")
    before = time.process_time()
    convert(MediaFile(path=FACE), "mp4")
    assert time.process_time() - before < 1.0


def test_the_same_video_gives_the_same_bytes() -> None:
    once, again = (convert(MediaFile(path=FACE), "mp4") for _ in range(2))
    assert once == again


def test_what_cannot_be_converted_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidInputError, match="`gif`"):
        convert(MediaFile(path=FACE), "gif")
    with pytest.raises(NotFoundError):
        convert(MediaFile(path=FACE.with_name("none.mpg")), "mp4")
    with pytest.raises(InvalidInputError, match="not a video"):
        convert(MediaFile(path=FACE.with_suffix(".align")), "mp4")
    monkeypatch.setattr(conversions, "LONGEST", 1.0)
    with pytest.raises(InvalidInputError, match="too long"):
        convert(MediaFile(path=FACE), "mp4")
