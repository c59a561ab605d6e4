"""Datasets: freezing a version, reading its rows, and telling two versions apart."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from truing.domain.dataset import (
    Assignment,
    DatasetRef,
    DatasetRow,
    DatasetVersion,
    Split,
    SplitKind,
)
from truing.domain.digest import digest_file
from truing.domain.errors import DamagedError, InvalidInputError
from truing.domain.event import Event
from truing.domain.review import State
from truing.domain.sample import MARK, SampleFilter
from truing.loop import freeze as freezing
from truing.loop import split as splitting
from truing.loop.train import RowExamples

if TYPE_CHECKING:
    from truing.domain.ports import Blobs
    from truing.formats.standardise import Standard
    from truing.workspace import Workspace


def freeze(
    workspace: Workspace,
    name: str,
    *,
    modality: str = "speech",
    split: str = "personal",
    test_speakers: Sequence[str] = (),
    test_share: float | None = None,
    validation_share: float | None = None,
    seed: int = 0,
    where: SampleFilter | None = None,
    standard: Standard | None = None,
    on_progress: Callable[[freezing.Progress], None] = lambda _: None,
) -> DatasetVersion:
    """Makes the next version of a dataset from the reviewed samples.

    Args:
        workspace: where they are.
        name: the dataset's name; versions of one name keep each sample in its part for good.
        modality: such as `speech`.
        split: `personal` or `unseen-speaker`.
        test_speakers: for `unseen-speaker`, who makes up the test set.
        test_share: share of the samples that may be tested on; the setting when left out.
        validation_share: share of all samples; the setting when left out.
        seed: of the assignment of new groups.
        where: narrows further.
        standard: what becomes of pictures when the version is exported.
        on_progress: called after each batch; what it raises leaves nothing behind.

    Raises:
        NotFoundError: no such modality.
        InvalidInputError: a name, split, share or speaker that cannot be used.
        NothingToDoError: no reviewed sample may be used.
        ConflictError: samples changed meanwhile; nothing was stored.
    """
    workspace.modality(modality)
    if split not in set(SplitKind):
        raise InvalidInputError(
            f"there is no split `{split}`", hint=f"choose one of {', '.join(SplitKind)}"
        )
    rule = splitting.SplitRule(
        kind=SplitKind(split),
        test_share=_share(workspace, "split.test_share", test_share),
        validation_share=_share(workspace, "split.validation_share", validation_share),
        seed=seed,
        test_speakers=frozenset(test_speakers),
    )
    request = freezing.FreezeRequest(
        name=name,
        kind=rule.kind,
        where=dataclasses.replace(where or SampleFilter(), modality=modality),
        parameters={
            "test_share": rule.test_share,
            "validation_share": rule.validation_share,
            "seed": seed,
            "test_speakers": len(rule.test_speakers),
            **({} if standard is None else {"standard": standard.as_dict()}),
        },
    )
    store = workspace.store
    version = freezing.freeze(
        request,
        partial(_plan, workspace, rule, modality),
        store.samples,
        store.datasets,
        workspace.clock,
        workspace.ids,
        on_progress=on_progress,
    )
    frozen = Event(
        kind="dataset-frozen",
        at=workspace.clock.now(),
        actor=workspace.actor,
        data={"version": str(version.ref), "digest": version.digest},
    )
    store.events.add(frozen)
    return version


def _share(workspace: Workspace, key: str, given: float | None) -> float:
    if given is None:
        return workspace.settings.number(key)
    if not 0 <= given <= 0.95:
        raise InvalidInputError(f"a share of {given} is not possible", hint="give 0 to 0.95")
    return given


def _plan(
    workspace: Workspace,
    rule: splitting.SplitRule,
    modality: str,
    candidates: Iterable[freezing.Candidate],
    name: str,
) -> freezing.Plan:
    items = (
        splitting.SplitItem(uid=one.uid, keys=one.keys, subject=one.subject, may_test=one.may_test)
        for one in candidates
    )
    ledger: Iterator[Assignment] = workspace.store.datasets.assignments(name, rule.kind)
    planned = splitting.split(items, ledger, rule, _ties(workspace, modality))
    return freezing.Plan(assigned=planned.assigned, withheld=planned.withheld, new=planned.new)


def _ties(workspace: Workspace, modality: str) -> Iterator[tuple[str, ...]]:
    """The keys of each sample that has several, whether it may be used or not: of a chain of
    pictures, the link that was rejected or deleted still tells that its ends belong together.
    """
    if len(workspace.modality(modality).roles) < 2:
        return
    everything = SampleFilter(modality=modality, states=tuple(State))
    for sample in workspace.store.samples.iterate(everything):
        keys = tuple(key for key in sample.groups if not key.startswith(MARK))
        if len(keys) > 1:
            yield keys


def examples(workspace: Workspace, ref: DatasetRef, part: Split) -> RowExamples:
    """The rows of a part as recipes and recognizers see them, tombstones left out."""
    rows = [row for row in workspace.store.datasets.rows(ref, part) if not row.forgotten]
    return RowExamples(rows, whole_media(workspace.blobs))


def whole_media(blobs: Blobs) -> Callable[[str], Path]:
    """Where media lie, each looked at once: a model must not learn from, or be judged by, bytes
    that are no longer those a person confirmed.
    """
    whole: set[str] = set()

    def path(digest: str) -> Path:
        found = blobs.path(digest)
        if digest not in whole:
            if digest_file(found) != digest:
                raise DamagedError(
                    f"the blob `{digest}` is damaged: its bytes have another digest",
                    hint="restore it from a backup; `truing verify` lists what is damaged",
                )
            whole.add(digest)
        return found

    return path


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DatasetDifference:
    """How one version differs from another, by sample uid."""

    first: str
    second: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    """Not in the second: rejected, withheld or filtered since."""
    forgotten: int
    """Rows of the first of which only a tombstone is left."""
    moved: tuple[str, ...]
    """In another part; never out of the test set."""
    retold: tuple[str, ...]
    """Whose truth was changed by a later review."""

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return dataclasses.asdict(self)


def diff(workspace: Workspace, first: str, second: str) -> DatasetDifference:
    """Tells two versions apart.

    Raises:
        NotFoundError: no such version.
    """
    datasets = workspace.store.datasets
    one, two = (datasets.get(DatasetRef.parse(text)).ref for text in (first, second))
    before, after = (_by_uid(datasets.rows(ref)) for ref in (one, two))
    both = sorted(before.keys() & after.keys())
    return DatasetDifference(
        first=str(one),
        second=str(two),
        added=tuple(sorted(after.keys() - before.keys())),
        removed=tuple(sorted(before.keys() - after.keys())),
        forgotten=datasets.get(one).forgotten,
        moved=tuple(uid for uid in both if before[uid][0] is not after[uid][0]),
        retold=tuple(uid for uid in both if before[uid][1] != after[uid][1]),
    )


def _by_uid(rows: Iterator[DatasetRow]) -> dict[str, tuple[Split, object]]:
    return {
        str(row.sample_uid): (row.split, row.payload["truth"])
        for row in rows
        if row.payload is not None
    }
