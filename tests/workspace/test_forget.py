"""Forgetting: no byte of the workspace holds what was forgotten, and versions still verify."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from truing import Workspace
from truing.domain.dataset import DatasetRef
from truing.domain.errors import InvalidInputError, NotFoundError
from truing.domain.event import Event
from truing.domain.run import Want
from truing.domain.sample import SampleFilter
from truing.testing.factories import make_model, make_promotion, make_request
from truing.testing.marker_search import find_marker
from truing.workspace import backups, copying, housekeeping, restoring, trash, verifying
from truing.workspace.forgetting import would_forget
from truing.workspace.keeping import verify, verify_dataset
from truing.workspace.moving import move_database

Filled = Callable[..., list[int]]
MARKER = "xyzzyplughmarker"


NOISE = np.random.default_rng(3).normal(0, 2000, 16000).astype(np.int16)
PIECE = NOISE[4000:4064].tobytes()


def found_in(workspace: Workspace) -> list[str]:
    """Where the marker is, in text or sound."""
    hits = find_marker(workspace.layout.root, MARKER, pcm=PIECE)
    return [f"{hit.path} ({hit.how})" for hit in hits]


def marked(workspace: Workspace) -> int:
    """A sample whose marker is in every place a text can be in, and in its sound."""
    added = workspace.capture(
        "speech",
        audio=(NOISE, 16000),
        raw=f"{MARKER} raw",
        corrected=f"{MARKER} corrected",
        subject=f"{MARKER}-speaker",
        session=f"{MARKER}-session",
        context={"note": MARKER},
        source_key=f"{MARKER}-key",
        sampling="wholesale",
    )
    assert added is not None
    workspace.review(added.id, "corrected", f"{MARKER} truth", why=f"{MARKER} why", actor="ada")
    return added.id


def test_no_byte_of_the_workspace_holds_the_marker(workspace: Workspace, fill: Filled) -> None:
    fill(12)
    number = marked(workspace)
    version = workspace.freeze("mine")
    workspace.export("jsonl")
    workspace.export("audiofolder", dataset="mine@1")
    backup = backups.create_backup(workspace, "before-training")
    blob = workspace.blobs.path(workspace.sample(number).media[0].digest)
    before = found_in(workspace)
    for place in ("truing.db", "exports/", "blobs/", f"backups/{backup.name}/truing.db"):
        assert any(one.startswith(place) for one in before), f"findable in {place} at first"

    told = workspace.forget(ids=[number])

    assert (told.samples, told.blobs) == (1, 1)
    assert told.versions == ("mine@1",)
    assert len(told.exports) == 2
    assert told.backups == (backup.name,)
    assert found_in(workspace) == []
    assert not blob.exists()
    assert verify_dataset(workspace, version.ref) == []
    assert workspace.store.datasets.get(version.ref).forgotten == 1
    assert verify(workspace) == []
    with pytest.raises(NotFoundError):
        workspace.sample(number)


def test_a_rewritten_backup_is_whole_and_keeps_the_others(
    workspace: Workspace, fill: Filled
) -> None:
    fill(5)
    number = marked(workspace)
    made = backups.create_backup(workspace)
    untouched_by = marked_elsewhere(workspace)
    workspace.forget(ids=[number])
    again = backups.open_backup(made.folder)
    assert again.rows["samples"] == made.rows["samples"] - 1
    assert (again.created_at, again.reason) == (made.created_at, made.reason)
    found = verifying.verify_backup(again, workspace.blobs, models=workspace.layout.models)
    assert found == []
    told = workspace.forget(ids=[untouched_by])
    assert told.backups == (), "a backup from before the sample is left alone"
    assert restoring.restore(workspace, made.name).samples == 5


def marked_elsewhere(workspace: Workspace) -> int:
    added = workspace.capture("speech", audio=(NOISE[::-1].copy(), 16000), raw="later")
    assert added is not None
    return added.id


def test_an_old_backup_that_is_restored_forgets_again(
    workspace: Workspace, fill: Filled, tmp_path: Path
) -> None:
    fill(6)
    number = marked(workspace)
    workspace.freeze("mine")
    inside = backups.create_backup(workspace)
    # Two copies that forgetting cannot reach, and that hold everything.
    shutil.copytree(inside.folder, tmp_path / inside.name)
    copy = copying.copy_to(workspace, tmp_path / "disk")
    workspace.forget(ids=[number])
    assert find_marker(tmp_path / inside.name, MARKER)

    shutil.copytree(tmp_path / inside.name, workspace.layout.backups / "slipped-back-in")
    done = restoring.restore(workspace, "slipped-back-in")
    assert (done.samples, done.forgotten) == (6, 1)
    shutil.rmtree(workspace.layout.backups / "slipped-back-in")
    assert found_in(workspace) == []
    assert workspace.store.datasets.get(DatasetRef.parse("mine@1")).forgotten == 1
    assert verify(workspace) == []

    done = restoring.restore(workspace, str(copy.folder))
    assert (done.samples, done.forgotten) == (6, 1)
    assert found_in(workspace) == []
    new = restoring.restore_into(copy, tmp_path / "new", origin=workspace)
    assert (new.samples, new.forgotten) == (6, 1)
    assert find_marker(tmp_path / "new", MARKER, pcm=PIECE) == []


@pytest.mark.parametrize("lost", ["file", "table"])
def test_one_of_the_two_memories_is_enough(
    workspace: Workspace, fill: Filled, tmp_path: Path, lost: str
) -> None:
    fill(3)
    number = marked(workspace)
    copy = copying.copy_to(workspace, tmp_path / "disk")
    workspace.forget(ids=[number])
    if lost == "file":
        workspace.layout.forgotten.unlink()
    else:
        there = sqlite3.connect(workspace.layout.database)
        there.execute("DELETE FROM erasures")
        there.commit()
        there.close()
    assert restoring.restore(workspace, str(copy.folder)).forgotten == 1
    assert found_in(workspace) == []
    assert len(workspace.store.erasures.all()) == 1
    assert workspace.layout.forgotten.read_bytes().count(b"\n") == 1


def test_the_memory_tells_nothing(workspace: Workspace, fill: Filled) -> None:
    fill(1)
    number = marked(workspace)
    uid = workspace.sample(number).uid
    workspace.forget(subject=f"{MARKER}-speaker")
    kept = workspace.layout.forgotten.read_text(encoding="ascii")
    assert uid not in kept
    assert MARKER not in kept
    assert [json.loads(line)["kind"] for line in kept.splitlines()] == ["subject", "sample"]


def test_a_whole_speaker(workspace: Workspace, fill: Filled) -> None:
    fill(25)
    speakers = {one.subject for one in workspace.store.samples.iterate(SampleFilter())}
    assert speakers == {"theo", "jackson"}
    workspace.freeze("mine")
    told = workspace.forget(subject="jackson")
    assert told.samples == 10
    left = list(workspace.store.samples.iterate(SampleFilter()))
    assert {one.subject for one in left} == {"theo"}
    assert workspace.freeze("mine").counts["train"] > 0
    assert verify(workspace) == []


def test_what_others_share_stays(workspace: Workspace, fill: Filled) -> None:
    first, second = fill(1)[0], fill(1)[0]
    digest = workspace.sample(first).media[0].digest
    assert workspace.forget(ids=[first]).blobs == 0
    assert workspace.blobs.read(digest)
    assert workspace.forget(ids=[second]).blobs == 1
    assert not workspace.blobs.exists(digest)


def test_forgetting_nothing_is_an_error(workspace: Workspace, fill: Filled) -> None:
    fill(1)
    with pytest.raises(NotFoundError, match="99"):
        workspace.forget(ids=[99])
    with pytest.raises(NotFoundError, match="nobody"):
        workspace.forget(subject="nobody")
    with pytest.raises(InvalidInputError):
        workspace.forget()


def test_a_frozen_version_grows_on_after_forgetting(workspace: Workspace, fill: Filled) -> None:
    numbers = fill(12)
    workspace.freeze("mine")
    workspace.forget(ids=numbers[:3])
    version = workspace.freeze("mine")
    assert sum(version.counts.values()) == 9


# --- a whole person ------------------------------------------------------------------------------


def give_a_champion(workspace: Workspace, subject: str) -> None:
    """A model of their own for a speaker, promoted by hand, with its files and a run's log."""
    audience = f"subject:{subject}"
    store = workspace.store
    request = make_request(audience=audience, dataset="mine@1")
    run = store.runs.add(workspace.ids.new(), request, workspace.clock.now())
    model = make_model(1, audience=audience, dataset="mine@1", run_id=run.id)
    with workspace.model_files.draft() as draft:
        (draft / "config.json").write_bytes(b"{}")
        held = {**model.as_dict(), "request": request.as_dict()}
        digest = workspace.model_files.install(draft, model.ref, held)
    store.models.add(replace(model, digest=digest))
    given = make_promotion(
        "speech/1", audience=audience, reason=f"{subject} likes it", gate={"audience": audience}
    )
    store.models.promote(given, expected=None)
    data = {"audience": audience, "model": "speech/1"}
    store.events.add(Event(kind="promoted", at=1, actor="ada", data=data))
    folder = workspace.layout.runs / str(run.id)
    (folder / "tensorboard").mkdir(parents=True)
    (folder / "run.log").write_text(f"training for {audience}, go\nnext\n", encoding="utf-8")
    (folder / "tensorboard" / "events.out.tfevents.1").write_bytes(b"\0\1" + audience.encode())
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / "1.json").write_text("{}", encoding="utf-8")


