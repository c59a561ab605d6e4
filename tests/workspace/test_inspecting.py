"""Media that are missing, damaged or needed by nobody are found, and put right where it can be."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from truing import Workspace
from truing.domain.errors import InvalidInputError
from truing.domain.sample import SampleFilter
from truing.loop.check import DAMAGED
from truing.stores.blobs_s3 import S3Blobs
from truing.workspace import backups, copying
from truing.workspace.archiving import archive
from truing.workspace.inspecting import Inspected, inspect
from truing.workspace.keeping import verify
from truing.workspace.moving_blobs import move_blobs
from truing.workspace.unarchiving import restore

Filled = Callable[..., list[int]]
HOURS = 3600.0


def file_of(workspace: Workspace, number: int) -> Path:
    """Where the first medium of a sample lies."""
    return workspace.blobs.path(workspace.sample(number).media[0].digest)


def spoil(path: Path) -> None:
    """Alters a byte and leaves the length."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x55
    path.write_bytes(bytes(data))


def told(found: Inspected) -> dict[int, tuple[str, str | None]]:
    """What is wrong, and where it was brought back from, by sample."""
    return {one.samples[0]: (one.why, one.repaired) for one in found.broken}


def test_what_is_amiss_is_found_and_nothing_is_changed(workspace: Workspace, fill: Filled) -> None:
    ids = fill(5)
    orphan = workspace.blobs.put(b"needed by nobody")
    assert inspect(workspace).as_dict() == {
        "ok": True,
        "media": 5,
        "broken": [],
        "more": 0,
        "undecodable": [],
        "orphans": 1,
        "removed": 0,
    }
    file_of(workspace, ids[0]).unlink()
    spoil(file_of(workspace, ids[1]))
    found = inspect(workspace)
    assert told(found) == {
        ids[0]: ("it is missing", None),
        ids[1]: ("its bytes were altered", None),
    }
    assert told(inspect(workspace, thorough=False)) == {ids[0]: ("it is missing", None)}
    assert not found.as_dict()["ok"]
    assert workspace.blobs.exists(orphan)
    assert workspace.sample(ids[0]).findings == ()


def test_a_repair_brings_back_what_an_archive_holds(workspace: Workspace, fill: Filled) -> None:
    ids = fill(4)
    archive(workspace, ids=ids, name="old")
    restore(workspace, "old")
    file_of(workspace, ids[0]).unlink()
    spoil(file_of(workspace, ids[1]))
    found = inspect(workspace, repair=True)
    assert told(found) == {
        ids[0]: ("it is missing", "the archive old"),
        ids[1]: ("its bytes were altered", "the archive old"),
    }
    assert verify(workspace) == []
    assert inspect(workspace).broken == []


def test_what_cannot_be_brought_back_is_told_at_its_sample(
    workspace: Workspace, fill: Filled, tmp_path: Path
) -> None:
    ids = fill(3)
    copy = copying.copy_to(workspace, tmp_path / "copy")
    file_of(workspace, ids[0]).unlink()
    spoil(file_of(workspace, ids[1]))
    quality = workspace.sample(ids[0]).quality

    assert [one.repaired for one in inspect(workspace, repair=True).broken] == [None, None]
    assert [one.check for one in workspace.sample(ids[0]).findings] == [DAMAGED]
    assert workspace.store.samples.count(SampleFilter(finding=DAMAGED)) == 2
    assert workspace.freeze("mine").counts["train"] + 2 <= 3

    found = inspect(workspace, repair=True, sources=[str(copy.folder)])
    assert len([one for one in found.broken if one.repaired]) == 2
    assert workspace.store.samples.count(SampleFilter(finding=DAMAGED)) == 0
    assert workspace.sample(ids[0]).quality == quality
    assert verify(workspace) == []


def test_files_with_each_others_names_are_set_right(workspace: Workspace, fill: Filled) -> None:
    ids = fill(3)
    first, second, third = (file_of(workspace, one) for one in ids)
    data = first.read_bytes(), second.read_bytes(), third.read_bytes()
    first.write_bytes(data[1])
    second.write_bytes(data[0])
    astray = third.with_name("0" * 62)
    third.rename(astray)
    found = inspect(workspace, repair=True)
    assert {one.repaired for one in found.broken} == {"another name"}
    assert len(found.broken) == 3
    assert (first.read_bytes(), second.read_bytes(), third.read_bytes()) == data


def test_orphans_go_after_a_while_and_backups_keep_theirs(
    workspace: Workspace, fill: Filled
) -> None:
    ids = fill(3)
    backup = backups.create_backup(workspace)
    kept = workspace.sample(ids[0]).media[0].digest
    workspace.store.samples.erase(ids[:1])
    young, old = workspace.blobs.put(b"young"), workspace.blobs.put(b"old")
    before = time.time() - 2 * HOURS
    for digest in (kept, old):
        os.utime(workspace.blobs.path(digest), (before, before))
    assert inspect(workspace).orphans == 2
    found = inspect(workspace, repair=True, older_than=HOURS)
    assert (found.orphans, found.removed) == (2, 1)
    assert workspace.blobs.exists(young)
    assert workspace.blobs.exists(kept)
    assert not workspace.blobs.exists(old)
    shutil.rmtree(backup.folder)
    assert inspect(workspace, repair=True, older_than=HOURS).removed == 1
    with pytest.raises(InvalidInputError, match="too short"):
        inspect(workspace, older_than=10)
    with pytest.raises(InvalidInputError, match="no media"):
        inspect(workspace, sources=["/"])


def test_what_cannot_be_decoded_is_named(workspace: Workspace, fill: Filled) -> None:
    ids = fill(2)
    pair = Path(__file__).parent.parent / "data" / "clients" / "nexvision"
    workspace.import_from("nexvision", pair)
    broken = [
        one.id
        for one in workspace.store.samples.iterate(SampleFilter(modality="image_edit"))
        if any(medium.facts.get("damage") for medium in one.media)
    ]
    assert broken, "the tree holds a picture that was cut off"
    found = inspect(workspace, decode=True)
    assert found.broken == []
    assert [number for number, _ in found.undecodable] == broken
    assert not {*ids} & {number for number, _ in found.undecodable}


def test_an_object_store_is_repaired_from_what_it_left(
    workspace: Workspace, fill: Filled, bucket: str, s3_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    ids = fill(3)
    where = f"s3://{bucket}/media"
    move_blobs(workspace, where)
    assert isinstance(workspace.blobs, S3Blobs)
    digests = [workspace.sample(one).media[0].digest for one in ids]
    assert inspect(workspace).media == 3

    import obstore

    store = workspace.blobs._store
    first, second, _ = (f"sha256/{one[7:9]}/{one[9:]}" for one in digests)
    obstore.delete(store, first)
    obstore.put(store, second, b"other bytes")
    shutil.rmtree(workspace.layout.blob_cache, ignore_errors=True)
    found = inspect(workspace, repair=True)
    assert told(found) == {
        ids[0]: ("it is missing", "the folder blobs"),
        ids[1]: ("its bytes were altered", "the folder blobs"),
    }
    assert inspect(workspace).broken == []
    assert verify(workspace) == []
    # Without the folder, the bucket itself is a place for a workspace on this disk.
    move_blobs(workspace, "")
    file_of(workspace, ids[2]).unlink()
    assert told(inspect(workspace, repair=True, sources=[where])) == {
        ids[2]: ("it is missing", where)
    }
