"""The benchmarks of speed at a small size: that they measure, not what; machines differ."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def script() -> Iterator[Callable[[str], Any]]:
    """Loads a benchmark as a module."""
    loaded = []

    def load(name: str) -> Any:
        spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        loaded.append(name)
        spec.loader.exec_module(module)
        return module

    yield load
    for name in loaded:
        del sys.modules[name]


@pytest.mark.slow
def test_a_step_is_set_beside_a_bare_loop(
    script: Callable[[str], Any], tmp_path: Path, capsys: Any
) -> None:
    words = ["--blocks", "4", "--steps", "1", "--folder", str(tmp_path)]
    assert script("training_step").main(words) in (0, 1)
    told = json.loads(capsys.readouterr().out)
    assert told["batch"] == 16
    assert 0 < told["cpu_ratio"]["low"] <= told["cpu_ratio"]["median"] <= told["cpu_ratio"]["high"]
    assert told["ours_cpu_ms"] > 1
    assert told["met"] == (told["cpu_ratio"]["median"] <= 1.03)
    assert not list(tmp_path.iterdir()), "nothing is left behind"


@pytest.mark.slow
def test_both_runtimes_read_the_same(
    script: Callable[[str], Any], tmp_path: Path, capsys: Any
) -> None:
    words = ["--recordings", "5", "--rounds", "1", "--batch", "3", "--folder", str(tmp_path)]
    assert script("real_time_factor").main(words) in (0, 1)
    told = json.loads(capsys.readouterr().out)
    assert told["utterances"] == 5
    by_runtime = {name.split(",")[0]: one["wer"] for name, one in told["factors"].items()}
    assert "transformers float32" in by_runtime
    assert len(set(by_runtime.values())) == 1, by_runtime
    assert all(one["real_time_factor"] > 0 for one in told["factors"].values())


def test_a_ratio_is_a_median_with_its_interval(script: Callable[[str], Any]) -> None:
    ratio = script("training_step").ratio
    found = ratio([(1.0, 1.0)] * 9 + [(5.0, 1.0)])
    assert found["median"] == 1.0
    assert found["low"] == 1.0
    assert ratio([(2.0, 1.0), (3.0, 1.0)])["high"] == 3.0


@pytest.mark.slow
def test_mosaics_beside_their_floor(
    script: Callable[[str], Any], tmp_path: Path, capsys: Any
) -> None:
    words = ["--clips", "1", "--rounds", "1", "--folder", str(tmp_path)]
    assert script("grid_prepare").main(words) in (0, 1)
    told = json.loads(capsys.readouterr().out)
    assert told["clips"] == 1
    assert told["mosaics_that_differ"] == 0
    assert told["files_per_clip"]["steps"] > 100 > told["files_per_clip"]["ours"] == 1
    assert told["bytes_per_clip"]["steps"] > 100 * told["bytes_per_clip"]["ours"]
    cpu = told["cpu_ms"]
    assert 0 < cpu["decode"] < cpu["decode_and_mesh"] < cpu["step_by_step"]
    assert told["met"] == (
        told["less_than_step_by_step"]["ratio"] >= 10 and told["above_the_floor"]["ratio"] <= 1.1
    )
    assert not list(tmp_path.iterdir()), "nothing is left behind"
