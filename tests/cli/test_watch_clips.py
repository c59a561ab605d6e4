"""`truing watch` of the folder that a lip-reading app writes into."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from truing import Workspace
from truing.live.clip_catcher import ClipCatcher

CLIPS = sorted(
    (Path(__file__).parents[1] / "data" / "clients" / "chaplin_samples").rglob("training_*.avi")
)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "app").mkdir()
    return tmp_path / "app"


def put(folder, number):
    name = CLIPS[number].name.replace("training_", "webcam")
    (folder / name).write_bytes(CLIPS[number].read_bytes())


def samples(truing):
    return truing("samples", "--order", "oldest", "--json").json["samples"]


def test_a_folder_is_watched_for_clips(truing, folder):
    put(folder, 0)
    said = truing("watch", folder, "--once", "--speaker", "ann")
    assert said.code == 0
    assert "kept as sample 1" in said.out
    assert [(one["speaker"], one["source"]) for one in samples(truing)] == [("ann", "chaplin")]
    put(folder, 1)
    told = truing("watch", "chaplin", folder, "--once", "--json").json
    assert (told["added"], told["skipped"], told["samples"]) == (1, 1, [2])
    assert (told["short"], told["not_kept"], told["failures"]) == (0, 0, [])
    assert "no new clip of 32 frames or more" in truing("watch", folder, "--once").err


def test_it_goes_on_until_interrupted(truing, folder, monkeypatch):
    real, looks, began = time.sleep, [], time.monotonic()

    def sleep(seconds):
        looks.append(seconds)
        if len(looks) == 3:
            put(folder, 0)
        with Workspace.open(folder.parent / "ws", environ={}) as workspace:
            kept = workspace.store.samples.state_counts()["pending"]
        if kept or time.monotonic() > began + 60:
            raise KeyboardInterrupt
        real(0.02)

    monkeypatch.setattr("truing.cli.watch.time.sleep", sleep)
    said = truing("watch", folder)
    assert said.code == 130
    assert "Ctrl-C ends it" in said.err
    assert len(samples(truing)) == 1


def test_one_look_finds_what_lies_there_however_late_the_thread_is(truing, folder, monkeypatch):
    put(folder, 0)
    monkeypatch.setattr(ClipCatcher, "_watch", lambda _: None)
    assert "kept as sample 1" in truing("watch", folder, "--once").out


def test_clips_that_are_too_short(truing, folder):
    import cv2
    import numpy as np

    code = cv2.VideoWriter_fourcc(*"mp4v")
    made = cv2.VideoWriter(str(folder / "webcam1.mp4"), code, 16, (64, 48), False)
    for level in range(20):
        made.write(np.full((48, 64), level, np.uint8))
    made.release()
    assert "too short to be read: 1 clip" in truing("watch", folder, "--once").err
    assert samples(truing) == []


def test_what_is_no_folder(truing, tmp_path):
    said = truing("watch", tmp_path / "nothing")
    assert said.code == 2
    assert "there is no folder" in said.err
    assert truing("watch", "chaplin", tmp_path / "nothing", "--once").code == 3
    assert truing("--set", "consent.policy=off", "watch", tmp_path, "--once").code == 9
