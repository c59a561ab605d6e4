"""NexVision's folder beside a workspace: what is posted stands in it, sooner or later."""

from __future__ import annotations

import json
import logging
import os
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from truing import Workspace
from truing.domain.sample import Sample, SampleFilter
from truing.formats.nexvision_tree import STALE_SECONDS
from truing.testing.marker_search import find_marker
from truing.workspace import housekeeping, nexvision_folder, nexvision_view, trash
from truing.workspace.compressing import compress
from truing.workspace.forgetting import would_forget
from truing.workspace.keeping import Check, doctor

SOURCE = Path(__file__).parents[1] / "data" / "clients" / "nexvision" / "training-data"
FIRST, SECOND = (SOURCE / f"session-2026-11-20T09-49-36-{stamp}" for stamp in ("051Z", "107Z"))
Open = Callable[..., Workspace]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return tmp_path / "app" / "training-data"


@pytest.fixture
def opened(tmp_path: Path, tree: Path) -> Iterator[Open]:
    """Opens a workspace, beside which a folder is written."""
    with ExitStack() as stack:

        def start(name: str = "ws", *, folder: str | None = None) -> Workspace:
            place = tmp_path / name
            tree.parent.mkdir(exist_ok=True)
            Workspace.create(place, environ={}).close()
            flags = {
                "image_edit.find_faces": "false",
                nexvision_folder.KEY: str(tree) if folder is None else folder,
            }
            made = Workspace.open(place, flags=flags, environ={}, rng=random.Random(7))
            return stack.enter_context(made)

        yield start


def post(workspace: Workspace, place: Path = FIRST, **changes: object) -> Sample:
    """Keeps a pair as the app posts it."""
    files = {
        role: next(place.glob(f"{word}-*.jpg")).read_bytes()
        for role, word in (("original", "original"), ("edited", "reimagined"))
    }
    given = {**files, "instruction": "make it brighter ", **changes}
    stored = nexvision_view.store(workspace, nexvision_view.Pair(**given), actor="ada")  # type: ignore[arg-type]
    assert stored is not None
    return workspace.sample(stored.sample.id)


def told(workspace: Workspace) -> Check:
    return next(one for one in doctor(workspace) if one.name == "nexvision folder")


def test_nothing_is_written_where_no_folder_is_set(opened: Open, tree: Path) -> None:
    workspace = opened(folder="")
    post(workspace)
    assert not tree.exists()
    assert nexvision_folder.health(workspace) is None
    assert nexvision_folder.catch_up(workspace) == 0
    assert [one for one in doctor(workspace) if one.name == "nexvision folder"] == []


def test_a_posted_pair_stands_in_the_folder(opened: Open, tree: Path) -> None:
    workspace = opened()
    sample = post(workspace, contact="Ada@example.org")
    session = str(sample.source_key)
    place, stamp = tree / session, session.removeprefix("session-")
    for word, role in (("original", "original"), ("reimagined", "edited")):
        medium = sample.media_by_role(role)
        assert medium is not None
        written = (place / f"{word}-{stamp}.jpg").read_bytes()
        assert written == workspace.blobs.read(medium.digest)
    said = json.loads((place / f"metadata-{stamp}.json").read_bytes())
    real = json.loads(next(FIRST.glob("metadata-*.json")).read_bytes())
    assert list(said) == list(real), "the same fields in the same order"
    assert (said["instruction"], said["userEmail"]) == ("make it brighter ", "anonymous")
    assert said["originalSize"] == (place / said["originalFilename"]).stat().st_size
    assert json.loads((tree / "training-log.jsonl").read_bytes()) == said
    assert (told(workspace).ok, told(workspace).says) == (True, f"{tree}: has every session")


def test_the_folder_and_the_workspace_hold_the_same(opened: Open, tree: Path) -> None:
    workspace = opened()
    samples = [post(workspace), post(workspace, SECOND)]
    again = workspace.import_from("nexvision", tree)
    assert (again.added, again.skipped, again.failed) == (0, 2, 0)
    other = opened("other", folder="")
    assert other.import_from("nexvision", tree).added == 2
    brought = list(other.store.samples.iterate(SampleFilter()))
    for one, sample in zip(brought, samples, strict=True):
        assert (one.source, one.source_key, one.captured_at, one.context) == (
            *(sample.source, sample.source_key),
            *(sample.captured_at, sample.context),
        )
        assert one.raw is not None
        assert sample.raw is not None
        assert one.raw.text == sample.raw.text
        assert [medium.digest for medium in one.media] == [m.digest for m in sample.media]


def test_a_relative_folder_lies_in_the_workspace(opened: Open) -> None:
    workspace = opened(folder="training-data")
    sample = post(workspace)
    assert (workspace.layout.root / "training-data" / str(sample.source_key)).is_dir()


