"""Asking whether what a model heard was correct: the keys, and what each one means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from truing.cli import output

if TYPE_CHECKING:
    from truing.cli.keys import Person

CORRECT, UNKNOWN = "Was this correct?", "The model's text is not known. What now?"
HELP_LINES = (
    "y  yes, the text is right           n  no: type what was said",
    "e  edit the text                    1-9  take that other reading",
    "s  skip, decide later               x  reject: not usable",
    "u  undo my last decision            r  play again",
    "q  stop here; what is decided stays decided",
)


class Deed(Enum):
    """What a person wants."""

    ACCEPT = auto()
    CORRECT = auto()
    REJECT = auto()
    SKIP = auto()
    UNDO = auto()
    REPLAY = auto()
    QUIT = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A deed, with the text when it is to correct."""

    deed: Deed
    truth: str | None = None


PLAIN = {
    "s": Deed.SKIP,
    "x": Deed.REJECT,
    "u": Deed.UNDO,
    "r": Deed.REPLAY,
    "q": Deed.QUIT,
}


def ask(
    person: Person,
    proposal: str | None,
    *,
    keys: str = "ynesuq",
    readings: Sequence[str] = (),
    say: Callable[[str], None] = output.show,
) -> Answer:
    """Asks until there is an answer; the end of input means to quit.

    Args:
        person: who answers.
        proposal: the text asked about; None when the model said nothing that is known.
        keys: those named in the question; the others work as well.
        readings: other readings, taken with 1 to 9.
        say: for help and for answers that cannot be.
    """
    question = (
        "Was this correct?" if proposal is not None else "The model's text is not known. What now?"
    )
    named = "/".join(keys if proposal is not None else keys.replace("y", "").replace("e", ""))
    while True:
        key = person.key(f"{question} ({named}, ? help) ")
        if key is None:
            return Answer(deed=Deed.QUIT)
        key = key.lower()
        if key in PLAIN:
            return Answer(deed=PLAIN[key])
        answer = _text_answer(key, person, proposal, readings, say)
        if answer is not None:
            return answer


def _text_answer(
    key: str,
    person: Person,
    proposal: str | None,
    readings: Sequence[str],
    say: Callable[[str], None],
) -> Answer | None:
    """The answer of a key that settles a text; None when it is to be asked again."""
    if key == "y" and proposal is not None:
        return Answer(deed=Deed.ACCEPT)
    if key == "n" or (key == "e" and proposal is None):
        return _typed(person, "What was said? ", "")
    if key == "e":
        return _typed(person, "Edit: ", proposal or "")
    if key.isdecimal() and 0 < int(key) <= len(readings):
        return Answer(deed=Deed.CORRECT, truth=readings[int(key) - 1])
    if key == "y":
        say("there is no text to accept: n, then type what was said")
    elif key == "?":
        for line in HELP_LINES:
            say(line)
    else:
        say(f"`{output.one_line(key)}` means nothing here; ? shows the keys")
    return None


def _typed(person: Person, prompt: str, text: str) -> Answer | None:
    said = person.line(prompt, text)
    if said is None:
        return Answer(deed=Deed.QUIT)
    # An empty answer takes the key back.
    return Answer(deed=Deed.CORRECT, truth=said) if said else None
