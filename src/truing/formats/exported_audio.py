"""The sound of a row on its way out: as it is stored, cut to the row's span, or as samples."""

from __future__ import annotations

import re
from io import BytesIO
from typing import TYPE_CHECKING, Any

from truing.domain.errors import DamagedError
from truing.domain.format import ExportMedia
from truing.domain.media import Media

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

EXTENSIONS = {
    "audio/flac": ".flac",
    "audio/wav": ".wav",
    "audio/x-wav": ".wav",
    "audio/mpeg": ".mp3",
    "audio/ogg": ".ogg",
    "audio/opus": ".opus",
    "audio/aiff": ".aiff",
    "audio/basic": ".au",
    "audio/mp4": ".m4a",
}

FLAC_DEPTHS = {
    "PCM_S8": "PCM_S8",
    "PCM_U8": "PCM_S8",
    "PCM_24": "PCM_24",
    "PCM_32": "PCM_24",
    "FLOAT": "PCM_24",
    "DOUBLE": "PCM_24",
}
"""How deep a cut-out is kept; 16 bits for whatever is not named."""


def extension(media_type: str) -> str:
    """The usual ending of files of that type, such as `.flac`; else made of the type's name."""
    known = EXTENSIONS.get(media_type.partition(";")[0].strip().lower())
    if known is not None:
        return known
    subtype = media_type.rpartition("/")[2].lower().removeprefix("x-")
    return "." + (re.sub(r"[^0-9a-z]+", "", subtype)[:12] or "bin")


def sound_file(medium: Media, media: ExportMedia) -> tuple[bytes, str]:
    """The bytes of a sound file and its extension: the blob itself, or its span as FLAC.

    Raises:
        DamagedError: a span of sound that cannot be decoded.
    """
    data = media.read(medium.digest)
    if medium.start is None and medium.end is None:
        return data, extension(medium.media_type)
    return cut(data, medium.start, medium.end), ".flac"


def cut(data: bytes, start: float | None, end: float | None) -> bytes:
    """A span of a sound file as FLAC, at its own rate and depth (8, 16 or 24 bits; lossy sound
    at 16).

    Args:
        data: the sound file.
        start: seconds; None is its beginning.
        end: seconds; None is its end.

    Raises:
        DamagedError: it cannot be decoded.
    """
    import soundfile

    samples, rate, subtype = _decoded(data, start, end, "int32")
    stream = BytesIO()
    soundfile.write(
        stream, samples, rate, format="FLAC", subtype=FLAC_DEPTHS.get(subtype, "PCM_16")
    )
    return stream.getvalue()


def int16_mono(medium: Media, media: ExportMedia, rate: int) -> npt.NDArray[np.int16]:
    """The samples of a medium, shape (n,), at `rate` Hz: channels averaged, sound of another
    rate brought to it. 16-bit mono sound at that rate passes bit-exact.

    Raises:
        DamagedError: sound that cannot be decoded.
    """
    import numpy as np

    data = media.read(medium.digest)
    block, own_rate, subtype = _decoded(data, medium.start, medium.end, "int16")
    if block.shape[1] == 1 and own_rate == rate and subtype == "PCM_16":
        return block[:, 0].astype(np.int16)
    floats, _, _ = _decoded(data, medium.start, medium.end, "float64")
    return _converted(floats, own_rate, rate)


def _converted(block: npt.NDArray[np.float64], own: int, rate: int) -> npt.NDArray[np.int16]:
    import numpy as np
    import soxr

    sound = block.mean(axis=1)
    if own != rate and sound.size:
        sound = soxr.resample(sound, own, rate)
    scaled: npt.NDArray[Any] = np.clip(np.rint(sound * 32768.0), -32768, 32767)
    return scaled.astype(np.int16)


def _decoded(
    data: bytes, start: float | None, end: float | None, dtype: str
) -> tuple[npt.NDArray[Any], int, str]:
    import soundfile

    try:
        with soundfile.SoundFile(BytesIO(data)) as file:
            first = min(round((start or 0.0) * file.samplerate), file.frames)
            last = file.frames if end is None else round(end * file.samplerate)
            file.seek(first)
            wanted = max(min(last, file.frames) - first, 0)
            block = file.read(wanted, dtype=dtype, always_2d=True)
            return block, file.samplerate, file.subtype
    except soundfile.LibsndfileError as error:
        raise DamagedError(
            f"the sound cannot be decoded: {error.error_string}",
            hint="`truing verify` finds damaged media",
        ) from error
