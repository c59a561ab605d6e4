"""`truing train` before anything is trained: the plan, the estimate, the refusal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import truing.demo
from truing.workspace import training

DIGITS = Path(__file__).parents[1] / "data" / "speech" / "digits"
BASE = Path(truing.demo.__file__).parent / "digits" / "base" / "without-theo"


@pytest.fixture
def mine(truing):
    """`truing` on a workspace with `mine@1`."""
    assert truing("import", "audiofolder", DIGITS).code == 0
    assert truing("dataset", "freeze", "mine").code == 0
    return truing


def test_a_dry_run_shows_the_plan_and_begins_nothing(mine):
    words = ("train", "--dataset", "mine@1", "--base", BASE, "--set", "batch_size=8", "--dry-run")
    told = mine(*words, "--json").json
    assert told["request"]["options"]["batch_size"] == 8
    assert told["need"]["memory"]["all"] > told["need"]["memory"]["activations"] > 0
    assert told["need"]["disk"]["free"] > told["need"]["disk"]["all"]
    said = mine(*words).out
    assert "batch_size=8" in said
    assert "activations" in said
    assert mine("jobs", "--json").json == {"jobs": []}


def test_what_cannot_be_told_is_said(mine):
    said = mine("train", "--dataset", "mine@1", "--base", "nobody/nothing", "--dry-run")
    assert said.code == 0
    assert "cannot be told beforehand" in said.err


def test_too_little_memory_is_refused_with_a_repair(mine, monkeypatch):
    monkeypatch.setattr(training, "free_memory", lambda: 1_000_000)
    words = ("train", "--dataset", "mine@1", "--base", BASE)
    said = mine(*words)
    assert said.code == 8
    assert "of memory and 1 MB are free" in said.err
    assert "--set batch_size=8 --set accumulation=2" in said.err
    assert "too little: the run needs about" in mine(*words, "--dry-run").out
    assert json.loads(mine(*words, "--json").out)["error"]["code"] == "unavailable"
    assert mine("jobs", "--json").json == {"jobs": []}


@pytest.mark.parametrize("other", ["--detach", "--dry-run"])
def test_one_cannot_stay_and_go(mine, other):
    assert mine("train", "--dataset", "mine@1", "--wait", other).code == 2
