"""Batches: one thing done to many samples, answered per sample, with one undo for all.

What an undo needs is an entry of the journal, so that it outlives the server: numbers of samples
and revisions, and names of speakers and tags, never a transcript. Undoing leaves alone what
somebody changed since.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from truing.domain.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    NothingToDoError,
    TruingError,
)
from truing.domain.event import Event
from truing.domain.review import Verdict
from truing.domain.sample import Description, Sample, SampleFilter
from truing.loop.review import LONGEST_TRUTH, Decision, Reviewed, review_many, undo_many

if TYPE_CHECKING:
    from truing.workspace import Workspace

PIECE = 500
"""Samples in one transaction."""
MOST = 50_000
"""Samples of one batch: what an undo needs of them is one entry of the journal."""
PREVIEWED = 200
DONE = "batch"
UNDONE = "batch-undone"
BECAUSE = "batch"
"""Why the samples were shown, in the revisions of a batch."""

Outcomes = dict[int, TruingError | None]
"""By sample: the error that kept it as it was, or None."""


class Action(StrEnum):
    """What is done."""

    ACCEPT = "accept"
    REJECT = "reject"
    DELETE = "delete"
    RESTORE = "restore"
    SET_SPEAKER = "set-speaker"
    TAG = "tag"
    UNTAG = "untag"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """Text to find in truths, or in proposals where there is no truth yet."""

    find: str
    by: str
    match_case: bool = False
    whole_words: bool = True

    def apply(self, text: str) -> str:
        """The text with every occurrence replaced; spaces at its ends go."""
        pattern = re.escape(self.find)
        if self.whole_words:
            pattern = rf"(?<!\w){pattern}(?!\w)"
        flags = re.NOFLAG if self.match_case else re.IGNORECASE
        return re.sub(pattern, lambda _: self.by, text, flags=flags).strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One thing to do to many samples."""

    action: Action
    actor: str
    speaker: str | None = None
    tag: str = ""
    replacement: Replacement | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What came of a batch."""

    outcomes: Outcomes
    undo: int | None
    """Names the batch when it shall be undone; None when nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """What a replacement would do to one sample."""

    id: int
    before: str
    after: str


def chosen(
    workspace: Workspace, *, ids: Sequence[int] | None, where: SampleFilter | None
) -> list[int]:
    """The numbers of the samples meant: given, or chosen by a filter.

    Raises:
        InvalidInputError: neither, both, or more than `MOST`.
        NothingToDoError: no sample fits.
    """
    if (ids is None) == (where is None):
        raise InvalidInputError("name samples by `ids` or by `where`", hint="one of both")
    if ids is None:
        found = workspace.store.samples.iterate(where or SampleFilter())
        ids = [sample.id for sample in islice(found, MOST + 1)]
    numbers = list(dict.fromkeys(ids))
    if len(numbers) > MOST:
        raise InvalidInputError(
            f"more than {MOST} samples at once", hint="narrow the filter, e.g. by dates"
        )
    if not numbers:
        raise NothingToDoError("no sample fits", hint="change the filter")
    return numbers


def previewed(
    workspace: Workspace, ids: Sequence[int], replacement: Replacement
) -> tuple[list[Replaced], int]:
    """What a replacement would change: the first few, and how many in all."""
    _check(replacement)
    shown: list[Replaced] = []
    count = 0
    for piece in _pieces(ids):
        for sample in workspace.store.samples.by_ids(piece):
            text = _text(sample)
            after = replacement.apply(text)
            if after == text.strip():
                continue
            count += 1
            if len(shown) < PREVIEWED:
                shown.append(Replaced(id=sample.id, before=text, after=after))
    return shown, count


def apply(workspace: Workspace, batch: Batch, ids: Sequence[int]) -> Applied:
    """Does it, some samples in each transaction.

    Args:
        workspace: where the samples are.
        batch: what to do.
        ids: of the samples.

    Raises:
        InvalidInputError: something the action needs is missing or does not fit.
    """
    act = _actions(workspace, batch)
    outcomes: Outcomes = {}
    undo: dict[str, Any] = {}
    for piece in _pieces(ids):
        done, memory = act(piece)
        outcomes.update(done)
        for name, values in memory.items():
            undo.setdefault(name, []).extend(values)
    changed = sum(len(values) for values in undo.values())
    if not changed:
        return Applied(outcomes=outcomes, undo=None)
    data = {"action": batch.action.value, "samples": changed, **undo}
    entry = Event(kind=DONE, at=workspace.clock.now(), actor=batch.actor, data=data)
    return Applied(outcomes=outcomes, undo=workspace.store.events.add(entry).id)


