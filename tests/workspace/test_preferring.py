"""Preferences of a workspace: choosing blind, taking back, win rates, and what is forgotten."""

from __future__ import annotations

import pytest

from truing import Workspace
from truing.domain.errors import ConflictError, NotFoundError, NothingToDoError
from truing.domain.preference import Choice
from truing.loop.judge import Reason
from truing.loop.prefer import Contest
from truing.testing.contest import INSTRUCTION, NAMES, Arranged, arrange
from truing.testing.factories import (
    make_digest,
    make_evaluated_row,
    make_evaluation,
    make_promotion,
)
from truing.workspace.archiving import archive
from truing.workspace.promoting import judge


@pytest.fixture
def arranged(workspace: Workspace) -> Arranged:
    """Twelve originals; for two of them both models made the very same."""
    return arrange(workspace, 12, equal=2, size=(96, 72))


@pytest.fixture
def contest(workspace: Workspace, arranged: Arranged) -> Contest:
    return workspace.preferences.start(*NAMES, arranged.dataset)


def choose_b(workspace: Workspace, contest: Contest, count: int, actor: str = "ada") -> list[str]:
    """Somebody who always likes what the second model made."""
    done = []
    for _ in range(count):
        (pair,) = workspace.preferences.next(contest, actor=actor)
        uid = pair.sample.uid
        is_left = pair.left == contest.rows[uid][1]
        workspace.preferences.choose(contest, uid, "left" if is_left else "right", actor=actor)
        done.append(uid)
    return done


def test_pairs_are_shown_blind_and_choices_belong_to_models(
    workspace: Workspace, arranged: Arranged, contest: Contest
) -> None:
    preferences = workspace.preferences
    (pair,) = preferences.next(contest, actor="ada")
    assert pair.is_pictures
    assert pair.instruction is not None
    assert pair.instruction.startswith(INSTRUCTION)
    assert pair.instruction == pair.sample.truth
    place = arranged.uids.index(pair.sample.uid)
    assert {pair.left.prediction, pair.right.prediction} == set(arranged.pictures[place])
    assert preferences.pair(contest, pair.sample.uid, actor="ada") == pair

    uids = choose_b(workspace, contest, 10)
    assert len(set(uids)) == 10
    assert {one.choice for one in preferences.votes(contest)} == {Choice.B}
    assert preferences.next(contest, actor="ada") == []
    found = preferences.win_rate(*NAMES, arranged.dataset)
    assert found is not None
    assert (found.wins, found.losses, found.equal, found.votes) == (10, 0, 2, 10)
    assert found.rate == pytest.approx(11 / 12)
    assert found.decided
    turned = preferences.win_rate(*NAMES[::-1], arranged.dataset)
    assert turned is not None
    assert turned.rate == pytest.approx(1 / 12)
    by_digest = (arranged.a.model_digest, arranged.b.model_digest)
    assert preferences.win_rate(*by_digest, arranged.dataset) == found
    assert preferences.win_rate(*NAMES, arranged.dataset, level=0.8) != found


def test_nobody_chose_yet(workspace: Workspace, arranged: Arranged, contest: Contest) -> None:
    assert workspace.preferences.win_rate(*NAMES, arranged.dataset) is None
    assert workspace.preferences.win_rate(*NAMES, arranged.dataset, "validation") is None
    told = workspace.preferences.progress(contest)
    assert (told.counted, told.about, told.left, told.equal) == (0, 10, 10, 2)
    assert not told.enough


def test_several_people_share_the_work(workspace: Workspace, contest: Contest) -> None:
    first = choose_b(workspace, contest, 4, "ada")
    second = choose_b(workspace, contest, 4, "bob")
    assert not set(first) & set(second)
    told = workspace.preferences.progress(contest, actor="bob")
    assert (told.counted, told.own, told.left) == (8, 4, 6)
    third = choose_b(workspace, contest, 6, "bob")
    assert set(third[2:]) == set(first)
    rate = workspace.preferences.result(contest)
    assert rate is not None
    assert (rate.wins, rate.votes, rate.people, rate.agreement) == (10, 14, 2, 1.0)


def test_progress_says_when_it_is_enough(workspace: Workspace, contest: Contest) -> None:
    choose_b(workspace, contest, 6)
    assert not workspace.preferences.progress(contest, actor="ada").enough
    choose_b(workspace, contest, 2)
    told = workspace.preferences.progress(contest, actor="ada")
    assert told.enough
    assert told.left == 2
    assert told.as_dict()["counted"] == 8


def test_skipped_pairs_are_passed_over(workspace: Workspace, contest: Contest) -> None:
    preferences = workspace.preferences
    first, second, third = preferences.next(contest, actor="ada", limit=3)
    skipped = [first.sample.uid, second.sample.uid]
    assert preferences.next(contest, actor="ada", skipped=skipped) == [third]
    assert preferences.progress(contest, actor="ada").left == 10


