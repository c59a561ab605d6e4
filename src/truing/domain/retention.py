"""Retention: rules that say which samples go, in words that a person writes into a setting.

    rejected older than 30 days
    archive accepted or corrected of image_edit older than 1 year
    erase pending from app beyond the newest 5000
    skipped larger than 20 MB
    delete accepted beyond 10 GB even frozen

A rule is a deed (`delete` into the trash, which is meant when none is named, `erase` for good, or
`archive`), which samples, and at least one limit; all of its limits must be passed. Samples that a
dataset version holds stay, unless the rule ends with `even frozen`; those that the model in use
learned from stay even then, unless it ends with `even the champion's`.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from truing.domain.clock import MICROSECONDS
from truing.domain.errors import SettingError
from truing.domain.outline import Outline
from truing.domain.review import LIVE, State

KEY = "retention.rules"
EXAMPLE = "rejected older than 30 days"


class Deed(StrEnum):
    """What becomes of the samples that a rule takes."""

    DELETE = "delete"
    """They go into the trash, from where they can be taken back for `trash.days`."""
    ERASE = "erase"
    """They are erased for good."""
    ARCHIVE = "archive"
    """They are packed into an archive, from where they can be brought back."""


_DAY = 86_400 * MICROSECONDS
_UNITS = {
    "hour": 3600 * MICROSECONDS,
    "day": _DAY,
    "week": 7 * _DAY,
    "month": 30 * _DAY,
    "year": 365 * _DAY,
}
_SIZES = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_STATES = {
    **{state.value: (state,) for state in LIVE},
    "reviewed": (State.ACCEPTED, State.CORRECTED, State.REJECTED),
    "undecided": (State.PENDING, State.SKIPPED),
}
_IDLE = frozenset({"samples", "or", "and", "all", "any"})
_WORDS = (
    *(deed.value for deed in Deed),
    *_STATES,
    "of",
    "from",
    "older",
    "beyond",
    "larger",
    "even",
)
_WORD = re.compile(r'"[^"]*"|[^\s",]+')
_NUMBER = re.compile(r"\d{1,12}(\.\d{1,6})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule."""

    text: str
    """As it was written."""
    deed: Deed
    states: frozenset[State] = frozenset()
    """Empty: whatever was decided."""
    modality: str | None = None
    source: str | None = None
    older_than: int | None = None
    """Microseconds since the sample came into the workspace."""
    newest: int | None = None
    """So many of its samples stay, those that came last."""
    newest_bytes: int | None = None
    """The same by the bytes that they take together."""
    larger_than: int | None = None
    """Bytes of one sample's media."""
    even_frozen: bool = False
    """Also samples that a dataset version holds."""
    even_champion: bool = False
    """Also those that the model in use learned from."""

    @property
    def weighs(self) -> bool:
        """Whether it must know how many bytes samples take."""
        return self.newest_bytes is not None or self.larger_than is not None

    def covers(self, one: Outline) -> bool:
        """Whether a sample is of those that the rule speaks of, whatever its limits."""
        return (
            (not self.states or one.state in self.states)
            and self.modality in (None, one.modality)
            and (
                self.source is None
                or one.source == self.source
                # An import's source is its format, the file's name and a mark.
                or one.source.startswith(f"{self.source}:")
            )
        )


@dataclass(slots=True)
class Measure:
    """How far the limits of one rule are used up, on a walk from the newest sample to the oldest.

    Args:
        rule: whose limits.
        now: microseconds since 1970.
    """

    rule: Rule
    now: int
    samples: int = field(default=0, init=False)
    size: int = field(default=0, init=False)

    def passes(self, one: Outline, size: int) -> bool:
        """Counts a sample that the rule covers; whether it is beyond all of the rule's limits.

        Args:
            one: the next sample.
            size: bytes of its media; 0 will do where the rule does not weigh.
        """
        rule = self.rule
        self.samples += 1
        self.size += size
        return (
            (rule.older_than is None or self.now - one.added_at > rule.older_than)
            and (rule.newest is None or self.samples > rule.newest)
            and (rule.newest_bytes is None or self.size > rule.newest_bytes)
            and (rule.larger_than is None or size > rule.larger_than)
        )


def read_rules(text: str) -> tuple[Rule, ...]:
    """The rules of the setting, with `;` or line ends between.

    Raises:
        SettingError: one of them cannot be understood; the message names it and the word.
    """
    written = (" ".join(part.split()) for part in re.split(r"[;\n]", text))
    return tuple(read_rule(one) for one in written if one)


def check(text: str) -> None:
    """Makes sure that rules can be understood.

    Raises:
        SettingError: see `read_rules`.
    """
    read_rules(text)


def read_rule(text: str) -> Rule:
    """One rule.

    Raises:
        SettingError: it cannot be understood.
    """
    if text.count('"') % 2:
        raise _refused(text, "a quotation mark is not closed", 'write from "my app"')
    reading = _Reading(text, _WORD.findall(text))
    found = reading.all()
    limits = ("older_than", "newest", "newest_bytes", "larger_than")
    if not any(name in found for name in limits):
        raise _refused(
            text,
            "it has no limit and would take everything at once",
            "end it with such as `older than 30 days`, `beyond the newest 1000`, `beyond 10 GB` "
            "or `larger than 50 MB`",
        )
    return Rule(text=text, **found)


