"""What an evaluation counts, leaves out, stores and uses again."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from truing.domain.dataset import DatasetRef, DatasetRow, DatasetVersion, Split, SplitKind
from truing.domain.errors import DamagedError, InvalidInputError, NotFoundError, NothingToDoError
from truing.domain.evaluation import Evaluation, Metric
from truing.domain.prediction import Recognition
from truing.loop.evaluate import (
    CLUSTERS_AT_LEAST,
    Baseline,
    EvaluatePorts,
    EvaluationRequest,
    by_text,
    clusters_of,
    evaluate,
)
from truing.loop.remember import media_key, remembered
from truing.metrics.cluster_statistics import ClusterStatistics
from truing.metrics.words import CER, WER

REF = DatasetRef(name="mine", number=1)


def row(
    place: int, truth: str = "one two", *, split: Split = Split.TEST, **facts: object
) -> DatasetRow:
    medium = {"digest": f"sha256:{place:04d}", "start": None, "end": None, "duration": 2.0}
    payload = {
        "uid": f"s{place}",
        "truth": truth,
        "subject": "theo",
        "session": None,
        "source": "app",
        "media": {"audio": medium | dict(facts.pop("medium", {}))},  # type: ignore[call-overload]
    }
    return DatasetRow(
        position=place,
        sample_uid=f"s{place}",
        split=split,
        digest=f"sha256:row{place}",
        salt="00",
        payload=payload | facts,
    )


def tombstone(place: int) -> DatasetRow:
    return replace(row(place), sample_uid=None, salt=None, payload=None)


class Kept:
    """The four collections an evaluation reads and writes, in memory."""

    def __init__(self, rows: list[DatasetRow], kind: SplitKind = SplitKind.PERSONAL) -> None:
        self.stored: list[Evaluation] = []
        self.remembered: dict[tuple[str, str], Recognition] = {}
        self.held = rows
        self.version = DatasetVersion(
            ref=REF,
            uid="v1",
            modality="speech",
            split_kind=kind,
            parameters={},
            digest="sha256:version",
            created_at=0,
            counts={},
            excluded={},
        )
        self.time = 0

    # Datasets
    def rows(self, ref: DatasetRef, split: Split | None = None) -> Iterator[DatasetRow]:
        return iter([one for one in self.held if split in (None, one.split)])

    # Datasets and Recognitions, told apart by the number of arguments
    def get(self, *key: object) -> object:
        if len(key) == 2:
            return self.remembered.get(key)  # type: ignore[call-overload]
        if key[0] != REF:
            raise NotFoundError(f"`{key[0]}` is not there")
        return self.version

    def put(self, model_digest: str, key: str, said: Recognition) -> None:
        self.remembered[model_digest, key] = said

    # Evaluations
    def add(self, evaluation: Evaluation) -> Evaluation:
        self.stored.append(replace(evaluation, id=len(self.stored) + 1))
        return self.stored[-1]

    def find(self, model_digest: str, dataset: str, split: str, version: str) -> Evaluation | None:
        key = (model_digest, dataset, split, version)
        same = [
            one
            for one in self.stored
            if (one.model_digest, one.dataset, one.split, one.metric_version) == key
        ]
        return same[-1] if same else None

    # Clock and IdSource
    def now(self) -> int:
        self.time += 1
        return self.time

    def new(self) -> str:
        return f"uid{len(self.stored)}"

    def ports(self) -> EvaluatePorts:
        return EvaluatePorts(
            datasets=self,  # type: ignore[arg-type]
            evaluations=self,  # type: ignore[arg-type]
            statistics=ClusterStatistics(),
            clock=self,
            ids=self,
        )


class Model:
    """Says what it is told to say and counts how often it is asked."""

    def __init__(self, said: dict[str, str] | None = None) -> None:
        self.said = said or {}
        self.asked: list[str] = []

    def __call__(self, given: DatasetRow) -> Recognition:
        uid = str(given.sample_uid)
        self.asked.append(uid)
        text = self.said.get(uid, "one two")
        if text == "!":
            raise DamagedError(f"`{uid}` cannot be decoded")
        return Recognition(text=text, confidence=0.5, seconds=0.5)


REQUEST = EvaluationRequest(
    modality="speech", model="speech/2", model_digest="sha256:m2", dataset=REF
)


def run(kept: Kept, model: Model, request: EvaluationRequest = REQUEST, **more: object):
    return evaluate(request, by_text([WER, CER]), model, kept.ports(), **more)  # type: ignore[arg-type]


def test_figures_of_the_test_rows_alone() -> None:
    kept = Kept([row(1), row(2), row(3, split=Split.TRAIN), row(4, "one two three four")])
    seen: list[tuple[int, int]] = []
    found = run(kept, Model({"s4": "one"}), on_progress=lambda *done: seen.append(done))
    assert found.figures["wer"] == 3 / 8
    assert found.figures["rows"] == 3
    assert found.figures["cer"] == pytest.approx(15 / 32)
    assert found.figures["ci"][0] < 3 / 8 < found.figures["ci"][1]  # type: ignore[index]
    assert found.figures["real_time_factor"] == 0.25
    assert (found.metric, found.metric_version, found.split) == ("wer", "neutral-1", "test")
    assert (found.id, found.created_at, found.dataset) == (1, 1, "mine@1")
    assert seen == [(1, 3), (2, 3), (3, 3)]
    one = found.rows[2]
    assert (one.sample_uid, one.prediction, one.subject, one.duration) == ("s4", "one", "theo", 2.0)
    assert one.scores["wer"].numerator == 3


def test_trained_forgotten_and_unreadable_rows_are_counted_not_judged() -> None:
    kept = Kept([row(1), row(2), tombstone(3), row(4), row(5)])
    model = Model({"s5": "!"})
    found = run(kept, model, replace(REQUEST, exclude_uids=frozenset({"s2", "elsewhere"})))
    assert model.asked == ["s1", "s4", "s5"]
    counts = {name: found.figures[name] for name in ("rows", "excluded", "forgotten", "unreadable")}
    assert counts == {"rows": 2, "excluded": 1, "forgotten": 1, "unreadable": 1}


def test_a_quick_look_is_a_sample_of_the_rows_and_is_not_stored() -> None:
    kept = Kept([row(place) for place in range(20)])
    looks = []
    for most in (4, 9):
        model = Model()
        found = run(kept, model, replace(REQUEST, most=most))
        assert (found.figures["rows"], found.figures["passed_over"]) == (most, 20 - most)
        assert found.id == 0
        assert model.asked == sorted(model.asked, key=lambda uid: int(uid[1:]))
        looks.append(set(model.asked))
    assert looks[0] < looks[1], "a larger sample holds the smaller"
    assert looks[0] != {"s0", "s1", "s2", "s3"}, "not merely the first ones"
    assert kept.stored == []
    whole = run(kept, Model(), replace(REQUEST, most=20))
    assert (whole.figures["rows"], whole.figures["passed_over"]) == (20, 0)
    assert kept.stored == [whole]


def test_nothing_to_judge_by_says_where_the_rows_went() -> None:
    kept = Kept([tombstone(1), row(2)])
    with pytest.raises(NothingToDoError, match="1 were used to train it, 1 were forgotten"):
        run(kept, Model(), replace(REQUEST, exclude_uids=frozenset({"s2"})))
    assert kept.stored == []


def test_media_that_can_nowhere_be_read_end_the_evaluation() -> None:
    kept = Kept([row(1), row(2)])
    with pytest.raises(DamagedError, match="`s2`"):
        run(kept, Model({"s1": "!", "s2": "!"}))
    assert kept.stored == []


def test_an_unknown_dataset_is_the_store_s_error() -> None:
    with pytest.raises(NotFoundError):
        run(Kept([]), Model(), replace(REQUEST, dataset=DatasetRef(name="other", number=1)))


def test_the_same_question_is_answered_from_the_store() -> None:
    kept, model = Kept([row(1), row(2)]), Model()
    first = run(kept, model)
    assert run(kept, model) == first
    assert len(model.asked) == 2
    again = run(kept, model, replace(REQUEST, fresh=True))
    assert (again.id, len(model.asked)) == (2, 4)


@pytest.mark.parametrize(
    "change",
    [
        "other model",
        "forgotten row",
        "other exclusions",
        "other digest",
        "baseline wanted",
        "metric wanted",
    ],
)
def test_another_question_is_asked_anew(change: str) -> None:
    kept, model = Kept([row(1), row(2), row(3)]), Model()
    run(kept, model)
    request, metrics, baseline = REQUEST, [WER, CER], None
    if change == "other model":
        request = replace(REQUEST, model_digest="sha256:m3")
    elif change == "forgotten row":
        kept.held[0] = tombstone(1)
        kept.stored = [replace(one, rows=one.rows[1:]) for one in kept.stored]
    elif change == "other exclusions":
        request = replace(REQUEST, exclude_uids=frozenset({"s1"}))
    elif change == "other digest":
        kept.version = replace(kept.version, digest="sha256:else")
    elif change == "baseline wanted":
        baseline = Baseline(name="constant", predict=lambda rows: ["one"] * len(rows))
    else:
        loud = Metric(name="loud", version="neutral-1", higher_is_better=False, score=WER.score)
        metrics = [WER, loud]
    evaluate(request, by_text(metrics), model, kept.ports(), baseline=baseline)
    assert len(kept.stored) == 2


def test_the_baseline_stands_beside_the_model_on_the_same_rows() -> None:
    kept = Kept([row(1), row(2), row(3)])
    baseline = Baseline(name="constant", predict=lambda rows: ["one"] * len(rows))
    found = run(kept, Model({"s2": "!"}), baseline=baseline)
    beside = found.figures["baseline"]
    assert isinstance(beside, dict)
    assert (beside["name"], beside["wer"], beside["difference"]) == ("constant", 0.5, -0.5)
    assert beside["p_better"] == 0.25
    assert (beside["ci"], beside["differing"]) == ([-0.5, -0.5], 2)


def test_a_baseline_that_does_not_apply_or_miscounts() -> None:
    nothing = Baseline(name="nothing", predict=lambda _rows: None)
    assert run(Kept([row(1)]), Model(), baseline=nothing).figures["baseline"] is None
    short = Baseline(name="short", predict=lambda _rows: ["one"])
    with pytest.raises(InvalidInputError, match="1 answers for 2 rows"):
        run(Kept([row(1), row(2)]), Model(), baseline=short)


def test_stored_figures_name_no_person_and_quote_nothing() -> None:
    secret = "zanzibar"
    kept = Kept([row(1, f"one {secret}", subject=secret, session=secret), row(2)])
    baseline = Baseline(name="constant", predict=lambda rows: [secret] * len(rows))
    found = run(kept, Model({"s1": secret}), baseline=baseline)
    assert secret not in repr(found.figures)
    assert secret in repr(found.rows)


def sessions(count: int, *, per_session: int = 2) -> list[DatasetRow]:
    return [
        row(place, session=f"sit{place // per_session}", subject=f"p{place % 2}")
        for place in range(count * per_session)
    ]


def test_rows_cluster_by_session_when_there_are_enough() -> None:
    enough, by = clusters_of(sessions(CLUSTERS_AT_LEAST), SplitKind.PERSONAL)
    assert by == "session"
    assert len(set(enough)) == CLUSTERS_AT_LEAST
    few, by = clusters_of(sessions(CLUSTERS_AT_LEAST - 1), SplitKind.PERSONAL)
    assert by == "recording"
    assert len(set(few)) == 2 * (CLUSTERS_AT_LEAST - 1)


def test_speakers_count_only_where_speakers_are_held_out() -> None:
    many = [row(place, subject=f"p{place // 2}") for place in range(2 * CLUSTERS_AT_LEAST)]
    assert clusters_of(many, SplitKind.UNSEEN_SPEAKER)[1] == "speaker"
    assert clusters_of(many, SplitKind.PERSONAL)[1] == "recording"
    assert clusters_of(sessions(12), SplitKind.UNSEEN_SPEAKER)[1] == "session"


def test_spans_of_one_recording_are_one_cluster_and_two_keys() -> None:
    spans = [
        row(place, medium={"digest": "sha256:long", "start": place * 1.0, "end": place + 1.0})
        for place in (1, 2)
    ]
    names, by = clusters_of(spans, SplitKind.PERSONAL)
    assert (by, len(set(names))) == ("recording", 1)
    assert [media_key(one) for one in spans] == ["sha256:long@1.0-2.0", "sha256:long@2.0-3.0"]
    assert media_key(row(3)) == "sha256:0003"


def test_a_row_without_a_session_is_a_cluster_of_its_recording() -> None:
    mixed = [*sessions(11, per_session=1), row(90, session=None), row(91, session=None)]
    names, by = clusters_of(mixed, SplitKind.PERSONAL)
    assert by == "session"
    assert names[-1] == "recording:sha256:0091"


def test_a_tombstone_has_no_cluster_and_no_media() -> None:
    with pytest.raises(InvalidInputError, match="row 7 was forgotten"):
        clusters_of([tombstone(7)], SplitKind.PERSONAL)
    with pytest.raises(InvalidInputError, match="row 7 was forgotten"):
        media_key(tombstone(7))


def test_what_a_model_said_is_remembered_by_media() -> None:
    kept, model = Kept([row(1), row(2), row(3, medium={"digest": "sha256:0001"})]), Model()
    once = remembered(model, "sha256:m2", kept)  # type: ignore[arg-type]
    first = evaluate(REQUEST, by_text([WER]), once, kept.ports())
    assert model.asked == ["s1", "s2"]
    again = evaluate(replace(REQUEST, fresh=True), by_text([WER]), once, kept.ports())
    assert model.asked == ["s1", "s2"]
    assert again.rows == first.rows
    other = remembered(model, "sha256:m3", kept)  # type: ignore[arg-type]
    assert other(row(1)).text == "one two"
    assert model.asked == ["s1", "s2", "s1"]
