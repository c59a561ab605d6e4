"""Videos made here: pictures become H.264 in Matroska, and packets get the times they really had.

Matroska, because every frame has its own time stamp there (in milliseconds), where AVI knows only a
nominal rate.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from io import BytesIO
from typing import TYPE_CHECKING, Any

from truing.domain.errors import DamagedError, InvalidInputError, MissingDependencyError
from truing.modalities.lipreading.container import Container
from truing.modalities.lipreading.frames import packets

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

QUALITY = "16"
"""H.264's constant rate factor: no difference to the eye, and little to a model."""
MILLISECONDS = Fraction(1, 1000)


def encoded(frames: NDArray[np.uint8], times: Sequence[float]) -> bytes:
    """Pictures of shape (n, height, width) or (n, height, width, 3) RGB as a Matroska file.

    Args:
        frames: at least one picture.
        times: seconds at which each was taken, growing by a millisecond or more.

    Raises:
        MissingDependencyError: PyAV is not installed.
    """
    av = _pyav()
    height, width = frames.shape[1:3]
    even = height % 2 == 0 and width % 2 == 0
    target = BytesIO()
    with av.open(target, "w", format="matroska") as file:
        stream = file.add_stream("libx264", options={"crf": QUALITY, "preset": "veryfast"})
        stream.width, stream.height = width, height
        stream.pix_fmt = "yuv420p" if even else "yuv444p"
        stream.time_base = stream.codec_context.time_base = MILLISECONDS
        stream.codec_context.framerate = rate_of(times)
        stream.codec_context.thread_count = 1
        for picture, stamp in zip(frames, milliseconds(times), strict=True):
            layout = "gray" if picture.ndim == 2 else "rgb24"
            frame = av.VideoFrame.from_ndarray(picture, format=layout)
            frame.pts, frame.time_base = stamp, MILLISECONDS
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return target.getvalue()


def retimed(data: bytes, container: Container, times: Sequence[float]) -> bytes:
    """The same coded pictures and no sound, in Matroska, shown at other times.

    Args:
        data: a video file.
        container: what it is.
        times: seconds for each picture, in the order they are shown.

    Raises:
        InvalidInputError: there are not as many pictures as times.
        DamagedError: its pictures are coded in a way that Matroska cannot hold.
        MissingDependencyError: PyAV is not installed.
    """
    av = _pyav()
    target = BytesIO()
    with av.open(BytesIO(data), "r", format=container.demuxer) as file:
        source = file.streams.video[0]
        coded = [packet for packet in packets(file, source) if packet.size]
        if len(coded) != len(times):
            raise InvalidInputError(
                f"the video holds {len(coded)} pictures, but {len(times)} times were given",
                hint="give one time, in seconds, for each frame",
            )
        _restamped(coded, milliseconds(times))
        try:
            with av.open(target, "w", format="matroska") as made:
                stream = made.add_stream_from_template(source)
                for packet in coded:
                    packet.stream = stream
                    made.mux(packet)
        except (av.FFmpegError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise DamagedError(
                f"the pictures cannot be given other times: {why}",
                hint="give the frames as an array with their times, or leave the times out",
            ) from error
    return target.getvalue()


def rate_of(times: Sequence[float]) -> Fraction:
    """Frames per second over all intervals; 25 for a single frame."""
    if len(times) < 2 or times[-1] <= times[0]:
        return Fraction(25)
    return Fraction((len(times) - 1) / (times[-1] - times[0])).limit_denominator(1000)


def milliseconds(times: Sequence[float]) -> list[int]:
    """Whole milliseconds from the first time."""
    return [round(1000 * (time - times[0])) for time in times]


def _restamped(coded: list[Any], stamps: list[int]) -> None:
    """Gives packets, which are in decoding order, the stamps of the order in which they show."""
    shown = [packet.dts if packet.pts is None else packet.pts for packet in coded]
    if any(stamp is None for stamp in shown):
        shown = list(range(len(coded)))
    order = sorted(range(len(coded)), key=lambda place: shown[place])
    for stamp, place in zip(stamps, order, strict=True):
        coded[place].pts = stamp
    in_order = order == list(range(len(order)))
    for packet in coded:
        packet.time_base = MILLISECONDS
        packet.dts = packet.pts if in_order else None  # Matroska keeps only when to show


def _pyav() -> Any:
    try:
        import av
    except ImportError as error:
        raise MissingDependencyError(
            "videos are written by PyAV, which is not installed",
            hint='pip install "truing[lipreading]"',
        ) from error
    return av
