"""Forgetting who handed in pictures: not a byte of them stays in the workspace."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from truing import Workspace
from truing.domain.errors import NotFoundError, NothingToDoError
from truing.domain.sample import SampleFilter
from truing.testing.marker_search import find_marker
from truing.workspace import backups
from truing.workspace.archiving import archive
from truing.workspace.forgetting import would_forget
from truing.workspace.keeping import verify
from truing.workspace.nexvision_view import Pair, store

MARKER = "xyzzyplughmarker"
ADDRESS = f"{MARKER}@example.org"
FORMATS = ("nexvision", "imagefolder", "parquet", "webdataset", "jsonl", "csv")
TREE = "training-data"


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """A new workspace with NexVision's folder in it."""
    Workspace.create(tmp_path / "ws", environ={}).close()
    flags = {"image_edit.nexvision_folder": TREE}
    with Workspace.open(tmp_path / "ws", flags=flags, environ={}) as opened:
        yield opened


def pixels(seed: int, *, marked: bool) -> Image.Image:
    """Coarse noise of 320 x 256 pixels; the marker's bytes are a run of grey levels in it."""
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 10), dtype=np.uint8)
    made = coarse.repeat(32, axis=0).repeat(32, axis=1)
    if marked:
        made[100, 50 : 50 + len(MARKER)] = list(MARKER.encode())
    return Image.fromarray(made)


def png(seed: int, *, marked: bool) -> bytes:
    """With the marker in a packed text and in pixels."""
    info = PngInfo()
    if marked:
        info.add_text("Author", f"made by {MARKER} " * 20, zip=True)
    kept = io.BytesIO()
    pixels(seed, marked=marked).save(kept, "PNG", pnginfo=info)
    return kept.getvalue()


def jpeg(seed: int, *, marked: bool) -> bytes:
    """With the marker in EXIF and in a comment."""
    exif = Image.Exif()
    comment = b""
    if marked:
        exif[0x010E] = f"taken at the home of {MARKER}"
        comment = MARKER.encode()
    kept = io.BytesIO()
    pixels(seed, marked=False).save(kept, "JPEG", exif=exif, comment=comment, quality=90)
    return kept.getvalue()


def handed_in(workspace: Workspace, seed: int, *, marked: bool) -> list[int]:
    """Three samples: two results of one moment, and one that NexVision posted; all decided."""
    said = f"paint the sky over {MARKER} number {seed}" if marked else f"paint sky number {seed}"
    contact = ADDRESS if marked else f"other{seed}@example.org"
    several = workspace.capture(
        "image_edit",
        original=jpeg(seed, marked=marked),
        edited=[png(seed + 1, marked=marked), png(seed + 2, marked=marked)],
        chosen=1,
        raw=said,
        contact=contact,
        context={"page": said},
        rating=4,
        rating_reason=said,
        sampling="wholesale",
    )
    pair = Pair(
        original=jpeg(seed + 3, marked=marked),
        edited=png(seed + 4, marked=marked),
        instruction=f"{said} again",
        contact=contact,
    )
    posted = store(workspace, pair, actor="app")
    assert several is not None
    assert posted is not None
    numbers = [*several.results, posted.sample.id]
    workspace.review(numbers[0], "rejected", why=said)
    workspace.review(numbers[1], "accepted")
    workspace.review(numbers[2], "corrected", f"{said}, please")
    return numbers


def places(workspace: Workspace) -> set[str]:
    """The first two parts of each place where the marker is."""
    hits = find_marker(workspace.layout.root, MARKER)
    return {"/".join(hit.path.partition("!")[0].split("/")[:2]) for hit in hits}