def test_the_name_of_a_speaker_is_nowhere(workspace: Workspace, fill: Filled) -> None:
    (other, *_) = fill(12, context={"with": f"{MARKER}-speaker", "list": [f"{MARKER}-speaker!"]})
    marked(workspace)
    workspace.freeze("mine", test_speakers=(f"{MARKER}-speaker",), split="unseen-speaker")
    give_a_champion(workspace, f"{MARKER}-speaker")
    backups.create_backup(workspace)
    digest = workspace.store.models.all()[0].digest
    before = found_in(workspace)
    for place in ("models/speech/1/model.json", "runs/1/run.log", "runs/1/tensorboard/"):
        assert any(one.startswith(place) for one in before), place

    told = workspace.forget(subject=f"{MARKER}-speaker")

    assert found_in(workspace) == []
    assert told.champions == ("speech/1",)
    assert told.runs == (1,)
    models = workspace.store.models
    assert models.champion("speech", f"subject:{MARKER}-speaker") is None
    assert models.champion("speech", "subject:forgotten-1") is None
    (model,) = models.all()
    assert (model.audience, model.digest) == ("subject:forgotten-1", digest)
    assert workspace.store.runs.get(1).request.audience == "subject:forgotten-1"
    context = workspace.sample(other).context
    assert context == {"with": "forgotten-1", "list": ["forgotten-1!"]}
    log = (workspace.layout.runs / "1" / "run.log").read_text(encoding="utf-8")
    assert log.endswith(", go\nnext\n")
    assert not (workspace.layout.runs / "1" / "checkpoints").exists()
    assert verify(workspace) == []


