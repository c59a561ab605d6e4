"""Figures: what the home page says of a workspace, each kept for as long as it cost to find.

A figure that took a second is shown for twenty before it is worked out anew; one that took a
millisecond is always fresh. So a large workspace is not read over and over by an open page.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from truing.domain.review import State
from truing.domain.sample import SampleFilter
from truing.loop.measure import measure
from truing.loop.pace import pace
from truing.workspace import nexvision_view
from truing.workspace.disk import disk_use

if TYPE_CHECKING:
    from truing.workspace import Workspace

TIMES = 20
"""A figure is kept for so many times what it cost."""
FREE = 0.05
"""Seconds; what costs less is not kept."""
STATES = ("pending", "accepted", "corrected", "rejected", "skipped")
REVIEWED = ("accepted", "corrected", "rejected")
DECIDED = (State.ACCEPTED, State.CORRECTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    value: Any
    until: float


class Figures:
    """The figures of one workspace.

    Args:
        workspace: whose.
        now: seconds that only grow.
    """

    def __init__(self, workspace: Workspace, now: Callable[[], float] = time.monotonic) -> None:
        self._workspace = workspace
        self._now = now
        self._guard = threading.Lock()
        self._known: dict[tuple[str, str | None], _Known] = {}

    def counts(self, modality: str | None = None) -> dict[str, int]:
        """Samples in each state; `reviewed` are those decided on. Never kept: costs a look."""
        held = self._workspace.store.samples.state_counts(modality)
        states = {name: held.get(name, 0) for name in STATES}
        return {
            "total": sum(states.values()),
            **states,
            "reviewed": sum(states[name] for name in REVIEWED),
            "trained": held.get("trained", 0),
        }

    def everything(self, modality: str) -> dict[str, object]:
        """What `/api/stats` answers."""
        samples = self._workspace.store.samples
        return {
            "counts": self.counts(modality),
            "accuracy": self._kept("accuracy", modality, lambda: self._accuracy(modality)),
            "disk": self._kept("disk", None, lambda: disk_use(self._workspace.layout)),
            "reviewing": pace(self._workspace.store.reviews.latest()).as_dict(),
            "findings": self._kept("findings", modality, lambda: samples.finding_counts(modality)),
            "ready": {
                "reviewed_untrained": self._kept(
                    "ready",
                    modality,
                    lambda: samples.count(
                        SampleFilter(modality=modality, states=DECIDED, trained=False)
                    ),
                )
            },
        }

    def instruction_types(self, where: SampleFilter) -> int:
        """How many different instructions the NexVision app has sent."""
        return int(
            self._kept(
                "instructions",
                where.source,
                lambda: nexvision_view.instruction_types(self._workspace, where),
            )
        )

    def _accuracy(self, modality: str) -> dict[str, object]:
        metric = self._workspace.modality(modality).metrics[0]
        where = SampleFilter(modality=modality)
        found = measure(self._workspace.store.tallies, metric, where)
        speakers = {name: one.as_dict() for name, one in sorted(found.speakers.items())}
        return {**found.as_dict(), "speakers": speakers}

    def _kept(self, name: str, modality: str | None, find: Callable[[], Any]) -> Any:  # noqa: ANN401
        key = (name, modality)
        with self._guard:
            known = self._known.get(key)
            if known is not None and self._now() < known.until:
                return known.value
        started = self._now()
        value = find()
        cost = self._now() - started
        with self._guard:
            if cost > FREE:
                self._known[key] = _Known(value=value, until=self._now() + TIMES * cost)
            else:
                self._known.pop(key, None)
        return value
