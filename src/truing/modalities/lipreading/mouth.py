"""The mouth as our own models see it: 96 x 96 grey pixels, one scale per clip, held steady.

The box reaches 0.62 times the distance of the outer eye corners to every side of the mean of the
lip points, upright. A face mesh is computed at anchor frames about 0.74 s apart; the centre moves
in a straight line from one to the next, so that the mouth opens and closes inside a steady box
instead of the box following it, and the scale is the median over the clip. Where an anchor finds no
face, the frames after it are tried. A box that fits each frame tightly would take away how far the
mouth is open.

`mouth_tracker.MouthTracker` gives nearly the same picture while the frames arrive.

Scope: one speaker. Where several faces are seen the clearest counts, and anchors that jump to
another place are left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from truing.domain.errors import InvalidInputError, MissingDependencyError
from truing.modalities.lipreading.frames import decode, probe, stamps
from truing.modalities.lipreading.landmarks import LIPS, FaceLandmarks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Image = NDArray[np.uint8]
    Points = NDArray[np.float64]

SIDE = 96
READY_SIDE = 160
"""A square video up to this many pixels is a mouth clip already, not a face."""
HALF = 0.62
"""Half the side of the box, in distances of the outer eye corners."""
EYES = (33, 263)
SPACING = 0.74
"""Seconds from anchor to anchor."""
FEWEST_ANCHORS = 5
TRIES = 6
"""Frames that are looked at for one anchor before it is given up."""
JUMP, AROUND = 1.0, 2
"""An anchor this many eye distances off the median of it and two on either side is another face."""
MOST_PICTURES = 30_000
"""Of one clip: 20 minutes at 25 frames a second, 276 megabytes."""
SHRINK = 1.5
"""From this many source pixels per pixel on, the picture is averaged before it is sampled."""
EARLY = 1e-4
"""Seconds by which a time stamp may lie before the span and still belong to it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MouthClip:
    """What a model is shown of one sample."""

    frames: Image
    """(n, 96, 96) grey; zeros when no face was found anywhere."""
    times: Points
    """(n,) seconds from the beginning of the span."""
    seen: NDArray[np.bool_]
    """(n,) whether a face was found at the nearest anchor."""


def framing_of(width: int, height: int) -> str:
    """`mouth` for small squares, which hold nothing but a mouth; else `face`."""
    return "mouth" if width == height <= READY_SIDE else "face"


def mouth_clip(
    source: Path | bytes,
    *,
    start: float | None = None,
    end: float | None = None,
    landmarks: FaceLandmarks | None = None,
) -> MouthClip:
    """The mouth in a video of a face, or a ready mouth clip brought to size.

    Args:
        source: the video.
        start: seconds from the first frame where the span begins.
        end: seconds where it ends; a frame shown then no longer belongs to it.
        landmarks: a mesh to use instead of a new one; it must not be tracking.

    Raises:
        NotFoundError: no such file.
        InvalidInputError: no video, or one of more than 30 000 frames.
        DamagedError: not one frame can be decoded.
        MissingDependencyError: PyAV, OpenCV or MediaPipe is not installed.
    """
    facts, span = probe(source), (start or 0.0, end)
    if framing_of(facts.width, facts.height) == "mouth":
        return _ready(source, span)
    if landmarks is not None:
        return _cropped(source, span, _path(source, span, landmarks))
    with FaceLandmarks() as mesh:
        path = _path(source, span, mesh)
    return _cropped(source, span, path)


def within(time: float, span: tuple[float, float | None]) -> bool:
    """Whether a frame shown at `time` belongs to a span of (start, end) in seconds."""
    begin, end = span
    return time >= begin - EARLY and (end is None or time < end - EARLY)


def _is_over(time: float, span: tuple[float, float | None]) -> bool:
    return span[1] is not None and time >= span[1] - EARLY


def _ready(source: Path | bytes, span: tuple[float, float | None]) -> MouthClip:
    cv2 = opencv()
    made = _Pictures()
    for one in decode(source):
        if _is_over(one.time, span):
            break
        if within(one.time, span):
            image = one.image("grey")
            if image.shape != (SIDE, SIDE):
                way = cv2.INTER_AREA if image.shape[0] > SIDE else cv2.INTER_LINEAR
                image = cv2.resize(image, (SIDE, SIDE), interpolation=way)
            made.add(image, one.time - span[0], seen=True)
    return made.clip()


