"""What can be measured of a clip: level, speech, noise, clipping, hum, gaps, band, channels, voice.

Scope: figures only; `checks` holds them against limits. All levels are decibels below full scale,
all times seconds. Measured at the clip's own rate, at most its first `LONGEST` seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Signal = NDArray[np.float64]

LONGEST = 120.0
WINDOW, HOP = 0.025, 0.010
FLOOR = 1e-12
"""Power of nothing, so that logarithms stay finite."""
HEARING_RANGE = 40.0
SPEECH_RANGE = 30.0
"""Speech lies within this many decibels of its loudest frames."""
OVER_NOISE = 6.0
"""And this many above the quiet frames."""
LEAST_RANGE = 12.0
"""Or, at the least, this close to the loudest: noise may hide the quiet frames."""
LEAST_OFFSET = 0.15
"""Of the level; see `steady_offset`."""
FEWEST_FLAT = 12
"""Samples on flat tops; a quiet clip of few steps has some by chance."""
LONGEST_ONE_SIDED = 0.1
"""Seconds; a longer gap must be abrupt at both ends."""
LONGEST_FOR_HUM, LONGEST_FOR_PITCH = 30.0, 10.0
SHORTEST_FOR_NOISE = 1.0
"""A shorter clip may hold no pause, and its background cannot be told from a vowel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acoustics:
    """The figures of one clip."""

    seconds: float
    peak: float
    """Largest magnitude without offset, full scale 1."""
    offset: float
    """Mean that all quarters of the clip share."""
    speech_seconds: float
    """From the first spoken frame to the last, pauses included."""
    speech_share: float
    """Frames that are spoken."""
    risen_seconds: float | None
    """Time that rises above a steady background; None in clips too short to tell."""
    snr: float | None
    """Speech over background in decibels; None in clips too short to tell."""
    flat_share: float
    """Samples on flat tops."""
    hum: tuple[float, float]
    """Frequency of the strongest mains tone and how many decibels it stands out."""
    gaps: tuple[float, ...]
    """Lengths of abrupt gaps in milliseconds."""
    treble_drop: float | None
    """How far the treble lies below its neighbourhood; None at rates that have none."""
    channel_levels: tuple[float, ...]
    kept_by_mixing: float
    """Level of the mean of the channels as a share of their mean level."""
    pitch: float | None
    """Median fundamental in Hz."""
    brightness: float
    """Power-weighted geometric mean frequency of speech in Hz."""
    end_level: float
    """Loudest of the last frames relative to the loudest speech, in decibels."""


def measure(block: NDArray[Any], rate: int) -> Acoustics:
    """Measures a clip.

    Args:
        block: shape (frames, channels), float, full scale 1; at least one frame.
        rate: samples per second.
    """
    import numpy as np

    block = block[: round(LONGEST * rate)].astype(np.float64)
    levels = np.sqrt(np.square(block - block.mean(axis=0)).mean(axis=0))
    signal = block[:, int(levels.argmax())]
    offset = steady_offset(signal)
    signal = signal - signal.mean()
    power = frame_power(signal, rate)
    decibels = 10 * np.log10(power + FLOOR)
    # Of frames worth hearing: a word in a minute of silence is less than 5 % of all.
    loud = np.percentile(decibels[decibels > decibels.max() - HEARING_RANGE], 95)
    quiet = np.percentile(decibels, 10)
    spoken = decibels > max(loud - SPEECH_RANGE, min(quiet + OVER_NOISE, loud - LEAST_RANGE))
    where = np.flatnonzero(spoken)
    span = (where[-1] - where[0] + 1) * HOP if len(where) else 0.0
    snr, risen = background(signal, rate)
    mixed = block[:, levels > 1e-3 * levels.max()].mean(axis=1) if levels.max() > 0 else signal
    return Acoustics(
        seconds=len(signal) / rate,
        peak=float(np.abs(signal).max()),
        offset=offset,
        speech_seconds=min(span, len(signal) / rate),
        speech_share=float(spoken.mean()),
        risen_seconds=risen,
        snr=snr,
        flat_share=flat_share(signal),
        hum=hum(signal, rate),
        gaps=gaps(signal, rate),
        treble_drop=treble_drop(signal, rate),
        channel_levels=tuple(float(level) for level in levels),
        kept_by_mixing=_kept(mixed, levels),
        pitch=pitch(signal, rate),
        brightness=brightness(signal, rate),
        end_level=float(decibels[-3:].max() - loud),
    )


def _kept(mixed: Signal, levels: Signal) -> float:
    import numpy as np

    live = levels[levels > 1e-3 * levels.max()]
    return float(mixed.std() / live.mean()) if len(live) > 1 and np.any(live) else 1.0


