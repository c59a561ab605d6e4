"""The NexVision app's view of the samples: sessions, each named after its millisecond.

A session that the app posts is the sample that the import of its folder would make: the same
source, key, raw prediction and context. So both can be done to one workspace, in any order.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from truing.domain.sample import SampleFilter, SampleOrder
from truing.formats.nexvision_session import FILES, SOURCE, WORDS, javascript_time, key_at
from truing.formats.nexvision_session import PREFIX as SESSION
from truing.workspace import nexvision_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from truing.domain.sample import Added
    from truing.workspace import Workspace

MODALITY = "image_edit"
MILLISECOND = 1000
SESSIONS = SampleFilter(modality=MODALITY, source=SOURCE)
"""What the app has posted, and what was imported of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """What the app posts of one success."""

    original: bytes
    edited: bytes
    instruction: str
    contact: str | None = None
    """The e-mail; `anonymous` is none."""
    consent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A session that is kept."""

    session: str
    """Such as `session-2026-11-20T09-49-36-051Z`; no other one is called so."""
    sample: Added


class _Stamps:
    """Instants of whole milliseconds, none twice in this process."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._last = 0

    def take(self, now: int) -> int:
        """The first one from `now` on that nobody has; both in microseconds since 1970."""
        with self._guard:
            self._last = max(now // MILLISECOND * MILLISECOND, self._last + MILLISECOND)
            return self._last


_STAMPS = _Stamps()


def store(workspace: Workspace, pair: Pair, *, source: str = SOURCE, actor: str) -> Stored | None:
    """Keeps what the app posted as a session of its own; durable when it returns.

    Args:
        workspace: where it goes.
        pair: both pictures with what is known of them.
        source: under which it is kept.
        actor: who hands it in.

    Returns:
        The session, or None when the settings say not to keep it.

    Raises:
        InvalidInputError: pictures or a contact that cannot be used.
        DamagedError: a picture of which nothing can be decoded.
        ConsentError: the consent policy does not let it be kept.
    """
    tree = nexvision_folder.tree_of(workspace)
    while True:
        instant = _STAMPS.take(workspace.clock.now())
        session = key_at(instant)
        claimed = None if tree is None else nexvision_folder.claim(tree, session)
        if claimed is False:
            continue
        try:
            added = _captured(workspace, pair, session, instant, source=source, actor=actor)
        except BaseException:
            if tree is not None:
                tree.release(session)
            raise
        if added is not None and added.new:
            if tree is not None:
                sample = workspace.sample(added.id)
                nexvision_folder.write(workspace, tree, sample, claimed=bool(claimed))
            return Stored(session=session, sample=added)
        if tree is not None:
            tree.release(session)
        if added is None:
            return None
        # Another process has taken this millisecond: the database lets only one have it.


def _captured(
    workspace: Workspace, pair: Pair, session: str, instant: int, *, source: str, actor: str
) -> Added | None:
    stamp = session.removeprefix(SESSION)
    return workspace.capture(
        MODALITY,
        original=pair.original,
        edited=pair.edited,
        raw=pair.instruction,
        source=source,
        source_key=session,
        captured_at=instant,
        context={name: f"{WORDS[role]}-{stamp}.jpg" for role, name in FILES.items()},
        consent=pair.consent,
        contact=pair.contact,
        actor=actor,
    )


def figures(
    workspace: Workspace,
    where: SampleFilter = SESSIONS,
    *,
    types: Callable[[SampleFilter], int] | None = None,
) -> dict[str, object]:
    """What the app tells of its training data.

    Args:
        workspace: where it is.
        where: which samples; all of the app when left out.
        types: counts instructions; `instruction_types` when left out.

    Returns:
        `totalSessions`, `totalImages`, `latestSession` (its time) and `instructionTypes`, which
        is the number of different instructions; of nothing, `totalSessions` and `message`.
    """
    samples = workspace.store.samples
    latest = samples.page(where, SampleOrder.NEWEST, limit=1).items
    if not latest:
        return {"totalSessions": 0, "message": "No training data found"}
    total = samples.count(where)
    return {
        "totalSessions": total,
        "totalImages": 2 * total,
        "latestSession": javascript_time(latest[0].captured_at),
        "instructionTypes": instruction_types(workspace, where) if types is None else types(where),
    }


def instruction_types(workspace: Workspace, where: SampleFilter = SESSIONS) -> int:
    """How many different instructions were sent; looks at every sample."""
    found = workspace.store.samples.iterate(where)
    return len({sample.raw.text for sample in found if sample.raw is not None})
