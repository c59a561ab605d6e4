"""Whether there are people to be recognised in a picture: MediaPipe's face detector, if installed.

The detector for faces up to five metres away that MediaPipe brings with it (BlazeFace: Bazarevsky
et al., "BlazeFace: Sub-millisecond neural face detection on mobile GPUs", 2019). One is kept for
the process, and pictures take turns.

Scope: faces of about a twentieth of the picture and more, seen from the front or half aside.
"""

from __future__ import annotations

import os
import re
import threading
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from truing.domain.errors import MissingDependencyError
from truing.modalities.image_edit.pixels import without_warnings
from truing.platform.terminal import without_noise

if TYPE_CHECKING:
    from PIL.Image import Image

HINT = 'pip install "truing[lipreading]", or set image_edit.find_faces to false'
FULL_RANGE = 1
CONFIDENCE = 0.7
_TURN = threading.Lock()
_NOISE = re.compile(rb"XNNPACK|absl::InitializeLog|inference_feedback_manager|gl_context")
"""In lines that MediaPipe's C++ code writes about itself."""


def faces_in(image: Image) -> int:
    """How many faces are found in an RGB picture.

    Raises:
        MissingDependencyError: no MediaPipe, or one that brings no face detector.
    """
    import numpy as np

    rgb = np.ascontiguousarray(image)
    # MediaPipe 0.10.14 calls what newer versions of protobuf deprecate.
    with _TURN, without_warnings():
        found = _detector().process(rgb).detections
    # MediaPipe 0.10.14 gives some finds below the confidence that it was asked for.
    return sum(one.score[0] >= CONFIDENCE for one in found or ())


@lru_cache(maxsize=1)
def _detector() -> Any:
    # Read by its C++ side when it is loaded.
    os.environ.setdefault("GLOG_minloglevel", "2")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        from mediapipe.python.solutions import face_detection
    except ImportError as error:
        raise MissingDependencyError(
            "faces are found by MediaPipe 0.10.14, which is not installed", hint=HINT
        ) from error
    import numpy as np

    with without_noise(_NOISE):
        detector = face_detection.FaceDetection(
            model_selection=FULL_RANGE, min_detection_confidence=CONFIDENCE
        )
        detector.process(np.zeros((32, 32, 3), np.uint8))  # its model loads, and talks, by now
    return detector
