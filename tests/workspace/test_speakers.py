"""A speaker's own champion, and the general one where there is none or it fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from truing import Workspace
from truing.domain.errors import NotFoundError, NothingToDoError
from truing.domain.model import GENERAL, ModelRef
from truing.loop.promote import PromotePorts, promote
from truing.workspace.model_import import import_model
from truing.workspace.models import champion_for, model_named
from truing.workspace.proving import transcribe

ROOT = Path(__file__).parents[2]
BASES = ROOT / "src" / "truing" / "demo" / "digits" / "base"
CLIP = ROOT / "tests" / "data" / "speech" / "digits" / "7_theo_25.flac"
THEO = "subject:theo"
EVERYBODYS, THEOS, SECOND = "speech/1", "speech/2", "speech/3"


@pytest.fixture
def models(workspace: Workspace) -> Workspace:
    """Three models from outside; the first is everybody's champion."""
    for name in ("without-theo", "without-jackson", "without-nicolas"):
        import_model(workspace, BASES / name)
    moved(workspace, EVERYBODYS, GENERAL)
    return workspace


def moved(workspace: Workspace, model: str, audience: str) -> None:
    """Makes a model the champion of an audience without asking the gate."""
    store = workspace.store
    ports = PromotePorts(models=store.models, events=store.events, clock=workspace.clock)
    found = store.models.get(ModelRef.parse(model))
    promote(ports, found, None, audience=audience, actor="ann", force="a test")


def broken(workspace: Workspace, model: str) -> None:
    """A model whose weights are gone to pieces."""
    folder = workspace.model_files.path(ModelRef.parse(model))
    (folder / "model.safetensors").write_bytes(b"no weights")


def test_a_speaker_without_a_model_has_the_general_one(models: Workspace) -> None:
    assert champion_for(models.store.models, "speech", THEO) == EVERYBODYS
    assert champion_for(models.store.models, "video", THEO) is None
    assert model_named(models, "champion", audience=THEO).name == EVERYBODYS
    moved(models, THEOS, THEO)
    assert model_named(models, "champion", audience=THEO).name == THEOS
    assert model_named(models, "champion").name == EVERYBODYS
    (heard,) = transcribe(models, [CLIP], audience=THEO)
    assert heard.model == THEOS
    (heard,) = transcribe(models, [CLIP], audience="subject:ann")
    assert heard.model == EVERYBODYS


def test_going_back_below_a_speakers_first_model_leads_to_the_general_one(
    models: Workspace,
) -> None:
    with pytest.raises(NothingToDoError):
        models.roll_back("speech", THEO)
    moved(models, THEOS, THEO)
    moved(models, SECOND, THEO)
    assert models.roll_back("speech", THEO).model == THEOS
    last = models.roll_back("speech", THEO)
    assert (last.model, last.previous, last.reason) == ("", THEOS, "rollback")
    assert models.store.models.champions() == {("speech", GENERAL): EVERYBODYS}
    with pytest.raises(NothingToDoError):
        models.roll_back("speech", THEO)
    # What was gone back from is forgotten as a stack: from here it begins anew.
    moved(models, SECOND, THEO)
    assert models.roll_back("speech", THEO).model == ""


def test_where_there_is_no_general_champion_a_speaker_keeps_the_last_of_their_own(
    workspace: Workspace,
) -> None:
    import_model(workspace, BASES / "without-theo")
    moved(workspace, "speech/1", THEO)
    with pytest.raises(NothingToDoError):
        workspace.roll_back("speech", THEO)
    assert workspace.store.models.champion("speech", THEO) == "speech/1"


def test_a_recognizer_follows_the_speaker(models: Workspace) -> None:
    with models.recognizer(audience=THEO, keep=False) as recognizer:
        assert recognizer.transcribe(CLIP).model == EVERYBODYS
        moved(models, THEOS, THEO)
        assert recognizer.refresh() == THEOS
        assert recognizer.transcribe(CLIP).model == THEOS
        models.roll_back("speech", THEO)
        assert recognizer.refresh() == EVERYBODYS


def test_a_speakers_model_that_cannot_be_loaded_gives_way(models: Workspace) -> None:
    moved(models, THEOS, THEO)
    broken(models, THEOS)
    with models.recognizer(audience=THEO, keep=False) as recognizer:
        assert recognizer.transcribe(CLIP).model == EVERYBODYS
    assert models.store.models.champion("speech", THEO) is None
    (last, _) = models.store.models.promotions("speech", THEO)
    assert (last.model, last.previous, last.reason) == ("", THEOS, "fallback")
    assert "cannot be loaded" in str(last.gate["why"])
    # The general champion did not pay for it.
    assert models.store.models.champion("speech", GENERAL) == EVERYBODYS


def test_a_model_swapped_in_that_cannot_be_loaded_gives_way(models: Workspace) -> None:
    with models.recognizer(audience=THEO, keep=False) as recognizer:
        assert recognizer.transcribe(CLIP).model == EVERYBODYS
        moved(models, THEOS, THEO)
        broken(models, THEOS)
        assert recognizer.refresh() == EVERYBODYS
        assert recognizer.transcribe(CLIP).model == EVERYBODYS
    assert models.store.models.champion("speech", THEO) is None


def test_a_speakers_model_before_stands_in_first(models: Workspace) -> None:
    moved(models, THEOS, THEO)
    moved(models, SECOND, THEO)
    broken(models, SECOND)
    with models.recognizer(audience=THEO, keep=False) as recognizer:
        assert recognizer.transcribe(CLIP).model == THEOS
    assert models.store.models.champion("speech", THEO) == THEOS


def test_files_are_heard_although_a_speakers_model_fails(models: Workspace) -> None:
    moved(models, THEOS, THEO)
    broken(models, THEOS)
    heard = transcribe(models, [CLIP, CLIP], audience=THEO)
    assert [one.model for one in heard] == [EVERYBODYS, EVERYBODYS]
    # Only an app in use moves the alias.
    assert models.store.models.champion("speech", THEO) == THEOS


def test_without_any_champion_it_is_told(workspace: Workspace) -> None:
    with pytest.raises(NotFoundError, match="no speech champion"):
        model_named(workspace, "champion", audience=THEO)
    with workspace.recognizer(audience=THEO) as recognizer, pytest.raises(NotFoundError):
        recognizer.transcribe(CLIP)
