"""kill -9 in the middle of capture and review: what was acknowledged is there afterwards."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROUNDS = Path(__file__).with_name("rounds.py")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks its children")


def rounds(folder: Path, *flags: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, str(ROUNDS), "--folder", str(folder), *flags],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    totals: dict[str, Any] = json.loads(done.stdout)
    print(json.dumps(totals), done.stderr)
    assert done.returncode == (0 if totals["sound"] else 1)
    return totals


def test_a_few_rounds_lose_nothing(tmp_path: Path) -> None:
    totals = rounds(tmp_path, "--rounds", "6", "--seed", "7")
    assert totals["sound"], totals
    assert totals["captures"] > 0


def test_control_a_row_before_its_blob_is_found(tmp_path: Path) -> None:
    totals = rounds(tmp_path, "--rounds", "60", "--unsafe", "--until-found")
    assert totals["dangling"] > 0, totals


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_two_hundred_rounds_lose_nothing(tmp_path: Path) -> None:
    totals = rounds(tmp_path, "--rounds", "200")
    assert totals["sound"], totals
    assert totals["captures"] > 100
