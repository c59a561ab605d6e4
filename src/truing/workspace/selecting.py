"""Selecting: the review queue of a workspace, with what tells its samples apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

from truing.domain.errors import InvalidInputError
from truing.domain.modality import CanSketch
from truing.domain.sample import Sample, SampleFilter
from truing.loop.select import Queue, Selected, Weighing, select

if TYPE_CHECKING:
    from truing.domain.modality import Modality
    from truing.workspace import Workspace

LATELY = 50
"""Decisions of this person from which a diverse choice keeps away."""


def queue(
    workspace: Workspace, order: str, where: SampleFilter, *, actor: str | None = None
) -> Iterator[Selected]:
    """Undecided samples in the order named.

    Args:
        workspace: whose samples.
        order: one of `loop.select.Queue`.
        where: narrows further.
        actor: who reviews; the workspace's own when left out.

    Raises:
        InvalidInputError: no such order.
    """
    from truing.metrics.informativeness import disagreement, uncertainty

    if order not in set(Queue):
        raise InvalidInputError(
            f"there is no queue `{order}`", hint=f"choose one of {', '.join(Queue)}"
        )
    modality = cache(workspace.modality)
    weighing = Weighing(
        uncertainty=uncertainty,
        disagreement=disagreement,
        sketch=lambda sample: _sketch(modality(sample.modality), sample),
    )
    chosen = Queue(order)
    shown = _decided_lately(workspace, actor or workspace.actor) if chosen in _DIVERSE else ()
    return select(workspace.store.samples, chosen, where, weighing, shown=shown)


_DIVERSE = {Queue.MIXED, Queue.INFORMATIVE, Queue.DIVERSE}


def _sketch(modality: Modality, sample: Sample) -> Sequence[float] | None:
    return modality.sketch(sample.media) if isinstance(modality, CanSketch) else None


def _decided_lately(workspace: Workspace, actor: str) -> list[Sample]:
    """What this person decided last: a queue that is opened again does not begin anew."""
    revisions = workspace.store.reviews.latest_by(actor, limit=LATELY)
    numbers = list(dict.fromkeys(revision.sample_id for revision in revisions))
    return workspace.store.samples.by_ids(numbers)
