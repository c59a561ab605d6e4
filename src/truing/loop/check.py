"""Check: findings for samples, from the modality's own checks and from looking at the others.

The modality looks at one sample at a time. That a sample is a copy of another can only be seen
here: an exact copy by group keys that are all the same, a near one (coded anew, louder, trimmed) by
the marks of a modality that has them, with the media compared before anything is said.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from truing.domain.errors import DamagedError, NotFoundError
from truing.domain.finding import SUSPECT_LABEL, CheckReport, Finding, Severity
from truing.domain.media import Media
from truing.domain.modality import CanSpotCopies, CheckInput, Marks, Modality
from truing.domain.ports import Blobs, Samples
from truing.domain.sample import Sample
from truing.domain.settings import Settings

DUPLICATE = "duplicate"
NEAR_DUPLICATE = "near_duplicate"
DAMAGED = "damaged"
DUPLICATE_QUALITY = 0.8
"""Factor on the quality of a copy: usable, but it adds nothing."""
CANDIDATES = 4
"""So many samples are compared with at most, the likeliest ones; what it costs does not grow with
the number of samples."""
WAITING_BYTES = 32 << 20
"""Of media in one batch of an import that later rows of the batch are compared with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What checking a number of samples found."""

    samples: int
    with_findings: int
    findings: Mapping[str, int]
    """How many samples have a finding of each check."""
    changed: int = 0
    """How many reports differ from what was stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Other:
    """A sample that may be the same; `id` is None while it is not stored yet."""

    id: int | None
    media: tuple[Media, ...]
    data: Mapping[str, bytes] | None

    @property
    def name(self) -> str:
        return "another of the same import" if self.id is None else f"sample {self.id}"


class Neighbours:
    """Tells, for one sample after the other, whether it is a copy of one that came before.

    Args:
        modality: of all the samples.
        samples: where others are looked for.
        blobs: where their media are read.
        settings: how alike copies are.
        remembers: whether samples seen are compared with too before they are stored, as the rows
            of one batch of an import.
    """

    def __init__(
        self,
        modality: Modality,
        samples: Samples,
        blobs: Blobs,
        settings: Settings,
        *,
        remembers: bool = False,
    ) -> None:
        self._modality = modality
        self._samples, self._blobs = samples, blobs
        self._settings = settings
        self._waiting: deque[tuple[frozenset[str], _Other]] | None = deque() if remembers else None
        self._held = 0

    def compare(
        self, report: CheckReport, given: CheckInput, *, own_id: int | None = None
    ) -> tuple[CheckReport, tuple[str, ...]]:
        """Adds a finding when an earlier sample is the same, exactly or nearly.

        Args:
            report: what the modality found.
            given: the sample.
            own_id: its number, when it is stored; copies with higher numbers do not count.

        Returns:
            The report, and all the group keys the sample should have.
        """
        kind = self._modality
        own = kind.group_keys(given.media)
        marks = Marks()
        tied: tuple[str, ...] = ()
        finding = self._exact(own, own_id)
        if isinstance(kind, CanSpotCopies):
            marks = kind.marks(given.media)
            if finding is None and marks.asked:
                finding, tied = self._near(kind, given, marks.asked, own_id)
        self._remember((*own, *marks.kept), given)
        if finding is not None:
            report = CheckReport(
                findings=(*report.findings, finding), quality=report.quality * DUPLICATE_QUALITY
            )
        return report, tuple(dict.fromkeys((*own, *marks.kept, *tied)))

    def _exact(self, own: Sequence[str], own_id: int | None) -> Finding | None:
        if not own:
            return None
        found = self._samples.by_groups(own)
        # Samples of several media may share some of them, as results of one original do.
        shared = set.intersection(*(set(found.get(key, ())) for key in own))
        ids = {one for one in shared if _before(one, own_id)}
        # A near copy carries the key of what it copies: it is no exact copy of it.
        same = [one for one in sorted(ids)[:CANDIDATES] if self._is_exact(one, own)]
        if same:
            return _duplicate(f"sample {same[0]}", same[0])
        waiting = (
            other
            for _, other in self._waiting or ()
            if set(own) == set(self._modality.group_keys(other.media))
        )
        other = next(waiting, None)
        return None if other is None else _duplicate(other.name, None)

    def _is_exact(self, id: int, own: Sequence[str]) -> bool:
        try:
            media = self._samples.get(id).media
        except NotFoundError:
            return False
        return set(own) == set(self._modality.group_keys(media))

    def _near(
        self, kind: CanSpotCopies, given: CheckInput, asked: Sequence[str], own_id: int | None
    ) -> tuple[Finding | None, tuple[str, ...]]:
        """The finding, and the keys of the sample that is copied: they tie the two in splits."""
        least = self._settings.number(kind.least_likeness)
        for other in self._candidates(asked, own_id):
            alike = self._likeness(kind, given.data, other)
            if alike >= least:
                finding = _near_duplicate(other.name, other.id, kind.least_likeness)
                return finding, self._modality.group_keys(other.media)
        return None, ()

    def _candidates(self, asked: Sequence[str], own_id: int | None) -> Iterator[_Other]:
        rank = {key: place for place, key in enumerate(asked)}
        shared: dict[int, list[int]] = {}
        for key, numbers in self._samples.by_groups(asked).items():
            for one in numbers:
                if _before(one, own_id):
                    shared.setdefault(one, []).append(rank[key])
        yield from self._waiting_for(rank)
        # Those that share most marks first, among them those with the likeliest.
        nearest = sorted(shared, key=lambda one: (-len(shared[one]), min(shared[one]), one))
        for one in nearest[:CANDIDATES]:
            try:
                yield _Other(id=one, media=self._samples.get(one).media, data=None)
            except NotFoundError:  # erased meanwhile
                continue

    def _waiting_for(self, rank: Mapping[str, int]) -> list[_Other]:
        found = [
            (sorted(rank[key] for key in keys & rank.keys()), other)
            for keys, other in self._waiting or ()
        ]
        near = [(ranks, other) for ranks, other in found if ranks]
        near.sort(key=lambda pair: (-len(pair[0]), pair[0]))
        return [other for _, other in near[:CANDIDATES]]

    def _likeness(self, kind: CanSpotCopies, data: Mapping[str, bytes], other: _Other) -> float:
        try:
            held = other.data or {one.role: self._blobs.read(one.digest) for one in other.media}
            return kind.likeness(data, held)
        except (DamagedError, NotFoundError):
            return 0.0  # its own finding says so

    def _remember(self, keys: Iterable[str], given: CheckInput) -> None:
        if self._waiting is None:
            return
        other = _Other(id=None, media=tuple(given.media), data=given.data)
        self._waiting.append((frozenset(keys), other))
        self._held += _size(other)
        while self._held > WAITING_BYTES:
            self._held -= _size(self._waiting.popleft()[1])

    def stored(self) -> None:
        """Forgets what was remembered: the store knows it now."""
        if self._waiting is not None:
            self._waiting.clear()
            self._held = 0


