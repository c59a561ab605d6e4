"""A clip as a small matrix of pixels: the lips at fixed scale, coarse, with their time normalised.

The fixed-scale mouth clip is cropped to the lips, averaged over cells of 4 x 4 pixels and spread
over `POINTS` instants from its first frame to its last; light and contrast are taken out, and the
mean face with them, so that what is left is movement.

Decoding costs far more than all of that. The matrices of the last `REMEMBERED` clips stay in
memory, 76 kB each, for a baseline and a model that look at the same clips.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from truing.domain.errors import DamagedError, NotFoundError
from truing.domain.recipe import MediaFile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

POINTS = 75
"""Instants: as many as a GRID clip has frames."""
TOP, BOTTOM, LEFT, RIGHT = 32, 88, 12, 84
"""The lips and the chin within the mouth clip of 96 x 96."""
CELL = 4
WIDTH = (BOTTOM - TOP) // CELL * ((RIGHT - LEFT) // CELL)
"""Cells of an instant: 14 x 18."""
REMEMBERED = 1500


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pixels:
    """The moving lips of a clip."""

    values: NDArray[np.float32]
    """Shape (`POINTS`, `WIDTH`); over the clip of mean 0 in each cell."""
    first: float
    """Time of the first instant in seconds."""
    last: float
    """Time of the last one."""
    seen: float
    """Share of the frames in which a face was found, 0 to 1."""

    def place(self, seconds: float) -> float:
        """The instant, 0 to `POINTS` - 1, at a time in seconds."""
        return (seconds - self.first) / max(self.last - self.first, 1e-6) * (POINTS - 1)

    def time(self, place: float) -> float:
        """Seconds at an instant."""
        return self.first + place / (POINTS - 1) * (self.last - self.first)


def pixels_of(video: MediaFile) -> Pixels:
    """The matrix of a video, or of its span.

    Raises:
        NotFoundError: its file is gone.
        DamagedError: nothing can be decoded.
        MissingDependencyError: the packages that decode it are not installed.
    """
    try:
        facts = video.path.stat()
    except OSError as error:
        raise NotFoundError(
            f"there is no file `{video.path}`", hint="check the path; `truing verify` looks at all"
        ) from error
    stamp = (facts.st_ino, facts.st_size, facts.st_mtime_ns)
    return _pixels(video.path, video.start, video.end, stamp)


@lru_cache(maxsize=REMEMBERED)
def _pixels(path: Path, start: float | None, end: float | None, stamp: tuple[int, ...]) -> Pixels:
    from truing.modalities.lipreading.mouth import mouth_clip

    del stamp  # part of the key alone: another file under the same name is another clip
    clip = mouth_clip(path, start=start, end=end)
    if not len(clip.frames):
        raise DamagedError(
            f"no frame of `{path.name}` lies between {start or 0} s and {end} s",
            hint="the span is outside of its video",
        )
    return Pixels(
        values=matrix(clip.frames, clip.times),
        first=float(clip.times[0]),
        last=float(clip.times[-1]),
        seen=float(clip.seen.mean()),
    )


def matrix(frames: NDArray[np.uint8], times: NDArray[np.float64]) -> NDArray[np.float32]:
    """Cells over time, shape (`POINTS`, `WIDTH`).

    Args:
        frames: shape (n, 96, 96), grey.
        times: shape (n,), rising.
    """
    import numpy as np

    lips = frames[:, TOP:BOTTOM, LEFT:RIGHT]
    count, rows, columns = len(lips), (BOTTOM - TOP) // CELL, (RIGHT - LEFT) // CELL
    cells = lips.reshape(count, rows, CELL, columns, CELL).mean((2, 4), dtype=np.float32)
    spread = between(cells.reshape(1, count, -1), _places(times)[None])[0]
    spread = (spread - spread.mean()) / (spread.std() + 1e-6)
    return np.asarray(spread - spread.mean(0), dtype=np.float32)


def _places(times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where, in frames, each of the `POINTS` instants lies."""
    import numpy as np

    wanted = np.linspace(times[0], times[-1], POINTS)
    return np.interp(wanted, times, np.arange(len(times)))


def between(clips: NDArray[np.float32], places: NDArray[np.float64]) -> NDArray[np.float32]:
    """Reads clips at fractional instants; beyond an end they stand still.

    Args:
        clips: shape (n, instants, width).
        places: shape (n, m), in instants.

    Returns:
        Shape (n, m, width).
    """
    import numpy as np

    inside = np.clip(places, 0, clips.shape[1] - 1)
    before = np.floor(inside).astype(np.intp)
    after = np.minimum(before + 1, clips.shape[1] - 1)
    share = (inside - before)[..., None].astype(np.float32)
    rows = np.arange(len(clips))[:, None]
    return np.asarray(clips[rows, before] * (1 - share) + clips[rows, after] * share)
