"""What can be seen in a video, in figures: one pass forward, faces looked for in a dozen frames.

Scope: at most the first minute of a span. Figures of the mouth are taken inside the box that our
models see (see `mouth`), so they mean the same for faces near and far and for ready mouth clips.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from truing.domain.errors import DamagedError, MissingDependencyError, NotFoundError
from truing.modalities.lipreading.frames import Decoded, decode, stamps
from truing.modalities.lipreading.landmarks import LIPS, FaceLandmarks
from truing.modalities.lipreading.mouth import (
    HALF,
    SIDE,
    cut_out,
    eye_distance,
    mouth_centre,
    within,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Image = NDArray[np.uint8]
    Points = NDArray[np.float64]

SAMPLES = 12
LONGEST = 60.0
"""Seconds of a span that are looked at."""
FACES = 3
CORNERS = (61, 291)
"""Landmarks of the corners of the mouth."""
STILL = 0.05
"""Mean change of luma below which two frames are the same picture."""
COARSE = 4
"""Every so many pixels are compared between frames."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """One frame that was looked at closely."""

    time: float
    faces: int | None
    """None where faces were not looked for."""
    mouth_width: float | None = None
    """Pixels between the corners of the mouth."""
    inside: bool = True
    """Whether the whole mouth lies in the picture."""
    brightness: float | None = None
    """Mean luma in the box, 16 to 235."""
    sharpness: float | None = None
    """Energy of fine detail in the box as a share of all its contrast."""
    contrast: float | None = None
    """Standard deviation of luma in the box; of the whole picture where no box is known."""
    rows: float | None = None
    """How much changes from row to row, as a share of what changes from column to column: nearly
    nothing where a decoder drew pixels down over the rest of a picture it lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """All figures of one span."""

    frames: int
    times: tuple[float, ...]
    """Seconds from the beginning of the span."""
    damaged: int
    glances: tuple[Glance, ...]
    frozen: float
    """Longest stretch of one unchanging picture, in seconds."""
    repeated: float
    """Share of frames that show the same picture as the one before."""
    unmeshed: str | None
    """Why faces could not be looked for although they should; None where they were."""

    @property
    def seconds(self) -> float:
        """From the first frame to the last."""
        return self.times[-1] if self.times else 0.0

    @property
    def lost(self) -> tuple[float, float]:
        """Share of glances without a face, and the longest stretch of them in seconds."""
        missing = [one.faces == 0 for one in self.glances]
        if not missing:
            return 0.0, 0.0
        step = self.seconds / max(1, len(missing) - 1)
        run = longest = 0
        for gone in missing:
            run = run + 1 if gone else 0
            longest = max(longest, run)
        return sum(missing) / len(missing), longest * step


def observe(
    source: Path | bytes,
    *,
    framing: str,
    start: float | None = None,
    end: float | None = None,
    task: Path | None = None,
) -> Observation:
    """Looks at a span of a video.

    Args:
        source: the video.
        framing: `mouth` for ready mouth clips, in which no face is looked for; else `face`.
        start: seconds where the span begins.
        end: seconds where it ends.
        task: a face landmarker of the user; see `FaceLandmarks`.

    Raises:
        DamagedError: not one frame can be decoded.
        InvalidInputError: no video.
        MissingDependencyError: PyAV is not installed.
    """
    begin = start or 0.0
    until = min(begin + LONGEST, end) if end is not None else begin + LONGEST
    span = (begin, until)
    if framing == "mouth":
        return _observed(source, span, _of_clip)
    try:
        mesh = FaceLandmarks(faces=FACES, task=task)
    except (MissingDependencyError, NotFoundError, DamagedError) as error:
        why = f"{error.message} ({error.hint})" if error.hint else error.message
        return _observed(source, span, _of_picture, unmeshed=why)
    with mesh:
        return _observed(
            source, span, lambda one, luma: _of_face(one, luma, mesh(one.image("rgb")))
        )