def _size(other: _Other) -> int:
    return sum(map(len, (other.data or {}).values()))


def _before(id: int, own_id: int | None) -> bool:
    return own_id is None or id < own_id


def _duplicate(other: str, number: int | None) -> Finding:
    return Finding(
        check=DUPLICATE,
        severity=Severity.WARNING,
        reason=f"the same as {other}",
        value=None if number is None else float(number),
    )


def _near_duplicate(other: str, number: int | None, setting: str) -> Finding:
    return Finding(
        check=NEAR_DUPLICATE,
        severity=Severity.WARNING,
        reason=f"nearly the same as {other}: coded anew, scaled, louder, trimmed or padded",
        value=None if number is None else float(number),
        setting=setting,
    )


def check(
    chosen: Iterable[Sample],
    modality: Callable[[str], Modality],
    samples: Samples,
    blobs: Blobs,
    settings: Settings,
    *,
    on_progress: Callable[[int, int], None] = lambda _done, _id: None,
) -> Checked:
    """Looks at stored samples again, for instance after a threshold was changed.

    Only reports that differ are written. What is doubted of labels is kept as it is.

    Args:
        chosen: the samples, by ascending number.
        modality: gives one by its name.
        samples: where the reports go, and others are looked for.
        blobs: where media are read.
        settings: the thresholds.
        on_progress: called with how many are done and the number of the last one.
    """
    counts: dict[str, int] = {}
    done = flagged = changed = 0
    kinds: dict[str, tuple[Modality, Neighbours]] = {}
    for sample in chosen:
        if sample.modality not in kinds:
            kind = modality(sample.modality)
            kinds[sample.modality] = kind, Neighbours(kind, samples, blobs, settings)
        report = _kept_doubt(sample, _examined(sample, *kinds[sample.modality], blobs, settings))
        if (report.findings, report.quality) != (sample.findings, sample.quality):
            samples.set_report(sample.id, report)
            changed += 1
        done += 1
        flagged += bool(report.findings)
        for name in {found.check for found in report.findings}:
            counts[name] = counts.get(name, 0) + 1
        on_progress(done, sample.id)
    return Checked(
        samples=done,
        with_findings=flagged,
        findings=dict(sorted(counts.items())),
        changed=changed,
    )


def _kept_doubt(sample: Sample, report: CheckReport) -> CheckReport:
    doubt = next((one for one in sample.findings if one.check == SUSPECT_LABEL), None)
    return report if doubt is None else report.doubted(doubt)


def _examined(
    sample: Sample,
    modality: Modality,
    neighbours: Neighbours,
    blobs: Blobs,
    settings: Settings,
) -> CheckReport:
    try:
        data = {medium.role: blobs.read(medium.digest) for medium in sample.media}
    except (DamagedError, NotFoundError) as error:
        lost = Finding(check=DAMAGED, severity=Severity.BLOCKING, reason=error.message)
        return CheckReport(findings=(lost,), quality=0.0)
    given = CheckInput(
        media=sample.media,
        data=data,
        predictions=sample.predictions,
        truth=sample.truth,
        damage={
            medium.role: str(medium.facts["damage"])
            for medium in sample.media
            if medium.facts.get("damage")
        },
    )
    report, _ = neighbours.compare(modality.check(given, settings), given, own_id=sample.id)
    return report
