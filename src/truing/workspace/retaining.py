"""Retaining: what the rules of `retention.rules` would take, and taking it.

One walk from the newest sample to the oldest serves both, so that a dry run shows what is then
done. The first rule that takes a sample has it. Nothing is remembered between two runs: whoever is
interrupted begins again and finds what is left.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from truing.domain import sample_json
from truing.domain.clock import MICROSECONDS, to_iso
from truing.domain.errors import NotFoundError, NothingToDoError, SettingError, TruingError
from truing.domain.event import Event
from truing.domain.retention import EXAMPLE, KEY, Deed, Measure, Rule, read_rules
from truing.domain.review import LIVE

if TYPE_CHECKING:
    from truing.domain.outline import Outline
    from truing.workspace import Workspace

Progress = Callable[[int, int], None]
BATCH = 1000
EXAMPLES = 3
MOST_RUNS = 1_000_000
ACTOR = "retention"
"""Who deleted what the rules took."""
DAY = 86_400.0
log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Taking:
    """What one rule takes."""

    rule: Rule
    samples: int = 0
    size: int = 0
    """Bytes of their media, each medium once; one that another sample shares stays with it."""
    frozen: int = 0
    """Of them samples that a dataset version holds."""
    learned: int = 0
    """Of them samples that a model in use learned from."""
    spared: int = 0
    """Samples it would take, if a dataset version did not hold them."""
    examples: list[dict[str, object]] = field(default_factory=list)
    """The first few, as people are shown them."""
    ids: list[int] = field(default_factory=list)
    """The newest first."""

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {
            "rule": self.rule.text,
            "deed": self.rule.deed.value,
            "samples": self.samples,
            "bytes": self.size,
            "frozen": self.frozen,
            "learned": self.learned,
            "spared": self.spared,
            "examples": list(self.examples),
        }


@dataclass(slots=True, kw_only=True)
class Retained:
    """What all rules take, or took."""

    takings: list[Taking]
    applied: bool = False
    left: list[tuple[int, str]] = field(default_factory=list)
    """Samples that were to be archived and stay, and why: only doing it tells."""

    @property
    def samples(self) -> int:
        """In all."""
        return sum(one.samples for one in self.takings)

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(one.size for one in self.takings)

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {
            "applied": self.applied,
            "samples": self.samples,
            "bytes": self.size,
            "rules": [one.as_dict() for one in self.takings],
            "left": [{"id": number, "why": why} for number, why in self.left],
        }


def rules_of(workspace: Workspace, written: Sequence[str] | None = None) -> tuple[Rule, ...]:
    """The rules of the settings, or those written instead.

    Raises:
        SettingError: one that cannot be understood, or of a modality that there is not.
        NothingToDoError: there are none.
    """
    text = workspace.settings.text(KEY) if written is None else "\n".join(written)
    rules = read_rules(text)
    if not rules:
        raise NothingToDoError(
            "no rules say what is to go",
            hint=f'truing config set {KEY} "{EXAMPLE}", or try one: truing retain --rule '
            f'"{EXAMPLE}"',
        )
    for rule in rules:
        try:
            if rule.modality is not None:
                workspace.modality(rule.modality)
        except NotFoundError as error:
            raise SettingError(
                f"`{KEY}` has a rule `{rule.text}`: {error.message}", hint=error.hint
            ) from error
    return rules


def retain(
    workspace: Workspace,
    *,
    rules: Sequence[Rule] | None = None,
    apply: bool = False,
    actor: str | None = None,
    on_progress: Progress = lambda _done, _all: None,
) -> Retained:
    """Tells what the rules take, and with `apply` takes it.

    Args:
        workspace: where the samples are.
        rules: those of the settings when left out.
        apply: do it; else nothing is changed.
        actor: who does it; `retention` when left out.
        on_progress: called with (samples looked at, samples in all), then of those that are
            archived.

    Raises:
        NothingToDoError: there are no rules.
        SettingError: one that cannot be understood.
        UnavailableError: something cannot be written; what is done by then stays done.
    """
    rules = rules_of(workspace) if rules is None else rules
    now = workspace.clock.now()
    doing = _Doing(workspace=workspace, at=now, actor=actor or ACTOR)
    takings = [Taking(rule=rule) for rule in rules]
    counts = workspace.store.samples.state_counts()
    total = sum(counts[state.value] for state in LIVE)
    walk = _Walk(workspace, takings, now)
    done = 0
    for seen, taken in walk.pages():
        for taking, ids in taken:
            if apply:
                doing.do(taking.rule.deed, ids)
        done += seen
        on_progress(min(done, total), total)
    left = doing.end(takings, on_progress) if apply else []
    return Retained(takings=takings, applied=apply, left=left)


def retain_daily(workspace: Workspace) -> Retained | None:
    """Does what the rules say, at most once a day; None when it was not its time, there are no
    rules, or it did not work.

    What goes wrong is logged, and tried again the next time: nobody asked for this, so it must
    not be in anybody's way.
    """
    if not workspace.settings.text(KEY).strip():
        return None
    mark = workspace.layout.root / "cache" / "retained"
    now = workspace.clock.now() / MICROSECONDS
    try:
        last = mark.stat().st_mtime if mark.exists() else 0.0
        # A date in the future was left by a clock that has since been set back.
        if last <= now < last + DAY:
            return None
        found = retain(workspace, apply=True)
        mark.parent.mkdir(exist_ok=True)
        mark.touch()
        os.utime(mark, (now, now))
    except (TruingError, OSError) as error:
        log.warning("%s did not work: %s", KEY, error)
        return None
    log.info("%s took %d samples, %d bytes", KEY, found.samples, found.size)
    if found.left:
        number, why = found.left[0]
        log.warning("%s: %d stay, such as sample %d: %s", KEY, len(found.left), number, why)
    return found


class _Walk:
    """All samples from the newest to the oldest, and which rule takes which."""

    def __init__(self, workspace: Workspace, takings: Sequence[Taking], now: int) -> None:
        self._workspace = workspace
        self._takings = takings
        self._measures = [Measure(one.rule, now) for one in takings]
        self._counted: set[str] = set()
        self._in_use = versions_in_use(workspace)
        named = [one.rule.states for one in takings]
        wanted = frozenset[str]().union(*named) if all(named) else frozenset(LIVE)
        self._states = [state for state in LIVE if state in wanted]

    def pages(self) -> Iterator[tuple[int, list[tuple[Taking, list[int]]]]]:
        """How many samples each page had, and what each rule takes of it."""
        outlines = self._workspace.store.outlines
        last: int | None = None
        while page := outlines.newest(before=last, states=self._states, limit=BATCH):
            yield len(page), self._taken(page)
            last = page[-1].id

    def _taken(self, page: Sequence[Outline]) -> list[tuple[Taking, list[int]]]:
        store = self._workspace.store
        covered = [one for one in page if any(it.rule.covers(one) for it in self._takings)]
        weighed = [
            one.id
            for one in covered
            if any(it.rule.weighs and it.rule.covers(one) for it in self._takings)
        ]
        blobs = store.outlines.blobs(weighed) if weighed else {}
        versions = store.datasets.holding([one.uid for one in covered])
        parts: list[list[Outline]] = [[] for _ in self._takings]
        for one in covered:
            held = versions.get(one.uid, [])
            place = self._taker(one, sum(blobs.get(one.id, {}).values()), held)
            if place is not None:
                parts[place].append(one)
                self._takings[place].frozen += bool(held)
                self._takings[place].learned += not self._in_use.isdisjoint(held)
        self._weigh(parts, blobs)
        pairs = zip(self._takings, parts, strict=True)
        return [(taking, [one.id for one in part]) for taking, part in pairs if part]

    def _taker(self, one: Outline, size: int, held: Sequence[str]) -> int | None:
        """Which rule takes a sample."""
        for place, (taking, measure) in enumerate(zip(self._takings, self._measures, strict=True)):
            rule = taking.rule
            if not rule.covers(one) or not measure.passes(one, size):
                continue
            in_use = not self._in_use.isdisjoint(held)
            if (held and not rule.even_frozen) or (in_use and not rule.even_champion):
                taking.spared += 1
                continue
            return place
        return None

    def _weigh(self, parts: Sequence[Sequence[Outline]], known: dict[int, dict[str, int]]) -> None:
        store = self._workspace.store
        taken = [one.id for part in parts for one in part if one.id not in known]
        blobs = {**known, **(store.outlines.blobs(taken) if taken else {})}
        for taking, part in zip(self._takings, parts, strict=True):
            for one in part:
                fresh = blobs.get(one.id, {}).keys() - self._counted
                taking.size += sum(blobs[one.id][digest] for digest in fresh)
                self._counted |= fresh
            taking.samples += len(part)
            taking.ids += [one.id for one in part]
            missing = EXAMPLES - len(taking.examples)
            if part and missing:
                taking.examples += self._shown(part[:missing])

    def _shown(self, part: Sequence[Outline]) -> list[dict[str, object]]:
        added = {one.id: one.added_at for one in part}
        found = self._workspace.store.samples.by_ids(list(added))
        return [
            {
                "id": sample.id,
                "state": sample.state.value,
                "source": sample.source,
                "added_at": to_iso(added[sample.id]),
                "text": sample_json.text(sample),
            }
            for sample in found
        ]


def versions_in_use(workspace: Workspace) -> frozenset[str]:
    """The dataset versions from which the models in use, and those they descend from, learned."""
    store = workspace.store
    models = {str(model.ref): model for model in store.models.all()}
    waiting = list(store.models.champions().values())
    replayed = (
        {run.id: run.request.replay for run in store.runs.all(limit=MOST_RUNS)} if waiting else {}
    )
    seen: set[str] = set()
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        model = models.get(name)
        if model is None or name in seen:
            continue
        seen.add(name)
        learned = (model.dataset, replayed.get(model.run_id or 0))
        found.update(version for version in learned if version)
        waiting += model.parents
    return frozenset(found)


@dataclass(slots=True, kw_only=True)
class _Doing:
    """The deeds, while the walk goes on."""

    workspace: Workspace
    at: int
    """One instant for all: what went into the trash can be taken back together."""
    actor: str
    erased: int = 0

    def do(self, deed: Deed, ids: Sequence[int]) -> None:
        from truing.workspace import trash

        numbers = iter(ids)
        while deed is not Deed.ARCHIVE and (part := list(islice(numbers, trash.BATCH))):
            if deed is Deed.DELETE:
                self.workspace.store.trash.put(part, at=self.at, actor=self.actor)
            else:
                trash.erase(self.workspace, part)
                self.erased += len(part)

    def end(self, takings: Sequence[Taking], on_progress: Progress) -> list[tuple[int, str]]:
        """What is done once for all, and what the journal says.

        Returns:
            Samples that cannot be archived, and why.
        """
        from truing.workspace.archiving import archive

        left: list[tuple[int, str]] = []
        if self.erased:
            self.workspace.store.scrub()
        # Together: archives of a few samples each would be many.
        archiving = [it for it in takings if it.rule.deed is Deed.ARCHIVE and it.ids]
        if archiving:
            done = archive(
                self.workspace,
                ids=[one for it in archiving for one in it.ids],
                actor=self.actor,
                reason="; ".join(it.rule.text for it in archiving),
                on_progress=on_progress,
            )
            left = done.left
        stayed = {number for number, _ in left}
        for taking in takings:
            taking.samples -= len(stayed.intersection(taking.ids))
            if taking.samples:
                self.workspace.store.events.add(self._event(taking))
        return left

    def _event(self, taking: Taking) -> Event:
        data = {
            "rule": taking.rule.text,
            "deed": taking.rule.deed.value,
            "samples": taking.samples,
            "frozen": taking.frozen,
            "learned": taking.learned,
        }
        return Event(kind="retained", at=self.at, actor=self.actor, data=data)
