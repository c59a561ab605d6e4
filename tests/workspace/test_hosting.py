"""The champion in a process of its own, as the settings of a workspace have it."""

from __future__ import annotations

from pathlib import Path

import pytest

from truing import Workspace
from truing.domain.errors import SettingError, UnavailableError
from truing.domain.model import GENERAL, ModelRef
from truing.loop.promote import PromotePorts, promote
from truing.workspace.hosting import corrector_of
from truing.workspace.model_import import import_model

ROOT = Path(__file__).parents[2]
BASES = ROOT / "src" / "truing" / "demo" / "digits" / "base"
CLIP = ROOT / "tests" / "data" / "speech" / "digits" / "7_theo_25.flac"


def promoted(workspace: Workspace, number: int) -> None:
    """Makes a model the champion without asking the gate."""
    store = workspace.store
    ports = PromotePorts(models=store.models, events=store.events, clock=workspace.clock)
    found = store.models.get(ModelRef(modality="speech", number=number))
    promote(ports, found, None, audience=GENERAL, actor="ann", force="a test")


def test_the_champion_answers_from_its_process_and_is_swapped_under_the_app(
    workspace: Workspace,
) -> None:
    pytest.importorskip("transformers")
    for name in ("without-theo", "without-jackson"):
        import_model(workspace, BASES / name)
    promoted(workspace, 1)
    with workspace.recognizer() as here, workspace.recognizer(hosted=True) as recognizer:
        expected = here.transcribe(CLIP)
        first = recognizer.transcribe(CLIP)
        assert (first.text, first.model) == (expected.text, "speech/1")
        assert first.words == expected.words
        assert first.sample is not None
        promoted(workspace, 2)
        assert recognizer.refresh() == "speech/2"
        assert recognizer.transcribe(CLIP).model == "speech/2"


def test_the_interpreter_and_the_time_come_from_the_settings(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "ws", environ={}).close()
    flags = {"live.python": str(tmp_path / "python"), "live.seconds": "60"}
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 7\n", encoding="utf-8")
    python.chmod(0o755)
    with Workspace.open(tmp_path / "ws", environ={}, flags=flags) as workspace:
        import_model(workspace, BASES / "without-theo")
        promoted(workspace, 1)
        with (
            workspace.recognizer(hosted=True) as recognizer,
            pytest.raises(UnavailableError, match="ended with exit code 7 while it loaded"),
        ):
            recognizer.transcribe(CLIP)


def test_there_is_no_corrector_unless_one_is_set(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "ws", environ={}).close()
    with Workspace.open(tmp_path / "ws", environ={}) as workspace:
        assert corrector_of(workspace.settings) is None
    flags = {"corrector.url": "http://127.0.0.1:9/v1"}
    with (
        Workspace.open(tmp_path / "ws", environ={}, flags=flags) as workspace,
        pytest.raises(SettingError, match=r"corrector\.model"),
    ):
        corrector_of(workspace.settings)
    flags["corrector.model"] = "small-chat"
    with Workspace.open(tmp_path / "ws", environ={}, flags=flags) as workspace:
        corrector = corrector_of(workspace.settings)
        assert corrector is not None
        assert corrector.model == "small-chat"
