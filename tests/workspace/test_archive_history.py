"""Why archives were made, and when they were last looked through."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from truing import Workspace
from truing.domain.review import State
from truing.domain.sample import SampleFilter
from truing.testing.factories import START
from truing.workspace import archives
from truing.workspace.archive_history import reason_of, remembered
from truing.workspace.archiving import archive

Filled = Callable[..., list[int]]


@pytest.mark.parametrize(
    ("where", "told"),
    [
        (SampleFilter(states=(State.REJECTED, State.SKIPPED)), "rejected or skipped"),
        (
            SampleFilter(modality="speech", captured_until=START),
            "samples of speech captured before 2023-11-14",
        ),
        (SampleFilter(captured_from=START), "samples captured since 2023-11-14"),
        (SampleFilter(subject="ann", text="my secret"), "samples narrowed further"),
    ],
)
def test_a_filter_in_words_names_nobody(where: SampleFilter, told: str) -> None:
    assert reason_of(where) == told


def test_reasons_are_those_of_the_rule_the_filter_or_none(
    workspace: Workspace, fill: Filled
) -> None:
    numbers = fill(3)
    archive(workspace, ids=numbers[:1], name="named")
    archive(workspace, ids=numbers[1:2], name="ruled", reason="archive older than 1 day")
    archive(workspace, SampleFilter(modality="speech"), name="filtered")
    told = {one.archive.name: one.reason for one in remembered(workspace)}
    assert told == {
        "named": None,
        "ruled": "archive older than 1 day",
        "filtered": "samples of speech",
    }


def test_an_archive_is_whole_as_of_its_making_then_as_of_the_last_look(
    workspace: Workspace, fill: Filled
) -> None:
    archive(workspace, ids=fill(2), name="one")
    (made,) = remembered(workspace)
    assert (made.checked_at, made.whole) == (made.archive.created_at, True)
    archives.verify(workspace, "one")
    (looked,) = remembered(workspace)
    assert (looked.checked_at > made.checked_at, looked.whole) == (True, True)
    made.archive.place.write_bytes(made.archive.place.read_bytes()[:-2000])
    assert archives.verify(workspace).problems
    (cut,) = remembered(workspace)
    assert (cut.whole, cut.as_dict()["whole"]) == (False, False)
    assert cut.why


def test_a_name_that_is_used_again_begins_anew(workspace: Workspace, fill: Filled) -> None:
    numbers = fill(2)
    archive(workspace, ids=numbers[:1], name="one", reason="the first")
    (made,) = remembered(workspace)
    made.archive.place.write_bytes(b"damaged")
    archives.verify(workspace)
    archives.delete(workspace, "one")
    archive(workspace, ids=numbers[1:], name="one")
    (again,) = remembered(workspace)
    assert (again.whole, again.reason) == (True, None)
