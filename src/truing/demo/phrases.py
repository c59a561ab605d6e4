"""Utterances as a person would speak them: one to three recordings of single words in a row.

The recordings that ship are of single digits. People dictate numbers, not digits, and on single
words a table of sound templates is hard to beat; so recordings of one word are joined into short
phrases, each recording in one phrase only, with a pause between. Nothing else is changed. Longer
recordings are taken as they are.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from truing.domain.format import ImportedRow

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_WORDS = 3
PAUSE = (0.04, 0.14)
"""Seconds between two recordings, drawn evenly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """One utterance to be captured."""

    key: str
    """The names of its recordings, joined by `+`."""
    text: str
    subject: str
    sound: NDArray[np.int16]
    """One channel."""
    rate: int
    """Samples per second."""


def phrases(rows: Sequence[ImportedRow], rng: random.Random) -> Iterator[Phrase]:
    """Joins single words of one speaker; every row is used once.

    Args:
        rows: labelled recordings.
        rng: decides on order, lengths and pauses.
    """
    by_speaker: dict[str, list[ImportedRow]] = {}
    for row in sorted(rows, key=lambda row: row.key):
        by_speaker.setdefault(row.subject or "unknown", []).append(row)
    for speaker, own in sorted(by_speaker.items()):
        rng.shuffle(own)
        while own:
            words = rng.randint(1, MOST_WORDS)
            part = [own.pop()]
            while own and len(part) < words and _is_word(part[-1]) and _is_word(own[-1]):
                part.append(own.pop())
            yield _joined(part, speaker, rng)


def _is_word(row: ImportedRow) -> bool:
    return len((row.truth or "").split()) == 1


def _joined(part: Sequence[ImportedRow], speaker: str, rng: random.Random) -> Phrase:
    import numpy as np

    sounds: list[NDArray[np.int16]] = []
    rate = 0
    for row in part:
        sound, own_rate = _read(Path(str(row.media["audio"])), rate)
        if sounds:
            sounds.append(_pause(round(rng.uniform(*PAUSE) * own_rate), rng))
        sounds.append(sound)
        rate = own_rate
    return Phrase(
        key="+".join(row.key for row in part),
        text=" ".join((row.truth or "").strip() for row in part),
        subject=speaker,
        sound=np.concatenate(sounds),
        rate=rate,
    )


def _read(path: Path, wanted: int) -> tuple[NDArray[np.int16], int]:
    """The recording as one channel of int16, at the rate wanted (0: its own)."""
    import numpy as np
    import soundfile
    import soxr

    sound, rate = soundfile.read(path, dtype="int16", always_2d=True)
    mono = sound[:, 0] if sound.shape[1] == 1 else sound.mean(axis=1).astype(np.int16)
    if wanted and wanted != rate:
        mono, rate = soxr.resample(mono, rate, wanted), wanted
    return mono, rate


def _pause(length: int, rng: random.Random) -> NDArray[np.int16]:
    # The last bit flickers, as it does in any real room: exact zeros would be a fault of the line.
    return _noise(rng.getrandbits(32)).integers(-1, 2, length).astype("int16")


def _noise(seed: int) -> np.random.Generator:
    import numpy as np

    return np.random.default_rng(seed)
