"""Training of an editor is killed and ends in the very bytes of a run that was left alone.

The real recipe on a tiny pipeline and the shipped photos, in real worker processes: latents, noise,
dropout for guidance, running average and pictures included.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from PIL import Image
from tests.crash.held import Held

from truing import Workspace
from truing.domain.model import ModelRef
from truing.domain.run import Run, RunState
from truing.jobs.files import RunFiles
from truing.platform.processes import process_alive
from truing.testing.photo_edits import edited_pairs, edits
from truing.testing.tiny_editor import tiny_editor

pytest.importorskip("diffusers")
PHOTOS = Path(__file__).parents[1] / "data" / "clients" / "nexvision" / "training-data"
OPTIONS = {
    "size": "16",
    "batch_size": "4",
    "accumulation": "1",
    "max_steps": "8",
    "validate_every": "4",
    "learning_rate": "0.003",
    "steps": "2",
    "text_guidance": "1",
    "pictures": "2",
    "threads": "1",
    # After every step: a kill may come at any of them.
    "checkpoint_minutes": "0",
}


def until(true: Callable[[], object], seconds: float = 180.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.005)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """Three photos edited in three ways, accepted and frozen."""
    environ = {"TRUING_JOBS_ATTEMPTS": "20", "TRUING_BACKUP_BEFORE_TRAINING": "false"}
    photos = {
        stamp: Image.open(next(PHOTOS.glob(f"session-*-{stamp}Z/original-*")))
        for stamp in ("051", "205", "269")
    }
    with Workspace.create(tmp_path / "ws", environ=environ) as opened:
        three = list(edits())[:3]
        for row in edited_pairs(tmp_path / "pairs", photos, 1, size=160, instructions=three):
            added = opened.capture(
                "image_edit",
                original=row.media["original"].path,
                edited=row.media["edited"].path,
                raw=row.truth,
                sampling="wholesale",
            )
            assert added is not None
            opened.review(added.id, "accepted")
        opened.freeze("edits", modality="image_edit", validation_share=0.3)
        yield opened
        for run in opened.store.runs.all():
            opened.jobs.stop(run.id, force=True)


def begin(workspace: Workspace, base: Path) -> Run:
    return workspace.train("edits@1", base=str(base), options=OPTIONS, seed=5)


def weights_of(workspace: Workspace, run: Run) -> dict[str, str]:
    """SHA-256 of all weights a run has made."""
    assert run.state is RunState.DONE, run.error
    folder = workspace.model_files.path(ModelRef.parse(str(run.result["model"])))
    return {
        str(file.relative_to(folder)): sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*.safetensors")
    }


def kill_at(workspace: Workspace, run_id: int, step: int) -> None:
    def there() -> bool:
        run = workspace.store.runs.get(run_id)
        assert not run.state.ended, run.error
        alive = process_alive(run.pid or 0, run.pid_start or 0)
        return run.state is RunState.RUNNING and run.step >= step and alive

    until(there)
    run = workspace.store.runs.get(run_id)
    os.kill(run.pid or 0, signal.SIGKILL)
    until(lambda: not process_alive(run.pid or 0, run.pid_start or 0))


@pytest.mark.timeout(600)  # three workers that each load torch and diffusers
def test_a_killed_run_ends_in_the_same_bytes(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = tiny_editor(tmp_path / "base", list(edits()), widths=(8, 16), size=16)
    left_alone = workspace.jobs.wait(begin(workspace, base).id).run
    held = Held(tmp_path / "held", 5, monkeypatch)
    run_id = begin(workspace, base).id
    kill_at(workspace, run_id, 3)
    held.let_go()
    until(lambda: workspace.jobs.start(run_id))
    ended = workspace.jobs.wait(run_id).run
    assert ended.attempts == 2
    assert weights_of(workspace, ended) == weights_of(workspace, left_alone)
    log = RunFiles.of(workspace.layout.root, run_id).log.read_text(encoding="utf-8")
    assert "Resumed at step" in log
    figures, others = (
        {(one.step, one.name): one.value for one in workspace.store.runs.metrics(number)}
        for number in (run_id, left_alone.id)
    )
    assert figures == others
    shown, before = (workspace.jobs.pictures(number) for number in (run_id, left_alone.id))
    assert [row.steps for row in shown.rows()] == [(0, 4, 8), (0, 4, 8)]
    assert shown.rows() == before.rows()
    for row in shown.rows():
        for name in ("original", "target", "0", "4", "8"):
            one, other = (place.file(row.sample, name) for place in (shown, before))
            assert one.read_bytes() == other.read_bytes()
