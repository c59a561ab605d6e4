"""The mouth live: the picture of `mouth.mouth_clip`, frame by frame as a camera gives them."""

from __future__ import annotations

import math
import statistics
from collections import deque
from typing import TYPE_CHECKING

from truing.domain.closing import Closing
from truing.modalities.lipreading.frames import studio_levels
from truing.modalities.lipreading.landmarks import FaceLandmarks
from truing.modalities.lipreading.mouth import (
    EARLY,
    HALF,
    cut_out,
    eye_distance,
    mouth_centre,
    opencv,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Image = NDArray[np.uint8]
    Points = NDArray[np.float64]

EVERY = 0.12
"""Seconds from one face mesh of the tracker to the next."""
SETTLE = 0.2
"""Seconds over which the tracker averages the place of the mouth."""
SCALES = 100
"""Meshes whose eye distances set the tracker's scale."""


class MouthTracker(Closing):
    """The picture of `mouth_clip`, frame by frame as a camera gives them. Use it as a context.

    A face mesh is computed about every 0.12 s, on single pictures as for whole clips: MediaPipe's
    tracking mode costs more at every frame and sees eyes and lips elsewhere by a percent. The place
    of the mouth is averaged over a fifth of a second, the scale is the median so far. While the
    face is lost the box stays where it was.

    Args:
        landmarks: a mesh to use instead of a new one.

    Raises:
        MissingDependencyError: OpenCV or MediaPipe is not installed.
    """

    def __init__(self, landmarks: FaceLandmarks | None = None) -> None:
        self._owned = landmarks is None
        self._find = FaceLandmarks() if landmarks is None else landmarks
        self._scales: deque[float] = deque(maxlen=SCALES)
        self._centre: Points | None = None
        self._looked = -math.inf
        self.seen = False
        """Whether a face was found when one was last looked for."""

    def push(self, rgb: Image, time: float) -> Image | None:
        """Takes the next frame.

        Args:
            rgb: (height, width, 3).
            time: seconds on any clock that does not go back.

        Returns:
            (96, 96) grey, or None while no face has been seen.
        """
        if not self.seen or time - self._looked >= EVERY - EARLY:
            self._look(rgb, time)
        if self._centre is None:
            return None
        cv2 = opencv()
        grey = studio_levels()[cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)]
        x, y = self._centre
        return cut_out(grey, (float(x), float(y)), HALF * statistics.median(self._scales))

    def _look(self, rgb: Image, time: float) -> None:
        import numpy as np

        faces = self._find(rgb)
        self.seen = bool(faces)
        if not faces:
            return
        passed, self._looked = time - self._looked, time
        self._scales.append(eye_distance(faces[0]))
        centre = np.array(mouth_centre(faces[0]))
        if self._centre is None:
            self._centre = centre
            return
        share = max(1 / len(self._scales), 1 - math.exp(-passed / SETTLE))
        self._centre = self._centre + share * (centre - self._centre)

    def close(self) -> None:
        """Frees the mesh, if it is its own; a second call does nothing."""
        if self._owned:
            self._find.close()
