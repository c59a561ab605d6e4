"""What to do next follows from where the loop stands, most urgent first."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from truing import Workspace
from truing.domain.model import ModelRef, ModelState
from truing.domain.run import Run, RunState
from truing.testing.factories import FrozenClock, make_model, make_promotion, make_request
from truing.workspace import next_steps as module
from truing.workspace.backups import create_backup
from truing.workspace.next_steps import Kind, NextStep, next_steps

Filled = Callable[..., list[int]]
DAY = 86_400


def kinds(workspace: Workspace) -> list[Kind]:
    """What is said, in its order."""
    return [step.kind for step in next_steps(workspace)]


def only(workspace: Workspace, kind: Kind) -> NextStep:
    """The one step of that kind."""
    (found,) = [step for step in next_steps(workspace) if step.kind is kind]
    return found


def running(workspace: Workspace) -> Run:
    """A run that a worker has taken."""
    run = workspace.store.runs.add("run", make_request(), workspace.clock.now())
    now = workspace.clock.now()
    taken = workspace.store.runs.claim(
        run.id, boot_id="boot", pid=7, pid_start=9, now=now, lease_until=now + 10
    )
    assert taken is not None
    return taken


def test_an_empty_workspace_asks_for_samples_and_a_model(workspace: Workspace) -> None:
    assert kinds(workspace) == [Kind.BRING_SAMPLES, Kind.BRING_MODEL]
    assert [step.href for step in next_steps(workspace)] == ["/record", "/models"]


def test_pending_samples_are_to_be_reviewed(workspace: Workspace, fill: Filled) -> None:
    workspace.store.models.add(make_model(1))
    workspace.store.models.promote(make_promotion("speech/1"), expected=None)
    first, *rest = fill(3, reviewed=False)
    step = only(workspace, Kind.REVIEW)
    assert (step.title, step.number, step.href) == ("Review 3 samples", 3, "/review")
    workspace.review(first, "accepted")
    workspace.review(rest[0], "rejected")
    assert only(workspace, Kind.REVIEW).title == "Review 1 sample"
    workspace.delete(ids=rest[1:])
    assert kinds(workspace) == []


def test_reviewed_samples_that_no_run_used_are_to_be_trained_on(
    workspace: Workspace, fill: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FEW", 3)
    numbers = fill(3)
    step = only(workspace, Kind.TRAIN)
    assert (step.title, step.number) == ("Train on 3 reviewed samples", 3)
    workspace.store.samples.mark_trained([workspace.sample(numbers[0]).uid])
    assert Kind.TRAIN not in kinds(workspace)


def test_nobody_is_sent_to_train_while_a_run_goes_on(
    workspace: Workspace, fill: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FEW", 1)
    fill(2)
    run = running(workspace)
    assert Kind.TRAIN not in kinds(workspace)
    assert Kind.BRING_MODEL not in kinds(workspace)
    step = only(workspace, Kind.WATCH_RUN)
    assert step.title == f"Run {run.id} is running"
    assert step.detail == "It has not begun its first step yet."
    lease = workspace.clock.now() + 10
    runs = workspace.store.runs
    runs.heartbeat(run.id, run.fence, lease_until=lease, step=3, total_steps=9)
    assert only(workspace, Kind.WATCH_RUN).detail == "Step 3 of 9."
    runs.end(run.id, run.fence, state=RunState.PAUSED, at=workspace.clock.now())
    assert only(workspace, Kind.WATCH_RUN).command == f"truing resume {run.id}"
    assert Kind.TRAIN not in kinds(workspace)


def test_the_newest_run_that_failed_is_looked_at_first(workspace: Workspace, fill: Filled) -> None:
    fill(1, reviewed=False)
    run = running(workspace)
    now = workspace.clock.now()
    workspace.store.runs.end(
        run.id, run.fence, state=RunState.FAILED, at=now, error="no space left"
    )
    first = next_steps(workspace)[0]
    assert (first.kind, first.detail, first.href) == (
        Kind.LOOK_AT_RUN,
        "no space left",
        f"/train/{run.id}",
    )
    later = workspace.store.runs.add("later", make_request(), now)
    assert only(workspace, Kind.WATCH_RUN).number == later.id
    assert Kind.LOOK_AT_RUN not in kinds(workspace)


def test_runs_of_other_modalities_do_not_count(workspace: Workspace) -> None:
    workspace.store.runs.add("other", make_request(modality="other"), workspace.clock.now())
    assert Kind.WATCH_RUN not in kinds(workspace)


def test_a_model_that_was_never_in_use_is_compared_with_the_champion(workspace: Workspace) -> None:
    models = workspace.store.models
    models.add(make_model(1))
    assert only(workspace, Kind.COMPARE).title == "Put speech/1 to use"
    models.promote(make_promotion("speech/1"), expected=None)
    assert Kind.COMPARE not in kinds(workspace)
    models.add(make_model(2))
    step = only(workspace, Kind.COMPARE)
    assert step.href == "/models/compare?first=speech/1&second=speech/2"
    assert step.command == "truing promote speech/2"
    models.promote(make_promotion("speech/2", "speech/1"), expected="speech/1")
    assert Kind.COMPARE not in kinds(workspace)


def test_who_was_rolled_back_is_no_candidate_again(workspace: Workspace) -> None:
    models = workspace.store.models
    for number in (1, 2):
        models.add(make_model(number))
    models.promote(make_promotion("speech/1"), expected=None)
    models.promote(make_promotion("speech/2", "speech/1"), expected="speech/1")
    models.promote(make_promotion("speech/1", "speech/2"), expected="speech/2")
    assert Kind.COMPARE not in kinds(workspace)


def test_models_for_one_speaker_and_tainted_ones_are_no_candidates(workspace: Workspace) -> None:
    models = workspace.store.models
    models.add(make_model(1))
    models.promote(make_promotion("speech/1"), expected=None)
    models.add(make_model(2, audience="subject:theo"))
    models.add(make_model(3, state=ModelState.TAINTED))
    assert Kind.COMPARE not in kinds(workspace)


def test_a_model_in_use_that_learned_from_forgotten_data_is_replaced(workspace: Workspace) -> None:
    models = workspace.store.models
    models.add(make_model(1))
    models.promote(make_promotion("speech/1"), expected=None)
    assert Kind.RETRAIN not in kinds(workspace)
    models.set_state(ModelRef(modality="speech", number=1), ModelState.TAINTED)
    assert only(workspace, Kind.RETRAIN).title == "Replace speech/1"


def test_a_backup_is_asked_for_when_the_last_one_is_old(workspace: Workspace, fill: Filled) -> None:
    fill(1, reviewed=False)
    workspace.clock = clock = FrozenClock(workspace.clock.now())
    assert Kind.BACK_UP not in kinds(workspace)
    clock.advance(7.5 * DAY)
    step = only(workspace, Kind.BACK_UP)
    assert step.detail == "This workspace has none, and began 7 days ago."
    assert step.as_dict()["kind"] == "back-up"
    create_backup(workspace)
    assert Kind.BACK_UP not in kinds(workspace)
    clock.advance(9 * DAY)
    assert only(workspace, Kind.BACK_UP).detail == "The last one was made 9 days ago."
