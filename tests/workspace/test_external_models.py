"""External recognisers as models of a workspace: brought in by hand, never out of a bundle."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from truing.domain.errors import InvalidInputError, NotFoundError
from truing.stores.bundle_file import written
from truing.stores.model_files import DESCRIPTION, folder_digest
from truing.workspace.bundles import TRAINED
from truing.workspace.model_import import import_model

CLIP = Path(__file__).parents[1] / "data" / "lipreading" / "grid" / "swwp2s.mpg"


@pytest.fixture
def program(tmp_path):
    """The folder of a model that is a program beside it."""
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "infer.py").write_text("print('hyp: SET WHITE WITH P TWO SOON')")
    told = {"model_type": "external", "command": [sys.executable, "infer.py", "{video}"]}
    (folder / "config.json").write_text(json.dumps(told))
    return folder


def test_a_program_becomes_the_champion_that_answers(workspace, program):
    brought = import_model(workspace, program, modality="lipreading")
    assert brought.new
    assert str(brought.model.ref) == "lipreading/1"
    assert any("infer.py {video}" in note for note in brought.notes)
    # Nothing but the description was copied; it still finds its program.
    place = workspace.model_files.path(brought.model.ref)
    assert sorted(one.name for one in place.iterdir()) == ["config.json", DESCRIPTION]
    assert not import_model(workspace, program, modality="lipreading").new
    workspace.promote("lipreading/1", force="the model I use today")
    with workspace.recognizer("lipreading") as recognizer:
        said = recognizer.transcribe(CLIP)
    assert (said.text, said.model) == ("SET WHITE WITH P TWO SOON", "lipreading/1")
    assert list(said.took) == ["ingest", "decode", "model"]
    sample = workspace.sample(said.sample.id)
    assert (sample.raw.text, sample.raw.model) == (said.text, "lipreading/1")
    assert "infer.py" not in {one.name for one in place.iterdir()}


def test_it_answers_in_a_process_of_its_own_as_well(workspace, program):
    import_model(workspace, program, modality="lipreading")
    workspace.promote("lipreading/1", force="the model I use today")
    with workspace.recognizer("lipreading", hosted=True) as recognizer:
        said = recognizer.transcribe(CLIP)
    assert said.text == "SET WHITE WITH P TWO SOON"
    assert list(said.took) == ["ingest", "decode", "model"]


def test_folders_that_hold_no_model_for_lips(workspace, program, tmp_path):
    (program / "config.json").write_text(json.dumps({"model_type": "whisper"}))
    with pytest.raises(InvalidInputError, match="cannot read lips"):
        import_model(workspace, program, modality="lipreading")
    (program / "config.json").write_text(json.dumps({"model_type": "external"}))
    with pytest.raises(InvalidInputError, match="needs either a `command` or a `url`"):
        import_model(workspace, program, modality="lipreading")
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotFoundError, match="no model in"):
        import_model(workspace, tmp_path / "empty", modality="lipreading")


def test_a_bundle_cannot_bring_a_program_in(workspace, program, tmp_path):
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_bytes((program / "config.json").read_bytes())
    told = {
        "uid": "01a1ff61-a2c9-7910-9057-a768dc3689ac",
        "bundle": "sha256:0",
        "digest": folder_digest(model),
        "recipe": "visual-tcn",
        "lineage": {},
    }
    with written(tmp_path / "model.trained", TRAINED, {}) as bundle:
        bundle.add_file("model/config.json", model / "config.json")
        bundle.add(f"model/{DESCRIPTION}", json.dumps(told).encode())
    with pytest.raises(InvalidInputError, match="would run a program of this machine"):
        import_model(workspace, tmp_path / "model.trained")
    assert workspace.store.models.champion("lipreading", "general") is None
