"""Where the points of a face are: MediaPipe's face mesh, the bundled one or a user's model file.

MediaPipe 0.10.14 carries its face mesh with it (Kartynnik et al., "Real-time facial surface
geometry from monocular video on mobile GPUs", 2019). Versions from 0.10.30 carry none: there the
Tasks API reads a `face_landmarker.task` file, whose first 468 points mean the same.
"""

from __future__ import annotations

import os
import re
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from truing.domain.closing import Closing
from truing.domain.errors import DamagedError, MissingDependencyError, NotFoundError
from truing.platform.terminal import without_noise

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

POINTS = 468
CONFIDENCE = 0.5
"""`min_detection_confidence` and `min_tracking_confidence`."""
TICK = 40
"""Milliseconds between two pictures, as far as the Tasks API is told."""
BUNDLED = "mediapipe==0.10.14"
NO_WHEELS = (3, 13)
"""From this version of Python on there is no MediaPipe with a face mesh to install."""
TASK_SETTING = "lipreading.face_landmarker"
TASK_VARIABLE = "TRUING_LIPREADING_FACE_LANDMARKER"
"""The setting as an environment variable: worker processes inherit it."""

LIPS: tuple[int, ...] = (
    *(0, 13, 14, 17, 37, 39, 40, 61, 78, 80, 81, 82, 84, 87, 88, 91, 95, 146, 178, 181, 185, 191),
    *(267, 269, 270, 291, 308, 310, 311, 312, 314, 317, 318, 321, 324, 375, 402, 405, 409, 415),
)
"""Indices of MediaPipe's FACEMESH_LIPS, sorted."""

_NOISE = re.compile(
    rb"XNNPACK delegate|absl::InitializeLog|inference_feedback_manager|gl_context|"
    rb"face_landmarker_graph|landmark_projection_calculator"
)
"""Lines that MediaPipe's C++ code writes about itself each time a graph starts."""
_WARNINGS = threading.RLock()
"""Filters of warnings belong to the process: threads that set and restore them take turns."""


class FaceLandmarks(Closing):
    """Finds faces in RGB pictures. Use it as a context manager; not for several threads at once.

    Args:
        tracking: successive frames of one video: faster, and steadier between frames. Without,
            every picture is looked at by itself.
        faces: how many are looked for at most.
        refine: places the points of lips and eyes once more, with attention (about a pixel, a tenth
            slower); the Tasks API always does.
        points: which points are needed; the others stay NaN. Reading all 468 takes as long as a
            tenth of finding them.
        task: a `face_landmarker.task` file for the Tasks API; by default the environment variable
            `TRUING_LIPREADING_FACE_LANDMARKER`, else the bundled mesh.

    Raises:
        MissingDependencyError: no MediaPipe, or one that bundles no face mesh and no `task`.
        NotFoundError: no such `task` file.
        DamagedError: `task` is not a face landmarker.
    """

    def __init__(
        self,
        *,
        tracking: bool = False,
        faces: int = 1,
        refine: bool = False,
        points: Sequence[int] = range(POINTS),
        task: Path | None = None,
    ) -> None:
        self._points = list(points)
        given = os.environ.get(TASK_VARIABLE)
        task = Path(given) if task is None and given else task
        self._mesh: _LegacyMesh | _TaskMesh
        if task is None:
            self._mesh = _LegacyMesh(tracking=tracking, faces=faces, refine=refine)
        else:
            self._mesh = _TaskMesh(task, tracking=tracking, faces=faces)

    def __call__(self, rgb: NDArray[np.uint8]) -> list[NDArray[np.float64]]:
        """The faces in a picture of shape (height, width, 3).

        Returns:
            per face (468, 2) coordinates x, y in pixels, not rounded; they may lie outside.
        """
        import numpy as np

        height, width = rgb.shape[:2]
        size = np.array([width, height], dtype=np.float64)
        with _without_warnings():
            faces = self._mesh.find(np.ascontiguousarray(rgb))
        found = np.full((len(faces), POINTS, 2), np.nan)
        for place, face in zip(found, faces, strict=True):
            place[self._points] = [(face[index].x, face[index].y) for index in self._points]
        return list(found * size)

    def close(self) -> None:
        """Frees the graph; a second call does nothing."""
        self._mesh.close()


