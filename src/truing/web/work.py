"""Work: what takes longer than an answer may, done in a process of its own and followed there."""

from __future__ import annotations

import itertools
import json
import logging
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from truing.domain.clock import to_iso
from truing.domain.errors import ConflictError, NotFoundError, TruingError
from truing.workspace.errands import Errand, Sent

if TYPE_CHECKING:
    from truing.web.changes import Changes
    from truing.workspace import Workspace

KEPT = 16
"""Finished work whose results can still be asked for."""
FAREWELL = 15.0
"""Seconds that whoever stops work waits for its end."""
CHANGES_SAMPLES = frozenset(
    {"retain", "archive", "bring-back", "remove-archive", "verify-media", "empty-trash"}
)
"""Deeds after which lists of samples may be others."""
log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True, eq=False)
class Work:
    """One errand and how far it is. Written by its own thread alone."""

    id: int
    errand: Errand
    done: int = 0
    total: int | None = None
    result: Mapping[str, Any] | None = None
    error: TruingError | None = None
    begun: bool = False
    """Other work may have its turn first."""
    stopped: bool = False
    """Whether somebody ended it."""
    ended_at: int | None = None
    """Microseconds since 1970."""
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def state(self) -> str:
        """`running`, `done` or `failed`."""
        if not self.over.is_set():
            return "running"
        return "failed" if self.error is not None else "done"

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {
            "id": self.id,
            "deed": self.errand.deed,
            "state": self.state,
            "done": self.done,
            "total": self.total,
            "waiting": not self.begun and self.state == "running",
            "ended_at": None if self.ended_at is None else to_iso(self.ended_at),
            "error": self.error.as_dict() if self.error is not None else None,
        }


class Works:
    """All work of a server. One errand has the machine at a time; those asked for twice are one.

    Args:
        workspace: where errands are carried out.
        changes: told when a model was promoted, or samples were changed.
    """

    def __init__(self, workspace: Workspace, changes: Changes) -> None:
        self._workspace = workspace
        self._changes = changes
        self._numbers = itertools.count(1)
        self._guard = threading.Lock()
        self._turn = threading.Lock()
        self._known: OrderedDict[int, Work] = OrderedDict()
        self._under_way: Sent | None = None
        self._doing: Work | None = None
        self._closed = False

    def ask(self, errand: Errand) -> Work:
        """Begins an errand, or joins the same one when it is under way."""
        key = _key(errand)
        with self._guard:
            for work in self._known.values():
                if work.state == "running" and not work.stopped and _key(work.errand) == key:
                    return work
            work = Work(id=next(self._numbers), errand=errand)
            self._known[work.id] = work
            over = [one for one in self._known.values() if one.over.is_set()]
            for old in over[: max(0, len(over) - KEPT)]:
                del self._known[old.id]
        threading.Thread(target=self._carry_out, args=(work,), name="errand", daemon=True).start()
        return work

    def all(self) -> list[Work]:
        """All work that is known, newest first."""
        with self._guard:
            return list(reversed(self._known.values()))

    def stop(self, id: int) -> Work:
        """Ends work before it is done; what has ended stays as it is.

        Raises:
            NotFoundError: see `get`.
        """
        work = self.get(id)
        with self._guard:
            work.stopped = not work.over.is_set()
            under_way = self._under_way if self._doing is work else None
        if under_way is not None:
            under_way.close()
            work.over.wait(FAREWELL)
        return work

    def get(self, id: int) -> Work:
        """Work by its number.

        Raises:
            NotFoundError: no such work, or so long ago that it is forgotten.
        """
        with self._guard:
            found = self._known.get(id)
        if found is None:
            raise NotFoundError(f"there is no work `{id}`", hint="ask for it again")
        return found

    def close(self) -> None:
        """Ends what is under way; a second call does nothing."""
        with self._guard:
            self._closed = True
            under_way = self._under_way
        if under_way is not None:
            under_way.close()

    def _carry_out(self, work: Work) -> None:
        def tell(done: int, total: int) -> None:
            work.done, work.total = done, total

        try:
            with self._turn:
                work.result = self._sent(work).result(tell)
            self._announce(work)
        except TruingError as error:
            work.error = _stopped() if work.stopped else error
        except Exception as error:
            # Whoever stops work closes what is read here.
            if work.stopped:
                work.error = _stopped()
            else:
                log.exception("a fault in the errand `%s`", work.errand.deed)
                work.error = TruingError(f"this is a fault in Truing: {type(error).__name__}")
        finally:
            if work.stopped:
                self._announce(work)
            work.ended_at = self._workspace.clock.now()
            work.over.set()

    def _announce(self, work: Work) -> None:
        told = work.result or {}
        if told.get("promoted"):
            self._changes.announce("models", model=told["candidate"])
        if work.errand.deed in CHANGES_SAMPLES and not work.errand.arguments.get("dry_run"):
            self._changes.announce("samples")

    def _sent(self, work: Work) -> Sent:
        with self._guard:
            if self._closed:
                raise NotFoundError("the server ends", hint="start it, then ask again")
            if work.stopped:
                raise _stopped()
            work.begun, self._doing = True, work
            self._under_way = Sent(self._workspace, work.errand)
            return self._under_way


def _stopped() -> ConflictError:
    return ConflictError(
        "it was stopped before it was done",
        hint="what it had done stays done; ask for it again to do the rest",
    )


def _key(errand: Errand) -> str:
    return json.dumps([errand.deed, errand.arguments], sort_keys=True)
