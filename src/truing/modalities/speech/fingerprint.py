"""What a recording is recognised by: marks to find copies of it, a sketch of its sound, a likeness.

*Marks.* At the loudest moments of a clip, which stay where they are in the speech when silence is
cut off or added, the picture of 400 ms of sound (12 mel bands, smoothed over time) becomes 32 bits:
the signs of as many decorrelated figures. A copy that was coded anew, resampled, turned up or down,
padded, trimmed or has a little noise upon it has nearly the same bits, and where it differs the
figure was near zero. So few keys are kept, and many asked for: those with the weakest bits turned
over. Short hashes of local spectra go back to Haitsma & Kalker (2002), tying them to peaks to Wang
(2003), asking for the likeliest neighbours of a hash to Lv et al. (2007).

*Likeness.* A candidate is compared by the sound itself: the largest normalised correlation of the
two waveforms at any shift. Copies keep their waveform; two takes of one word by one person do not.

*Scope.* The first 30 s. Not promised: clips under half a second that lost speech, not silence, by
trimming; copies played into another room, or sped up; a piece cut out of something longer.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations
from typing import TYPE_CHECKING, Any

from truing.domain.media import Media
from truing.domain.modality import Marks
from truing.modalities.speech.acoustics import HOP as HOP_SECONDS
from truing.modalities.speech.acoustics import WINDOW as WINDOW_SECONDS
from truing.modalities.speech.acoustics import (
    frame_power,
    frames,
    mel_edges,
    power_of_two,
    triangles,
)
from truing.modalities.speech.recording import Recording, mono

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Signal = NDArray[np.float64]

RATE = 8_000
LONGEST = 30.0
SHORTEST = 0.1
WINDOW, HOP = 256, 80
"""Samples: 32 ms every 10 ms."""
FINE, BANDS, ORDERS = 24, 12, 6
LOW, HIGH = 150.0, 3_500.0
"""Hertz: what every microphone, telephone and codec lets through."""
SMOOTH, SMOOTH_LEVEL = 9, 17
"""Frames over which powers, and the level whose peaks are the loudest moments, are smoothed."""
FLOOR = -20.0
"""Decibels below the loudest frame; what is quieter is faded out: there noise differs."""
PEAKS_WITHIN = 20.0
TIMES, STEP = 9, 5
"""Columns of a picture, and frames between them: 400 ms around a peak."""
KEPT, ASKED = 3, 5
"""Peaks under which a clip is found, and peaks by which it looks for others."""
WEAK = {1: 7, 2: 6}
"""By number of peaks, how many weakest bits may turn; 5 with more peaks."""
BITS = 32
VERSION = "~s1"
"""Begins every key; another number for bits that are made in another way."""
CEPSTRA = 13
HEARD = 30.0
EMPHASIS = 0.9
OVERLAP = 0.6
"""Share of the length and of the energy of both that must lie in the overlap."""
QUIET = 0.06
"""Of the loudest moment; what is quieter at either end does not count as length."""


class Listener:
    """Takes the blocks of a recording as they pass by on their way to the store."""

    def __init__(self, rate: int) -> None:
        self._rate, self._blocks = rate, list[Any]()
        self._room = round(LONGEST * rate)

    def add(self, block: NDArray[Any]) -> None:
        """Takes (frames, channels) of integers or floats."""
        if self._room > 0:
            self._blocks.append(block[: self._room])
            self._room -= len(block)

    def facts(self) -> dict[str, object]:
        """`marks` and `sketch`; nothing for silence and for clips too short to tell apart."""
        import numpy as np

        if not self._blocks:
            return {}
        block = np.concatenate(self._blocks)
        full = float(np.iinfo(block.dtype).max) if block.dtype.kind == "i" else 1.0
        sound = mono(np.nan_to_num(block, posinf=0.0, neginf=0.0)) / full
        return described(telephone(sound, self._rate))


def telephone(sound: NDArray[Any], rate: int) -> Signal:
    """One channel at 8 kHz, shape (n,)."""
    import numpy as np
    import soxr

    same = rate == RATE or not len(sound)
    return np.asarray(sound if same else soxr.resample(sound, rate, RATE), dtype=np.float64)


def described(sound: Signal) -> dict[str, object]:
    """The facts that are kept of a clip at 8 kHz; see `Listener.facts`."""
    if len(sound) < SHORTEST * RATE or not sound.any():
        return {}
    powers = _powers(sound)
    return {"marks": _marks(powers), "sketch": _sketch(powers)}


def marks(media: Sequence[Media]) -> Marks:
    """The keys of the first medium's marks; none for spans, which share the marks of the whole."""
    found = media[0].facts.get("marks") if media and media[0].start is None else None
    if not isinstance(found, (list, tuple)):
        return Marks()
    known = [_read(str(one)) for one in found]
    turning = WEAK.get(len(known), 5)
    asked: list[int] = []
    for turned in range(turning + 1):
        for bits, weak in known:
            asked += [bits ^ _mask(some) for some in combinations(weak[:turning], turned)]
    return Marks(
        kept=tuple(dict.fromkeys(_key(bits) for bits, _ in known[:KEPT])),
        asked=tuple(dict.fromkeys(map(_key, asked))),
    )


