"""Conversions: stored sound as a file of another format, for players and downloads.

Lossless formats keep rate, channels and depth of what is stored. Opus knows five rates only and MP3
nine: other sound is resampled to the next higher one.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any

from truing.domain.errors import InvalidInputError
from truing.domain.recipe import MediaFile
from truing.modalities.speech.recording import Recording

if TYPE_CHECKING:
    from numpy.typing import NDArray

CONVERSIONS: Mapping[str, str] = {
    "flac": "audio/flac",
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
}
"""Format -> media type."""
LONGEST = 3600.0
"""Seconds that are converted at once; what is longer is handed out as it is kept."""
MOST_LOSSY_CHANNELS = 2
_RATES = {
    "mp3": (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000),
    "opus": (8_000, 12_000, 16_000, 24_000, 48_000),
}
_CONTAINERS = {"flac": "FLAC", "wav": "WAV", "mp3": "MP3", "opus": "OGG"}
_LOSSY_SUBTYPES = {"mp3": "MPEG_LAYER_III", "opus": "OPUS"}


def convert(medium: MediaFile, format: str, *, effort: float | None = None) -> bytes:
    """The sound, or its span, as a whole file.

    Args:
        medium: the sound.
        format: one of `CONVERSIONS`.
        effort: how much a lossy encoder saves, from 0 to 1; its own choice when left out.

    Raises:
        InvalidInputError: no such format, or more than an hour of sound.
        DamagedError: the sound cannot be decoded.
    """
    import soundfile

    if format not in CONVERSIONS:
        raise InvalidInputError(
            f"sound cannot be given as `{format}`", hint=f"ask for {', '.join(CONVERSIONS)}"
        )
    with Recording(medium) as recording:
        if recording.seconds > LONGEST:
            raise InvalidInputError(
                f"{recording.seconds:.0f} s of sound are too long to be converted",
                hint="ask for it without a format: it comes as it is kept",
            )
        block, rate, deep = recording.block(), recording.own_rate, recording.deep
    if format in _RATES:
        block, rate = _fitted(block, rate, _RATES[format])
    else:
        block = _whole_numbers(block, deep=deep)
    kept = BytesIO()
    subtype = _LOSSY_SUBTYPES.get(format, "PCM_24" if deep else "PCM_16")
    soundfile.write(
        kept,
        block,
        rate,
        format=_CONTAINERS[format],
        subtype=subtype,
        compression_level=effort,
    )
    return kept.getvalue()


def _whole_numbers(block: NDArray[Any], *, deep: bool) -> NDArray[Any]:
    """The numbers that were stored: libsndfile would scale them by 32767 instead of 32768."""
    import numpy as np

    kind = np.int32 if deep else np.int16
    most = float(np.iinfo(kind).max)
    return np.clip(np.rint(block.astype(np.float64) * (most + 1)), -most - 1, most).astype(kind)


def _fitted(block: NDArray[Any], rate: int, rates: tuple[int, ...]) -> tuple[NDArray[Any], int]:
    import soxr

    if block.shape[1] > MOST_LOSSY_CHANNELS:
        block = block.mean(axis=1, keepdims=True)
    if rate in rates:
        return block, rate
    wanted = next((one for one in rates if one > rate), rates[-1])
    return (soxr.resample(block, rate, wanted) if len(block) else block), wanted
