"""Two processes at once, and clocks that are set back."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from truing import Workspace
from truing.domain.clock import SystemClock
from truing.domain.ids import Uuid7Source
from truing.domain.sample import SampleFilter, SampleOrder
from truing.testing.factories import FrozenClock, make_request
from truing.workspace.keeping import verify

SCRIPT = Path(__file__).with_name("race.py")
HOUR = 3600.0

forking = pytest.mark.skipif(sys.platform == "win32", reason="forks its children")


def race(what: str, folder: Path, count: int) -> list[str | None]:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), what, str(folder), str(count)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


@forking
def test_of_many_who_make_a_workspace_one_does(tmp_path: Path) -> None:
    told = race("create", tmp_path / "ws", 6)
    assert len(told) == 6
    assert told.count(None) == 1
    assert told.count("ConflictError") == 5
    with Workspace.open(tmp_path / "ws", environ={}) as workspace:
        assert verify(workspace) == []


@forking
def test_all_who_open_a_new_database_at_once_can(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "ws", environ={}).close()
    for old in (tmp_path / "ws").glob("truing.db*"):
        old.unlink()
    assert race("open", tmp_path / "ws", 6) == [None] * 6
    with Workspace.open(tmp_path / "ws", environ={}) as workspace:
        assert verify(workspace) == []


def test_a_clock_set_back_within_a_process_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SystemClock()
    ids = Uuid7Source(clock, random.Random(1))
    times, made = [], []
    now = time.time_ns()
    for shift in (0, -3600, -7200, 1, 2, -(10**9)):
        monkeypatch.setattr(time, "time_ns", lambda shift=shift: now + shift * 10**9)
        times.append(clock.now())
        made.append(ids.new())
    assert times == sorted(set(times))
    assert len(set(made)) == len(made)
    assert [one[:13] for one in made] == sorted(one[:13] for one in made)


def capture_at(folder: Path, hour: float, number: int) -> int:
    clock = FrozenClock(round((1_800_000_000 + hour * HOUR) * 1e6))
    with Workspace.open(folder, clock=clock, environ={}) as workspace:
        wave = bytes([number]) * 20
        added = workspace.capture(
            "speech", audio=_wav(wave), raw=f"word {number}", sampling="wholesale"
        )
        assert added is not None
        return added.id


def _wav(seed: bytes) -> bytes:
    from io import BytesIO

    import numpy as np
    import soundfile

    noise = np.random.default_rng(list(seed)).integers(-9000, 9000, 1600, dtype=np.int16)
    file = BytesIO()
    soundfile.write(file, noise, 16_000, format="WAV")
    return file.getvalue()


@pytest.mark.parametrize("order", list(SampleOrder))
def test_samples_captured_across_a_clock_set_back_are_all_listed_once(
    tmp_path: Path, order: SampleOrder
) -> None:
    Workspace.create(tmp_path / "ws", environ={}).close()
    hours = (0, 1, -5, 2, -5, 3, -6)
    numbers = [capture_at(tmp_path / "ws", hour, place) for place, hour in enumerate(hours, 1)]
    assert numbers == sorted(numbers), "numbers follow the order of storing, not the clock"
    with Workspace.open(tmp_path / "ws", environ={}) as workspace:
        listed: list[int] = []
        after = None
        while True:
            page = workspace.store.samples.page(SampleFilter(), order, after=after, limit=2)
            listed += [one.id for one in page.items]
            after = page.next
            if after is None:
                break
        assert sorted(listed) == numbers
        assert len({workspace.sample(one).uid for one in numbers}) == len(numbers)
        assert verify(workspace) == []


def test_a_review_after_the_clock_was_set_back_still_counts(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "ws", environ={}).close()
    number = capture_at(tmp_path / "ws", 0, 1)
    for hour, said in ((1, "first"), (-8, "second")):
        clock = FrozenClock(round((1_800_000_000 + hour * HOUR) * 1e6))
        with Workspace.open(tmp_path / "ws", clock=clock, environ={}) as workspace:
            workspace.review(number, "corrected", said)
            assert workspace.sample(number).truth == said
    with Workspace.open(tmp_path / "ws", environ={}) as workspace:
        assert [one.truth for one in workspace.history(number)] == ["first", "second"]


def test_a_lease_holds_while_the_clock_goes_back_and_its_fence_when_it_jumps_ahead(
    workspace: Workspace,
) -> None:
    runs, now = workspace.store.runs, 1_800_000_000_000_000
    run = runs.add(workspace.ids.new(), make_request(), now)
    who = {"boot_id": "b", "pid": 1, "pid_start": 1}
    second = 1_000_000
    first = runs.claim(run.id, **who, now=now, lease_until=now + 60 * second)
    assert first is not None
    back = now - 3600 * second
    assert runs.claim(run.id, **who, now=back, lease_until=back + 60 * second) is None
    assert runs.heartbeat(run.id, first.fence, lease_until=now, step=1, total_steps=2) is not None
    ahead = now + 3600 * second
    second_one = runs.claim(run.id, **who, now=ahead, lease_until=ahead + 60 * second)
    assert second_one is not None
    assert second_one.fence > first.fence
    beat = runs.heartbeat(run.id, first.fence, lease_until=ahead, step=2, total_steps=2)
    assert beat is None, "whoever lost the lease must learn of it"
