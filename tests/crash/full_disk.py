"""What happens when the disk is full, in a process of its own, on a small disk of its own.

    python tests/crash/full_disk.py FOLDER tmpfs|file-size SCENARIO…

`tmpfs`: FOLDER lies on a disk of a few megabytes, which is filled up. `file-size`: no file may grow
(`RLIMIT_FSIZE`), for systems that cannot mount. A scenario does something until it is refused,
looks whether anything half-written is left, frees the space and does it again.
"""

from __future__ import annotations

import contextlib
import resource
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from truing import Workspace
from truing.domain.errors import UnavailableError
from truing.domain.model import ModelRef
from truing.domain.recipe import RunContext
from truing.domain.run import Run, RunRequest, RunState, Want
from truing.domain.sample import SampleFilter
from truing.jobs.checkpoints import CheckpointFolder
from truing.jobs.log import RunLog
from truing.jobs.worker import work
from truing.stores.model_files import LocalModelFiles
from truing.workspace import exporting, known_settings, quota
from truing.workspace.backups import create_backup
from truing.workspace.folder import set_value
from truing.workspace.quota import GOOD_FOR

TRIES = 2000
FEW = 6
"""Samples at the beginning."""
NOISE = np.random.default_rng(1)


class Disk:
    """The small disk, or what stands for it."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.folder = folder
        self._tmpfs = kind == "tmpfs"
        self._ballast = folder / "ballast"

    @property
    def is_small(self) -> bool:
        """Whether the system knows how little there is."""
        return self._tmpfs

    def fill(self, *, leave: int = 0) -> None:
        """Leaves at most so many bytes."""
        if not self._tmpfs:
            hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
            resource.setrlimit(resource.RLIMIT_FSIZE, (leave, hard))
            return
        with self._ballast.open("wb", buffering=0) as stream, contextlib.suppress(OSError):
            while True:
                stream.write(bytes(4096))
        size = self._ballast.stat().st_size
        with self._ballast.open("rb+") as stream:
            stream.truncate(max(0, size - leave))

    def free(self) -> None:
        """Makes room again."""
        if self._tmpfs:
            self._ballast.unlink(missing_ok=True)
        else:
            hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


def until_refused(work: Callable[[], object], *named: Path) -> int:
    """Does something until there is no room; returns how often it succeeded."""
    for count in range(TRIES):
        refused = refusal(work)
        if refused is not None:
            assert any(str(one) in refused.message for one in named), (refused.message, named)
            assert refused.hint, refused.message
            return count
    raise AssertionError("the disk was never full")


def refusal(work: Callable[[], object]) -> UnavailableError | None:
    try:
        work()
    except UnavailableError as error:
        return error
    return None


def nothing_asked(*_: object) -> contextlib.AbstractContextManager[None]:
    """In the place of `quota.admitted`, so that something begins that has no room."""
    return contextlib.nullcontext()


def half_written(folder: Path) -> list[Path]:
    """Temporary files and folders; SQLite's own are no business of ours."""
    marks = (".tmp-", ".draft-", ".partial", ".tmp")
    return [one for one in folder.rglob("*") if any(mark in one.name for mark in marks)]


def capture_one(workspace: Workspace) -> int:
    sound = NOISE.integers(-9000, 9000, 16_000, dtype=np.int16)
    added = workspace.capture("speech", audio=(sound, 16_000), raw="one", sampling="wholesale")
    assert added is not None
    return added.id


def sound(workspace: Workspace) -> None:
    """Nothing half-written is left, every row has its blob, the counters are right."""
    assert half_written(workspace.layout.root) == []
    for digest in workspace.store.samples.referenced_blobs():
        assert workspace.blobs.verify(digest)
    for digest in workspace.blobs.digests():
        assert workspace.blobs.verify(digest)
    assert workspace.store.check() == []


def capture(disk: Disk, workspace: Workspace) -> None:
    before = workspace.store.samples.count(SampleFilter())
    disk.fill(leave=150_000)
    root = workspace.layout.root
    # As if somebody else had filled the disk since it was last looked at.
    workspace.admission.admit = contextlib.nullcontext
    done = until_refused(lambda: capture_one(workspace), root)
    disk.free()
    sound(workspace)
    assert workspace.store.samples.count(SampleFilter()) == before + done
    capture_one(workspace)


