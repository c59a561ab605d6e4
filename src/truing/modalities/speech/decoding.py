"""What a runtime must do with a piece of sound, and what it says back: the seam between runtimes.

A runtime (transformers or CTranslate2) turns sounds into tokens with their probabilities and times;
everything above it, from pieces of long sound to words and alternatives, is written once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from truing.domain.runtime_options import like_usual, read_options
from truing.modalities.speech.vocabulary import Vocabulary

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TOKENS_PER_SECOND = 25
"""More than anyone speaks in any script; bounds a model that repeats itself."""
FEWEST_TOKENS = 12
FRAME = 0.02
"""Seconds per position of Whisper's encoder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognizerOptions:
    """What a caller may set; see `open_recognizer`."""

    language: str | None = None
    task: str = "transcribe"
    beam_size: int = 1
    num_alternatives: int = 3
    word_times: bool = True
    batch_size: int = 8
    device: str = "auto"
    compute_type: str = "default"
    threads: int = 0
    text_only: bool = False

    @property
    def readings(self) -> int:
        """How many other readings to look for."""
        return 0 if self.text_only else self.num_alternatives

    @property
    def times_words(self) -> bool:
        """Whether words are to be placed in time."""
        return self.word_times and not self.text_only

    @staticmethod
    def of(options: Mapping[str, object]) -> RecognizerOptions:
        """Reads a mapping, converting texts from a command line.

        Raises:
            InvalidInputError: an unknown option or a value of the wrong kind.
        """
        return read_options(options, RecognizerOptions(), _converted, of="the speech recognizer")


def _converted(name: str, value: object, usual: object) -> object:
    if isinstance(usual, int):
        return like_usual(name, value, usual, from_zero=("num_alternatives", "threads"))
    return value if value is None and usual is None else str(value) or usual


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One way to read a piece: text tokens and the sum of all log probabilities, end included."""

    tokens: tuple[int, ...]
    logprob: float

    @property
    def confidence(self) -> float:
        """Geometric mean of the probabilities of the tokens and of the end after them."""
        return math.exp(self.logprob / (len(self.tokens) + 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """What a runtime made of one piece."""

    best: Reading
    probabilities: tuple[float, ...] = ()
    """Of each token of the best reading."""
    times: tuple[float, ...] = ()
    """Seconds at which each token begins, and the instant after the last; empty when unknown."""
    others: tuple[Reading, ...] = ()
    """Further readings, likeliest first; may repeat the best."""
    language: str | None = None
    no_speech: float = 0.0
    """Probability that nobody speaks, from models that learnt to tell."""


class Runtime(Protocol):
    """A model in memory."""

    seconds: float
    """Longest sound it hears."""
    vocabulary: Vocabulary

    def decode(self, sounds: Sequence[NDArray[np.float32]]) -> list[Decoded]:
        """Reads a batch of sounds, 16 kHz, each at most `seconds` long."""
        ...

    def weigh(self, sound: NDArray[np.float32], texts: Sequence[Sequence[int]]) -> list[float]:
        """The model's confidence in each of some token sequences, none empty, as the reading of
        a sound: the geometric mean of the probabilities (teacher forcing).
        """
        ...

    def close(self) -> None:
        """Frees the model's memory; a second call does nothing."""
        ...


def most_tokens(samples: int, room: int) -> int:
    """How many tokens a sound of that many samples may become, at most `room`."""
    return min(room, FEWEST_TOKENS + math.ceil(TOKENS_PER_SECOND * samples / 16_000))


def enough(tokens: Sequence[int], limit: int) -> int:
    """How many tokens another reading of the same sound may have: it says about as much."""
    return min(limit, len(tokens) + len(tokens) // 2 + 4)


def align(weights: NDArray[np.float64]) -> NDArray[np.intp]:
    """The frame at which each token begins, by dynamic time warping over attention.

    Args:
        weights: shape (heads, tokens, frames): cross-attention of heads that follow the sound.

    The method of OpenAI's `whisper/timing.py`: normalise over tokens, smooth over 7 frames, average
    the heads, and find the monotone path (Sakoe & Chiba 1978).
    """
    import numpy as np

    spread = weights.std(axis=1, keepdims=True)
    weights = (weights - weights.mean(axis=1, keepdims=True)) / np.maximum(spread, 1e-10)
    mirrored = np.pad(weights, ((0, 0), (0, 0), (3, 3)), mode="symmetric")
    windows = np.lib.stride_tricks.sliding_window_view(mirrored, 7, axis=2)
    cost = -np.median(windows, axis=-1).mean(axis=0)
    rows, columns = cost.shape
    total = np.full((rows + 1, columns + 1), np.inf)
    total[0, 0] = 0.0
    came = np.zeros((rows, columns), dtype=np.int8)
    for row in range(rows):
        above = total[row]
        current = total[row + 1]
        for column in range(columns):
            choices = (above[column], above[column + 1], current[column])
            pick = choices.index(min(choices))
            came[row, column] = pick
            current[column + 1] = cost[row, column] + choices[pick]
    begins = np.zeros(rows, dtype=np.intp)
    row, column = rows - 1, columns - 1
    while row >= 0 and column >= 0:
        begins[row] = column
        pick = came[row, column]
        row, column = row - (pick != 2), column - (pick != 1)
    return begins
