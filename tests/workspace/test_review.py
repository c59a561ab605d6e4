"""Review on a real store: history, undo of any revision, conflicts, queues."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from truing import Workspace
from truing.domain.errors import ConflictError, InvalidInputError
from truing.domain.review import State

Filled = Callable[..., list[int]]


def test_the_prediction_is_never_overwritten(workspace: Workspace, fill: Filled) -> None:
    (number,) = fill(1, reviewed=False, raw="heaven")
    workspace.review(number, "corrected", "seven", why="listened twice", seconds=2.5, keys=6)
    sample = workspace.sample(number)
    (revision,) = workspace.history(number)
    assert sample.raw is not None
    assert (sample.raw.text, sample.truth, sample.state) == ("heaven", "seven", State.CORRECTED)
    assert (revision.why, revision.seconds, revision.keys) == ("listened twice", 2.5, 6)


def test_any_revision_can_be_undone_and_the_undoing_too(workspace: Workspace, fill: Filled) -> None:
    (number,) = fill(1, reviewed=False, raw="heaven")
    first = workspace.review(number, "corrected", "seven").revision
    workspace.review(number, "rejected")
    undone = workspace.undo()
    assert undone is not None
    assert workspace.sample(number).truth == "seven"
    workspace.undo(first.id)
    assert workspace.sample(number).state is State.PENDING
    workspace.undo(undone.revision.id)
    assert workspace.sample(number).state is State.REJECTED
    with pytest.raises(ConflictError):
        workspace.undo(first.id)
    assert len(workspace.history(number)) == 5


def test_typing_what_was_proposed_means_accepted(workspace: Workspace, fill: Filled) -> None:
    (number,) = fill(1, reviewed=False, raw="seven")
    assert workspace.review(number, "corrected", " seven ").standing.state is State.ACCEPTED


@pytest.mark.parametrize("truth", ["", "   ", "x" * 20_001])
def test_a_truth_that_cannot_be_is_refused(workspace: Workspace, fill: Filled, truth: str) -> None:
    (number,) = fill(1, reviewed=False)
    with pytest.raises(InvalidInputError):
        workspace.review(number, "corrected", truth)
    assert workspace.history(number) == []


def test_a_stale_view_is_a_conflict(workspace: Workspace, fill: Filled) -> None:
    (number,) = fill(1, reviewed=False)
    workspace.review(number, "accepted", actor="ada", expected=0)
    with pytest.raises(ConflictError, match="ada"):
        workspace.review(number, "rejected", actor="bo", expected=0)
    assert workspace.sample(number).state is State.ACCEPTED


def test_many_people_at_once_lose_nothing(workspace: Workspace, fill: Filled) -> None:
    (number,) = fill(1, reviewed=False)

    def decide(who: str) -> None:
        workspace.review(number, "corrected", f"said {who}", actor=who)

    threads = [threading.Thread(target=decide, args=(f"p{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    history = workspace.history(number)
    assert {revision.actor for revision in history} == {f"p{n}" for n in range(6)}
    assert workspace.sample(number).truth == history[-1].truth


def test_queues(workspace: Workspace, fill: Filled) -> None:
    numbers = fill(6, reviewed=False)
    assert [one.sample.id for one in workspace.queue("oldest")] == numbers
    assert [one.sample.id for one in workspace.queue("newest")] == numbers[::-1]
    workspace.review(numbers[0], "accepted")
    workspace.review(numbers[1], "skipped")
    left = [one.sample.id for one in workspace.queue("mixed")]
    assert left[-1] == numbers[1], "what was skipped comes last"
    assert sorted(left) == numbers[1:]
    with pytest.raises(InvalidInputError, match="loudest"):
        workspace.queue("loudest")


def test_least_confident_first(workspace: Workspace, fill: Filled) -> None:
    by_confidence = {0.9: 0, 0.2: 0, 0.5: 0}
    for confidence in by_confidence:
        (by_confidence[confidence],) = fill(1, reviewed=False, confidence=confidence)
    order = [one.sample.id for one in workspace.queue("least-confident")]
    assert order == [by_confidence[c] for c in (0.2, 0.5, 0.9)]