def watch(disk: Disk, workspace: Workspace) -> None:
    """Before the disk is full nothing more is let in, and there is room to decide and tidy up."""
    before = (workspace.store.samples.count(SampleFilter()), set(workspace.blobs.digests()))
    disk.fill(leave=500_000)
    if disk.is_small:
        time.sleep(GOOD_FOR)
        assert until_refused(lambda: capture_one(workspace), workspace.layout.root) == 0
        after = (workspace.store.samples.count(SampleFilter()), set(workspace.blobs.digests()))
        assert after == before
        workspace.review(1, "rejected")
        workspace.undo()
    disk.free()
    sound(workspace)
    capture_one(workspace)


def review(disk: Disk, workspace: Workspace) -> None:
    disk.fill()
    done = until_refused(
        lambda: workspace.review(1, "corrected", "word " * 500), workspace.layout.database
    )
    disk.free()
    sound(workspace)
    assert len(workspace.history(1)) == done
    workspace.review(1, "accepted")


def freeze(disk: Disk, workspace: Workspace) -> None:
    for number in range(1, FEW + 1):
        workspace.review(number, "accepted")
    disk.fill()
    done = until_refused(lambda: workspace.freeze("voice"), workspace.layout.database)
    disk.free()
    sound(workspace)
    assert len(workspace.store.datasets.all()) == done
    assert workspace.freeze("voice").ref.number == done + 1


def export(disk: Disk, workspace: Workspace) -> None:
    target = disk.folder / "out" / "rows.csv"
    disk.fill(leave=20_000)
    if disk.is_small:
        assert until_refused(lambda: workspace.export("csv", target), target) == 0
        assert not target.parent.exists()
    # As if somebody else had filled the disk since it was last looked at.
    exporting.admitted = nothing_asked  # type: ignore[attr-defined]
    assert until_refused(lambda: workspace.export("csv", target), target, target.parent) == 0
    assert not target.exists()
    assert list(target.parent.glob("*")) == []
    disk.free()
    workspace.export("csv", target)
    sound(workspace)


def checkpoint(disk: Disk, workspace: Workspace) -> None:
    folder = CheckpointFolder(workspace.layout.runs / "1" / "checkpoints")
    folder.save(1, lambda place: (place / "state").write_bytes(b"1" * 1000) and None)
    disk.fill(leave=500)
    for size in (100_000, 1):
        with contextlib.suppress(UnavailableError):
            folder.save(2, lambda place, size=size: write(place / "state", b"2" * size))
            assert size == 1
    place = workspace.layout.runs / "1" / "checkpoints"
    assert (
        until_refused(lambda: folder.save(3, lambda one: write(one / "s", b"3" * 99_999)), place)
        == 0
    )
    found = folder.latest()
    assert found is not None
    assert found[0] in (1, 2)
    assert len([one for one in place.iterdir() if one.is_dir()]) <= 2
    disk.free()
    folder.save(4, lambda one: write(one / "state", b"4" * 99_999))
    latest = folder.latest()
    assert latest is not None
    assert latest[0] == 4


def write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def training(disk: Disk, workspace: Workspace) -> None:
    """A run pauses, its log and row are whole, and it goes on from what it had."""
    resumed: list[tuple[int, Path] | None] = []

    def execute(run: Run, context: RunContext) -> dict[str, object]:
        resumed.append(context.latest_checkpoint())
        for step in range(1, 5):
            if step == 3:
                # What a write is told that the disk has no room for.
                disk.fill(leave=60_000)
            context.progress(step, 4)
            context.save_checkpoint(step, lambda one: write(one / "state", b"s" * 99_999))
        return {"model": "speech/1"}

    def go_on() -> RunState:
        runs, root = workspace.store.runs, workspace.layout.root
        runs.want(run.id, Want.RUN)
        return work(runs, run.id, folder=root, clock=workspace.clock, execute=execute)

    request = RunRequest(modality="speech", recipe="count", dataset="mine@1", base=None)
    run = workspace.store.runs.add("uid", request, workspace.clock.now())
    if not disk.is_small:
        return
    assert go_on() is RunState.PAUSED
    found = workspace.store.runs.get(run.id)
    assert found.want is Want.PAUSE
    assert "full disk at step" in str(found.as_dict()["notes"])
    disk.free()
    disk.fill = lambda **_: None  # type: ignore[method-assign]
    assert go_on() is RunState.DONE
    assert resumed[1] is not None
    assert resumed[1][0] in (2, 3)
    sound(workspace)


