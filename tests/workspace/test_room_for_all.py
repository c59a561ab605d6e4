"""The quota before trainings, bundles, models, backups, archives and exports: all or nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from truing import Workspace
from truing.demo import shipped
from truing.domain.clock import MICROSECONDS
from truing.domain.errors import FullError
from truing.domain.run import RunState
from truing.domain.sample import SampleFilter
from truing.platform.files import Space
from truing.testing.factories import FrozenClock
from truing.workspace import (
    archiving,
    bundles,
    configuring,
    disk,
    exporting,
    housekeeping,
    quota,
    unarchiving,
)
from truing.workspace.combining import average
from truing.workspace.model_import import import_model
from truing.workspace.planning import plan

Filled = Callable[..., list[int]]
BASE = shipped.base_without("theo")
QUICK = {"max_steps": "3", "threads": "1", "batch_size": "4"}
ALL = SampleFilter(modality="speech")


@pytest.fixture
def mine(workspace: Workspace, fill: Filled) -> Workspace:
    """A workspace with `mine@1`."""
    fill(12)
    workspace.freeze("mine", validation_share=0.2)
    return workspace


def limit(workspace: Workspace, left: int) -> None:
    """Sets the quota so that so many bytes are left."""
    used = disk.usage(workspace, fresh=True).used
    configuring.change(workspace, "storage.quota_gb", (used + left) / 1e9)


def unlimited(workspace: Workspace) -> None:
    configuring.change(workspace, "storage.quota_gb", 0.0)


def files(workspace: Workspace) -> set[str]:
    """What lies in the workspace, but for the database's own files, locks and what is looked up."""
    root = workspace.layout.root
    found = (one.relative_to(root) for one in root.rglob("*") if one.is_file())
    own = ("truing.db", ".lock")
    return {
        one.as_posix()
        for one in found
        if one.parts[0] not in ("cache", "logs") and not one.name.startswith(own)
    }


def train(workspace: Workspace) -> object:
    return workspace.train("mine@1", base=str(BASE), options=QUICK, start=False)


def pack(workspace: Workspace) -> object:
    target = workspace.layout.root / "mine.bundle"
    return bundles.pack(workspace, "mine@1", target, base=str(BASE), options=QUICK)


DEEDS: dict[str, tuple[str, Callable[[Workspace], object]]] = {
    "train": ("the run", train),
    "bundle": ("the bundle", pack),
    "back up": ("the backup", lambda ws: ws.back_up()),
    "archive": ("the archive", lambda ws: archiving.archive(ws, ALL)),
    "export": ("the export", lambda ws: ws.export("jsonl")),
    "export a version": ("the export", lambda ws: ws.export("audiofolder", dataset="mine@1")),
    "import a model": ("the model", lambda ws: import_model(ws, BASE)),
    "average": ("the model", lambda ws: average(ws, [str(BASE), str(BASE)])),
}


@pytest.mark.parametrize("deed", DEEDS)
def test_what_does_not_fit_is_refused_before_it_begins(mine: Workspace, deed: str) -> None:
    what, do = DEEDS[deed]
    before, runs = files(mine), mine.store.runs.all()
    limit(mine, 20_000)
    with pytest.raises(FullError) as raised:
        do(mine)
    told, hint = raised.value.message, raised.value.hint or ""
    assert told.startswith(f"{what} needs about ")
    assert "storage.quota_gb" in told
    assert str(mine.layout.root) in told
    for command in ("truing retain", "truing trash empty", "truing archive create --to"):
        assert command in hint
    assert (files(mine), mine.store.runs.all()) == (before, runs)
    assert mine.store.samples.count(SampleFilter()) == 12

    unlimited(mine)
    assert do(mine)


def test_the_disk_counts_where_there_is_no_quota(
    mine: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "disk_space", lambda _: Space(total=100 << 30, free=200 << 20))
    for what, do in DEEDS.values():
        with pytest.raises(FullError, match=f"^{what}.* are free on the disk of"):
            do(mine)