class _Pictures:
    """A clip in the making."""

    def __init__(self) -> None:
        self._images: list[Image] = []
        self._times: list[float] = []
        self._seen: list[bool] = []

    def add(self, image: Image, time: float, *, seen: bool) -> None:
        if len(self._images) == MOST_PICTURES:
            raise InvalidInputError(
                f"the video has more than {MOST_PICTURES} frames, too many to look at at once",
                hint="give its utterances as spans with `start` and `end`",
            )
        self._images.append(image)
        self._times.append(time)
        self._seen.append(seen)

    def clip(self) -> MouthClip:
        import numpy as np

        return MouthClip(
            frames=np.stack(self._images) if self._images else np.zeros((0, SIDE, SIDE), np.uint8),
            times=np.array(self._times, dtype=np.float64),
            seen=np.array(self._seen, dtype=np.bool_),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Path:
    """Where the mouth is, by the index of the frame."""

    anchors: Points
    """(k,) indices of frames with a face."""
    centres: Points
    """(k, 2) pixels."""
    half: float
    """Pixels from the centre to each side."""
    missed: Points
    """(m,) indices at which no face was found."""

    def centre(self, index: int) -> tuple[float, float]:
        """In pixels, x first."""
        import numpy as np

        across, down = self.centres.T
        return (
            float(np.interp(index, self.anchors, across)),
            float(np.interp(index, self.anchors, down)),
        )

    def seen(self, index: int) -> bool:
        """Whether the nearest anchor has a face."""
        if not len(self.missed):
            return True
        return bool(abs(self.anchors - index).min() <= abs(self.missed - index).min())


def _anchors(source: Path | bytes, span: tuple[float, float | None]) -> list[int]:
    """Indices of the frames at which the face is looked for, equally spaced over the span."""
    import numpy as np

    shown = stamps(source)
    inside = [index for index, time in enumerate(shown) if within(time, span)]
    if not inside:
        return []
    first, last = inside[0], inside[-1]
    wanted = max(FEWEST_ANCHORS, round((shown[last] - shown[first]) / SPACING) + 1)
    even = np.linspace(first, last, min(wanted, len(inside)))
    return [int(index) for index in np.round(even)]


def _path(
    source: Path | bytes, span: tuple[float, float | None], find: FaceLandmarks
) -> _Path | None:
    """None when no face was found anywhere."""
    import numpy as np

    due = _anchors(source, span)
    found: list[tuple[int, Points]] = []
    missed: list[int] = []
    tries = 0
    for one in decode(source, last=due[-1] if due else 0):
        if not due or one.index < due[0]:
            continue
        if len(due) > 1 and one.index >= due[1]:
            missed.append(due.pop(0))
            tries = 0
        faces = find(one.image("rgb"))
        tries += 1
        if faces:
            found.append((one.index, faces[0]))
        elif tries < TRIES:
            continue
        else:
            missed.append(due[0])
        due.pop(0)
        tries = 0
    return _joined(found, np.array([*missed, *due], dtype=np.float64))


def _joined(found: list[tuple[int, Points]], missed: Points) -> _Path | None:
    import numpy as np

    if not found:
        return None
    eyes = float(np.median([eye_distance(face) for _, face in found]))
    centres = np.array([mouth_centre(face) for _, face in found])
    steady = [
        math.dist(centre, np.median(centres[max(0, i - AROUND) : i + AROUND + 1], axis=0))
        <= JUMP * eyes
        for i, centre in enumerate(centres)
    ]
    kept = np.array(steady) if any(steady) else np.ones(len(centres), np.bool_)
    return _Path(
        anchors=np.array([index for index, _ in found], dtype=np.float64)[kept],
        centres=centres[kept],
        half=HALF * eyes,
        missed=missed,
    )


def eye_distance(face: Points) -> float:
    """Pixels between the outer corners of the eyes of a (468, 2) face."""
    return math.dist(face[EYES[0]], face[EYES[1]])


def mouth_centre(face: Points) -> tuple[float, float]:
    """The mean of the lip points of a (468, 2) face, in pixels."""
    x, y = face[list(LIPS)].mean(axis=0)
    return float(x), float(y)


def _cropped(
    source: Path | bytes, span: tuple[float, float | None], path: _Path | None
) -> MouthClip:
    import numpy as np

    made = _Pictures()
    for one in decode(source):
        if _is_over(one.time, span):
            break
        if not within(one.time, span):
            continue
        time = one.time - span[0]
        if path is None:
            made.add(np.zeros((SIDE, SIDE), np.uint8), time, seen=False)
        else:
            image = cut_out(one.image("grey"), path.centre(one.index), path.half)
            made.add(image, time, seen=path.seen(one.index))
    return made.clip()


def cut_out(image: Image, centre: tuple[float, float], half: float) -> Image:
    """The square around a centre as (96, 96); beyond the edge the picture's border goes on.

    Args:
        image: (height, width) grey.
        centre: x and y in pixels.
        half: pixels from the centre to each side.
    """
    import numpy as np

    cv2 = opencv()
    (x, y), half = centre, max(half, 1.0)
    if 2 * half / SIDE >= SHRINK:
        image, x, y, half = _shrunk(image, x, y, half)
    scale = SIDE / (2 * half)
    matrix = np.array(
        [[scale, 0.0, SIDE / 2 - scale * x], [0.0, scale, SIDE / 2 - scale * y]], dtype=np.float64
    )
    return np.asarray(
        cv2.warpAffine(
            image, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        ),
        dtype=np.uint8,
    )


def _shrunk(image: Image, x: float, y: float, half: float) -> tuple[Image, float, float, float]:
    """The neighbourhood of the box, averaged over whole pixels, and the box in it."""
    cv2 = opencv()
    times = max(1, round(2 * half / SIDE))
    height, width = image.shape
    left, top = (int(max(0, at - half - 2 * times)) for at in (x, y))
    right, bottom = (int(at + half + 2 * times) + 1 for at in (x, y))
    part = image[top : min(height, bottom), left : min(width, right)]
    rows, columns = (max(1, size // times) for size in part.shape)
    if part.size == 0:
        return image, x, y, half
    small = cv2.resize(
        part[: rows * times, : columns * times], (columns, rows), interpolation=cv2.INTER_AREA
    )
    middle = (times - 1) / 2  # a small pixel lies at the middle of those it averages
    return small, (x - left - middle) / times, (y - top - middle) / times, half / times


def opencv() -> Any:
    """OpenCV.

    Raises:
        MissingDependencyError: it is not installed.
    """
    try:
        import cv2
    except ImportError as error:
        raise MissingDependencyError(
            "pictures are cut and scaled by OpenCV, which is not installed",
            hint='pip install "truing[lipreading]"',
        ) from error
    return cv2
