"""The folder of a running app: its clips become samples before it removes them."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from truing import Workspace
from truing.domain.consent import POLICIES
from truing.domain.errors import ConsentError, NotFoundError, NothingToDoError
from truing.workspace.clip_watching import ClipWatch, moment_of

CLIP = next(
    (Path(__file__).parents[1] / "data" / "clients" / "chaplin_samples").rglob("training_*.avi")
)
APP = """
    # In the order of Chaplin: record, close, open the next file, read, remove.
    import sys, time, os
    import cv2, numpy as np
    random = np.random.default_rng(0)
    folder, began, *lengths = sys.argv[1], *map(int, sys.argv[2:])

    def opened(number):
        name = os.path.join(folder, f"webcam{began + number}.mp4")
        size, code = (160, 120), cv2.VideoWriter_fourcc(*"mp4v")
        made = cv2.VideoWriter(name, code, 16, size, False)
        # A clip lasts seconds, and is caught well before it ends, however slow the machine is.
        while not os.path.exists(os.path.join(folder, ".truing-clips", os.path.basename(name))):
            time.sleep(0.004)
        return name, made

    name, out = opened(0)
    for number, length in enumerate(lengths, 1):
        for _ in range(length):
            out.write(random.integers(0, 255, (120, 160), dtype=np.uint8))
        out.release()
        done = name
        name, out = opened(number)
        os.remove(done)  # the model has read it
    os.remove(name)
    out.release()
"""


@pytest.fixture
def workspace(tmp_path):
    with Workspace.create(tmp_path / "ws", environ={}) as made:
        yield made


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "app").mkdir()
    return tmp_path / "app"


def looks(watch):
    """What becomes of clips, look by look, for a minute."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        yield watch.look()
        time.sleep(0.02)
    raise AssertionError("waited too long")


def watched_until(watch, count):
    """Looks until so many samples were kept; their numbers."""
    found = []
    for one in looks(watch):
        found += one.samples
        if len(found) >= count:
            break
    return found


def test_clips_of_a_running_app(workspace, folder):
    program = folder.parent / "app.py"
    program.write_text(textwrap.dedent(APP))
    with ClipWatch(workspace, folder, subject="ann") as watch:
        began = time.time_ns() // 1_000_000
        words = [sys.executable, program, folder, began, 40, 10, 36]
        with subprocess.Popen(list(map(str, words))) as app:
            found = watched_until(watch, 2)
            assert app.wait(timeout=60) == 0
        for last in looks(watch):
            found += last.samples
            if not any((folder / ".truing-clips").iterdir()):
                break
    assert len(found) == 2
    samples = [workspace.sample(number) for number in found]
    assert [one.media[0].facts["frames"] for one in samples] == [40, 36]
    assert {(one.source, one.subject, one.modality) for one in samples} == {
        ("chaplin", "ann", "lipreading")
    }
    assert len({one.session for one in samples}) == 1
    assert [one.captured_at for one in samples] == [began * 1000, (began + 2) * 1000]
    assert [one.consent for one in samples] == [POLICIES["own-use"]] * 2
    assert list(folder.iterdir()) == []


def test_clips_that_stay_are_kept_once(workspace, folder):
    (folder / "webcam1795167825883.avi").write_bytes(CLIP.read_bytes())
    for expected in (1, 0):
        with ClipWatch(workspace, folder) as watch:
            told = (one.outcome for one in looks(watch))
            outcome = next(one for one in told if one.added or one.skipped)
            assert (outcome.added, outcome.skipped) == (expected, 1 - expected)
    assert [one.name for one in folder.iterdir()] == ["webcam1795167825883.avi"]


def test_what_cannot_be_kept_is_told(workspace, folder):
    (folder / "webcam1.mp4").write_bytes(
        b"\x00\x00\x00\x10ftypisom\x00\x00\x00\x00\x00\x00\x00\x08moov"
    )
    (folder / "webcam2.mkv").write_text("a text")
    outcome = []
    with ClipWatch(workspace, folder) as watch:
        for one in looks(watch):
            outcome += one.outcome.failures
            if len(outcome) == 2:
                break
    assert {one.key for one in outcome} == {"webcam1.mp4", "webcam2.mkv"}


def test_settings_that_keep_nothing_are_told_at_once(tmp_path, folder):
    Workspace.create(tmp_path / "ws", environ={}).close()
    for name, value, kind in (
        ("TRUING_CONSENT_POLICY", "off", ConsentError),
        ("TRUING_CAPTURE_MODE", "off", NothingToDoError),
    ):
        with (
            Workspace.open(tmp_path / "ws", environ={name: value}) as workspace,
            pytest.raises(kind),
        ):
            ClipWatch(workspace, folder)


def test_corrections_only_keeps_the_audit_share(tmp_path, folder):
    Workspace.create(tmp_path / "ws", environ={}).close()
    environ = {"TRUING_CAPTURE_MODE": "corrections", "TRUING_CAPTURE_AUDIT_SHARE": "0"}
    (folder / "webcam1.avi").write_bytes(CLIP.read_bytes())
    with (
        Workspace.open(tmp_path / "ws", environ=environ) as workspace,
        ClipWatch(workspace, folder) as watch,
    ):
        assert next(one.not_kept for one in looks(watch) if one) == 1


def test_no_such_folder(workspace, folder):
    with pytest.raises(NotFoundError):
        ClipWatch(workspace, folder / "nothing")


@pytest.mark.parametrize(
    ("name", "moment"),
    [
        ("webcam1795167825883.avi", 1795167825883000),
        ("webcam1795167825883(2).mp4", None),
        ("webcam.mp4", None),
        ("webcam12.mp4", None),
    ],
)
def test_the_moment_in_a_name(name, moment):
    assert moment_of(name) == moment