def test_a_name_in_the_folder_is_not_given_again(
    opened: Open, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = opened()
    monkeypatch.setattr(nexvision_view, "_STAMPS", nexvision_view._Stamps())
    now = workspace.clock.now() // 1000 * 1000
    taken = nexvision_view.key_at(now)
    (tree / taken).mkdir(parents=True)

    class Still:
        def now(self) -> int:
            return now

    workspace.clock = Still()
    sample = post(workspace)
    assert sample.source_key == nexvision_view.key_at(now + 1000)
    assert list((tree / taken).iterdir()) == []


def test_what_is_refused_leaves_no_trace(opened: Open, tree: Path) -> None:
    workspace = opened()
    post(workspace)
    before = sorted(tree.rglob("*"))
    with pytest.raises(ValueError, match="SVG"):
        post(workspace, edited=b"<svg/>")
    assert sorted(tree.rglob("*")) == before


# --- a folder that cannot be written -------------------------------------------------------------


def test_a_folder_that_is_gone_loses_nothing(
    opened: Open, tree: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = opened()
    first = post(workspace)
    tree.parent.rename(tree.parent.with_name("unplugged"))
    monkeypatch.setattr(logging.getLogger("truing"), "propagate", True)
    with caplog.at_level("WARNING"):
        missed = [post(workspace, SECOND), post(workspace)]
    assert all(str(one.source_key) in caplog.text for one in missed)
    assert all(workspace.sample(one.id).media == one.media for one in missed)
    check = told(workspace)
    assert not check.ok
    assert "cannot be written" in check.says
    assert check.hint is not None
    assert nexvision_folder.catch_up(workspace) == 0

    tree.parent.with_name("unplugged").rename(tree.parent)
    assert "2 sessions are still to be written" in told(workspace).says
    housekeeping.due(workspace)
    assert told(workspace).ok
    sessions = {str(one.source_key) for one in (first, *missed)}
    assert {one.name for one in tree.iterdir() if one.is_dir()} == sessions
    lines = (tree / "training-log.jsonl").read_bytes().splitlines()
    assert {json.loads(line)["sessionId"] for line in lines} == sessions
    assert workspace.import_from("nexvision", tree).added == 0


def test_a_session_that_was_forgotten_meanwhile_is_not_written(opened: Open, tree: Path) -> None:
    workspace = opened()
    tree.parent.rmdir()
    sample = post(workspace)
    assert len(list((workspace.layout.root / nexvision_folder.BEHIND).iterdir())) == 1
    workspace.forget(ids=[sample.id])
    tree.parent.mkdir()
    assert nexvision_folder.catch_up(workspace) == 0
    assert not tree.exists()
    assert told(workspace).ok


def test_a_claim_without_a_sample_is_given_back(opened: Open, tree: Path) -> None:
    workspace = opened()
    post(workspace)
    claim = tree / ".session-2026-11-21T00-00-00-000Z.partial"
    (claim / "session-2026-11-21T00-00-00-000Z").mkdir(parents=True)
    assert nexvision_folder.catch_up(workspace) == 0
    assert claim.exists(), "somebody may be at it"
    long_ago = claim.stat().st_mtime - STALE_SECONDS - 1
    os.utime(claim, (long_ago, long_ago))
    assert "1 session is still to be written" in told(workspace).says
    nexvision_folder.catch_up(workspace)
    assert not claim.exists()
    assert told(workspace).ok


def test_only_one_catches_up(opened: Open, tree: Path) -> None:
    workspace = opened()
    tree.parent.rmdir()
    post(workspace)
    tree.parent.mkdir()
    lock = nexvision_folder.FileLock(workspace.layout.root / nexvision_folder.LOCK)
    assert lock.acquire()
    try:
        assert nexvision_folder.catch_up(workspace) == 0
    finally:
        lock.release()
    assert nexvision_folder.catch_up(workspace) == 1


# --- deletion ------------------------------------------------------------------------------------


def test_a_forgotten_person_is_forgotten_there_too(opened: Open, tree: Path) -> None:
    workspace = opened()
    marker = "zebra-violet-47"
    post(workspace, contact="ada@example.org", instruction=f"{marker} please")
    other = post(workspace, SECOND)
    assert find_marker(tree, marker)
    expected = f"{tree}: 1 session"
    assert expected in would_forget(workspace, contact="ADA@example.org").exports
    assert find_marker(tree, marker), "nothing has happened yet"
    assert expected in workspace.forget(contact="ada@example.org").exports
    assert find_marker(tree, marker) == []
    assert find_marker(workspace.layout.root, marker) == []
    assert [one.name for one in tree.iterdir() if one.is_dir()] == [other.source_key]


def test_compressed_pictures_are_forgotten_there_too(opened: Open, tree: Path) -> None:
    workspace = opened()
    sample = post(workspace)
    before = {one.digest for one in sample.media}
    compress(workspace, ids=[sample.id], format="webp", quality=30)
    assert before - {one.digest for one in workspace.sample(sample.id).media}, "it took effect"
    workspace.forget(ids=[sample.id])
    assert not (tree / str(sample.source_key)).exists()
    assert (tree / "training-log.jsonl").read_bytes() == b""


def test_emptied_trash_leaves_the_folder(opened: Open, tree: Path) -> None:
    workspace = opened()
    sample = post(workspace)
    workspace.delete(ids=[sample.id])
    assert (tree / str(sample.source_key)).is_dir(), "it can still be taken back"
    trash.empty(workspace)
    assert not (tree / str(sample.source_key)).exists()
    assert (tree / "training-log.jsonl").read_bytes() == b""


def test_a_foreign_name_erases_nothing_of_others(opened: Open, tree: Path) -> None:
    workspace = opened()
    sample = post(workspace)
    impostor = workspace.capture(
        "image_edit",
        original=next(SECOND.glob("original-*.jpg")),
        edited=next(SECOND.glob("reimagined-*.jpg")),
        raw="x",
        source="contributor/eve",
        source_key=sample.source_key,
    )
    assert impostor is not None
    workspace.forget(ids=[impostor.id])
    assert (tree / str(sample.source_key)).is_dir()
