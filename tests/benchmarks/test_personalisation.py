"""The benchmark at a small size: it writes what it finds and goes on where it stopped."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "personalisation.py"


@pytest.fixture
def benchmark() -> Any:
    import sys

    spec = importlib.util.spec_from_file_location("personalisation", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.mark.slow
def test_it_measures_and_goes_on_where_it_stopped(
    benchmark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    output = tmp_path / "found.json"
    words = ["--speakers", "nicolas", "--corrections", "5", "--starts", "1", "--output", output]
    words = [*map(str, words), "--set", "max_steps=3"]
    real, asked = benchmark.train, []

    def interrupted(*args: Any) -> float:
        asked.append(args[1])
        if len(asked) == 2:
            raise KeyboardInterrupt
        return float(real(*args))

    monkeypatch.setattr(benchmark, "train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        benchmark.main(words)
    kept = json.loads(output.read_text(encoding="utf-8"))["cells"]
    assert set(kept) == {"nicolas/base", "nicolas/5/1"}

    assert benchmark.main(words) == 0
    assert len(asked) == 3, "only the control was missing"
    whole = json.loads(output.read_text(encoding="utf-8"))
    assert whole["cells"].items() >= kept.items()
    assert whole["lines"][0]["speaker"] == "nicolas"
    assert "| 5 | nicolas |" in capsys.readouterr().out
    assert benchmark.main(words) == 0
    assert len(asked) == 3, "nothing was left to do"
    with pytest.raises(SystemExit, match="other settings"):
        benchmark.main([*words, "dropout=0.2"])


def test_cuts_are_those_of_the_sums(benchmark: Any) -> None:
    results = benchmark.Results(None, {})

    def cell(errors: list[int]) -> dict[str, Any]:
        rows = [[float(one), 2.0] for one in errors]
        return {"test": rows, "retention": rows, "cpu_seconds": 1.0, "control": "ann/control/1"}

    results.cells = {
        "ann/base": cell([2, 2, 2, 2]),
        "ann/50/1": cell([1, 1, 0, 0]),
        "ann/50/2": cell([1, 1, 1, 1]),
        "ann/control/1": cell([2, 2, 1, 1]),
    }
    results.clusters = {"ann": {"test": ["a", "a", "b", "b"]}}
    (line,) = benchmark.lines(results, ["ann", "nobody"], [50])
    assert line.base == 1.0
    assert line.after == [0.25, 0.5]
    assert line.cut == pytest.approx(1 - 3 / 8)
    assert line.cut_control == pytest.approx(1 - 3 / 6)
    low, high = line.cut_interval
    assert low <= line.cut <= high
    assert (low, high) == (pytest.approx(0.5), pytest.approx(0.75))
