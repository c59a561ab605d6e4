"""Before, during and after a run: room for it, a backup, its figures, and one model whatever ends
its worker on the way.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from truing import Workspace
from truing.domain.errors import ConflictError, InvalidInputError, UnavailableError
from truing.domain.model import ModelRef, ModelVersion
from truing.domain.run import Run, RunState
from truing.jobs.files import RunFiles
from truing.jobs.worker import Rhythm, work
from truing.platform.files import Space
from truing.workspace import disk, training
from truing.workspace.backups import backups
from truing.workspace.keeping import verify

Filled = Callable[..., list[int]]
BASE = str(Path(training.__file__).parents[1] / "demo" / "digits" / "base" / "without-theo")
QUICK = {"max_steps": "3", "threads": "1", "batch_size": "4", "validate_every": "1"}


class Killed(BaseException):
    """What `kill -9` is to the code it hits: nothing after it runs, and nothing is written."""


@pytest.fixture
def mine(workspace: Workspace, fill: Filled) -> Workspace:
    """A workspace with `mine@1`."""
    fill(12)
    workspace.freeze("mine", validation_share=0.2)
    return workspace


def queued(workspace: Workspace, **more: Any) -> Run:
    return workspace.train("mine@1", base=BASE, options=QUICK, start=False, **more)


def attempt(workspace: Workspace, run: Run) -> RunState:
    """One attempt in this process, whose lease is over at once."""
    return work(
        workspace.store.runs,
        run.id,
        folder=workspace.layout.root,
        clock=workspace.clock,
        execute=partial(training.execute, workspace),
        rhythm=Rhythm(lease=0.0),
        tensorboard=True,
    )


# --- one run, one model ------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["installed", "recorded", "marked"])
def test_a_worker_that_dies_at_the_end_makes_one_model(
    place: str, mine: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = queued(mine)
    models, samples = mine.store.models, mine.store.samples

    def die(*_: object) -> None:
        raise Killed

    def add_and_die(model: ModelVersion, add: Callable[..., None] = models.add) -> None:
        add(model)
        die()

    with monkeypatch.context() as patch:
        if place == "installed":
            patch.setattr(models, "add", die)
        elif place == "recorded":
            patch.setattr(models, "add", add_and_die)
        else:
            patch.setattr(samples, "mark_trained", die)
        with pytest.raises(Killed):
            attempt(mine, run)
    assert mine.store.runs.get(run.id).state is RunState.RUNNING
    assert attempt(mine, run) is RunState.DONE

    (model,) = models.all()
    ended = mine.store.runs.get(run.id)
    assert (str(model.ref), model.run_id) == ("speech/1", run.id)
    assert ended.result["model"] == "speech/1"
    assert ended.result["figures"] == model.figures != {}
    assert [folder.name for folder in (mine.layout.models / "speech").iterdir()] == ["1"]
    assert samples.state_counts()["trained"] == 12
    assert verify(mine) == []


def test_a_number_that_another_run_has_taken_a_moment_ago_is_passed_over(
    mine: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = queued(mine), queued(mine, seed=1)

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(mine.store.models, "add", die)
        with pytest.raises(Killed):
            attempt(mine, first)
    assert attempt(mine, second) is RunState.DONE
    assert attempt(mine, first) is RunState.DONE
    made = {model.run_id: str(model.ref) for model in mine.store.models.all()}
    assert made == {first.id: "speech/1", second.id: "speech/2"}
    assert verify(mine) == []


def test_a_model_reads_back_from_its_description(mine: Workspace) -> None:
    run = queued(mine)
    attempt(mine, run)
    (model,) = mine.store.models.all()
    (told,) = mine.model_files.described("speech")
    assert ModelVersion.from_dict(told) == model
    assert told["run_uid"] == run.uid
    with pytest.raises(InvalidInputError, match="speech/1"):
        ModelVersion.from_dict({"model": "speech/1"})
    (mine.model_files.path(ModelRef.parse("speech/1")) / "model.json").write_text("{")
    assert list(mine.model_files.described("speech")) == []


# --- before it begins --------------------------------------------------------------------------


def test_too_little_room_is_refused_with_numbers_and_repairs(
    mine: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "free_memory", lambda: 100_000_000)
    monkeypatch.setattr(disk, "disk_space", lambda _: Space(total=100 << 30, free=260 << 20))
    with pytest.raises(UnavailableError) as caught:
        queued(mine)
    assert "the run needs about " in caught.value.message
    assert "273 MB are free on the disk of" in caught.value.message
    assert "MB of memory and 100 MB are free" in caught.value.message
    assert caught.value.hint is not None
    assert "--set batch_size=2 --set accumulation=2" in caught.value.hint
    assert "--force" in caught.value.hint
    assert mine.store.runs.all() == []
    assert queued(mine, force=True).state is RunState.QUEUED


def test_what_cannot_be_told_is_not_refused(
    mine: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "free_memory", lambda: None)
    asked = training.planned(mine, "mine@1", base=BASE)
    there = training.room_of(mine, asked)
    assert there is not None
    assert list(there.lacks()) == []
    far = training.planned(mine, "mine@1", base="nobody/no-such-model")
    assert training.room_of(mine, far) is None
    scratch = training.planned(mine, "mine@1", recipe="whisper-scratch")
    assert training.room_of(mine, scratch) is None


def test_a_backup_is_made_before_training_unless_a_setting_says_no(
    mine: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued(mine)
    (made,) = backups(mine.layout)
    assert made.reason == "before-training"
    (mine.layout.root / "truing.toml").write_text("[backup]\nbefore_training = false\n")
    with Workspace.open(mine.layout.root, environ={}) as again:
        queued(again)
        assert len(backups(again.layout)) == 1


# --- figures for TensorBoard -------------------------------------------------------------------

READ = """
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
read = EventAccumulator(sys.argv[1])
read.Reload()
print(json.dumps({
    name: [[one.step, one.value, one.wall_time] for one in read.Scalars(name)]
    for name in read.Tags()["scalars"]
}))
"""


def test_tensorboard_reads_the_figures_of_a_run(mine: Workspace) -> None:
    run = queued(mine)
    assert attempt(mine, run) is RunState.DONE
    folder = RunFiles.of(mine.layout.root, run.id).tensorboard
    done = subprocess.run(
        [sys.executable, "-c", READ, str(folder)], capture_output=True, text=True, check=True
    )
    read = json.loads(done.stdout)
    points = mine.store.runs.metrics(run.id)
    assert {point.name for point in points} == set(read) >= {"train_loss", "validation_wer"}
    for point in points:
        found = {step: (value, at) for step, value, at in read[point.name]}
        value, at = found[point.step]
        assert value == pytest.approx(point.value, rel=1e-6)
        assert at == pytest.approx(point.at / 1e6, abs=0.001)


def test_conflicts_of_numbers_do_not_go_on_for_ever(
    mine: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken(*_: object) -> str:
        raise ConflictError("the model is there already")

    run = queued(mine)
    monkeypatch.setattr(mine.model_files, "install", taken)
    monkeypatch.setattr("truing.loop.train.MOST_TRIES", 5)
    assert attempt(mine, run) is RunState.FAILED
    assert "are all taken by folders" in str(mine.store.runs.get(run.id).error)