def undo(workspace: Workspace, number: int, actor: str) -> Applied:
    """Takes a batch back; what somebody changed since stays as they left it.

    Raises:
        NotFoundError: no such batch.
    """
    found = workspace.store.events.all(after=number - 1, limit=1)
    if not found or found[0].id != number or found[0].kind != DONE:
        raise NotFoundError(f"there is no batch `{number}`", hint="its `undo` names a batch")
    data = found[0].data
    outcomes: Outcomes = {}
    for restore in (_take_back_revisions, _take_back_trash, _put_back, _take_back_descriptions):
        outcomes.update(restore(workspace, data, actor))
    entry = {"batch": number, "samples": sum(error is None for error in outcomes.values())}
    workspace.store.events.add(
        Event(kind=UNDONE, at=workspace.clock.now(), actor=actor, data=entry)
    )
    return Applied(outcomes=outcomes, undo=None)


# --- doing -------------------------------------------------------------------------------------

Memory = Mapping[str, list[Any]]
Act = Callable[[list[int]], tuple[Outcomes, Memory]]


def _actions(workspace: Workspace, batch: Batch) -> Act:
    """What is done to each piece of samples; tells what came of it and what undoing needs."""
    action = batch.action
    if action in (Action.ACCEPT, Action.REJECT):
        return partial(_decide, workspace, batch)
    if action is Action.REPLACE:
        _check(batch.replacement)
        return partial(_decide, workspace, batch)
    if action is Action.DELETE:
        return partial(_delete, workspace, batch.actor)
    if action is Action.RESTORE:
        return partial(_restore, workspace)
    if action is not Action.SET_SPEAKER and not batch.tag.strip():
        raise InvalidInputError(f"`{action.value}` needs a `tag`", hint='"tag": "names"')
    return partial(_redescribe, workspace, batch)


def _decide(
    workspace: Workspace, batch: Batch, ids: list[int]
) -> tuple[Outcomes, dict[str, list[Any]]]:
    store = workspace.store
    samples = {sample.id: sample for sample in store.samples.by_ids(ids)}
    outcomes: Outcomes = {number: _missing(number) for number in ids if number not in samples}
    decisions = []
    for number, sample in samples.items():
        decision = _decision(batch, sample)
        if decision is None:
            # Nothing to replace in it: it is as it shall be.
            outcomes[number] = None
        else:
            decisions.append((number, decision))
    done = review_many(decisions, store.samples, store.reviews, workspace.clock)
    revisions = []
    for (number, _), one in zip(decisions, done, strict=True):
        outcomes[number] = one if isinstance(one, TruingError) else None
        if isinstance(one, Reviewed):
            revisions.append(one.revision.id)
    return outcomes, {"revisions": revisions}


def _decision(batch: Batch, sample: Sample) -> Decision | None:
    if batch.action is Action.REPLACE and batch.replacement is not None:
        text = _text(sample)
        after = batch.replacement.apply(text)
        if after == text.strip():
            return None
        return Decision(
            verdict=Verdict.CORRECTED, truth=after, actor=batch.actor, shown_because=BECAUSE
        )
    accepts = batch.action is Action.ACCEPT
    verdict = Verdict.ACCEPTED if accepts else Verdict.REJECTED
    # A truth that somebody typed stays the truth.
    truth = sample.truth if accepts else None
    return Decision(verdict=verdict, truth=truth, actor=batch.actor, shown_because=BECAUSE)


def _delete(
    workspace: Workspace, actor: str, ids: list[int]
) -> tuple[Outcomes, dict[str, list[Any]]]:
    known = {sample.id for sample in workspace.store.samples.by_ids(ids)}
    moved = workspace.store.trash.put(ids, at=workspace.clock.now(), actor=actor)
    outcomes: Outcomes = {one: None if one in known else _missing(one) for one in ids}
    return outcomes, {"trashed": moved}


def _restore(workspace: Workspace, ids: list[int]) -> tuple[Outcomes, dict[str, list[Any]]]:
    back = workspace.store.trash.take_back(ids)
    kept = set(back)
    outcomes: Outcomes = {
        number: None if number in kept else _not_in_trash(number) for number in ids
    }
    return outcomes, {"restored": back}


