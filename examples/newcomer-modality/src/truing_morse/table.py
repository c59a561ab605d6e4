"""The model: how often each sign stood for each letter, as a JSON file in the model's folder."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from truing.domain.errors import DamagedError, NotFoundError
from truing.domain.prediction import Recognition, Word
from truing_morse.media import words_of

FILE = "table.json"
UNKNOWN = "?"

Table = dict[str, dict[str, float]]
"""Sign -> letter -> how often."""

# International Morse code, ITU-R M.1677-1, section 1.1.
INTERNATIONAL: Mapping[str, str] = {
    ".-": "a", "-...": "b", "-.-.": "c", "-..": "d", ".": "e", "..-.": "f", "--.": "g",
    "....": "h", "..": "i", ".---": "j", "-.-": "k", ".-..": "l", "--": "m", "-.": "n",
    "---": "o", ".--.": "p", "--.-": "q", ".-.": "r", "...": "s", "-": "t", "..-": "u",
    "...-": "v", ".--": "w", "-..-": "x", "-.--": "y", "--..": "z",
}  # fmt: skip


def international() -> Table:
    """The table that knows the standard and nobody's habits."""
    return {sign: {letter: 1.0} for sign, letter in INTERNATIONAL.items()}


def count(table: Table, signal: str, truth: str, weight: float) -> bool:
    """Counts the letters of one message; False when signal and truth do not pair up."""
    signs = [sign for word in words_of(signal) for sign in word]
    letters = [letter for letter in truth.lower() if not letter.isspace()]
    if len(signs) != len(letters):
        return False
    for sign, letter in zip(signs, letters, strict=True):
        seen = table.setdefault(sign, {})
        seen[letter] = seen.get(letter, 0.0) + weight
    return True


def read(table: Table, signal: str) -> Recognition:
    """The likeliest letter of each sign; the confidence is its share of what was counted."""
    words = tuple(_word(table, signs) for signs in words_of(signal))
    sure = [word.confidence or 0.0 for word in words]
    return Recognition(
        text=" ".join(word.text for word in words),
        confidence=sum(sure) / len(sure) if sure else 0.0,
        words=words,
    )


def _word(table: Table, signs: Iterable[str]) -> Word:
    letters, shares = [], []
    for sign in signs:
        seen = table.get(sign) or {UNKNOWN: 0.0}
        letter = max(sorted(seen), key=lambda one: seen[one])
        letters.append(letter)
        shares.append(seen[letter] / (sum(seen.values()) or 1.0))
    return Word(text="".join(letters), confidence=min(shares, default=0.0))


def load(folder: Path) -> Table:
    """Reads the table of a model folder.

    Raises:
        NotFoundError: the folder holds none.
        DamagedError: the file is no such table.
    """
    path = folder / FILE
    if not path.is_file():
        raise NotFoundError(
            f"`{folder}` holds no `{FILE}`", hint="name the folder of a Morse model"
        )
    try:
        signs = json.loads(path.read_text(encoding="utf-8"))["signs"]
        return {
            str(sign): {str(letter): float(n) for letter, n in seen.items()}
            for sign, seen in signs.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedError(f"`{path}` is no table of signs", hint="train it again") from error


def save(table: Table, folder: Path) -> None:
    """Writes the table into a model folder."""
    document = {"schema": 1, "signs": table}
    text = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False)
    (folder / FILE).write_text(text + "\n", encoding="utf-8")
