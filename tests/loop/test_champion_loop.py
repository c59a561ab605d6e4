"""Evaluate, compare, judge, promote and forget over one real database."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from truing.domain.dataset import DatasetRow, Split
from truing.domain.evaluation import Evaluation
from truing.domain.evidence import against_baseline
from truing.domain.model import GENERAL, ModelVersion
from truing.domain.ports import Store
from truing.domain.prediction import Recognition
from truing.loop.compare import compare
from truing.loop.evaluate import (
    Baseline,
    EvaluatePorts,
    EvaluationRequest,
    by_text,
    evaluate,
)
from truing.loop.judge import Case, GateRules, Reason, judge
from truing.loop.promote import PromotePorts, promote, rival_of, roll_back
from truing.loop.remember import media_key, remembered
from truing.metrics.cluster_statistics import ClusterStatistics
from truing.metrics.words import CER, WER
from truing.stores.database.store import open_database
from truing.testing.factories import (
    FrozenClock,
    SeededIds,
    make_assignment,
    make_digest,
    make_model,
    make_row,
    make_version,
)

ROWS = [make_row(place, split=Split.TEST, sample_uid=f"s{place}") for place in range(40)]
VERSION = make_version(ROWS)
STATISTICS = ClusterStatistics()
IDS = SeededIds(0xEA1)


class Listener:
    """Hears `hello world` right except in the first rows, so many of them."""

    def __init__(self, wrong: int) -> None:
        self.wrong = wrong
        self.asked = 0

    def __call__(self, row: DatasetRow) -> Recognition:
        self.asked += 1
        return Recognition(text="hello word" if row.position < self.wrong else "hello world")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_database(tmp_path / "truing.db")
    opened.datasets.add(VERSION, ROWS, [make_assignment(row) for row in ROWS])
    for number in (1, 2):
        opened.models.add(make_model(number))
    yield opened
    opened.close()


def evaluated(store: Store, model: ModelVersion, listener: Listener) -> Evaluation:
    request = EvaluationRequest(
        modality="speech", model=str(model.ref), model_digest=model.digest, dataset=VERSION.ref
    )
    ports = EvaluatePorts(
        datasets=store.datasets,
        evaluations=store.evaluations,
        statistics=STATISTICS,
        clock=FrozenClock(),
        ids=IDS,
    )
    return evaluate(
        request,
        by_text([WER, CER]),
        remembered(listener, model.digest, store.recognitions),
        ports,
        baseline=Baseline(name="constant", predict=lambda rows: ["hello"] * len(rows)),
    )


def test_a_better_candidate_takes_over_and_can_be_taken_back(store: Store) -> None:
    champion, candidate = make_model(1), make_model(2)
    ports = PromotePorts(models=store.models, events=store.events, clock=FrozenClock())
    promote(ports, champion, None, audience=GENERAL, actor="ada", force="the first one")

    rival = rival_of(store.models, candidate, GENERAL)
    assert rival is not None
    assert (rival.name, rival.role) == ("speech/1", "champion")
    before = evaluated(store, champion, Listener(20))
    after = evaluated(store, candidate, Listener(5))
    assert (before.figures["wer"], after.figures["wer"]) == (0.25, 0.0625)
    found = compare(before, after, WER, STATISTICS)

    case = Case(
        candidate=candidate,
        audience=GENERAL,
        champion=store.models.champion("speech", GENERAL),
        evidence=found,
        baseline=against_baseline(after, higher_is_better=False),
        retention=None,
        rules=GateRules(),
        rows_needed=STATISTICS.rows_needed,
    )
    verdict = judge(case, store.models, FrozenClock())
    assert (verdict.passed, verdict.trial, verdict.baseline) == (True, 1, "constant")
    assert verdict.p_value == pytest.approx(2**-15)

    promote(ports, candidate, verdict, audience=GENERAL, actor="ada")
    assert store.models.champion("speech", GENERAL) == "speech/2"
    assert store.models.promotions("speech", GENERAL)[0].gate == verdict.as_dict()
    roll_back(ports, "speech", GENERAL, actor="ada")
    assert store.models.champion("speech", GENERAL) == "speech/1"

    back = judge(replace(case, evidence=compare(after, before, WER, STATISTICS)),
                 store.models, FrozenClock())  # fmt: skip
    assert back.reason is Reason.NOT_BETTER


def test_a_stored_evaluation_serves_until_a_row_is_forgotten(store: Store) -> None:
    model, listener = make_model(2), Listener(5)
    first = evaluated(store, model, listener)
    assert evaluated(store, model, listener) == first
    assert listener.asked == 40

    uids = ["s0", "s39"]
    store.datasets.entomb(uids)
    store.evaluations.forget(uids)
    again = evaluated(store, model, Listener(5))
    assert again.id != first.id
    assert (again.figures["rows"], again.figures["forgotten"]) == (38, 2)
    assert again.figures["wer"] == 4 / 76
    assert evaluated(store, model, Listener(5)) == again


def test_what_was_said_is_found_by_the_digest_of_the_sound(store: Store) -> None:
    model = make_model(2)
    evaluated(store, model, Listener(5))
    assert media_key(ROWS[0]) == make_digest("s0")
    assert store.recognitions.get(model.digest, make_digest("s0")) == Recognition(text="hello word")