def test_a_restored_backup_forgets_a_name_as_well(
    workspace: Workspace, fill: Filled, tmp_path: Path
) -> None:
    fill(12)
    marked(workspace)
    workspace.freeze("mine")
    give_a_champion(workspace, f"{MARKER}-speaker")
    copy = copying.copy_to(workspace, tmp_path / "disk")
    workspace.forget(subject=f"{MARKER}-speaker")
    done = restoring.restore(workspace, str(copy.folder))
    assert done.forgotten == 1
    assert [one for one in found_in(workspace) if "model.json" not in one] == []
    assert found_in(workspace) == []
    (model,) = workspace.store.models.all()
    assert model.audience == "subject:forgotten-1"


def test_two_speakers_get_two_names(workspace: Workspace, fill: Filled) -> None:
    fill(25)
    workspace.forget(subject="jackson")
    workspace.forget(subject="theo")
    numbers = [one.number for one in workspace.store.erasures.all() if one.kind == "subject"]
    assert sorted(numbers) == [1, 2]


@pytest.mark.parametrize("name", ["test", "general", "a", "Zoë 'the \"voice\"'", "نور", "🎤"])
def test_any_name_can_be_forgotten(workspace: Workspace, fill: Filled, name: str) -> None:
    """Names that mean something else elsewhere, and such that JSON writes in another way."""
    fill(4, context={"with": name, "kind": "a testing ground in general"})
    fill(2, subject=name, source="another")
    workspace.freeze("mine", test_share=0.3)
    give_a_champion(workspace, name)
    version = workspace.store.datasets.get(DatasetRef.parse("mine@1"))
    told = workspace.forget(subject=name)
    assert told.samples == 2
    assert told.champions == ("speech/1",)
    for sample in workspace.store.samples.iterate(SampleFilter()):
        assert sample.context["with"] == "forgotten-1"
    assert workspace.store.datasets.get(version.ref).parameters == version.parameters
    assert workspace.store.runs.get(1).request.audience == "subject:forgotten-1"
    assert verify(workspace) == []