def _redescribe(
    workspace: Workspace, batch: Batch, ids: list[int]
) -> tuple[Outcomes, dict[str, list[Any]]]:
    tag = batch.tag.strip()

    def change(_: int, before: Description) -> Description:
        if batch.action is Action.SET_SPEAKER:
            return replace(before, subject=batch.speaker or None)
        if batch.action is Action.TAG:
            return replace(before, tags=(*before.tags, tag))
        return replace(before, tags=tuple(one for one in before.tags if one != tag))

    told = workspace.store.samples.redescribe(ids, change)
    outcomes: Outcomes = {number: None if number in told else _missing(number) for number in ids}
    changed = {number: one for number, one in told.items() if one.before != one.after}
    if batch.action is Action.SET_SPEAKER:
        memory = [
            {"subject": subject, "speaker": batch.speaker or None, "ids": numbers}
            for subject, numbers in _grouped(
                (one.before.subject, number) for number, one in changed.items()
            ).items()
        ]
        return outcomes, {"described": memory}
    name = "tagged" if batch.action is Action.TAG else "untagged"
    return outcomes, {name: [{"tag": tag, "ids": list(changed)}] if changed else []}


# --- taking back -------------------------------------------------------------------------------


def _take_back_revisions(workspace: Workspace, data: Mapping[str, Any], actor: str) -> Outcomes:
    outcomes: Outcomes = {}
    reviews = workspace.store.reviews
    for piece in _pieces(data.get("revisions", ())):
        done = undo_many(piece, actor, reviews, workspace.clock)
        for number, one in done.items():
            if isinstance(one, TruingError):
                outcomes[_owner(workspace, number)] = one
            else:
                outcomes[one.revision.sample_id] = None
    return outcomes


def _owner(workspace: Workspace, revision: int) -> int:
    """The sample of a revision that could not be taken back; 0 when both are gone."""
    try:
        return workspace.store.reviews.get(revision).sample_id
    except NotFoundError:
        return 0


def _take_back_trash(workspace: Workspace, data: Mapping[str, Any], _: str) -> Outcomes:
    outcomes: Outcomes = {}
    for piece in _pieces(data.get("trashed", ())):
        outcomes.update(_restore(workspace, piece)[0])
    return outcomes


def _put_back(workspace: Workspace, data: Mapping[str, Any], actor: str) -> Outcomes:
    outcomes: Outcomes = {}
    for piece in _pieces(data.get("restored", ())):
        outcomes.update(_delete(workspace, actor, piece)[0])
    return outcomes


def _take_back_descriptions(workspace: Workspace, data: Mapping[str, Any], _: str) -> Outcomes:
    outcomes: Outcomes = {}

    def change(memory: Mapping[str, Any], kind: str, _: int, now: Description) -> Description:
        if kind == "described":
            # Somebody may have said since who it is.
            untouched = now.subject == memory["speaker"]
            return replace(now, subject=memory["subject"]) if untouched else now
        tag = memory["tag"]
        rest = tuple(one for one in now.tags if one != tag)
        return replace(now, tags=rest if kind == "tagged" else (*rest, tag))

    for kind in ("described", "tagged", "untagged"):
        for memory in data.get(kind, ()):
            for piece in _pieces(memory["ids"]):
                told = workspace.store.samples.redescribe(piece, partial(change, memory, kind))
                outcomes.update({one: None if one in told else _missing(one) for one in piece})
    return outcomes


# -----------------------------------------------------------------------------------------------


def _text(sample: Sample) -> str:
    """What a replacement works on."""
    return (sample.truth if sample.truth is not None else sample.proposal) or ""


def _check(replacement: Replacement | None) -> None:
    if replacement is None or not replacement.find.strip():
        raise InvalidInputError("`replace` needs a text to `find`", hint='"find": "too"')
    if len(replacement.by) > LONGEST_TRUTH:
        raise InvalidInputError(
            f"the new text has {len(replacement.by)} characters",
            hint=f"at most {LONGEST_TRUTH} are kept",
        )


def _missing(number: int) -> NotFoundError:
    return NotFoundError(f"no sample `{number}`", hint="it was forgotten meanwhile")


def _not_in_trash(number: int) -> ConflictError:
    return ConflictError(f"sample `{number}` is not in the trash", hint="truing trash list")


def _grouped(pairs: Iterable[tuple[str | None, int]]) -> dict[str | None, list[int]]:
    found: dict[str | None, list[int]] = {}
    for name, number in pairs:
        found.setdefault(name, []).append(number)
    return found


def _pieces(ids: Iterable[int]) -> Iterator[list[int]]:
    rest = iter(ids)
    while piece := list(islice(rest, PIECE)):
        yield piece
