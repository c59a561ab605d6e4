"""Sound as browsers record it: decoded to its end, kept as FLAC, refused with a reason."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from truing.domain.errors import DamagedError, InvalidInputError, MissingDependencyError
from truing.modalities.speech import media
from truing.modalities.speech.media import ingest
from truing.modalities.speech.recording import RATE, read_mono

CLIP = Path(__file__).parents[2] / "data" / "speech" / "digits" / "7_theo_25.flac"
SECONDS = 4132 / 8000


@pytest.fixture
def av() -> Any:
    return pytest.importorskip("av")


def recorded(av: Any, container: str, codec: str, *, layout: str = "stereo") -> bytes:
    """The clip as a browser would write it; into a stream, so that no length can be filled in."""
    samples, rate = soundfile.read(CLIP, dtype="int16")

    class Stream(io.RawIOBase):
        def __init__(self) -> None:
            self.data = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            self.data += data
            return len(data)

    target = Stream() if container == "webm" else io.BytesIO()
    with av.open(target, "w", format=container) as written:
        stream = written.add_stream(codec, rate=48_000, layout=layout)
        resampler = av.AudioResampler(
            format=stream.codec_context.format.name, layout=layout, rate=48_000
        )
        frame = av.AudioFrame.from_ndarray(samples[None, :], format="s16", layout="mono")
        frame.sample_rate = rate
        for part in (*resampler.resample(frame), *resampler.resample(None)):
            written.mux(stream.encode(part))
        written.mux(stream.encode(None))
    return bytes(target.data) if isinstance(target, Stream) else target.getvalue()


@pytest.mark.parametrize(
    ("container", "codec"), [("webm", "libopus"), ("mp4", "aac"), ("mp4", "libopus")]
)
def test_it_is_kept_as_one_channel_at_the_rate_of_a_model(
    av: Any, container: str, codec: str
) -> None:
    kept = ingest("audio", recorded(av, container, codec))

    assert (kept.media_type, kept.damage) == ("audio/flac", None)
    facts = kept.facts
    assert (facts["sample_rate"], facts["channels"], facts["bits"]) == (RATE, 1, 16)
    assert facts["duration"] == pytest.approx(SECONDS, abs=0.08)
    heard, original = read_mono(kept.data), read_mono(CLIP.read_bytes())
    length = min(len(heard), len(original))
    likeness = np.correlate(heard[:length], original[:length], "full").max()
    assert likeness / np.linalg.norm(heard) / np.linalg.norm(original) > 0.9


def test_the_header_of_a_recording_in_progress_tells_no_length(av: Any) -> None:
    data = recorded(av, "webm", "libopus")
    with av.open(io.BytesIO(data)) as container:
        assert container.duration is None

    assert ingest("audio", data).facts["duration"] == pytest.approx(SECONDS, abs=0.02)


def test_a_recording_that_was_cut_off_is_kept_as_far_as_it_goes(av: Any) -> None:
    data = recorded(av, "webm", "libopus")

    kept = ingest("audio", data[: len(data) // 2])
    assert 0.05 < float(str(kept.facts["duration"])) < SECONDS


@pytest.mark.parametrize(
    "data", [b"\x1a\x45\xdf\xa3" + bytes(300), b"\0\0\0\x1cftypisom" + bytes(99)]
)
def test_what_only_looks_like_a_recording_is_damaged(av: Any, data: bytes) -> None:
    with pytest.raises(DamagedError, match="the given bytes"):
        ingest("audio", data)


def test_a_film_without_sound_is_refused(av: Any) -> None:
    target = io.BytesIO()
    with av.open(target, "w", format="webm") as written:
        stream = written.add_stream("libvpx", rate=5)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
        written.mux(stream.encode(frame))
        written.mux(stream.encode(None))

    with pytest.raises(DamagedError, match="there is no sound in"):
        ingest("audio", target.getvalue())


def test_decoding_ends_when_the_sound_gets_too_long(
    av: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = recorded(av, "webm", "libopus")
    monkeypatch.setattr(media, "MOST_SECONDS", 0.25)

    with pytest.raises(InvalidInputError, match="too large"):
        ingest("audio", data)


def test_without_the_decoder_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)

    with pytest.raises(MissingDependencyError) as caught:
        ingest("audio", b"\x1a\x45\xdf\xa3" + bytes(300))
    assert "truing[media]" in str(caught.value.hint)
