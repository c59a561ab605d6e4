"""The gate before models that make pictures: pixels prove nothing, people do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from truing.domain.evidence import BaselineEvidence, of_people
from truing.domain.model import GENERAL
from truing.domain.preference import WinRate
from truing.loop.judge import Case, GateRules, Ground, Reason, decide, screen
from truing.metrics.significance import rows_needed
from truing.testing.factories import make_digest, make_model

FIGURES = BaselineEvidence(
    model_a="image_edit/1",
    dataset="edits@3",
    dataset_digest=make_digest("edits@3"),
    metric="ssim",
    higher_is_better=True,
    value_a=0.80,
    value_b=0.85,
    difference=0.05,
    ci=(0.03, 0.07),
    p_better=0.0001,
    standard_error=0.01,
    rows=100,
    clusters=100,
    differing=100,
)
COPY = replace(FIGURES, model_a="copy-the-input", value_a=0.75, difference=0.10, ci=(0.08, 0.12))
RATE = WinRate(
    wins=30,
    losses=10,
    ties=0,
    equal=0,
    rate=0.75,
    low=0.55,
    high=0.9,
    level=0.95,
    p_better=0.004,
    votes=40,
    people=2,
    agreement=None,
    clusters=100,
    needed=25,
)
CASE = Case(
    candidate=make_model(2, modality="image_edit"),
    audience=GENERAL,
    champion="image_edit/1",
    evidence=FIGURES,
    baseline=COPY,
    retention=None,
    rules=GateRules(),
    rows_needed=rows_needed,
    ground=Ground.NONE,
    beats_baseline=True,
)


def of(rate: WinRate) -> Case:
    return replace(
        CASE,
        evidence=of_people(rate, FIGURES),
        ground=Ground.PEOPLE,
        rows_needed=lambda seen, /, *, alpha: rate.needed,
    )


def test_pixels_prove_nothing_however_sure_they_are() -> None:
    found = screen(CASE)
    assert found is not None
    assert (found.passed, found.reason) == (False, Reason.NOT_PROVABLE)
    assert found.sentence == (
        "not provable: ssim 85.0 % against 80.0 % of `image_edit/1`, +5.0 points [+3.0, +7.0]; "
        "that does not tell which pictures people prefer"
    )
    assert found.hint == (
        "let people choose between the two, blind: "
        "truing prefer image_edit/1 image_edit/2 --dataset edits@3"
    )
    # No test is made, so nothing of the error budget is used.
    assert (found.p_value, found.trial) == (None, None)
    assert found.as_dict()["reason"] == "not-provable"


@pytest.mark.parametrize("ground", list(Ground))
@pytest.mark.parametrize("difference", [0.0, -0.02])
def test_the_unchanged_input_must_be_beaten(ground: Ground, difference: float) -> None:
    # A tie is none: to copy is no edit.
    copy = replace(COPY, value_a=0.85 - difference, difference=difference, ci=(-0.03, 0.01))
    found = screen(replace(CASE, ground=ground, baseline=copy))
    assert found is not None
    assert found.reason is Reason.NOT_BETTER
    assert found.sentence.startswith("not better than the unchanged input: ssim 85.0 %")
    assert "--force" in str(found.hint)


def test_without_a_rival_there_is_nobody_to_compare_with() -> None:
    found = screen(replace(CASE, evidence=COPY, champion=None))
    assert found is not None
    assert found.reason is Reason.NOT_PROVABLE
    assert "no model yet to compare it with" in str(found.hint)
    assert 'truing promote image_edit/2 --force --reason "why"' in str(found.hint)


def test_what_people_chose_decides() -> None:
    found = decide(of(RATE), 1)
    assert found.passed
    assert found.sentence == (
        "better: preferred 75.0 % against 25.0 % of `image_edit/1`, +50.0 points [+10.0, +80.0], "
        "p = 0.004, below 0.03"
    )
    assert (found.metric, found.rows, found.value_before) == ("preferred", 40, 0.25)
    assert (found.baseline, found.baseline_value) == ("copy-the-input", 0.75)


def test_few_choices_are_no_ground_to_refuse_but_chance_is() -> None:
    # The interval and p hold however often one looks: thirty rows need not have been seen.
    assert decide(of(replace(RATE, wins=12, losses=0)), 1).passed
    unclear = replace(RATE, wins=6, losses=4, rate=0.6, low=0.3, high=0.8, p_better=0.4, needed=90)
    found = decide(of(unclear), 1)
    assert found.reason is Reason.NOT_PROVEN
    assert found.sentence.endswith("p = 0.4, not below 0.03; about 80 more choices")
    assert (found.more_needed, str(found.hint).split(":")[0]) == (
        80,
        "let people choose between the two, blind",
    )
    # The tenth candidate needs more than the first.
    assert decide(of(RATE), 10).reason is Reason.NOT_PROVEN


def test_a_model_that_people_like_less_is_refused() -> None:
    found = screen(of(replace(RATE, wins=10, losses=30, rate=0.25, low=0.1, high=0.45)))
    assert found is not None
    assert found.reason is Reason.NOT_BETTER
    assert "preferred 25.0 % against 75.0 %" in found.sentence


def test_figures_that_prove_are_tested_as_ever() -> None:
    case = replace(CASE, ground=Ground.FIGURES)
    assert decide(case, 1).passed
    few = screen(replace(case, evidence=replace(FIGURES, rows=10)))
    assert few is not None
    assert few.reason is Reason.NOT_PROVEN
    assert "random reviews" in few.sentence
