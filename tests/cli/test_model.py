"""`truing train --bundle`, `truing job run`, `truing model`, and speakers' own champions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

BASES = Path(__file__).parents[2] / "src" / "truing" / "demo" / "digits" / "base"
BASE = BASES / "without-theo"
QUICK = ("--set", "max_steps=2", "--set", "threads=1", "--set", "batch_size=4")


def reviewed(truing: Any, filled: Callable[[int], list[int]], count: int = 5) -> None:
    """A dataset version without a test set."""
    for number in filled(count):
        assert truing("label", number, "--text", "seven").code == 0
    frozen = truing("dataset", "freeze", "mine", "--test-share", "0", "--validation-share", "0")
    assert frozen.code == 0, frozen.err


def test_out_and_back_again(
    truing: Any, filled: Callable[[int], list[int]], tmp_path: Path
) -> None:
    reviewed(truing, filled)
    bundle = tmp_path / "out.bundle"
    train = ("train", "--dataset", "mine@1", "--base", BASE, *QUICK, "--bundle", bundle)
    packed = truing(*train, "--json")
    assert packed.code == 0, packed.out
    assert (packed.json["train"], packed.json["kept_back"]) == (5, 0)
    assert truing(*train).code == 4
    done = truing("job", "run", bundle, "--device", "cpu")
    assert done.code == 0, done.err
    assert "truing model import" in done.err
    trained = tmp_path / "out.bundle.trained"
    brought = truing("model", "import", trained)
    assert brought.code == 0, brought.err
    assert "mine@1" in brought.out
    assert "already" in truing("model", "import", trained).out
    (run,) = truing("jobs", "--json").json["jobs"]
    assert (run["state"], run["model"], run["run"]) == ("done", "speech/1", packed.json["run"])
    shown = truing("model", "show", "1", "--json").json
    assert (shown["model"], shown["dataset"], shown["champion"]) == ("speech/1", "mine@1", [])
    assert {one["name"] for one in shown["files"]} >= {"config.json", "model.safetensors"}
    assert "CC BY-SA 4.0" in truing("model", "show", "speech/1").out


def test_a_bundle_nobody_can_read(bare: Any, tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"hello")
    refused = bare("job", "run", tmp_path / "b", "--json")
    assert (refused.code, refused.json["error"]["code"]) == (6, "damaged")
    assert bare("job", "run", tmp_path / "none").code == 3


def test_a_model_from_outside_and_champions_of_all_audiences(truing: Any) -> None:
    for name in ("without-theo", "without-jackson"):
        told = truing("model", "import", BASES / name, "--licence", "CC BY-SA 4.0", "--json")
        assert told.json["new"], told.out
    own = truing("model", "import", BASES / "without-jackson")
    assert "already, as speech/2" in own.out
    listed = truing("models", "--json").json
    assert (listed["champion"], listed["champions"]) == (None, {})
    assert truing("model", "show", "speech/7").code == 3
    assert truing("model", "show", str(BASE)).code == 3


def test_a_speakers_own_champion_from_promotion_to_rollback(
    truing: Any, filled: Callable[[int], list[int]], tmp_path: Path
) -> None:
    reviewed(truing, filled, 4)
    # A test set of its own, so that promotion has something to judge by.
    frozen = truing("dataset", "freeze", "exam", "--test-share", "0.9", "--validation-share", "0")
    assert frozen.code == 0, frozen.err
    for name in ("without-theo", "without-jackson"):
        assert truing("model", "import", BASES / name).code == 0
    forced = ("--dataset", "exam@1", "--force", "--reason", "a test")
    clip = next((tmp_path / "source").glob("*.flac"))
    hear = ("transcribe", clip, "--speaker", "theo", "--json")
    assert truing("promote", "speech/1", *forced).code == 0
    assert truing(*hear).json["files"][0]["model"] == "speech/1"
    assert truing("promote", "speech/2", "--speaker", "theo", *forced).code == 0
    assert truing(*hear).json["files"][0]["model"] == "speech/2"
    assert truing("models", "--json").json["champions"] == {
        "general": "speech/1",
        "subject:theo": "speech/2",
    }
    assert "subject:theo" in truing("models").out
    back = truing("rollback", "--speaker", "theo")
    assert "general champion again" in back.out
    assert truing(*hear).json["files"][0]["model"] == "speech/1"
    refused = truing("rollback", "--speaker", "theo")
    assert refused.code == 5
    assert json.loads(truing("rollback", "--speaker", "theo", "--json").out)["error"]


@pytest.mark.parametrize("deed", ["import", "show"])
def test_every_deed_explains_itself(bare: Any, deed: str) -> None:
    told = bare("model", deed, "--help")
    assert told.code == 0
    assert "--json" in told.out