class _LegacyMesh:
    """`mp.solutions.face_mesh`."""

    def __init__(self, *, tracking: bool, faces: int, refine: bool) -> None:
        import numpy as np

        module = _face_mesh()
        with without_noise(_NOISE), _without_warnings():
            self._graph: Any = module.FaceMesh(
                static_image_mode=not tracking,
                max_num_faces=faces,
                refine_landmarks=refine,
                min_detection_confidence=CONFIDENCE,
                min_tracking_confidence=CONFIDENCE,
            )
            self.find(np.zeros((32, 32, 3), np.uint8))  # its models load, and talk, by now

    def find(self, rgb: NDArray[np.uint8]) -> list[Any]:
        with _WARNINGS, warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="SymbolDatabase.GetPrototype")
            found = self._graph.process(rgb).multi_face_landmarks
        return [face.landmark for face in found or ()]

    def close(self) -> None:
        graph, self._graph = self._graph, None
        if graph is not None:
            graph.close()


class _TaskMesh:
    """`mediapipe.tasks.vision.FaceLandmarker` with a model file of the user."""

    def __init__(self, task: Path, *, tracking: bool, faces: int) -> None:
        if not task.is_file():
            raise NotFoundError(
                f"there is no face landmarker `{task}`",
                hint=f"set {TASK_SETTING} to the path of a face_landmarker.task file",
            )
        self._mediapipe = mediapipe = _mediapipe()
        vision = mediapipe.tasks.vision
        self._task, self._tracking, self._tick = task, tracking, 0
        options = vision.FaceLandmarkerOptions(
            base_options=mediapipe.tasks.BaseOptions(model_asset_path=str(task.absolute())),
            running_mode=vision.RunningMode.VIDEO if tracking else vision.RunningMode.IMAGE,
            num_faces=faces,
            min_face_detection_confidence=CONFIDENCE,
            min_tracking_confidence=CONFIDENCE,
        )
        try:
            with without_noise(_NOISE):
                self._graph: Any = vision.FaceLandmarker.create_from_options(options)
        except (RuntimeError, ValueError) as error:
            raise _no_landmarker(task, error) from error

    def find(self, rgb: NDArray[np.uint8]) -> list[Any]:
        image = self._mediapipe.Image(image_format=self._mediapipe.ImageFormat.SRGB, data=rgb)
        try:
            if self._tracking:
                self._tick += TICK  # it only wants times that grow
                return list(self._graph.detect_for_video(image, self._tick).face_landmarks)
            return list(self._graph.detect(image).face_landmarks)
        except RuntimeError as error:
            self._graph = None  # closing it would raise the same again
            raise _no_landmarker(self._task, error) from error

    def close(self) -> None:
        graph, self._graph = self._graph, None
        if graph is not None:
            graph.close()


def _no_landmarker(task: Path, error: Exception) -> DamagedError:
    return DamagedError(
        f"`{task}` is not a face landmarker that MediaPipe can run: {error}",
        hint="download face_landmarker.task again",
    )


@contextmanager
def _without_warnings() -> Iterator[None]:
    """MediaPipe 0.10.14 calls what newer versions of protobuf deprecate, at every picture."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="SymbolDatabase.GetPrototype")
        yield


def _mediapipe() -> Any:
    # Read by its C++ side when it is loaded.
    os.environ.setdefault("GLOG_minloglevel", "2")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        with _WARNINGS, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # deprecations inside it and what it imports
            import mediapipe
    except ImportError as error:
        hint = 'pip install "truing[lipreading]"'
        if sys.version_info >= NO_WHEELS:
            hint += f", with a Python before {'.'.join(map(str, NO_WHEELS))}"
        raise MissingDependencyError(
            "faces are found by MediaPipe, which is not installed", hint=hint
        ) from error
    return mediapipe


def _face_mesh() -> Any:
    mediapipe = _mediapipe()
    try:
        return mediapipe.solutions.face_mesh
    except AttributeError as error:
        version = getattr(mediapipe, "__version__", "of this version")
        raise MissingDependencyError(
            f"MediaPipe {version} brings no face mesh; {BUNDLED.partition('==')[2]} is known to",
            hint=f'pip install "{BUNDLED}", or set {TASK_SETTING} to a face_landmarker.task file',
        ) from error