def sketch(media: Sequence[Media]) -> tuple[float, ...] | None:
    """Means and deviations of 13 cepstra of the first medium that has them."""
    for medium in media:
        found = medium.facts.get("sketch")
        if isinstance(found, (list, tuple)) and len(found) == 2 * CEPSTRA:
            return tuple(float(value) for value in found)
    return None


def likeness(one: bytes, other: bytes) -> float:
    """How nearly two recordings have one waveform, 0 to 1; 1 for copies at another level.

    Raises:
        DamagedError: sound that cannot be decoded.
    """
    first, second = _emphasised(one), _emphasised(other)
    return correlation(first, second) if len(first) and len(second) else 0.0


def correlation(first: Signal, second: Signal) -> float:
    """The largest normalised correlation at any shift that leaves enough of both overlapping."""
    import numpy as np

    size = power_of_two(len(first) + len(second))
    product = np.fft.rfft(first, size) * np.conj(np.fft.rfft(second, size))
    shifts = np.arange(1 - len(second), len(first))
    together = np.abs(np.fft.irfft(product, size)[shifts])
    one, two = (np.concatenate(([0.0], np.cumsum(np.square(x)))) for x in (first, second))
    begin, end = np.maximum(0, shifts), np.minimum(len(first), len(second) + shifts)
    shared = one[end] - one[begin], two[end - shifts] - two[begin - shifts]
    enough = (shared[0] >= OVERLAP * one[-1]) & (shared[1] >= OVERLAP * two[-1])
    enough &= end - begin >= OVERLAP * max(len(first), len(second))
    if not enough.any() or one[-1] <= 0 or two[-1] <= 0:
        return 0.0
    scaled = together[enough] / np.sqrt(shared[0][enough] * shared[1][enough])
    return min(1.0, float(scaled.max()))


def _emphasised(data: bytes) -> Signal:
    """From the first loud moment to the last, treble raised: vowels are alike in the bass."""
    import numpy as np

    with Recording(data, RATE) as recording:
        sound = recording.read(0.0, LONGEST).astype(np.float64)
    level = np.sqrt(frame_power(sound, RATE)) if len(sound) else np.zeros(1)
    loud = round(HOP_SECONDS * RATE) * np.flatnonzero(level > QUIET * level.max())
    sound = sound[loud[0] : loud[-1] + round(WINDOW_SECONDS * RATE)] if len(loud) else sound[:0]
    return np.append(sound[:1], sound[1:] - EMPHASIS * sound[:-1])


def _powers(sound: Signal) -> Signal:
    """Power in 24 mel bands, shape (frames, 24); a window of silence stands at either end."""
    import numpy as np

    window, weights = _analysis()
    cut = frames(np.pad(sound, WINDOW), WINDOW, HOP)
    return np.asarray(np.abs(np.fft.rfft(cut * window, axis=1)) ** 2 @ weights)


@lru_cache(maxsize=1)
def _analysis() -> tuple[Signal, Signal]:
    import numpy as np

    hertz = np.fft.rfftfreq(WINDOW, 1 / RATE)
    return np.hanning(WINDOW), triangles(mel_edges(LOW, HIGH, FINE), hertz).T


