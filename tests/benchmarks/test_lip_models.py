"""The benchmark of the lip-reading recipes at a small size: fair splits, and it goes on."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "lip_models.py"
CLIPS = Path(__file__).parents[1] / "data" / "lipreading" / "grid_s1"


@pytest.fixture
def benchmark() -> Iterator[Any]:
    spec = importlib.util.spec_from_file_location("lip_models", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """Forty clips of the speaker."""
    for kind, ending in (("mouth", "mp4"), ("align", "align")):
        (tmp_path / "few" / kind).mkdir(parents=True)
        for file in sorted((CLIPS / kind).glob(f"*.{ending}"))[:40]:
            (tmp_path / "few" / kind / file.name).symlink_to(file)
    return tmp_path / "few"


def test_no_prefix_group_is_torn_apart(benchmark: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "TEST", 30)
    monkeypatch.setattr(benchmark, "VALIDATION", 20)
    parts = benchmark.split(CLIPS)
    assert 28 <= len(parts.test) <= 30
    assert 18 <= len(parts.validation) <= 20
    sides = [{name[:4] for name in side} for side in (parts.train, parts.validation, parts.test)]
    assert not sides[0] & sides[1]
    assert not (sides[0] | sides[1]) & sides[2]
    assert len(parts.train) + len(parts.validation) + len(parts.test) == 160
    order = benchmark.shuffled(parts.train, 1)
    assert sorted(order) == sorted(parts.train)
    assert order != benchmark.shuffled(parts.train, 2)


def test_it_measures_curve_and_queue_and_goes_on_where_it_stopped(
    benchmark: Any,
    few: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(benchmark, "TEST", 6)
    monkeypatch.setattr(benchmark, "VALIDATION", 6)
    command = [
        "lip_models.py", "--data", str(few), "--output", str(tmp_path / "runs"), "--curve",
        "--active", "--recipes", "visual-tcn", "--sizes", "6", "9",
        "--set", "epochs=1", "--set", "hidden=16",
    ]  # fmt: skip
    monkeypatch.setattr(sys, "argv", command)
    assert benchmark.main() == 0
    first = json.loads(capsys.readouterr().out)
    assert sorted(first) == ["active-visual-tcn-9", "curve-visual-tcn-6", "curve-visual-tcn-9"]
    for one in first.values():
        assert 0 <= one["words"] <= 1
        assert one["cpu_seconds"] > 0
        assert set(one["slots"]) >= {"letter", "preposition"}
    run = json.loads((tmp_path / "runs" / "active-visual-tcn-9-1.json").read_text())
    assert len(run["asked"]["train"]) == 9
    assert {row["clip"] for row in run["rows"]}.isdisjoint(run["asked"]["train"])

    monkeypatch.setattr(benchmark.Bench, "_trained", None)  # nothing may be trained again
    assert benchmark.main() == 0
    assert json.loads(capsys.readouterr().out) == first
    monkeypatch.setattr(sys, "argv", [*command, "--set", "shift=1"])
    with pytest.raises(SystemExit, match="other settings"):
        benchmark.main()
