"""Rules killed at any moment: run again they finish, and at no moment is anything half gone."""

from __future__ import annotations

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
from truing.domain.sample import SampleFilter
from truing.testing.factories import FrozenClock
from truing.workspace.keeping import verify

NOISE = np.random.default_rng(5).normal(0, 2000, 4000).astype(np.int16)
SAMPLES = 60
ROUNDS = 6
AHEAD = 40 * 86_400
RULES = ("erase pending beyond the newest 20", "archive older than 30 days beyond the newest 30")

_RETAIN = f"""
import sys
from truing import Workspace
from truing.testing.factories import FrozenClock
from truing.workspace import retaining, trash
retaining.BATCH, trash.BATCH = 8, 4
with Workspace.open(sys.argv[1], environ={{}}) as workspace:
    workspace.clock = FrozenClock(int(sys.argv[2]))
    print("begin", flush=True)
    found = retaining.retain(
        workspace, rules=retaining.rules_of(workspace, {RULES!r}), apply=True
    )
    print("end", flush=True)
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty samples with their sound; every second one is accepted."""
    folder = tmp_path_factory.mktemp("prepared") / "ws"
    with Workspace.create(folder, rng=random.Random(7), environ={}) as workspace:
        for number in range(SAMPLES):
            sound = np.roll(NOISE, number * 60)
            added = workspace.capture(
                "speech", audio=(sound, 16_000), raw=f"word {number}", sampling="wholesale"
            )
            assert added is not None
            if number % 2:
                workspace.review(added.id, "accepted")
    return folder


def start(folder: Path, now: int) -> subprocess.Popen[str]:
    """The command in a process of its own, begun."""
    command = [sys.executable, "-c", _RETAIN, str(folder), str(now)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begin\n"
    return process


def left(folder: Path) -> list[int]:
    with Workspace.open(folder, environ={}) as workspace:
        return [sample.id for sample in workspace.store.samples.iterate(SampleFilter())]


@pytest.mark.slow
def test_killed_rules_are_run_again(prepared: Path, tmp_path: Path) -> None:
    with Workspace.open(prepared, environ={}) as workspace:
        now = FrozenClock(workspace.clock.now()).advance(AHEAD)
    shutil.copytree(prepared, tmp_path / "whole")
    with start(tmp_path / "whole", now) as process:
        begin = time.monotonic()
        assert process.communicate()[0] == "end\n"
        moments = Moments(time.monotonic() - begin)
    expected = left(tmp_path / "whole")
    assert len(expected) == 20 + 10
    for number in range(ROUNDS):
        folder = tmp_path / f"round {number}"
        shutil.copytree(prepared, folder)
        with start(folder, now) as process:
            moments.kill(process)
        with Workspace.open(folder, environ={}) as workspace:
            for sample in workspace.store.samples.iterate(SampleFilter()):
                assert all(workspace.blobs.verify(one.digest) for one in sample.media)
        with start(folder, now) as process:
            assert process.communicate()[0] == "end\n"
        assert left(folder) == expected
        with Workspace.open(folder, environ={}) as workspace:
            assert verify(workspace) == []
            packed = sum(one.samples for one in workspace.store.archives.all())
        assert packed <= SAMPLES - len(expected)
    assert moments.unfinished
