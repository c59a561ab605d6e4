"""Select: which sample a person should see next, and why.

Only samples that nobody has decided on are shown. Every order but `audit` may depend on what the
model said; what was drawn by chance for the audit stream keeps its place in test sets whatever
order it is shown in, because the draw was made at capture.

The orders that weigh samples against each other look at a window at a time: some dozens of the
least confident and of the newest. So the next one costs the same among a million samples as among
a thousand, and the best of each window comes first, not the best of all.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice

from truing.domain.ports import Samples
from truing.domain.review import State
from truing.domain.sample import Sample, SampleFilter, SampleOrder, Sampling

PAGE = 20
WINDOW = 40
"""Samples of each kind that are weighed against each other."""
REMEMBERED = 500
"""Samples shown before that a choice keeps away from."""
UNKNOWN = 0.5
"""Stands for a figure that a sample does not have: neither first nor last."""


class Queue(StrEnum):
    """The orders of the review queue."""

    MIXED = "mixed"
    """In turn: one of the audit stream, one of the most informative."""
    INFORMATIVE = "informative"
    """Unsure or disputed, and unlike what was shown before."""
    UNCERTAIN = "uncertain"
    """The model doubted: tokens, words, and readings that were almost as likely."""
    DISAGREEMENT = "disagreement"
    """Recognizer, corrector or other models say different things."""
    DIVERSE = "diverse"
    """Each as unlike all those before it as can be."""
    NEWEST = "newest"
    OLDEST = "oldest"
    LEAST_CONFIDENT = "least-confident"
    """By the recognizer's confidence alone."""
    FINDINGS = "findings"
    """Samples that a check flagged, worst first."""
    AUDIT = "audit"
    """Only those drawn by chance or imported wholesale, oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """A sample to review, and why it is shown; the reason is stored with the revision."""

    sample: Sample
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighing:
    """How samples are weighed against each other; each may know nothing of a sample."""

    uncertainty: Callable[[Sample], float | None]
    """0 to 1."""
    disagreement: Callable[[Sample], float | None]
    """0 to 1."""
    sketch: Callable[[Sample], Sequence[float] | None]
    """Where the sample lies among others of its modality; see `CanSketch`."""


def select(
    samples: Samples,
    queue: Queue,
    where: SampleFilter,
    weighing: Weighing,
    *,
    shown: Sequence[Sample] = (),
) -> Iterator[Selected]:
    """Undecided samples in the queue's order, read in small pages: safe while others review.

    What was decided since its page or window was read is still in it: read it again to show it.

    Args:
        samples: where they are kept.
        queue: the order.
        where: narrows further; without states, pending and skipped samples are shown, the
            pending ones first.
        weighing: tells how informative a sample is and how alike two are.
        shown: samples decided lately, from which a diverse choice keeps away.
    """
    if where.states is None:
        for state in (State.PENDING, State.SKIPPED):
            narrowed = replace(where, states=(state,))
            yield from select(samples, queue, narrowed, weighing, shown=shown)
        return
    yield from _ordered(samples, queue, where, weighing, shown)


def _ordered(
    samples: Samples,
    queue: Queue,
    where: SampleFilter,
    weighing: Weighing,
    shown: Sequence[Sample],
) -> Iterator[Selected]:
    if queue is Queue.MIXED:
        informative = _weighed(samples, where, Queue.INFORMATIVE, weighing, shown)
        yield from _in_turn([_audit(samples, where), informative])
    elif queue in _WEIGHED:
        yield from _weighed(samples, where, queue, weighing, shown)
    elif queue is Queue.AUDIT:
        yield from _audit(samples, where)
    elif queue is Queue.FINDINGS:
        flagged = replace(where, finding=where.finding or "*")
        yield from _walk(samples, flagged, SampleOrder.LOWEST_QUALITY, "finding")
    else:
        yield from _walk(samples, where, SampleOrder(queue.value), queue.value)


_WEIGHED = frozenset({Queue.INFORMATIVE, Queue.UNCERTAIN, Queue.DISAGREEMENT, Queue.DIVERSE})


def _in_turn(streams: list[Iterator[Selected]]) -> Iterator[Selected]:
    """One of each stream after the other, every sample once."""
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
    samples: Samples, where: SampleFilter, order: SampleOrder, because: str, page: int = PAGE
) -> Iterator[Selected]:
    after: str | None = None
    while True:
        found = samples.page(where, order, after=after, limit=page)
        for sample in found.items:
            yield Selected(sample=sample, because=because)
        after = found.next
        if after is None:
            return


# --- weighing ----------------------------------------------------------------------------------


def _weighed(
    samples: Samples,
    where: SampleFilter,
    queue: Queue,
    weighing: Weighing,
    shown: Sequence[Sample],
) -> Iterator[Selected]:
    space = _Space(weighing.sketch, shown)
    for window in _windows(samples, where):
        for sample in _best_first(window, queue, weighing, space):
            yield Selected(sample=sample, because=queue.value)


def _windows(samples: Samples, where: SampleFilter) -> Iterator[list[Sample]]:
    """Candidates in pieces: of the least confident and of the newest, every sample once."""
    streams = [
        _walk(samples, where, order, "", WINDOW)
        for order in (SampleOrder.LEAST_CONFIDENT, SampleOrder.NEWEST)
    ]
    seen: set[int] = set()
    while True:
        window = {}
        for stream in streams:
            fresh = (one.sample for one in stream if one.sample.id not in seen)
            for sample in islice(fresh, WINDOW):
                seen.add(sample.id)
                window[sample.id] = sample
        if not window:
            return
        yield list(window.values())


def _best_first(
    window: list[Sample], queue: Queue, weighing: Weighing, space: _Space
) -> Iterator[Sample]:
    if queue is Queue.UNCERTAIN or queue is Queue.DISAGREEMENT:
        weigh = weighing.uncertainty if queue is Queue.UNCERTAIN else weighing.disagreement
        # With nothing to go by, a sample comes after those that something is known of.
        yield from sorted(window, key=lambda sample: -_or(weigh(sample), -1.0))
        return
    space.enter(window)
    left = {sample.id: sample for sample in window}
    if queue is Queue.DIVERSE:
        worth = space.distance
    else:
        informative = {sample.id: _informative(sample, weighing) for sample in window}

        def worth(number: int) -> float:
            return informative[number] * min(1.0, space.distance(number))

    while left:
        best = left.pop(max(left, key=worth))
        space.show(best.id)
        yield best


def _informative(sample: Sample, weighing: Weighing) -> float:
    """The louder of both alarms: a model can be sure and wrong, as only another voice shows."""
    signs = [weighing.uncertainty(sample), weighing.disagreement(sample)]
    return max((sign for sign in signs if sign is not None), default=UNKNOWN)


def _or(value: float | None, other: float) -> float:
    return other if value is None else value


class _Space:
    """Where the candidates lie, and how far each is from everything shown before.

    Choosing again and again what is farthest from all chosen is the 2-approximation of the
    k-centre problem (Gonzalez, 1985), as used for core sets (Sener & Savarese, "Active learning
    for convolutional neural networks: a core-set approach", 2018). Weighted by how informative a
    sample is, after Settles & Craven's information density (2008), with distance for density.
    """

    def __init__(
        self, sketch: Callable[[Sample], Sequence[float] | None], shown: Sequence[Sample]
    ) -> None:
        self._sketch = sketch
        places = (sketch(sample) for sample in shown)
        self._shown = deque((place for place in places if place is not None), maxlen=REMEMBERED)
        self._places: dict[int, Sequence[float]] = {}
        self._nearest: dict[int, float] = {}
        self._unit = 1.0

    def enter(self, window: Sequence[Sample]) -> None:
        """Replaces the candidates."""
        found = ((sample.id, self._sketch(sample)) for sample in window)
        self._places = {number: place for number, place in found if place is not None}
        places = list(self._places.values())
        # Neighbours in the window are alike in confidence or time: compare across it.
        half = len(places) // 2
        between = [_apart(one, other) for one, other in zip(places, places[half:], strict=False)]
        usual = [one for one in between if 0 < one < math.inf]
        self._unit = sum(usual) / len(usual) if usual else 1.0
        self._nearest = {
            number: min((_apart(place, other) for other in self._shown), default=math.inf)
            for number, place in self._places.items()
        }

    def distance(self, number: int) -> float:
        """How far a candidate is from the nearest one shown, in distances that two candidates
        usually have; infinite while nothing was shown.
        """
        return self._nearest[number] / self._unit if number in self._nearest else UNKNOWN

    def show(self, number: int) -> None:
        """Notes that a candidate was shown."""
        self._nearest.pop(number, None)
        place = self._places.pop(number, None)
        if place is None:
            return
        self._shown.append(place)
        for other, there in self._places.items():
            self._nearest[other] = min(self._nearest[other], _apart(place, there))


def _apart(one: Sequence[float], other: Sequence[float]) -> float:
    """Sketches of different modalities have different lengths: such samples are never alike."""
    return math.dist(one, other) if len(one) == len(other) else math.inf
