"""Next steps: what a person would best do now, derived from where the loop of a workspace stands.

Scope: one look at counters and short lists; nothing walks over samples, so that it may be asked
whenever something has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from truing.domain.clock import MICROSECONDS
from truing.domain.modality import CanRecognize
from truing.domain.model import GENERAL, ModelState, ModelVersion
from truing.domain.review import State
from truing.domain.run import Run, RunState
from truing.workspace.disk import usage

if TYPE_CHECKING:
    from truing.workspace import Workspace

BACKUP_DAYS = 7
"""A backup older than this is worth a word."""
FEW = 10
"""With fewer reviewed samples than this, training again is not worth the time."""
_DAY = 86_400 * MICROSECONDS


class Kind(StrEnum):
    """What a step is about."""

    MAKE_ROOM = "make-room"
    BRING_SAMPLES = "bring-samples"
    BRING_MODEL = "bring-model"
    LOOK_AT_RUN = "look-at-run"
    WATCH_RUN = "watch-run"
    RETRAIN = "retrain"
    REVIEW = "review"
    TRAIN = "train"
    COMPARE = "compare"
    BACK_UP = "back-up"


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStep:
    """One thing to do."""

    kind: Kind
    title: str
    detail: str
    """Why, in one sentence."""
    href: str
    """The page of the app where it is done."""
    command: str
    """The same in a terminal."""
    number: int | None = None
    """How many samples it is about, or the number of the run or model."""

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {
            "kind": self.kind.value,
            "title": self.title,
            "detail": self.detail,
            "href": self.href,
            "command": self.command,
            "number": self.number,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Safety:
    """How long ago the newest backup was made, or the workspace began while there is none."""

    exists: bool
    days: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where the loop of one modality stands."""

    counts: Mapping[str, int]
    """Samples by state, and `trained`."""
    models: tuple[ModelVersion, ...]
    """In the order of their numbers."""
    champion: str | None
    """The model in use for everybody."""
    known: frozenset[str]
    """Models that have been promoted before."""
    runs: tuple[Run, ...]
    """Newest first."""
    recognises: bool
    """Whether models of this modality say anything of its samples."""
    backup: Safety | None
    """None when backups are not made here: the database lives in a server."""
    filling: tuple[str, ...] = ()
    """What is nearly full, in sentences: the disk, the quota."""

    @property
    def samples(self) -> int:
        """All that are not in the trash."""
        live = (state.value for state in State if state is not State.TRASHED)
        return sum(self.counts.get(name, 0) for name in live)

    @property
    def untrained(self) -> int:
        """Reviewed samples that no finished run has used."""
        reviewed = sum(self.counts.get(state.value, 0) for state in State if state.has_truth)
        return max(0, reviewed - self.counts.get("trained", 0))

    @property
    def newest_run(self) -> Run | None:
        """The run queued last."""
        return self.runs[0] if self.runs else None

    @property
    def candidate(self) -> ModelVersion | None:
        """The newest usable model that has never been in use and is younger than the champion."""
        for model in reversed(self.models):
            if str(model.ref) == self.champion:
                return None
            if model.audience == GENERAL and model.state is ModelState.READY:
                return None if str(model.ref) in self.known else model
        return None


def next_steps(workspace: Workspace, modality: str = "speech") -> list[NextStep]:
    """What to do next, most urgent first.

    Args:
        workspace: whose loop.
        modality: of which kind of samples.
    """
    where = _standing(workspace, modality)
    found = (step(where) for step in _STEPS)
    return [one for one in found if one is not None]


def _standing(workspace: Workspace, modality: str) -> Standing:
    store = workspace.store
    runs = (run for run in store.runs.all(limit=20) if run.request.modality == modality)
    return Standing(
        counts=store.samples.state_counts(modality),
        models=tuple(sorted(store.models.all(modality), key=lambda model: model.ref.number)),
        champion=store.models.champion(modality, GENERAL),
        known=frozenset(one.model for one in store.models.promotions(modality, GENERAL)),
        runs=tuple(sorted(runs, key=lambda run: run.id, reverse=True)),
        recognises=isinstance(workspace.modality(modality), CanRecognize),
        backup=_safety(workspace),
        filling=tuple(usage(workspace, if_limited=True).warnings),
    )


def _safety(workspace: Workspace) -> Safety | None:
    from truing.workspace.backups import backups

    if workspace.store.file is None:
        return None
    known = backups(workspace.layout)
    first = workspace.store.events.all(limit=1)
    now = workspace.clock.now()
    last = known[0].created_at if known else first[0].at if first else now
    return Safety(exists=bool(known), days=(now - last) / _DAY)


def _make_room(where: Standing) -> NextStep | None:
    if not where.filling:
        return None
    told = "; ".join(where.filling)
    return NextStep(
        kind=Kind.MAKE_ROOM,
        title="Make room",
        detail=f"{told[0].upper()}{told[1:]}. What does not fit is refused.",
        href="/admin/storage",
        command="truing retain",
    )


