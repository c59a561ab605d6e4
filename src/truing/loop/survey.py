"""Survey: what there is among the samples of a modality: when and whence, said how, found how good.

What was counted once stays counted: only new and changed samples are read. Samples in the trash
count nowhere. Weeks are those of capture, also for ratings.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from truing.domain.census import BETWEEN, LONGEST, Census, Counted, Entry, Facts, Kind
from truing.domain.clock import to_iso, week_of
from truing.domain.near_equal import key_of, words_of
from truing.domain.rating import HIGHEST, LOWEST
from truing.domain.review import LIVE, State
from truing.domain.sample import Sample

VERSION = "1"
"""Of what is counted; a change of `facts_of` needs another one."""
TOGETHER = 500
"""Samples counted in one transaction."""
CLUSTERS = 12
WORDS = 24
"""So many of the most frequent are told."""
SPELLINGS = 100
"""Of so many texts of a cluster it is counted how many there are."""
DAILY_WEEKS = 13
"""Growth over so many weeks is told by the day."""
_OPEN = (State.PENDING, State.SKIPPED)
_DATE = len("2026-01-05")


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """So many samples under one name."""

    name: str
    samples: int
    media: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """What was captured in one week."""

    first: str
    """Its first day, such as `2026-01-05`."""
    samples: int
    media: int
    bytes: int
    sources: Mapping[str, int]
    """Samples by source."""
    ratings: Mapping[int, int]
    """Samples by rating."""

    @property
    def mean(self) -> float | None:
        """Of the ratings; None where there are none."""
        return mean_of(self.ratings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Texts that are nearly equal, see `near_equal`."""

    text: str
    """The most frequent of them."""
    samples: int
    texts: int
    """How many there are, at most `SPELLINGS`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a check found."""

    check: str
    samples: int
    open: int
    """Of them undecided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What there is of one modality."""

    complete: bool
    """Whether everything was counted; else a later call goes on."""
    weeks: tuple[Week, ...] = ()
    """In order; weeks without samples are left out."""
    days: tuple[Amount, ...] = ()
    """In order; empty where there are more than `DAILY_WEEKS` weeks."""
    sources: tuple[Amount, ...] = ()
    """The largest first."""
    sittings: int = 0
    texts: int = 0
    """How many differ."""
    clusters: int = 0
    frequent: tuple[Cluster, ...] = ()
    words: tuple[Amount, ...] = ()
    ratings: Mapping[int, int] = field(default_factory=dict)
    """Samples by rating, each of 1 to 5."""
    findings: tuple[Found, ...] = ()
    """The most frequent first."""

    @property
    def samples(self) -> int:
        """Of all weeks."""
        return sum(week.samples for week in self.weeks)

    @property
    def media(self) -> int:
        """Of all weeks."""
        return sum(week.media for week in self.weeks)

    @property
    def bytes(self) -> int:
        """Of all media, each as often as a sample has it."""
        return sum(week.bytes for week in self.weeks)


