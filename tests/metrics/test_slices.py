"""Figures on parts of the rows, kinds of error, speed."""

import pytest

from truing.domain.evaluation import EvaluatedRow
from truing.metrics.slices import (
    ErrorTypes,
    by_confidence,
    by_duration,
    by_familiarity,
    by_subject,
    error_types,
    pairs_of,
    real_time_factor,
    sliced,
)
from truing.metrics.words import WER

TRUTH = "one two three four"


def row(uid: str, said: str, **facts: object) -> EvaluatedRow:
    values = {"cluster": uid, "subject": None} | facts
    return EvaluatedRow(
        sample_uid=uid,
        prediction=said,
        scores={"wer": WER.score(TRUTH, said)},
        **values,  # type: ignore[arg-type]
    )


ROWS = [
    row("a", TRUTH, subject="theo", duration=1.0, confidence=0.95, seconds=0.5),
    row("b", "one two", subject="theo", duration=2.0, confidence=0.4, seconds=0.25),
    row("c", "one two three", subject="jackson", duration=3.0, confidence=0.6),
    row("d", "one", duration=None, seconds=9.0),
]


def test_figures_per_speaker_leave_unknown_ones_out() -> None:
    found = by_subject(ROWS, WER)
    assert [(one.name, one.rows, one.value) for one in found] == [
        ("jackson", 1, 0.25),
        ("theo", 2, 0.25),
    ]
    alone, two = found
    assert (alone.low, alone.high) == (None, None)
    assert alone.as_dict()["ci"] is None
    assert two.low is not None
    assert two.high is not None
    assert two.low <= two.value <= two.high
    assert two.as_dict()["ci"] == [two.low, two.high]


def test_figures_of_speakers_it_learned_from_and_of_others() -> None:
    found = by_familiarity(ROWS, WER, {"theo", "nicolas"})
    assert [(one.name, one.rows, one.value) for one in found] == [
        ("seen", 2, 0.25),
        ("unseen", 1, 0.25),
    ]
    assert [one.name for one in by_familiarity(ROWS, WER, ["nobody"])] == ["unseen"]
    assert by_familiarity(ROWS, WER, set()) == []


def test_figures_by_length_name_the_limits() -> None:
    assert [(one.name, one.rows) for one in by_duration(ROWS, WER)] == [
        ("below 2 s", 1),
        ("2 to 3 s", 1),
        ("from 3 s", 1),
    ]
    assert by_duration(ROWS[3:], WER) == []
    same = [row(uid, TRUTH, duration=1.0) for uid in "xyz"]
    assert [(one.name, one.rows) for one in by_duration(same, WER)] == [("from 1 s", 3)]


def test_figures_by_confidence() -> None:
    assert [(one.name, one.rows) for one in by_confidence(ROWS, WER)] == [
        ("below 0.5", 1),
        ("0.5 to 0.7", 1),
        ("from 0.9", 1),
    ]


def test_any_other_slice() -> None:
    found = sliced(ROWS, WER, lambda one: "short" if len(one.prediction) < 8 else "long")
    assert [(one.name, one.rows, one.clusters) for one in found] == [
        ("long", 2, 2),
        ("short", 2, 2),
    ]


def test_kinds_of_error_over_the_rows_whose_truth_is_shown() -> None:
    pairs = pairs_of(ROWS, {"b": TRUTH, "c": TRUTH, "elsewhere": "x"})
    assert len(pairs) == 2
    found = error_types([*pairs, ("one", "eins zwei")])
    assert found == ErrorTypes(hits=5, substitutions=1, deletions=3, insertions=1)
    assert found.length == 9
    assert found.as_dict() == {
        "hits": 5,
        "substitutions": 1,
        "deletions": 3,
        "insertions": 1,
        "length": 9,
    }


def test_the_real_time_factor_counts_rows_with_both_times() -> None:
    assert real_time_factor(ROWS) == pytest.approx(0.75 / 3.0)
    assert real_time_factor(ROWS[3:]) is None