def _smoothed(rows: Signal, width: int) -> Signal:
    import numpy as np

    weights = np.hanning(width + 2)[1:-1]
    padded = np.pad(rows, ((width // 2, width // 2), (0, 0)))
    wide = np.lib.stride_tricks.sliding_window_view(padded, width, axis=0)
    return np.asarray(wide @ (weights / weights.sum()))


def _marks(powers: Signal) -> list[str]:
    """Each mark is its 32 bits and the numbers of its weakest ones, in hexadecimal."""
    import numpy as np

    figures = coefficients(powers) - np.array(MEANS)
    found = []
    for row in figures / np.array(DEVIATIONS) @ _rotation():
        bits = sum(1 << place for place in range(BITS) if row[place] > 0)
        weak = np.argsort(np.abs(row), kind="stable")[: WEAK[1]]
        found.append(f"{bits:08x}" + "".join(f"{place:02x}" for place in weak))
    return found


def coefficients(powers: Signal) -> Signal:
    """Cosine transforms in time and frequency of the picture at each peak, shape (peaks, 32)."""
    import numpy as np

    level = _smoothed(powers, SMOOTH).reshape(len(powers), BANDS, FINE // BANDS).sum(axis=2)
    top = level.sum(axis=1).max() / BANDS
    picture = 10 * np.log10(level / top + 10 ** (FLOOR / 10)) - FLOOR
    reach = TIMES // 2 * STEP
    wide = np.pad(picture, ((reach, reach), (0, 0)))
    columns = np.arange(TIMES) * STEP
    in_time, in_bands = _cosines(TIMES, ORDERS), _cosines(BANDS, ORDERS)
    rows = [(in_time.T @ wide[peak + columns] @ in_bands).ravel() for peak in _peaks(powers)]
    return np.stack(rows)[:, _chosen()]


def _peaks(powers: Signal) -> NDArray[np.intp]:
    """The loudest moments, at most `ASKED`, the loudest first."""
    import numpy as np

    level = _smoothed(powers.sum(axis=1, keepdims=True), SMOOTH_LEVEL)[:, 0]
    level = 10 * np.log10(level + 1e-12)
    rising, falling = level[1:-1] >= level[:-2], level[1:-1] > level[2:]
    found = np.flatnonzero(rising & falling) + 1
    found = found[level[found] > level.max() - PEAKS_WITHIN]
    if not len(found):
        return np.array([int(level.argmax())])
    return np.asarray(found[np.argsort(-level[found], kind="stable")][:ASKED])


def _cosines(length: int, orders: int) -> Signal:
    import numpy as np

    steps = np.outer(np.arange(length) + 0.5, np.arange(orders))
    return np.asarray(np.cos(np.pi / length * steps) * np.sqrt(2 / length))


def _chosen() -> list[int]:
    """Places of the 32 smoothest patterns but the constant one."""
    pairs = [(time, band) for time in range(ORDERS) for band in range(ORDERS)][1:]
    smoothest = sorted(pairs, key=lambda pair: (sum(pair), pair))[:BITS]
    return [time * ORDERS + band for time, band in smoothest]


@lru_cache(maxsize=1)
def _rotation() -> Signal:
    """A Hadamard matrix: every bit depends on all figures alike."""
    import numpy as np

    return np.array([[(-1.0) ** (i & j).bit_count() for j in range(BITS)] for i in range(BITS)])


def _sketch(powers: Signal) -> list[float]:
    """Means and deviations of 13 cepstra over what is heard, each of about one unit's spread."""
    import numpy as np

    level = powers.sum(axis=1)
    heard = powers[level > level.max() * 10 ** (-HEARD / 10)]
    decibels = 10 * np.log10(heard / level.max() + 10 ** (-HEARD / 10 - 1))
    # The higher a cepstrum, the smaller: raised in proportion, all have about the same spread.
    cepstra = decibels @ _cosines(FINE, CEPSTRA) * np.arange(1, CEPSTRA + 1) / 15
    return [round(float(v), 2) for v in (*cepstra.mean(axis=0), *cepstra.std(axis=0))]


def _read(mark: str) -> tuple[int, list[int]]:
    return int(mark[:8], 16), [int(mark[place : place + 2], 16) for place in range(8, len(mark), 2)]


def _mask(places: Sequence[int]) -> int:
    return sum(1 << place for place in places)


def _key(bits: int) -> str:
    return f"{VERSION}{bits:08x}"


# fmt: off
MEANS = (
    47.0, -9.3, 20.1, -5.3, -43.1, 4.8, -1.6, -15.8, 2.7, -5.8, -0.8, -4.4, 1.1, 11.2, -6.0, 0.0,
    0.5, -0.5, 2.7, 3.1, 0.3, 3.6, 0.3, 0.1, 2.0, 2.6, 0.4, -1.0, 0.9, 0.1, -1.5, 0.0,
)
DEVIATIONS = (
    21.3, 24.0, 16.7, 10.5, 21.8, 14.8, 7.0, 9.5, 9.6, 9.0, 5.0, 11.1, 5.1, 13.2, 7.6, 4.0,
    9.0, 5.7, 5.6, 8.0, 3.5, 5.6, 3.6, 4.8, 3.9, 4.4, 3.2, 3.6, 2.9, 2.4, 3.3, 2.0,
)
"""Of the 32 figures over spoken digits and read sentences."""
# fmt: on
