"""Preview: what a player draws of a recording before it is heard, in some two kilobytes.

Peaks are 8-bit numbers relative to the recording's own peak, so that quiet speech is drawn with as
many steps as loud; `scale` says how high the peak is. Long sound is read in pieces.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from truing.domain.recipe import MediaFile
from truing.modalities.speech.acoustics import FEWEST_FLAT, LONGEST, background, runs
from truing.modalities.speech.recording import Recording, mono

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Sound = NDArray[np.float32]

PIECE = 1 << 20
"""Frames that are decoded at once."""
FLAT = 0.998
"""Samples this near to the top belong to a flat one."""
SHORTEST_FLAT = 3
"""Samples of a flat top."""
APART = 0.05
"""Seconds: flat tops nearer to each other than this are shown as one."""
MOST_CLIPPED = 200
"""Stretches that are named; a player can draw no more."""


def preview(medium: MediaFile, buckets: int) -> Mapping[str, object]:
    """What can be drawn of a recording.

    Args:
        medium: the sound.
        buckets: about how many pairs of peaks; fewer when the sound has fewer samples.

    Returns:
        `duration` (s), `peaks` (base64 of signed bytes: lowest and highest of each bucket in turn,
        127 is `scale`), `scale` (full scale 1), `buckets`, `clipped` ([start, end] in s),
        `level_db`, `peak_db` (below full scale; None in silence), `snr_db` (None when it cannot be
        told).

    Raises:
        NotFoundError: its file is gone.
        DamagedError: it cannot be decoded.
    """
    with Recording(medium) as recording:
        heard = _Heard(recording, max(1, buckets))
        heard.listen()
    return heard.as_dict()


class _Heard:
    """Figures of a recording that grow piece by piece."""

    def __init__(self, recording: Recording, buckets: int) -> None:
        self._recording = recording
        self._rate = recording.own_rate
        self._frames = round(recording.seconds * self._rate)
        self._size = max(1, math.ceil(self._frames / buckets))
        self._lows: list[Sound] = []
        self._highs: list[Sound] = []
        self._power = 0.0
        self._peak = 0.0
        self._flats: list[tuple[float, int, int]] = []
        self._beginning: list[Sound] = []

    def listen(self) -> None:
        """Reads everything."""
        # Pieces end where buckets do.
        step = self._size * max(1, PIECE // self._size)
        for first in range(0, self._frames, step):
            block = self._recording.block(first / self._rate, (first + step) / self._rate)
            if not len(block):
                return
            self._add(mono(block), first)

    def _add(self, sound: Sound, first: int) -> None:
        import numpy as np

        edges = np.arange(0, len(sound), self._size)
        self._lows.append(np.minimum.reduceat(sound, edges))
        self._highs.append(np.maximum.reduceat(sound, edges))
        self._power += float(np.square(sound, dtype=np.float64).sum())
        self._peak = max(self._peak, float(np.abs(sound).max()))
        for side in (sound, -sound):
            top = float(side.max())
            if top <= 0:
                continue
            begins, ends = runs(side >= top * FLAT)
            long = ends - begins >= SHORTEST_FLAT
            self._flats += [
                (top, first + int(begin), first + int(end))
                for begin, end in zip(begins[long], ends[long], strict=True)
            ]
        if first < LONGEST * self._rate:
            self._beginning.append(sound[: max(0, round(LONGEST * self._rate) - first)])

    def as_dict(self) -> Mapping[str, object]:
        """The answer."""
        import numpy as np

        if not self._lows:
            return _SILENT | {"duration": self._frames / self._rate}
        pairs = np.stack((np.concatenate(self._lows), np.concatenate(self._highs)), axis=1)
        scale = self._peak or 1.0
        peaks = np.rint(pairs * (127 / scale)).astype(np.int8)
        beginning = np.concatenate(self._beginning).astype(np.float64)
        noise, _ = background(beginning - beginning.mean(), self._rate)
        return {
            "duration": self._frames / self._rate,
            "peaks": base64.b64encode(peaks.tobytes()).decode("ascii"),
            "scale": round(self._peak, 6),
            "buckets": len(peaks),
            "clipped": self._clipped(),
            "level_db": _decibels(math.sqrt(self._power / self._frames)),
            "peak_db": _decibels(self._peak),
            "snr_db": None if noise is None or not math.isfinite(noise) else round(noise, 1),
        }

    def _clipped(self) -> list[list[float]]:
        """Stretches with flat tops; a few samples on one are there by chance in any sound."""
        held = sorted((begin, end) for top, begin, end in self._flats if top >= FLAT * self._peak)
        if sum(end - begin for begin, end in held) < FEWEST_FLAT:
            return []
        found: list[list[float]] = []
        for begin, end in held:
            start, stop = begin / self._rate, end / self._rate
            if found and start - found[-1][1] < APART:
                found[-1][1] = round(max(stop, found[-1][1]), 4)
            else:
                found.append([round(start, 4), round(stop, 4)])
        return found[:MOST_CLIPPED]


_SILENT: dict[str, Any] = {
    "duration": 0.0,
    "peaks": "",
    "scale": 0.0,
    "buckets": 0,
    "clipped": [],
    "level_db": None,
    "peak_db": None,
    "snr_db": None,
}


def _decibels(amplitude: float) -> float | None:
    return round(20 * math.log10(amplitude), 1) if amplitude > 0 else None
