"""The recursion is held against plain enumeration of every path through tiny sentences."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truing.modalities.lipreading.recipes.lattice import RARE, Lattice, Scores, log_sum

SIZES = (2, 1)
"""Three words in two slots."""
WORDS, PARTS = sum(SIZES), 3
SLOT = [slot for slot, size in enumerate(SIZES) for _ in range(size)]
State = tuple[str, int, int]


def scores_of(seed: int, frames: int, lengths: list[int], size: float = 1.0) -> Scores:
    random = np.random.default_rng(seed)
    clips = len(lengths)
    return Scores(
        before=size * random.normal(size=(frames, clips)),
        words=size * random.normal(size=(frames, clips, WORDS, PARTS)),
        after=size * random.normal(size=(frames, clips)),
        lengths=np.array(lengths),
    )


def states() -> list[State]:
    inner = [("word", word, part) for word in range(WORDS) for part in range(PARTS)]
    return [("before", 0, 0), *inner, ("after", 0, 0)]


def weight(one: State, two: State) -> float | None:
    """The log weight of going from one state to the next; None where there is no way."""
    enter = {0: 0.0, 1: RARE}
    leave = {PARTS - 1: 0.0, PARTS - 2: RARE}
    if one[0] == "after" or two[0] == "before":
        return 0.0 if one == two else None
    if one[0] == "before":
        return enter.get(two[2]) if two[0] == "word" and SLOT[two[1]] == 0 else None
    if two[0] == "after":
        return leave.get(one[2]) if SLOT[one[1]] == len(SIZES) - 1 else None
    if one[1] == two[1]:
        return {0: 0.0, 1: 0.0, 2: RARE}.get(two[2] - one[2])
    if SLOT[two[1]] != SLOT[one[1]] + 1 or one[2] not in leave or two[2] not in enter:
        return None
    return leave[one[2]] + enter[two[2]]


def first_weight(state: State) -> float | None:
    if state[0] == "before":
        return 0.0
    return weight(("before", 0, 0), state)


def last_weight(state: State, *, open_end: bool) -> float | None:
    if open_end or state[0] == "after":
        return 0.0
    return None if state[0] == "before" else weight(state, ("after", 0, 0))


def score(scores: Scores, clip: int, frame: int, state: State) -> float:
    if state[0] == "word":
        return float(scores.words[frame, clip, state[1], state[2]])
    return float((scores.before if state[0] == "before" else scores.after)[frame, clip])


def paths(scores: Scores, clip: int, *, open_end: bool) -> list[tuple[tuple[State, ...], float]]:
    found = []
    for path in itertools.product(states(), repeat=int(scores.lengths[clip])):
        steps = [
            first_weight(path[0]),
            last_weight(path[-1], open_end=open_end),
            *(weight(one, two) for one, two in itertools.pairwise(path)),
        ]
        if None not in steps:
            said = sum(score(scores, clip, t, state) for t, state in enumerate(path))
            found.append((path, said + sum(step for step in steps if step is not None)))
    return found


@pytest.mark.parametrize("open_end", [False, True])
def test_sums_and_posteriors_are_those_of_all_paths(open_end: bool) -> None:
    scores = scores_of(1, 4, [4, 3])
    log_z, found = Lattice(SIZES, open_end=open_end).posteriors(scores)
    for clip in range(2):
        every = paths(scores, clip, open_end=open_end)
        total = math.log(sum(math.exp(value) for _, value in every))
        assert log_z[clip] == pytest.approx(total, abs=1e-12)
        expected: dict[Any, float] = {}
        for path, value in every:
            chance = math.exp(value - total)
            for t, state in enumerate(path):
                expected[t, state] = expected.get((t, state), 0.0) + chance
                new = t == 0 or path[t - 1][:2] != state[:2]
                if new:
                    entry = (t, "entry", state[:2])
                    expected[entry] = expected.get(entry, 0.0) + chance
        for t in range(int(scores.lengths[clip])):
            for state in states():
                kind, word, part = state
                told = {
                    "before": found.before[t, clip],
                    "word": found.words[t, clip, word, part],
                    "after": found.after[t, clip],
                }[kind]
                assert told == pytest.approx(expected.get((t, state), 0.0), abs=1e-12)
            for word in range(WORDS):
                entered = expected.get((t, "entry", ("word", word)), 0.0)
                assert found.entries[t, clip, word] == pytest.approx(entered, abs=1e-12)
            ended = expected.get((t, "entry", ("after", 0)), 0.0)
            assert found.ends[t, clip] == pytest.approx(ended, abs=1e-12)
    assert not found.words[3, 1].any(), "beyond a clip's length there is nothing"


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    frames=st.integers(2, 40),
    size=st.sampled_from([0.1, 1.0, 30.0, 1e4]),
)
def test_every_frame_sums_to_one_and_every_slot_has_a_word(
    seed: int, frames: int, size: float
) -> None:
    scores = scores_of(seed, frames, [frames, max(2, frames // 2)], size)
    log_z, found = Lattice(SIZES).posteriors(scores)
    inside = np.arange(frames)[:, None] < scores.lengths
    total = found.before + found.after + found.words.sum(axis=(2, 3))
    np.testing.assert_allclose(total, inside, atol=1e-9)
    words = found.entries.sum(axis=0)
    np.testing.assert_allclose([words[:, :2].sum(axis=1), words[:, 2]], 1.0, atol=1e-9)
    assert np.isfinite(log_z).all()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), frames=st.integers(3, 30))
def test_log_z_is_at_least_that_of_any_one_path(seed: int, frames: int) -> None:
    scores = scores_of(seed, frames, [frames], 5.0)
    random = np.random.default_rng(seed)
    first, second = sorted(random.choice(np.arange(1, frames), 2, replace=False))
    word = int(random.integers(2))
    path = [
        *[("before", 0, 0)] * int(first),
        *[("word", word, 1)] * int(second - first),
        *[("word", 2, 1)] * int(frames - second),
    ]
    steps = [weight(one, two) for one, two in itertools.pairwise(path)]
    assert None not in steps
    value = sum(score(scores, 0, t, state) for t, state in enumerate(path)) + RARE
    value += sum(step for step in steps if step is not None)
    assert Lattice(SIZES).log_z(scores)[0] >= value - 1e-9


def test_a_clip_too_short_for_its_words_has_no_path() -> None:
    assert Lattice(SIZES).log_z(scores_of(3, 1, [1]))[0] < -1e29


def test_log_sum_is_that_of_exponentials() -> None:
    values = np.array([[0.0, 1.0, 2.0], [-1e30, -1e30, 5.0]])
    assert log_sum(values) == pytest.approx([math.log(1 + math.e + math.e**2), 5.0])