def test_the_last_choice_is_taken_back(workspace: Workspace, contest: Contest) -> None:
    preferences = workspace.preferences
    with pytest.raises(NothingToDoError, match="ada"):
        preferences.undo(contest, actor="ada")
    uids = choose_b(workspace, contest, 3, "ada")
    other = choose_b(workspace, contest, 1, "bob")
    assert preferences.undo(contest, actor="ada").sample_uid == uids[-1]
    assert preferences.undo(contest, actor="ada").sample_uid == uids[-2]
    assert [one.sample_uid for one in preferences.votes(contest)] == [uids[0], *other]
    preferences.choose(contest, uids[1], "tie", actor="ada", seconds=1.5)
    assert preferences.votes(contest)[-1].choice is Choice.TIE
    assert preferences.votes(contest)[-1].seconds == 1.5


def test_the_same_choice_again_is_one_and_another_is_refused(
    workspace: Workspace, contest: Contest
) -> None:
    preferences = workspace.preferences
    (pair,) = preferences.next(contest, actor="ada")
    kept = preferences.choose(contest, pair.sample.uid, "left", actor="ada")
    assert preferences.choose(contest, pair.sample.uid, "left", actor="ada").uid == kept.uid
    with pytest.raises(ConflictError):
        preferences.choose(contest, pair.sample.uid, "right", actor="ada")
    assert len(preferences.votes(contest)) == 1


def test_forgotten_samples_leave_no_choice_and_trashed_ones_are_not_shown(
    workspace: Workspace, contest: Contest
) -> None:
    preferences = workspace.preferences
    uids = choose_b(workspace, contest, 5)
    numbers = {uid: one.id for uid, one in workspace.store.samples.by_uids(uids).items()}
    workspace.forget(ids=[numbers[uids[0]], numbers[uids[1]]])
    assert [one.sample_uid for one in preferences.votes(contest)] == uids[2:]
    again = preferences.of(contest.a.uid, contest.b.uid)
    assert len(again.rows) == 10
    assert len(preferences.next(again, actor="ada", limit=20)) == 5

    shown = preferences.next(again, actor="ada", limit=20)
    workspace.delete(ids=[shown[0].sample.id])
    assert preferences.next(again, actor="ada", limit=20) == shown[1:]
    with pytest.raises(NotFoundError):
        preferences.pair(again, shown[0].sample.uid)


def test_what_left_is_not_waited_for(workspace: Workspace, contest: Contest) -> None:
    preferences = workspace.preferences
    choose_b(workspace, contest, 4)
    numbers = [pair.sample.id for pair in preferences.next(contest, actor="ada", limit=3)]
    workspace.delete(ids=numbers[:1])
    archive(workspace, ids=numbers[1:2])
    workspace.forget(ids=numbers[2:])
    told = preferences.progress(contest, actor="ada")
    assert (told.counted, told.about, told.left, told.enough) == (4, 7, 3, False)
    choose_b(workspace, contest, 3)
    told = preferences.progress(contest, actor="ada")
    assert (told.counted, told.about, told.left, told.enough) == (7, 7, 0, True)
    assert preferences.next(contest, actor="ada") == []


def test_what_was_not_evaluated_is_not_compared(workspace: Workspace, arranged: Arranged) -> None:
    preferences = workspace.preferences
    with pytest.raises(NotFoundError, match=r"image_edit/1.*validation") as raised:
        preferences.start(*NAMES, arranged.dataset, "validation")
    assert "truing evaluate image_edit/1" in str(raised.value.hint)
    with pytest.raises(NotFoundError, match="image_edit/9"):
        preferences.start(NAMES[0], "image_edit/9", arranged.dataset)
    with pytest.raises(NotFoundError, match="nothing@1"):
        preferences.start(*NAMES, "nothing@1")
    with pytest.raises(NotFoundError, match="evaluation"):
        preferences.of(arranged.a.uid, "nobody")


def test_texts_are_compared_too(workspace: Workspace, arranged: Arranged) -> None:
    made = [
        workspace.store.evaluations.add(
            make_evaluation(
                [make_evaluated_row(uid, prediction=f"{name} of {uid}") for uid in arranged.uids],
                model=name,
                model_digest=make_digest(name),
                dataset=arranged.dataset,
            )
        )
        for name in ("one", "other")
    ]
    contest = workspace.preferences.of(made[0].uid, made[1].uid)
    (pair,) = workspace.preferences.next(contest)
    assert not pair.is_pictures
    assert pair.instruction is None


def test_the_gate_goes_by_what_people_prefer(workspace: Workspace) -> None:
    arranged = arrange(workspace, 34, equal=2, size=(72, 72))
    workspace.store.models.promote(
        make_promotion(NAMES[0], modality="image_edit", reason="first"), expected=None
    )
    before = judge(workspace, NAMES[1], dataset=arranged.dataset)
    assert (before.passed, before.reason) == (False, Reason.NOT_PROVABLE)
    assert "truing prefer image_edit/1 image_edit/2" in str(before.hint)
    choose_b(workspace, workspace.preferences.start(*NAMES, arranged.dataset), 32)
    after = judge(workspace, NAMES[1], dataset=arranged.dataset)
    assert (after.passed, after.reason, after.rows) == (True, Reason.BETTER, 32)