def log(disk: Disk, workspace: Workspace) -> None:
    """A line that has no room is lost, and no more than that."""
    lines = RunLog(workspace.layout.runs / "1" / "log.txt", workspace.clock)
    disk.fill()
    if disk.is_small:
        for _ in range(50):
            lines.line("x" * 1000)
    disk.free()
    lines.line("after")
    lines.close()
    assert (workspace.layout.runs / "1" / "log.txt").read_text().endswith(" after\n")


def install(disk: Disk, workspace: Workspace) -> None:
    models = LocalModelFiles(workspace.layout.models)
    ref = ModelRef(modality="speech", number=1)
    description = {"note": "x" * 50_000}
    with models.draft() as draft:
        write(draft / "model.safetensors", b"w" * 50_000)
        disk.fill()
        target = workspace.layout.models / "speech" / "1"
        assert until_refused(lambda: models.install(draft, ref, description), target) == 0
        assert not target.exists()
        disk.free()
        models.install(draft, ref, description)
    assert models.path(ref) == target
    disk.fill()
    with contextlib.suppress(UnavailableError), models.draft():
        pass
    disk.free()
    sound(workspace)


def backup(disk: Disk, workspace: Workspace) -> None:
    place = workspace.layout.backups
    disk.fill(leave=60_000)
    if disk.is_small:
        assert until_refused(lambda: create_backup(workspace), workspace.layout.root) == 0
        assert list(place.glob("*")) == [place / ".lock"]
    quota.admitted = nothing_asked
    assert until_refused(lambda: create_backup(workspace), place, workspace.layout.root) == 0
    assert [one for one in place.glob("*") if one.is_dir()] == []
    disk.free()
    assert create_backup(workspace).name
    sound(workspace)


def settings(disk: Disk, workspace: Workspace) -> None:
    layout = workspace.layout
    set_value(layout, known_settings(), "review.actor", "ada")
    before = layout.settings.read_bytes()
    disk.fill()
    change = lambda: set_value(layout, known_settings(), "review.actor", "b" * 9000)  # noqa: E731
    assert until_refused(change, layout.settings) == 0
    assert layout.settings.read_bytes() == before
    disk.free()
    assert change() == "b" * 9000
    sound(workspace)


def opening(disk: Disk, workspace: Workspace) -> None:
    workspace.close()
    elsewhere = disk.folder / "new"
    disk.fill()
    assert until_refused(lambda: Workspace.create(elsewhere, environ={}), elsewhere) == 0
    disk.free()
    if (elsewhere / "truing.toml").exists():
        Workspace.open(elsewhere, environ={}).close()
    else:
        Workspace.create(elsewhere, environ={}).close()


PLAYED = (
    capture, watch, review, freeze, export, checkpoint, training, log, install, backup, settings,
    opening,
)  # fmt: skip
SCENARIOS = {one.__name__: one for one in PLAYED}


def main() -> None:
    """Plays scenarios, each in a workspace of its own."""
    folder, kind, *names = sys.argv[1:]
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    for name in names:
        disk = Disk(Path(folder, name), kind)
        disk.folder.mkdir()
        with Workspace.create(disk.folder / "ws", environ={}) as workspace:
            for _ in range(FEW):
                capture_one(workspace)
            SCENARIOS[name](disk, workspace)
        disk.free()
        shutil.rmtree(disk.folder)
        print("passed", name, flush=True)


if __name__ == "__main__":
    main()