def _bring_samples(where: Standing) -> NextStep | None:
    if where.samples:
        return None
    if not where.recognises:
        return NextStep(
            kind=Kind.BRING_SAMPLES,
            title="Bring in what your app has made",
            detail="Add it here, let the app hand it in, or import the folder it keeps.",
            href="/record",
            command="truing import nexvision PATH",
        )
    return NextStep(
        kind=Kind.BRING_SAMPLES,
        title="Bring in what your model heard",
        detail="Record here, hand in files, or import the database of the app you use.",
        href="/record",
        command="truing import s2s PATH",
    )


def _bring_model(where: Standing) -> NextStep | None:
    if (
        not where.recognises
        or where.models
        or (where.newest_run is not None and not where.newest_run.state.ended)
    ):
        return None
    return NextStep(
        kind=Kind.BRING_MODEL,
        title="Bring in the model you use",
        detail="Without one nothing is recognised, and training has nothing to be compared with.",
        href="/models",
        command="truing model import FOLDER",
    )


def _look_at_run(where: Standing) -> NextStep | None:
    run = where.newest_run
    if run is None or run.state is not RunState.FAILED:
        return None
    return NextStep(
        kind=Kind.LOOK_AT_RUN,
        title=f"Run {run.id} failed",
        detail=run.error or "Its log tells why.",
        href=f"/train/{run.id}",
        command=f"truing logs {run.id}",
        number=run.id,
    )


def _watch_run(where: Standing) -> NextStep | None:
    run = where.newest_run
    if run is None or run.state.ended:
        return None
    paused = run.state is RunState.PAUSED
    return NextStep(
        kind=Kind.WATCH_RUN,
        title=f"Run {run.id} is {'paused' if paused else run.state.value}",
        detail="Resume it when the machine is free." if paused else _progress(run),
        href=f"/train/{run.id}",
        command=f"truing {'resume' if paused else 'logs'} {run.id}",
        number=run.id,
    )


def _progress(run: Run) -> str:
    if not run.total_steps:
        return "It has not begun its first step yet."
    return f"Step {run.step} of {run.total_steps}."


def _retrain(where: Standing) -> NextStep | None:
    if not any(
        str(model.ref) == where.champion and model.state is ModelState.TAINTED
        for model in where.models
    ):
        return None
    return NextStep(
        kind=Kind.RETRAIN,
        title=f"Replace {where.champion}",
        detail="The model in use learned from data that has been forgotten since.",
        href="/train",
        command="truing train NAME@NUMBER",
    )


def _review(where: Standing) -> NextStep | None:
    pending = where.counts.get(State.PENDING.value, 0)
    if not pending:
        return None
    return NextStep(
        kind=Kind.REVIEW,
        title=f"Review {_counted(pending, 'sample')}",
        detail="Each takes a few seconds: confirm what was right, correct what was not.",
        href="/review",
        command="truing review",
        number=pending,
    )


def _train(where: Standing) -> NextStep | None:
    run = where.newest_run
    busy = run is not None and not run.state.ended
    if not where.recognises or where.untrained < FEW or busy:
        return None
    return NextStep(
        kind=Kind.TRAIN,
        title=f"Train on {_counted(where.untrained, 'reviewed sample')}",
        detail="No model has learned from them yet.",
        href="/train",
        command="truing dataset freeze NAME && truing train NAME@1",
        number=where.untrained,
    )


def _compare(where: Standing) -> NextStep | None:
    candidate = where.candidate
    if candidate is None:
        return None
    name = str(candidate.ref)
    if where.champion is None:
        return NextStep(
            kind=Kind.COMPARE,
            title=f"Put {name} to use",
            detail="It is the newest model, and none is in use yet.",
            href=f"/models/{name}",
            command=f"truing promote {name}",
            number=candidate.ref.number,
        )
    return NextStep(
        kind=Kind.COMPARE,
        title=f"Compare {name} with {where.champion}",
        detail="It has never been in use; the gate tells whether it is proven to be better.",
        href=f"/models/compare?first={where.champion}&second={name}",
        command=f"truing promote {name}",
        number=candidate.ref.number,
    )


def _back_up(where: Standing) -> NextStep | None:
    backup = where.backup
    if backup is None or backup.days < BACKUP_DAYS or not where.samples:
        return None
    days = _counted(int(backup.days), "day")
    made, begun = f"The last one was made {days} ago.", f"and began {days} ago."
    return NextStep(
        kind=Kind.BACK_UP,
        title="Make a backup",
        detail=made if backup.exists else f"This workspace has none, {begun}",
        href="/settings",
        command="truing backup create",
    )


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


_STEPS: tuple[Callable[[Standing], NextStep | None], ...] = (
    _make_room,
    _bring_samples,
    _look_at_run,
    _watch_run,
    _retrain,
    _bring_model,
    _compare,
    _review,
    _train,
    _back_up,
)
"""Most urgent first; each looks at the standing and speaks up or not."""
