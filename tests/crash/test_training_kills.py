"""Training is killed again and again and ends in the very bytes of a run that was left alone.

The real recipe on the shipped base and recordings, in real worker processes: validation, replay,
dropout and best weights included.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from tests.crash.held import Held

from truing import Workspace
from truing.demo import shipped
from truing.domain.model import ModelRef
from truing.domain.run import Run, RunState
from truing.jobs.files import RunFiles
from truing.platform.processes import process_alive

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="the list of processes is read as Linux gives it"
)

STEPS, MANY = 24, 70
OPTIONS = {
    "validate_every": "6",
    "patience": "0",
    "words_to_choose": "0",
    "batch_size": "4",
    "dropout": "0.1",
    "average": "0.3",
    "join_chance": "0.5",
    "threads": "1",
    # After every step: a kill may come at any of them.
    "checkpoint_minutes": "0",
}
PROCESSES = Path("/proc")  # not read as files: the kernel's list of processes
WAIT = """
import sys
from truing import Workspace
with Workspace.open(sys.argv[1]) as workspace:
    print(workspace.jobs.wait(int(sys.argv[2])).run.state, flush=True)
"""


# --- who trains at the same time ---------------------------------------------------------------


@dataclass
class Overlaps:
    """Looks all the time which trainers of a workspace are alive, and notes when two are."""

    workspace: Path
    found: list[tuple[int, ...]] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)
    looks: int = 0

    def look(self) -> None:
        """One look at every process there is."""
        alive = tuple(sorted(trainers(self.workspace)))
        self.looks += 1
        self.seen.update(alive)
        if len(alive) > 1:
            self.found.append(alive)

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Looks for the block, about a hundred times a second."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(0.01):
                self.look()

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def trainers(workspace: Path) -> Iterator[int]:
    """Processes that work on a run of the workspace; dead ones not yet buried left out."""
    for folder in PROCESSES.iterdir():
        if not folder.name.isdecimal():
            continue
        with contextlib.suppress(OSError):
            words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
            if "work" in words and str(workspace) in words and state not in "ZX":
                yield int(folder.name)


def test_the_overlap_checker_sees_a_planted_overlap(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "input()", "--workspace", str(tmp_path), "job", "work", "1"]
    checker = Overlaps(tmp_path)
    with contextlib.ExitStack() as stack:
        started = [
            stack.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE)) for _ in range(2)
        ]
        until(lambda: len(list(trainers(tmp_path))) == 2)
        checker.look()
        started[0].kill()
        started[0].wait()
        checker.look()
        started[1].kill()
    assert checker.found == [tuple(sorted(one.pid for one in started))]


# --- a run to be killed ------------------------------------------------------------------------


def until(true: Callable[[], object], seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.005)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """Reviewed recordings of one voice, frozen; general speech lies beside."""
    environ = {"TRUING_JOBS_ATTEMPTS": "100", "TRUING_BACKUP_BEFORE_TRAINING": "false"}
    with Workspace.create(tmp_path / "ws", rng=random.Random(7), environ=environ) as opened:
        lines = (shipped.RECORDINGS / "metadata.jsonl").read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        mine = [one for one in rows if one["speaker"] == "theo"][:40]
        for row in mine:
            added = opened.capture(
                "speech",
                audio=shipped.RECORDINGS / row["file_name"],
                raw=row["transcription"],
                subject="theo",
                sampling="wholesale",
            )
            assert added is not None
            opened.review(added.id, "accepted")
        opened.freeze("mine", validation_share=0.25)
        general(tmp_path / "general", [one for one in rows if one["speaker"] != "theo"][::40])
        yield opened
        for run in opened.store.runs.all():
            opened.jobs.stop(run.id, force=True)


def general(folder: Path, rows: list[dict[str, Any]]) -> None:
    folder.mkdir()
    for row in rows:
        shutil.copy(shipped.RECORDINGS / row["file_name"], folder / Path(row["file_name"]).name)
    told = [{**row, "file_name": Path(row["file_name"]).name} for row in rows]
    text = "".join(f"{json.dumps(row)}\n" for row in told)
    (folder / "metadata.jsonl").write_text(text, encoding="utf-8")


def begin(workspace: Workspace, *, steps: int = STEPS, **options: Any) -> Run:
    return workspace.train(
        "mine@1",
        base=str(shipped.base_without("theo")),
        options={**OPTIONS, "max_steps": str(steps)},
        replay=str(workspace.layout.root.parent / "general"),
        seed=5,
        **options,
    )


def weights_of(workspace: Workspace, run: Run) -> str:
    """SHA-256 of the weights a run has made."""
    assert run.state is RunState.DONE, run.error
    folder = workspace.model_files.path(ModelRef.parse(str(run.result["model"])))
    return sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def at_step(workspace: Workspace, run_id: int, step: int) -> Run:
    """The run once a living worker has done `step` steps of it, or once it has ended."""
    found = workspace.store.runs.get(run_id)

    def there() -> bool:
        nonlocal found
        found = workspace.store.runs.get(run_id)
        return found.state.ended or (
            found.state is RunState.RUNNING
            and found.step >= step
            and process_alive(found.pid or 0, found.pid_start or 0)
        )

    until(there)
    return found


def kill(run: Run) -> None:
    os.kill(run.pid or 0, signal.SIGKILL)
    until(lambda: not process_alive(run.pid or 0, run.pid_start or 0))


def log_of(workspace: Workspace, run_id: int) -> str:
    return RunFiles.of(workspace.layout.root, run_id).log.read_text(encoding="utf-8")


# --- what can become of a checkpoint -----------------------------------------------------------


def newest(workspace: Workspace, run_id: int) -> Path:
    sealed = RunFiles.of(workspace.layout.root, run_id).checkpoints.glob("*.json")
    return max(sealed).with_suffix("")


def flip_a_byte(folder: Path) -> None:
    file = folder / "optimizer.safetensors"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def tear_the_manifest(folder: Path) -> None:
    manifest = folder.with_suffix(".json")
    manifest.write_bytes(manifest.read_bytes()[:-20])


def lose_a_file(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def empty_the_folder(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()


DAMAGES = (flip_a_byte, tear_the_manifest, empty_the_folder, lose_a_file)


def killed_and_damaged(
    overlaps: Overlaps, workspace: Workspace, run_id: int, steps: list[int]
) -> int:
    """Kills the trainer at each of these steps, damaging its newest checkpoint each time in
    another way; returns how often.
    """
    killed = 0
    for step, damage in zip(steps, itertools.cycle(DAMAGES), strict=False):
        run = at_step(workspace, run_id, step)
        if run.state.ended:
            break
        overlaps.look()
        kill(run)
        killed += 1
        place = newest(workspace, run_id)
        damage(place)
        line = f"passing over checkpoint `{place.name}`"
        # The device is free when the last thread of the dead trainer is gone, a moment later.
        until(lambda line=line: workspace.jobs.start(run_id) and line in log_of(workspace, run_id))
    return killed


@pytest.mark.parametrize(
    "steps", [[5, 11, 17], pytest.param([3, 6, 9, 12, 15, 18, 20], marks=pytest.mark.slow)]
)
def test_killed_trainers_and_damaged_checkpoints_change_no_byte(
    steps: list[int], workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left_alone = workspace.jobs.wait(begin(workspace).id).run
    held = Held(tmp_path / "held", steps[-1] + 2, monkeypatch)
    run_id = begin(workspace).id
    overlaps = Overlaps(workspace.layout.root)
    with overlaps.watching():
        killed = killed_and_damaged(overlaps, workspace, run_id, steps)
        at_step(workspace, run_id, steps[-1] + 1)
        overlaps.look()
        held.let_go()
        ended = workspace.jobs.wait(run_id).run

    assert killed == len(steps)
    assert ended.attempts == len(steps) + 1
    assert overlaps.found == []
    assert len(overlaps.seen) == len(steps) + 1
    assert overlaps.looks > 100
    assert weights_of(workspace, ended) == weights_of(workspace, left_alone)
    log = log_of(workspace, run_id)
    assert "Resumed at step" in log
    assert "its files do not match its manifest" in log
    notes = ended.result["notes"]
    assert isinstance(notes, list)
    assert sum("ended by SIGKILL" in note for note in notes) == len(steps)
    figures = {(one.step, one.name): one.value for one in workspace.store.runs.metrics(run_id)}
    assert figures == {
        (one.step, one.name): one.value for one in workspace.store.runs.metrics(left_alone.id)
    }


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_kills_of_trainer_and_supervisors_at_random_steps_change_no_byte(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left_alone = workspace.jobs.wait(begin(workspace, steps=MANY).id).run
    chance = random.Random(20261121)
    steps = sorted(chance.sample(range(1, MANY - 20), 13))
    of_supervisor = set(chance.sample(steps, 3))
    held = Held(tmp_path / "held", steps[-1] + 2, monkeypatch)
    run_id = begin(workspace, steps=MANY, start=False).id
    overlaps = Overlaps(workspace.layout.root)
    killed = {"trainer": 0, "supervisor": 0}
    with overlaps.watching(), contextlib.ExitStack() as stack:
        # Two supervisors at once, all the time; whichever is killed is replaced.
        supervisors = [stack.enter_context(waiter(workspace, run_id)) for _ in range(2)]
        for step in steps:
            run = at_step(workspace, run_id, step)
            assert not run.state.ended, run.error
            if step in of_supervisor:
                supervisors[0].kill()
                supervisors[0].wait()
                supervisors = [supervisors[1], stack.enter_context(waiter(workspace, run_id))]
                killed["supervisor"] += 1
            else:
                overlaps.look()
                kill(run)
                killed["trainer"] += 1
        at_step(workspace, run_id, steps[-1] + 1)
        overlaps.look()
        held.let_go()
        said = [one.communicate(timeout=300)[0].strip() for one in supervisors]
    ended = workspace.store.runs.get(run_id)

    print(f"killed {killed}, attempts {ended.attempts}, trainers {len(overlaps.seen)}, "
          f"looks {overlaps.looks}, {weights_of(workspace, ended)}")  # fmt: skip
    assert said == ["done", "done"]
    assert killed == {"trainer": 10, "supervisor": 3}
    assert ended.attempts == 11
    assert (overlaps.found, len(overlaps.seen)) == ([], 11)
    assert weights_of(workspace, ended) == weights_of(workspace, left_alone)


def waiter(workspace: Workspace, run_id: int) -> subprocess.Popen[str]:
    """A supervisor in a process of its own."""
    command = [sys.executable, "-c", WAIT, str(workspace.layout.root), str(run_id)]
    environ = {**os.environ, "TRUING_JOBS_ATTEMPTS": "100"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ)
