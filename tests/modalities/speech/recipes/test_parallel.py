"""Several processes for one run: real ones, on the CPU, with a small model."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from truing.domain.errors import RunFailedError, SettingError
from truing.domain.recipe import Example, TrainingInput, TrainingResult
from truing.modalities.speech.recipes import parallel
from truing.modalities.speech.recipes.whisper import WhisperOptions, WhisperRecipe

EXACT = {
    "max_steps": 4,
    "batch_size": 5,
    "accumulation": 2,
    "dropout": 0.0,
    "threads": 1,
    "device": "cpu",
    "validate_every": 2,
    "words_to_choose": 1000,
    "learning_rate": 1e-3,
}


@pytest.fixture
def train(
    theo: list[Example],
    jackson: list[Example],
    english_base: Path,
    tmp_path: Path,
    context: Any,
) -> Callable[..., tuple[TrainingResult, Any, dict[str, Any]]]:
    """Trains on one voice with another to replay; gives result, context and weights."""

    def trained(
        name: str, *, stop_at: int | None = None, kept: str | None = None, **options: Any
    ) -> tuple[TrainingResult, Any, dict[str, Any]]:
        output = tmp_path / name
        output.mkdir()
        given = TrainingInput(
            base=str(english_base),
            train=theo[:9],
            validation=theo[9:13],
            replay=jackson,
            options=WhisperOptions(**{**EXACT, **options}),
            seed=3,
            output=output,
        )
        own = dataclasses.replace(
            context,
            folder=tmp_path / (kept or f"kept-{name}"),
            stop_at=stop_at,
            reports=[],
            lines=[],
            done=(0, 0),
        )
        result = WhisperRecipe().train(given, own)
        file = output / "model.safetensors"
        return result, own, load_file(file) if file.exists() else {}

    return trained


def furthest(one: dict[str, Any], two: dict[str, Any]) -> float:
    """The largest difference of any weight."""
    assert one.keys() == two.keys()
    return max(float((one[name].float() - two[name].float()).abs().max()) for name in one)


@pytest.mark.slow
@pytest.mark.parametrize("processes", [2, 3])
def test_several_processes_learn_what_one_would(train: Callable[..., Any], processes: int) -> None:
    alone, one, weights = train("one")
    shared, several, same = train("several", processes=processes)
    assert (shared.finished, shared.steps) == (True, alone.steps)
    assert several.values("train_loss") == pytest.approx(one.values("train_loss"), rel=1e-4)
    assert several.values("validation_loss") == pytest.approx(
        one.values("validation_loss"), rel=1e-4
    )
    assert furthest(weights, same) < 1e-4
    assert any(f"{processes} processes share" in line for line in several.lines)
    # What learning changed is far more than what sharing did.
    _, _, other = train("other", max_steps=1)
    assert furthest(weights, other) > 1e-3


@pytest.mark.slow
def test_an_interrupted_team_goes_on_together(train: Callable[..., Any]) -> None:
    _, context, whole = train("whole", processes=2)
    assert context.done == (4, 4)
    stopped, _, nothing = train("stopped", processes=2, kept="both", stop_at=2)
    assert (stopped.finished, stopped.steps, nothing) == (False, 2, {})
    last, _, resumed = train("resumed", processes=2, kept="both")
    assert (last.finished, last.steps) == (True, 4)
    assert furthest(whole, resumed) == 0.0


@pytest.mark.slow
def test_a_process_that_ends_early_ends_the_run(
    train: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(folder: Path, *rest: Any, **more: Any) -> None:
        write(folder, *rest, **more)
        # What the others train on is gone when they look for it.
        (folder / "train.jsonl").write_text('["u", {}, "x", null, {}]\n', encoding="utf-8")

    write = parallel._write_order
    monkeypatch.setattr(parallel, "_write_order", wrong)
    with pytest.raises(RunFailedError, match="process 1: error: InvalidInputError"):
        train("broken", processes=2)


def test_gpus_that_are_not_there_are_told(train: Callable[..., Any]) -> None:
    with pytest.raises(SettingError, match="0 GPUs for 2 processes"):
        train("none", processes=2, device="cuda")
    with pytest.raises(SettingError, match="cannot share"):
        train("one", processes=2, device="cuda:1")


def test_one_process_needs_none_of_it() -> None:
    code = (
        "import sys\n"
        "import truing.modalities.speech.recipes.whisper\n"
        "import truing.modalities.speech.recipes.descent\n"
        "print([m for m in sys.modules if 'parallel' in m or 'accelerate' in m])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
