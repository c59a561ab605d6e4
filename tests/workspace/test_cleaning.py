"""Cleaning: what goes, what stays, and that nobody is disturbed by it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from truing import Workspace
from truing.cli.main import main
from truing.domain.clock import SystemClock
from truing.domain.errors import InvalidInputError
from truing.domain.run import RunState
from truing.jobs.files import RunFiles
from truing.testing.factories import make_request
from truing.workspace import cleaning
from truing.workspace.cleaning import DAY, clean, clean_daily

Filled = Callable[..., list[int]]


def make_old(*places: Path, days: float = 2) -> None:
    past = time.time() - days * DAY
    for place in places:
        for one in (place, *place.rglob("*")):
            os.utime(one, (past, past))


def leftovers(workspace: Workspace) -> tuple[str, list[Path]]:
    """One of each kind, two days old."""
    root = workspace.layout.root
    orphan = workspace.blobs.put(b"orphan" * 100)
    blob = workspace.blobs.path(orphan)
    temporary = blob.with_name(".tmp-1-abc")
    settings = root / ".truing.toml.4711.tmp"
    draft = root / "models" / ".draft-abc"
    export = root / "exports" / ".rows.csv.abc.partial"
    for folder in (draft, export):
        folder.mkdir(parents=True)
        (folder / "half").write_bytes(b"x" * 1000)
    for file in (temporary, settings):
        file.write_bytes(b"half")
    places = [blob, temporary, settings, draft, export]
    make_old(*places)
    return orphan, places


def ended_run(workspace: Workspace, state: RunState, *, days: float) -> RunFiles:
    runs = workspace.store.runs
    at = SystemClock().now() - round(days * DAY * 1e6)
    run = runs.add(workspace.ids.new(), make_request(), at)
    claimed = runs.claim(
        run.id, boot_id="b", pid=1, pid_start=1, now=at, lease_until=at + 1_000_000
    )
    assert claimed is not None
    assert runs.end(run.id, claimed.fence, state=state, at=at)
    files = RunFiles.of(workspace.layout.root, run.id)
    step = files.checkpoints / "000001-step-5"
    step.mkdir(parents=True)
    (step / "weights").write_bytes(b"w" * 5000)
    files.log.write_text("what it said\n", encoding="utf-8")
    return files


def test_leftovers_go_and_everything_else_stays(workspace: Workspace, fill: Filled) -> None:
    fill(2)
    kept = set(workspace.store.samples.referenced_blobs())
    make_old(workspace.layout.blobs)
    young = workspace.blobs.put(b"a capture that is going on")
    _, places = leftovers(workspace)
    told = clean(workspace, dry_run=True)
    assert all(place.exists() for place in places)
    done = clean(workspace)
    assert done == told
    assert (done.media.count, done.drafts.count, done.checkpoints.count) == (2, 3, 0)
    assert done.size == 600 + 4 + 4 + 2000
    assert not any(place.exists() for place in places)
    assert set(workspace.blobs.digests()) == kept | {young}
    assert clean(workspace).count == 0


def test_media_of_a_backup_stay(workspace: Workspace) -> None:
    orphan, _ = leftovers(workspace)
    backup = workspace.layout.backups / "20260101T000000Z-by-hand"
    backup.mkdir(parents=True)
    (backup / "blobs.txt").write_text(orphan + "\n", encoding="ascii")
    (backup / "manifest.json").write_text("{}", encoding="utf-8")
    clean(workspace)
    assert workspace.blobs.exists(orphan)


@pytest.mark.parametrize("state", [RunState.DONE, RunState.FAILED, RunState.STOPPED])
def test_checkpoints_of_ended_runs_go_and_their_logs_stay(
    workspace: Workspace, state: RunState
) -> None:
    old, fresh = (ended_run(workspace, state, days=days) for days in (2, 0.5))
    done = clean(workspace)
    assert (done.checkpoints.count, done.checkpoints.size) == (1, 5000)
    assert not old.checkpoints.exists()
    assert fresh.checkpoints.exists()
    assert old.log.read_text(encoding="utf-8") == "what it said\n"


def test_checkpoints_of_runs_that_can_go_on_stay(workspace: Workspace) -> None:
    paused = ended_run(workspace, RunState.PAUSED, days=400)
    assert clean(workspace).count == 0
    assert paused.checkpoints.exists()


@pytest.mark.parametrize("seconds", [0, -1, 3599, float("nan")])
def test_too_short_a_time_is_refused(workspace: Workspace, seconds: float) -> None:
    with pytest.raises(InvalidInputError, match="too short"):
        clean(workspace, older_than=seconds)


def test_by_itself_at_most_once_a_day(workspace: Workspace) -> None:
    first = clean_daily(workspace)
    assert first is not None
    orphan, places = leftovers(workspace)
    assert clean_daily(workspace) is None
    assert workspace.blobs.exists(orphan)
    make_old(workspace.layout.root / "cache" / "cleaned", days=1.01)
    assert clean_daily(workspace) is not None
    assert not any(place.exists() for place in places)


def test_a_clock_set_back_does_not_stop_the_cleaning(workspace: Workspace) -> None:
    clean_daily(workspace)
    make_old(workspace.layout.root / "cache" / "cleaned", days=-400)
    assert clean_daily(workspace) is not None


def test_what_goes_wrong_by_itself_is_logged_and_disturbs_nobody(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(cleaning, "clean", refuse)
    assert clean_daily(workspace) is None
    said = workspace.layout.log.read_text(encoding="utf-8")
    assert "cleaning did not work" in said


def test_the_command(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    _, places = leftovers(workspace)
    where = ["--workspace", str(workspace.layout.root)]
    assert main([*where, "clean", "--dry-run", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["dry_run"]
    assert told["media"] == {"count": 2, "bytes": 604}
    assert main([*where, "clean"]) == 0
    said = capsys.readouterr().out
    assert "media that nothing refers to" in said
    assert "freed 2.6 KB" in said
    assert not any(place.exists() for place in places)
    assert main([*where, "clean"]) == 0
    assert "nothing to remove" in capsys.readouterr().out
    for hours in ("0.5", "x", "nan"):
        assert main([*where, "clean", "--older-than", hours]) == 2
    capsys.readouterr()


def test_verify_cleans_quietly(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    orphan, _ = leftovers(workspace)
    assert main(["--workspace", str(workspace.layout.root), "verify", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"ok": True, "problems": []}
    assert not workspace.blobs.exists(orphan)
