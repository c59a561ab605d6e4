"""Conversions: video in forms that keep every pixel, or that any browser plays frame by frame.

`mkv` holds the pixels as a player shows them, without loss. `mp4` is a proxy: H.264 baseline of at
most 720 pixels a side with a key frame at least every fifth frame, so that a seek in either
direction is quick. Both keep the time of every frame (to the millisecond in `mkv`) and the sound,
and stand upright.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from typing import TYPE_CHECKING, Any

from truing.domain.errors import InvalidInputError
from truing.domain.recipe import MediaFile
from truing.modalities.lipreading.container import head_of, sniff
from truing.modalities.lipreading.frames import Frame, probe
from truing.modalities.lipreading.span import frames_in

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CONVERSIONS: Mapping[str, str] = {"mkv": "video/x-matroska", "mp4": "video/mp4"}
"""Format -> media type."""
LONGEST = 120.0
"""Seconds that are converted at once; what is longer is handed out as it is kept."""
LONGEST_SIDE = 720
"""Pixels of the proxy."""
CLOCK = 90_000
"""Ticks a second of the written time stamps."""
TICK = Fraction(1, CLOCK)
SOUND_RATE = 48_000
SOUND_TICK = Fraction(1, SOUND_RATE)
NOMINAL = 25
"""Frames a second that an encoder is told; the time stamps say what is true."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    container: str
    codec: str
    pixels: str
    options: Mapping[str, str]
    sound: str
    sound_form: str
    longest_side: int | None


_FORMS = {
    "mkv": _Form(
        container="matroska",
        codec="ffv1",
        pixels="bgr0",
        options={},
        sound="flac",
        sound_form="s16",
        longest_side=None,
    ),
    "mp4": _Form(
        container="mp4",
        codec="libx264",
        pixels="yuv420p",
        # With one thread the same video gives the same bytes on every machine.
        options={
            "profile": "baseline",
            "preset": "veryfast",
            "crf": "20",
            "g": "5",
            "threads": "1",
        },
        sound="aac",
        sound_form="fltp",
        longest_side=LONGEST_SIDE,
    ),
}


def convert(medium: MediaFile, format: str) -> bytes:
    """The video, or its span, as a whole file.

    Raises:
        InvalidInputError: no such format, no video, or more than `LONGEST` seconds of it.
        DamagedError: not one frame can be decoded.
        NotFoundError: its file is gone.
        MissingDependencyError: PyAV is not installed.
    """
    if format not in CONVERSIONS:
        raise InvalidInputError(
            f"a video cannot be given as `{format}`", hint=f"ask for {', '.join(CONVERSIONS)}"
        )
    has_sound = probe(medium.path).has_audio
    import av

    form = _FORMS[format]
    kept = BytesIO()
    frames = frames_in(medium, colour="rgb")
    first = next(frames)
    with av.open(kept, "w", format=form.container) as out:
        picture = _picture_stream(out, first.image, form)
        sound = out.add_stream(form.sound, rate=SOUND_RATE, layout="stereo") if has_sound else None
        end = _write_picture(out, picture, _bounded(first, frames))
        if sound is not None:
            _write_sound(out, sound, medium, form, end)
    return kept.getvalue()


def _picture_stream(out: Any, image: NDArray[np.uint8], form: _Form) -> Any:
    stream = out.add_stream(form.codec, rate=NOMINAL, options=dict(form.options))
    height, width = image.shape[:2]
    share = min(1.0, (form.longest_side or max(width, height)) / max(width, height))
    step = 1 if form.longest_side is None else 2  # halved chroma needs even sides
    stream.width = max(step, round(width * share / step) * step)
    stream.height = max(step, round(height * share / step) * step)
    stream.pix_fmt = form.pixels
    stream.time_base = TICK
    stream.codec_context.time_base = TICK
    return stream


def _bounded(first: Frame, rest: Iterator[Frame]) -> Iterator[Frame]:
    yield first
    for frame in rest:
        if frame.time > LONGEST:
            raise InvalidInputError(
                f"a video of more than {LONGEST:.0f} s is too long to be converted",
                hint="ask for it without a format: it comes as it is kept",
            )
        yield frame


def _write_picture(out: Any, stream: Any, frames: Iterator[Frame]) -> float:
    """Encodes the frames at their times; returns when the last one ends, in seconds."""
    import av

    stamp, step = -1, CLOCK // NOMINAL
    waiting = None
    for frame in frames:
        before, stamp = stamp, max(stamp + 1, round(frame.time * CLOCK))
        step = stamp - before if before >= 0 else step
        picture = av.VideoFrame.from_ndarray(frame.image, format="rgb24")
        picture = picture.reformat(width=stream.width, height=stream.height, format=stream.pix_fmt)
        picture.pts, picture.time_base = stamp, TICK
        waiting = _put(out, waiting, stream.encode(picture))
    waiting = _put(out, waiting, stream.encode(None))
    # Nothing after the last frame says how long it is shown.
    waiting.duration = step
    out.mux(waiting)
    return (stamp + step) / CLOCK


def _put(out: Any, waiting: Any, packets: list[Any]) -> Any:
    """Writes all but the newest packet, which is kept back."""
    for packet in packets:
        if waiting is not None:
            waiting.duration = packet.pts - waiting.pts
            out.mux(waiting)
        waiting = packet
    return waiting


def _write_sound(out: Any, stream: Any, medium: MediaFile, form: _Form, end: float) -> None:
    """The sound beside the frames: from when the first appears until `end` seconds after it."""
    import av
    from av.audio.resampler import AudioResampler

    name = str(medium.path)
    kind = sniff(head_of(medium.path, name), name)
    resampler = AudioResampler(format=form.sound_form, layout="stereo", rate=SOUND_RATE)
    with av.open(name, "r", format=kind.demuxer) as file:
        picture, sound = file.streams.video[0], file.streams.audio[0]
        begins = float((picture.start_time or 0) * picture.time_base) + (medium.start or 0.0)
        for packet in file.demux(sound):
            try:
                decoded = packet.decode()
            except av.FFmpegError:
                continue  # a hole in the sound: what follows has its own time
            for block in decoded:
                place = (block.time or 0.0) - begins
                if place + block.samples / block.sample_rate <= 0 or place >= end:
                    continue
                for piece in resampler.resample(block):
                    piece.pts, piece.time_base = round(place * SOUND_RATE), SOUND_TICK
                    place += piece.samples / SOUND_RATE
                    out.mux(stream.encode(piece))
    out.mux(stream.encode(None))