def test_elsewhere_only_that_disk_counts(
    mine: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(mine, 0)
    assert mine.export("jsonl", tmp_path / "rows.jsonl") == tmp_path / "rows.jsonl"
    made = archiving.archive(mine, ids=[1], folder=tmp_path / "archives")
    assert made.samples == 1
    monkeypatch.setattr(quota, "free_space", lambda _: 1000)
    with pytest.raises(FullError, match="1 MB are free on the disk of") as raised:
        mine.export("jsonl", tmp_path / "more.jsonl")
    assert "more.jsonl" in raised.value.message
    assert not list(tmp_path.glob("more*"))


def test_what_was_written_counts_at_once(mine: Workspace) -> None:
    size = sum(medium.size for one in mine.store.samples.iterate(ALL) for medium in one.media)
    limit(mine, round(1.7 * size))
    mine.export("jsonl")
    # Another program learns of it as well.
    with Workspace.open(mine.layout.root, environ={}) as other, pytest.raises(FullError):
        other.export("jsonl")


def test_pairs_of_text_need_no_room_for_media(
    mine: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "LEAST", 1000)
    limit(mine, 20_000)
    with pytest.raises(FullError):
        mine.export("jsonl")
    assert mine.export("corrector").exists()


def test_a_recipe_that_cannot_tell_needs_some_room(mine: Workspace) -> None:
    limit(mine, 1000)
    with pytest.raises(FullError, match="the run needs about 1 MB"):
        mine.train("mine@1", recipe="whisper-scratch", start=False)


def test_a_plan_tells_that_the_quota_is_too_small(mine: Workspace) -> None:
    limit(mine, 1000)
    told: Any = plan(mine, "mine@1", base=str(BASE), options=QUICK).as_dict()
    assert "storage.quota_gb" in told["warnings"][0]["problem"]
    assert told["need"]["disk"]["free"] <= 1000


def test_a_training_goes_on_by_force(mine: Workspace) -> None:
    configuring.change(mine, "backup.before_training", False)
    limit(mine, 20_000)
    run = mine.train("mine@1", base=str(BASE), options=QUICK, start=False, force=True)
    assert run.state is RunState.QUEUED


def test_a_trained_bundle_needs_room_and_is_here_afterwards(
    mine: Workspace, tmp_path: Path
) -> None:
    from truing.workspace.bundle_runs import carry_out

    bundle = tmp_path / "mine.bundle"
    bundles.pack(mine, "mine@1", bundle, base=str(BASE), options=QUICK)
    trained = Path(str(carry_out(bundle).path))
    before = files(mine)
    limit(mine, 20_000)
    with pytest.raises(FullError, match=r"^the model needs about"):
        import_model(mine, trained)
    assert files(mine) == before
    unlimited(mine)
    assert import_model(mine, trained).new
    # What is here already takes no room.
    limit(mine, 1000)
    assert not import_model(mine, trained).new


def test_bringing_back_needs_room(mine: Workspace, tmp_path: Path) -> None:
    made = archiving.archive(mine, ids=[1, 2], folder=tmp_path / "archives")
    place = next((tmp_path / "archives").iterdir())
    limit(mine, 1000)
    with pytest.raises(FullError, match=r"^bringing back needs about") as raised:
        unarchiving.restore(mine, str(place))
    assert "truing archive restore" in (raised.value.hint or "")
    assert mine.store.samples.count(SampleFilter()) == 10
    unlimited(mine)
    assert len(unarchiving.restore(mine, str(place)).ids) == made.samples


def test_an_archive_makes_room_where_it_fits(workspace: Workspace, fill: Filled) -> None:
    fill(12)
    limit(workspace, 5_000_000)
    assert archiving.archive(workspace, ALL).samples == 12
    # What was written and what went are both known.
    assert disk.usage(workspace).parts["media"] == 0


def test_a_daily_backup_without_room_leaves_the_rest_done(mine: Workspace) -> None:
    limit(mine, 1000)
    mine.clock = FrozenClock(mine.clock.now() + 48 * 3600 * MICROSECONDS)
    with pytest.raises(FullError, match=r"^the backup needs about"):
        housekeeping.due(mine)
    assert (mine.layout.root / "cache" / "cleaned").exists()
    unlimited(mine)
    assert housekeeping.due(mine).backup is not None
