"""Compress: kept sound in fewer bytes, at a quality that somebody chose.

Opus and MP3 keep no depth and only some rates; see `conversions`. What is lossy already stays as it
is, for a second loss saves little, and so does a span of a file that other samples have spans of.
"""

from __future__ import annotations

from collections.abc import Mapping

from truing.domain.errors import InvalidInputError
from truing.domain.recipe import MediaFile
from truing.modalities.speech.conversions import LONGEST, convert
from truing.modalities.speech.media import LOSSLESS
from truing.modalities.speech.recording import Recording, opened

RANGES = {"opus": 0.25, "mp3": 1.0}
"""The share of the encoder's scale that is used: Opus at its best would take four times the bytes
that voices need, more than FLAC does."""
COMPRESSIONS: Mapping[str, str] = {"opus": "audio/ogg", "mp3": "audio/mpeg"}


def compress(medium: MediaFile, format: str, quality: int) -> bytes | None:
    """The sound as Opus or MP3; None for what is lossy already, a span, or more than an hour.

    Args:
        medium: the sound.
        format: `opus` or `mp3`.
        quality: 1 to 100, evenly along the encoder's scale: Opus up to some 70 kbit/s a channel,
            MP3 up to all it can.

    Raises:
        InvalidInputError: no such format or quality.
        NotFoundError: its file is gone.
        DamagedError: it cannot be decoded.
    """
    if format not in COMPRESSIONS or not 1 <= quality <= 100:
        raise InvalidInputError(
            f"sound cannot be compressed as `{format}` at quality {quality}",
            hint="choose opus or mp3, and a quality from 1 to 100",
        )
    if medium.start is not None or medium.end is not None:
        return None
    with Recording(medium) as recording:
        too_long = recording.seconds > LONGEST
    with opened(str(medium.path), str(medium.path)) as file:
        lossless = file.subtype in LOSSLESS
    if too_long or not lossless:
        return None
    return convert(medium, format, effort=1 - RANGES[format] * quality / 100)
