"""Sound in: every container and depth, what stays lossless, what is noticed as damaged."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from truing.domain.errors import DamagedError, InvalidInputError, NotFoundError
from truing.domain.media import IngestedMedia, Media
from truing.modalities.speech.media import Waveform, group_keys, ingest

DATA = Path(__file__).parents[2] / "data" / "speech"


def decoded(kept: IngestedMedia, dtype: str = "int16") -> tuple[Any, int]:
    samples, rate = soundfile.read(io.BytesIO(kept.data), dtype=dtype, always_2d=True)
    return samples, rate


def as_file(samples: Any, rate: int, container: str = "WAV", subtype: str = "PCM_16") -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=container, subtype=subtype)
    return buffer.getvalue()


def noise(frames: int, channels: int = 1, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    return rng.integers(-(1 << 15), 1 << 15, (frames, channels)).astype(np.int16)


@given(
    frames=st.integers(16, 5000),
    channels=st.integers(1, 10),
    rate=st.integers(1_000, 768_000),
    seed=st.integers(0, 99),
    shift=st.integers(0, 15),
)
@settings(max_examples=60, deadline=None)
def test_int16_comes_back_bit_for_bit(
    frames: int, channels: int, rate: int, seed: int, shift: int
) -> None:
    given_samples = noise(frames, channels, seed) >> shift
    kept = ingest("audio", (given_samples, rate))
    samples, kept_rate = decoded(kept)
    assert kept_rate == rate
    assert np.array_equal(samples, given_samples)
    assert kept.facts["frames"] == frames
    assert kept.facts["channels"] == channels
    assert kept.facts["duration"] == frames / rate
    assert kept.media_type == ("audio/flac" if kept.data[:4] == b"fLaC" else "audio/wav")
    if channels <= 8 and rate <= 48_000:
        assert kept.media_type == "audio/flac"


@given(st.lists(st.floats(-1.5, 1.5, width=32), min_size=1, max_size=200))
@settings(deadline=None)
def test_floats_are_rounded_and_limited(values: list[float]) -> None:
    samples = np.array(values, dtype=np.float32)
    kept, _ = decoded(ingest("audio", (samples, 16_000)), "float64")
    limited = np.clip(samples, -1.0, 1.0 - 1 / 32768)
    assert np.abs(kept[:, 0] - limited).max() <= 0.5 / 32768 + 1e-9


def test_floats_read_from_16_bits_come_back_bit_for_bit() -> None:
    samples = noise(4000)
    kept = ingest("audio", (samples.astype(np.float32) / 32768, 16_000))
    assert np.array_equal(decoded(kept)[0], samples)


def test_a_waveform_and_torch_like_arrays_are_taken() -> None:
    samples = noise(100)[:, 0]
    kept = ingest("audio", Waveform(samples, 8_000))
    assert kept.data == ingest("audio", (samples, 8_000)).data


@pytest.mark.parametrize(
    ("subtype", "dtype", "bits"),
    [("PCM_U8", "int16", 8), ("PCM_16", "int16", 16), ("PCM_24", "int32", 24)],
)
def test_wav_becomes_flac_of_the_same_depth_without_loss(
    subtype: str, dtype: str, bits: int
) -> None:
    wav = as_file(np.sin(np.arange(3000) / 9) * 0.7, 22_050, "WAV", subtype)
    kept = ingest("audio", wav)
    before, _ = soundfile.read(io.BytesIO(wav), dtype=dtype, always_2d=True)
    assert kept.media_type == "audio/flac"
    assert kept.facts["bits"] == bits
    assert np.array_equal(decoded(kept, dtype)[0], before)


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE", "PCM_32"])
def test_wider_samples_are_kept_as_24_bits(subtype: str) -> None:
    samples = np.sin(np.arange(3000) / 9) * 0.7
    kept = ingest("audio", as_file(samples, 16_000, "WAV", subtype))
    assert kept.facts["bits"] == 24
    assert np.abs(decoded(kept, "float64")[0][:, 0] - samples).max() <= 2**-23


def test_a_float_file_over_full_scale_stays_as_it_came() -> None:
    wav = as_file(np.linspace(-1.6, 1.6, 500), 16_000, "WAV", "FLOAT")
    kept = ingest("audio", wav)
    assert kept.data == wav
    assert kept.media_type == "audio/wav"


@pytest.mark.parametrize("container", ["AIFF", "AU", "CAF", "W64", "RF64", "NIST"])
def test_other_lossless_containers_become_flac(container: str) -> None:
    samples = noise(2500, 2)
    kept = ingest("audio", as_file(samples, 16_000, container))
    assert kept.media_type == "audio/flac"
    assert kept.damage is None
    assert np.array_equal(decoded(kept)[0], samples)


def test_flac_and_lossy_files_stay_as_they_came(tmp_path: Path) -> None:
    flac = as_file(noise(2500), 16_000, "FLAC")
    ulaw = as_file(noise(2500), 8_000, "WAV", "ULAW")
    for data, media_type in ((flac, "audio/flac"), (ulaw, "audio/wav")):
        kept = ingest("audio", data)
        assert kept.data == data
        assert (kept.media_type, kept.damage) == (media_type, None)


@pytest.mark.parametrize(
    ("name", "media_type", "codec"),
    [
        ("common_voice_en_651325.mp3", "audio/mpeg", "mp3"),
        ("mono_c0.opus", "audio/ogg", "opus"),
        ("stereo.sph", "audio/flac", "flac"),
    ],
)
def test_files_of_other_programs(name: str, media_type: str, codec: str) -> None:
    path = DATA / "formats" / name
    kept = ingest("audio", path)
    assert (kept.media_type, kept.facts["codec"], kept.damage) == (media_type, codec, None)
    assert (kept.data == path.read_bytes()) == (codec != "flac")
    assert ingest("audio", str(path)).facts == kept.facts


class TestContent:
    def test_equal_sound_ties_across_containers_and_depths(self) -> None:
        samples = noise(5000)
        wide = samples.astype(np.int32) << 16
        sources: list[object] = [
            (samples, 16_000),
            (samples[:, 0].astype(np.float64) / 32768, 16_000),
            as_file(samples, 16_000),
            as_file(samples, 16_000, "FLAC"),
            as_file(wide, 16_000, "FLAC", "PCM_24"),
            as_file(samples[:, 0] / 32768, 16_000, "WAV", "FLOAT"),
            as_file(np.repeat(samples, 2, axis=1), 16_000, "AIFF"),
        ]
        found = {ingest("audio", source).facts["content"] for source in sources}
        assert len(found) == 1
        assert str(found.pop()).startswith("pcm:sha256:")

    def test_other_sound_rate_or_channels_do_not(self) -> None:
        samples = noise(5000, 2)
        changed = samples.copy()
        changed[4000, 1] ^= 1
        found = {
            ingest("audio", source).facts["content"]
            for source in (
                (samples, 16_000),
                (changed, 16_000),
                (samples, 8_000),
                (samples[:, 0], 16_000),
            )
        }
        assert len(found) == 4

    def test_group_keys_are_the_contents(self) -> None:
        kept = ingest("audio", (noise(10), 8_000))
        medium = Media(
            role="audio", digest="sha256:x", size=1, media_type="audio/flac", facts=kept.facts
        )
        bare = Media(role="audio", digest="sha256:y", size=1, media_type="audio/flac")
        assert group_keys([medium, medium, bare]) == (kept.facts["content"],)


class TestDamage:
    @given(share=st.floats(0.1, 0.98))
    @settings(max_examples=25, deadline=None)
    def test_a_wav_or_aiff_that_was_cut_off(self, share: float) -> None:
        for container in ("WAV", "AIFF"):
            data = as_file(noise(4000), 16_000, container)
            kept = ingest("audio", data[: int(len(data) * share)])
            assert kept.damage is not None
            assert "promises" in kept.damage
            assert kept.facts["damage"] == kept.damage

    def test_a_whole_file_with_or_without_later_chunks_is_fine(self) -> None:
        data = as_file(noise(4001), 16_000)
        assert ingest("audio", data + b"LIST\x04\x00\x00\x00abcd").damage is None
        assert ingest("audio", data).damage is None

    def test_a_size_that_a_pipe_could_not_know_is_no_damage(self) -> None:
        data = bytearray(as_file(noise(4000), 16_000))
        place = data.index(b"data") + 4
        struct.pack_into("<I", data, place, 0xFFFFFFFF)
        struct.pack_into("<I", data, 4, 0xFFFFFFFF)
        kept = ingest("audio", bytes(data))
        assert kept.damage is None
        assert kept.facts["frames"] == 4000

    def test_a_recorder_that_never_wrote_its_header(self) -> None:
        data = bytearray(as_file(noise(4000), 16_000))
        struct.pack_into("<I", data, data.index(b"data") + 4, 0)
        kept = ingest("audio", bytes(data))
        assert kept.damage is not None
        assert "no sound" in kept.damage

    @pytest.mark.parametrize("container", ["RF64", "RIFX"])
    def test_large_and_big_endian_headers(self, container: str) -> None:
        buffer = io.BytesIO()
        large = container == "RF64"
        soundfile.write(
            buffer,
            noise(4000),
            16_000,
            format="RF64" if large else "WAV",
            endian="FILE" if large else "BIG",
        )
        whole = buffer.getvalue()
        assert whole[:4] == container.encode()
        assert ingest("audio", whole).damage is None
        cut = ingest("audio", whole[: len(whole) // 2])
        assert cut.damage is not None
        assert "promises" in cut.damage

    @pytest.mark.parametrize("name", ["sb_cut_file.wav", "sb_empty.wav"])
    def test_real_ones(self, name: str) -> None:
        kept = ingest("audio", DATA / "quality" / name)
        assert kept.damage is not None
        assert "65280 bytes" in kept.damage

    def test_a_flac_cut_in_two_keeps_its_first_half(self) -> None:
        data = as_file(noise(40_000), 16_000, "FLAC")
        kept = ingest("audio", data[: len(data) // 2])
        assert kept.damage is not None
        assert kept.data == data[: len(data) // 2]
        assert 0 < int(str(kept.facts["frames"])) < 40_000

    def test_no_sound_at_all(self) -> None:
        for source in ((np.zeros(0, np.int16), 16_000), as_file(noise(0), 16_000)):
            kept = ingest("audio", source)
            assert kept.damage is not None
            assert kept.facts["duration"] == 0.0

    def test_samples_that_are_no_numbers(self) -> None:
        samples = np.array([0.1, np.nan, np.inf, -0.1])
        for source in ((samples, 16_000), as_file(samples, 16_000, "WAV", "FLOAT")):
            kept = ingest("audio", source)
            assert kept.damage is not None
            assert "not numbers" in kept.damage
            assert decoded(kept, "float64")[0][:, 0] == pytest.approx([0.1, 0, 0, -0.1], abs=1e-4)

    @pytest.mark.parametrize(
        "data", [b"", b"hello", b"RIFF\x00\x00\x00\x00WAVE", b"fLaC" + b"\0" * 9]
    )
    def test_bytes_that_are_no_sound(self, data: bytes) -> None:
        with pytest.raises(DamagedError) as error:
            ingest("audio", data)
        assert error.value.hint

    def test_text_in_a_wav(self) -> None:
        with pytest.raises(DamagedError, match="sb_not_audio"):
            ingest("audio", DATA / "quality" / "sb_not_audio.wav")

    @given(st.binary(max_size=300), st.sampled_from([b"RIFF", b"FORM", b"fLaC", b"OggS", b""]))
    @settings(max_examples=150, deadline=None)
    def test_any_bytes_are_taken_or_refused_in_words(self, tail: bytes, head: bytes) -> None:
        try:
            kept = ingest("audio", head + tail)
        except (DamagedError, InvalidInputError):
            return
        assert kept.data


class TestRefusals:
    @pytest.mark.parametrize(
        "source",
        [
            3,
            None,
            ["a"],
            (np.zeros(4), 0),
            (np.zeros(4), "fast"),
            (np.zeros(4), 16_000.5),
            (np.zeros((2, 4000)), 16_000),
            (np.zeros((2, 2, 2)), 16_000),
            (np.zeros(4, np.uint8), 16_000),
            (np.full(4, 3000.0), 16_000),
            ("text", 16_000),
            (np.zeros(4), 16_000, 1),
        ],
    )
    def test_what_is_no_sound(self, source: object) -> None:
        with pytest.raises(InvalidInputError) as error:
            ingest("audio", source)
        assert error.value.hint

    def test_another_role(self) -> None:
        with pytest.raises(InvalidInputError, match="`video`"):
            ingest("video", (np.zeros(4), 16_000))

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(NotFoundError, match=r"none\.wav"):
            ingest("audio", tmp_path / "none.wav")
        with pytest.raises(InvalidInputError):
            ingest("audio", tmp_path)

    def test_four_hours_are_the_limit_even_when_they_are_a_few_bytes(self) -> None:
        hours = np.zeros(4 * 3600 * 1000 + 1, np.int16)
        packed = as_file(hours, 1000, "FLAC")
        assert len(packed) < 300_000
        for source in (packed, (hours, 1000)):
            with pytest.raises(InvalidInputError, match="too large"):
                ingest("audio", source)


@pytest.mark.parametrize("rate", [1, 50, 999])
def test_a_file_at_a_rate_that_holds_no_speech_is_refused(rate: int) -> None:
    written = io.BytesIO()
    soundfile.write(written, np.zeros(rate), rate, format="WAV", subtype="PCM_16")
    with pytest.raises(InvalidInputError, match=f"`{rate}` is no sample rate"):
        ingest("audio", written.getvalue())
