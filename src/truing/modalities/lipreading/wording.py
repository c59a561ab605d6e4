"""What a text is like: how much there is to say, and how near it is to a GRID sentence."""

from __future__ import annotations

import unicodedata

from truing.modalities.lipreading.grammar import GRID

SPACELESS_CHARACTER = 3
"""A character of a script without spaces says about as much as three letters."""
MOST_SLIPS = 2
"""Words outside the grammar with which a sentence is still meant to be one of it."""


def letters(text: str) -> float:
    """Letters and digits, those of scripts without spaces counting three."""
    kept = (c for c in text if c.isalnum())
    return sum(SPACELESS_CHARACTER if unicodedata.east_asian_width(c) == "W" else 1 for c in kept)


def likeness(one: str, other: str) -> float:
    """1 for the same letters, 0 for none in common; case and punctuation do not count.

    Of 9,639 passages of conference calls and what became of them, 0.5 % lie below 0.45; of
    passages beside the correction of the one before, 99.8 %.
    """
    from rapidfuzz.distance import Levenshtein

    return Levenshtein.normalized_similarity(_plain(one), _plain(other))


def _plain(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum() or c.isspace()).strip()


def grid_slip(text: str) -> str | None:
    """What keeps a text from being a GRID sentence; None when it is one, or nothing like one."""
    words = plain_words(text)
    size = len(GRID.slots)
    if len(words) == size:
        return _strangers(words)
    if len(words) == size - 1:
        for place, slot in enumerate(GRID.slots):
            rest = [*GRID.slots[:place], *GRID.slots[place + 1 :]]
            if all(word in other.words for word, other in zip(words, rest, strict=True)):
                return f"the {slot.name} is missing"
    if len(words) == size + 1:
        for place, word in enumerate(words):
            if GRID.fits(" ".join(words[:place] + words[place + 1 :])):
                return f"`{word}` is one word too many"
    return None


def _strangers(words: list[str]) -> str | None:
    pairs = list(zip(words, GRID.slots, strict=True))
    odd = [f"`{word}` is no {slot.name}" for word, slot in pairs if word not in slot.words]
    return " and ".join(odd) if 0 < len(odd) <= MOST_SLIPS else None


def plain_words(text: str) -> list[str]:
    """Lower-case words without punctuation around them."""
    stripped = (
        word.strip("".join(c for c in word if not c.isalnum())) for word in text.lower().split()
    )
    return [word for word in stripped if word]
