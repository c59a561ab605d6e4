"""Queues: the review queues that visitors are walking along, kept between two requests.

A queue weighs dozens of samples to say which comes first. Kept as it is walked, its next samples
cost a look at each. What was decided meanwhile is left out; after a while, or when it ends, a queue
begins anew and so finds what came since.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from truing.domain.review import State
from truing.workspace import selecting

if TYPE_CHECKING:
    from truing.domain.sample import SampleFilter
    from truing.loop.select import Selected
    from truing.workspace import Workspace

KEPT = 64
"""Queues that are kept; the one that was longest not asked for goes."""
SECONDS = 60.0
"""After so long a queue begins anew."""
AHEAD = 4
"""More than is asked for is read of a queue at once: what was decided meanwhile falls away."""
UNDECIDED = (State.PENDING, State.SKIPPED)

Key = tuple[str, str, "SampleFilter"]


@dataclass(slots=True, kw_only=True)
class _Walk:
    """One queue and what was read of it and not decided yet."""

    stream: Iterator[Selected]
    begun: float
    waiting: list[Selected] = field(default_factory=list)
    guard: threading.Lock = field(default_factory=threading.Lock)


class Queues:
    """The next samples for each visitor.

    Args:
        workspace: whose samples.
        now: seconds that only grow.
    """

    def __init__(self, workspace: Workspace, now: Callable[[], float] = time.monotonic) -> None:
        self._workspace = workspace
        self._now = now
        self._guard = threading.Lock()
        self._walks: OrderedDict[Key, _Walk] = OrderedDict()

    def next(
        self,
        actor: str,
        order: str,
        where: SampleFilter,
        *,
        limit: int,
        exclude: Collection[int] = (),
    ) -> list[Selected]:
        """The next undecided samples in the order named, as they are now.

        Args:
            actor: who reviews.
            order: one of `loop.select.Queue`.
            where: narrows further.
            limit: at most so many.
            exclude: numbers of samples that the visitor has at hand.

        Raises:
            InvalidInputError: no such order.
        """
        key = (actor, order, where)
        walk, fresh = self._walk(key)
        with walk.guard:
            found = self._look(walk, limit, exclude)
        if len(found) == limit or fresh:
            return found
        # The queue has ended: what came since it began stands in a new one.
        self._drop(key, walk)
        walk, _ = self._walk(key)
        with walk.guard:
            return self._look(walk, limit, exclude)

    def _walk(self, key: Key) -> tuple[_Walk, bool]:
        now = self._now()
        with self._guard:
            walk = self._walks.get(key)
            if walk is not None and now - walk.begun < SECONDS:
                self._walks.move_to_end(key)
                return walk, False
            actor, order, where = key
            stream = selecting.queue(self._workspace, order, where, actor=actor)
            walk = self._walks[key] = _Walk(stream=stream, begun=now)
            self._walks.move_to_end(key)
            if len(self._walks) > KEPT:
                self._walks.popitem(last=False)
            return walk, True

    def _drop(self, key: Key, walk: _Walk) -> None:
        with self._guard:
            if self._walks.get(key) is walk:
                del self._walks[key]

    def _look(self, walk: _Walk, limit: int, exclude: Collection[int]) -> list[Selected]:
        """The first of those waiting, read anew; decided ones are forgotten."""
        passed = 0
        while True:
            wanted = passed + limit + len(exclude)
            self._read_on(walk, wanted)
            candidates = walk.waiting[:wanted]
            held = {
                sample.id: sample
                for sample in self._workspace.store.samples.by_ids(
                    [one.sample.id for one in candidates if one.sample.id not in exclude]
                )
                if sample.state in UNDECIDED
            }
            walk.waiting[:wanted] = [
                one for one in candidates if one.sample.id in held or one.sample.id in exclude
            ]
            found = [
                replace(one, sample=held[one.sample.id])
                for one in candidates
                if one.sample.id in held
            ]
            if len(found) >= limit or len(candidates) < wanted:
                return found[:limit]
            passed += len(found)

    def _read_on(self, walk: _Walk, wanted: int) -> None:
        if len(walk.waiting) >= wanted:
            return
        for one in walk.stream:
            walk.waiting.append(one)
            if len(walk.waiting) >= wanted + AHEAD:
                return