def test_a_dry_run_says_the_same_and_changes_nothing(workspace: Workspace, fill: Filled) -> None:
    fill(12)
    marked(workspace)
    workspace.freeze("mine")
    workspace.export("jsonl")
    give_a_champion(workspace, f"{MARKER}-speaker")
    backups.create_backup(workspace)
    before = found_in(workspace)
    plan = would_forget(workspace, subject=f"{MARKER}-speaker")
    assert found_in(workspace) == before
    assert workspace.forget(subject=f"{MARKER}-speaker") == plan


def test_an_interrupted_command_can_be_run_again(
    workspace: Workspace, fill: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(6)
    number = marked(workspace)
    backups.create_backup(workspace)
    backups.create_backup(workspace)
    for name in ("seal", "put_in_place"):
        with monkeypatch.context() as patch:
            patch.setattr(backups, name, _cut_off)
            with pytest.raises(KeyboardInterrupt):
                workspace.forget(ids=[number])
    told = workspace.forget(ids=[number])
    assert told.samples == 1
    assert found_in(workspace) == []
    assert len(workspace.store.erasures.all()) == 1
    for one in backups.backups(workspace.layout):
        assert verifying.verify_backup(one, workspace.blobs) == []


def _cut_off(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_sound_that_a_backup_holds_for_another_sample_stays(
    workspace: Workspace, fill: Filled
) -> None:
    first, second = fill(1)[0], fill(1)[0]
    digest = workspace.sample(first).media[0].digest
    backups.create_backup(workspace)
    workspace.delete(ids=[second])
    trash.empty(workspace)
    assert workspace.forget(ids=[first]).blobs == 0
    assert workspace.blobs.verify(digest)
    backups.remove_backup(workspace, backups.backups(workspace.layout)[0].name)
    assert backups.backed_up(workspace.layout) == set()


def test_the_database_that_was_moved_away_from_forgets_as_well(
    workspace: Workspace, fill: Filled, tmp_path: Path
) -> None:
    fill(4)
    number = marked(workspace)
    move_database(workspace, f"sqlite:///{tmp_path / 'other.db'}")
    backups.create_backup(workspace)
    told = workspace.forget(ids=[number])
    assert told.backups[0] == "truing.db"
    assert found_in(workspace) == []
    assert find_marker(tmp_path / "other.db", MARKER) == []
    assert restoring.restore(workspace, "newest").samples == 4


def test_an_export_that_was_cut_off_goes_too(
    workspace: Workspace, fill: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(2)
    number = marked(workspace)
    workspace.export("jsonl")
    (export,) = [one for one in workspace.layout.exports.iterdir() if one.suffix != ".uids"]
    partial = export.with_name(f".{export.name}.1.partial")
    export.rename(partial)
    assert find_marker(partial, MARKER)
    workspace.forget(ids=[number])
    assert found_in(workspace) == []


def test_forgetting_while_it_is_learned_from(workspace: Workspace, fill: Filled) -> None:
    """A run that ends after its data was forgotten leaves a model that is marked."""
    numbers = fill(10)
    version = workspace.freeze("mine")
    run = workspace.store.runs.add("run-uid", make_request(dataset="mine@1"), 1)
    now = workspace.clock.now()
    taken = workspace.store.runs.claim(
        run.id, boot_id="boot", pid=1, pid_start=1, now=now, lease_until=now + 1
    )
    assert taken is not None
    told = workspace.forget(ids=numbers[:2])
    assert told.runs == (run.id,)
    assert workspace.store.runs.get(run.id).want is Want.STOP
    assert workspace.store.datasets.get(version.ref).forgotten == 2


@pytest.mark.parametrize("later", ["the command", "housekeeping"])
def test_what_a_crash_leaves_after_the_rows_are_gone_is_done_later(
    workspace: Workspace, fill: Filled, monkeypatch: pytest.MonkeyPatch, later: str
) -> None:
    fill(3)
    number = marked(workspace)
    with monkeypatch.context() as patch:
        patch.setattr(workspace.blobs, "discard", _cut_off)
        with pytest.raises(KeyboardInterrupt):
            workspace.forget(ids=[number])
    assert found_in(workspace), "its sound is still there"
    if later == "the command":
        with pytest.raises(NotFoundError):
            workspace.forget(ids=[number])
    else:
        housekeeping.due(workspace)
    assert found_in(workspace) == []
    assert not (workspace.layout.root / ".forgetting").exists()
