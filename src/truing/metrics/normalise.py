"""Text normalisers: what two texts may differ in and still count as the same.

A figure means nothing without the normaliser behind it, so each carries a label, `name-version`,
which is stored with every figure. A change of behaviour is a new version, never a silent edit.

*neutral-1* (default) knows no language: Unicode NFKC, case folding, punctuation removed except
inside words (`don't`, `well-known`, `m&a`, `3.5`, `l·l`), white space collapsed. Digits stay as
written and words stay words: `seven three nine` is three words. Combining marks, symbols and
emoji stay; soft hyphens, direction marks and emoji variation selectors go.

*whisper-english-<version of transformers>* is OpenAI's English normaliser as transformers ships
it. It turns spelled numbers into digits, `seven three nine` into the one word `739`, so its word
error rates cannot be set beside those of another normaliser.

*verbatim-1* changes nothing but the white space.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from truing.domain.errors import InvalidInputError, MissingDependencyError


@dataclass(frozen=True, slots=True, kw_only=True)
class Normaliser:
    """A named way to make texts comparable; equal labels mean equal behaviour."""

    name: str
    version: str
    apply: Callable[[str], str]
    """Pure and idempotent."""

    @property
    def label(self) -> str:
        """`name-version`, as stored with each figure."""
        return f"{self.name}-{self.version}"


# Marks that keyboards and recognizers use in place of the apostrophe and the hyphen. The acute
# accent U+00B4 must be mapped before NFKC, which would split it into a space and a mark.
_LOOK_ALIKES = str.maketrans(
    dict.fromkeys("\u2019\u2018\u201b\u02bc\u00b4\u0060\u2032", "'")
    | dict.fromkeys("\u2010\u2011\ufe63\uff0d", "-")
)
_JOINERS = "\u200c\u200d"
_TAGS = range(0xE0020, 0xE0080)
_VARIATION = "\ufe0e\ufe0f"
_INSIDE_LETTERS = frozenset("'-&\u00b7\u05f3\u05f4\u0f0b")
_INSIDE_DIGITS = frozenset(".,:")
_ASCII_LOOSE = re.compile(r"(?<![a-z0-9])['&-]|['&-](?![a-z0-9])|(?<![0-9])[.,:]|[.,:](?![0-9])")
_ASCII_OTHER = re.compile(r"[!\"#%()*/;?@\[\\\]_{}\x00-\x1f\x7f]")


def neutral(text: str) -> str:
    """The text as `neutral-1` compares it; idempotent.

    "Inside a word" means between two letters or digits for apostrophe, hyphen, ampersand, middle
    dot and the Hebrew geresh; between two digits for point, comma and colon. Every other
    character of Unicode category P becomes white space.
    """
    return _ascii(text) if text.isascii() else _any_script(text)


def _ascii(text: str) -> str:
    """What `_any_script` does, an order of magnitude faster."""
    loose = _ASCII_LOOSE.sub(" ", text.replace("`", "'").lower())
    return " ".join(_ASCII_OTHER.sub(" ", loose).split())


def _any_script(text: str) -> str:
    folded = _folded("".join(mark for mark in text if not _invisible(mark)))
    kept = [_kept(folded, place) for place in range(len(folded))]
    return " ".join("".join(kept).split())


def _folded(text: str) -> str:
    # Case folding can undo NFKC and the reverse (Unicode 16, D146): repeat until both hold.
    while True:
        again = unicodedata.normalize("NFKC", text.translate(_LOOK_ALIKES)).casefold()
        again = unicodedata.normalize("NFKC", again)
        if again == text:
            return text
        text = again


def _kept(text: str, place: int) -> str:
    mark = text[place]
    category = unicodedata.category(mark)
    if category[0] == "P":
        return mark if _inside(text, place) else " "
    return " " if category == "Cc" else mark


def _invisible(mark: str) -> bool:
    if mark in _VARIATION:
        return True
    hidden = unicodedata.category(mark) == "Cf"
    return hidden and mark not in _JOINERS and ord(mark) not in _TAGS


def _inside(text: str, place: int) -> bool:
    mark = text[place]
    belongs: Callable[[str], bool]
    if mark in _INSIDE_DIGITS:
        belongs = str.isdecimal
    elif mark in _INSIDE_LETTERS:
        belongs = _is_word_character
    else:
        return False
    around = text[place - 1 : place] if place else "", text[place + 1 : place + 2]
    return all(one and belongs(one) for one in around)


def _is_word_character(mark: str) -> bool:
    return unicodedata.category(mark)[0] in "LNM"


def verbatim(text: str) -> str:
    """The text itself with white space collapsed."""
    return " ".join(text.split())


NEUTRAL = Normaliser(name="neutral", version="1", apply=neutral)
VERBATIM = Normaliser(name="verbatim", version="1", apply=verbatim)


def whisper_english() -> Normaliser:
    """OpenAI's English normaliser from transformers, without the British spelling table.

    The table lies in model folders, not in the package; without it `colour` and `color` differ.

    Raises:
        MissingDependencyError: transformers is not installed.
    """
    from importlib.metadata import PackageNotFoundError, version

    try:
        from transformers.models.whisper.english_normalizer import EnglishTextNormalizer

        release = version("transformers")
    except (ImportError, PackageNotFoundError) as error:
        raise MissingDependencyError(
            "the normaliser `whisper-english` needs transformers, which is not installed",
            hint="`pip install 'truing[train]'`, or use the normaliser `neutral`",
        ) from error
    normalise = EnglishTextNormalizer({})
    return Normaliser(
        name="whisper-english",
        version=release,
        apply=lambda text: " ".join(str(normalise(text)).split()),
    )


NORMALISERS: dict[str, Callable[[], Normaliser]] = {
    "neutral": lambda: NEUTRAL,
    "verbatim": lambda: VERBATIM,
    "whisper-english": whisper_english,
}
"""By name; a factory, because one of them needs an optional package."""


def normaliser(name: str) -> Normaliser:
    """Looks a normaliser up by its name, `neutral`, or its label, `neutral-1`.

    Raises:
        InvalidInputError: no such normaliser, or another version of it than this one.
        MissingDependencyError: `whisper-english` without transformers.
    """
    if name in NORMALISERS:
        return NORMALISERS[name]()
    bare = name.rpartition("-")[0]
    if bare in NORMALISERS and (found := NORMALISERS[bare]()).label == name:
        return found
    raise InvalidInputError(
        f"`{name}` is not a normaliser this version knows",
        hint=f"choose one of {', '.join(NORMALISERS)}",
    )
