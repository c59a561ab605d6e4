"""Split: train, validation or test by group, stable under growth, free of leaks.

Samples that share a group key (a session, the same sound, a chain of derived media; for
`unseen-speaker` also the speaker) form one group, transitively. Groups, not samples, are assigned.

Promises, each a property test:

* no group key is shared between two parts;
* a sample once in a part never appears in another one in a later version of the dataset;
* only samples taken by chance or wholesale are in the test set;
* the same samples and the same past give the same answer, in whatever order they come.

When a new sample ties a test group to a train group, test stays and the train members are
withheld from later versions; likewise validation before train. Members of a test group that may
not be tested on are withheld as well: in train they would leak.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from truing.domain.dataset import Assignment, Split, SplitKind
from truing.domain.errors import InvalidInputError
from truing.domain.packed import KEY_DIGITS, Finder, PackedMapping, PackedTexts, Ties

TIED_TO_TEST = "tied to the test set"
TIED_TO_VALIDATION = "tied to the validation set"
NOT_BY_CHANCE = "in a test group but not taken by chance"


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitItem:
    """What splitting needs to know of a sample."""

    uid: str
    keys: tuple[str, ...]
    """Group keys: digests of content, `session:…`."""
    subject: str | None
    may_test: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitRule:
    """How to split."""

    kind: SplitKind
    test_share: float
    """Of the samples that may be tested on."""
    validation_share: float
    """Of all samples."""
    seed: int = 0
    test_speakers: frozenset[str] = frozenset()
    """For `unseen-speaker`: these speakers make up the test set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitPlan:
    """Where each sample goes, which are withheld and why, and what is new to the ledger."""

    assigned: Mapping[str, Split]
    withheld: Mapping[str, str]
    new: Iterable[Assignment]
    """By name; may be read more than once."""


_PARTS = (Split.TEST, Split.VALIDATION, Split.TRAIN)
"""The more protected one first; a sample's code is its place here, or one of `_REASONS`."""
_TEST, _VALIDATION, _TRAIN = range(3)
_REASONS = {3: TIED_TO_TEST, 4: TIED_TO_VALIDATION, 5: NOT_BY_CHANCE}
_NONE = 255


class _Items:
    """The samples in a few bytes each: a million of them are not held as objects."""

    def __init__(self, items: Iterable[SplitItem], rule: SplitRule) -> None:
        self.names = PackedTexts()
        self.ties = Ties()
        self.may_test = array("B")
        self.speakers = sorted(rule.test_speakers)
        self.speaker = array("i")
        """Which of the test speakers is recorded; -1 for none of them."""
        self._keys = bytearray()
        self._key_ends = array("Q", [0])
        places = {name: place for place, name in enumerate(self.speakers)}
        known: set[str | None] = set()
        for item in items:
            number = self.ties.new()
            self.names.append(item.uid)
            self.may_test.append(item.may_test)
            self.speaker.append(places.get(item.subject or "", -1))
            known.add(item.subject)
            for key in _keys(item, rule):
                self.ties.tie(number, key)
                self._keys += bytes.fromhex(key)
            self._key_ends.append(len(self._keys))
        _check_speakers(known, rule)
        self.order = self.names.order()
        self.past = array("B", [_NONE]) * len(self.names)
        """The part each was in before, by its place in `_PARTS`."""

    def __len__(self) -> int:
        return len(self.names)

    def keys(self, number: int) -> tuple[str, ...]:
        """The keys of a sample, as the ledger keeps them."""
        said = self._keys[self._key_ends[number] : self._key_ends[number + 1]].hex()
        places = range(0, len(said), KEY_DIGITS)
        return tuple(said[place : place + KEY_DIGITS] for place in places)


