"""The benchmark of pairs at a small size: that it keeps and measures, not what; machines differ."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "image_pairs.py"
WAYS = {"floor", "durable floor", "looked at", "capture", "http", "http and folder"}


@pytest.fixture
def script() -> Iterator[Any]:
    """The benchmark as a module."""
    spec = importlib.util.spec_from_file_location("image_pairs", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["image_pairs"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["image_pairs"]


def test_no_pair_comes_twice(script: Any) -> None:
    source = script.pairs_of(1, 64)
    pairs = [next(source) for _ in range(40)]
    assert len({pair.original for pair in pairs}) == 40
    assert len({pair.edited for pair in pairs}) == 40


@pytest.mark.slow
def test_pairs_are_set_beside_bare_files(script: Any, tmp_path: Path, capsys: Any) -> None:
    words = ["--rounds", "2", "--pairs", "3", "--side", "96", "--clients", "2"]
    assert script.main([*words, "--folder", str(tmp_path)]) in (0, 1)
    told = json.loads(capsys.readouterr().out)
    assert told["pairs_per_second"].keys() == told["cpu_ms_per_pair"].keys() == WAYS
    for found in told["pairs_per_second"].values():
        assert 0 < found["slowest"] <= found["median"] <= found["fastest"]
    assert (
        told["pairs_per_second"]["floor"]["median"] > told["pairs_per_second"]["capture"]["median"]
    )
    assert told["cpu_ms_per_pair"]["looked at"] < told["cpu_ms_per_pair"]["capture"]
    expected = all(told["cpu_times"][name] <= most for name, most in told["budget"].items())
    assert told["met"] == expected
    assert not list(tmp_path.iterdir()), "nothing is left behind"
