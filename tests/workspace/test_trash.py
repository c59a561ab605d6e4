"""The trash: deleted samples vanish from all but frozen versions, and come back as they were."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from truing import Workspace
from truing.domain.dataset import Split
from truing.domain.errors import ConflictError, InvalidInputError, NotFoundError, NothingToDoError
from truing.domain.review import State
from truing.domain.sample import SampleFilter, SampleOrder
from truing.workspace import housekeeping, trash
from truing.workspace.backups import create_backup
from truing.workspace.datasets import examples
from truing.workspace.keeping import verify

Filled = Callable[..., list[int]]
DAY = 86_400_000_000


class ShiftedClock:
    """The machine's clock, some days ahead."""

    def __init__(self, workspace: Workspace) -> None:
        self._clock = workspace.clock
        self.days = 0.0
        workspace.clock = self

    def now(self) -> int:
        """The instant."""
        return self._clock.now() + int(self.days * DAY)


def test_deleted_samples_vanish_everywhere(workspace: Workspace, fill: Filled) -> None:
    numbers = fill(6)
    store = workspace.store
    said = str(workspace.sample(numbers[0]).truth)
    with_word = store.samples.count(SampleFilter(text=said))
    assert workspace.delete(ids=numbers[:2]) == numbers[:2]

    for where in (SampleFilter(), SampleFilter(modality="speech"), SampleFilter(source="app")):
        assert store.samples.count(where) == 4
        assert [one.id for one in store.samples.iterate(where)] == numbers[2:]
        for order in SampleOrder:
            page = store.samples.page(where, order)
            assert sorted(one.id for one in page.items) == numbers[2:]
    assert store.samples.count(SampleFilter(text=said)) < with_word
    assert numbers[0] not in {one.id for one in store.samples.iterate(SampleFilter(text=said))}
    counts = store.samples.state_counts()
    assert (counts["accepted"], counts["trashed"]) == (4, 2)
    assert sum(workspace.freeze("mine").counts.values()) == 4
    assert store.check() == []


def test_the_queue_passes_over_the_trash(workspace: Workspace, fill: Filled) -> None:
    numbers = fill(4, reviewed=False)
    workspace.delete(ids=[numbers[1]])
    for order in ("mixed", "newest", "oldest", "least-confident"):
        shown = {one.sample.id for one in workspace.queue(order)}
        assert shown == {numbers[0], numbers[2], numbers[3]}


def test_what_comes_back_has_the_state_it_had(workspace: Workspace, fill: Filled) -> None:
    numbers = fill(4, reviewed=False)
    workspace.review(numbers[0], "corrected", "another text")
    workspace.review(numbers[1], "rejected")
    workspace.review(numbers[2], "accepted")
    undone = workspace.undo()
    assert undone is not None
    before = [workspace.sample(one) for one in numbers]
    workspace.delete(ids=numbers)
    assert {workspace.sample(one).state for one in numbers} == {State.TRASHED}
    assert trash.take_back(workspace, last=True) == numbers
    assert [workspace.sample(one) for one in numbers] == before
    assert [one.state for one in before] == [
        State.CORRECTED,
        State.REJECTED,
        State.PENDING,
        State.PENDING,
    ]
    assert workspace.store.check() == []
    kinds = [one.kind for one in workspace.store.events.all()]
    assert kinds[-2:] == ["deleted", "taken-back"]


def test_nobody_decides_on_what_is_in_the_trash(workspace: Workspace, fill: Filled) -> None:
    first, second = fill(2, reviewed=False)
    workspace.review(second, "accepted")
    workspace.delete(ids=[first, second])
    with pytest.raises(ConflictError, match="in the trash") as raised:
        workspace.review(first, "accepted")
    assert f"trash restore {first}" in str(raised.value.hint)
    with pytest.raises(ConflictError):
        workspace.undo()
    assert workspace.sample(first).state is State.TRASHED


def test_a_frozen_version_keeps_its_rows_until_they_are_erased(
    workspace: Workspace, fill: Filled
) -> None:
    numbers = fill(10)
    version = workspace.freeze("mine")
    train = examples(workspace, version.ref, Split.TRAIN)
    size = len(train)
    workspace.delete(ids=numbers)
    assert len(examples(workspace, version.ref, Split.TRAIN)) == size
    assert verify(workspace) == []
    samples, blobs = trash.empty(workspace)
    assert (samples, blobs) == (10, 10)
    assert workspace.store.datasets.get(version.ref).forgotten == 10
    assert list(workspace.blobs.digests()) == []
    assert verify(workspace) == []
    with pytest.raises(NotFoundError):
        workspace.sample(numbers[0])


def test_models_are_not_marked_by_tidying_up(workspace: Workspace, fill: Filled) -> None:
    from truing.testing.factories import make_model

    numbers = fill(10)
    version = workspace.freeze("mine")
    workspace.store.models.add(make_model(1, dataset=str(version.ref)))
    workspace.delete(ids=numbers[:5])
    trash.empty(workspace)
    assert workspace.store.models.all()[0].state.value == "ready"


def test_time_erases_what_nobody_took_back(workspace: Workspace, fill: Filled) -> None:
    numbers = fill(3)
    clock = ShiftedClock(workspace)
    workspace.delete(ids=numbers[:1])
    clock.days = 5
    workspace.delete(ids=numbers[1:2])
    assert housekeeping.due(workspace).erased == 0
    clock.days = 8
    assert housekeeping.due(workspace).erased == 1
    assert workspace.store.trash.count() == 1
    with pytest.raises(NotFoundError):
        trash.take_back(workspace, ids=numbers[:1])
    assert trash.take_back(workspace, ids=numbers) == numbers[1:2]
    assert [one.id for one in workspace.store.samples.iterate(SampleFilter())] == numbers[1:]


def test_media_that_a_backup_lists_stay(workspace: Workspace, fill: Filled) -> None:
    (number,) = fill(1)
    digest = workspace.sample(number).media[0].digest
    create_backup(workspace)
    workspace.delete(ids=[number])
    assert trash.empty(workspace) == (1, 0)
    assert workspace.blobs.verify(digest)


def test_deleting_by_filter(workspace: Workspace, fill: Filled) -> None:
    fill(25)
    gone = workspace.delete(where=SampleFilter(subject="jackson"))
    assert len(gone) == 10
    assert {one.subject for one in workspace.store.samples.iterate(SampleFilter())} == {"theo"}
    with pytest.raises(NothingToDoError):
        workspace.delete(where=SampleFilter(subject="jackson"))


def test_what_cannot_be_deleted_or_taken_back(workspace: Workspace, fill: Filled) -> None:
    (number,) = fill(1)
    with pytest.raises(InvalidInputError):
        workspace.delete()
    with pytest.raises(InvalidInputError):
        workspace.delete(where=SampleFilter())
    with pytest.raises(NotFoundError):
        workspace.delete(ids=[number, 99])
    assert workspace.sample(number).state is State.ACCEPTED
    with pytest.raises(NothingToDoError, match="empty"):
        trash.take_back(workspace, last=True)
    with pytest.raises(NotFoundError, match="not in the trash"):
        trash.take_back(workspace, ids=[number])
    workspace.delete(ids=[number])
    with pytest.raises(NothingToDoError, match="already"):
        workspace.delete(ids=[number])


def test_forgetting_reaches_into_the_trash(workspace: Workspace, fill: Filled) -> None:
    numbers = fill(25)
    workspace.delete(ids=numbers)
    told = workspace.forget(subject="jackson")
    assert told.samples == 10
    assert workspace.store.trash.count() == 15
