"""Long sound cut at pauses: nothing lost, nothing doubled, no more memory for more hours."""

from __future__ import annotations

import io
import tracemalloc
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from truing.modalities.speech.pieces import audible_span, pieces, quietest
from truing.modalities.speech.recording import RATE, Recording


def recording(samples: Any, rate: int = RATE) -> Recording:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format="FLAC")
    return Recording(buffer.getvalue())


@given(
    seconds=st.floats(0.01, 25.0), longest=st.sampled_from([2.0, 5.0, 30.0]), seed=st.integers(0, 9)
)
@settings(max_examples=30, deadline=None)
def test_the_pieces_are_the_whole(seconds: float, longest: float, seed: int) -> None:
    samples = np.random.default_rng(seed).integers(-99, 99, round(seconds * RATE)).astype(np.int16)
    with recording(samples) as sound:
        cut = list(pieces(sound, longest))
    assert np.array_equal(np.concatenate([p.sound for p in cut]), samples / np.float32(32768))
    assert all(0 < len(p.sound) <= longest * RATE for p in cut)
    starts = np.cumsum([0, *(len(p.sound) / RATE for p in cut)])[:-1]
    assert [p.start for p in cut] == pytest.approx(list(starts), abs=1e-6)
    if len(cut) > 1:
        assert len(cut[-1].sound) > 0.2 * RATE


def test_cuts_fall_into_pauses() -> None:
    rng = np.random.default_rng(0)
    words = [(0.0, 0.9), (1.3, 2.2), (2.6, 3.5), (3.9, 4.8), (5.2, 6.1)]
    samples = np.zeros(round(6.5 * RATE))
    for begin, end in words:
        where = slice(round(begin * RATE), round(end * RATE))
        samples[where] = 0.1 * rng.standard_normal(where.stop - where.start)
    with recording(samples) as sound:
        cuts = [piece.start for piece in pieces(sound, 2.0)][1:]
    for cut in cuts:
        assert not any(begin < cut < end for begin, end in words)


def test_where_nobody_pauses_the_quietest_place_is_taken() -> None:
    sound = np.ones(2 * RATE, np.float32)
    sound[24_000:28_000] = 0.5
    assert 24_000 < quietest(sound, 1.0, 2.0) < 28_000
    assert quietest(sound[:100], 0.0, 0.001) > 0


def test_an_hour_costs_no_more_memory_than_a_minute() -> None:
    hour = np.random.default_rng(0).integers(-9, 9, 3600 * 8000).astype(np.int8).astype(np.int16)
    with recording(hour, 8000) as sound:
        del hour
        tracemalloc.start()
        count = sum(1 for _ in pieces(sound, 30.0))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert 120 <= count <= 240
    assert peak < 32 * 2**20


def test_what_can_be_heard() -> None:
    sound = np.zeros(2 * RATE, np.float32)
    sound[RATE // 2 : RATE] = 0.3
    assert audible_span(sound) == (0.5, 1.0)
    assert audible_span(np.zeros(RATE, np.float32)) == (0.0, 1.0)
    assert audible_span(np.ones(100, np.float32)) == (0.0, 100 / RATE)
