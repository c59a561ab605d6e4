"""What a player draws before it has the video: times, mouth, movement, stills, words."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from truing.domain.errors import DamagedError, InvalidInputError, MissingDependencyError
from truing.domain.recipe import MediaFile
from truing.modalities.lipreading import alignment, landmarks
from truing.modalities.lipreading import preview as module
from truing.modalities.lipreading.frames import read_frames
from truing.modalities.lipreading.landmarks import LIPS, FaceLandmarks
from truing.modalities.lipreading.media import ingest
from truing.modalities.lipreading.preview import STILLS, preview

pytest.importorskip("mediapipe")

DATA = Path(__file__).parents[2] / "data" / "lipreading"
FACE = DATA / "grid" / "bbaf2n.mpg"
MOUTH = DATA / "grid_s1" / "mouth" / "bbas1s.mp4"


def drawn(video: Path, align: Path | None = None, buckets: int = 800, **span: float) -> Any:
    """The preview as it is sent."""
    media = {"video": MediaFile(path=video, **span)}
    if align is not None:
        media["alignment"] = MediaFile(path=align)
    return json.loads(json.dumps(preview(media, buckets)))


def picture(encoded: str) -> Any:
    import cv2

    data = np.frombuffer(base64.b64decode(encoded), np.uint8)
    return cv2.imdecode(data, cv2.IMREAD_COLOR)


def moved(told: Any) -> Any:
    return np.frombuffer(base64.b64decode(told["movement"]), np.uint8)


def test_every_frame_has_its_time() -> None:
    told = drawn(FACE)
    true = [frame.time for frame in read_frames(FACE, colour="grey")]
    assert told["times"] == pytest.approx(true, abs=1e-6)
    assert told["duration"] == pytest.approx(3.0)
    assert (told["width"], told["height"], told["sound"], told["whole"]) == (360, 288, True, True)


def test_the_mouth_is_where_the_lips_are() -> None:
    mouth = drawn(FACE)["mouth"]
    with FaceLandmarks() as find:
        for frame in read_frames(FACE, colour="rgb"):
            if frame.index % 15:
                continue
            lips = find(frame.image)[0][list(LIPS)]
            centre = np.array([mouth["x"][frame.index], mouth["y"][frame.index]])
            assert np.abs(lips.mean(axis=0) - centre).max() < 4
            assert np.abs(lips - centre).max() < mouth["side"] / 2
    assert len(mouth["x"]) == len(mouth["y"]) == 75


def test_a_mouth_clip_has_no_mouth_to_look_for() -> None:
    told = drawn(MOUTH)
    assert told["mouth"] is None
    assert (told["width"], told["sound"]) == (96, False)


def test_words_come_from_the_alignment_and_move() -> None:
    told = drawn(FACE, FACE.with_suffix(".align"))
    words = alignment.read(FACE.with_suffix(".align"))
    assert [(one["text"], one["start"], one["end"]) for one in told["words"]] == [
        (word.text, word.start, word.end) for word in words
    ]
    movement, times = moved(told), np.asarray(told["times"])
    speaking = (times >= words[0].start) & (times < words[-1].end)
    assert movement.max() == 255
    assert movement[speaking].mean() > 1.5 * movement[~speaking].mean()


def test_what_is_no_alignment_keeps_nobody_from_watching(tmp_path: Path) -> None:
    odd = tmp_path / "odd"
    odd.write_text("not an alignment\n")
    told = drawn(FACE, odd)
    assert told["words"] == []
    assert told["times"]


def test_stills_are_small_and_show_the_mouth() -> None:
    told = drawn(FACE)
    assert len(told["stills"]) == STILLS
    assert sum(map(len, told["stills"])) < 30_000
    assert len(json.dumps(told)) < 40_000
    first = picture(told["stills"][0])
    assert min(first.shape[:2]) == 64
    assert picture(told["still"]).shape[:2] == (64, 80)


def test_few_buckets_give_a_still_alone() -> None:
    told = drawn(FACE, buckets=1)
    assert set(told) == {"width", "height", "still"}
    middle = next(one.image for one in read_frames(FACE, colour="bgr", first=37))
    import cv2

    small = cv2.resize(middle, (80, 64), interpolation=cv2.INTER_AREA)
    assert np.abs(picture(told["still"]).astype(int) - small).mean() < 8


def test_a_span_counts_from_its_first_frame() -> None:
    told = drawn(FACE, start=1.0, end=1.6)
    assert told["times"] == pytest.approx([at * 0.04 for at in range(15)], abs=1e-6)
    assert len(moved(told)) == 15
    with pytest.raises(DamagedError, match="no frame"):
        drawn(FACE, start=9.0)


def test_a_picture_that_stands_still_has_no_movement(tmp_path: Path) -> None:
    frames = np.full((1, 60, 80), 90, np.uint8)
    for count in (1, 5):
        place = tmp_path / str(count)
        times = [at / 10 for at in range(count)]
        data = ingest("video", {"frames": frames.repeat(count, axis=0), "times": times}).data
        place.write_bytes(data)
        told = drawn(place)
        assert moved(told).tolist() == [0] * count
        assert len(told["stills"]) == STILLS
        assert told["mouth"] is None


def test_a_long_video_is_looked_at_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST", 1.0)
    monkeypatch.setattr(module, "MOST_ANCHORS", 2)
    told = drawn(FACE)
    assert told["whole"] is False
    assert told["times"][-1] == pytest.approx(1.0)


def test_without_a_face_mesh_the_whole_picture_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise MissingDependencyError("no MediaPipe", hint='pip install "truing[lipreading]"')

    monkeypatch.setattr(landmarks, "_face_mesh", missing)
    told = drawn(FACE)
    assert told["mouth"] is None
    assert len(told["times"]) == 75


def test_what_is_no_video_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="not a video"):
        drawn(FACE.with_suffix(".align"))
