"""Forgetting: no byte of the workspace holds what was forgotten, and versions still verify."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from truing import Workspace
from truing.domain.errors import InvalidInputError, NotFoundError
from truing.domain.sample import SampleFilter
from truing.workspace.keeping import verify, verify_dataset

Filled = Callable[..., list[int]]
MARKER = "xyzzyplughmarker"


def files_with(folder: Path, *needles: bytes) -> list[str]:
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and any(needle in path.read_bytes() for needle in needles)
    ]


def marked(workspace: Workspace, tmp_path: Path) -> int:
    """A sample whose marker is in every place a text can be in."""
    noise = np.random.default_rng(3).normal(0, 2000, 16000).astype(np.int16)
    added = workspace.capture(
        "speech",
        audio=(noise, 16000),
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


def test_no_byte_of_the_workspace_holds_the_marker(
    workspace: Workspace, fill: Filled, tmp_path: Path
) -> None:
    fill(12)
    number = marked(workspace, tmp_path)
    version = workspace.freeze("mine")
    workspace.export("jsonl")
    workspace.export("audiofolder", dataset="mine@1")
    blob = workspace.blobs.path(workspace.sample(number).media[0].digest)
    root = workspace.layout.root
    assert len(files_with(root, MARKER.encode())) >= 3, "the marker must be findable at first"

    told = workspace.forget(ids=[number])

    assert (told.samples, told.blobs) == (1, 1)
    assert told.versions == ("mine@1",)
    assert len(told.exports) == 2
    assert files_with(root, MARKER.encode(), MARKER.encode("utf-16-le")) == []
    assert not blob.exists()
    assert verify_dataset(workspace, version.ref) == []
    assert workspace.store.datasets.get(version.ref).forgotten == 1
    assert verify(workspace) == []
    with pytest.raises(NotFoundError):
        workspace.sample(number)


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
