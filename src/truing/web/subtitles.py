"""Subtitles: a transcript cut into lines with times, as SRT and WebVTT and as segments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from truing.domain.prediction import Recognition, Word

PAUSE = 0.8
"""Seconds between two words that end a line."""
LONGEST = 7.0
"""Seconds a line stays."""
MOST_LETTERS = 84
"""Two rows of 42, as broadcasters have it."""
SENTENCE_ENDS = (".", "?", "!", "…", "。")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """One line and when it is shown, in seconds."""

    start: float
    end: float
    text: str
    words: tuple[Word, ...] = ()


def cues(said: Recognition, duration: float | None) -> list[Cue]:
    """The lines of a transcript; one for the whole where the words have no times.

    Args:
        said: what was recognised.
        duration: seconds of the sound.
    """
    timed = [word for word in said.words if word.start is not None and word.end is not None]
    if not timed or len(timed) != len(said.words):
        return [Cue(start=0.0, end=duration or 0.0, text=said.text)] if said.text else []
    glue = " " if " " in said.text.strip() else ""  # Chinese and others write no blanks
    return [_cue(line, glue) for line in _lines(timed)]


def srt(lines: Sequence[Cue]) -> str:
    """SubRip."""
    return "".join(
        f"{number}\n{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}\n{_one_line(cue)}\n\n"
        for number, cue in enumerate(lines, 1)
    )


def vtt(lines: Sequence[Cue]) -> str:
    """WebVTT."""
    body = "".join(
        f"{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}\n{_escaped(_one_line(cue))}\n\n"
        for cue in lines
    )
    return f"WEBVTT\n\n{body}"


def _lines(words: Sequence[Word]) -> Iterator[list[Word]]:
    line: list[Word] = []
    for word in words:
        if line and _ends(line, word):
            yield line
            line = []
        line.append(word)
    if line:
        yield line


def _ends(line: Sequence[Word], following: Word) -> bool:
    first, last = line[0], line[-1]
    letters = sum(len(word.text) + 1 for word in (*line, following)) - 1
    return (
        last.text.rstrip().endswith(SENTENCE_ENDS)
        or (following.start or 0.0) - (last.end or 0.0) > PAUSE
        or (following.end or 0.0) - (first.start or 0.0) > LONGEST
        or letters > MOST_LETTERS
    )


def _cue(line: Sequence[Word], glue: str) -> Cue:
    return Cue(
        start=line[0].start or 0.0,
        end=max(word.end or 0.0 for word in line),
        text=glue.join(word.text.strip() for word in line),
        words=tuple(line),
    )


def _one_line(cue: Cue) -> str:
    # A line of its own, or an arrow, would begin another cue.
    return " ".join(cue.text.split()).replace("-->", "->")


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(seconds: float, mark: str) -> str:
    whole = round(max(0.0, seconds) * 1000)
    minutes, rest = divmod(whole, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{mark}{rest % 1000:03}"
