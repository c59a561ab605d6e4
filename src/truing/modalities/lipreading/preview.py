"""Preview: what a player draws of a video before it is fetched, in some twenty kilobytes.

The time of every frame, so that a step lands on a frame and not near one; where the mouth is, for a
zoomed view; stills of it and how much it moves, to find words by; the aligned words.

The mouth is found in a few frames and taken to move evenly between them; its size is one for the
whole video, as in the crops that models are given. Few `buckets` ask for a small still alone.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from truing.domain.errors import InvalidInputError, MissingDependencyError
from truing.domain.prediction import Word
from truing.domain.recipe import MediaFile
from truing.modalities.lipreading import alignment
from truing.modalities.lipreading.frames import Frame, probe
from truing.modalities.lipreading.landmarks import LIPS, FaceLandmarks
from truing.modalities.lipreading.mouth import EYES, HALF, framing_of
from truing.modalities.lipreading.span import frames_in

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Image = NDArray[np.uint8]
    Points = NDArray[np.float64]

FEW = 16
"""Fewer buckets ask for a still alone: what a row of a table shows."""
STILLS = 12
STILL_SIDE = 64
"""Pixels, of the shorter side of a still of the whole picture, and of the stills of the mouth."""
STILL_QUALITY = 70
LONGEST = 120.0
"""Seconds that are looked at."""
ANCHOR_EVERY = 0.3
"""Seconds between frames in which the mouth is looked for."""
MOST_ANCHORS = 48


def preview(media: Mapping[str, MediaFile], buckets: int) -> Mapping[str, object]:
    """What can be drawn of a sample.

    Args:
        media: `video`, and `alignment` if there is one.
        buckets: fewer than `FEW` ask for `width`, `height` and one still.

    Returns:
        `duration` (s), `times` (s, of each frame), `width`, `height` (pixels, upright), `sound`
        (whether there is any), `still` (base64 of a JPEG), `stills` (the same, evenly over time),
        `mouth` (None, or `side` and for each frame the centre `x`, `y` of a square, in pixels),
        `movement` (base64 of a byte for each frame: how much changed since the one before,
        relative to the largest change), `words` of the alignment (`text`, `start`, `end`),
        `whole` (False: only the first `LONGEST` seconds were looked at).

    Raises:
        NotFoundError: its file is gone.
        InvalidInputError: no video.
        DamagedError: it cannot be decoded.
        MissingDependencyError: a package that decodes video is not installed.
    """
    video = media["video"]
    facts = probe(video.path)
    if buckets < FEW:
        return _still(video, facts.duration)
    with ExitStack() as stack:
        looked = _Looked(_finder(stack))
        whole = looked.look(frames_in(video, colour="rgb"))
    words = _words(media["alignment"]) if "alignment" in media else ()
    return {
        **looked.as_dict(),
        "sound": facts.has_audio,
        "words": [{"text": one.text, "start": one.start, "end": one.end} for one in words],
        "whole": whole,
    }


def _words(medium: MediaFile) -> tuple[Word, ...]:
    try:
        return alignment.read(medium.path)
    except InvalidInputError:
        return ()  # a check says what is wrong with it; the video can be shown all the same


def _still(video: MediaFile, duration: float | None) -> Mapping[str, object]:
    """A still from the middle; from the first second of what does not tell its length."""
    last = video.end if video.end is not None else duration
    middle = min(LONGEST, (last - (video.start or 0.0)) / 2 if last is not None else 1.0)
    frames = frames_in(video, colour="rgb")
    image = next(frames).image
    for frame in frames:
        if frame.time > middle:
            break
        image = frame.image
    height, width = image.shape[:2]
    return {"width": width, "height": height, "still": _jpeg(image)}


def _finder(stack: ExitStack) -> FaceLandmarks | None:
    try:
        return stack.enter_context(FaceLandmarks())
    except MissingDependencyError:
        return None  # the player shows the whole picture alone


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mouth:
    time: float
    centre: Points
    """x, y in pixels."""
    half: float
    """Pixels."""


class _Looked:
    """What is known of a video after each frame of it."""

    def __init__(self, finder: FaceLandmarks | None) -> None:
        self._finder = finder
        self._times: list[float] = []
        self._changes: list[float] = []
        self._mouths: list[_Mouth] = []
        self._stills: list[tuple[float, Image, Image]] = []
        self._stride = 1
        self._next_anchor = 0.0
        self._gap = ANCHOR_EVERY
        self._before: Image | None = None
        self._size = (0, 0)

    def look(self, frames: Iterator[Frame]) -> bool:
        """Takes all frames up to `LONGEST`; whether that was everything."""
        for frame in frames:
            if frame.time > LONGEST:
                return False
            self._add(frame)
        return True

    def _add(self, frame: Frame) -> None:
        image = frame.image
        if not self._times:
            self._size = (image.shape[1], image.shape[0])
            if framing_of(*self._size) == "mouth":
                self._finder = None
        if self._finder is not None and frame.time >= self._next_anchor:
            self._find(self._finder, frame)
        self._changes.append(self._change(image))
        if len(self._times) % self._stride == 0:
            self._keep(frame)
        self._times.append(frame.time)

    def _find(self, finder: FaceLandmarks, frame: Frame) -> None:
        self._next_anchor = frame.time + self._gap
        # A video of minutes is looked at less and less often.
        if len(self._times) and len(self._mouths) >= MOST_ANCHORS:
            self._gap *= 2
        for points in finder(frame.image)[:1]:
            apart = float(((points[EYES[0]] - points[EYES[1]]) ** 2).sum() ** 0.5)
            centre = points[list(LIPS)].mean(axis=0)
            self._mouths.append(_Mouth(time=frame.time, centre=centre, half=HALF * apart))

    def _box(self) -> tuple[slice, slice]:
        """The newest mouth in the picture, as rows and columns; the whole without one."""
        width, height = self._size
        if not self._mouths:
            side = min(width, height)
            left, top = (width - side) // 2, (height - side) // 2
            return slice(top, top + side), slice(left, left + side)
        mouth = self._mouths[-1]
        half = max(8.0, mouth.half)
        x, y = (float(one) for one in mouth.centre)
        return (
            slice(max(0, round(y - half)), max(1, round(y + half))),
            slice(max(0, round(x - half)), max(1, round(x + half))),
        )

    def _change(self, image: Image) -> float:
        """Mean difference to the frame before, where the mouth is; of the green light alone."""
        import numpy as np

        green = image[..., 1]
        before, self._before = self._before, green
        if before is None or before.shape != green.shape:
            return 0.0
        box = self._box()
        if not green[box].size:
            return 0.0
        return float(np.abs(green[box].astype(np.int16) - before[box]).mean())

    def _keep(self, frame: Frame) -> None:
        crop = frame.image[self._box()]
        crop = crop if crop.size else frame.image
        self._stills.append((frame.time, _small(crop), _small(frame.image)))
        if len(self._stills) > 4 * STILLS:
            del self._stills[1::2]
            self._stride *= 2

    def as_dict(self) -> dict[str, object]:
        """The answer, but for what headers and the alignment say."""
        import numpy as np

        gaps = [later - earlier for earlier, later in pairwise(self._times)]
        duration = self._times[-1] + (gaps[-1] if gaps else 1 / 25)
        most = max(self._changes) or 1.0
        movement = np.rint(np.asarray(self._changes) * (255 / most)).astype(np.uint8)
        wanted = [(at + 0.5) * duration / STILLS for at in range(STILLS)]
        chosen = [min(self._stills, key=lambda one: abs(one[0] - time)) for time in wanted]
        return {
            "duration": round(duration, 6),
            "times": [round(time, 6) for time in self._times],
            "width": self._size[0],
            "height": self._size[1],
            "still": _jpeg(chosen[len(chosen) // 2][2]),
            "stills": [_jpeg(crop) for _, crop, _ in chosen],
            "mouth": self._mouth(),
            "movement": base64.b64encode(movement.tobytes()).decode("ascii"),
        }

    def _mouth(self) -> dict[str, Any] | None:
        import numpy as np

        if not self._mouths:
            return None
        when = [one.time for one in self._mouths]
        where = np.asarray([one.centre for one in self._mouths])
        half = float(np.median([one.half for one in self._mouths]))
        x, y = (np.interp(self._times, when, where[:, axis]).round(1) for axis in (0, 1))
        return {"side": round(2 * half, 1), "x": x.tolist(), "y": y.tolist()}


def _small(image: Image) -> Image:
    """At most `STILL_SIDE` pixels on its shorter side."""
    import cv2

    height, width = image.shape[:2]
    share = STILL_SIDE / min(width, height)
    if share >= 1:
        return image
    size = (max(1, round(width * share)), max(1, round(height * share)))
    shrunk: Image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return shrunk


def _jpeg(image: Image) -> str:
    import cv2

    small = _small(image)[..., ::-1]
    _, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, STILL_QUALITY])
    return base64.b64encode(data.tobytes()).decode("ascii")