class _Reading:
    """One rule while its words are read, from the left."""

    def __init__(self, text: str, words: list[str]) -> None:
        self._text = text
        self._words = words
        self._place = 0
        self._found: dict[str, Any] = {}

    def all(self) -> dict[str, Any]:
        """What the words say, by the names of a rule's fields."""
        first = self._words[0].lower() if self._words else ""
        self._found["deed"] = Deed(first) if first in set(Deed) else Deed.DELETE
        self._place = int(first in set(Deed))
        clauses = {
            "of": self._of,
            "from": self._from,
            "older": self._older,
            "beyond": self._beyond,
            "larger": self._larger,
            "even": self._even,
        }
        while self._place < len(self._words):
            word = self._next().lower()
            if word in _STATES:
                held: frozenset[State] = self._found.get("states", frozenset())
                self._found["states"] = held.union(_STATES[word])
            elif word in clauses:
                clauses[word]()
            elif word not in _IDLE:
                raise self._strange(word)
        return self._found

    def _of(self) -> None:
        self._put("modality", self._next("a modality, such as `of speech`"))

    def _from(self) -> None:
        self._put("source", self._next("a source, such as `from app`").strip('"'))

    def _older(self) -> None:
        self._expect("than", "`older than 30 days`")
        number = self._number("older than 30 days")
        unit = self._next("days, weeks, months or years").lower().removesuffix("s")
        if unit not in _UNITS:
            raise self._strange(unit, "give hours, days, weeks, months or years")
        self._put("older_than", int(number * _UNITS[unit]))

    def _beyond(self) -> None:
        if self._peek() == "the":
            self._next()
            self._expect("newest", "`beyond the newest 1000`")
            number = self._number("beyond the newest 1000")
            if number != int(number):
                raise _refused(self._text, f"`{number}` samples are no whole number", "round it")
            self._put("newest", int(number))
        else:
            self._put("newest_bytes", self._size("beyond 10 GB"))

    def _larger(self) -> None:
        self._expect("than", "`larger than 50 MB`")
        self._put("larger_than", self._size("larger than 50 MB"))

    def _even(self) -> None:
        if self._peek() == "frozen":
            self._next()
            self._put("even_frozen", value=True)
            return
        if self._peek() == "the":
            self._next()
        named = self._next("`frozen` or `the champion's`").lower().replace("’", "'")
        if named != "champion's":
            raise _refused(
                self._text, "`even` what?", "write `even frozen` or `even the champion's`"
            )
        self._put("even_champion", value=True)
        self._found["even_frozen"] = True

    def _put(self, name: str, value: object) -> None:
        if name in self._found and name != "even_frozen":
            told = name.replace("_", " ")
            raise _refused(self._text, f"it says {told} twice", "make it two rules")
        self._found[name] = value

    def _peek(self) -> str:
        return self._words[self._place].lower() if self._place < len(self._words) else ""

    def _next(self, wanted: str = "") -> str:
        if self._place >= len(self._words):
            raise _refused(self._text, "it ends too early", f"go on with {wanted}")
        self._place += 1
        return self._words[self._place - 1]

    def _expect(self, word: str, example: str) -> None:
        if self._next(example).lower() != word:
            raise self._strange(self._words[self._place - 1], f"write {example}")

    def _number(self, example: str) -> float:
        word = self._next(f"a number: `{example}`")
        if not _NUMBER.fullmatch(word):
            raise self._strange(word, f"give a number: `{example}`")
        return self._above_zero(float(word))

    def _size(self, example: str) -> int:
        word = self._next(f"a number: `{example}`")
        joined = re.fullmatch(r"([\d.]+)([KMGT]B)", word, re.IGNORECASE)
        number, unit = joined.groups() if joined else (word, self._next("KB, MB, GB or TB"))
        if not _NUMBER.fullmatch(number):
            raise self._strange(number, f"give a number: `{example}`")
        if unit.upper() not in _SIZES:
            raise self._strange(unit, "give KB, MB, GB or TB; `beyond the newest 1000` counts")
        return int(self._above_zero(float(number)) * _SIZES[unit.upper()])

    def _above_zero(self, number: float) -> float:
        if not number:
            raise _refused(self._text, "0 is no limit", "give a number above 0")
        return number

    def _strange(self, word: str, repair: str = "") -> SettingError:
        near = difflib.get_close_matches(word.lower(), _WORDS, n=1, cutoff=0.75)
        usual = f"did you mean `{near[0]}`?" if near else f"write it like `{EXAMPLE}`"
        return _refused(self._text, f"`{word}` is not understood there", repair or usual)


def _refused(text: str, why: str, repair: str) -> SettingError:
    return SettingError(f"`{KEY}` has a rule `{text}`: {why}", hint=repair)
