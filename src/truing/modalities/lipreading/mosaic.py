"""The picture that a vision-language model reads: 12 mouths of a sentence in 3 rows of 4.

It is the one that LipAgent defines: twelve frames are sampled evenly from the speech, each is cut
to the lips with a margin of 15 % and stretched to 100 x 80 pixels; the picture has 400 x 240. One
pass over the video decodes up to the last sampled frame and looks for a face in these twelve only.
Where there is none, the frame after, before, two after, two before stands in, and fewer than nine
mouths make no picture.

The same code serves training, files on disk and the webcam, so that a model always sees the same.

*Known trade-offs*: a box drawn tightly around the lips in each frame loses how wide and how far
open they are; our own recipes use the crops of fixed scale in `mouth` instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from truing.domain.closing import Closing
from truing.domain.errors import InvalidInputError, MissingDependencyError
from truing.modalities.lipreading.frames import read_frames

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from truing.modalities.lipreading.landmarks import FaceLandmarks

    Landmarks = Callable[[NDArray[np.uint8]], list[NDArray[np.float64]]]

COUNT, ROWS, COLUMNS = 12, 3, 4
CELL_WIDTH, CELL_HEIGHT = 100, 80
WIDTH, HEIGHT = COLUMNS * CELL_WIDTH, ROWS * CELL_HEIGHT
QUALITY = 95
"""Of the JPEG."""
PADDING = 0.15
"""Margin on each side, as a share of the lips' width and height."""
SMALLEST = 10
"""Pixels: a box narrower or lower than this is no mouth."""
NEIGHBOURS = (1, -1, 2, -2)
"""Which frames stand in for one without a mouth, in this order."""
FEWEST = COUNT * 3 // 4
MOUTH_SIDE = 160
"""Pixels: a square video up to this size shows a mouth that somebody cut out already."""

OUTER_LIPS: tuple[int, ...] = (
    *(61, 185, 40, 39, 37, 0, 267, 269, 270, 409),
    *(291, 375, 321, 405, 314, 17, 84, 181, 91, 146),
)
"""Points of the face mesh around the lips, along which the box is drawn."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mosaic:
    """A picture and where its mouths are from."""

    image: NDArray[np.uint8]
    """(240, 400, 3), blue-green-red."""
    indices: tuple[int, ...]
    """The frames asked for, one per cell."""
    used: tuple[int | None, ...]
    """The frames found, the same but where a neighbour stands in; None for a black cell."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mouths:
    """What one pass over a video found."""

    indices: tuple[int, ...]
    cells: tuple[NDArray[np.uint8] | None, ...]
    """Per index a mouth of any size, (height, width, 3); None where no near frame has one."""
    used: tuple[int | None, ...]
    missed: int
    """Frames that were looked at and show no mouth."""

    @property
    def mosaic(self) -> Mosaic | None:
        """The picture; None with fewer than nine mouths."""
        if sum(cell is not None for cell in self.cells) < FEWEST:
            return None
        return Mosaic(image=mosaic(self.cells), indices=self.indices, used=self.used)


