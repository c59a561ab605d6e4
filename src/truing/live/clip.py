"""A clip on its way into a file: H.264 in Matroska, each frame at the time it was taken.

Frames are coded while the recording goes on, so that neither memory nor the end of an utterance
pays for its length.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from truing.domain.closing import Closing
from truing.domain.errors import InvalidInputError, MissingDependencyError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MILLISECOND = Fraction(1, 1000)
QUALITY = {"crf": "16", "preset": "veryfast", "tune": "zerolatency"}
"""Losses that cannot be seen, and nothing held back until the end."""


class ClipFile(Closing):
    """Writes pictures into a video file. Use it as a context manager; whole when it is left.

    Args:
        file: where; overwritten.
        rate: nominal frames a second, for the header; players that know no times go by it.

    Raises:
        MissingDependencyError: PyAV is not installed.
    """

    def __init__(self, file: Path, *, rate: float = 25.0) -> None:
        try:
            import av
        except ImportError as error:
            raise MissingDependencyError(
                "videos are written by PyAV, which is not installed",
                hint='pip install "truing[lipreading]"',
            ) from error
        self._library: Any = av
        self._rate = rate
        self._file: Any = av.open(str(file), "w", format="matroska")
        self._stream: Any = None
        self.times: list[float] = []
        """Seconds since the first picture, in whole milliseconds."""

    def add(self, image: NDArray[np.uint8], time: float) -> None:
        """Appends a picture.

        Args:
            image: (height, width, 3), RGB; of one size in a file.
            time: seconds since the first picture.

        Raises:
            InvalidInputError: a picture no later than the one before.
        """
        stamp = round(time * 1000)
        if self.times and stamp <= round(self.times[-1] * 1000):
            raise InvalidInputError(
                f"a picture at {time:.3f} s cannot follow one at {self.times[-1]:.3f} s",
                hint="give pictures in the order they were taken",
            )
        frame = self._library.VideoFrame.from_ndarray(image, format="rgb24")
        frame.pts, frame.time_base = stamp, MILLISECOND
        self._stream = self._stream or self._begun(frame.width, frame.height)
        self._file.mux(self._stream.encode(frame))
        self.times.append(stamp / 1000)

    def close(self) -> None:
        """Writes what is left; a second call does nothing."""
        file, self._file = self._file, None
        if file is None:
            return
        if self._stream is not None:
            file.mux(self._stream.encode(None))
        file.close()

    def _begun(self, width: int, height: int) -> Any:  # noqa: ANN401
        rate = Fraction(self._rate).limit_denominator(1001)
        stream = self._file.add_stream("libx264", rate=rate, options=dict(QUALITY))
        stream.width, stream.height = width, height
        # Neighbours share their colour, and an odd last line or column has none.
        stream.pix_fmt = "yuv444p" if width % 2 or height % 2 else "yuv420p"
        stream.codec_context.time_base = MILLISECOND
        stream.codec_context.thread_count = 1
        return stream
