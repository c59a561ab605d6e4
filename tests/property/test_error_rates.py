"""Laws of error rates, intervals and tests that hold for any text and any model."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from truing.metrics.normalise import NEUTRAL, VERBATIM, _any_script, neutral
from truing.metrics.significance import (
    bootstrap_difference,
    bootstrap_interval,
    standard_error,
    swap_test,
)
from truing.metrics.words import (
    CER,
    SENTENCE,
    WER,
    align,
    error_rate,
    rate,
    word_error_rate,
    words,
)

SCRIPTS = st.one_of(
    st.text(max_size=30),
    st.text(alphabet="ab '-.,3", max_size=20),
    st.text(alphabet="世界รับに \u0301\u200d👍é", max_size=12),
)
PHRASES = st.lists(st.sampled_from(["one", "two", "three", "a", "b"]), max_size=8).map(" ".join)
PAIRS = st.lists(st.tuples(PHRASES, PHRASES), max_size=6)


@given(SCRIPTS)
@example("a\u0345\u0308")
@example("\u0130\u00b4s")
def test_normalising_twice_changes_nothing(text: str) -> None:
    for by in (NEUTRAL, VERBATIM):
        assert by.apply(by.apply(text)) == by.apply(text)


@given(st.text(alphabet=st.characters(max_codepoint=127), max_size=40))
def test_both_paths_for_ascii_agree(text: str) -> None:
    assert neutral(text) == _any_script(text)


@given(SCRIPTS)
def test_a_text_has_no_error_against_itself(text: str) -> None:
    for metric in (WER, CER):
        assert metric.score(text, text).numerator == 0
    assert SENTENCE.score(text, text).numerator == 1


@given(SCRIPTS, SCRIPTS)
def test_errors_are_bounded_by_both_lengths(truth: str, said: str) -> None:
    left, right = words(neutral(truth)), words(neutral(said))
    score = WER.score(truth, said)
    assert abs(len(left) - len(right)) <= score.numerator <= max(len(left), len(right))
    assert score.denominator == len(left)
    assert WER.score(said, truth).numerator == score.numerator


@given(SCRIPTS, SCRIPTS)
def test_normalised_texts_score_as_the_texts_do(truth: str, said: str) -> None:
    for metric in (WER, CER, SENTENCE):
        assert metric.score(neutral(truth), neutral(said)) == metric.score(truth, said)


@given(SCRIPTS, SCRIPTS)
def test_a_sentence_is_right_when_no_word_is_wrong(truth: str, said: str) -> None:
    right = SENTENCE.score(truth, said).numerator == 1
    assert right == (WER.score(truth, said).numerator == 0)


@given(PHRASES, PHRASES)
def test_an_alignment_tells_both_texts_and_the_distance(truth: str, said: str) -> None:
    found = align(truth, said)
    assert [step.truth for step in found.steps if step.truth is not None] == truth.split()
    assert [step.said for step in found.steps if step.said is not None] == said.split()
    assert found.errors == WER.score(truth, said).numerator
    assert found.hits + found.substitutions + found.deletions == len(truth.split())
    assert found.hits == align(said, truth).hits


@given(PHRASES, PHRASES)
def test_no_shortest_alignment_has_more_hits(truth: str, said: str) -> None:
    left, right = truth.split(), said.split()
    theirs = sum(
        code.src_end - code.src_start
        for code in Levenshtein.opcodes(left, right)
        if code.tag == "equal"
    )
    assert align(truth, said).hits >= theirs


@given(PAIRS, PAIRS)
def test_a_set_is_the_sum_of_its_parts(first: list, second: list) -> None:
    scores = [WER.score(*pair) for pair in first + second]
    assert error_rate(WER, first + second) == rate(scores)
    length = sum(score.denominator for score in scores)
    errors = sum(score.numerator for score in scores)
    assert rate(scores) * (length or 1) == pytest.approx(errors)


@given(PHRASES, PHRASES)
def test_a_stricter_normaliser_never_sees_fewer_errors(truth: str, said: str) -> None:
    strict = word_error_rate(VERBATIM)
    loud = said.upper()
    assert strict.score(truth, loud).numerator >= WER.score(truth, loud).numerator


COUNTS = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(1, 12)), min_size=2, max_size=9
)


@given(COUNTS)
def test_swapping_the_models_mirrors_the_test(counts: list) -> None:
    a = np.array([[one, length] for one, _, length in counts], dtype=float)
    b = np.array([[two, length] for _, two, length in counts], dtype=float)
    there, back = swap_test(a, b, seed=0), swap_test(b, a, seed=0)
    assert there.two_sided == pytest.approx(back.two_sided)
    assert there.upward == pytest.approx(back.downward)
    assert 0 < there.upward <= 1
    assert there.upward + there.downward >= 1 - 1e-9
    assert there.two_sided <= min(1.0, 2 * min(there.upward, there.downward) + 1e-9)
    assert standard_error(a, b) == pytest.approx(standard_error(b, a))


def simulated(rng: np.random.Generator, clusters: int) -> tuple[np.ndarray, np.ndarray]:
    """Two models of the same true error rate 0.2 on clusters of unequal size and difficulty."""
    lengths = rng.integers(5, 40, clusters)
    chances = np.clip(0.2 * np.exp(rng.normal(0, 0.6, clusters) - 0.18), 0, 1)
    models = [np.stack([rng.binomial(lengths, chances), lengths], axis=1) for _ in range(2)]
    return models[0].astype(float), models[1].astype(float)


def test_intervals_cover_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(2)
    runs, single, paired = 400, 0, 0
    for seed in range(runs):
        a, b = simulated(rng, 30)
        ends = bootstrap_interval(a, seed=seed, resamples=1000)
        gap = bootstrap_difference(a, b, seed=seed, resamples=1000)
        assert ends is not None
        assert gap is not None
        single += ends.low <= 0.2 <= ends.high
        paired += gap[0] <= 0 <= gap[1]
    assert 0.91 <= single / runs <= 0.985
    assert 0.91 <= paired / runs <= 0.985


def test_p_values_are_uniform_when_there_is_no_difference() -> None:
    rng = np.random.default_rng(5)
    found = np.array([swap_test(*simulated(rng, 25), seed=0).downward for _ in range(600)])
    for level in (0.02, 0.05, 0.1, 0.5, 0.9):
        spread = 3 * np.sqrt(level * (1 - level) / len(found))
        # Scores are whole numbers, so that the exact test is slightly cautious.
        assert level - spread - 0.04 <= (found <= level).mean() <= level + spread
