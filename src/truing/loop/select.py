"""Select: which sample a person should see next, and why.

Only samples that nobody has decided on are shown. Every order but `audit` may depend on what the
model said; what was drawn by chance for the audit stream keeps its place in test sets whatever
order it is shown in, because the draw was made at capture.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice

from truing.domain.ports import Samples
from truing.domain.review import State
from truing.domain.sample import Sample, SampleFilter, SampleOrder, Sampling

PAGE = 20


class Queue(StrEnum):
    """The orders of the review queue."""

    MIXED = "mixed"
    """In turn: one of the audit stream, one the model was least sure of."""
    NEWEST = "newest"
    OLDEST = "oldest"
    LEAST_CONFIDENT = "least-confident"
    FINDINGS = "findings"
    """Samples that a check flagged, worst first."""
    AUDIT = "audit"
    """Only those drawn by chance or imported wholesale, oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """A sample to review, and why it is shown; the reason is stored with the revision."""

    sample: Sample
    because: str


def select(samples: Samples, queue: Queue, where: SampleFilter) -> Iterator[Selected]:
    """Undecided samples in the queue's order, read in small pages: safe while others review.

    Args:
        samples: where they are kept.
        queue: the order.
        where: narrows further; without states, pending and skipped samples are shown, the
            pending ones first.
    """
    if where.states is None:
        for state in (State.PENDING, State.SKIPPED):
            yield from select(samples, queue, replace(where, states=(state,)))
        return
    yield from _ordered(samples, queue, where)


def _ordered(samples: Samples, queue: Queue, where: SampleFilter) -> Iterator[Selected]:
    if queue is Queue.MIXED:
        yield from _mixed(samples, where)
    elif queue is Queue.AUDIT:
        yield from _audit(samples, where)
    elif queue is Queue.FINDINGS:
        flagged = replace(where, finding=where.finding or "*")
        yield from _walk(samples, flagged, SampleOrder.LOWEST_QUALITY, "finding")
    else:
        yield from _walk(samples, where, SampleOrder(queue.value), queue.value)


def _mixed(samples: Samples, where: SampleFilter) -> Iterator[Selected]:
    streams = [
        _audit(samples, where),
        _walk(samples, where, SampleOrder.LEAST_CONFIDENT, "least-confident"),
    ]
    seen: set[int] = set()
    while streams:
        for stream in tuple(streams):
            fresh = (one for one in stream if one.sample.id not in seen)
            found = next(islice(fresh, 1), None)
            if found is None:
                streams.remove(stream)
                continue
            seen.add(found.sample.id)
            yield found


def _audit(samples: Samples, where: SampleFilter) -> Iterator[Selected]:
    for sampling in (Sampling.AUDIT, Sampling.WHOLESALE):
        drawn = replace(where, sampling=sampling)
        yield from _walk(samples, drawn, SampleOrder.OLDEST, "audit")


def _walk(
    samples: Samples, where: SampleFilter, order: SampleOrder, because: str
) -> Iterator[Selected]:
    after: str | None = None
    while True:
        page = samples.page(where, order, after=after, limit=PAGE)
        for sample in page.items:
            yield Selected(sample=sample, because=because)
        after = page.next
        if after is None:
            return
