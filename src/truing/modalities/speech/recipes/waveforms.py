"""Utterances as a training loop needs them: read, drawn by position, joined, varied.

Everything random comes from a generator keyed by (seed, purpose, numbers), so that a training step
needs no memory of the steps before it: step N of a resumed run sees exactly the sound that step N
of an uninterrupted one sees.

Scope: waveforms are float32 arrays of shape (samples,) at 16 kHz, one channel, full scale 1.0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from truing.domain.errors import InvalidInputError
from truing.domain.recipe import Example
from truing.modalities.speech.recording import RATE, Recording, read_mono
from truing.training.draws import order, random_for

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Waveform = NDArray[np.float32]

CACHE_BYTES = 512 * 2**20
"""Decoded audio kept in memory by one pool; what does not fit is decoded at each use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variation:
    """How far a clip may be changed; `Variation()` changes nothing."""

    speed: float = 0.0
    """Speed factor drawn from 1 ± this; pitch and tempo move together."""
    volume_db: float = 0.0
    """Level change drawn from ± this many decibels."""
    noise_snr_db: float = 0.0
    """Lowest signal-to-noise ratio of white noise, drawn up to 30 dB above it; 0 adds none."""
    join_chance: float = 0.0
    """Chance that one more whole utterance of the same subject follows; drawn repeatedly."""
    join_words: int = 3
    """Most words in a joined utterance."""
    join_gap: tuple[float, float] = (0.0, 0.08)
    """Shortest and longest silence between joined utterances, in seconds."""


class Pool:
    """Utterances drawn by position: an endless row of shuffled epochs, addressable at any point.

    Args:
        examples: the rows, possibly lazy; each holds media under the role `audio`.
        seed: together with `name` decides the order of every epoch.
        name: keeps two pools of one run apart, such as `train` and `replay`.
        longest: seconds that the model can hear; longer clips are left out and counted.
        fits: whether the model can write this text; rows whose truth is too long are left out.

    Raises:
        InvalidInputError: an example has no audio.
        NotFoundError, DamagedError: a file is missing or cannot be decoded (found before step 1).
    """

    def __init__(
        self,
        examples: Sequence[Example],
        *,
        seed: int,
        name: str,
        longest: float,
        fits: Callable[[str], bool],
    ) -> None:
        self.name, self.longest = name, longest
        self.too_long = self.too_wordy = self.empty = 0
        self._examples, self._seed = examples, seed
        self._rows: list[int] = []
        self._seconds: list[float] = []
        self._words: list[int] = []
        self._peers: dict[str | None, list[int]] = {}
        self._subjects: list[str | None] = []
        self._cache: dict[int, Waveform] = {}
        self._cached_bytes = 0
        for row in range(len(examples)):
            self._admit(row, examples[row], fits)

    def _admit(self, row: int, example: Example, fits: Callable[[str], bool]) -> None:
        if "audio" not in example.media:
            raise InvalidInputError(
                f"The sample `{example.uid}` has no audio.",
                hint="Train a speech model on a dataset version of the modality `speech`.",
            )
        with Recording(example.media["audio"]) as recording:  # the header only: nothing is decoded
            seconds = recording.seconds
        if seconds > self.longest:
            self.too_long += 1
        elif not fits(example.truth):
            self.too_wordy += 1
        elif seconds <= 0.0:
            self.empty += 1
        else:
            self._peers.setdefault(example.subject, []).append(len(self._rows))
            self._rows.append(row)
            self._seconds.append(seconds)
            self._words.append(len(example.truth.split()))
            self._subjects.append(example.subject)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def words(self) -> int:
        """Words in the truths of all admitted rows."""
        return sum(self._words)

    @property
    def notes(self) -> list[str]:
        """One sentence per reason for which rows were left out."""
        found = [
            (self.too_long, f"audio longer than the {self.longest:g} s the model can hear"),
            (self.too_wordy, "text longer than the model can write"),
            (self.empty, "no audio"),
        ]
        return [f"{self.name} rows left out: {count} with {why}." for count, why in found if count]

    def example(self, index: int) -> Example:
        """The admitted row `index`, counted from 0."""
        return self._examples[self._rows[index]]

    def waveform(self, index: int) -> Waveform:
        """The sound of admitted row `index`; decoded once while memory allows."""
        kept = self._cache.get(index)
        if kept is None:
            kept = read_mono(self.example(index).media["audio"])
            if self._cached_bytes + kept.nbytes <= CACHE_BYTES:
                self._cache[index] = kept
                self._cached_bytes += kept.nbytes
        return kept

    def draw(self, position: int, variation: Variation) -> tuple[Waveform, str, Example]:
        """Place `position` of the endless row: its sound after variation, its text, its example."""
        epoch, place = divmod(position, len(self))
        index = order(len(self), self._seed, self.name, epoch)[place]
        random = random_for(self._seed, f"vary {self.name}", position)
        seconds = self._seconds[index]
        speed = 1.0 + float(random.uniform(-variation.speed, variation.speed))
        speed = max(speed, seconds / self.longest)  # a slowed clip must still fit
        pieces, texts, words = (
            [self.waveform(index)],
            [self.example(index).truth],
            self._words[index],
        )
        while random.random() < variation.join_chance:
            peers = self._peers[self._subjects[index]]
            other = peers[int(random.integers(len(peers)))]
            gap = float(random.uniform(*variation.join_gap))
            seconds += gap + self._seconds[other]
            words += self._words[other]
            if words > variation.join_words or seconds > self.longest * speed:
                break
            pieces += [_silence(gap), self.waveform(other)]
            texts.append(self.example(other).truth)
        sound = vary(pieces, speed=speed, variation=variation, random=random)
        limit = round(self.longest * RATE)
        return sound[:limit], " ".join(text.strip() for text in texts), self.example(index)


