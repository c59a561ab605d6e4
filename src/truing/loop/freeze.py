"""Freeze: the reviewed samples of a moment become an immutable, verifiable dataset version.

The same samples with the same truths give the same digest. Samples that may not be used stay out
and are counted by reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from truing.domain.clock import Clock
from truing.domain.consent import Purpose
from truing.domain.dataset import (
    Assignment,
    DatasetRef,
    DatasetRow,
    DatasetVersion,
    Split,
    SplitKind,
)
from truing.domain.digest import chain_digest, row_digest
from truing.domain.errors import ConflictError, InvalidInputError, NothingToDoError
from truing.domain.finding import Severity
from truing.domain.ids import IdSource
from truing.domain.ports import Datasets, Samples
from truing.domain.sample import Sample, SampleFilter

SCHEMA = 1
BATCH = 500
NAME_CHARACTERS = "letters, digits, `-`, `_` and `.`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What the split verb needs to know of a sample that may be used."""

    uid: str
    keys: tuple[str, ...]
    subject: str | None
    may_test: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the split verb answered."""

    assigned: Mapping[str, Split]
    withheld: Mapping[str, str]
    new: tuple[Assignment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FreezeRequest:
    """What to freeze."""

    name: str
    where: SampleFilter
    """`modality` must be set."""
    kind: SplitKind
    parameters: Mapping[str, object]
    """Shares, seed and the like, as they are to be remembered: numbers, never names of people."""


def row_payload(sample: Sample, part: Split) -> dict[str, object]:
    """The content of a dataset row, the documented contract behind its digest."""
    return {
        "schema": SCHEMA,
        "uid": sample.uid,
        "modality": sample.modality,
        "media": {
            medium.role: {
                "digest": medium.digest,
                "media_type": medium.media_type,
                "start": medium.start,
                "end": medium.end,
                "duration": medium.duration,
            }
            for medium in sample.media
        },
        "truth": sample.truth,
        "subject": sample.subject,
        "session": sample.session,
        "source": sample.source,
        "captured_at": sample.captured_at,
        "split": part.value,
    }


def excluded_because(sample: Sample) -> str | None:
    """Why a sample may not be in a dataset, or None."""
    if not sample.state.has_truth or sample.truth is None:
        return sample.state.value
    blocking = sorted(f.check for f in sample.findings if f.severity is Severity.BLOCKING)
    if blocking:
        return f"finding: {blocking[0]}"
    if not (sample.consent.covers(Purpose.TRAINING) and sample.consent.covers(Purpose.EVALUATION)):
        return "consent"
    return None


def freeze(
    request: FreezeRequest,
    plan: Callable[[Sequence[Candidate], str], Plan],
    samples: Samples,
    datasets: Datasets,
    clock: Clock,
    ids: IdSource,
) -> DatasetVersion:
    """Makes the next version of a dataset.

    Args:
        request: name, which samples, how they are split.
        plan: the split verb, bound to its rule; given the candidates and the dataset's name.
        samples: where they are read.
        datasets: where the version goes.
        clock: tells when.
        ids: names the version.

    Raises:
        InvalidInputError: a name that could not be a folder.
        NothingToDoError: no reviewed sample may be used; the message says what stands in the way.
        ConflictError: samples were reviewed or forgotten while freezing; nothing was stored.
    """
    _check_name(request.name)
    excluded: Counter[str] = Counter()
    candidates = list(_candidates(samples, request.where, excluded))
    if not candidates:
        raise _nothing(excluded)
    planned = plan(candidates, request.name)
    excluded.update(planned.withheld.values())
    order = sorted(planned.assigned)
    counts = Counter(part.value for part in planned.assigned.values())

    def rows() -> Iterator[DatasetRow]:
        return _rows(order, planned.assigned, samples)

    version = DatasetVersion(
        ref=DatasetRef(name=request.name, number=datasets.next_number(request.name)),
        uid=ids.new(),
        modality=str(request.where.modality),
        split_kind=request.kind,
        parameters=request.parameters,
        digest=chain_digest(row.digest for row in rows()),
        created_at=clock.now(),
        counts={part.value: counts.get(part.value, 0) for part in Split},
        excluded=dict(sorted(excluded.items())),
    )
    datasets.add(version, _guarded(rows(), version.digest), planned.new)
    return version


def _candidates(
    samples: Samples, where: SampleFilter, excluded: Counter[str]
) -> Iterator[Candidate]:
    for sample in samples.iterate(where):
        reason = excluded_because(sample)
        if reason is not None:
            excluded[reason] += 1
            continue
        session = (f"session:{sample.source}:{sample.session}",) if sample.session else ()
        yield Candidate(
            uid=sample.uid,
            keys=(*sample.groups, *session),
            subject=sample.subject,
            may_test=sample.sampling.may_test,
        )


def _rows(
    order: Sequence[str], assigned: Mapping[str, Split], samples: Samples
) -> Iterator[DatasetRow]:
    position = 0
    for start in range(0, len(order), BATCH):
        names = order[start : start + BATCH]
        found = samples.by_uids(names)
        for uid in names:
            sample = found.get(uid)
            if sample is None or excluded_because(sample) is not None:
                raise _changed()
            payload = row_payload(sample, assigned[uid])
            yield DatasetRow(
                position=position,
                sample_uid=uid,
                split=assigned[uid],
                digest=row_digest(payload, sample.salt),
                salt=sample.salt,
                payload=payload,
            )
            position += 1


def _guarded(rows: Iterable[DatasetRow], expected: str) -> Iterator[DatasetRow]:
    """Passes rows on and refuses at the end when they are not those the digest was made of."""
    digests: list[str] = []
    for row in rows:
        digests.append(row.digest)
        yield row
    if chain_digest(digests) != expected:
        raise _changed()


def _changed() -> ConflictError:
    return ConflictError(
        "samples were reviewed or forgotten while the version was made; nothing was stored",
        hint="run the same command again",
    )


def _check_name(name: str) -> None:
    plain = name.replace("-", "").replace("_", "").replace(".", "")
    if not plain.isalnum() or not plain.isascii() or name.startswith((".", "-")) or len(name) > 64:
        raise InvalidInputError(
            f"`{name}` cannot name a dataset",
            hint=f"use up to 64 {NAME_CHARACTERS}, beginning with a letter or digit",
        )


def _nothing(excluded: Mapping[str, int]) -> NothingToDoError:
    if not excluded:
        return NothingToDoError(
            "there are no samples to freeze",
            hint="bring some in: truing capture speech FILE…, or truing import FORMAT PATH",
        )
    why = ", ".join(f"{count} {reason}" for reason, count in sorted(excluded.items()))
    return NothingToDoError(
        f"no sample can be used yet: {why}", hint="review some first: truing review"
    )
