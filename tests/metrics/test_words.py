"""Error rates, the alignment behind them and the commonest errors."""

import pytest

from truing.domain.evaluation import RowScore
from truing.metrics.normalise import VERBATIM
from truing.metrics.words import (
    CER,
    SENTENCE,
    WER,
    Confusion,
    align,
    confusions,
    error_rate,
    rate,
    text_metrics,
    word_error_rate,
    words,
)


@pytest.mark.parametrize(
    ("truth", "said", "errors", "length"),
    [
        ("the cat sat", "the cat sat", 0, 3),
        ("The cat, sat.", "the CAT sat", 0, 3),
        ("the cat sat", "a cat sat down", 2, 3),
        ("the cat sat", "", 3, 3),
        ("", "", 0, 0),
        ("", "a", 1, 0),
        ("", "peaceful silence", 2, 0),
        ("seven three nine", "739", 3, 3),
        ("你好世界", "你好世间", 1, 4),
    ],
)
def test_word_errors_over_words_of_the_truth(
    truth: str, said: str, errors: int, length: int
) -> None:
    assert WER.score(truth, said) == RowScore(errors, length)


def test_empty_truths_have_the_values_that_jiwer_gives() -> None:
    assert error_rate(WER, [("", "")]) == 0
    assert error_rate(WER, [("", "a")]) == 1
    assert error_rate(WER, [("", "peaceful silence")]) == 2
    assert error_rate(CER, [("", "abcde")]) == 5
    assert rate([]) == 0


def test_an_empty_truth_adds_errors_but_no_length_to_a_set() -> None:
    assert error_rate(WER, [("a b c d", "a b c d"), ("", "oh")]) == 0.25


def test_characters_are_code_points_with_spaces() -> None:
    assert CER.score("ab cd", "ab c") == RowScore(1, 5)
    assert CER.score("cafe\u0301", "cafe") == RowScore(1, 4)


def test_a_sentence_is_right_or_wrong() -> None:
    assert SENTENCE.score("Yes, sir!", "yes sir") == RowScore(1, 1)
    assert SENTENCE.score("yes sir", "yes") == RowScore(0, 1)
    assert SENTENCE.higher_is_better
    assert not WER.higher_is_better


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("two words", ["two", "words"]),
        ("世界 hello世", ["世", "界", "hello", "世"]),
        ("รับ", ["รั", "บ"]),
        ("안녕 세계", ["안녕", "세계"]),
        ("", []),
    ],
)
def test_scripts_without_spaces_are_cut_into_characters(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_an_alignment_shows_each_kind_of_error() -> None:
    found = align("please call me back", "please tall back now")
    shown = [(step.kind, step.truth, step.said) for step in found.steps]
    assert ("hit", "please", "please") in shown
    assert ("insertion", None, "now") in shown
    assert (found.hits, found.substitutions, found.deletions, found.insertions) == (2, 1, 1, 1)
    assert found.errors == 3
    assert found.length == 4


def test_very_long_texts_are_aligned_with_as_few_errors() -> None:
    truth = " ".join(f"a{place}" for place in range(600))
    said = " ".join(f"b{place}" for place in range(500))
    found = align(f"so {truth} end", f"so {said} end")
    assert (found.hits, found.substitutions, found.deletions) == (2, 500, 100)
    assert found.errors == WER.score(f"so {truth} end", f"so {said} end").numerator
    back = align(f"{said} and {said}", f"{truth} and {truth}")
    assert (back.hits, back.insertions, back.deletions) == (1, 200, 0)


def test_an_alignment_with_nothing_on_one_side() -> None:
    assert [step.kind for step in align("a b", "").steps] == ["deletion", "deletion"]
    assert [step.kind for step in align("", "a").steps] == ["insertion"]
    assert align("", "").steps == ()


def test_the_commonest_errors_come_first_and_ties_in_order() -> None:
    pairs = [("nine", "five"), ("so nine", "so five"), ("one two", "two"), ("a", "a b")]
    assert confusions(pairs, limit=3) == [
        Confusion(truth="nine", said="five", count=2),
        Confusion(truth=None, said="b", count=1),
        Confusion(truth="one", said=None, count=1),
    ]


def test_metrics_carry_the_label_of_their_normaliser() -> None:
    assert [(one.name, one.version) for one in text_metrics("neutral-1")] == [
        ("wer", "neutral-1"),
        ("cer", "neutral-1"),
        ("sentence_accuracy", "neutral-1"),
    ]
    strict = word_error_rate(VERBATIM)
    assert strict.version == "verbatim-1"
    assert strict.score("Yes.", "yes").numerator == 1
