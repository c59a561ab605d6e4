"""Clips of another program, caught before it removes them."""

import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from truing.domain.errors import NotFoundError, UnavailableError
from truing.live import clip_catcher
from truing.live.clip_catcher import HIDDEN, ClipCatcher, is_whole

CLIP = next(
    (Path(__file__).parents[1] / "data" / "clients" / "chaplin_samples").rglob("training_*.avi")
)


def writer(file, codec):
    """As Chaplin writes: grey, 16 a second."""
    import cv2

    return cv2.VideoWriter(str(file), cv2.VideoWriter_fourcc(*codec), 16, (160, 120), False)


def noise(count):
    random = np.random.default_rng(0)
    return [random.integers(0, 255, (120, 160), dtype=np.uint8) for _ in range(count)]


def until_there(file):
    deadline = time.monotonic() + 60
    while not file.exists():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.005)


def until(catcher, count, seconds=60):
    """What was caught, once there is so much of it."""
    found, deadline = [], time.monotonic() + seconds
    while len(found) < count and time.monotonic() < deadline:
        found += catcher.caught()
        time.sleep(0.02)
    return found


@pytest.mark.parametrize(("ending", "codec"), [("mp4", "mp4v"), ("avi", "MJPG"), ("avi", "XVID")])
def test_a_video_is_whole_once_it_is_closed(tmp_path, ending, codec):
    file = tmp_path / f"webcam1.{ending}"
    made = writer(file, codec)
    assert not is_whole(file)
    for image in noise(60):
        made.write(image)
        assert not is_whole(file)
    made.release()
    assert is_whole(file)
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2])
    assert not is_whole(file)


def test_what_is_no_file_is_not_whole(tmp_path):
    assert not is_whole(tmp_path / "nothing.avi")
    (tmp_path / "empty.mkv").touch()
    assert not is_whole(tmp_path / "empty.mkv")


def test_a_clip_is_caught_although_it_is_removed_at_once(tmp_path):
    with ClipCatcher(tmp_path) as catcher:
        (tmp_path / "webcam1795167825883.avi").write_bytes(CLIP.read_bytes())
        until_there(tmp_path / HIDDEN / "webcam1795167825883.avi")
        (tmp_path / "webcam1795167825883.avi").unlink()
        (caught,) = until(catcher, 1)
        assert caught.name == "webcam1795167825883.avi"
        assert caught.file.read_bytes() == CLIP.read_bytes()
        assert catcher.caught() == []
        caught.file.unlink()
    assert list(tmp_path.iterdir()) == []


def test_a_clip_may_be_removed_while_it_is_written(tmp_path, monkeypatch):
    """Chaplin never does, but the inode is ours from the first look on."""
    monkeypatch.setattr(clip_catcher, "GIVEN_UP", 60.0)
    file = tmp_path / "webcam1.mp4"
    with ClipCatcher(tmp_path) as catcher:
        made = writer(file, "mp4v")
        for image in noise(40):
            made.write(image)
        until_there(tmp_path / HIDDEN / "webcam1.mp4")
        file.unlink()
        made.release()
        (caught,) = until(catcher, 1)
        assert is_whole(caught.file)


def test_the_order_of_the_app_a_new_file_is_open_while_the_last_is_read(tmp_path):
    first, second = tmp_path / "webcam1.mp4", tmp_path / "webcam2.mp4"
    with ClipCatcher(tmp_path) as catcher:
        one = writer(first, "mp4v")
        for image in noise(40):
            one.write(image)
        one.release()
        two = writer(second, "mp4v")  # opened when the first recording ends, empty until the next
        (caught,) = until(catcher, 1)
        assert caught.name == "webcam1.mp4"
        first.unlink()
        time.sleep(0.5)
        assert catcher.caught() == []
        for image in noise(40):
            two.write(image)
        two.release()
        assert [one.name for one in until(catcher, 1)] == ["webcam2.mp4"]


def test_other_files_are_left_alone(tmp_path):
    (tmp_path / "holiday.avi").write_bytes(CLIP.read_bytes())
    (tmp_path / "webcam.txt").write_text("a note")
    with ClipCatcher(tmp_path) as catcher:
        assert until(catcher, 1, seconds=0.6) == []
    assert sorted(one.name for one in tmp_path.iterdir()) == ["holiday.avi", "webcam.txt"]


