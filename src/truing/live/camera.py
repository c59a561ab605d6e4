"""Pictures from a webcam, with the times they were taken at; or from a video file in its place.

`camera` gives them through OpenCV (extra `lipreading`); `recorded` is the loop over them and knows
nothing of devices. A camera is open only while it is used: its light says the truth.
"""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from truing.domain.errors import (
    DamagedError,
    MissingDependencyError,
    NotFoundError,
    UnavailableError,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CHAPLIN_RATE = 16.0
"""Frames a second that the Chaplin app records."""
CHAPLIN_FEWEST = 32
"""Frames below which it does not read a recording."""
LONGEST = 60.0
"""Seconds."""
MOST_WAITING = 250
"""Pictures that wait for a slow model, at most; beyond them the device leaves some out."""
SAME_MOMENT = 0.001
"""Seconds: what comes so soon after a picture had waited with it in a buffer."""
LONGEST_WAIT = 1.0
"""Seconds that a picture may have waited there."""
LAST_DEVICE = (1 << 31) - 1
"""OpenCV takes no larger number."""
_NAMES = Path("/sys/class/video4linux")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Picture:
    """One frame of a camera."""

    image: NDArray[np.uint8]
    """(height, width, 3), RGB."""
    time: float
    """Seconds since the first one."""


@contextmanager
def camera(
    which: int | Path = 0, *, paced: bool = True, timeout: float = 5.0
) -> Iterator[Iterator[Picture]]:
    """Opens a camera; gives its pictures as they come, until it is left.

    Args:
        which: number of the device, or a video file: it is shown as if a camera saw it now, and
            ends.
        paced: a file's pictures come at their own times; False: as fast as they are asked for.
        timeout: seconds without a picture after which a device counts as gone.

    Raises:
        MissingDependencyError: OpenCV is not installed.
        NotFoundError: no such file.
        DamagedError: a file without pictures.
        UnavailableError: no such device, or it cannot be opened; the hint names those there are.
    """
    library = _library()
    device = _opened(library, which)
    try:
        if isinstance(which, Path):
            yield _shown(library, device, which, paced=paced)
        else:
            with _reading(library, device) as waiting:
                yield _pictures(waiting, timeout)
    finally:
        device.release()


def recorded(
    pictures: Iterable[Picture],
    *,
    rate: float | None = None,
    finished: Callable[[], bool] = lambda: False,
    longest: float = LONGEST,
) -> Iterator[Picture]:
    """The pictures of one recording, until `finished()`, their end, or `longest` seconds.

    Args:
        pictures: such as `camera` gives.
        rate: pictures a second that are kept of a camera that gives more: those nearest to even
            steps, each with the time it was really taken at. None keeps all.
        finished: asked after each picture; see `recorder.enter_pressed`.
        longest: seconds after which it ends in any case.
    """
    due = 0.0
    for picture in pictures:
        # Half a step of the clock of a 60 Hz camera: jitter must not cost every other picture.
        if rate is None or picture.time >= due - 1 / 120:
            # From the step that was due, not from the picture: steps would add up to a lower rate.
            due = max(due + 1 / rate, picture.time) if rate is not None else due
            yield picture
        if picture.time >= longest or finished():
            return


def devices() -> list[tuple[int, str]]:
    """Number and name of each camera, as far as this system tells; empty where it does not."""
    found = []
    for place in _NAMES.glob("video*") if _NAMES.is_dir() else ():
        number = place.name.removeprefix("video")
        if number.isdecimal():
            found.append((int(number), (place / "name").read_text(encoding="utf-8").strip()))
    return sorted(found)


# --- devices and files ---------------------------------------------------------------------------


def _opened(library: Any, which: int | Path) -> Any:  # noqa: ANN401
    if isinstance(which, Path) and not which.is_file():
        raise NotFoundError(
            f"there is no camera and no video file `{which}`",
            hint=_choice() or "give the number of a camera, such as 0, or a video file",
        )
    if isinstance(which, int) and which > LAST_DEVICE:
        raise _no_camera(which)
    level = library.utils.logging.getLogLevel()
    library.utils.logging.setLogLevel(library.utils.logging.LOG_LEVEL_SILENT)
    try:
        device = library.VideoCapture(which if isinstance(which, int) else str(which))
    finally:
        library.utils.logging.setLogLevel(level)
    if device.isOpened():
        return device
    device.release()
    if isinstance(which, Path):
        raise DamagedError(f"`{which}` cannot be read as a video", hint="give a video file")
    raise _no_camera(which)


def _no_camera(which: int) -> UnavailableError:
    file = Path(f"/dev/video{which}")
    if file.exists() and not os.access(file, os.R_OK | os.W_OK):
        return UnavailableError(
            f"camera {which} may not be used by this user: `{file}`",
            hint="`sudo usermod -aG video $USER`, then log in again",
        )
    known = [number for number, _ in devices()]
    if which in known:
        return UnavailableError(
            f"camera {which} cannot be opened",
            hint="end the program that uses it, or choose another one"
            + (f": {_choice()}" if len(known) > 1 else ""),
        )
    return UnavailableError(
        f"there is no camera {which}",
        hint=_choice() or "plug in a camera; or give a video file in its place: --camera FILE",
    )


def _choice() -> str:
    names = ", ".join(f"{number} ({name})" for number, name in devices())
    return f"choose one of {names}" if names else ""


def _shown(library: Any, file: Any, which: Path, *, paced: bool) -> Iterator[Picture]:  # noqa: ANN401
    began, first = time.monotonic(), None
    while True:
        there, image = file.read()
        if not there:
            break
        stamp = file.get(library.CAP_PROP_POS_MSEC) / 1000
        first = stamp if first is None else first
        if paced:
            time.sleep(max(0.0, began + stamp - first - time.monotonic()))
        yield Picture(image=_rgb(library, image), time=stamp - first)
    if first is None:
        raise DamagedError(f"not one picture of `{which}` can be read", hint="record it again")


@contextmanager
def _reading(library: Any, device: Any) -> Iterator[queue.Queue[Picture | None]]:  # noqa: ANN401
    """Reads a device in a thread: whoever is busy with a picture does not miss the next one."""
    waiting: queue.Queue[Picture | None] = queue.Queue(maxsize=MOST_WAITING)
    over = threading.Event()

    def put(picture: Picture | None) -> None:
        # Whoever takes them may be far behind, or be gone.
        while not over.is_set():
            with contextlib.suppress(queue.Full):
                waiting.put(picture, timeout=0.1)
                return

    def read() -> None:
        first, last = None, float("-inf")
        while not over.is_set():
            there, image = device.read()
            if not there:
                break
            now = _taken_at(device.get(library.CAP_PROP_POS_MSEC) / 1000)
            first = now if first is None else first
            if now - last >= SAME_MOMENT:
                put(Picture(image=_rgb(library, image), time=now - first))
                last = now
        put(None)

    thread = threading.Thread(target=read, name="truing-camera", daemon=True)
    thread.start()
    try:
        yield waiting
    finally:
        over.set()
        thread.join()


def _taken_at(stamp: float) -> float:
    """When the picture just read was taken: the driver's own stamp where it is of our clock, which
    is true also of pictures that have waited in its buffer; else now.
    """
    now = time.monotonic()
    return stamp if 0 <= now - stamp < LONGEST_WAIT else now


def _pictures(waiting: queue.Queue[Picture | None], timeout: float) -> Iterator[Picture]:
    while True:
        try:
            picture = waiting.get(timeout=timeout)
        except queue.Empty:
            picture = None
        if picture is None:
            raise UnavailableError(
                f"the camera has sent nothing for {timeout:g} s, or is gone",
                hint="check that it is plugged in and that no other program uses it",
            )
        yield picture


def _rgb(library: Any, image: Any) -> Any:  # noqa: ANN401
    return library.cvtColor(image, library.COLOR_BGR2RGB)


def _library() -> Any:  # noqa: ANN401
    try:
        import cv2
    except ImportError as error:
        raise MissingDependencyError(
            "a camera needs OpenCV, which is not installed",
            hint='pip install "truing[lipreading]"',
        ) from error
    return cv2
