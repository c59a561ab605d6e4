"""The whole loop on real recordings: train in a process of its own, prove, promote, roll back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from truing import Workspace
from truing.domain.dataset import DatasetRef, Split
from truing.domain.errors import (
    ConsentError,
    InvalidInputError,
    MissingDependencyError,
    NotFoundError,
    NothingToDoError,
    SettingError,
)
from truing.domain.model import ModelRef, ModelState
from truing.domain.run import Run, RunState
from truing.workspace.keeping import verify
from truing.workspace.promoting import judge
from truing.workspace.proving import transcribe

Filled = Callable[..., list[int]]
ROOT = Path(__file__).parents[2]
BASE = str(ROOT / "src" / "truing" / "demo" / "digits" / "base" / "without-theo")
CLIP = ROOT / "tests" / "data" / "speech" / "digits" / "7_theo_25.flac"
QUICK = {"max_steps": "3", "threads": "1", "batch_size": "4"}


def trained(workspace: Workspace, dataset: str, **options: object) -> Run:
    """Trains a few steps, for the machinery and not for the result."""
    run = workspace.train(dataset, base=BASE, options=QUICK, **options)
    return workspace.jobs.wait(run.id).run


def part(workspace: Workspace, name: str, split: Split) -> set[str | None]:
    """The samples in a part of a version."""
    rows = workspace.store.datasets.rows(DatasetRef.parse(name), split)
    return {row.sample_uid for row in rows}


@pytest.fixture
def model(workspace: Workspace, fill: Filled) -> str:
    """A model trained on `mine@1`: 20 rows to learn from, 5 to test on."""
    fill(25)
    version = workspace.freeze("mine", validation_share=0.0)
    assert (version.counts["train"], version.counts["test"]) == (20, 5)
    run = trained(workspace, "mine@1")
    assert run.state is RunState.DONE, run.error
    return str(run.result["model"])


def test_from_recordings_to_a_model_with_its_lineage(workspace: Workspace, model: str) -> None:
    version = workspace.store.models.get(ModelRef.parse(model))
    assert (version.dataset, version.recipe, version.base) == ("mine@1", "whisper", BASE)
    assert version.dataset_digest == workspace.store.datasets.all()[0].digest
    assert version.licence == "CC BY-SA 4.0"
    assert verify(workspace) == []
    assert workspace.store.samples.state_counts()["trained"] == 25
    (heard,) = transcribe(workspace, [CLIP], model)
    assert heard.model == model
    assert heard.recognition.text.strip()


def test_rows_learned_from_never_judge(workspace: Workspace, model: str) -> None:
    first = workspace.evaluate(model, "mine@1")
    assert (first.figures["rows"], first.figures["excluded"]) == (5, 0)
    # Another dataset over the same samples deals them anew: what was learned from stays out.
    workspace.freeze("other", test_share=0.9, validation_share=0.0, seed=3)
    again = workspace.evaluate(model, "other@1")
    learned = part(workspace, "mine@1", Split.TRAIN)
    held = part(workspace, "other@1", Split.TEST)
    assert held & learned
    assert {row.sample_uid for row in again.rows} == held - learned
    assert again.figures["excluded"] == len(held & learned)


def test_five_test_rows_prove_nothing(workspace: Workspace, model: str) -> None:
    verdict = workspace.promote(model)
    assert not verdict.passed
    assert verdict.reason == "not-proven"
    assert "5 test rows, 30 are needed" in verdict.sentence
    # 25 rows more, of which a fifth of random reviews is tested on.
    assert verdict.more_needed is not None
    assert verdict.more_needed >= 125
    assert f"about {verdict.more_needed} more random reviews" in verdict.sentence
    assert workspace.store.models.champion("speech", "general") is None


def test_force_needs_a_reason_and_records_it(workspace: Workspace, model: str) -> None:
    with pytest.raises(InvalidInputError):
        workspace.promote(model, force="  ")
    workspace.promote(model, force="the first one we have")
    assert workspace.store.models.champion("speech", "general") == model
    (move,) = workspace.store.models.promotions("speech", "general")
    assert move.reason == "the first one we have"
    with pytest.raises(NothingToDoError):
        workspace.roll_back()


def test_an_app_swaps_to_the_new_champion_and_back(workspace: Workspace, model: str) -> None:
    second = str(trained(workspace, "mine@1", seed=1).result["model"])
    workspace.promote(model, force="first")
    with workspace.recognizer() as recognizer:
        heard = recognizer.transcribe(CLIP, subject="theo")
        assert heard.model == model
        assert heard.sample is not None
        kept = workspace.sample(heard.sample.id)
        assert kept.raw is not None
        assert (kept.raw.text, kept.raw.model) == (heard.text, model)
        workspace.promote(second, force="second")
        assert recognizer.refresh() == second
        assert recognizer.transcribe(CLIP).model == second
        workspace.roll_back()
        assert recognizer.refresh() == model


def test_forgetting_taints_the_model_for_good(workspace: Workspace, model: str) -> None:
    told = workspace.forget(subject="jackson")
    assert told.models == (model,)
    version = workspace.store.models.get(ModelRef.parse(model))
    assert version.state is ModelState.TAINTED
    assert judge(workspace, model).reason == "tainted"
    with pytest.raises(ConsentError):
        workspace.promote(model, force="I want it")
    assert verify(workspace) == []


def test_what_cannot_be_trained_is_said_before_anything_starts(
    workspace: Workspace, fill: Filled
) -> None:
    fill(10)
    workspace.freeze("mine")
    refused: list[tuple[type[Exception], dict[str, object]]] = [
        (NotFoundError, {"dataset": "mine@9"}),
        (NotFoundError, {"base": "./no/such/folder"}),
        (InvalidInputError, {"base": None}),
        (NotFoundError, {"recipe": "wisper"}),
        (NotFoundError, {"replay": "./no/such/folder"}),
        (SettingError, {"options": {"learning_rat": "1"}}),
        (SettingError, {"options": {"learning_rate": "fast"}}),
    ]
    for error, changed in refused:
        with pytest.raises(error):
            workspace.train(**{"dataset": "mine@1", "base": BASE, **changed})
    assert workspace.store.runs.all() == []


def test_a_recipe_that_fails_leaves_no_model(workspace: Workspace, fill: Filled) -> None:
    fill(10)
    workspace.freeze("mine")
    run = workspace.train("mine@1", base="nobody/no-such-model", options=QUICK)
    ended = workspace.jobs.wait(run.id).run
    assert ended.state is RunState.FAILED
    assert ended.error
    assert workspace.store.models.all() == []
    assert list(workspace.layout.models.rglob("*.safetensors")) == []


def test_a_missing_package_is_named_before_anything_starts(
    workspace: Workspace, fill: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "torch" else find(name)
    )
    fill(10)
    workspace.freeze("mine")
    with pytest.raises(MissingDependencyError, match="torch") as caught:
        workspace.train("mine@1", base=BASE)
    assert caught.value.hint == 'pip install "truing[train]"'
    assert workspace.store.runs.all() == []
