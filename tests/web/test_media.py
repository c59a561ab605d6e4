"""Media over HTTP: whole, in parts, in other formats; what is drawn; panels."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pytest
import soundfile
from tests.web.conftest import Served

from truing.domain.media import Media
from truing.modalities.speech.conversions import CONVERSIONS
from truing.testing.factories import make_media, make_sample

AUDIO = "/api/samples/1/media/audio"


def kept(served: Served, number: int = 1) -> bytes:
    return served.workspace.blobs.read(served.workspace.sample(number).media[0].digest)


def heard(data: bytes) -> tuple[Any, int]:
    samples, rate = soundfile.read(io.BytesIO(data), dtype="int16")
    return samples, rate


def test_a_medium_comes_as_it_is_kept(filled: Served) -> None:
    answer = filled.client.ask("GET", AUDIO)
    assert answer.body == kept(filled)
    assert answer.headers["content-type"] == "audio/flac"
    assert "immutable" in answer.headers["cache-control"]
    again = filled.client.ask("GET", AUDIO, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    assert "attachment" not in answer.headers.get("content-disposition", "")
    named = filled.client.ask("GET", f"{AUDIO}?download=1").headers["content-disposition"]
    assert named == 'attachment; filename="sample-1.flac"'


@pytest.mark.parametrize("format", ["", "?format=wav"])
def test_parts_of_a_medium(filled: Served, format: str) -> None:
    path = AUDIO + format
    whole = filled.client.ask("GET", path).body
    size = len(whole)
    for asked, first, last in (
        ("bytes=0-9", 0, 9),
        ("bytes=100-", 100, size - 1),
        ("bytes=-7", size - 7, size - 1),
        (f"bytes=5-{size * 3}", 5, size - 1),
    ):
        part = filled.client.ask("GET", path, headers={"Range": asked})
        assert part.status == 206
        assert part.body == whole[first : last + 1]
        assert part.headers["content-range"] == f"bytes {first}-{last}/{size}"
    beyond = filled.client.ask("GET", path, headers={"Range": f"bytes={size}-"})
    assert beyond.status == 416
    other = {"Range": "bytes=0-9", "If-Range": '"another"'}
    assert filled.client.ask("GET", path, headers=other).body == whole


@pytest.mark.parametrize("format", CONVERSIONS)
def test_other_formats_hold_the_same_sound(filled: Served, format: str) -> None:
    answer = filled.client.ask("GET", f"/api/entries/1/audio?format={format}")
    assert answer.headers["content-type"] == CONVERSIONS[format]
    samples, rate = heard(answer.body)
    true, own = heard(kept(filled))
    if format in ("wav", "flac"):
        assert rate == own
        assert np.array_equal(samples, true)
    else:
        assert len(samples) / rate == pytest.approx(len(true) / own, abs=0.1)
        assert abs(samples).max() > abs(true).max() / 2


def test_24_bits_stay_24_bits(empty: Served) -> None:
    rng = np.random.default_rng(0)
    numbers = rng.integers(-(2**23), 2**23, 4000, dtype=np.int32) << 8
    wave = io.BytesIO()
    soundfile.write(wave, numbers, 16_000, format="WAV", subtype="PCM_24")
    added = empty.workspace.capture("speech", audio=wave.getvalue(), sampling="wholesale")
    assert added is not None
    for kind in ("wav", "flac"):
        body = empty.client.ask("GET", f"/api/entries/{added.id}/audio?format={kind}").body
        assert np.array_equal(soundfile.read(io.BytesIO(body), dtype="int32")[0], numbers)


def test_a_span_is_cut_out(filled: Served) -> None:
    whole = filled.workspace.sample(1).media[0]
    span = Media(
        role="audio",
        digest=whole.digest,
        size=whole.size,
        media_type=whole.media_type,
        start=0.1,
        end=0.2,
        facts=whole.facts,
    )
    number = filled.workspace.store.samples.add([make_sample(media=(span,))])[0].id
    samples, rate = heard(filled.client.ask("GET", f"/api/samples/{number}/media/audio").body)
    true, _ = heard(kept(filled))
    assert np.array_equal(samples, true[round(0.1 * rate) : round(0.2 * rate)])
    drawn = filled.get(f"/api/samples/{number}/preview")
    assert drawn["duration"] == pytest.approx(0.1)


def test_what_is_not_there_is_told(filled: Served) -> None:
    lost = filled.workspace.store.samples.add([make_sample(media=(make_media(b"lost"),))])[0].id
    for path, status in (
        ("/api/samples/1/media/video", 404),
        ("/api/samples/4711/media/audio", 404),
        (f"/api/samples/{lost}/media/audio", 404),
        (f"/api/samples/{lost}/preview", 404),
        ("/api/entries/1/audio?format=exe", 400),
        ("/api/samples/1/preview?buckets=0", 400),
        ("/api/samples/1/preview?buckets=9999999", 400),
        ("/panels/smell.js", 404),
        ("/panels/speech.py", 404),
        ("/panels/..%2f..%2fspeech.js", 400),
    ):
        answer = filled.client.ask("GET", path)
        assert answer.status == status, path
        assert answer.code is not None


def test_a_preview_draws_the_peaks(filled: Served) -> None:
    drawn = filled.get("/api/samples/1/preview?buckets=100")
    true, rate = soundfile.read(io.BytesIO(kept(filled)), dtype="float32")
    pairs = np.frombuffer(base64.b64decode(drawn["peaks"]), dtype=np.int8).reshape(-1, 2)
    assert len(pairs) == drawn["buckets"] <= 100
    assert drawn["scale"] == pytest.approx(abs(true).max(), abs=1e-5)
    assert abs(pairs.astype(int)).max() == 127
    size = -(-len(true) // 100)
    for place in (0, 40, len(pairs) - 1):
        part = true[place * size : (place + 1) * size] / abs(true).max()
        assert pairs[place] / 127 == pytest.approx([part.min(), part.max()], abs=1 / 127)
    assert drawn["duration"] == pytest.approx(len(true) / rate)
    level = 20 * np.log10(np.sqrt(np.square(true, dtype=np.float64).mean()))
    assert drawn["level_db"] == pytest.approx(level, abs=0.06)
    answer = filled.client.ask("GET", "/api/samples/1/preview?buckets=100")
    known = {"If-None-Match": answer.headers["etag"]}
    assert (
        filled.client.ask("GET", "/api/samples/1/preview?buckets=100", headers=known).status == 304
    )


def test_a_preview_shows_where_sound_is_clipped(empty: Served) -> None:
    rate = 16_000
    tone = 0.4 * np.sin(2 * np.pi * 200 * np.arange(rate) / rate)
    tone[4000:8000] = np.clip(tone[4000:8000] * 6, -0.9, 0.9)
    added = empty.workspace.capture(
        "speech", audio=(tone.astype(np.float32), rate), sampling="wholesale"
    )
    assert added is not None
    drawn = empty.get(f"/api/samples/{added.id}/preview")
    (start, end) = drawn["clipped"][0]
    assert len(drawn["clipped"]) == 1
    assert start == pytest.approx(0.25, abs=0.01)
    assert end == pytest.approx(0.5, abs=0.01)


def test_silence_has_a_preview(empty: Served) -> None:
    silence = np.zeros(8000, dtype=np.int16)
    added = empty.workspace.capture("speech", audio=(silence, 16_000), sampling="wholesale")
    assert added is not None
    drawn = empty.get(f"/api/samples/{added.id}/preview")
    assert (drawn["scale"], drawn["level_db"], drawn["clipped"]) == (0.0, None, [])


def test_the_panel_of_a_modality_is_served(filled: Served) -> None:
    answer = filled.client.ask("GET", "/panels/speech.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert b"export" in answer.body
