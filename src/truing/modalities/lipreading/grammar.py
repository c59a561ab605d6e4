"""The grammar of a set of sentences: that of the GRID corpus, or one learned from the texts."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from truing.domain.grammar import (
    GRID,
    Grammar,
    Slot,
    clip_id_of,
    prefix_of,
    sentence_of,
)

__all__ = ["GRID", "Grammar", "Slot", "clip_id_of", "infer", "prefix_of", "sentence_of"]

MOST_WORDS = 64
"""A slot with more words than this is open speech, not a grammar."""
REPEATED = 3
"""On average a word must occur this often in its slot before a grammar is inferred."""


def infer(texts: Sequence[str]) -> Grammar | None:
    """Learns a grammar from training texts.

    Args:
        texts: sentences, such as the commands of an app.

    Returns:
        `GRID` when all texts are of it. Otherwise a grammar with the words seen in each place,
        when all texts have the same number of words, no slot has more than `MOST_WORDS`, and a
        word occurs `REPEATED` times in its slot on average. Else None: open speech.
    """
    rows = [tuple(text.lower().split()) for text in texts]
    if not rows or not rows[0] or len({len(row) for row in rows}) != 1:
        return None
    if all(GRID.fits(text) for text in texts):
        return GRID
    places = [tuple(sorted(set(place))) for place in zip(*rows, strict=True)]
    most = max(len(place) for place in places)
    if most > MOST_WORDS or most * REPEATED > len(rows):
        return None
    slots = tuple(
        Slot(name=f"word {number}", words=place)
        for number, place in zip(itertools.count(1), places)
    )
    return Grammar(name="inferred", slots=slots)