def frames(signal: Signal, size: int, hop: int) -> Signal:
    """Overlapping windows, shape (frames, size); a short signal is padded to one."""
    import numpy as np

    if len(signal) < size:
        signal = np.pad(signal, (0, size - len(signal)))
    return np.lib.stride_tricks.sliding_window_view(signal, size)[::hop]


def frame_power(signal: Signal, rate: int) -> Signal:
    """Mean square of windows of 25 ms every 10 ms."""
    import numpy as np

    cut = frames(signal, round(WINDOW * rate), round(HOP * rate))
    return np.asarray(np.square(cut).mean(axis=1))


def band_powers(signal: Signal, rate: int, bands: int = 26) -> Signal:
    """Power in mel bands from 100 Hz to 8 kHz, 32 ms every 8 ms, shape (frames, bands)."""
    import numpy as np

    size = round(0.032 * rate)
    window = np.hanning(size)
    spectra = np.abs(np.fft.rfft(frames(signal, size, round(0.008 * rate)) * window, axis=1)) ** 2
    top = min(rate / 2, 8000.0) * 0.98
    edges = mel_edges(100.0, top, bands)
    weights = triangles(edges, np.fft.rfftfreq(size, 1 / rate))
    return np.asarray(spectra @ weights.T / np.square(window).sum() / size + 1e-14)


def mel_edges(low: float, high: float, bands: int) -> Signal:
    """Band edges in hertz, evenly spaced in mel (O'Shaughnessy 1987), shape (bands + 2,)."""
    import numpy as np

    mel = np.linspace(np.log1p(low / 700), np.log1p(high / 700), bands + 2)
    return np.asarray(700 * np.expm1(mel), dtype=np.float64)


def triangles(edges: Signal, hertz: NDArray[np.floating[Any]]) -> Signal:
    """Overlapping triangular weights, shape (bands, frequencies)."""
    import numpy as np

    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (hertz - low) / (middle - low), (high - hertz) / (high - middle)
    return np.maximum(0.0, np.minimum(rising, falling))


def background(signal: Signal, rate: int) -> tuple[float | None, float | None]:
    """Speech over background in decibels, and seconds that rise above the background.

    The background is the lowest tenth of each mel band over time, as in minimum statistics
    (Martin 2001), raised by the bias of a minimum; speech is what the louder frames have above it.
    """
    import numpy as np

    if len(signal) < SHORTEST_FOR_NOISE * rate:
        return None, None
    powers = band_powers(signal, rate)
    mirrored = np.pad(powers, ((2, 2), (0, 0)), mode="symmetric")
    smoothed = np.lib.stride_tricks.sliding_window_view(mirrored, 5, axis=0).mean(axis=-1)
    noise = 1.4 * np.percentile(smoothed, 10, axis=0)
    total = powers.sum(axis=1)
    risen = total > 2 * noise.sum()
    loud = risen & (total >= np.percentile(total, 95) * 1e-3)
    if not loud.any():
        return None, 0.0
    speech = np.maximum(powers[loud].mean(axis=0) - noise, 1e-14)
    return float(10 * np.log10(speech.sum() / noise.sum())), float(risen.sum() * 0.008)


def steady_offset(signal: Signal) -> float:
    """The smallest mean of the clip's quarters; 0 when they disagree in sign.

    A deep noise has a mean in each short stretch, but not the same one; lopsided waves have one
    that is small beside their level, and clipping them raises it. Neither is an offset.
    """
    import numpy as np

    means = [float(part.mean()) for part in np.array_split(signal, 4) if len(part)]
    same = all(mean > 0 for mean in means) or all(mean < 0 for mean in means)
    least = min(means, key=abs) if same else 0.0
    return least if abs(least) > LEAST_OFFSET * float(signal.std()) else 0.0


def flat_share(signal: Signal) -> float:
    """Share of samples in runs of three or more at the very top or bottom.

    Clipping leaves flat tops wherever the level was set afterwards, so full scale is not asked for.
    Resampling or lossy coding after the clipping rounds them off; such clips are not recognised.
    """
    flat = 0
    for side in (signal, -signal):
        top = float(side.max())
        if top > 0:
            begins, ends = runs(side >= top * 0.998)
            lengths = ends - begins
            flat += int(lengths[lengths >= 3].sum())
    return flat / len(signal) if flat >= FEWEST_FLAT else 0.0


