"""The frames of a video one after another, with their own times: decoded forward, never sought.

Seeking lands on wrong frames in MPEG-1, so whoever needs frame 40 gets it by decoding the 40 before
it; nothing is kept in memory. `grey` is the luma plane, at levels from 16 to 235 whatever the file
uses, and costs half of what a conversion to colour does.

*Known trade-offs.* One thread decodes: with several, the frames after a damaged one depend on the
machine. Packets that cannot be decoded are passed over and the next frame counts as damaged.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from truing.domain.errors import DamagedError, InvalidInputError, MissingDependencyError
from truing.modalities.lipreading.container import Container, head_of, sniff
from truing.modalities.lipreading.stance import Stance, stance_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Colour = Literal["grey", "rgb", "bgr"]

MOST_BYTES = 1 << 31
MOST_PIXELS = 1 << 24
"""Of one frame: 4096 x 4096."""
MOST_FRAMES = 4 * 3600 * 60
"""Four hours at 60 frames a second."""
MOST_PIXELS_IN_ALL = 10**12
"""Of all frames together: about four hours of 1080p at 30 frames a second."""
MOST_RATE = 250
"""Frames per second; browsers write 1000, the ticks of their clock."""
FALLBACK_STEP = 0.04
"""Seconds between frames where neither frames nor header say."""
FULL_RANGE = 2
"""FFmpeg's AVCOL_RANGE_JPEG."""
PIECES_HINT = "cut it into shorter or smaller pieces"
PLANAR = ("yuv4", "yuvj4", "nv12", "nv21", "gray")
"""How the names of pixel formats begin whose first plane is luma."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame:
    """One picture of a video."""

    index: int
    """Counts decoded frames from 0, whatever `first` was asked for."""
    time: float
    """Seconds from the first frame, by the container's own time stamps."""
    image: NDArray[np.uint8]
    """(height, width) for "grey", (height, width, 3) for "rgb" and "bgr"."""
    damaged: bool
    """The decoder said so, or could not decode something just before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoFacts:
    """What the headers say; nothing here was decoded."""

    container: str
    codec: str
    width: int
    """Pixels as coded; the film of a turned phone is shown the other way round."""
    height: int
    rate: float | None
    """Nominal frames per second."""
    frames: int | None
    """As promised by the header; None where it says nothing."""
    duration: float | None
    """Seconds, as promised."""
    has_audio: bool
    media_type: str


def probe(source: Path | bytes, *, name: str | None = None) -> VideoFacts:
    """What the headers of a video say; `name` is what errors call bytes.

    Raises:
        NotFoundError: no such file.
        InvalidInputError: no video (text, sound only, a picture), or too large.
        DamagedError: bytes that begin like a video and cannot be opened.
        MissingDependencyError: PyAV is not installed.
    """
    with _opened(source, name or _name(source)) as (file, stream, container):
        codec = stream.codec_context
        seconds = stream.duration * stream.time_base if stream.duration else None
        if seconds is None and file.duration:
            seconds = file.duration / 1_000_000
        rate = stream.average_rate or stream.guessed_rate
        return VideoFacts(
            container=container.name,
            codec=codec.name,
            width=codec.width,
            height=codec.height,
            rate=float(rate) if rate and rate <= MOST_RATE else None,
            frames=stream.frames or None,
            duration=float(seconds) if seconds else None,
            has_audio=bool(file.streams.audio),
            media_type=container.media_type,
        )


class Decoded:
    """A decoded frame that is made into a picture only when somebody wants one."""

    __slots__ = ("_frame", "_painter", "damaged", "index", "time")

    def __init__(
        self, frame: Any, painter: _Painter, *, index: int, time: float, damaged: bool
    ) -> None:
        self._frame, self._painter = frame, painter
        self.index, self.time, self.damaged = index, time, damaged

    def image(self, colour: Colour) -> NDArray[np.uint8]:
        """(height, width) for "grey", (height, width, 3) for "rgb" and "bgr"."""
        return self._painter.paint(self._frame, colour)


def decode(
    source: Path | bytes, *, last: int | None = None, name: str | None = None
) -> Iterator[Decoded]:
    """Decodes forward up to index `last` (inclusive), or to the end; `name` as in `probe`.

    Raises:
        NotFoundError: no such file.
        InvalidInputError: no video, or one beyond the bounds on bytes, pixels and frames.
        DamagedError: not one frame can be decoded.
        MissingDependencyError: PyAV is not installed.
    """
    name = name or _name(source)
    with _opened(source, name) as (file, stream, _):
        painter, clock = _Painter(), _Clock(stream)
        pixels, count = 0, 0
        for frame, broken in _decoded(file, stream):
            pixels += frame.width * frame.height
            _bounded(name, count, pixels)
            damaged = broken or bool(frame.is_corrupt)
            yield Decoded(frame, painter, index=count, time=clock(frame), damaged=damaged)
            if count == last:
                return
            count += 1
        if count == 0:
            raise DamagedError(f"not one frame of `{name}` can be decoded", hint="record it again")


def read_frames(
    source: Path | bytes,
    *,
    colour: Colour = "rgb",
    last: int | None = None,
    first: int = 0,
    only: AbstractSet[int] | None = None,
) -> Iterator[Frame]:
    """The frames from index `first` to `last` (inclusive), or to the end, as pictures.

    With `only`, no other index is given, and nothing is spent on making pictures of the others.
    `bgr` equals what OpenCV's VideoCapture gives, bit for bit. Raises what `decode` raises.
    """
    for one in decode(source, last=last):
        if one.index >= first and (only is None or one.index in only):
            yield Frame(
                index=one.index, time=one.time, image=one.image(colour), damaged=one.damaged
            )


def stamps(source: Path | bytes) -> list[float]:
    """When each frame is shown, in seconds from the first, without decoding anything.

    There are as many as packets: in a damaged file more or fewer than `decode` gives. Raises what
    `decode` raises, and DamagedError when there is no packet.
    """
    name = _name(source)
    found: list[float] = []
    with _opened(source, name) as (file, stream, _):
        step = _nominal_step(stream)
        for packet in packets(file, stream):
            if packet.size:
                stamp = packet.dts if packet.pts is None else packet.pts
                after = found[-1] + step if found else 0.0
                found.append(after if stamp is None else float(stamp * packet.time_base))
                _bounded(name, len(found), 0)
    if not found:
        raise DamagedError(f"there is no frame in `{name}`", hint="record it again")
    found.sort()
    return [time - found[0] for time in found]


def packets(file: Any, stream: Any) -> Iterator[Any]:
    """The coded frames of PyAV's `stream`, and the empty packet at its end.

    Where the file itself ends in garbage they end too: what came before is good.
    """
    import av

    coming = file.demux(stream)
    while True:
        try:
            packet = next(coming, None)
        except (av.FFmpegError, ValueError):
            return
        if packet is None:
            return
        yield packet


def _nominal_step(stream: Any) -> float:
    rate = stream.average_rate or stream.guessed_rate
    return 1 / float(rate) if rate else FALLBACK_STEP


def _name(source: Path | bytes) -> str:
    return "the given bytes" if isinstance(source, bytes) else str(source)


@contextmanager
def _opened(source: Path | bytes, name: str) -> Iterator[tuple[Any, Any, Container]]:
    """PyAV's container and first video stream; only reading errors are translated."""
    try:
        import av
    except ImportError as error:
        raise MissingDependencyError(
            "videos are decoded by PyAV, which is not installed",
            hint='pip install "truing[lipreading]"',
        ) from error
    kind = sniff(head_of(source, name), name)
    size = len(source) if isinstance(source, bytes) else source.stat().st_size
    if size > MOST_BYTES:
        raise InvalidInputError(f"`{name}` is too large: {size} bytes", hint=PIECES_HINT)
    place = BytesIO(source) if isinstance(source, bytes) else str(source.absolute())
    try:
        file = av.open(place, "r", format=kind.demuxer)
    except (av.FFmpegError, ValueError) as error:
        raise _undecodable(name, error) from error
    with file:
        yield file, _video_stream(file, name), kind


