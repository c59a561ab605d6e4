"""Archiving killed at any moment: each sample is here, or in a whole archive, and never nowhere."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from tests.crash.moments import Moments

from truing import Workspace
from truing.domain.sample import SampleFilter
from truing.workspace import archives
from truing.workspace.archive_places import listed
from truing.workspace.archiving import archive
from truing.workspace.keeping import verify
from truing.workspace.unarchiving import restore

SAMPLES = 6
ROUNDS = 12
_CHILD = """
import os, signal, sys
from truing import Workspace
from truing.domain.sample import SampleFilter
from truing.stores import archive_file, blobs_local, bundle_file
from truing.stores.blobs_local import LocalBlobs
from truing.stores.database.archives import DatabaseArchives
from truing.workspace import archives
from truing.workspace.archive_places import listed
from truing.workspace.archiving import archive
from truing.workspace.unarchiving import restore

folder, deed, where, moment = sys.argv[1:]

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def wrapped(owner, name):
    kept = getattr(owner, name)
    calls = []

    def one(*args, **named):
        calls.append(1)
        if moment == "before" and len(calls) == 2:
            die()
        result = kept(*args, **named)
        if moment == "after" and len(calls) == 2:
            die()
        return result

    setattr(owner, name, one)

if where:
    owner, name = where.split(".")
    wrapped(globals()[owner], name)
with Workspace.open(folder, environ={}, flags={"archive.size_mb": "0.03"}) as workspace:
    print("begin", flush=True)
    if deed == "archive":
        archive(workspace, SampleFilter(modality="speech"), name="old")
    else:
        for one in listed(workspace):
            restore(workspace, one.name)
    print("end", flush=True)
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a few reviewed samples."""
    folder = tmp_path_factory.mktemp("prepared") / "ws"
    with Workspace.create(folder, rng=random.Random(7), environ={}) as workspace:
        for seed in range(SAMPLES):
            sound = np.random.default_rng(seed).normal(0, 2000, 8000).astype(np.int16)
            added = workspace.capture("speech", audio=(sound, 16000), raw=f"said {seed}")
            assert added is not None
            workspace.review(added.id, "corrected", f"truth {seed}")
    return folder


def started(folder: Path, deed: str, where: str = "", moment: str = "") -> subprocess.Popen[str]:
    """The command in a process of its own."""
    command = [sys.executable, "-c", _CHILD, str(folder), deed, where, moment]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def truths(workspace: Workspace) -> dict[str, str | None]:
    """What is true of each sample that is here, by uid."""
    where = SampleFilter(modality="speech")
    return {one.uid: one.truth for one in workspace.store.samples.iterate(where)}


def check(folder: Path, whole: dict[str, str | None]) -> None:
    """Looks that nothing is lost, then brings everything back."""
    with Workspace.open(folder, environ={}) as workspace:
        assert verify(workspace) == []
        here = truths(workspace)
        assert archives.verify(workspace).problems == ()
        assert list(folder.rglob("*.tmp")) == []
        known = listed(workspace)
        away = {
            packed.uid: packed.sample["truth"]
            for one in known
            for packed in archives.contents(workspace, one.name).samples
        }
        assert here | away == whole
        files = {place.stem for place in workspace.layout.archives.glob("*.tar")}
        assert files == {one.name for one in known}
        archive(workspace, SampleFilter(modality="speech"))
        assert truths(workspace) == {}
        for one in listed(workspace):
            restore(workspace, one.name)
        assert truths(workspace) == whole
        assert verify(workspace) == []


@pytest.mark.parametrize(
    ("deed", "where", "moment"),
    [
        ("archive", "DatabaseArchives.begin", "after"),
        ("archive", "archive_file._add_blob", "after"),
        ("archive", "archive_file.write", "after"),
        ("archive", "DatabaseArchives.take", "before"),
        ("archive", "DatabaseArchives.take", "after"),
        ("archive", "blobs_local._doomed", "after"),
        ("archive", "LocalBlobs.discard", "before"),
        ("archive", "LocalBlobs.discard", "after"),
        ("restore", "LocalBlobs.put_file", "after"),
        ("restore", "DatabaseArchives.put_back", "after"),
    ],
)
def test_killed_at_a_step(
    prepared: Path, tmp_path: Path, deed: str, where: str, moment: str
) -> None:
    folder = tmp_path / "ws"
    shutil.copytree(prepared, folder)
    with Workspace.open(folder, environ={}, flags={"archive.size_mb": "0.03"}) as workspace:
        whole = truths(workspace)
        if deed == "restore":
            archive(workspace, SampleFilter(modality="speech"), name="old")
            assert len(listed(workspace)) > 1
    with started(folder, deed, where, moment) as process:
        said, _ = process.communicate(timeout=120)
    assert (said, process.returncode) == ("begin\n", -signal.SIGKILL)
    check(folder, whole)


@pytest.mark.slow
@pytest.mark.parametrize("deed", ["archive", "restore"])
def test_killed_at_any_moment(prepared: Path, tmp_path: Path, deed: str) -> None:
    shutil.copytree(prepared, tmp_path / "begun")
    with Workspace.open(
        tmp_path / "begun", environ={}, flags={"archive.size_mb": "0.03"}
    ) as workspace:
        whole = truths(workspace)
        if deed == "restore":
            archive(workspace, SampleFilter(modality="speech"), name="old")
    shutil.copytree(tmp_path / "begun", tmp_path / "timed")
    with started(tmp_path / "timed", deed) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begin\n"
        begin = time.monotonic()
        assert process.stdout.readline() == "end\n"
        moments = Moments(time.monotonic() - begin)
    for number in range(ROUNDS):
        folder = tmp_path / f"round {number}"
        shutil.copytree(tmp_path / "begun", folder)
        with started(folder, deed) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "begin\n"
            moments.kill(process)
        check(folder, whole)
    assert moments.unfinished >= ROUNDS // 3, "too few were killed half way to mean anything"
