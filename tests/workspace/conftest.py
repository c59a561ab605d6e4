"""Workspaces on disk with real recordings in them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from truing import Workspace

DIGITS = Path(__file__).parent.parent / "data" / "speech" / "digits"


def recordings() -> list[tuple[Path, str, str]]:
    """(file, what is said, who speaks) of the recordings in tests/data."""
    lines = (DIGITS / "metadata.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [(DIGITS / r["file_name"], r["transcription"], r["speaker"]) for r in rows]


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """A new workspace; chance is fixed."""
    with Workspace.create(tmp_path / "ws", rng=random.Random(7), environ={}) as opened:
        yield opened


@pytest.fixture
def digit() -> Path:
    """A real recording."""
    return recordings()[0][0]


Filled = Callable[..., list[int]]


@pytest.fixture
def fill(workspace: Workspace) -> Filled:
    """Captures the first recordings, by default reviewed, and returns their numbers."""

    def filled(count: int = 10, *, reviewed: bool = True, **details: object) -> list[int]:
        numbers = []
        for path, said, speaker in recordings()[:count]:
            given = {"sampling": "wholesale", "subject": speaker, "raw": said, **details}
            added = workspace.capture("speech", audio=path, **given)
            assert added is not None
            numbers.append(added.id)
            if reviewed:
                workspace.review(added.id, "accepted")
        return numbers

    return filled
