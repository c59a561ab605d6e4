"""Figures of a reading, options from a command line, and alignment over attention."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truing.modalities.speech.decoding import (
    Reading,
    RecognizerOptions,
    align,
    enough,
    most_tokens,
)


@given(st.lists(st.floats(0.01, 1.0), min_size=1, max_size=20))
@settings(deadline=None)
def test_confidence_is_the_geometric_mean_with_the_end(chances: list[float]) -> None:
    logprob = sum(map(math.log, chances))
    reading = Reading(tokens=tuple(range(len(chances) - 1)), logprob=logprob)
    assert reading.confidence == pytest.approx(math.prod(chances) ** (1 / len(chances)))


def test_options_are_read_as_a_command_line_gives_them() -> None:
    found = RecognizerOptions.of({"beam_size": "5", "word_times": "no", "language": "de"})
    assert (found.beam_size, found.word_times, found.language) == (5, False, "de")
    assert RecognizerOptions.of({}) == RecognizerOptions()
    assert RecognizerOptions.of({"language": None}).language is None


def test_text_is_bounded_by_the_sound() -> None:
    assert most_tokens(16_000, 448) == 37
    assert most_tokens(16_000 * 30, 440) == 440
    assert enough([1, 2, 3, 4], 100) == 10
    assert enough([1] * 90, 100) == 100
    assert enough([], 100) == 4


@given(
    lengths=st.lists(st.integers(8, 30), min_size=2, max_size=6),
    seed=st.integers(0, 99),
)
@settings(max_examples=25, deadline=None)
def test_alignment_finds_where_attention_moves_on(lengths: list[int], seed: int) -> None:
    begins = [0, *np.cumsum(lengths)[:-1]]
    weights = np.zeros((2, len(lengths), sum(lengths)))
    for token, (begin, length) in enumerate(zip(begins, lengths, strict=True)):
        weights[:, token, begin : begin + length] = 1.0
    noise = np.random.default_rng(seed).uniform(0, 0.05, weights.shape)
    found = align(weights + noise)
    assert found[0] == 0
    assert np.abs(found - begins).max() <= 1
    assert (np.diff(found) >= 0).all()
