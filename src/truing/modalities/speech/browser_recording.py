"""Sound as browsers and phones record it, in WebM or MP4: decoded by PyAV (extra `media`).

These containers say nothing reliable about their length while they are being written, so the sound
is decoded to its end and measured. It is kept as one channel at the rate a model hears.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING, Any

from truing.domain.errors import DamagedError, MissingDependencyError
from truing.modalities.speech.recording import RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

EBML = b"\x1a\x45\xdf\xa3"
"""How WebM and Matroska begin."""
BOX = b"ftyp"
"""What MP4, M4A and QuickTime have at their fifth byte."""


def is_browser_recording(data: bytes) -> bool:
    """Whether the bytes are of a container that libsndfile does not read and browsers write."""
    return data.startswith(EBML) or data[4:8] == BOX


def decoded(data: bytes, name: str) -> Iterator[NDArray[Any]]:
    """The sound in int16 blocks of shape (frames, 1) at `RATE`; the first audio stream counts.

    Raises:
        MissingDependencyError: PyAV is not installed.
        DamagedError: there is no sound in it, or decoding fails; what came before was good.
    """
    try:
        import av
    except ImportError as error:
        raise MissingDependencyError(
            f"`{name}` is WebM or MP4, and PyAV, which decodes it, is not installed",
            hint="pip install 'truing[media]', or give a WAV, FLAC, MP3 or Ogg file",
        ) from error
    try:
        # Named, so that no other demuxer, of which some open further files, is tried.
        kind = "matroska" if data.startswith(EBML) else "mov"
        with av.open(BytesIO(data), "r", format=kind) as container:
            if not container.streams.audio:
                raise DamagedError(f"there is no sound in `{name}`", hint="record it again")
            resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
            for frame in container.decode(container.streams.audio[0]):
                for part in resampler.resample(frame):
                    yield part.to_ndarray().T
            for part in resampler.resample(None):
                yield part.to_ndarray().T
    except (av.FFmpegError, ValueError) as error:
        raise DamagedError(
            f"`{name}` cannot be decoded as sound: {getattr(error, 'strerror', None) or error}",
            hint="record it again, or give a WAV, FLAC, MP3 or Ogg file",
        ) from error
