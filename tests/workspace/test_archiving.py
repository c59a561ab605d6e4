"""Archives: what left comes back as it was, what was forgotten never does."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from truing import Workspace
from truing.domain.archive import Packed
from truing.domain.errors import ConflictError, DamagedError, InvalidInputError, NotFoundError
from truing.domain.sample import SampleFilter
from truing.testing.marker_search import find_marker
from truing.workspace import archives, backups, restoring, trash, verifying
from truing.workspace.archive_contents import holding_media
from truing.workspace.archive_places import listed
from truing.workspace.archiving import archive
from truing.workspace.folder import Layout
from truing.workspace.forgetting import would_forget
from truing.workspace.keeping import verify, verify_dataset
from truing.workspace.moving_blobs import move_blobs
from truing.workspace.unarchiving import restore

Filled = Callable[..., list[int]]
NEXVISION = Path(__file__).parent.parent / "data" / "clients" / "nexvision"
SEVEN = next((Path(__file__).parent.parent / "data" / "speech" / "digits").glob("**/7_*"))
MARKER = "xyzzyplughmarker"
MAIL = f"{MARKER}@example.org"


def everything(workspace: Workspace) -> list[Packed]:
    """All rows of all samples that are not in the trash."""
    ids = [sample.id for sample in workspace.store.samples.iterate(SampleFilter())]
    return workspace.store.archives.pack(ids)


def pictures(workspace: Workspace) -> list[int]:
    """The shared tree of sessions, imported, and decided on in many ways."""
    workspace.import_from("nexvision", NEXVISION)
    ids = [sample.id for sample in workspace.store.samples.iterate(SampleFilter())]
    workspace.review(ids[0], "accepted", actor="ada")
    workspace.review(ids[1], "corrected", "make it red", why="it was blue")
    workspace.undo()
    workspace.review(ids[1], "corrected", "make it green")
    workspace.review(ids[2], "rejected")
    workspace.rate(ids[0], 4, "sharp")
    workspace.rate(ids[0], 2)
    workspace.store.samples.redescribe(ids[:3], lambda _, held: replace(held, tags=("sea", "warm")))
    workspace.store.samples.mark_trained([workspace.sample(ids[3]).uid])
    return ids


def blobs(workspace: Workspace) -> set[str]:
    """What is kept here of media."""
    return set(workspace.blobs.digests())


def test_what_comes_back_is_what_left(workspace: Workspace) -> None:
    ids = pictures(workspace)
    before, media = everything(workspace), blobs(workspace)
    samples = workspace.store.samples.by_ids(ids)
    counts = workspace.store.samples.state_counts()
    red = workspace.store.samples.count(SampleFilter(text="green"))
    assert red

    done = archive(workspace, ids=ids[:20])

    assert (done.samples, len(done.archives), done.left) == (20, 1, [])
    assert len(everything(workspace)) == 7
    assert done.freed > 1_000_000
    assert len(blobs(workspace)) < len(media)
    assert verify(workspace) == []
    assert archives.verify(workspace).problems == ()
    assert workspace.store.samples.count(SampleFilter(text="green")) < red

    back = restore(workspace, done.archives[0])

    assert back.ids == tuple(ids[:20])
    assert everything(workspace) == before
    assert workspace.store.samples.by_ids(ids) == samples
    assert blobs(workspace) == media
    assert workspace.store.samples.state_counts() == counts
    assert workspace.store.samples.count(SampleFilter(text="green")) == red
    assert workspace.store.samples.count(SampleFilter(tag="sea")) == 3
    assert verify(workspace) == []
    fresh = workspace.review(ids[5], "rejected").revision.id
    assert fresh > max(row["id"] for one in before for row in one.revisions)


def test_twice_changes_nothing(workspace: Workspace) -> None:
    ids = pictures(workspace)
    where = SampleFilter(source="nexvision")
    assert archive(workspace, where, dry_run=True).samples == 27
    assert len(everything(workspace)) == 27
    name = archive(workspace, where).archives[0]
    again = archive(workspace, where)
    assert (again.samples, again.archives) == (0, [])
    assert archive(workspace, ids=ids[:2]).already == 2
    imported = workspace.import_from("nexvision", NEXVISION)
    assert (imported.added, imported.skipped) == (0, 27)
    assert restore(workspace, name, ids=ids[:1]).ids == (ids[0],)
    assert len(restore(workspace, name).ids) == 26
    whole = everything(workspace)
    assert restore(workspace, name).present == 27
    assert everything(workspace) == whole


def test_a_large_selection_becomes_several_archives(workspace: Workspace, fill: Filled) -> None:
    with Workspace.open(
        workspace.layout.root, flags={"archive.size_mb": "0.02"}, environ={}
    ) as opened:
        ids = fill(8)
        done = archive(opened, ids=ids, name="old")
        assert done.archives[:2] == ["old", "old-2"]
        assert done.samples == 8
        sizes = [one.samples for one in listed(opened)]
        assert sum(sizes) == 8
        for name in done.archives:
            restore(opened, name)
        assert len(everything(opened)) == 8


def test_a_frozen_version_stays_whole(workspace: Workspace, fill: Filled) -> None:
    ids = fill(10)
    version = workspace.freeze("mine")
    done = archive(workspace, ids=ids)
    assert done.versions == ("mine@1",)
    assert (done.kept, done.freed) == (10, 0)
    assert verify_dataset(workspace, version.ref) == []
    target = workspace.export("audiofolder", dataset="mine@1")
    assert len(list(target.rglob("*.wav")) + list(target.rglob("*.flac"))) == 10

    told = workspace.forget(ids=ids[:1])

    assert (told.samples, told.versions, told.archives) == (1, ("mine@1",), tuple(done.archives))
    assert len(blobs(workspace)) == 9
    assert verify(workspace) == []


def test_no_byte_is_left_of_whom_was_forgotten(workspace: Workspace, fill: Filled) -> None:
    fill(3)
    marked = workspace.capture(
        "speech",
        audio=SEVEN,
        raw=f"{MARKER} raw",
        subject=f"{MARKER}-speaker",
        session=f"{MARKER}-session",
        context={"note": MARKER},
        source_key=f"{MARKER}-key",
        contact=MAIL,
        sampling="wholesale",
    )
    assert marked is not None
    workspace.review(marked.id, "corrected", f"{MARKER} truth", why=MARKER)
    workspace.rate(marked.id, 3, MARKER)
    workspace.freeze("mine")
    backup = backups.create_backup(workspace)
    done = archive(workspace, SampleFilter(modality="speech"), name="all")
    later = backups.create_backup(workspace, "later")
    found = {hit.path for hit in find_marker(workspace.layout.root, MARKER)}
    assert any(one.startswith("archives/all.tar") for one in found), "findable at first"

    plan = would_forget(workspace, contact=MAIL)
    told = workspace.forget(contact=MAIL)

    assert told.samples == plan.samples == 1
    assert told.archives == plan.archives == ("all",)
    assert set(told.backups) == {backup.name, later.name}
    assert find_marker(workspace.layout.root, MARKER) == []
    assert archives.verify(workspace).problems == ()
    assert len(restore(workspace, done.archives[0]).ids) == 3
    assert verify(workspace) == []


@pytest.mark.parametrize("by", ["numbers", "contact"])
def test_what_is_archived_while_somebody_asks_to_forget_it_is_forgotten(
    workspace: Workspace, fill: Filled, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    fill(2)
    numbers = []
    for place in range(2):
        added = workspace.capture(
            "speech", audio=SEVEN, raw=f"{MARKER} {place}", contact=MAIL, source_key=f"{place}"
        )
        assert added is not None
        numbers.append(added.id)
    holding = backups.holding

    def another_was_first(layout: Layout) -> AbstractContextManager[None]:
        monkeypatch.undo()
        archive(workspace, ids=numbers[1:], name="meanwhile")
        return holding(layout)

    monkeypatch.setattr(backups, "holding", another_was_first)
    told = workspace.forget(ids=numbers) if by == "numbers" else workspace.forget(contact=MAIL)
    assert (told.samples, told.archives) == (2, ("meanwhile",))
    assert find_marker(workspace.layout.root, MARKER) == []
    assert find_marker(workspace.layout.root, MAIL) == []
    assert workspace.store.archives.by_ids(numbers) == []


def test_an_archive_that_was_carried_off_is_cleaned_when_it_comes_back(
    workspace: Workspace, fill: Filled, tmp_path: Path
) -> None:
    ids = fill(6)
    version = workspace.freeze("mine")
    archive(workspace, ids=ids, name="old")
    place = workspace.layout.archives / "old.tar"
    place.rename(tmp_path / "elsewhere.tar")
    copy = shutil.copyfile(tmp_path / "elsewhere.tar", tmp_path / "copy.tar")
    assert archives.verify(workspace).problems

    told = workspace.forget(ids=ids[:2])

    assert (told.samples, told.archives, told.archives_elsewhere) == (2, (), ("old",))
    assert any("`old`" in one for one in told.reminders)
    assert (told.versions, len(blobs(workspace))) == (("mine@1",), 4)
    assert verify_dataset(workspace, version.ref) == []
    with pytest.raises(NotFoundError, match="not at"):
        restore(workspace, "old")
    assert archives.verify(workspace, str(tmp_path / "elsewhere.tar")).forgotten == 2
    assert archives.verify(workspace).problems == ()
    back = restore(workspace, str(copy))
    assert (len(back.ids), back.forgotten) == (4, 2)
    assert restore(workspace, "old").present == 4
    with pytest.raises(NotFoundError):
        workspace.sample(ids[0])


def test_a_damaged_archive_does_not_stop_forgetting(workspace: Workspace, fill: Filled) -> None:
    ids = fill(4)
    for name, some in (("one", ids[:2]), ("two", ids[2:])):
        archive(workspace, ids=some, name=name)
    place = workspace.layout.archives / "one.tar"
    data = place.read_bytes()
    place.write_bytes(data[: len(data) // 3])
    told = workspace.forget(ids=[ids[0], ids[2]])
    assert (told.samples, told.archives, told.archives_elsewhere) == (2, ("two",), ("one",))
    place.write_bytes(data)
    back = restore(workspace, "one")
    assert (back.ids, back.forgotten) == ((ids[1],), 1)
    assert len(restore(workspace, "two").ids) == 1


def test_a_workspace_that_moves_finds_its_archives(
    workspace: Workspace, fill: Filled, tmp_path: Path
) -> None:
    ids = fill(2)
    archive(workspace, ids=ids, name="old")
    workspace.close()
    shutil.move(workspace.layout.root, tmp_path / "moved")
    with Workspace.open(tmp_path / "moved", environ={}) as moved:
        assert archives.verify(moved).problems == ()
        assert moved.forget(ids=ids[:1]).archives == ("old",)
        assert restore(moved, "old").ids == (ids[1],)


def test_media_in_an_object_store_are_archived_from_there(
    workspace: Workspace, fill: Filled, bucket: str, s3_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    ids = fill(3)
    move_blobs(workspace, f"s3://{bucket}/media")
    media = blobs(workspace)
    assert archive(workspace, ids=ids, name="old").samples == 3
    assert blobs(workspace) == set()
    assert restore(workspace, "old").ids == tuple(ids)
    assert blobs(workspace) == media
    assert verify(workspace) == []


def test_who_came_again_after_being_forgotten_is_kept(workspace: Workspace, fill: Filled) -> None:
    fill(2, contact=MAIL)
    workspace.forget(contact=MAIL)
    ids = fill(2, contact=MAIL)
    name = archive(workspace, ids=ids).archives[0]
    back = restore(workspace, name)
    assert (back.ids, back.forgotten) == (tuple(ids), 0)


def test_the_newer_archive_counts(workspace: Workspace, fill: Filled) -> None:
    ids = fill(2)
    first = archive(workspace, ids=ids, name="first").archives[0]
    restore(workspace, first)
    workspace.review(ids[0], "corrected", "eleven")
    archive(workspace, ids=ids, name="second")
    assert restore(workspace, first).elsewhere == 2
    restore(workspace, "second")
    assert workspace.sample(ids[0]).truth == "eleven"


def test_another_workspace_takes_an_archive_under_its_own_numbers(
    workspace: Workspace, fill: Filled, tmp_path: Path
) -> None:
    ids = fill(4)
    workspace.review(ids[1], "corrected", "eleven")
    uids = [workspace.sample(one).uid for one in ids]
    archive(workspace, ids=ids, name="old", folder=tmp_path)
    with Workspace.create(tmp_path / "other", environ={}) as other:
        own = other.capture(
            "speech",
            audio=SEVEN,
            raw="own",
        )
        assert own is not None
        back = restore(other, str(tmp_path / "old.tar"))
        assert own.id not in back.ids
        assert [other.sample(one).uid for one in back.ids] == uids
        assert [len(other.history(one)) for one in back.ids] == [1, 2, 1, 1]
        assert other.sample(back.ids[1]).truth == "eleven"
        assert verify(other) == []
        assert restore(other, str(tmp_path / "old.tar")).present == 4
    assert restore(workspace, "old").ids == tuple(ids)


def test_a_backup_from_before_finds_its_media_in_the_archive(
    workspace: Workspace, fill: Filled
) -> None:
    ids = fill(4)
    backup = backups.create_backup(workspace)
    archive(workspace, ids=ids[:3], name="old")
    assert len(blobs(workspace)) == 1

    def held(digests: object) -> set[str]:
        return set().union(*holding_media(workspace, digests).values())  # type: ignore[arg-type]

    assert verifying.verify_backup(backup, workspace.blobs, in_archives=held) == []
    restoring.restore(workspace, backup.name)
    assert len(everything(workspace)) == 4
    assert verify(workspace) == []
    # The database of the backup knows of no archive, its file is there all the same.
    workspace.forget(ids=ids[:1])
    assert (
        len(archives.contents(workspace, str(workspace.layout.archives / "old.tar")).samples) == 2
    )


def test_deleting_an_archive_takes_its_samples_along(workspace: Workspace, fill: Filled) -> None:
    ids = fill(4)
    version = workspace.freeze("mine")
    archive(workspace, ids=ids, name="old")
    restore(workspace, "old", ids=ids[:1])
    assert archives.delete(workspace, "old") == 3
    assert [one.id for one in everything_samples(workspace)] == ids[:1]
    assert len(blobs(workspace)) == 1
    assert verify_dataset(workspace, version.ref) == []
    with pytest.raises(NotFoundError):
        archives.delete(workspace, "old")
    assert verify(workspace) == []


def everything_samples(workspace: Workspace) -> list:  # type: ignore[type-arg]
    """All samples that are not in the trash."""
    return list(workspace.store.samples.iterate(SampleFilter()))


def test_a_sample_without_its_media_stays(workspace: Workspace, fill: Filled) -> None:
    ids = fill(3)
    workspace.blobs.path(workspace.sample(ids[0]).media[0].digest).unlink()
    damaged = workspace.blobs.path(workspace.sample(ids[1]).media[0].digest)
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"?")
    done = archive(workspace, ids=ids)
    assert done.samples == 1
    assert done.left == [(ids[0], "its media are missing"), (ids[1], "its media are damaged")]
    assert [one.id for one in everything_samples(workspace)] == ids[:2]


def test_a_damaged_archive_brings_nothing_back(workspace: Workspace, fill: Filled) -> None:
    ids = fill(3)
    archive(workspace, ids=ids, name="old")
    place = workspace.layout.archives / "old.tar"
    data = place.read_bytes()
    for cut in (len(data) // 2, len(data) - 5000):
        place.write_bytes(data[:cut] + b"?" + data[cut + 1 :])
        with pytest.raises(DamagedError):
            restore(workspace, "old")
        assert archives.verify(workspace).problems
    place.write_bytes(data[: len(data) // 3])
    with pytest.raises(DamagedError):
        restore(workspace, "old")
    assert everything(workspace) == []
    place.write_bytes(data)
    assert len(restore(workspace, "old").ids) == 3


def test_what_was_changed_while_it_was_packed_is_packed_again(
    workspace: Workspace, fill: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = fill(2)
    store = type(workspace.store.archives)
    pack, calls = store.pack, []

    def and_change(self: object, numbers: list[int]) -> list[Packed]:
        packed = pack(self, numbers)  # type: ignore[arg-type]
        if not calls:
            workspace.review(ids[0], "corrected", "eleven")
        calls.append(1)
        return packed

    monkeypatch.setattr(store, "pack", and_change)
    done = archive(workspace, ids=ids, name="old")
    assert (done.archives, len(calls)) == (["old"], 2)
    restore(workspace, "old")
    assert workspace.sample(ids[0]).truth == "eleven"
    assert [one.name for one in workspace.layout.archives.iterdir()] == ["old.tar"]


def test_who_asks_for_nothing_or_the_trash_is_refused(workspace: Workspace, fill: Filled) -> None:
    ids = fill(2)
    with pytest.raises(InvalidInputError, match="name the samples"):
        archive(workspace, SampleFilter())
    with pytest.raises(InvalidInputError, match="cannot name"):
        archive(workspace, ids=ids, name="../up")
    with pytest.raises(NotFoundError, match="no sample `999`"):
        archive(workspace, ids=[999])
    trash.delete(workspace, ids=ids[:1])
    with pytest.raises(ConflictError, match="in the trash"):
        archive(workspace, ids=ids)
    with pytest.raises(NotFoundError, match="no archive `old`"):
        restore(workspace, "old")
