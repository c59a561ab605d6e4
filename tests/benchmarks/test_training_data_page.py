"""The benchmark of the figures on training data at a small size: that it measures."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "training_data_page.py"


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The script as a module, asking less often."""
    spec = importlib.util.spec_from_file_location("training_data_page", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ASKED", 5)
    yield module
    del sys.modules[spec.name]


def test_figures_are_timed_against_bare_sql(benchmark: Any, capsys: Any, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    given = ["--rows", "300", "--workspace", str(folder)]
    assert benchmark.main(given) in (0, 1)
    told = json.loads(capsys.readouterr().out)
    assert told["rows"] == 300
    for name in ("at_rest", "after_a_capture", "floor"):
        assert 0 < told[name]["p50_ms"] <= told[name]["p95_ms"]
        assert 0 < told[name]["cpu_p50_ms"] <= told[name]["cpu_p95_ms"]
    kind = "cpu_p95_ms" if told["judged_by"] == "processor time" else "p95_ms"
    slowest = max(told[name][kind] for name in ("at_rest", "after_a_capture"))
    assert told["met"] == (slowest <= told["budget_ms"])
    assert benchmark.main(given) in (0, 1)
    assert json.loads(capsys.readouterr().out)["rows"] == 305


def test_an_answer_that_misses_a_pair_is_noticed(benchmark: Any, tmp_path: Path) -> None:
    with benchmark.filled(20, tmp_path / "ws") as workspace:
        page = benchmark.Page(workspace, "http://127.0.0.1:9", 21)
        page._client = Told({"complete": True, "counted": 20})
        with pytest.raises(SystemExit, match="20 are counted, 21 are there"):
            page.ask()


class Told:
    """A client that is always given one answer."""

    def __init__(self, answer: object) -> None:
        self.json = answer

    def ask(self, *_: object) -> Told:
        """The answer."""
        return self
