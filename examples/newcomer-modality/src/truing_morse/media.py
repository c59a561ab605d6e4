"""Signals: Morse code as ASCII text, a blank between letters and a slash between words."""

from __future__ import annotations

from pathlib import Path

from truing.domain.digest import digest_bytes
from truing.domain.errors import DamagedError, InvalidInputError
from truing.domain.media import IngestedMedia

ROLE = "signal"
MEDIA_TYPE = "text/x-morse"
MARKS = frozenset(".- /\t\r\n")


def read_signal(role: str, source: object) -> IngestedMedia:
    """Turns bytes, a text or a path into the one form in which signals are kept.

    Raises:
        InvalidInputError: another type.
        DamagedError: a character that is neither dot, dash, blank nor slash.
    """
    if isinstance(source, Path):
        source = source.read_bytes()
    if isinstance(source, str):
        source = source.encode("utf-8")
    if not isinstance(source, bytes):
        raise InvalidInputError(
            f"a signal cannot be a `{type(source).__name__}`", hint="give bytes, a text or a path"
        )
    text = source.decode("utf-8", "replace")
    strange = sorted(set(text) - MARKS)
    if strange:
        raise DamagedError(
            f"`{strange[0]}` is no Morse mark", hint="write dots, dashes, blanks and slashes"
        )
    data = " / ".join(" ".join(word) for word in words_of(text)).encode("ascii")
    letters = sum(map(len, words_of(text)))
    facts = {"letters": letters, "content": digest_bytes(data)}
    return IngestedMedia(role=role, data=data, media_type=MEDIA_TYPE, facts=facts)


def words_of(text: str) -> list[list[str]]:
    """The signs of each word: `".. / -."` is `[[".."], ["-."]]`."""
    return [word.split() for word in text.split("/") if word.split()]
