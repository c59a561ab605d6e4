"""Changes: tells listening pages what has happened, whichever thread or process did it."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from truing.domain.errors import TruingError

log = logging.getLogger(__name__)

QUEUED = 256
"""Changes kept for a listener that does not read; older ones go, and it is told to look anew."""
LOOK_SECONDS = 1.0
"""Between two looks at what other processes wrote."""

Marks = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that has happened."""

    topic: str
    """`samples`, `runs`, `models`, `datasets`, `settings`, or `again`: look at everything anew."""
    data: Mapping[str, object] = field(default_factory=dict)


_Listener = asyncio.Queue[Change | None]


class Changes:
    """Hands each change to all who listen. `announce` may be called from any thread.

    Args:
        look: gives for each topic something that differs after a change; asked each second while
            somebody listens, so that what other processes write is told as well.
        every: seconds between two looks.
    """

    def __init__(
        self, look: Callable[[], Marks] | None = None, *, every: float = LOOK_SECONDS
    ) -> None:
        self._look = look
        self._every = every
        self._guard = threading.Lock()
        self._listeners: dict[_Listener, asyncio.AbstractEventLoop] = {}
        self._watched = False
        self._closed = threading.Event()

    def announce(self, topic: str, **data: object) -> None:
        """Tells everybody who listens."""
        self._tell(Change(topic=topic, data=data))

    @property
    def closed(self) -> bool:
        """Whether the server ends."""
        return self._closed.is_set()

    def close(self) -> None:
        """Ends all listening, now and later; a second call does nothing."""
        self._closed.set()
        self._tell(None)

    def _tell(self, change: Change | None) -> None:
        with self._guard:
            listeners = list(self._listeners.items())
        for queue, loop in listeners:
            # A loop that has ended needs no news.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(_offer, queue, change)

    async def listen(self, *, heartbeat: float | None = None) -> AsyncIterator[Change | None]:
        """Changes from now on, until the caller stops iterating or the server ends.

        Args:
            heartbeat: seconds after which None is given when there was no change.
        """
        queue: _Listener = asyncio.Queue(QUEUED)
        self._enter(queue)
        try:
            while not self._closed.is_set():
                try:
                    change = await asyncio.wait_for(queue.get(), heartbeat)
                except TimeoutError:
                    yield None
                    continue
                if change is None:
                    return
                yield change
        finally:
            with self._guard:
                self._listeners.pop(queue, None)

    def _enter(self, queue: _Listener) -> None:
        with self._guard:
            self._listeners[queue] = asyncio.get_running_loop()
            begin = self._look is not None and not self._watched
            self._watched = self._watched or begin
        if begin:
            threading.Thread(target=self._watch, name="changes", daemon=True).start()

    def _watch(self) -> None:
        """Looks for what other processes wrote, for as long as somebody listens."""
        seen = self._marks()
        while not self._closed.wait(self._every):
            with self._guard:
                if not self._listeners:
                    self._watched = False
                    return
            now = self._marks()
            for topic in now.keys() & seen.keys():
                if now[topic] != seen[topic]:
                    self.announce(topic)
            seen = now or seen

    def _marks(self) -> Marks:
        if self._look is None:
            return {}
        try:
            return self._look()
        except TruingError as error:
            log.warning("changes of other programs are not seen: %s", error)
            return {}


def _offer(queue: _Listener, change: Change | None) -> None:
    if queue.full():
        while not queue.empty():
            queue.get_nowait()
        change = change and Change(topic="again")
    queue.put_nowait(change)
