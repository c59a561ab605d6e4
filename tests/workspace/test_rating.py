"""Ratings: given at once or later, by whom, and what is chosen by them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from truing import Workspace
from truing.domain.errors import ConflictError, InvalidInputError, NotFoundError
from truing.domain.sample import SampleFilter

Filled = Callable[..., list[int]]


def test_the_newest_rating_counts(workspace: Workspace, digit: Path) -> None:
    added = workspace.capture(
        "speech", audio=digit, rating=4, rating_reason=" clear ", actor="ann", source_key="1"
    )
    assert added is not None
    assert workspace.sample(added.id).rating == 4
    workspace.rate(added.id, 2, actor="bob")
    told = [(one.value, one.reason, one.actor) for one in workspace.ratings(added.id)]
    assert told == [(4, "clear", "ann"), (2, None, "bob")]
    assert workspace.rate(added.id, 5).actor == workspace.actor
    again = workspace.capture("speech", audio=digit, rating=1, source_key="1")
    assert again is not None
    assert not again.new
    assert workspace.sample(added.id).rating == 5, "what is there keeps its rating"


@pytest.mark.parametrize("value", [0, 6, -1, True, 2.5])
def test_what_is_no_rating_is_refused(workspace: Workspace, digit: Path, value: int) -> None:
    with pytest.raises(InvalidInputError, match="no rating"):
        workspace.capture("speech", audio=digit, rating=value)
    assert workspace.store.samples.count(SampleFilter()) == 0
    added = workspace.capture("speech", audio=digit)
    assert added is not None
    with pytest.raises(InvalidInputError, match="no rating"):
        workspace.rate(added.id, value)
    with pytest.raises(InvalidInputError, match="2001 characters"):
        workspace.rate(added.id, 3, "x" * 2001)
    assert workspace.ratings(added.id) == []


def test_only_what_is_there_is_rated(workspace: Workspace, digit: Path) -> None:
    with pytest.raises(NotFoundError):
        workspace.rate(42, 3)
    with pytest.raises(NotFoundError):
        workspace.ratings(42)
    added = workspace.capture("speech", audio=digit)
    assert added is not None
    workspace.rate(added.id, 3)
    workspace.delete(ids=[added.id])
    with pytest.raises(ConflictError, match="trash"):
        workspace.rate(added.id, 4)
    assert workspace.sample(added.id).rating == 3


def test_versions_and_exports_hold_the_well_rated(
    workspace: Workspace, fill: Filled, tmp_path: Path
) -> None:
    numbers = fill(12)
    for number in numbers[:8]:
        workspace.rate(number, 1 + number % 5)
    where = SampleFilter(rating_from=3)
    good = list(workspace.store.samples.iterate(where))
    assert {one.id for one in good} == {one for one in numbers[:8] if one % 5 >= 2}
    version = workspace.freeze("good", where=where)
    assert sum(version.counts.values()) == len(good)
    target = workspace.export("jsonl", tmp_path / "good.jsonl", where=where)
    lines = target.read_text(encoding="utf-8").splitlines()
    assert len([json.loads(line) for line in lines]) == len(good)
    best = max(one.quality for one in workspace.store.samples.iterate(SampleFilter()))
    found = list(workspace.store.samples.iterate(SampleFilter(quality_from=best)))
    assert found
    assert all(one.quality >= best for one in found)


@pytest.mark.parametrize("format", ["jsonl", "csv"])
def test_ratings_go_along_with_their_samples(
    workspace: Workspace, fill: Filled, tmp_path: Path, format: str
) -> None:
    first, second, third = fill(3)
    workspace.rate(first, 5)
    workspace.rate(second, 2)
    place = workspace.export(format, tmp_path / "out")
    with Workspace.create(tmp_path / "other") as other:

        def ratings() -> list[int | None]:
            samples = other.store.samples.iterate(SampleFilter())
            return [one.rating for one in sorted(samples, key=lambda one: one.captured_at)]

        expected = [workspace.sample(number).rating for number in (first, second, third)]
        assert other.import_from(format, place).added == 3
        assert ratings() == expected == [5, 2, None]
        # What was rated here is not overruled; what was not yet, follows its source.
        numbers = [one.id for one in other.store.samples.iterate(SampleFilter())]
        other.rate(min(numbers), 1)
        assert other.import_from(format, place).skipped == 3
        assert sorted(one or 0 for one in ratings()) == [0, 1, 2]


def test_a_rating_that_came_later_in_the_source(
    workspace: Workspace, digit: Path, tmp_path: Path
) -> None:
    rows = tmp_path / "rows.jsonl"
    sound = shutil.copy(digit, tmp_path)
    for said, expected in (({}, None), ({"rating": 3}, 3), ({"rating": 5}, 3), ({"rating": 9}, 3)):
        rows.write_text(json.dumps({"file_name": Path(sound).name, "text": "one", **said}))
        assert workspace.import_from("jsonl", rows).failed == 0
        (sample,) = workspace.store.samples.iterate(SampleFilter())
        assert sample.rating == expected
    workspace.delete(ids=[sample.id])
    assert workspace.import_from("jsonl", rows).failed == 0
