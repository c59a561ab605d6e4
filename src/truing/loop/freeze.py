"""Freeze: the reviewed samples of a moment become an immutable, verifiable dataset version.

The same samples with the same truths give the same digest. Samples that may not be used stay out
and are counted by reason. Samples are read as a stream, three times: to split them, to name the
version, to store it; what is held of each meanwhile is a few bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice

from truing.domain.clock import Clock
from truing.domain.consent import Purpose
from truing.domain.dataset import (
    Assignment,
    DatasetRef,
    DatasetRow,
    Datasets,
    DatasetVersion,
    Split,
    SplitKind,
)
from truing.domain.digest import Chain, chain_digest, row_digest
from truing.domain.errors import ConflictError, InvalidInputError, NothingToDoError
from truing.domain.finding import Severity
from truing.domain.ids import IdSource
from truing.domain.ports import Samples
from truing.domain.sample import MARK, Sample, SampleFilter

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
    """In the order of the uids."""
    withheld: Mapping[str, str]
    new: Iterable[Assignment]


@dataclass(frozen=True, slots=True, kw_only=True)
class FreezeRequest:
    """What to freeze."""

    name: str
    where: SampleFilter
    """`modality` must be set."""
    kind: SplitKind
    parameters: Mapping[str, object]
    """Shares, seed and the like, as they are to be remembered: numbers, never names of people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far freezing has come."""

    stage: str
    """`split`, `digest` or `store`."""
    done: int
    """Samples, in this stage."""
    total: int | None
    """None while nobody knows."""


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
    plan: Callable[[Iterable[Candidate], str], Plan],
    samples: Samples,
    datasets: Datasets,
    clock: Clock,
    ids: IdSource,
    *,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> DatasetVersion:
    """Makes the next version of a dataset.

    Args:
        request: name, which samples, how they are split.
        plan: the split verb, bound to its rule; given the candidates and the dataset's name.
        samples: where they are read.
        datasets: where the version goes.
        clock: tells when.
        ids: names the version.
        on_progress: called after each batch; an exception it raises leaves nothing stored.

    Raises:
        InvalidInputError: a name that could not be a folder.
        NothingToDoError: no reviewed sample may be used; the message says what stands in the way.
        ConflictError: samples were reviewed or forgotten while freezing; nothing was stored.
    """
    _check_name(request.name)
    excluded: Counter[str] = Counter()
    candidates = _candidates(samples, request.where, excluded, on_progress)
    first = next(candidates, None)
    if first is None:
        raise _nothing(excluded)
    planned = plan(chain([first], candidates), request.name)
    excluded.update(planned.withheld.values())
    counts = Counter(part.value for part in planned.assigned.values())

    def rows(stage: str) -> Iterator[DatasetRow]:
        return _rows(planned.assigned, samples, stage, on_progress)

    version = DatasetVersion(
        ref=DatasetRef(name=request.name, number=datasets.next_number(request.name)),
        uid=ids.new(),
        modality=str(request.where.modality),
        split_kind=request.kind,
        parameters=request.parameters,
        digest=chain_digest(row.digest for row in rows("digest")),
        created_at=clock.now(),
        counts={part.value: counts.get(part.value, 0) for part in Split},
        excluded=dict(sorted(excluded.items())),
    )
    datasets.add(version, _guarded(rows("store"), version.digest), planned.new)
    return version


def _candidates(
    samples: Samples,
    where: SampleFilter,
    excluded: Counter[str],
    on_progress: Callable[[Progress], None],
) -> Iterator[Candidate]:
    for seen, sample in enumerate(samples.iterate(where), 1):
        if seen % BATCH == 0:
            on_progress(Progress(stage="split", done=seen, total=None))
        reason = excluded_because(sample)
        if reason is not None:
            excluded[reason] += 1
            continue
        session = (f"session:{sample.source}:{sample.session}",) if sample.session else ()
        yield Candidate(
            uid=sample.uid,
            keys=(*(key for key in sample.groups if not key.startswith(MARK)), *session),
            subject=sample.subject,
            may_test=sample.sampling.may_test,
        )


def _rows(
    assigned: Mapping[str, Split],
    samples: Samples,
    stage: str,
    on_progress: Callable[[Progress], None],
) -> Iterator[DatasetRow]:
    order = iter(assigned.items())
    position = 0
    while names := dict(islice(order, BATCH)):
        found = samples.by_uids(list(names))
        for uid, part in names.items():
            sample = found.get(uid)
            if sample is None or excluded_because(sample) is not None:
                raise _changed()
            payload = row_payload(sample, part)
            yield DatasetRow(
                position=position,
                sample_uid=uid,
                split=part,
                digest=row_digest(payload, sample.salt),
                salt=sample.salt,
                payload=payload,
            )
            position += 1
        on_progress(Progress(stage=stage, done=position, total=len(assigned)))


def _guarded(rows: Iterable[DatasetRow], expected: str) -> Iterator[DatasetRow]:
    """Passes rows on and refuses at the end when they are not those the digest was made of."""
    chain = Chain()
    for row in rows:
        chain.add(row.digest)
        yield row
    if chain.digest != expected:
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
