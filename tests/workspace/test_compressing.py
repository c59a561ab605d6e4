"""Compressing: fewer bytes when asked for, honest about what was there, versions left alone."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from truing import Workspace
from truing.domain.compression import COMPRESSED
from truing.domain.errors import InvalidInputError, NothingToDoError
from truing.domain.sample import Sample, SampleFilter
from truing.modalities.image_edit.pixels import load
from truing.workspace import backups, restoring
from truing.workspace.compressing import compress
from truing.workspace.keeping import verify, verify_dataset

NEXVISION = Path(__file__).parent.parent / "data" / "clients" / "nexvision"
PICTURES = SampleFilter(modality="image_edit")


def pictures(workspace: Workspace) -> list[Sample]:
    """The shared tree of sessions, imported."""
    workspace.import_from("nexvision", NEXVISION)
    return some(workspace)


def some(workspace: Workspace) -> list[Sample]:
    """The first of them, as they are now."""
    return list(islice(workspace.store.samples.iterate(PICTURES), 9))


def difference(one: Path, other: Path) -> float:
    """The mean difference of two pictures' pixels, of 255."""
    import numpy as np

    first, second = (np.asarray(load(path), dtype=float) for path in (one, other))
    return float(np.abs(first - second).mean())


@pytest.mark.parametrize("format", ["jpeg", "webp"])
def test_pictures_get_smaller_and_tell_what_they_were(
    workspace: Workspace, tmp_path: Path, format: str
) -> None:
    before = pictures(workspace)
    old = {medium.digest: medium for sample in before for medium in sample.media}
    files = {one: (tmp_path / one[7:]) for one in old}
    for digest, file in files.items():
        file.write_bytes(workspace.blobs.read(digest))

    ids = [sample.id for sample in before]
    plan = compress(workspace, ids=ids, format=format, quality=70, dry_run=True)
    assert some(workspace) == before
    done = compress(workspace, ids=ids, format=format, quality=70)

    assert {**done.as_dict(), "kept": 0} == plan.as_dict()
    assert 0 < done.after < done.before / 2
    changed = 0
    for was, sample in zip(before, some(workspace), strict=True):
        assert set(was.groups) <= set(sample.groups)
        assert (was.uid, was.state, was.predictions) == (
            sample.uid,
            sample.state,
            sample.predictions,
        )
        for first, medium in zip(was.media, sample.media, strict=True):
            if medium == first:
                continue
            changed += 1
            told = medium.parameters[COMPRESSED]
            assert told == {
                "format": format,
                "quality": 70,
                "digest": first.digest,
                "bytes": first.size,
                "media_type": first.media_type,
            }
            assert medium.media_type == f"image/{format}"
            assert workspace.blobs.path(medium.digest).stat().st_size == medium.size
            size = (medium.facts["width"], medium.facts["height"])
            assert size == (first.facts["width"], first.facts["height"])
            assert not medium.facts["has_gps"]
            assert difference(files[first.digest], workspace.blobs.path(medium.digest)) < 12
    assert changed >= done.media > done.kept
    assert sum(not workspace.blobs.exists(one) for one in old) == done.media - done.kept
    assert verify(workspace) == []
    assert compress(workspace, ids=ids, format=format, quality=70).samples == 0
    assert workspace.import_from("nexvision", NEXVISION).added == 0
    assert workspace.store.events.all()[-2].kind in ("compressed", "imported")


def test_what_a_version_holds_is_left_alone(workspace: Workspace) -> None:
    samples = pictures(workspace)
    for sample in samples[:8]:
        workspace.review(sample.id, "accepted")
    version = workspace.freeze("mine", modality="image_edit")
    done = compress(workspace, ids=[one.id for one in samples], format="webp", quality=60)
    assert done.frozen == sum(version.counts.values())
    frozen = {row.sample_uid for row in workspace.store.datasets.rows(version.ref)}
    now = {one.uid: one for one in workspace.store.samples.iterate(PICTURES)}
    assert all(now[one.uid].media == one.media for one in samples if one.uid in frozen)
    assert verify_dataset(workspace, version.ref) == []
    assert verify(workspace) == []


def test_a_backup_keeps_what_it_lists(workspace: Workspace) -> None:
    before = pictures(workspace)
    backup = backups.create_backup(workspace)
    done = compress(workspace, ids=[one.id for one in before], format="webp", quality=60)
    assert done.kept == done.media > 0
    restoring.restore(workspace, backup.name)
    assert some(workspace) == before
    assert verify(workspace) == []


def test_what_cannot_be_asked_for_is_refused(workspace: Workspace) -> None:
    samples = pictures(workspace)
    with pytest.raises(InvalidInputError, match="name the samples"):
        compress(workspace, SampleFilter(), format="webp", quality=60)
    with pytest.raises(InvalidInputError, match="no quality"):
        compress(workspace, PICTURES, format="webp", quality=0)
    with pytest.raises(InvalidInputError, match="cannot be compressed as `gif`"):
        compress(workspace, ids=[samples[0].id], format="gif", quality=60)
    with pytest.raises(NothingToDoError):
        compress(workspace, SampleFilter(modality="speech"), format="webp", quality=60)
