"""Accuracy by the place of a word."""

from __future__ import annotations

from truing.domain.evaluation import RowScore
from truing.domain.grammar import GRID
from truing.metrics.positions import by_position, position_metrics
from truing.testing.factories import make_evaluated_row

TRUTH = "bin blue at f two now"
NAMES = ["command", "colour", "preposition", "letter", "digit", "adverb"]


def scores(truth: str, said: str) -> list[RowScore]:
    return [metric.score(truth, said) for metric in position_metrics()]


def right(truth: str, said: str) -> list[bool]:
    found = scores(truth, said)
    assert all(score.denominator == 1.0 for score in found)
    return [score.numerator == 1.0 for score in found]


def test_each_word_counts_in_its_own_place() -> None:
    assert [metric.name for metric in position_metrics()] == NAMES
    assert all(metric.higher_is_better for metric in position_metrics())
    assert right(TRUTH, TRUTH) == [True] * 6
    assert right(TRUTH, "Bin blue, at F two now.") == [True] * 6
    assert right(TRUTH, "bin red at s two soon") == [True, False, True, False, True, False]
    assert right(TRUTH, "blue bin at f two now") == [False, False, True, True, True, True]
    assert right(TRUTH, "") == [False] * 6


def test_a_missing_word_does_not_spoil_those_behind_it() -> None:
    assert right(TRUTH, "bin at f two now") == [True, False, True, True, True, True]
    assert right(TRUTH, "oh bin blue at f two now") == [True] * 6


def test_other_texts_do_not_count() -> None:
    assert scores("call me back", "call me back") == [RowScore(0.0, 0.0)] * 6
    rows = [make_evaluated_row("a", prediction="call me back")]
    assert by_position(rows, {"a": "call me back"}) == []


def test_figures_per_place_with_intervals() -> None:
    rows = [
        make_evaluated_row("a", prediction=TRUTH, cluster="one"),
        make_evaluated_row("b", prediction="bin blue at s two now", cluster="two"),
        make_evaluated_row("c", prediction="anything", cluster="three"),
        make_evaluated_row("gone", prediction=TRUTH, cluster="four"),
    ]
    found = by_position(rows, {"a": TRUTH, "b": TRUTH, "c": "something else"}, GRID)
    assert [one.name for one in found] == NAMES
    assert [one.value for one in found] == [1.0, 1.0, 1.0, 0.5, 1.0, 1.0]
    assert {one.rows for one in found} == {2}
    letter = found[3]
    assert letter.low == 0.0
    assert letter.high == 1.0