def sample_indices(start: int, end: int, count: int = COUNT) -> list[int]:
    """Which frames of the speech to look at, the first and the last among them.

    Args:
        start: first frame of the speech.
        end: first frame after it; where it is not after `start`, `count` frames are taken.
        count: how many.

    Raises:
        InvalidInputError: fewer than two are asked for, or a frame before the first.
    """
    if count < 2 or start < 0:
        raise InvalidInputError(
            f"{count} frames cannot be sampled from frame {start} on",
            hint="ask for two or more, from frame 0 or later",
        )
    end = end if end > start else start + count
    return [start + place * (end - start) // (count - 1) for place in range(count)]


def tight_mouth(bgr: NDArray[np.uint8], landmarks: NDArray[np.float64]) -> NDArray[np.uint8] | None:
    """The mouth, cut tightly around the lips with a margin of 15 % of their size.

    Args:
        bgr: a picture, (height, width, 3); any order of colours.
        landmarks: (468, 2), x and y in pixels.

    Returns:
        a view of the picture; None when less than 10 x 10 pixels would be left.
    """
    height, width = bgr.shape[:2]
    lips = landmarks[list(OUTER_LIPS)]
    (left, top), (right, bottom) = lips.min(axis=0), lips.max(axis=0)
    beside, above = (right - left) * PADDING, (bottom - top) * PADDING
    x1, y1 = max(0, int(left - beside)), max(0, int(top - above))
    x2, y2 = min(width, int(right + beside)), min(height, int(bottom + above))
    return None if x2 - x1 < SMALLEST or y2 - y1 < SMALLEST else bgr[y1:y2, x1:x2]


def mosaic(cells: Sequence[NDArray[np.uint8] | None]) -> NDArray[np.uint8]:
    """Puts 12 mouths, in reading order, into one picture of shape (240, 400, 3).

    Args:
        cells: each (height, width, 3) of any size; None stays black.

    Raises:
        InvalidInputError: not 12 of them.
    """
    import numpy as np

    if len(cells) != COUNT:
        raise InvalidInputError(
            f"a mosaic has {COUNT} cells, not {len(cells)}", hint="None stands for a missing one"
        )
    cv2 = _cv2()
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for place, cell in enumerate(cells):
        if cell is not None:
            y, x = place // COLUMNS * CELL_HEIGHT, place % COLUMNS * CELL_WIDTH
            image[y : y + CELL_HEIGHT, x : x + CELL_WIDTH] = cv2.resize(
                cell, (CELL_WIDTH, CELL_HEIGHT), interpolation=cv2.INTER_LINEAR
            )
    return image


def encoded(image: NDArray[np.uint8], kind: str = "jpg") -> bytes:
    """The picture as a file's bytes: JPEG of quality 95, or PNG for `png`.

    Raises:
        InvalidInputError: another kind.
    """
    if kind not in ("jpg", "png"):
        raise InvalidInputError(f"a mosaic is kept as jpg or png, not as `{kind}`", hint="jpg")
    cv2 = _cv2()
    options = [cv2.IMWRITE_JPEG_QUALITY, QUALITY] if kind == "jpg" else []
    return bytes(cv2.imencode(f".{kind}", image, options)[1].tobytes())


def size_of(data: bytes) -> tuple[int, int] | None:
    """Width and height of a picture file; None when it is none or was cut off."""
    import numpy as np

    if data.startswith(b"\xff\xd8") and not data.rstrip(b"\0").endswith(b"\xff\xd9"):
        return None
    cv2 = _cv2()
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    return None if image is None else (image.shape[1], image.shape[0])


def mosaic_of(
    source: Path | bytes,
    span: tuple[int, int] | None,
    *,
    landmarks: Landmarks | None = None,
) -> Mosaic | None:
    """The picture of a video in one streaming pass; that of a mouth clip is of its own frames.

    Args:
        source: a video of a face, or of a mouth alone (square, up to 160 pixels).
        span: the speech, from its first frame to the first after it; None for the whole video,
            which then is decoded twice, once to count it.
        landmarks: finds the face; by default `RefinedLandmarks` for still pictures, opened for this
            call.

    Returns:
        None when fewer than nine of the twelve sampled frames, or their neighbours, show a mouth.

    Raises:
        InvalidInputError: no video.
        DamagedError: nothing can be decoded.
        MissingDependencyError: OpenCV, PyAV or MediaPipe is not installed.
    """
    return mouths_in(source, span, landmarks=landmarks).mosaic


def mouths_in(
    source: Path | bytes,
    span: tuple[int, int] | None,
    *,
    landmarks: Landmarks | None = None,
) -> Mouths:
    """The mouths of the sampled frames; see `mosaic_of`."""
    if span is None:
        span = (0, sum(1 for _ in read_frames(source, colour="grey")) - 1)
    indices = sample_indices(*span)
    with nullcontext(landmarks) if landmarks else RefinedLandmarks() as find:
        seen = dict(_cut(source, set(indices), find))
        lacking = [index for index in indices if seen.get(index) is None]
        if lacking:
            near = {index + step for index in lacking for step in NEIGHBOURS} - seen.keys()
            seen.update(_cut(source, near, find))
    used = tuple(_nearest(index, seen) for index in indices)
    return Mouths(
        indices=tuple(indices),
        cells=tuple(None if place is None else seen[place] for place in used),
        used=used,
        missed=sum(mouth is None for mouth in seen.values()),
    )


def shows_mouth(height: int, width: int) -> bool:
    """Whether a video of this size shows a mouth that was cut out already, not a face."""
    return height == width <= MOUTH_SIDE


class RefinedLandmarks(Closing):
    """The face mesh with refined lips, as LipAgent has it; opened at the first picture.

    Use it as a context manager, for as many videos as you like; not for several threads at once.

    Args:
        tracking: for successive frames of one video; without, each picture is looked at by itself.
    """

    def __init__(self, *, tracking: bool = False) -> None:
        self._tracking = tracking
        self._opened: FaceLandmarks | None = None

    def __call__(self, rgb: NDArray[np.uint8]) -> list[NDArray[np.float64]]:
        """The faces in a picture; see `FaceLandmarks`. Only the outer lips are read."""
        if self._opened is None:
            from truing.modalities.lipreading.landmarks import FaceLandmarks

            self._opened = FaceLandmarks(tracking=self._tracking, refine=True, points=OUTER_LIPS)
        return self._opened(rgb)

    def close(self) -> None:
        """Frees the mesh; the next picture opens it again."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None


def mouth_in(bgr: NDArray[np.uint8], landmarks: Landmarks) -> NDArray[np.uint8] | None:
    """The mouth in a picture: tightly around the lips, or all of it where it shows only a mouth."""
    if shows_mouth(*bgr.shape[:2]):
        return bgr
    cv2 = _cv2()
    faces = landmarks(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB))
    return tight_mouth(bgr, faces[0]) if faces else None


def _cut(
    source: Path | bytes, wanted: AbstractSet[int], find: Landmarks
) -> Iterator[tuple[int, NDArray[np.uint8] | None]]:
    wanted = {index for index in wanted if index >= 0}
    # All are decoded before the first face is looked for: taking turns costs a tenth more.
    frames = list(read_frames(source, colour="bgr", last=max(wanted, default=0), only=wanted))
    for frame in frames:
        yield frame.index, mouth_in(frame.image, find)


def _nearest(index: int, seen: Mapping[int, NDArray[np.uint8] | None]) -> int | None:
    places = (index, *(index + step for step in NEIGHBOURS))
    return next((place for place in places if seen.get(place) is not None), None)


def _cv2() -> Any:
    try:
        import cv2
    except ImportError as error:
        raise MissingDependencyError(
            "pictures are resized and encoded by OpenCV, which is not installed",
            hint='pip install "truing[lipreading]"',
        ) from error
    return cv2
