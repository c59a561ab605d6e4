"""Two evaluations side by side on the rows they share."""

from dataclasses import replace

import pytest

from truing.domain.errors import InvalidInputError
from truing.domain.evaluation import Evaluation
from truing.loop.compare import compare
from truing.metrics.cluster_statistics import ClusterStatistics
from truing.metrics.words import SENTENCE, WER
from truing.testing.factories import make_digest, make_evaluated_row, make_evaluation

TRUTHS = {f"s{n}": f"one two three {n}" for n in range(8)}
BEFORE = dict.fromkeys(TRUTHS, "one two")
AFTER = {**TRUTHS, "s0": "one", "s1": "one two"}


def judged(said: dict[str, str], model: str, **different: object) -> Evaluation:
    rows = [
        make_evaluated_row(
            uid,
            prediction=text,
            scores={
                metric.name: metric.score(TRUTHS.get(uid, "x"), text) for metric in (WER, SENTENCE)
            },
            cluster=uid,
            subject="theo" if uid < "s4" else "jackson",
        )
        for uid, text in said.items()
    ]
    return make_evaluation(rows, model=model, model_digest=make_digest(model), **different)


A, B = judged(BEFORE, "speech/1"), judged(AFTER, "speech/2")


def test_difference_wins_losses_and_speakers() -> None:
    found = compare(A, B, WER, ClusterStatistics(), truths=TRUTHS)
    assert (found.value_a, found.value_b) == (0.5, 5 / 32)
    assert found.difference == 5 / 32 - 0.5
    assert found.ci is not None
    assert found.ci[0] < found.difference < found.ci[1] < 0
    # Six rows gained two errors each, one lost one: only flipping the single loss is as extreme.
    assert found.p_better == pytest.approx(2 / 2**7)
    assert (found.wins, found.losses, found.rows, found.differing) == (6, 1, 8, 7)
    assert [(one.name, one.rows, one.value_b) for one in found.slices] == [
        ("jackson", 4, 0.0),
        ("theo", 4, 5 / 16),
    ]
    assert [row.sample_uid for row in found.worst()] == ["s0"]
    assert [row.sample_uid for row in found.best(limit=2)] == ["s2", "s3"]
    assert found.compared[0].truth == "one two three 0"


def test_the_metric_s_direction_decides_who_wins() -> None:
    found = compare(A, B, SENTENCE, ClusterStatistics())
    assert (found.difference, found.wins, found.losses) == (0.75, 6, 0)
    assert found.compared[0].truth is None
    back = compare(B, A, SENTENCE, ClusterStatistics())
    assert (back.wins, back.losses) == (0, 6)


def test_the_json_form_says_it_all_in_numbers_and_shows_rows() -> None:
    told = compare(A, B, WER, ClusterStatistics(), truths=TRUTHS).as_dict()
    assert told["a"] == {
        "model": "speech/1",
        "evaluation": A.uid,
        "wer": 0.5,
        "sentence_accuracy": 0.0,
    }
    assert (told["baseline"], B.figures.get("baseline")) == (None, None)
    assert (told["wins"], told["ties"], told["losses"]) == (6, 1, 1)
    assert told["worst"] == [
        {
            "sample": "s0",
            "subject": "theo",
            "truth": "one two three 0",
            "a": "one two",
            "b": "one",
            "gain": -1,
        }
    ]
    slices = told["slices"]
    assert isinstance(slices, list)
    assert slices[0] == {"name": "jackson", "rows": 4, "a": 0.5, "b": 0.0}
    ends = told["ci"]
    assert isinstance(ends, list)


def test_only_shared_rows_count() -> None:
    less = judged({uid: AFTER[uid] for uid in ("s3", "s2")} | {"new": "x"}, "speech/2")
    found = compare(A, less, WER, ClusterStatistics())
    assert [row.sample_uid for row in found.compared] == ["s3", "s2"]
    assert (found.only_a, found.only_b, found.rows) == (6, 1, 2)


def test_rows_whose_truth_changed_between_versions_stay_out() -> None:
    # In the newer version the truth of s0 has one word more.
    truths = {**TRUTHS, "s0": "one two three zero nought"}
    rows = [
        replace(row, scores={"wer": WER.score(truths[row.sample_uid], row.prediction)})
        for row in B.rows
    ]
    newer = replace(B, rows=tuple(rows), dataset="mine@2", dataset_digest=make_digest("mine@2"))
    found = compare(A, newer, WER, ClusterStatistics())
    assert (found.changed, found.rows, found.dataset) == (1, 7, "mine@2")
    assert "s0" not in {row.sample_uid for row in found.compared}


def test_one_cluster_has_no_interval() -> None:
    alone = compare(
        judged({"s2": "one"}, "speech/1"), judged({"s2": "one two"}, "speech/2"), WER,
        ClusterStatistics(),
    )  # fmt: skip
    assert alone.ci is None
    assert alone.as_dict()["ci"] is None


def test_lengths_that_differ_for_one_truth_are_brought_to_one_scale() -> None:
    from truing.domain.evaluation import RowScore

    short = make_evaluated_row("s0", scores={"wer": RowScore(2, 4)})
    long = make_evaluated_row("s0", scores={"wer": RowScore(2, 8)})
    found = compare(make_evaluation([short]), make_evaluation([long]), WER, ClusterStatistics())
    assert found.compared[0].gain == 2


def test_rows_without_length_are_compared_by_their_errors() -> None:
    from truing.domain.evaluation import RowScore

    quiet = make_evaluated_row("s0", scores={"wer": RowScore(0, 0)})
    noisy = make_evaluated_row("s0", scores={"wer": RowScore(3, 0)})
    found = compare(make_evaluation([quiet]), make_evaluation([noisy]), WER, ClusterStatistics())
    assert (found.difference, found.losses, found.slices[0].value_b) == (3, 1, 3)


@pytest.mark.parametrize(
    ("different", "message"),
    [
        ({"modality": "lipreading"}, "their modality is `speech` and `lipreading`"),
        ({"metric_version": "verbatim-1"}, "metric version is `neutral-1` and `verbatim-1`"),
    ],
)
def test_evaluations_of_another_kind_are_refused(different: dict, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        compare(A, replace(B, **different), WER, ClusterStatistics())


def test_a_metric_they_were_not_scored_with_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="`cer`"):
        compare(A, B, replace(WER, name="cer"), ClusterStatistics())
    with pytest.raises(InvalidInputError, match="verbatim-1"):
        compare(A, B, replace(WER, version="verbatim-1"), ClusterStatistics())


def test_no_row_in_common_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="no row in common"):
        compare(A, judged({"else": "x"}, "speech/2"), WER, ClusterStatistics())
    with pytest.raises(InvalidInputError, match="no row in common"):
        compare(A, replace(B, rows=()), WER, ClusterStatistics())
