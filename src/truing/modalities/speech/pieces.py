"""Long sound cut into pieces that a model can hear, at pauses, without holding all of it.

Scope: a model hears a fixed number of seconds (30 for OpenAI's Whisper). The cut is the quietest
place in the second half of what fits, so a word is cut in two only where nobody pauses that long.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from truing.modalities.speech.recording import RATE, Recording

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PAUSE = 0.2
"""Seconds over which loudness is averaged in search of a pause."""
AUDIBLE = 0.03
"""Windows below this share of the loudest one (-30 dB) are taken for silence."""
SHORTEST_REST = 0.25
"""Seconds that must remain after a cut: a shorter rest would hold no word."""


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A stretch of a recording: float32 samples of shape (n,) at 16 kHz, and when it starts (s)."""

    sound: NDArray[np.float32]
    start: float


def pieces(recording: Recording, longest: float) -> Iterator[Piece]:
    """All of a recording in order, each piece at most `longest` seconds.

    Raises:
        DamagedError: the sound cannot be decoded.
    """
    start, total = 0.0, recording.seconds
    while total - start > longest:
        window = recording.read(start, start + longest)
        latest = min(longest, total - start - SHORTEST_REST)
        cut = quietest(window, longest / 2, latest)
        yield Piece(window[:cut], start)
        start += cut / RATE
    if total > start:
        yield Piece(recording.read(start), start)


def quietest(sound: NDArray[np.float32], earliest: float, latest: float) -> int:
    """The sample in the middle of the quietest `PAUSE` between two instants (seconds)."""
    import numpy as np

    width = round(PAUSE * RATE)
    power = np.cumsum(np.square(sound, dtype=np.float64))
    first, last = round(earliest * RATE), min(len(sound), round(latest * RATE))
    if last - first <= width:
        return max(1, last)
    begins = np.arange(first, last - width)
    return int(begins[np.argmin(power[begins + width] - power[begins])]) + width // 2


def audible_span(sound: NDArray[np.float32]) -> tuple[float, float]:
    """Seconds at which the sound is first and last audible, to 10 ms."""
    import numpy as np

    size = RATE // 100
    windows = np.pad(sound, (0, -len(sound) % size)).reshape(-1, size)
    level = np.sqrt(np.square(windows, dtype=np.float64).mean(axis=1))
    where = np.flatnonzero(level > AUDIBLE * level.max(initial=0.0))
    if not len(where):
        return 0.0, len(sound) / RATE
    return float(where[0] / 100), min(float((where[-1] + 1) / 100), len(sound) / RATE)