def _silence(seconds: float) -> Waveform:
    import numpy as np

    return np.zeros(round(seconds * RATE), dtype=np.float32)


def vary(
    pieces: Sequence[Waveform], *, speed: float, variation: Variation, random: np.random.Generator
) -> Waveform:
    """Joins `pieces` and changes speed, level and noise; returns float32 of shape (samples,).

    Speed perturbation is that of Ko et al., "Audio augmentation for speech recognition"
    (Interspeech 2015): resampling, so that pitch moves with tempo. Noise is white, its level
    relative to the clip's own power, since Whisper's features are relative to the loudest frame.
    """
    import numpy as np
    import soxr

    sound = np.concatenate(pieces)
    if abs(speed - 1.0) > 1e-3:  # below 0.1 % nothing is heard and resampling is wasted
        sound = soxr.resample(sound, RATE * speed, RATE)
    if variation.volume_db:
        sound = sound * 10.0 ** (random.uniform(-variation.volume_db, variation.volume_db) / 20.0)
    if variation.noise_snr_db and sound.size:
        low = variation.noise_snr_db
        level = np.sqrt(np.mean(np.square(sound))) * 10.0 ** (
            -random.uniform(low, low + 30.0) / 20.0
        )
        sound = sound + level * random.standard_normal(sound.size, dtype=np.float32)
    return np.clip(sound, -1.0, 1.0).astype(np.float32)


def features_of(waveforms: Sequence[Waveform], extractor: Any, seconds: float) -> Any:
    """Log-mel features, float32 tensor of shape (rows, mel, 100 x seconds).

    Sound, not features, is padded with zeros up to `seconds`, the length the model was built for:
    both Whisper's positions and its silence depend on it.
    """
    return extractor(
        list(waveforms),
        sampling_rate=RATE,
        padding="max_length",
        max_length=round(seconds * RATE),
        truncation=True,
        return_tensors="pt",
    ).input_features
