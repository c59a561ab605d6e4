"""The benchmark of live lip-reading at a small size: that it measures; machines differ."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def script() -> Iterator[Any]:
    """The benchmark as a module."""
    name = "lip_latency"
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[name]


@pytest.mark.slow
def test_frames_become_text_in_real_time(script: Any, capsys: Any) -> None:
    assert script.main(["--utterances", "1"]) in (0, 1)
    told = json.loads(capsys.readouterr().out)
    assert (told["frames"], told["frames_lost"]) == (75, 0)
    assert told["each_frame"]["n"] == 75
    assert 8 <= told["partial"]["n"] <= 16
    assert 0 < told["final_floor"]["p50_ms"] <= told["final"]["p50_ms"]
    assert told["final"]["cpu_p50_ms"] < told["whole_file"]["cpu_p50_ms"]
    above = told["p95_above_floor_ms"]
    within = above["partial"] <= 100 and above["final"] <= 150
    assert told["met"] == within