def test_clips_are_handed_out_once_though_they_stay(tmp_path):
    (tmp_path / "webcam1.avi").write_bytes(CLIP.read_bytes())
    with ClipCatcher(tmp_path) as catcher:
        (caught,) = until(catcher, 1)
        caught.file.unlink()
        assert until(catcher, 1, seconds=0.6) == []
    assert [one.name for one in tmp_path.iterdir()] == ["webcam1.avi"]


def test_what_an_ended_catcher_has_left_is_found_by_the_next(tmp_path):
    (tmp_path / HIDDEN).mkdir()
    (tmp_path / HIDDEN / "webcam1.avi").write_bytes(CLIP.read_bytes())
    with ClipCatcher(tmp_path) as catcher:
        (caught,) = until(catcher, 1)
        assert caught.file.read_bytes() == CLIP.read_bytes()


def test_a_catcher_that_ends_early_leaves_no_second_names(tmp_path):
    with ClipCatcher(tmp_path) as catcher:
        made = writer(tmp_path / "webcam1.mp4", "mp4v")
        until_there(tmp_path / HIDDEN / "webcam1.mp4")
        assert catcher.caught() == []
    assert [one.name for one in tmp_path.iterdir()] == ["webcam1.mp4"]
    made.release()


def test_a_file_system_without_links_gets_copies(tmp_path, monkeypatch):
    def refuse(source, target):
        raise PermissionError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    (tmp_path / "webcam1.avi").write_bytes(CLIP.read_bytes())
    with ClipCatcher(tmp_path) as catcher:
        (caught,) = until(catcher, 1)
        assert caught.file.read_bytes() == CLIP.read_bytes()
        assert caught.file.stat().st_ino != (tmp_path / "webcam1.avi").stat().st_ino
        (tmp_path / "webcam2.avi").touch()
        time.sleep(0.2)
    assert (tmp_path / "webcam1.avi").exists()
    assert (tmp_path / "webcam2.avi").exists()


def test_a_clip_that_is_removed_while_it_is_copied_ends_nothing(tmp_path, monkeypatch):
    def refuse(source, target):
        raise PermissionError("no links here")

    def too_late(source, target):
        monkeypatch.undo()
        monkeypatch.setattr(os, "link", refuse)
        source.unlink()
        return shutil.copyfile(source, target)

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(shutil, "copyfile", too_late)
    (tmp_path / "webcam1.avi").write_bytes(CLIP.read_bytes())
    with ClipCatcher(tmp_path) as catcher:
        deadline = time.monotonic() + 60
        while (tmp_path / "webcam1.avi").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        (tmp_path / "webcam2.avi").write_bytes(CLIP.read_bytes())
        (caught,) = until(catcher, 1)
        assert caught.name == "webcam2.avi"


def test_what_is_finished_can_be_waited_for_although_the_thread_had_no_turn(tmp_path):
    (tmp_path / "webcam1.avi").write_bytes(CLIP.read_bytes())
    growing = writer(tmp_path / "webcam2.mp4", "mp4v")
    catcher = ClipCatcher(tmp_path)  # not entered: its thread does not run
    catcher.settle()
    assert [one.name for one in catcher.caught()] == ["webcam1.avi"]
    catcher.settle()
    assert catcher.caught() == []
    growing.release()


def test_no_such_folder(tmp_path):
    with pytest.raises(NotFoundError, match="there is no folder"):
        ClipCatcher(tmp_path / "nothing")


def test_a_folder_that_is_removed_meanwhile(tmp_path):
    folder = tmp_path / "app"
    folder.mkdir()
    with ClipCatcher(folder) as catcher:
        (folder / HIDDEN).rmdir()
        (folder / "webcam1.avi").write_bytes(CLIP.read_bytes())
        (caught,) = until(catcher, 1)  # the folder of second names was made again
        caught.file.unlink()
        (folder / "webcam1.avi").unlink()
        (folder / HIDDEN).rmdir()
        folder.rmdir()
        with pytest.raises(UnavailableError, match="cannot be watched any more"):
            until(catcher, 1)