def runs(mask: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First and one-past-last index of each stretch of True."""
    import numpy as np

    edges = np.diff(np.concatenate(([0], mask.astype(np.int8), [0])))
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)


def hum(signal: Signal, rate: int) -> tuple[float, float]:
    """The mains tone (50 or 60 Hz, or its first harmonic) that stands out most, and by how much.

    Measured against the 8 Hz on either side; a tone 40 dB below the whole does not count.
    """
    import numpy as np

    best = (50.0, 0.0)
    seconds = len(signal) / rate
    if seconds < 1.0:
        return best
    signal = signal[: round(LONGEST_FOR_HUM * rate)]
    seconds = len(signal) / rate
    size = power_of_two(2 * len(signal))
    spectrum = np.abs(np.fft.rfft(signal * np.hanning(len(signal)), size)) ** 2
    hertz = np.fft.rfftfreq(size, 1 / rate)
    total = spectrum[hertz > 20].sum() + FLOOR
    power, hertz = spectrum[hertz < 200], hertz[hertz < 200]
    width = 2.5 / seconds + 0.5
    for tone in (50.0, 60.0, 100.0, 120.0):
        distance = np.abs(hertz - tone)
        line = power[distance <= width].sum()
        beside = power[(distance > width) & (distance <= width + 8)].sum()
        height = float(10 * np.log10((line + FLOOR) / (beside + FLOOR)))
        if line > 1e-4 * total and height > best[1]:
            best = (tone, height)
    return best


def gaps(signal: Signal, rate: int) -> tuple[float, ...]:
    """Milliseconds of stretches without any change, where sound breaks off or sets in abruptly."""
    import numpy as np

    peak = float(np.abs(signal).max())
    margin, edge = round(0.01 * rate), max(2, round(0.002 * rate))
    begins, ends = runs(np.diff(signal) == 0)
    found = []
    for begin, end in zip(begins, ends + 1, strict=True):
        if end - begin < 0.001 * rate or begin < margin or end > len(signal) - margin:
            continue
        before = np.sqrt(np.square(signal[begin - edge : begin] - signal[begin]).mean())
        after = np.sqrt(np.square(signal[end : end + edge] - signal[begin]).mean())
        # Pauses put between clips by a program begin or end abruptly too, but seldom both.
        long = end - begin > LONGEST_ONE_SIDED * rate
        if (min if long else max)(before, after) > 0.15 * peak:
            found.append(1000 * (end - begin) / rate)
    return tuple(found)


def treble_drop(signal: Signal, rate: int) -> float | None:
    """How many decibels 6.5-7.9 kHz lie below 3.4-4 kHz at their loudest; None below 16 kHz.

    Telephone sound, or sound once kept at 8 kHz, falls off a cliff there; a dull voice does not.
    """
    import numpy as np

    if rate < 15_900:
        return None
    size = round(0.032 * rate)
    spectra = np.fft.rfft(frames(signal, size, size // 4) * np.hanning(size), axis=1)
    hertz = np.fft.rfftfreq(size, 1 / rate)

    def loudest(low: float, high: float) -> float:
        power = np.abs(spectra[:, (hertz > low) & (hertz < high)]) ** 2
        loud = np.percentile(power, 98, axis=0) / np.square(np.hanning(size)).sum() + 1e-14
        return float(loud.max())

    low, high = loudest(3400, 4000), loudest(6500, 7900)
    return float(10 * np.log10(low / high))


def pitch(signal: Signal, rate: int) -> float | None:
    """Median fundamental of voiced frames by autocorrelation (Boersma 1993); None without 20."""
    import numpy as np

    size = round(0.04 * rate)
    window = np.hanning(size)
    cut = frames(signal[: round(LONGEST_FOR_PITCH * rate)], size, round(HOP * rate))
    power = np.square(cut).mean(axis=1)
    cut = cut[power > 0.03 * np.percentile(power, 95)]
    if not len(cut):
        return None
    first, last = int(rate / 1000), int(rate / 60)
    wide = power_of_two(size + last)
    own = np.fft.irfft(np.abs(np.fft.rfft(cut * window, wide, axis=1)) ** 2, wide, axis=1)
    shape = np.fft.irfft(np.abs(np.fft.rfft(window, wide)) ** 2, wide)[:last]
    likeness = own[:, :last] / np.maximum(own[:, :1], FLOOR) / np.maximum(shape / shape[0], 0.05)
    area = likeness[:, first:last]
    voiced = area.max(axis=1) > 0.6
    if voiced.sum() < 20:
        return None
    return float(np.median(rate / (area.argmax(axis=1)[voiced] + first)))


def brightness(signal: Signal, rate: int) -> float:
    """Power-weighted geometric mean frequency of the spoken frames, in hertz."""
    import numpy as np

    size = round(0.032 * rate)
    cut = frames(signal, size, size // 2)
    power = np.square(cut).mean(axis=1)
    cut = cut[power >= 0.01 * np.percentile(power, 95)]
    spectrum = (np.abs(np.fft.rfft(cut * np.hanning(size), axis=1)) ** 2).mean(axis=0)
    hertz = np.fft.rfftfreq(size, 1 / rate)
    heard = hertz > 60
    weight = spectrum[heard]
    return float(np.exp((weight * np.log(hertz[heard])).sum() / max(weight.sum(), FLOOR)))


def power_of_two(length: int) -> int:
    """The next power of two: a length that a Fourier transform likes."""
    return 1 << (length - 1).bit_length()
