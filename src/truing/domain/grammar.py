"""Slot grammars: sentences of a fixed number of words, each from a short list of its own.

`GRID` is the grammar of the GRID corpus (command, colour, preposition, letter, digit, adverb),
whose clips are named by their sentence: `bbaf2n` is `bin blue at f two now`. Source: M. Cooke,
J. Barker, S. Cunningham, X. Shao, "An audio-visual corpus for speech perception and automatic
speech recognition", JASA 120(5), 2006.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from truing.domain.errors import InvalidInputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One place of a sentence and the words that may stand there."""

    name: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grammar:
    """Sentences with one word from each slot."""

    name: str
    slots: tuple[Slot, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """All distinct words, in the order of the slots."""
        return tuple(dict.fromkeys(word for slot in self.slots for word in slot.words))

    @property
    def chance(self) -> float:
        """Expected word accuracy of guessing each slot evenly, 0 to 1."""
        return sum(1 / len(slot.words) for slot in self.slots) / len(self.slots)

    def split(self, text: str) -> tuple[str, ...] | None:
        """The word of each slot; None for a text outside the grammar. Case does not matter."""
        words = tuple(text.lower().split())
        if len(words) != len(self.slots):
            return None
        fit = all(word in slot.words for word, slot in zip(words, self.slots, strict=True))
        return words if fit else None

    def fits(self, text: str) -> bool:
        """Whether the text is a sentence of the grammar."""
        return self.split(text) is not None

    def as_dict(self) -> dict[str, object]:
        """The JSON form, as a model's `config.json` keeps it."""
        slots = [{"name": slot.name, "words": list(slot.words)} for slot in self.slots]
        return {"name": self.name, "slots": slots}

    @staticmethod
    def from_dict(data: Mapping[str, object]) -> Grammar:
        """Reads the JSON form.

        Raises:
            InvalidInputError: it is not a grammar.
        """
        try:
            slots = tuple(
                Slot(name=str(slot["name"]), words=tuple(str(word) for word in slot["words"]))
                for slot in data["slots"]  # type: ignore[attr-defined]
            )
            grammar = Grammar(name=str(data["name"]), slots=slots)
        except (KeyError, TypeError):
            raise InvalidInputError(
                "the grammar has no `name`, or no `slots` of `name` and `words`",
                hint="train the model again",
            ) from None
        if not slots or not all(slot.words for slot in slots):
            raise InvalidInputError(
                f"the grammar `{grammar.name}` has a slot without words",
                hint="train the model again",
            )
        return grammar


GRID = Grammar(
    name="grid",
    slots=(
        Slot(name="command", words=("bin", "lay", "place", "set")),
        Slot(name="colour", words=("blue", "green", "red", "white")),
        Slot(name="preposition", words=("at", "by", "in", "with")),
        Slot(name="letter", words=tuple("abcdefghijklmnopqrstuvxyz")),
        Slot(
            name="digit",
            words=(
                *("zero", "one", "two", "three", "four"),
                *("five", "six", "seven", "eight", "nine"),
            ),
        ),
        Slot(name="adverb", words=("again", "now", "please", "soon")),
    ),
)
"""51 words; there is no letter w. Guessing evenly finds 19 % of the words."""

_DIGITS = "z123456789"
_SPELLING: tuple[Mapping[str, str], ...] = tuple(
    {_DIGITS[i] if slot.name == "digit" else word[0]: word for i, word in enumerate(slot.words)}
    for slot in GRID.slots
)
"""For each slot the letter of a clip's name -> the word."""


def sentence_of(clip_id: str) -> str:
    """The sentence that a GRID clip's name spells, such as `bbaf2n`.

    Raises:
        InvalidInputError: not six letters of the corpus's naming.
    """
    name = clip_id.lower()
    words = [spelt.get(letter) for spelt, letter in zip(_SPELLING, name, strict=False)]
    if len(name) != len(_SPELLING) or None in words:
        raise InvalidInputError(
            f"`{clip_id}` is not the name of a GRID clip",
            hint="such a name spells its sentence: `bbaf2n` is `bin blue at f two now`",
        )
    return " ".join(word for word in words if word)


def clip_id_of(text: str) -> str:
    """The name of the clip with this sentence, such as `bbaf2n`.

    Raises:
        InvalidInputError: not a sentence of the GRID grammar.
    """
    words = GRID.split(text)
    if words is None:
        raise InvalidInputError(
            f"`{text}` is not a GRID sentence",
            hint="such a sentence is `command colour preposition letter digit adverb`",
        )
    spelt = (
        {word: letter for letter, word in letters.items()}[word]
        for letters, word in zip(_SPELLING, words, strict=True)
    )
    return "".join(spelt)


def prefix_of(clip_id: str) -> str:
    """First four letters of a clip's name: clips that share them share four words.

    The corpus records most sentences in groups of four that differ only in digit and adverb; a
    split that tears a group apart tests on sentences it has nearly seen.

    Raises:
        InvalidInputError: not the name of a GRID clip.
    """
    sentence_of(clip_id)
    return clip_id.lower()[:4]
