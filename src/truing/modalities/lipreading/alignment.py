"""Word alignments as the GRID corpus writes them: `start end word` in samples of 25 kHz.

Silence (`sil`) and short pauses (`sp`) are no words. A word's end is exclusive: it is the first
sample after the word. Format: M. Cooke, J. Barker, S. Cunningham, X. Shao, "An audio-visual
corpus for speech perception and automatic speech recognition", JASA 120(5), 2006.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from truing.domain.errors import InvalidInputError
from truing.domain.prediction import Word

SAMPLE_RATE = 25_000
"""Samples per second of an alignment's times."""
SILENCES = frozenset({"sil", "sp"})


def parse(text: str | bytes) -> tuple[Word, ...]:
    """Reads an alignment.

    Args:
        text: the file's content; blank lines and either line ending are fine.

    Returns:
        The words in order, times in seconds.

    Raises:
        InvalidInputError: a line that is not `start end word`, or times that run backwards.
    """
    if isinstance(text, bytes):
        text = _decoded(text)
    words = []
    last = 0
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        start, end, word = _parts(line, number)
        if start < last or end < start:
            raise InvalidInputError(
                f"line {number} of the alignment runs backwards: `{line.strip()}`",
                hint="each word starts where, or after, the one before it ends",
            )
        last = end
        if word.lower() not in SILENCES:
            words.append(Word(text=word, start=start / SAMPLE_RATE, end=end / SAMPLE_RATE))
    return tuple(words)


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInputError(
            f"an alignment is text, but byte {error.start} of it is not UTF-8",
            hint="give a GRID .align file: `start end word` on each line",
        ) from None


def _parts(line: str, number: int) -> tuple[int, int, str]:
    parts = line.split()
    try:
        start, end, word = parts
        return int(start), int(end), word
    except ValueError:
        raise InvalidInputError(
            f"line {number} of the alignment is `{line.strip()[:80]}`, not `start end word`",
            hint="times are whole samples of 25 kHz, such as `23750 29500 bin`",
        ) from None


def read(path: Path) -> tuple[Word, ...]:
    """Reads an alignment file; see `parse`.

    Raises:
        InvalidInputError: see `parse`; the message names the file.
    """
    try:
        return parse(path.read_bytes())
    except InvalidInputError as error:
        raise InvalidInputError(f"{path.name}: {error.message}", hint=error.hint) from None


def text_of(words: Iterable[Word]) -> str:
    """The sentence, such as `bin blue at f two now`."""
    return " ".join(word.text for word in words)


def as_align(words: Sequence[Word], end_s: float) -> str:
    """Writes words as an alignment file, gaps filled with `sil`.

    Args:
        words: in order, each with its times in seconds.
        end_s: length of the medium in seconds.

    Raises:
        InvalidInputError: a word without times.
    """
    lines = []
    last = 0
    for word in words:
        if word.start is None or word.end is None:
            raise InvalidInputError(
                f"the word `{word.text}` has no times", hint="give its start and end in seconds"
            )
        start, end = _sample(word.start), _sample(word.end)
        if start > last:
            lines.append(f"{last} {start} sil")
        lines.append(f"{start} {end} {word.text}")
        last = end
    if _sample(end_s) > last:
        lines.append(f"{last} {_sample(end_s)} sil")
    return "".join(f"{line}\n" for line in lines)


def frames_of(words: Iterable[Word], count: int, rate: float = 25.0) -> list[tuple[int, int, str]]:
    """The frames of each word that has times.

    Args:
        words: times in seconds.
        count: frames of the video; some GRID clips have one less than their alignment says.
        rate: frames per second.

    Returns:
        (first frame, first frame after the word, text), both at most `count` - 1.
    """
    return [
        (_frame(word.start, count, rate), _frame(word.end, count, rate), word.text)
        for word in words
        if word.start is not None and word.end is not None
    ]


def _frame(seconds: float, count: int, rate: float) -> int:
    # Through whole samples: 0.56 s * 25 is 14.000000000000002, and others fall short of theirs.
    return max(0, min(int(_sample(seconds) * rate / SAMPLE_RATE + 1e-9), count - 1))


def _sample(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE)
