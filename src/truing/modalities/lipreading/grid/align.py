"""Align: what was said in each clip and when, by its alignment and by its name.

A clip's name spells its sentence. Where the alignment says another one, it belongs to another clip,
and the clip is left out. A clip without an alignment is read over its whole length, its text that
of its name; with `strict` it is left out, as LipAgent does.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from truing.domain.errors import InvalidInputError
from truing.domain.grammar import sentence_of
from truing.modalities.lipreading import alignment
from truing.modalities.lipreading.grid.corpus import Clip, Corpus, Outcome, Skip, note_skips
from truing.modalities.lipreading.mosaic import sample_indices
from truing.platform.files import write_durably

STEP = "align"
FRAMES = 75
"""Of every clip but a few, which have 74; a later end of speech is cut to the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """A clip and what was said in it."""

    clip: Clip
    text: str
    words: tuple[tuple[int, int, str], ...] = ()
    """First frame, first frame after the word, word; empty without an alignment."""

    @property
    def span(self) -> tuple[int, int] | None:
        """First frame of the speech and first after it; None without an alignment."""
        return (self.words[0][0], self.words[-1][1]) if self.words else None


def utterance_of(corpus: Corpus, clip: Clip, *, strict: bool = False) -> Utterance:
    """What was said in a clip.

    Args:
        corpus: where it is kept.
        clip: which one.
        strict: refuse clips without an alignment.

    Raises:
        InvalidInputError: nothing says so, or alignment and name say different things.
    """
    spelt = _spelt(clip.name)
    path = corpus.alignment(clip)
    if not path.is_file():
        if strict or spelt is None:
            named = "" if strict else f", and its name `{clip.name}` spells no sentence"
            raise InvalidInputError(
                f"there is no alignment {clip.name}.align{named}", hint=_where(corpus, clip)
            )
        return Utterance(clip=clip, text=spelt)
    words = alignment.frames_of(alignment.read(path), FRAMES)
    text = " ".join(word.lower() for _, _, word in words)
    if not words:
        raise InvalidInputError(f"{path.name} has no words", hint=_where(corpus, clip))
    if spelt is not None and text != spelt:
        raise InvalidInputError(
            f"{path.name} says `{text}`, but the name spells `{spelt}`",
            hint="it is the alignment of another clip: put the right one there, or remove it",
        )
    return Utterance(clip=clip, text=text, words=tuple(words))


def _spelt(name: str) -> str | None:
    try:
        return sentence_of(name)
    except InvalidInputError:
        return None


def _where(corpus: Corpus, clip: Clip) -> str:
    return f"put it into {corpus.alignment(clip).parent}"


def utterances(
    corpus: Corpus, clips: Sequence[Clip], *, strict: bool = False
) -> tuple[list[Utterance], list[Skip]]:
    """What was said in each clip, and which clips are left out and why."""
    found, skips = [], []
    for clip in clips:
        try:
            found.append(utterance_of(corpus, clip, strict=strict))
        except InvalidInputError as error:
            skips.append(Skip(step=STEP, what=clip.key, reason=error.message))
    return found, skips


def align(
    corpus: Corpus,
    clips: Sequence[Clip],
    *,
    strict: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> Outcome:
    """Reads every alignment and writes `alignments.json`: clip -> sentence, frames and samples.

    Args:
        corpus: where it is kept.
        clips: which ones.
        strict: leave out clips without an alignment.
        on_progress: told how many of how many are read.
    """
    found: list[Utterance] = []
    skips: list[Skip] = []
    for place, clip in enumerate(clips, 1):
        read, refused = utterances(corpus, [clip], strict=strict)
        found += read
        skips += refused
        if on_progress is not None:
            on_progress(place, len(clips))
    old = _kept(corpus)
    new = {one.clip.key: _as_dict(one) for one in found if one.words}
    gone = {clip.key for clip in clips} - new.keys()
    table = {key: row for key, row in old.items() if key not in gone} | new
    if table != old or not corpus.alignments.is_file():
        write_durably(corpus.alignments, _as_json(table))
    note_skips(corpus, STEP, skips)
    changed = sum(old.get(key) != row for key, row in new.items())
    return Outcome(
        step=STEP,
        made=changed,
        present=len(new) - changed,
        skipped=tuple(skips),
        notes=_notes(found),
        figures={"unaligned": sum(not one.words for one in found)},
    )


def _notes(found: Sequence[Utterance]) -> tuple[str, ...]:
    lacking: dict[str, int] = {}
    for one in found:
        if not one.words:
            lacking[one.clip.speaker] = lacking.get(one.clip.speaker, 0) + 1
    return tuple(
        f"{speaker}: {count} without an alignment, read over their whole length"
        for speaker, count in lacking.items()
    )


def _kept(corpus: Corpus) -> dict[str, object]:
    try:
        table = json.loads(corpus.alignments.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}  # it is made from the alignments again
    return table if isinstance(table, dict) else {}


def _as_json(table: Mapping[str, object]) -> bytes:
    rows = (f"{json.dumps(key)}: {json.dumps(table[key])}" for key in sorted(table))
    return ("{\n" + ",\n".join(rows) + "\n}\n").encode()


def _as_dict(one: Utterance) -> dict[str, object]:
    start, end = one.words[0][0], one.words[-1][1]
    return {
        "transcription": one.text,
        "start": start,
        "end": end,
        "indices": sample_indices(start, end),
        "words": [list(word) for word in one.words],
    }
