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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from truing.domain.dataset import Assignment, Split, SplitKind
from truing.domain.errors import InvalidInputError

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
    new: tuple[Assignment, ...]


@dataclass(slots=True)
class _Group:
    """One connected group: its samples, and the parts that its past members are in."""

    items: list[SplitItem] = field(default_factory=list)
    past: set[Split] = field(default_factory=set)

    @property
    def testable(self) -> int:
        return sum(item.may_test for item in self.items)


def split(items: Sequence[SplitItem], ledger: Iterable[Assignment], rule: SplitRule) -> SplitPlan:
    """Assigns samples to parts.

    Args:
        items: the samples of the new version.
        ledger: every assignment earlier versions made.
        rule: kind, shares, seed, test speakers.

    Raises:
        InvalidInputError: a test speaker that is unknown, or was trained on before.
    """
    _check_speakers(items, rule)
    past = {entry.sample_uid: entry for entry in ledger}
    groups = _grouped(items, past, rule)
    _check_untouched(groups, rule)
    parts = _parts_of(groups, rule)
    assigned: dict[str, Split] = {}
    withheld: dict[str, str] = {}
    for group, part in zip(groups, parts, strict=True):
        for item in group.items:
            reason = _withheld(item, part, past.get(item.uid))
            if reason is None:
                assigned[item.uid] = part
            else:
                withheld[item.uid] = reason
    new = tuple(
        Assignment(sample_uid=item.uid, split=assigned[item.uid], keys=_keys(item, rule))
        for item in sorted(items, key=lambda one: one.uid)
        if item.uid in assigned and item.uid not in past
    )
    return SplitPlan(assigned=assigned, withheld=withheld, new=new)


def _withheld(item: SplitItem, part: Split, before: Assignment | None) -> str | None:
    if before is not None and before.split is not part:
        return TIED_TO_TEST if part is Split.TEST else TIED_TO_VALIDATION
    if part is Split.TEST and not item.may_test:
        return NOT_BY_CHANCE
    return None


def _keys(item: SplitItem, rule: SplitRule) -> tuple[str, ...]:
    keys = set(item.keys)
    if rule.kind is SplitKind.UNSEEN_SPEAKER and item.subject is not None:
        keys.add(f"subject:{item.subject}")
    # Hashed: the ledger outlives what the keys were made of.
    return tuple(sorted(hashlib.sha256(key.encode()).hexdigest()[:24] for key in keys))


def _grouped(
    items: Sequence[SplitItem], past: Mapping[str, Assignment], rule: SplitRule
) -> list[_Group]:
    """Groups in an order that depends on the seed and the samples' names alone."""
    parent: dict[str, str] = {}

    def root(key: str) -> str:
        while parent.setdefault(key, key) != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    for uid, keys in _ties(items, past, rule):
        for key in keys:
            # The smaller name becomes the root: no dependence on the order of arrival.
            low, high = sorted((root(f"uid:{uid}"), root(key)))
            parent[high] = low
    groups: dict[str, _Group] = {}
    for item in sorted(items, key=lambda one: one.uid):
        groups.setdefault(root(f"uid:{item.uid}"), _Group()).items.append(item)
    for uid, entry in past.items():
        if (group := groups.get(root(f"uid:{uid}"))) is not None:
            group.past.add(entry.split)
    return sorted(groups.values(), key=lambda one: _rank(rule.seed, one.items[0].uid))


def _ties(
    items: Sequence[SplitItem], past: Mapping[str, Assignment], rule: SplitRule
) -> Iterable[tuple[str, tuple[str, ...]]]:
    for item in items:
        yield item.uid, _keys(item, rule)
    for uid, entry in past.items():
        yield uid, entry.keys


def _rank(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed}:{name}".encode()).digest()


def _parts_of(groups: Sequence[_Group], rule: SplitRule) -> list[Split]:
    parts: list[Split | None] = [_settled(group, rule) for group in groups]
    if not rule.test_speakers:
        _fill(parts, groups, Split.TEST, rule.test_share)
    _fill(parts, groups, Split.VALIDATION, rule.validation_share)
    return [part or Split.TRAIN for part in parts]


def _settled(group: _Group, rule: SplitRule) -> Split | None:
    """The part the past or a named test speaker demands, the more protected one first."""
    if any(item.subject in rule.test_speakers for item in group.items):
        return Split.TEST
    return next(
        (part for part in (Split.TEST, Split.VALIDATION, Split.TRAIN) if part in group.past), None
    )


def _fill(parts: list[Split | None], groups: Sequence[_Group], part: Split, share: float) -> None:
    """Adds unsettled groups to a part until it has its share, each only if it brings it nearer."""

    def size(group: _Group) -> int:
        return group.testable if part is Split.TEST else len(group.items)

    target = int(share * sum(size(group) for group in groups) + 0.5)
    held = sum(size(group) for group, now in zip(groups, parts, strict=True) if now is part)
    free = [index for index, now in enumerate(parts) if now is None and size(groups[index])]
    for index in free:
        extra = size(groups[index])
        if abs(target - held - extra) < abs(target - held):
            parts[index] = part
            held += extra
    # All groups are large: rather too much of the smallest than nothing to test on.
    if target > 0 and held == 0 and len(free) > 1:
        parts[min(free, key=lambda index: size(groups[index]))] = part


def _check_speakers(items: Sequence[SplitItem], rule: SplitRule) -> None:
    known = {item.subject for item in items}
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


def _check_untouched(groups: Sequence[_Group], rule: SplitRule) -> None:
    for group in groups:
        named = sorted({str(i.subject) for i in group.items if i.subject in rule.test_speakers})
        if named and group.past - {Split.TEST}:
            raise InvalidInputError(
                f"the speaker `{named[0]}` was trained on in an earlier version of this dataset",
                hint="freeze under another name, or name other test speakers",
            )
