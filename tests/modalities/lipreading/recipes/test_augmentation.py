"""Pieces of clips: cut, stretched, pasted, and what every frame of the result means."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truing.modalities.lipreading.recipes.augmentation import (
    AFTER,
    BEFORE,
    IGNORED,
    MARGIN,
    PAUSE,
    UNKNOWN,
    Piece,
    Variation,
    crossed,
    guessed_pieces,
    motion_span,
    pasted,
    pieces_of,
    random_for,
    states_of,
    vary,
    window,
)

HEIGHT, WIDTH = 8, 12
STRONG = Variation(
    stretch=0.12, word_stretch=0.1, start=3.0, repeat=0.05, freeze=0.3, shift=3, flip=0.5,
    gain=0.15, erase=0.3, frames=60,
)  # fmt: skip
WORDS = [(14, 20, 3), (20, 22, 7), (24, 50, 9)]
"""With a pause before the last."""


def numbered(frames: int = 75) -> Callable[[int], np.ndarray]:
    """Frame t of clip c is a picture whose top left tells both."""
    random = np.random.default_rng(0)
    noise = random.integers(0, 200, (frames, HEIGHT + 2 * MARGIN, WIDTH + 2 * MARGIN), np.uint8)

    def pictures(clip: int) -> np.ndarray:
        found = noise.copy()
        found[:, 0, 0], found[:, 0, 1] = np.arange(frames), clip
        return found

    return pictures


def spoken(pieces: tuple[Piece, ...]) -> list[tuple[int, int, int]]:
    return [(piece.first, piece.end, piece.meaning) for piece in pieces]


def test_an_alignment_becomes_pieces_without_gaps() -> None:
    assert spoken(pieces_of(0, 75, WORDS)) == [
        (0, 14, BEFORE), (14, 20, 3), (20, 22, 7), (22, 24, PAUSE), (24, 50, 9), (50, 75, AFTER)
    ]  # fmt: skip
    assert spoken(pieces_of(0, 5, [(0, 3, 1), (2, 5, 2)])) == [(0, 3, 1), (3, 5, 2)]


def test_nothing_is_changed_when_nothing_may_vary() -> None:
    pieces = pieces_of(0, 75, WORDS)
    varied = vary(pieces, numbered(), Variation(), random_for(1, "x"))
    np.testing.assert_array_equal(varied.frames, window(numbered()(0)))
    assert varied.frames.mean() == pytest.approx(0, abs=1e-5)
    assert varied.frames.std() == pytest.approx(1, abs=1e-4)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_variant_keeps_its_words_in_order_and_its_states_in_step(seed: int) -> None:
    varied = vary(pieces_of(0, 75, WORDS), numbered(), STRONG, random_for(seed, "x"))
    states = states_of(varied, lambda word, part: 100 * word + int(part * 3), last=7777)
    frames = len(varied.frames)
    assert len(states) == frames == sum(varied.durations)
    assert varied.frames.shape[1:] == (HEIGHT, WIDTH)
    assert np.isfinite(varied.frames).all()
    assert frames <= max(60, sum(varied.durations[1:-1]) + 2)
    meanings = [
        word for word, _ in groupby(s // 100 for s in states if s not in (0, 7777, IGNORED))
    ]
    assert meanings == [3, 7, 9]
    assert states[0] == 0
    assert states[-1] == 7777
    parts = [state % 100 for state in states if state // 100 == 9]
    assert parts == sorted(parts)
    assert set(parts) == {0, 1, 2}


def test_silence_is_cut_at_its_far_ends() -> None:
    seen: list[np.ndarray] = []

    class Spy:
        def __call__(self, clip: int) -> Spy:
            return self

        def __getitem__(self, places: list[int]) -> np.ndarray:
            seen.append(np.array(places))
            return numbered()(0)[places]

    vary(pieces_of(0, 75, WORDS), Spy(), Variation(frames=44), random_for(5, "x"))  # type: ignore[arg-type]
    before, *words, after = seen
    assert list(before) == list(range(14 - len(before), 14))
    assert list(after) == list(range(50, 50 + len(after)))
    assert [list(one) for one in words] == [
        list(range(low, high)) for low, high in ((14, 20), (20, 22), (22, 24), (24, 50))
    ]
    assert len(before) + len(after) + 36 == 44


def test_pasting_takes_words_of_the_same_slot() -> None:
    pieces = pieces_of(0, 75, WORDS)
    others = [[Piece(5, 1, 4, 30)], [Piece(6, 2, 5, 70)], [Piece(7, 3, 9, 90)]]
    assert pasted(pieces, others, 0.0, random_for(1, "x")) == pieces
    everything = pasted(pieces, others, 1.0, random_for(1, "x"))
    assert [piece.meaning for piece in everything] == [BEFORE, 30, 70, PAUSE, 90, AFTER]
    assert [piece.clip for piece in everything] == [0, 5, 6, 0, 7, 0]


def test_crossing_keeps_every_slot_and_both_silences() -> None:
    one = pieces_of(0, 75, WORDS)
    two = pieces_of(1, 60, [(10, 20, 30), (20, 30, 70), (30, 40, 90)])
    seen = set()
    for number in range(60):
        mixed = crossed(one, two, random_for(number, "x"))
        words = tuple(piece.meaning for piece in mixed if piece.meaning >= 0)
        assert all(word in pair for word, pair in zip(words, ((3,), (7, 70), (9, 90)), strict=True))
        assert (mixed[0].meaning, mixed[-1].meaning) == (BEFORE, AFTER)
        seen.add(words)
    assert seen == {(3, 70, 90), (3, 7, 90), (3, 70, 9)}
    assert crossed(one, two[:2], random_for(1, "x")) == one


def test_randomness_depends_on_its_key_alone() -> None:
    one, again = (random_for(3, "a", 7).random(4) for _ in range(2))
    assert (one == again).all()
    for other in (random_for(4, "a", 7), random_for(3, "b", 7), random_for(3, "a", 8)):
        assert not (one == other.random(4)).any()


def test_without_alignment_words_lie_where_the_lips_move() -> None:
    random = np.random.default_rng(2)
    still = random.integers(90, 110, (1, 56, 72)).astype(np.uint8)
    pictures = np.repeat(still, 75, axis=0)
    pictures[20:50] = random.integers(0, 255, (30, 56, 72), np.uint8)
    first, end = motion_span(pictures)
    assert abs(first - 20) <= 4
    assert abs(end - 50) <= 4
    pieces = guessed_pieces(4, pictures, [(3, 3), (8, 1), (5, 6)])
    assert [piece.meaning for piece in pieces] == [BEFORE, 3, 8, 5, AFTER]
    assert {piece.clip for piece in pieces} == {4}
    short, long = (pieces[i].end - pieces[i].first for i in (2, 3))
    assert long > 2 * short
    nothing = guessed_pieces(0, pictures[:6], [(1, 2), (2, 2)])
    assert spoken(nothing) == [(0, 3, 1), (3, 6, 2)]


def test_a_clip_without_known_words_is_stretched_as_a_whole() -> None:
    piece = Piece(0, 0, 75, UNKNOWN)
    varied = vary((piece,), numbered(), Variation(stretch=0.3), random_for(2, "x"))
    assert varied.durations == (len(varied.frames),)
    assert len(varied.frames) != 75
    assert set(states_of(varied, lambda *_: 1, last=2)) == {IGNORED}
