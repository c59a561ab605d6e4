"""Forgetting killed at any moment: run again, nothing is left, and what stays is whole."""

from __future__ import annotations

import contextlib
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from tests.crash.moments import Moments

from truing import Workspace
from truing.domain.errors import NotFoundError
from truing.testing.marker_search import find_marker
from truing.workspace import backups, verifying
from truing.workspace.keeping import verify

MARKER = "xyzzyplughmarker"
NOISE = np.random.default_rng(3).normal(0, 2000, 16000).astype(np.int16)
ROUNDS = 12

_FORGET = """
import sys
from truing import Workspace
with Workspace.open(sys.argv[1], environ={}) as workspace:
    print("begin", flush=True)
    workspace.forget(subject=sys.argv[2])
    print("end", flush=True)
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a person in samples, a frozen version, an export and three backups."""
    folder = tmp_path_factory.mktemp("prepared") / "ws"
    with Workspace.create(folder, rng=random.Random(7), environ={}) as workspace:
        for number in range(30):
            sound = np.roll(NOISE, number * 500)
            who = f"{MARKER}-person" if number % 3 == 0 else "ben"
            added = workspace.capture(
                "speech",
                audio=(sound, 16000),
                raw=f"{MARKER if number % 3 == 0 else 'plain'} {number}",
                subject=who,
                sampling="wholesale",
            )
            assert added is not None
            workspace.review(added.id, "accepted")
            if number % 10 == 9:
                workspace.freeze("mine")
                backups.create_backup(workspace)
        workspace.export("jsonl")
    return folder


def start(folder: Path) -> subprocess.Popen[str]:
    """The command in a process of its own, begun."""
    command = [sys.executable, "-c", _FORGET, str(folder), f"{MARKER}-person"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begin\n"
    return process


@pytest.mark.slow
def test_a_killed_command_can_be_run_again(prepared: Path, tmp_path: Path) -> None:
    shutil.copytree(prepared, tmp_path / "whole")
    with start(tmp_path / "whole") as process:
        begin = time.monotonic()
        assert process.stdout is not None
        assert process.stdout.readline() == "end\n"
        moments = Moments(time.monotonic() - begin)
    for number in range(ROUNDS):
        folder = tmp_path / f"round {number}"
        shutil.copytree(prepared, folder)
        with start(folder) as process:
            moments.kill(process)
        with Workspace.open(folder, environ={}) as workspace:
            # Not found: it was done but for the last word.
            with contextlib.suppress(NotFoundError):
                workspace.forget(subject=f"{MARKER}-person")
            assert find_marker(folder, MARKER) == []
            assert verify(workspace) == []
            known = backups.backups(workspace.layout)
            assert len(known) == 3
            for one in known:
                assert verifying.verify_backup(one, workspace.blobs) == []
            assert len(list(workspace.blobs.digests())) == 20
    assert moments.unfinished >= ROUNDS // 3, "too few were killed half way to mean anything"
