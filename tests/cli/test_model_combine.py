"""`truing model average` and `merge`, as a person calls them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from truing.demo import shipped

BASE = shipped.base_without("theo")


def test_two_models_become_one(truing: Any) -> None:
    made = truing("model", "average", BASE, BASE, "--weight", "0.7", "--speaker", "ann", "--json")
    assert made.code == 0, made.err
    assert made.json["model"] == "speech/1"
    assert made.json["parents"] == [str(BASE.resolve())]
    assert made.json["audience"] == "subject:ann"
    again = truing("model", "average", "speech/1", BASE)
    assert again.code == 0, again.err
    assert again.out.startswith("made speech/2")
    shown = truing("model", "show", "speech/2")
    assert "average" in shown.out
    refused = truing("model", "average", "speech/1", "speech/2", BASE, "--weight", "0.5")
    assert refused.code != 0
    assert "give one share per model" in refused.err


def test_a_folder_without_an_adapter_is_refused(truing: Any, tmp_path: Path) -> None:
    refused = truing("model", "merge", BASE, tmp_path / "nothing")
    assert refused.code != 0
    assert "adapter_config.json" in refused.err
    assert "trained with an adapter" in refused.err
