"""The demo's command; the minutes-long walk itself is tested beside the scenario."""

from __future__ import annotations

import pytest

from truing.demo import scenario
from truing.demo.scenario import DemoResult
from truing.domain.errors import InvalidInputError, RunFailedError


@pytest.fixture
def walked(monkeypatch):
    """Remembers how the scenario was called, and answers at once."""
    calls = []

    def run(folder, recordings=None, speaker=None, say=print, progress=None):
        calls.append((folder, recordings, speaker))
        if speaker == "nobody":
            raise InvalidInputError("no recording of `nobody`", hint="it has theo")
        folder.mkdir(parents=True)
        if speaker == "unlucky":
            raise RunFailedError("training ended", hint=f"truing --workspace {folder} logs 1")
        say("1. Capture: …")
        progress("train", 1, 2)
        return DemoResult(
            speaker="theo",
            wer_before=0.4,
            wer_after=0.1,
            relative_reduction=0.75,
            p_value=0.00001,
            ci=(-0.4, -0.2),
            corrections=50,
            corrected=20,
            exam=250,
            wer_control=0.35,
            wer_baseline=0.2,
            retention_before=0.05,
            retention_after=0.06,
            promoted=True,
            gate="better",
            model="speech/1",
            seconds=61.2,
            workspace=str(folder),
        )

    monkeypatch.setattr(scenario, "run", run)
    return calls


def test_demo_in_a_folder_that_goes_again(bare, walked):
    said = bare("demo")
    assert said.code == 0
    assert said.out.startswith("1. Capture: …\n")
    assert "word error rate before" in said.out
    assert "40.0 %" in said.out
    assert "keep one with --keep FOLDER" in said.err
    assert not walked[0][0].exists()


def test_demo_that_is_kept(bare, walked, tmp_path):
    said = bare("demo", "--keep", tmp_path / "kept", "--recordings", "mine", "--speaker", "ann")
    assert f"truing serve --open --workspace {tmp_path / 'kept'}" in said.err
    folder, recordings, speaker = walked[0]
    assert (folder, str(recordings), speaker) == (tmp_path / "kept", "mine", "ann")
    assert folder.exists()


def test_demo_as_json(bare, walked):
    result = bare("demo", "--json").json
    assert (result["wer_before"], result["wer_after"], result["promoted"]) == (0.4, 0.1, True)
    assert result["workspace"] is None


def test_demo_that_cannot_be(bare, walked):
    said = bare("demo", "--speaker", "nobody")
    assert said.code == 2
    assert "hint:  it has theo" in said.err
    assert not walked[0][0].parent.exists()


def test_demo_whose_training_fails_leaves_its_log(bare, walked):
    import shutil

    said = bare("demo", "--speaker", "unlucky")
    folder = walked[0][0]
    assert said.code == 11
    assert f"truing --workspace {folder} logs 1" in said.err
    assert folder.exists()
    shutil.rmtree(folder.parent)
