"""Backups: made while others write, sealed, verified, restored, and forgetting what was since."""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from truing import Workspace
from truing.domain.errors import (
    ConflictError,
    DamagedError,
    InvalidInputError,
    NotFoundError,
    UnavailableError,
)
from truing.domain.run import RunState
from truing.domain.sample import SampleFilter
from truing.stores.database import migrations
from truing.testing.factories import make_model, make_request
from truing.workspace import backups, copying, housekeeping, restoring, verifying
from truing.workspace.keeping import verify

Filled = Callable[..., list[int]]
HOUR = 3_600_000_000


def verified(workspace: Workspace, name: str = "newest") -> list[str]:
    """What is wrong with a backup."""
    backup = backups.find_backup(workspace.layout, name)
    found = verifying.verify_backup(backup, workspace.blobs, models=workspace.layout.models)
    return [f"{one.what}: {one.why}" for one in found]


def texts(workspace: Workspace) -> list[str | None]:
    """The truths of all samples."""
    return [one.truth for one in workspace.store.samples.iterate(SampleFilter())]


def test_a_backup_is_whole_and_says_what_it_holds(workspace: Workspace, fill: Filled) -> None:
    fill(6)
    made = backups.create_backup(workspace, "before-training")
    assert made.name.endswith("-before-training")
    assert made.folder.parent == workspace.layout.backups
    assert sorted(path.name for path in made.folder.iterdir()) == [
        "blobs.txt",
        "manifest.json",
        "truing.db",
        "truing.toml",
    ]
    assert made.rows["samples"] == 6
    assert made.blobs == 6
    assert backups.backups(workspace.layout) == [made]
    assert backups.open_backup(made.folder) == made
    assert verified(workspace) == []


def test_a_backup_is_made_while_others_write(workspace: Workspace, fill: Filled) -> None:
    (number,) = fill(1)
    stop = threading.Event()
    pauses: list[float] = []

    def write() -> None:
        while not stop.is_set():
            begin = time.monotonic()
            workspace.review(number, "accepted")
            pauses.append(time.monotonic() - begin)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while not pauses and writer.is_alive():
            writer.join(timeout=0.01)
        for _ in range(3):
            backups.create_backup(workspace, "by-hand")
    finally:
        stop.set()
        writer.join()
    for one in backups.backups(workspace.layout):
        assert verified(workspace, one.name) == []
    assert len(pauses) > 3