def _video_stream(file: Any, name: str) -> Any:
    if not file.streams.video and file.streams.audio:
        raise InvalidInputError(
            f"`{name}` holds sound but no picture",
            hint="give a video of the speaker's face or mouth",
        )
    if not file.streams.video:
        raise DamagedError(
            f"there is no picture in `{name}`",
            hint="record it again; the recording was ended before its index was written",
        )
    stream = file.streams.video[0]
    codec = stream.codec_context
    if codec is None:
        raise DamagedError(
            f"`{name}` is coded in a way that is not known here",
            hint="convert it to H.264 in MP4 and try again",
        )
    if codec.width * codec.height > MOST_PIXELS:
        raise InvalidInputError(
            f"the frames of `{name}` have {codec.width} x {codec.height} pixels", hint=PIECES_HINT
        )
    codec.thread_count = 1
    codec.options = {"max_pixels": str(MOST_PIXELS)}
    return stream


def _undecodable(name: str, error: Exception) -> DamagedError:
    return DamagedError(
        f"`{name}` cannot be opened as a video: {getattr(error, 'strerror', None) or error}",
        hint="record it again; a recording that was cut off before its end may lack its index",
    )


def _decoded(file: Any, stream: Any) -> Iterator[tuple[Any, bool]]:
    """Frames as PyAV gives them, and whether something before them could not be decoded."""
    import av

    broken = False
    for packet in packets(file, stream):
        try:
            frames = packet.decode()
        except av.FFmpegError:
            broken = True
            continue
        for frame in frames:
            yield frame, broken
            broken = False


