"""Lists may be narrowed to the names that are there, the most frequent first."""

from __future__ import annotations

from collections.abc import Callable

from truing import Workspace
from truing.domain.sample import SampleFilter
from truing.loop.measure import measure
from truing.workspace.choices import choices, in_use

Filled = Callable[..., list[int]]


def counted(workspace: Workspace) -> None:
    """Figures have been asked for."""
    metric = workspace.modality("speech").metrics[0]
    measure(workspace.store.tallies, metric, SampleFilter(modality="speech"))


def test_an_empty_workspace_offers_nothing(workspace: Workspace) -> None:
    told = choices(workspace).as_dict()
    assert told == {"modalities": [], "speakers": [], "sources": [], "tags": [], "findings": []}


def test_modalities_are_offered_once_there_is_something_of_them(
    workspace: Workspace, fill: Filled
) -> None:
    fill(1, reviewed=False)
    assert choices(workspace).modalities == in_use(workspace) == ("speech",)


def test_names_come_by_how_often_they_are_there(workspace: Workspace, fill: Filled) -> None:
    fill(2, subject="ann", source="phone", reviewed=False)
    fill(3, subject="ben", source="desk", reviewed=False)
    fill(1, subject=None, source="desk", reviewed=False)
    counted(workspace)
    found = choices(workspace)
    assert found.speakers == ("ben", "ann")
    assert found.sources == ("desk", "phone")


def test_who_is_in_the_trash_alone_is_not_offered(workspace: Workspace, fill: Filled) -> None:
    gone = fill(1, subject="ann", reviewed=False)
    fill(1, subject="ben", reviewed=False)
    counted(workspace)
    workspace.delete(ids=gone)
    counted(workspace)
    assert choices(workspace).speakers == ("ben",)


def test_other_modalities_have_names_of_their_own(workspace: Workspace, fill: Filled) -> None:
    fill(1, subject="ann", reviewed=False)
    counted(workspace)
    assert choices(workspace, "other").speakers == ()
