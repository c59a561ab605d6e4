"""Stored sound as models and players want it: one channel, float32, at the rate they ask for.

A `Recording` decodes only the span it is asked for, so an hour of sound costs no more memory than a
minute. Two channels that cancel each other (one wired the wrong way round) are not added, and dead
channels are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING, Any

from truing.domain.closing import Closing
from truing.domain.errors import DamagedError, NotFoundError
from truing.domain.recipe import MediaFile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RATE = 16_000
"""Samples per second that Whisper hears."""
BLOCK = 1 << 13
DEAD = 1e-3
"""A channel this much below the loudest (-60 dB) carries nothing."""
DEEP = frozenset({"PCM_24", "PCM_32", "FLOAT", "DOUBLE"})
CANCELLED = 0.1
"""When the mean of the channels keeps less than this share of their level, they cancel."""


def opened(source: object, name: str) -> Any:
    """A `soundfile.SoundFile` over bytes or a path.

    Raises:
        NotFoundError: no such file.
        DamagedError: not a sound file that can be decoded.
    """
    import soundfile

    if isinstance(source, bytes) and not source:
        raise DamagedError(f"`{name}` is empty (0 bytes)", hint="record it again")
    try:
        return soundfile.SoundFile(BytesIO(source) if isinstance(source, bytes) else source)
    except (soundfile.LibsndfileError, TypeError) as error:
        # libsndfile's own words, without the repr of our buffer.
        raise _undecodable(name, getattr(error, "error_string", str(error))) from error


def blocks(file: Any, dtype: str, name: str) -> Iterator[Any]:
    """Arrays of shape (frames, channels) until the sound ends.

    Raises:
        DamagedError: decoding fails on the way; what came before was good.
    """
    import soundfile

    done = 0
    while True:
        try:
            block = file.read(BLOCK, dtype=dtype, always_2d=True)
        except soundfile.LibsndfileError as error:
            where = f"decoding fails after {done / file.samplerate:.2f} s"
            raise _undecodable(name, f"{where}: {error.error_string}") from error
        if not len(block):
            return
        done += len(block)
        yield block


def _undecodable(name: str, why: str) -> DamagedError:
    return DamagedError(
        f"`{name}` cannot be decoded as sound: {why}",
        hint="give a WAV, FLAC, MP3, Ogg or other file that libsndfile reads, or record it again",
    )


def mono(block: NDArray[Any]) -> NDArray[np.float32]:
    """Mixes (frames, channels) to (frames,) without letting channels cancel."""
    import numpy as np

    if block.shape[1] == 1:
        return np.ascontiguousarray(block[:, 0], dtype=np.float32)
    levels = np.sqrt(np.square(block, dtype=np.float64).mean(axis=0)) if len(block) else np.ones(1)
    live = np.flatnonzero(levels > DEAD * levels.max()) if levels.max() > 0 else np.array([0])
    mixed = block[:, live].mean(axis=1)
    if len(live) > 1 and np.sqrt(np.square(mixed).mean()) < CANCELLED * levels[live].mean():
        mixed = block[:, live[0]]
    return np.ascontiguousarray(mixed, dtype=np.float32)


class Recording(Closing):
    """An open sound file, or the span of one, read piece by piece as one channel.

    Args:
        source: a file with its span, or the bytes of a sound file.
        rate: samples per second to give.

    Raises:
        NotFoundError: no such file.
        DamagedError: not a sound file that can be decoded.
    """

    def __init__(self, source: MediaFile | bytes, rate: int = RATE) -> None:
        start: float | None = None
        end: float | None = None
        if isinstance(source, MediaFile):
            self.name, start, end = str(source.path), source.start, source.end
            if not source.path.is_file():
                raise NotFoundError(
                    f"there is no sound file `{source.path}`",
                    hint="`truing verify` lists missing media",
                )
            self._file = opened(str(source.path), self.name)
        else:
            self.name = "the given bytes"
            self._file = opened(source, self.name)
        self.rate = rate
        own, frames = self._file.samplerate, self._file.frames
        self._first = min(frames, max(0, round((start or 0.0) * own)))
        self._last = frames if end is None else max(self._first, min(frames, round(end * own)))

    @property
    def seconds(self) -> float:
        """Length of the span."""
        return float((self._last - self._first) / self._file.samplerate)

    @property
    def own_rate(self) -> int:
        """Samples per second of the file itself."""
        return int(self._file.samplerate)

    @property
    def deep(self) -> bool:
        """Whether its samples have more than 16 bits."""
        return self._file.subtype in DEEP

    def block(self, start: float = 0.0, end: float | None = None) -> NDArray[np.float32]:
        """Samples as they are, shape (frames, channels), `start` to `end` seconds in the span.

        Raises:
            DamagedError: the sound cannot be decoded there.
        """
        import numpy as np
        import soundfile

        own = self._file.samplerate
        first = min(self._last, self._first + max(0, round(start * own)))
        last = self._last if end is None else min(self._last, self._first + round(end * own))
        try:
            self._file.seek(first)
            block = self._file.read(max(0, last - first), dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise _undecodable(self.name, str(error)) from error
        return np.asarray(np.nan_to_num(block, copy=False, posinf=0.0, neginf=0.0))

    def read(self, start: float = 0.0, end: float | None = None) -> NDArray[np.float32]:
        """One channel at the wanted rate, shape (n,), `start` to `end` seconds in the span.

        Raises:
            DamagedError: the sound cannot be decoded there.
        """
        import numpy as np
        import soxr

        sound, own = mono(self.block(start, end)), self._file.samplerate
        if own != self.rate and len(sound):
            sound = soxr.resample(sound, own, self.rate)
        return np.asarray(sound, dtype=np.float32)

    def close(self) -> None:
        """Closes the file; a second call does nothing."""
        self._file.close()


def read_mono(source: MediaFile | bytes, rate: int = RATE) -> NDArray[np.float32]:
    """The whole span as float32 of shape (n,), full scale 1.0, at `rate`.

    Raises:
        NotFoundError: no such file.
        DamagedError: not a sound file that can be decoded.
    """
    with Recording(source, rate) as recording:
        return recording.read()