def survey(
    census: Census,
    modality: str,
    *,
    seconds: float | None = None,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Survey:
    """Counts what is new or changed, then adds up.

    Args:
        census: what was counted before.
        modality: whose samples.
        seconds: after so many it counts no further and says so; None: until all is counted.
        on_progress: told how many samples this call has counted; what was counted stays so when
            it raises.
    """
    counted, complete = 0, False
    until = None if seconds is None else time.monotonic() + seconds
    while not complete:
        done = census.take(modality, VERSION, facts_of, at_most=TOGETHER)
        complete = done < TOGETHER
        counted += done
        if done:
            on_progress(counted)
        if until is not None and time.monotonic() >= until:
            break
    every = {Kind.WEEK: None, Kind.RATING: None, Kind.FINDING: None}
    found = census.counted(modality, {**every, Kind.CLUSTER: CLUSTERS, Kind.WORD: WORDS})
    weeks = _weeks(found)
    daily = 0 < len(weeks) <= DAILY_WEEKS
    days = census.counted(modality, {Kind.DAY: None}).entries[Kind.DAY] if daily else ()
    return Survey(
        complete=complete,
        weeks=weeks,
        days=tuple(sorted(map(_amount, days), key=lambda one: one.name)),
        sources=_sources(found.entries[Kind.WEEK]),
        sittings=found.distinct.get(Kind.SITTING, 0),
        texts=found.distinct.get(Kind.TEXT, 0),
        clusters=found.distinct.get(Kind.CLUSTER, 0),
        frequent=_frequent(census, modality, found.entries[Kind.CLUSTER]),
        words=_words(found.entries[Kind.WORD]),
        ratings=_ratings(found.entries[Kind.RATING]),
        findings=_findings(found.entries[Kind.FINDING]),
    )


def facts_of(sample: Sample) -> Facts:
    """What one sample adds; nothing while it is in the trash."""
    if sample.state not in LIVE:
        return Facts()
    week = week_of(sample.captured_at)
    names = [
        (Kind.WEEK, f"{week}{BETWEEN}{sample.source}"),
        (Kind.DAY, to_iso(sample.captured_at)[:_DATE]),
        (Kind.SITTING, _digest(f"{sample.source}{BETWEEN}{sample.session or sample.uid}")),
        *_said(sample.truth or sample.proposal or ""),
    ]
    if sample.rating is not None:
        names.append((Kind.RATING, f"{week}{BETWEEN}{sample.rating}"))
    decided = "open" if sample.state in _OPEN else "decided"
    names += [(Kind.FINDING, f"{one.check}{BETWEEN}{decided}") for one in sample.findings]
    return Facts(
        media=len(sample.media),
        bytes=sum(one.size for one in sample.media),
        names=tuple(dict.fromkeys(names)),
    )


def mean_of(ratings: Mapping[int, int]) -> float | None:
    """The mean of ratings by how many samples have each; None where there are none."""
    rated = sum(ratings.values())
    return sum(value * number for value, number in ratings.items()) / rated if rated else None


def _said(text: str) -> Iterable[tuple[Kind, str]]:
    said = " ".join(text.replace("\x00", " ").split())
    key = key_of(said)
    if key is None:
        return
    yield Kind.CLUSTER, key
    whole = f"{key}{BETWEEN}{said}"
    # Names have a limit; two long texts of one beginning are told apart all the same.
    cut = whole if len(whole) <= LONGEST else f"{whole[: LONGEST - 17]}…{_digest(said)}"
    yield Kind.TEXT, cut
    for word in words_of(said):
        yield Kind.WORD, word


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def _amount(entry: Entry) -> Amount:
    return Amount(name=entry.name, samples=entry.samples, media=entry.media, bytes=entry.bytes)


def _words(entries: Sequence[Entry]) -> tuple[Amount, ...]:
    return tuple(sorted(map(_amount, entries), key=lambda one: (-one.samples, one.name)))


def _weeks(found: Counted) -> tuple[Week, ...]:
    rated: dict[str, dict[int, int]] = {}
    for one in found.entries[Kind.RATING]:
        first, _, value = one.name.partition(BETWEEN)
        rated.setdefault(first, {})[int(value)] = one.samples
    held: dict[str, list[Entry]] = {}
    for one in found.entries[Kind.WEEK]:
        held.setdefault(one.name[:_DATE], []).append(one)
    return tuple(
        Week(
            first=first,
            samples=sum(one.samples for one in those),
            media=sum(one.media for one in those),
            bytes=sum(one.bytes for one in those),
            sources={one.name.partition(BETWEEN)[2]: one.samples for one in those},
            ratings=rated.get(first, {}),
        )
        for first, those in sorted(held.items())
    )


def _sources(entries: Sequence[Entry]) -> tuple[Amount, ...]:
    sums: dict[str, list[int]] = {}
    for one in entries:
        held = sums.setdefault(one.name.partition(BETWEEN)[2], [0, 0, 0])
        for place, value in enumerate((one.samples, one.media, one.bytes)):
            held[place] += value
    ordered = sorted(sums.items(), key=lambda one: (-one[1][0], one[0]))
    return tuple(
        Amount(name=name, samples=samples, media=media, bytes=size)
        for name, (samples, media, size) in ordered
    )


def _ratings(entries: Sequence[Entry]) -> dict[int, int]:
    sums = dict.fromkeys(range(LOWEST, HIGHEST + 1), 0)
    for one in entries:
        sums[int(one.name.partition(BETWEEN)[2])] += one.samples
    return sums


def _findings(entries: Sequence[Entry]) -> tuple[Found, ...]:
    sums: dict[str, dict[str, int]] = {}
    for one in entries:
        check, _, state = one.name.partition(BETWEEN)
        sums.setdefault(check, {})[state] = one.samples
    found = (
        Found(check=check, samples=sum(held.values()), open=held.get("open", 0))
        for check, held in sums.items()
    )
    return tuple(sorted(found, key=lambda one: (-one.samples, one.check)))


def _frequent(census: Census, modality: str, entries: Sequence[Entry]) -> tuple[Cluster, ...]:
    keys = [one.name for one in entries]
    texts = census.beneath(modality, Kind.TEXT, keys, most=SPELLINGS)
    return tuple(
        Cluster(text=texts[one.name][0].name, samples=one.samples, texts=len(texts[one.name]))
        for one in entries
        if texts[one.name]
    )
