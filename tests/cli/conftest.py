"""The command line called in this process, on workspaces with real recordings."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from truing.cli.main import main

DIGITS = Path(__file__).parents[1] / "data" / "speech" / "digits"
NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True, slots=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its JSON document."""
        return json.loads(self.out)


Truing = Callable[..., Said]


@dataclass(frozen=True, slots=True)
class Caller:
    """Calls `truing` in this process, for one workspace unless another is named."""

    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *words: object, typed: str | None = None) -> Said:
        """Runs a command; `typed` is its stdin."""
        self.capsys.readouterr()
        with self.monkeypatch.context() as patch:
            patch.setattr(sys, "stdin", io.StringIO(typed or ""))
            code = main([str(word) for word in words])
        out, err = self.capsys.readouterr()
        return Said(code, out, err)


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of the machine counts: no variables, no workspace above the current folder."""
    for name in [*os.environ]:
        if name.startswith("TRUING_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TRUING_REVIEW_ACTOR", "ann")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Caller:
    """`truing` without a workspace."""
    return Caller(monkeypatch, capsys)


@pytest.fixture
def truing(bare: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Caller:
    """`truing` with a new workspace in `tmp_path / "ws"`."""
    assert bare("init", tmp_path / "ws").code == 0
    monkeypatch.setenv("TRUING_WORKSPACE", str(tmp_path / "ws"))
    return bare


def recordings(speaker: str, count: int) -> list[Path]:
    """Recordings of a speaker; the first sign of a file's name is the digit spoken."""
    return sorted(DIGITS.glob(f"*_{speaker}_*.flac"))[:count]


def spoken(file: Path) -> str:
    """What is said in one of them."""
    return NAMES[int(file.name[0])]


Filled = Callable[[int], list[int]]


@pytest.fixture
def filled(truing: Caller, tmp_path: Path) -> Filled:
    """Imports recordings of one speaker that wait for review; gives their numbers."""

    def fill(count: int = 4) -> list[int]:
        folder = tmp_path / "source"
        write_audiofolder(folder, recordings("theo", count))
        assert truing("import", "audiofolder", folder).code == 0
        samples = truing("samples", "--order", "oldest", "--json").json["samples"]
        return [sample["id"] for sample in samples]

    return fill


def write_audiofolder(folder: Path, files: Sequence[Path], *, raw: str = "seven") -> None:
    """A folder whose rows have no truth yet; every one was heard as `raw`."""
    folder.mkdir()
    with (folder / "metadata.jsonl").open("w", encoding="utf-8") as table:
        for file in files:
            (folder / file.name).write_bytes(file.read_bytes())
            row = {"file_name": file.name, "raw": raw, "speaker": "theo", "confidence": 0.5}
            table.write(json.dumps(row) + "\n")