def _observed(
    source: Path | bytes,
    span: tuple[float, float],
    look: Callable[[Decoded, Image], Glance],
    *,
    unmeshed: str | None = None,
) -> Observation:
    wanted = _sampled([i for i, time in enumerate(stamps(source)) if within(time, span)])
    times: list[float] = []
    glances: list[Glance] = []
    still = _Stillness()
    damaged = 0
    for one in decode(source):
        if one.time >= span[1]:
            break
        if not within(one.time, span):
            continue
        luma = one.image("grey")
        times.append(one.time - span[0])
        damaged += one.damaged
        still.add(luma, one.time)
        if one.index in wanted:
            glances.append(look(one, luma))
    return Observation(
        frames=len(times),
        times=tuple(times),
        damaged=damaged,
        glances=tuple(glances),
        frozen=still.longest,
        repeated=still.repeats / max(1, len(times) - 1),
        unmeshed=unmeshed,
    )


def _sampled(indices: list[int]) -> set[int]:
    import numpy as np

    places = np.linspace(0, len(indices) - 1, min(SAMPLES, len(indices)))
    return {indices[round(place)] for place in places.tolist()}


class _Stillness:
    """Counts frames that show the picture of the one before, and the longest run of them."""

    def __init__(self) -> None:
        self._before: NDArray[np.int16] | None = None
        self._since = 0.0
        self.repeats, self.longest = 0, 0.0

    def add(self, luma: Image, time: float) -> None:
        import numpy as np

        coarse = luma[::COARSE, ::COARSE].astype(np.int16)
        before, self._before = self._before, coarse
        same = before is not None and before.shape == coarse.shape
        if before is not None and same and float(np.abs(coarse - before).mean()) < STILL:
            self.repeats += 1
            self.longest = max(self.longest, time - self._since)
        else:
            self._since = time


def _of_picture(one: Decoded, luma: Image) -> Glance:
    return _whole(one, luma, faces=None)


def _whole(one: Decoded, luma: Image, *, faces: int | None) -> Glance:
    return Glance(
        time=one.time, faces=faces, brightness=float(luma.mean()), contrast=float(luma.std())
    )


def _of_clip(one: Decoded, luma: Image) -> Glance:
    half = luma.shape[1] / 2
    return _of_box(cut_out(luma, (half, half), half), Glance(time=one.time, faces=None))


def _of_face(one: Decoded, luma: Image, faces: list[Points]) -> Glance:
    if not faces:
        return _whole(one, luma, faces=0)
    face = max(faces, key=eye_distance)
    height, width = luma.shape
    left, right = face[CORNERS[0]], face[CORNERS[1]]
    lips = face[list(LIPS)]
    inside = lips.min() >= 0 and bool((lips.max(axis=0) < (width, height)).all())
    plain = Glance(
        time=one.time,
        faces=_apart(faces),
        mouth_width=math.dist(left, right),
        inside=bool(inside),
    )
    return _of_box(cut_out(luma, mouth_centre(face), HALF * eye_distance(face)), plain)


def _apart(faces: list[Points]) -> int:
    """How many there are: the detector sometimes sees one face twice."""
    kept: list[Points] = []
    for face in sorted(faces, key=eye_distance, reverse=True):
        if all(
            math.dist(mouth_centre(face), mouth_centre(other)) > eye_distance(other)
            for other in kept
        ):
            kept.append(face)
    return len(kept)


def _of_box(box: Image, plain: Glance) -> Glance:
    """Adds the figures of a (96, 96) box."""
    import numpy as np

    values = box.astype(np.float64)
    half = values.reshape(SIDE // 2, 2, SIDE // 2, 2).mean(axis=(1, 3))  # less of the noise
    detail = (
        4 * half[1:-1, 1:-1] - half[:-2, 1:-1] - half[2:, 1:-1] - half[1:-1, :-2] - half[1:-1, 2:]
    )
    down, across = (float(np.square(np.diff(values, axis=axis)).mean()) for axis in (0, 1))
    return replace(
        plain,
        brightness=float(values.mean()),
        sharpness=float(detail.var() / (half.var() + 1.0)),
        contrast=float(values.std()),
        rows=down / (across + 0.1),
    )