@pytest.mark.parametrize("name", ["truing.db", "blobs.txt", "truing.toml", "manifest.json"])
@pytest.mark.parametrize("harm", ["flip", "cut", "remove"])
def test_a_harmed_backup_is_noticed_and_refused(
    workspace: Workspace, fill: Filled, name: str, harm: str
) -> None:
    fill(3)
    made = backups.create_backup(workspace)
    path = made.folder / name
    data = bytearray(path.read_bytes())
    if harm == "flip":
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    elif harm == "cut":
        path.write_bytes(data[: len(data) // 2])
    else:
        path.unlink()
    before = texts(workspace)
    if name == "manifest.json":
        with pytest.raises(DamagedError):
            backups.open_backup(made.folder)
        assert backups.backups(workspace.layout) == []
    else:
        assert any(name in line for line in verified(workspace, made.name))
    with pytest.raises(DamagedError) as raised:
        restoring.restore(workspace, made.name)
    assert "truing backup list" in str(raised.value.hint)
    assert texts(workspace) == before


def test_missing_and_altered_media_are_named(workspace: Workspace, fill: Filled) -> None:
    first, second = fill(2)
    backups.create_backup(workspace)
    gone = workspace.sample(first).media[0].digest
    workspace.blobs.delete(gone)
    workspace.blobs.path(workspace.sample(second).media[0].digest).write_bytes(b"noise")
    found = verified(workspace)
    assert len(found) == 2
    assert any("missing" in line for line in found)
    assert any("altered" in line for line in found)
    with pytest.raises(DamagedError, match=gone):
        restoring.restore(workspace, "newest")


def test_restoring_brings_back_what_was(workspace: Workspace, fill: Filled) -> None:
    numbers = fill(4)
    made = backups.create_backup(workspace)
    before = [workspace.sample(one) for one in numbers]
    workspace.review(numbers[0], "corrected", "something else")
    later = fill(2, source="another")
    done = restoring.restore(workspace, made.name)
    assert (done.samples, done.forgotten) == (4, 0)
    assert [workspace.sample(one) for one in numbers] == before
    assert verify(workspace) == []
    # A number means one sample for ever, also what was lost by going back.
    assert min(fill(1, source="third")) > max(later)
    assert done.before is not None
    again = restoring.restore(workspace, done.before)
    assert again.samples == 6
    assert workspace.sample(numbers[0]).truth == "something else"
    assert verify(workspace) == []


def test_another_process_sees_the_restored_database(workspace: Workspace, fill: Filled) -> None:
    fill(2)
    made = backups.create_backup(workspace)
    fill(3, source="another")
    with Workspace.open(workspace.layout.root, environ={}) as other:
        assert len(texts(other)) == 5
        restoring.restore(workspace, made.name)
        assert len(texts(other)) == 2
        other.review(next(other.store.samples.iterate(SampleFilter())).id, "rejected")
    assert workspace.store.check() == []


def test_models_come_back_and_their_numbers_go_on(workspace: Workspace, fill: Filled) -> None:
    def add(number: int, weights: bytes) -> str:
        with workspace.model_files.draft() as draft:
            (draft / "config.json").write_bytes(weights)
            ref = make_model(number).ref
            digest = workspace.model_files.install(draft, ref, {})
        workspace.store.models.add(make_model(number, digest=digest))
        return digest

    fill(1)
    add(1, b"{}")
    made = backups.create_backup(workspace)
    assert set(made.models) == {"speech/1"}
    shutil.rmtree(workspace.layout.models / "speech" / "1")
    assert any("speech/1" in line for line in verified(workspace))
    with pytest.raises(DamagedError, match="speech/1"):
        restoring.restore(workspace, made.name)
    with workspace.model_files.draft() as draft:
        (draft / "config.json").write_bytes(b"{}")
        workspace.model_files.install(draft, make_model(1).ref, {})
    add(2, b"{ }")
    done = restoring.restore(workspace, made.name)
    assert workspace.store.models.next_number("speech") == 2
    add(2, b"{  }")
    # Going forward again finds the model that had the number then.
    restoring.restore(workspace, str(done.before))
    assert verify(workspace) == []
    assert (workspace.layout.models / "speech" / "2" / "config.json").read_bytes() == b"{ }"


def test_restoring_waits_for_no_training(workspace: Workspace, fill: Filled) -> None:
    fill(1)
    made = backups.create_backup(workspace)
    run = workspace.store.runs.add("run-uid", make_request(), workspace.clock.now())
    now = workspace.clock.now()
    taken = workspace.store.runs.claim(
        run.id, boot_id="boot", pid=1, pid_start=1, now=now, lease_until=now + HOUR
    )
    assert taken is not None
    with pytest.raises(ConflictError, match="training"):
        restoring.restore(workspace, made.name)
    during = backups.create_backup(workspace)
    workspace.store.runs.end(run.id, taken.fence, state=RunState.DONE, at=now)
    restoring.restore(workspace, during.name)
    assert workspace.store.runs.get(run.id).state is RunState.STOPPED


def test_a_copy_elsewhere_is_enough_to_begin_again(
    workspace: Workspace, fill: Filled, tmp_path: Path
) -> None:
    numbers = fill(5)
    place = tmp_path / "disk"
    first = copying.copy_to(workspace, place)
    assert verifying.verify_backup(first, None) == []
    fill(2, source="another", reviewed=False)
    second = copying.copy_to(workspace, place)
    assert len(list((place / "blobs").rglob("*"))) < 2 * 7 + 260
    shutil.rmtree(workspace.layout.blobs)
    found = backups.find_backup(None, str(second.folder))
    done = restoring.restore_into(found, tmp_path / "new")
    assert done.samples == 7
    with Workspace.open(tmp_path / "new", environ={}) as again:
        assert verify(again) == []
        assert again.sample(numbers[0]).truth == workspace.sample(numbers[0]).truth
        assert again.settings.text("storage.blobs") == ""


def test_an_interrupted_copy_counts_for_nothing_and_goes_on(
    workspace: Workspace, fill: Filled, tmp_path: Path
) -> None:
    fill(6)
    place = tmp_path / "disk"

    def stop(_what: str, done: int, _total: int | None) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copying.copy_to(workspace, place, on_progress=stop)
    assert [one.name for one in place.iterdir() if not one.name.startswith(".")] == ["blobs"]
    there = {path for path in (place / "blobs").rglob("*") if path.is_file()}
    assert len(there) == 3
    dates = {path: path.stat().st_mtime_ns for path in there}
    made = copying.copy_to(workspace, place)
    assert verifying.verify_backup(made, None) == []
    assert {path: path.stat().st_mtime_ns for path in there} == dates


def test_restoring_into_a_new_folder(workspace: Workspace, fill: Filled, tmp_path: Path) -> None:
    numbers = fill(3)
    made = backups.create_backup(workspace)
    done = restoring.restore_into(made, tmp_path / "new", origin=workspace)
    assert done.samples == 3
    with Workspace.open(tmp_path / "new", environ={}) as again:
        assert verify(again) == []
        assert [one.id for one in again.store.samples.iterate(SampleFilter())] == numbers
    with pytest.raises(ConflictError, match="not empty"):
        restoring.restore_into(made, tmp_path / "new", origin=workspace)
    with pytest.raises(InvalidInputError, match="holds no media"):
        restoring.restore_into(made, tmp_path / "other")


def test_automatic_backups_make_room_and_others_stay(workspace: Workspace, fill: Filled) -> None:
    fill(1)
    by_hand = backups.create_backup(workspace)
    made = [backups.create_backup(workspace, "scheduled").name for _ in range(9)]
    left = [one.name for one in backups.backups(workspace.layout)]
    assert sorted(left) == sorted([by_hand.name, *made[-7:]])
    assert backups.remove_backup(workspace, by_hand.name)
    with pytest.raises(NotFoundError):
        backups.remove_backup(workspace, by_hand.name)
    with pytest.raises(NotFoundError):
        backups.remove_backup(workspace, "../models")


def test_a_backup_a_day(workspace: Workspace, fill: Filled) -> None:
    class Later:
        def __init__(self) -> None:
            self.clock = workspace.clock
            self.hours = 0

        def now(self) -> int:
            return self.clock.now() + self.hours * HOUR

    fill(1)
    later = Later()
    workspace.clock = later
    assert housekeeping.due(workspace).backup is None
    later.hours = 25
    assert str(housekeeping.due(workspace).backup).endswith("-scheduled")
    assert housekeeping.due(workspace).backup is None
    later.hours = 10
    assert housekeeping.due(workspace).backup is None, "a clock set back makes no backups"
    later.hours = 50
    assert housekeeping.due(workspace).backup is not None


def test_before_training_unless_it_is_off(workspace: Workspace, fill: Filled) -> None:
    fill(1)
    assert backups.backup_before(workspace, "before-training") is not None
    flags = {"backup.before_training": "false"}
    with Workspace.open(workspace.layout.root, environ={}, flags=flags) as other:
        assert backups.backup_before(other, "before-training") is None
    with pytest.raises(InvalidInputError):
        backups.create_backup(workspace, "Before / Training")


def test_no_second_backup_of_what_has_not_changed(
    workspace: Workspace, fill: Filled, caplog: pytest.LogCaptureFixture
) -> None:
    fill(1)
    made = backups.create_backup(workspace)
    with caplog.at_level("INFO"):
        assert backups.backup_before(workspace, "before-training") == made
    assert f"nothing has changed since `{made.name}`" in caplog.text
    assert backups.backups(workspace.layout) == [made]
    assert [one.name for one in workspace.layout.backups.glob(".draft-*")] == []


def test_the_smallest_change_makes_a_new_backup(workspace: Workspace, fill: Filled) -> None:
    fill(2)
    made = [backups.create_backup(workspace)]

    def another() -> None:
        new = backups.backup_before(workspace, "before-training")
        assert new is not None
        assert new not in made
        made.append(new)

    with workspace.store.database.writing() as connection:  # type: ignore[attr-defined]
        connection.exec_driver_sql("UPDATE samples SET quality = 0.25 WHERE id = 1")
    another()
    with workspace.layout.settings.open("a", encoding="utf-8") as stream:
        stream.write("# a remark\n")
    another()
    (workspace.layout.backups / made[-1].name / backups.BLOBS).write_text("cut")
    another()
    (workspace.layout.backups / made[-1].name / backups.BLOBS).unlink()
    another()


def test_before_a_migration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", migrations.MIGRATIONS[:1])
        layout = _old_workspace(tmp_path / "ws")
    with Workspace.open(layout, environ={}) as workspace:
        (made,) = backups.backups(workspace.layout)
        assert made.reason == "before-migration"
        assert made.schema == 1
        assert restoring.restore(workspace, made.name).samples == 0
        assert workspace.store.check() == []
    with Workspace.open(layout, environ={}) as workspace:
        assert len(backups.backups(workspace.layout)) == 2


def _old_workspace(folder: Path) -> Path:
    from truing.domain.clock import SystemClock
    from truing.stores.database.connection import Database
    from truing.stores.database.sqlite import SQLite
    from truing.workspace.folder import create

    layout = create(folder)
    database = Database(SQLite(layout.database))
    database.prepare()
    migrations.migrate(database, SystemClock())
    database.close()
    return folder


def test_what_a_crash_left_is_put_right(workspace: Workspace, fill: Filled) -> None:
    fill(1)
    made = backups.create_backup(workspace)
    (workspace.layout.backups / ".draft-abc").mkdir()
    made.folder.rename(made.folder.with_name(f".old-{made.name}"))
    assert backups.backups(workspace.layout) == []
    backups.thin(workspace)
    assert backups.backups(workspace.layout) == [made]
    assert not (workspace.layout.backups / ".draft-abc").exists()


def test_no_space_leaves_nothing(
    workspace: Workspace, fill: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(1)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(UnavailableError, match="no space"):
        backups.create_backup(workspace)
    assert [one.name for one in workspace.layout.backups.iterdir()] == [".lock"]


def test_a_manifest_that_was_edited_is_refused(workspace: Workspace, fill: Filled) -> None:
    fill(1)
    made = backups.create_backup(workspace)
    held = json.loads((made.folder / "manifest.json").read_text(encoding="utf-8"))
    held["rows"]["samples"] = 2
    (made.folder / "manifest.json").write_text(json.dumps(held), encoding="utf-8")
    with pytest.raises(DamagedError, match="seal"):
        backups.open_backup(made.folder)


def test_rows_and_counters_are_reconciled(workspace: Workspace, fill: Filled) -> None:
    """Whoever alters the database and seals it again is still found out by its own figures."""
    fill(3)
    made = backups.create_backup(workspace)
    there = sqlite3.connect(made.folder / "truing.db")
    there.execute("UPDATE counters SET value = 7 WHERE name = 'accepted'")
    there.commit()
    there.close()
    backups.seal(made.folder, reason=made.reason, created_at=made.created_at)
    assert any("counter `accepted`" in line for line in verified(workspace, made.name))


def test_a_database_in_a_server_makes_its_own(
    workspace: Workspace, fill: Filled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(1)
    made = backups.create_backup(workspace)
    monkeypatch.setattr(type(workspace.store), "file", property(lambda _: None))
    for deed in (
        lambda: backups.create_backup(workspace),
        lambda: copying.copy_to(workspace, tmp_path / "disk"),
        lambda: restoring.restore(workspace, made.name),
    ):
        with pytest.raises(UnavailableError) as raised:
            deed()
        assert "pg_dump" in str(raised.value.hint)
    assert backups.backup_before(workspace, "before-training") is None
    assert housekeeping.due(workspace).backup is None
