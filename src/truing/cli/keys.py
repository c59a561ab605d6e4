"""Keys: answers from a person at a terminal, one key each, or from lines of a file or program.

At a terminal an answer is one key press and a text is edited in place. Elsewhere every answer is
a line; its first sign is the key, and what follows it, as in `n buy milk`, is the text asked for.
"""

from __future__ import annotations

import os
import sys
from typing import Protocol, TextIO

from truing.platform.terminal import ESCAPE, read_key

ENDINGS = ("", "\x04", "\x1a")
"""End of input, Ctrl-D, and Ctrl-Z as Windows has it."""


class Person(Protocol):
    """Whoever answers."""

    pressed: int
    """Keys pressed since it was last set to 0; the fewest that lead to a text edited in place."""

    def key(self, prompt: str) -> str | None:
        """One key; None when there will be no more answers."""

    def line(self, prompt: str, text: str = "") -> str | None:
        """One line, beginning with `text` to be edited; None when there will be no more."""


def person() -> Person:
    """The person at the terminal, or the lines on stdin when there is no terminal."""
    if sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
        return Keyboard()
    return Lines(sys.stdin)


class Lines:
    """Answers from lines.

    Args:
        stream: where they are read.
    """

    def __init__(self, stream: TextIO) -> None:
        self.pressed = 0
        self._stream = stream
        self._rest: str | None = None

    def key(self, prompt: str) -> str | None:
        """The first sign of the next line that has one; see `Person`."""
        _write(prompt)
        while line := self._stream.readline():
            self.pressed += len(line)
            if said := line.strip():
                # The text of the answer may follow on the same line.
                self._rest = said[1:].strip() or None
                _write("\n")
                return said[0]
        return None

    def line(self, prompt: str, text: str = "") -> str | None:
        """What followed the key, else the next line; an empty line leaves `text` as it is."""
        _write(prompt)
        said, self._rest = self._rest, None
        if said is None:
            line = self._stream.readline()
            if not line:
                return None
            self.pressed += len(line)
            said = line.strip() or text
        _write("\n")
        return said


class Keyboard:
    """Answers from the keys of a terminal."""

    def __init__(self) -> None:
        self.pressed = 0

    def key(self, prompt: str) -> str | None:
        """The next key; arrow and function keys are passed over. See `Person`."""
        _write(prompt)
        while (sign := read_key()) == ESCAPE:
            pass
        self.pressed += 1
        _write("\n" if sign in ENDINGS or not sign.isprintable() else f"{sign}\n")
        return None if sign in ENDINGS else sign

    def line(self, prompt: str, text: str = "") -> str | None:
        """A line edited in place, where this machine's Python can; see `Person`."""
        try:
            said = _edited(prompt, text)
        except EOFError:
            return None
        self.pressed += _fewest_keys(text, said) + 1
        return said.strip()


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _fewest_keys(before: str, after: str) -> int:
    from rapidfuzz.distance import Levenshtein

    return Levenshtein.distance(before, after)


def _edited(prompt: str, text: str) -> str:
    try:
        import readline
    except ImportError:
        # Windows: nothing can be put on the line, so that an empty answer keeps the text.
        return input(f"{prompt}[{text}] " if text else prompt) or text
    readline.set_auto_history(False)
    readline.set_startup_hook(lambda: readline.insert_text(text))
    try:
        return input(prompt)
    finally:
        readline.set_startup_hook(None)
