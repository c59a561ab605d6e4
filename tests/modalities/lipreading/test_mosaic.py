"""The picture of twelve mouths: LipAgent's golden files, and the long way round with PNG files."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from truing.domain.errors import DamagedError, InvalidInputError
from truing.modalities.lipreading import alignment
from truing.modalities.lipreading.mosaic import (
    COUNT,
    NEIGHBOURS,
    OUTER_LIPS,
    RefinedLandmarks,
    encoded,
    mosaic,
    mosaic_of,
    mouths_in,
    sample_indices,
    size_of,
    tight_mouth,
)

DATA = Path(__file__).parents[2] / "data" / "lipreading"
GOLDEN = DATA / "golden"
GRID = DATA / "grid"


@pytest.fixture(scope="module")
def landmarks():
    with RefinedLandmarks() as opened:
        yield opened


def span_of(name: str) -> tuple[int, int]:
    """First and last frame of the speech."""
    words = alignment.frames_of(alignment.read(GRID / f"{name}.align"), 75)
    return words[0][0], words[-1][1]


# --- golden ------------------------------------------------------------------------------------


def test_golden_indices() -> None:
    golden = json.loads((GOLDEN / "grid_alignment_golden.json").read_text("utf-8"))
    assert len(golden) == 3
    for entry in golden.values():
        assert sample_indices(entry["start"], entry["end"]) == entry["indices"]


def test_golden_mosaic() -> None:
    files = sorted((GOLDEN / "bbaf2n_mouths").glob("frame_*.png"))
    assert [int(file.stem[-3:]) for file in files] == sample_indices(*span_of("bbaf2n"))
    made = mosaic([cv2.imread(str(file)) for file in files])
    assert np.array_equal(made, cv2.imread(str(GOLDEN / "bbaf2n_mosaic.png")))
    kept = cv2.imdecode(np.frombuffer(encoded(made), np.uint8), cv2.IMREAD_COLOR)
    golden = cv2.imread(str(GOLDEN / "bbaf2n_mosaic_q95.jpg"))
    # The bytes are equal, too, where OpenCV has the same JPEG encoder.
    assert np.abs(kept.astype(int) - golden).max() <= 3


def test_sampling_at_the_edges() -> None:
    assert sample_indices(10, 10) == sample_indices(10, 5) == [*range(10, 21), 22]
    assert sample_indices(0, 74)[-1] == 74
    assert sample_indices(0, 10, 2) == [0, 10]
    for wrong in ((0, 10, 1), (-1, 10, 12)):
        with pytest.raises(InvalidInputError, match="cannot be sampled"):
            sample_indices(*wrong)


# --- the long way round ------------------------------------------------------------------------


def step_by_step(video: Path, span: tuple[int, int], folder: Path, landmarks) -> np.ndarray:
    """Every frame and every mouth through a PNG file, as separate scripts do it."""
    capture = cv2.VideoCapture(str(video))
    count = 0
    while True:
        there, frame = capture.read()
        if not there:
            break
        cv2.imwrite(str(folder / f"frame_{count:03d}.png"), frame)
        count += 1
    for place in range(count):
        frame = cv2.imread(str(folder / f"frame_{place:03d}.png"))
        faces = landmarks(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
        if faces:
            (x1, y1), (x2, y2) = (
                faces[0][list(OUTER_LIPS)].min(0),
                faces[0][list(OUTER_LIPS)].max(0),
            )
            wide, high = 0.15 * (x2 - x1), 0.15 * (y2 - y1)
            mouth = frame[int(y1 - high) : int(y2 + high), int(x1 - wide) : int(x2 + wide)]
            cv2.imwrite(str(folder / f"mouth_{place:03d}.png"), mouth)
    picture = np.zeros((240, 400, 3), np.uint8)
    start, end = span
    for cell in range(12):
        index = start + cell * (end - start) // 11
        near = [folder / f"mouth_{index + step:03d}.png" for step in (0, 1, -1, 2, -2)]
        file = next((one for one in near if one.exists()), None)
        if file is not None:
            y, x = 80 * (cell // 4), 100 * (cell % 4)
            picture[y : y + 80, x : x + 100] = cv2.resize(cv2.imread(str(file)), (100, 80))
    return picture


@pytest.mark.parametrize("name", ["bbaf2n", "swwp2s", "lrae3s", "sgib8n", "pbio7a"])
def test_as_the_step_by_step_way(name: str, landmarks, tmp_path: Path) -> None:
    long_way = step_by_step(GRID / f"{name}.mpg", span_of(name), tmp_path, landmarks)
    made = mosaic_of(GRID / f"{name}.mpg", span_of(name), landmarks=landmarks)
    assert made is not None
    assert np.array_equal(made.image, long_way)
    cv2.imwrite(str(tmp_path / "mosaic.jpg"), long_way, [cv2.IMWRITE_JPEG_QUALITY, 95])
    assert encoded(made.image) == (tmp_path / "mosaic.jpg").read_bytes()


def test_neighbours_stand_in_for_lost_faces(landmarks) -> None:
    found = mouths_in(GRID / "pbio7a.mpg", span_of("pbio7a"), landmarks=landmarks)
    assert found.missed > 3
    moved = [
        used - index
        for index, used in zip(found.indices, found.used, strict=True)
        if used is not None and used != index
    ]
    assert moved
    assert set(moved) <= set(NEIGHBOURS)
    black = [place for place, used in enumerate(found.used) if used is None]
    assert black
    assert found.mosaic is not None
    for place in black:
        y, x = 80 * (place // 4), 100 * (place % 4)
        assert not found.mosaic.image[y : y + 80, x : x + 100].any()


def test_bytes_and_a_file_give_the_same(landmarks) -> None:
    video = GRID / "swwp2s.mpg"
    from_file = mosaic_of(video, span_of("swwp2s"), landmarks=landmarks)
    from_bytes = mosaic_of(video.read_bytes(), span_of("swwp2s"), landmarks=landmarks)
    assert np.array_equal(from_file.image, from_bytes.image)


def test_without_a_span_the_whole_video_is_sampled() -> None:
    made = mosaic_of(GRID / "lrae3s.mpg", None)
    assert made is not None
    assert (made.indices[0], made.indices[-1]) == (0, 73)


def test_a_mouth_clip_needs_no_face() -> None:
    def refuse(_: np.ndarray) -> list[np.ndarray]:
        raise AssertionError("a mouth clip shows no face to look for")

    clip = DATA / "grid_s1" / "mouth" / "bbas1s.mp4"
    found = mouths_in(clip, (10, 43), landmarks=refuse)
    assert found.missed == 0
    assert [cell.shape for cell in found.cells] == [(96, 96, 3)] * COUNT
    assert found.mosaic.image.shape == (240, 400, 3)


def test_too_few_mouths_make_no_picture(landmarks) -> None:
    assert mosaic_of(GRID / "swwp2s.mpg", (60, 200), landmarks=landmarks) is None


# --- parts -------------------------------------------------------------------------------------


def face(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    """Landmarks whose lips span this box."""
    points = np.zeros((468, 2))
    points[list(OUTER_LIPS)] = (left, top)
    points[OUTER_LIPS[0]] = (right, bottom)
    return points


def test_mouth_box() -> None:
    image = np.arange(100 * 200, dtype=np.uint32).astype(np.uint8).reshape(100, 200)
    image = np.dstack([image] * 3)
    assert tight_mouth(image, face(50, 40, 90, 60)).shape == (26, 52, 3)
    assert tight_mouth(image, face(-20, -5, 30, 20)).shape == (23, 37, 3)
    assert tight_mouth(image, face(180, 90, 260, 130)).shape == (16, 32, 3)
    assert tight_mouth(image, face(50, 40, 56, 60)) is None
    assert tight_mouth(image, face(300, 300, 340, 320)) is None


def test_a_mosaic_needs_twelve_cells() -> None:
    with pytest.raises(InvalidInputError, match="not 11"):
        mosaic([None] * 11)
    assert not mosaic([None] * 12).any()
    with pytest.raises(InvalidInputError, match="`gif`"):
        encoded(mosaic([None] * 12), "gif")


def test_size_of_a_picture() -> None:
    jpeg = (GOLDEN / "bbaf2n_mosaic_q95.jpg").read_bytes()
    assert size_of(jpeg) == (400, 240)
    assert size_of((GOLDEN / "bbaf2n_mosaic.png").read_bytes()) == (400, 240)
    assert size_of(jpeg[:9000]) is None
    assert size_of(b"no picture") is None
    assert size_of(b"") is None


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "bbaf2n.mpg"
    text.write_text("0 23750 sil\n23750 29500 bin\n", encoding="utf-8")
    with pytest.raises(InvalidInputError, match="is text"):
        mosaic_of(text, (0, 20))
    text.write_bytes(b"")
    with pytest.raises(DamagedError, match="empty"):
        mosaic_of(text, None)
