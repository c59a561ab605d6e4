"""The steady mouth picture: against a ready clip, live against whole, lost faces, spans, sizes."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from truing.domain.errors import InvalidInputError, MissingDependencyError
from truing.modalities.lipreading import mouth
from truing.modalities.lipreading.encode import encoded
from truing.modalities.lipreading.frames import Frame, read_frames
from truing.modalities.lipreading.landmarks import FaceLandmarks
from truing.modalities.lipreading.mouth import (
    MouthClip,
    cut_out,
    framing_of,
    mouth_centre,
    mouth_clip,
)
from truing.modalities.lipreading.mouth_tracker import MouthTracker

GRID = Path(__file__).parents[2] / "data" / "lipreading" / "grid"


@pytest.fixture(scope="module")
def clip() -> MouthClip:
    return mouth_clip(GRID / "bbaf2n.mpg")


@pytest.fixture(scope="module")
def film() -> list[Frame]:
    return list(read_frames(GRID / "bbaf2n.mpg"))


def likeness(one: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """Correlation and mean difference in luma."""
    a, b = one.astype(float), other.astype(float)
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1]), float(np.abs(a - b).mean())


def test_a_clip_has_96_grey_pixels_and_the_times_of_its_frames(clip: MouthClip) -> None:
    assert clip.frames.shape == (75, 96, 96)
    assert clip.frames.dtype == np.uint8
    assert np.allclose(clip.times, np.arange(75) / 25)
    assert clip.seen.all()


def test_a_clip_looks_like_the_ready_one_of_the_corpus(clip: MouthClip) -> None:
    ready = mouth_clip(GRID / "bbaf2n_mouth.mp4")
    same, apart = likeness(clip.frames, ready.frames)
    assert same > 0.95
    assert apart < 5
    elsewhere = np.roll(clip.frames, 8, axis=2)
    assert likeness(elsewhere, ready.frames)[0] < 0.9


def test_a_ready_clip_passes_through_unchanged() -> None:
    path = GRID / "bbaf2n_mouth.mp4"
    ready = mouth_clip(path)
    raw = np.stack([one.image for one in read_frames(path, colour="grey")])
    assert np.array_equal(ready.frames, raw)
    assert ready.seen.all()


def test_ready_clips_of_another_size_become_96(clip: MouthClip) -> None:
    for side in (64, 128):
        other = np.stack([cv2.resize(one, (side, side)) for one in clip.frames[:5]])
        # Arrays of grey are full range, luma in a film is not.
        ready = mouth_clip(encoded(other, [n / 25 for n in range(5)]))
        assert ready.frames.shape == (5, 96, 96)
        assert likeness(ready.frames, clip.frames[:5])[0] > 0.97


def test_the_mouth_stays_in_the_middle_and_the_scale_does_not_change(
    clip: MouthClip, film: list[Frame]
) -> None:
    with FaceLandmarks() as find:
        faces = [find(film[n].image)[0] for n in range(0, 75, 6)]
    eyes = float(np.median([math.dist(face[33], face[263]) for face in faces]))
    same = []
    for number, face in zip(range(0, 75, 6), faces, strict=True):
        grey = next(read_frames(GRID / "bbaf2n.mpg", colour="grey", first=number)).image
        around = cut_out(grey, mouth_centre(face), 0.62 * eyes)
        same.append(likeness(around, clip.frames[number])[0])
    assert min(same) > 0.85
    assert np.mean(same) > 0.93


def test_the_box_does_not_jump_from_frame_to_frame(clip: MouthClip) -> None:
    shifts = [
        math.hypot(*cv2.phaseCorrelate(np.float64(a[:24]), np.float64(b[:24]))[0])
        for a, b in zip(clip.frames[:-1], clip.frames[1:], strict=True)
    ]
    assert np.median(shifts) < 0.6  # pixels, over the upper lip and nose, which are still
    assert max(shifts) < 4


def test_a_span_has_its_frames_and_times_from_its_beginning(clip: MouthClip) -> None:
    part = mouth_clip(GRID / "bbaf2n.mpg", start=1.0, end=2.0)
    assert part.frames.shape == (25, 96, 96)
    assert np.allclose(part.times, np.arange(25) / 25)
    assert likeness(part.frames, clip.frames[25:50])[0] > 0.9
    ready = mouth_clip(GRID / "bbaf2n_mouth.mp4", start=0.2, end=0.4)
    assert ready.frames.shape == (5, 96, 96)
    assert mouth_clip(GRID / "bbaf2n.mpg", start=9.0).frames.shape == (0, 96, 96)


def test_where_the_face_is_lost_the_path_goes_on_and_says_so() -> None:
    broken = mouth_clip(GRID / "pbio7a.mpg")
    assert broken.frames.shape == (75, 96, 96)
    assert not broken.seen[:8].any()
    assert broken.seen[-20:].all()
    assert np.isfinite(broken.times).all()


def test_no_face_at_all_is_black_and_unseen() -> None:
    empty = mouth_clip(encoded(np.full((8, 120, 160), 128, np.uint8), [n / 25 for n in range(8)]))
    assert empty.frames.shape == (8, 96, 96)
    assert not empty.frames.any()
    assert not empty.seen.any()


def test_a_missing_anchor_is_filled_in_between(film: list[Frame], clip: MouthClip) -> None:
    frames = np.stack([one.image for one in film])
    frames[30:45] = 90  # the middle anchor and all that are tried in its place
    holed = mouth_clip(encoded(frames, [one.time for one in film]))
    assert holed.seen.sum() < 75
    assert not holed.seen[37]
    for place in (28, 47):
        assert likeness(holed.frames[place], clip.frames[place])[0] > 0.85


def test_a_large_picture_is_averaged_before_it_is_sampled(
    film: list[Frame], clip: MouthClip
) -> None:
    large = np.stack([cv2.resize(one.image, None, fx=4, fy=4) for one in film[:20:4]])
    small = mouth_clip(encoded(large, [0.16 * n for n in range(5)]))
    assert likeness(small.frames, clip.frames[:20:4])[0] > 0.95
    noisy = np.tile(np.array([[0, 255], [255, 0]], np.uint8), (600, 600))
    assert cut_out(noisy, (600, 600), 480).std() < 30


def test_a_box_beyond_the_edge_repeats_the_border() -> None:
    image = np.full((60, 80), 77, np.uint8)
    assert (cut_out(image, (0, 0), 40) == 77).all()
    assert (cut_out(image, (500, 500), 400) == 77).all()


def test_live_gives_nearly_the_picture_of_the_whole_clip(
    clip: MouthClip, film: list[Frame]
) -> None:
    with MouthTracker() as tracker:
        live = [tracker.push(one.image, one.time) for one in film]
    assert all(one is not None and one.shape == (96, 96) for one in live)
    same, apart = likeness(np.stack(live), clip.frames)  # type: ignore[arg-type]
    assert same > 0.94
    assert apart < 5


def test_live_waits_for_a_face_and_keeps_its_place(film: list[Frame]) -> None:
    grey = np.full((288, 360, 3), 128, np.uint8)
    with MouthTracker() as tracker:
        assert tracker.push(grey, 0.0) is None
        assert not tracker.seen
        shown = tracker.push(film[0].image, 0.04)
        assert tracker.seen
        assert shown is not None
        lost = tracker.push(grey, 0.2)
        assert lost is not None
        assert not tracker.seen
        assert lost.std() < 1
        tracker.close()


def test_small_squares_are_mouths_and_all_else_are_faces() -> None:
    assert framing_of(96, 96) == "mouth"
    assert framing_of(160, 160) == "mouth"
    assert framing_of(161, 161) == "face"
    assert framing_of(160, 120) == "face"


def test_a_film_of_hours_wants_spans(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mouth, "MOST_PICTURES", 60)
    with pytest.raises(InvalidInputError, match="more than 60 frames") as refused:
        mouth_clip(GRID / "bbaf2n_mouth.mp4")
    assert "start" in str(refused.value.hint)
    with pytest.raises(InvalidInputError, match="more than 60 frames"):
        mouth_clip(GRID / "bbaf2n.mpg")
    assert len(mouth_clip(GRID / "bbaf2n_mouth.mp4", start=1.0).frames) == 50


def test_without_opencv_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(MissingDependencyError) as missing:
        mouth_clip(GRID / "bbaf2n_mouth.mp4")
    assert missing.value.hint == 'pip install "truing[lipreading]"'


def test_one_mesh_serves_many_clips(clip: MouthClip) -> None:
    with FaceLandmarks() as mesh:
        mouth_clip(GRID / "swwp2s.mpg", landmarks=mesh)
        assert np.array_equal(mouth_clip(GRID / "bbaf2n.mpg", landmarks=mesh).frames, clip.frames)