def test_no_byte_of_a_person_stays(workspace: Workspace) -> None:
    others = [handed_in(workspace, seed, marked=False) for seed in (100, 200, 300)]
    theirs = [handed_in(workspace, seed, marked=True) for seed in (400, 500, 600)]
    workspace.freeze("mine", modality="image_edit", test_share=0.2)
    exports = {workspace.export(name, dataset="mine@1").name for name in FORMATS}
    exports |= {workspace.export(name).name for name in ("nexvision", "jsonl")}
    workspace.export("parquet", where=SampleFilter(text="number 100"))
    mixed = archive(workspace, ids=[*theirs[1], others[1][0]])
    alone = archive(workspace, ids=theirs[2])
    backup = backups.create_backup(workspace)
    workspace.delete(ids=[theirs[0][0]])
    # The search sees them all: in each kind of export, in both archives, in the backup.
    before = places(workspace)
    assert {f"exports/{name}" for name in exports} <= before
    assert {f"backups/{backup.name}"} <= before
    assert len({one for one in before if one.startswith("archives/")}) == 2
    assert any(one.startswith(TREE) for one in before)
    hows = {hit.how for hit in find_marker(workspace.layout.root, MARKER)}
    assert {"bytes", "picture", "table", "search index", "parquet"} <= {
        how.partition(" ")[0] if how.startswith("parquet") else how for how in hows
    }

    plan = would_forget(workspace, contact=ADDRESS)
    receipt = workspace.forget(contact=ADDRESS.upper())

    assert places(workspace) == set()
    assert receipt.samples == plan.samples == 9
    assert receipt.versions == plan.versions == ("mine@1",)
    assert {f"exports/{name}" for name in exports} <= set(receipt.exports)
    assert set(receipt.exports) == set(plan.exports)
    assert set(receipt.archives) == {*mixed.archives, *alone.archives} == set(plan.archives)
    assert receipt.backups == plan.backups == (backup.name,)
    assert MARKER not in repr(receipt)
    with pytest.raises(NotFoundError):
        workspace.forget(contact=ADDRESS)
    # What others handed in is there, whole.
    left = [one.id for one in workspace.store.samples.iterate(SampleFilter())]
    assert left == sorted({number for each in others for number in each} - {others[1][0]})
    assert verify(workspace) == []
    assert [one.name for one in workspace.layout.exports.iterdir() if one.name in exports] == []
    assert any(one.name.startswith("samples-parquet") for one in workspace.layout.exports.iterdir())
    assert len(list((workspace.layout.root / TREE).glob("session-*"))) == 3


def test_a_person_who_shares_a_picture_with_another(workspace: Workspace) -> None:
    """The same bytes, handed in by two people, stay with the one who was not forgotten."""
    shared = jpeg(1, marked=False)
    for contact in (ADDRESS, "other@example.org"):
        workspace.capture(
            "image_edit",
            original=shared,
            edited=png(len(contact), marked=False),
            raw="paint it",
            contact=contact,
        )
    workspace.capture("image_edit", original=shared, edited=png(9, marked=False), subject="ann")
    receipt = workspace.forget(contact=ADDRESS)
    assert (receipt.samples, receipt.blobs) == (1, 1)
    receipt = workspace.forget(subject="ann")
    assert (receipt.samples, receipt.blobs) == (1, 1)
    (left,) = workspace.store.samples.iterate(SampleFilter())
    assert workspace.blobs.read(left.media[0].digest) == shared
    assert json.dumps(dict(left.context)) == "{}"


def test_exports_elsewhere_are_named(workspace: Workspace, tmp_path: Path) -> None:
    """They are their owner's: the receipt says where they are, and nothing there is touched."""
    theirs = handed_in(workspace, 400, marked=True)
    handed_in(workspace, 100, marked=False)
    target = tmp_path / "out"
    theirs_there = {str(target / name) for name in ("parquet", "nexvision", "mine.jsonl")}
    for place in sorted(theirs_there):
        workspace.export(Path(place).suffix[1:] or Path(place).name, place)
    workspace.export("jsonl", target / "others.jsonl", where=SampleFilter(text="number 100"))
    workspace.export("csv", target / "gone.csv")
    (target / "gone.csv").unlink()
    with pytest.raises(NothingToDoError):
        workspace.export("jsonl", target / "none.jsonl", where=SampleFilter(text="nothing"))
    held = find_marker(target, MARKER)
    assert held
    plan = would_forget(workspace, contact=ADDRESS)
    told = workspace.forget(contact=ADDRESS)
    assert set(told.exports_elsewhere) == set(plan.exports_elsewhere) == theirs_there
    assert sum(any(place in one for place in theirs_there) for one in told.reminders) == 3
    assert find_marker(target, MARKER) == held
    assert find_marker(workspace.layout.root, MARKER) == []
    assert told.samples == len(theirs)
    last = workspace.forget(contact="other100@example.org")
    assert str(target / "others.jsonl") in last.exports_elsewhere
    assert str(target / "gone.csv") not in last.exports_elsewhere
