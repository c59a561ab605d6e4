"""A voice to be learned: corrections, test, replay and retention from the recordings that ship.

A speaker's takes are halved. From the later half come corrections: phrases of one to three digits.
From the earlier half comes the test: each recording once alone and once in a phrase of two or three
digits. Retention is the same from recordings of the base's own speakers that no model learned from.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from truing.demo import shipped
from truing.domain.format import ImportedRow
from truing.domain.recipe import Example, MediaFile
from truing.workspace.collecting import reader_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PROTOCOL = 1
"""Raised when older figures can no longer be set beside newer ones."""
REPLAYED = 400
PAUSE = (0.04, 0.14)
"""Seconds between two recordings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exam:
    """What a model is judged by: utterances, and which of them are resampled together."""

    examples: Sequence[Example]
    clusters: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Everything of one speaker, on disk."""

    base: str
    test: Exam
    retention: Exam
    replay: Sequence[Example]
    corrections: Callable[[int], Sequence[Example]]
    """By start: as many as were asked for at most; fewer are the first of them."""


class Speech:
    """Writes utterances as files: recordings in a row, with a pause between."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True)
        self._count = 0

    def utter(self, rows: Sequence[ImportedRow], rng: random.Random) -> Example:
        """One example from one or more recordings of a speaker."""
        import numpy as np
        import soundfile

        sounds: list[NDArray[np.int16]] = []
        rate = 0
        for row in rows:
            sound, rate = soundfile.read(str(row.media["audio"]), dtype="int16")
            if sounds:
                # The last bit flickers, as in any room: exact zeros would be a fault of the line.
                noise = np.random.default_rng(rng.getrandbits(32))
                length = round(rng.uniform(*PAUSE) * rate)
                sounds.append(noise.integers(-1, 2, length).astype("int16"))
            sounds.append(sound)
        self._count += 1
        path = self._folder / f"{self._count:05d}.flac"
        soundfile.write(path, np.concatenate(sounds), rate)
        return Example(
            uid="+".join(row.key for row in rows),
            media={"audio": MediaFile(path=path)},
            truth=" ".join(row.truth or "" for row in rows),
            subject=rows[0].subject,
        )


def phrases(rows: Sequence[ImportedRow], rng: random.Random) -> Iterator[list[ImportedRow]]:
    """Endless phrases of one to three recordings; each is used once before any is used again."""
    left: list[ImportedRow] = []
    while True:
        if len(left) < 3:
            fresh = sorted(rows, key=lambda row: row.key)
            rng.shuffle(fresh)
            left = fresh + left
        yield [left.pop() for _ in range(rng.randint(1, 3))]


def voices_in_turn(rows: Sequence[ImportedRow], rng: random.Random) -> Iterator[list[ImportedRow]]:
    """Endless phrases of all speakers of `rows`, one voice each."""
    names = sorted({str(row.subject) for row in rows})
    streams = [phrases([row for row in rows if row.subject == name], rng) for name in names]
    while True:
        yield from (next(stream) for stream in streams)


def exam(speech: Speech, rows: Sequence[ImportedRow], rng: random.Random) -> Exam:
    """Each recording once alone and once in a phrase of two or three of the same speaker."""
    examples: list[Example] = []
    clusters: list[str] = []
    for name in sorted({str(row.subject) for row in rows}):
        left = sorted((row for row in rows if row.subject == name), key=lambda row: row.key)
        rng.shuffle(left)
        while left:
            words = rng.choice((2, 3))
            if len(left) - words == 1:
                words = 5 - words  # nobody is left alone
            part = [left.pop() for _ in range(min(words, len(left)))]
            for together in (part, *([row] for row in part)):
                examples.append(speech.utter(together, rng))
                clusters.append(part[0].key)
    return Exam(examples=examples, clusters=clusters)


def material(speaker: str, folder: Path, most: int) -> Material:
    """Makes a speaker's utterances; the same each time."""
    speech, rng = Speech(folder), random.Random(f"{PROTOCOL} {speaker}")
    rows, takes = _recorded(speaker)
    present = sorted(set(takes.values()))
    earlier = set(present[: len(present) // 2])
    later = [row for row in rows if takes[row.key] not in earlier]
    others = voices_in_turn(shipped.rows_of_others(speaker, shipped.REPLAYED), rng)

    def corrections(start: int) -> list[Example]:
        drawn = random.Random(f"{PROTOCOL} {speaker} {start}")
        stream = phrases(later, drawn)
        return [speech.utter(next(stream), drawn) for _ in range(most)]

    return Material(
        base=str(shipped.base_without(speaker)),
        test=exam(speech, [row for row in rows if takes[row.key] in earlier], rng),
        retention=exam(speech, shipped.rows_of_others(speaker, shipped.HELD_OUT), rng),
        replay=[speech.utter(next(others), rng) for _ in range(REPLAYED)],
        corrections=corrections,
    )


def _recorded(speaker: str) -> tuple[list[ImportedRow], dict[str, int]]:
    """A speaker's recordings, and the number of the take of each."""
    rows = [
        row
        for row in reader_of("audiofolder").read(shipped.RECORDINGS)
        if isinstance(row, ImportedRow) and row.subject == speaker
    ]
    # `<digit>_<speaker>_<take>.flac`
    return rows, {row.key: int(Path(row.key).stem.rpartition("_")[2]) for row in rows}
