"""Splits never leak, never move a sample, and test only on what chance or wholesale chose."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from truing.domain.dataset import Assignment, Split, SplitKind
from truing.loop.split import SplitItem, SplitPlan, SplitRule, split

keys = st.lists(st.sampled_from([f"k{n}" for n in range(12)]), max_size=3, unique=True)
subjects = st.sampled_from([None, "ada", "bo", "cy", "di"])


@st.composite
def items(draw: st.DrawFn, low: int = 1, high: int = 40) -> list[SplitItem]:
    count = draw(st.integers(low, high))
    return [
        SplitItem(
            uid=f"u{n:03d}",
            keys=tuple(draw(keys)),
            subject=draw(subjects),
            may_test=draw(st.booleans()),
        )
        for n in range(count)
    ]


@st.composite
def rules(draw: st.DrawFn) -> SplitRule:
    return SplitRule(
        kind=draw(st.sampled_from(list(SplitKind))),
        test_share=draw(st.floats(0, 0.9)),
        validation_share=draw(st.floats(0, 0.5)),
        seed=draw(st.integers(0, 3)),
    )


def parts_by_key(found: list[SplitItem], plan: SplitPlan, kind: SplitKind) -> dict[str, set[Split]]:
    seen: dict[str, set[Split]] = {}
    for item in found:
        part = plan.assigned.get(item.uid)
        if part is None:
            continue
        own = set(item.keys)
        if kind is SplitKind.UNSEEN_SPEAKER and item.subject is not None:
            own.add(f"speaker {item.subject}")
        for key in own:
            seen.setdefault(key, set()).add(part)
    return seen


@given(items(), rules())
def test_no_group_key_is_in_two_parts(found: list[SplitItem], rule: SplitRule) -> None:
    plan = split(found, [], rule)
    assert all(len(parts) == 1 for parts in parts_by_key(found, plan, rule.kind).values())


@given(items(low=2), rules(), st.lists(st.lists(st.integers(0, 11), min_size=2, max_size=3)))
def test_samples_that_are_in_no_part_tie_others_together(
    found: list[SplitItem], rule: SplitRule, links: list[list[int]]
) -> None:
    ties = [tuple(f"k{number}" for number in link) for link in links]
    by_key = parts_by_key(found, split(found, [], rule, ties), rule.kind)
    for tie in ties:
        assert len(set().union(*(by_key.get(key, set()) for key in tie))) <= 1


@given(items(), rules())
def test_only_samples_taken_by_chance_are_tested_on(
    found: list[SplitItem], rule: SplitRule
) -> None:
    plan = split(found, [], rule)
    allowed = {item.uid for item in found if item.may_test}
    assert {uid for uid, part in plan.assigned.items() if part is Split.TEST} <= allowed


@given(items(), rules())
def test_every_sample_is_assigned_or_withheld_with_a_reason(
    found: list[SplitItem], rule: SplitRule
) -> None:
    plan = split(found, [], rule)
    assert set(plan.assigned) | set(plan.withheld) == {item.uid for item in found}
    assert not set(plan.assigned) & set(plan.withheld)
    assert all(plan.withheld.values())


@given(items(), rules(), st.integers())
def test_the_order_of_arrival_changes_nothing(
    found: list[SplitItem], rule: SplitRule, seed: int
) -> None:
    shuffled = found[:]
    random.Random(seed).shuffle(shuffled)
    assert split(found, [], rule).assigned == split(shuffled, [], rule).assigned


@given(items(low=4), rules(), st.data())
@settings(max_examples=200)
def test_growth_moves_nothing_and_leaks_nothing(
    found: list[SplitItem], rule: SplitRule, data: st.DataObject
) -> None:
    """Freezing again and again while samples arrive, as the ledger grows."""
    ledger: list[Assignment] = []
    home: dict[str, Split] = {}
    cuts = sorted(data.draw(st.lists(st.integers(1, len(found)), min_size=1, max_size=4)))
    for cut in [*cuts, len(found)]:
        plan = split(found[:cut], ledger, rule)
        for uid, part in plan.assigned.items():
            assert home.setdefault(uid, part) is part
        seen = parts_by_key(found[:cut], plan, rule.kind)
        assert all(len(parts) == 1 for parts in seen.values())
        ledger.extend(plan.new)


@given(items(low=6), st.integers(0, 3))
def test_the_ledger_holds_only_what_was_assigned(found: list[SplitItem], seed: int) -> None:
    rule = SplitRule(kind=SplitKind.PERSONAL, test_share=0.3, validation_share=0.1, seed=seed)
    plan = split(found, [], rule)
    assert {entry.sample_uid: entry.split for entry in plan.new} == dict(plan.assigned)
    assert list(split(found, plan.new, rule).new) == []


def free(count: int) -> list[SplitItem]:
    return [SplitItem(uid=f"u{n:04d}", keys=(), subject=None, may_test=True) for n in range(count)]


def test_shares_are_met_when_nothing_ties_samples_together() -> None:
    rule = SplitRule(kind=SplitKind.PERSONAL, test_share=0.2, validation_share=0.1)
    plan = split(free(200), [], rule)
    counts = [list(plan.assigned.values()).count(part) for part in Split]
    assert counts == [140, 20, 40]


def test_a_sample_that_ties_train_to_test_withholds_the_train_side() -> None:
    rule = SplitRule(kind=SplitKind.PERSONAL, test_share=0.5, validation_share=0.0)
    start = [
        SplitItem(uid="a", keys=("x",), subject=None, may_test=True),
        SplitItem(uid="b", keys=("y",), subject=None, may_test=True),
    ]
    first = split(start, [], rule)
    test_side = next(uid for uid, part in first.assigned.items() if part is Split.TEST)
    train_side = "b" if test_side == "a" else "a"
    bridge = SplitItem(uid="c", keys=("x", "y"), subject=None, may_test=True)
    second = split([*start, bridge], first.new, rule)
    assert second.assigned[test_side] is Split.TEST
    assert second.withheld == {train_side: "tied to the test set"}
    assert second.assigned["c"] is Split.TEST


def test_test_speakers_make_up_the_test_set() -> None:
    found = [
        SplitItem(uid=f"{name}{n}", keys=(), subject=name, may_test=True)
        for name in ("ada", "bo", "cy")
        for n in range(5)
    ]
    rule = SplitRule(
        kind=SplitKind.UNSEEN_SPEAKER,
        test_share=0.2,
        validation_share=0.0,
        test_speakers=frozenset({"bo"}),
    )
    plan = split(found, [], rule)
    assert {uid for uid, part in plan.assigned.items() if part is Split.TEST} == {
        f"bo{n}" for n in range(5)
    }