def _bounded(name: str, index: int, pixels: int) -> None:
    if index >= MOST_FRAMES or pixels > MOST_PIXELS_IN_ALL:
        raise InvalidInputError(
            f"`{name}` is too long: more than {index} frames of {pixels // (index + 1)} pixels",
            hint=PIECES_HINT,
        )


class _Clock:
    """Seconds since the first frame; a frame without a time stamp follows at the nominal rate."""

    def __init__(self, stream: Any) -> None:
        self._step = _nominal_step(stream)
        self._first: float | None = None
        self._now = -self._step

    def __call__(self, frame: Any) -> float:
        stamp = frame.time
        if stamp is None:
            self._now += self._step
        else:
            self._first = stamp if self._first is None else self._first
            self._now = float(stamp - self._first)
        return self._now


class _Painter:
    """Makes arrays of decoded frames; keeps FFmpeg's converter between frames."""

    def __init__(self) -> None:
        from av.video.reformatter import VideoReformatter

        self._converter = VideoReformatter()
        self._stance: Stance | None = None

    def paint(self, frame: Any, colour: Colour) -> NDArray[np.uint8]:
        import numpy as np

        if colour == "grey":
            image = self._luma(frame)
        else:
            wanted = "rgb24" if colour == "rgb" else "bgr24"
            image = np.asarray(
                self._converter.reformat(frame, format=wanted).to_ndarray(), np.uint8
            )
        self._stance = self._stance or stance_of(frame)
        return self._stance.upright(image)

    def _luma(self, frame: Any) -> NDArray[np.uint8]:
        import numpy as np

        name = frame.format.name
        if not _has_luma_bytes(name):
            frame = self._converter.reformat(frame, format="yuv420p")
        plane = frame.planes[0]
        rows = np.frombuffer(plane, dtype=np.uint8).reshape(plane.height, plane.line_size)
        luma = rows[:, : plane.width]
        full = name.startswith(("yuvj", "gray")) or frame.color_range == FULL_RANGE
        return np.asarray(studio_levels()[luma]) if full else np.array(luma)


def _has_luma_bytes(name: str) -> bool:
    """Whether the first plane holds luma, one byte each: not so for 10 bits (`yuv420p10le`)."""
    return name.startswith(PLANAR) and not name.endswith(("le", "be"))


@cache
def studio_levels() -> NDArray[np.uint8]:
    """Luma from 0..255 (JPEG) to 16..235, where all other video has it."""
    import numpy as np

    return np.asarray(np.rint(16 + np.arange(256) * (219 / 255)), dtype=np.uint8)