@dataclass(slots=True)
class _Groups:
    """The connected groups: first in the order of their first names, then ranked."""

    of: array[int] = field(default_factory=lambda: array("I"))
    """The group of each sample."""
    size: array[int] = field(default_factory=lambda: array("I"))
    testable: array[int] = field(default_factory=lambda: array("I"))
    past: array[int] = field(default_factory=lambda: array("B"))
    """The most protected part that one of its members, present or past, was in."""
    trained: bytearray = field(default_factory=bytearray)
    """Whether one of them was in another part than test."""
    speaker: array[int] = field(default_factory=lambda: array("i"))
    """The first of the test speakers among its members; -1 for none."""
    ranked: array[int] = field(default_factory=lambda: array("I"))
    """The groups in an order that depends on the seed and the samples' names alone."""


def split(
    items: Iterable[SplitItem],
    ledger: Iterable[Assignment],
    rule: SplitRule,
    ties: Iterable[tuple[str, ...]] = (),
) -> SplitPlan:
    """Assigns samples to parts.

    Args:
        items: the samples of the new version, each once; read once.
        ledger: every assignment earlier versions made; read once, quickest in the order of names.
        rule: kind, shares, seed, test speakers.
        ties: group keys of further samples, that are in no part and tie others together: a rejected
            picture that was made of one original and became the next. Read once.

    Raises:
        InvalidInputError: a test speaker that is unknown, or was trained on before.
    """
    held = _Items(items, rule)
    gone = _remember(held, ledger)
    for keys in ties:
        number = held.ties.new()
        for key in keys:
            held.ties.tie(number, _hashed(key))
    held.ties.join()
    groups = _grouped(held, gone, rule)
    _check_untouched(held, groups)
    parts = _parts_of(groups, rule)
    codes = array("B", (_code(held, number, parts[of]) for number, of in enumerate(groups.of)))
    return SplitPlan(
        assigned=PackedMapping(held.names, held.order, codes, dict(enumerate(_PARTS))),
        withheld=PackedMapping(held.names, held.order, codes, _REASONS),
        new=_New(held, codes),
    )


def _code(held: _Items, number: int, part: int) -> int:
    if held.past[number] not in (_NONE, part):
        return 3 if part == _TEST else 4
    if part == _TEST and not held.may_test[number]:
        return 5
    return part


class _New:
    """The assignments that the ledger does not know yet."""

    def __init__(self, held: _Items, codes: array[int]) -> None:
        self._held, self._codes = held, codes

    def __iter__(self) -> Iterator[Assignment]:
        held = self._held
        for number in held.order:
            if self._codes[number] < len(_PARTS) and held.past[number] == _NONE:
                yield Assignment(
                    sample_uid=held.names[number],
                    split=_PARTS[self._codes[number]],
                    keys=held.keys(number),
                )


def _keys(item: SplitItem, rule: SplitRule) -> tuple[str, ...]:
    keys = set(item.keys)
    if rule.kind is SplitKind.UNSEEN_SPEAKER and item.subject is not None:
        keys.add(f"subject:{item.subject}")
    # Hashed: the ledger outlives what the keys were made of.
    return tuple(sorted(_hashed(key) for key in keys))


def _hashed(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:KEY_DIGITS]


def _remember(held: _Items, ledger: Iterable[Assignment]) -> dict[int, int]:
    """Ties the past to the samples; the parts of those that are no longer here, by number."""
    finder = Finder(held.names, held.order)
    gone: dict[int, int] = {}
    for entry in ledger:
        number = finder.find(entry.sample_uid)
        part = _PARTS.index(entry.split)
        own: tuple[str, ...] = ()
        if number is None:
            number = held.ties.new()
            gone[number] = part
        else:
            held.past[number] = part
            own = held.keys(number)
        for key in entry.keys:
            if key not in own:
                held.ties.tie(number, key if _is_hash(key) else _hashed(key))
    return gone


def _is_hash(key: str) -> bool:
    return len(key) == KEY_DIGITS and all(digit in "0123456789abcdef" for digit in key)


