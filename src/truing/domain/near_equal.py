"""Near-equal texts: what a text shares with others that ask for the same in other letters.

Two texts are nearly equal when the same words are left of both: without case, punctuation, order,
repetition and plural, and without words that carry no wish (`please`, `make`, `the`, `picture`).
That is a key, not a distance: it is found without looking at other texts, and no order of arrival
changes it.

Known trade-offs. `bright` and `brighter` stay apart, and so do misspellings, which cleaning takes
care of. The words left out are English.
"""

from __future__ import annotations

import hashlib
import re

LETTERS = 2
"""A word of fewer letters is none that is counted."""
LONGEST = 60
"""Characters of a word that is counted."""
_IDLE = (
    "a an the this that these those my your our its it is are be i you we me us please just can "
    "could would should want like make made get let so very really quite rather bit little some "
    "slightly more much picture pictures image images photo photos photograph photographs"
)
IDLE = frozenset(_IDLE.split())
"""Carry no wish: two texts that differ in them alone are nearly equal."""
_JOINING = (
    "and or but of in on at to into onto from with by for as up out off over under than then if "
    "not no do does did will was were has have had he she they his her their them him who which "
    "what there here all one"
)
JOINING = frozenset(_JOINING.split())
"""Say how others belong together; among the most frequent words they would tell nothing."""
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_STEADY = ("ss", "us", "is")
_PLURAL = 4


def words_of(text: str) -> tuple[str, ...]:
    """The words that tell something of a text, each once, in the order of the alphabet."""
    found = {word[:LONGEST] for word in _words(text) if len(word) >= LETTERS}
    return tuple(sorted(found - IDLE - JOINING))


def key_of(text: str) -> str | None:
    """The same for texts that are nearly equal: 16 hex digits; None for a text without a word."""
    words = _words(text)
    if not words:
        return None
    left = [word for word in words if word not in IDLE] or words
    shared = " ".join(sorted({_singular(word) for word in left}))
    return hashlib.sha256(shared.encode("utf-8", "replace")).hexdigest()[:16]


def _words(text: str) -> list[str]:
    import unicodedata

    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def _singular(word: str) -> str:
    plural = len(word) >= _PLURAL and word.endswith("s") and not word.endswith(_STEADY)
    return word[:-1] if plural else word
