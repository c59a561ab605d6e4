"""The face mesh on a real face, and what a person is told when MediaPipe cannot give one."""

from __future__ import annotations

import math
import os
import sys
import tomllib
import types
import warnings
import zipfile
from pathlib import Path

import mediapipe
import numpy as np
import pytest

from truing.domain.errors import DamagedError, MissingDependencyError, NotFoundError
from truing.modalities.lipreading import landmarks
from truing.modalities.lipreading.frames import read_frames
from truing.modalities.lipreading.landmarks import LIPS, TASK_VARIABLE, FaceLandmarks
from truing.platform.terminal import without_noise

GRID = Path(__file__).parents[2] / "data" / "lipreading" / "grid"


@pytest.fixture(scope="module")
def film() -> list[np.ndarray]:
    return [one.image for one in read_frames(GRID / "bbaf2n.mpg", last=9)]


def test_one_face_of_468_points_in_pixels(film: list[np.ndarray]) -> None:
    with FaceLandmarks() as find:
        faces = find(film[0])
    assert len(faces) == 1
    face = faces[0]
    assert face.shape == (468, 2)
    assert face.dtype == np.float64
    assert 60 < math.dist(face[33], face[263]) < 75  # the eyes are 67 pixels apart
    assert 30 < math.dist(face[61], face[291]) < 45
    assert face[33][0] < face[263][0]
    assert face[61][1] > face[33][1] + 30
    assert not np.array_equal(face, np.round(face))


def test_lips_are_those_of_mediapipe() -> None:
    from mediapipe.python.solutions import face_mesh_connections

    points = {point for edge in face_mesh_connections.FACEMESH_LIPS for point in edge}
    assert tuple(sorted(points)) == LIPS


def test_pictures_by_themselves_do_not_depend_on_what_came_before(film: list[np.ndarray]) -> None:
    with FaceLandmarks() as find:
        alone = find(film[5])[0]
        find(film[0])
        assert np.array_equal(find(film[5])[0], alone)


def test_tracking_stays_near_what_single_pictures_give(film: list[np.ndarray]) -> None:
    with FaceLandmarks() as find, FaceLandmarks(tracking=True) as follow:
        apart = [np.abs(find(one)[0] - follow(one)[0])[list(LIPS)].mean() for one in film]
    assert 0 < np.mean(apart) < 1.5


def test_a_picture_without_a_face_gives_none(film: list[np.ndarray]) -> None:
    with FaceLandmarks() as find:
        assert find(np.full((288, 360, 3), 128, np.uint8)) == []
        assert find(film[0][:100, :100]) == []


def test_two_people_are_two_faces(film: list[np.ndarray]) -> None:
    both = np.hstack([film[0], film[9]])
    with FaceLandmarks(faces=3) as find:
        faces = find(both)
    assert sorted(face[:, 0].mean() > 360 for face in faces) == [False, True]


def test_nothing_is_written_to_the_terminal(
    film: list[np.ndarray], capfd: pytest.CaptureFixture[str]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with FaceLandmarks() as find:
            find(film[0])
    assert capfd.readouterr() == ("", "")


def test_what_others_write_meanwhile_is_not_lost(capfd: pytest.CaptureFixture[str]) -> None:
    def noisy() -> types.SimpleNamespace:
        os.write(2, b"a line of somebody else\nINFO: Created TensorFlow Lite XNNPACK delegate\n")
        raise MissingDependencyError("stopped here")

    with pytest.raises(MissingDependencyError), without_noise(landmarks._NOISE):
        noisy()
    assert capfd.readouterr().err == "a line of somebody else\n"


def test_closing_twice_is_fine() -> None:
    find = FaceLandmarks()
    find.close()
    find.close()


def test_without_mediapipe_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    with pytest.raises(MissingDependencyError) as missing:
        FaceLandmarks()
    assert str(missing.value.hint).startswith('pip install "truing[lipreading]"')
    monkeypatch.setattr(landmarks, "NO_WHEELS", (3, 0))
    with pytest.raises(MissingDependencyError) as missing:
        FaceLandmarks()
    assert str(missing.value.hint).endswith("with a Python before 3.0")


def test_a_mediapipe_without_its_face_mesh_names_both_ways_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bare = types.ModuleType("mediapipe")
    bare.__version__ = "1.2.2"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mediapipe", bare)
    with pytest.raises(MissingDependencyError, match=r"MediaPipe 1\.2\.2") as missing:
        FaceLandmarks()
    hint = str(missing.value.hint)
    assert "mediapipe==0.10.14" in hint
    assert "lipreading.face_landmarker" in hint
    assert "face_landmarker.task" in hint


def test_the_named_version_is_the_one_of_the_extra() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text("utf-8"))
    extra = project["project"]["optional-dependencies"]["lipreading"]
    assert any(one.startswith(landmarks.BUNDLED) for one in extra)


def task_file(path: Path, model: str) -> Path:
    """The bundle of the Tasks API, made of the models that MediaPipe 0.10.14 brings."""
    models = Path(mediapipe.__file__).parent / "modules"
    with zipfile.ZipFile(path, "w") as bundle:
        detector = models / "face_detection" / "face_detection_short_range.tflite"
        bundle.write(detector, "face_detector.tflite")
        bundle.write(models / "face_landmark" / model, "face_landmarks_detector.tflite")
    return path


@pytest.mark.parametrize("tracking", [False, True])
def test_a_task_file_of_the_user_finds_the_face(
    film: list[np.ndarray], tmp_path: Path, tracking: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    task = task_file(tmp_path / "face_landmarker.task", "face_landmark.tflite")
    with FaceLandmarks(task=task, tracking=tracking) as find:
        # The bundled model is not the one that this graph expects: it lands some pixels off, and
        # following it from frame to frame loses the face.
        found = [find(one) for one in film[: 1 if tracking else 3]]
    for (face,) in found:
        assert face.shape == (468, 2)
        assert abs(face.mean(axis=0)[0] - 155) < 60
    assert capfd.readouterr() == ("", "")


def test_a_task_file_that_cannot_be_run_is_named(
    film: list[np.ndarray], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    task = task_file(tmp_path / "odd.task", "face_landmark_with_attention.tflite")
    with (
        FaceLandmarks(task=task) as find,
        pytest.raises(DamagedError, match=r"odd\.task` is not a face landmarker"),
    ):
        find(film[0])
    capfd.readouterr()


def test_a_task_file_is_looked_for_and_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(NotFoundError, match=r"gone\.task"):
        FaceLandmarks(task=tmp_path / "gone.task")
    wrong = tmp_path / "face_landmarker.task"
    wrong.write_bytes(b"no model")
    with pytest.raises(DamagedError, match=r"face_landmarker\.task"):
        FaceLandmarks(task=wrong)
    monkeypatch.setenv(TASK_VARIABLE, str(tmp_path / "elsewhere.task"))
    with pytest.raises(NotFoundError, match=r"elsewhere\.task"):
        FaceLandmarks()
    capfd.readouterr()