def _grouped(held: _Items, gone: Mapping[int, int], rule: SplitRule) -> _Groups:
    groups = _Groups(of=array("I", [0]) * len(held))
    numbers = array("i", [-1]) * len(held.ties)
    ranks = array("Q")
    for item in held.order:
        root = held.ties.group(item)
        if numbers[root] < 0:
            numbers[root] = len(groups.size)
            ranks.append(_rank(rule.seed, held.names[item]))
            for column, empty in (
                (groups.size, 0),
                (groups.testable, 0),
                (groups.past, _NONE),
                (groups.trained, 0),
                (groups.speaker, -1),
            ):
                column.append(empty)
        of = groups.of[item] = numbers[root]
        groups.size[of] += 1
        groups.testable[of] += held.may_test[item]
        _join_past(groups, of, held.past[item])
        speaker, before = held.speaker[item], groups.speaker[of]
        if speaker >= 0 and (before < 0 or speaker < before):
            groups.speaker[of] = speaker
    for number, part in gone.items():
        of = numbers[held.ties.group(number)]
        if of >= 0:
            _join_past(groups, of, part)
    # Sixty-four bits of rank and the group's number in one integer: a list of small objects less.
    ordered = sorted(rank << 32 | of for of, rank in enumerate(ranks))
    groups.ranked = array("I", (one & 0xFFFFFFFF for one in ordered))
    return groups


def _join_past(groups: _Groups, of: int, part: int) -> None:
    groups.past[of] = min(groups.past[of], part)
    if part not in (_NONE, _TEST):
        groups.trained[of] = 1


def _rank(seed: int, name: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}:{name}".encode()).digest()[:8], "big")


def _parts_of(groups: _Groups, rule: SplitRule) -> array[int]:
    """The part of each group: what the past or a named test speaker demands, then by share."""
    parts = array("B", groups.past)
    for of, speaker in enumerate(groups.speaker):
        if speaker >= 0:
            parts[of] = _TEST
    if not rule.test_speakers:
        _fill(parts, groups, _TEST, groups.testable, rule.test_share)
    _fill(parts, groups, _VALIDATION, groups.size, rule.validation_share)
    return array("B", (_TRAIN if part == _NONE else part for part in parts))


def _fill(parts: array[int], groups: _Groups, part: int, sizes: array[int], share: float) -> None:
    """Adds unsettled groups to a part until it has its share, each only if it brings it nearer."""
    target = int(share * sum(sizes) + 0.5)
    held = sum(size for size, now in zip(sizes, parts, strict=True) if now == part)
    free = array("I", (of for of in groups.ranked if parts[of] == _NONE and sizes[of]))
    for of in free:
        extra = sizes[of]
        if abs(target - held - extra) < abs(target - held):
            parts[of] = part
            held += extra
    # All groups are large: rather too much of the smallest than nothing to test on.
    if target > 0 and held == 0 and len(free) > 1:
        parts[min(free, key=lambda of: sizes[of])] = part


def _check_speakers(known: set[str | None], rule: SplitRule) -> None:
    for speaker in sorted(rule.test_speakers):
        if speaker not in known:
            names = ", ".join(sorted(name for name in known if name)) or "none are named"
            raise InvalidInputError(
                f"no reviewed sample is of the speaker `{speaker}`", hint=f"there are: {names}"
            )
    if rule.test_speakers and rule.kind is not SplitKind.UNSEEN_SPEAKER:
        raise InvalidInputError(
            "test speakers need the split `unseen-speaker`", hint="add --split unseen-speaker"
        )


def _check_untouched(held: _Items, groups: _Groups) -> None:
    for of in groups.ranked:
        if groups.speaker[of] >= 0 and groups.trained[of]:
            raise InvalidInputError(
                f"the speaker `{held.speakers[groups.speaker[of]]}` was trained on in an earlier "
                "version of this dataset",
                hint="freeze under another name, or name other test speakers",
            )
