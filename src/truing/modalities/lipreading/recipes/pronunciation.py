"""How the words of GRID sound: words that share a sound teach the network about each other.

A letter is heard a few dozen times in a whole recording day, a sound some hundred times. Beside
its outputs the network scores sounds, and what a frame looks like to them counts for every word
state that they are part of. The symbols are those of the ARPABET (Shoup 1980).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from truing.modalities.lipreading.recipes.lattice import SUBSTATES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SILENCE = "sil"
SOUNDS: dict[str, str] = {
    "bin": "b ih n", "lay": "l ey", "place": "p l ey s", "set": "s eh t",
    "blue": "b l uw", "green": "g r iy n", "red": "r eh d", "white": "w ay t",
    "at": "ae t", "by": "b ay", "in": "ih n", "with": "w ih dh",
    "a": "ey", "b": "b iy", "c": "s iy", "d": "d iy", "e": "iy", "f": "eh f", "g": "jh iy",
    "h": "ey ch", "i": "ay", "j": "jh ey", "k": "k ey", "l": "eh l", "m": "eh m", "n": "eh n",
    "o": "ow", "p": "p iy", "q": "k y uw", "r": "aa", "s": "eh s", "t": "t iy", "u": "y uw",
    "v": "v iy", "x": "eh k s", "y": "w ay", "z": "z eh d",
    "zero": "z ih r ow", "one": "w ah n", "two": "t uw", "three": "th r iy", "four": "f ao",
    "five": "f ay v", "six": "s ih k s", "seven": "s eh v n", "eight": "ey t", "nine": "n ay n",
    "again": "ah g eh n", "now": "n aw", "please": "p l iy z", "soon": "s uw n",
}  # fmt: skip
"""The 51 words as speakers of British English say them."""


def sounds_in(words: Sequence[str]) -> NDArray[np.float32] | None:
    """Which sounds each output of a grammar's network consists of.

    Args:
        words: of the grammar.

    Returns:
        Shares, (outputs, sounds), each row with the sum 1; silence is the first sound. None when
        the pronunciation of a word is not known.
    """
    import numpy as np

    if not all(word in SOUNDS for word in words):
        return None
    spoken = [SOUNDS[word].split() for word in words]
    names = [SILENCE, *sorted({sound for word in spoken for sound in word})]
    found = np.zeros((2 + SUBSTATES * len(words), len(names)), dtype=np.float32)
    found[0, 0] = found[-1, 0] = 1.0
    for index, word in enumerate(spoken):
        for part in range(SUBSTATES):
            row = found[1 + SUBSTATES * index + part]
            for place, sound in enumerate(word):
                first = max(part / SUBSTATES, place / len(word))
                end = min((part + 1) / SUBSTATES, (place + 1) / len(word))
                row[names.index(sound)] += max(0.0, end - first) * SUBSTATES
    return found
