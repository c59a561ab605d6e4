"""The figures on training data: of real pairs, and how they follow what happens to them."""

from __future__ import annotations

from pathlib import Path

import pytest

from truing import Workspace
from truing.domain.clock import MICROSECONDS
from truing.domain.errors import NotFoundError
from truing.domain.sample import SampleFilter
from truing.loop.survey import VERSION, facts_of, survey
from truing.testing.filling_edits import fill_edits
from truing.workspace.training_data import TrainingData, training_data

NEXVISION = Path(__file__).parents[1] / "data" / "clients" / "nexvision"
DAY = 86_400 * MICROSECONDS


@pytest.fixture
def imported(workspace: Workspace) -> Workspace:
    """The 27 sessions of the app, read in."""
    workspace.import_from("nexvision", NEXVISION)
    return workspace


def told(workspace: Workspace) -> TrainingData:
    """The figures of edits, everything counted."""
    return training_data(workspace, "image_edit")


def test_an_empty_workspace_has_no_figures(workspace: Workspace) -> None:
    found = told(workspace).as_dict()
    assert (found["samples"], found["complete"], found["latest"]) == (0, True, None)
    assert found["texts"] == {
        "distinct": 0,
        "share_distinct": None,
        "clusters": 0,
        "share_largest": None,
        "most_frequent": [],
        "words": [],
    }
    assert found["by_week"] == found["by_source"] == found["findings"] == []
    with pytest.raises(NotFoundError, match="smell"):
        training_data(workspace, "smell")


def test_figures_of_real_sessions(imported: Workspace) -> None:
    found = told(imported)
    data = found.as_dict()
    sizes = [file.stat().st_size for file in NEXVISION.rglob("*.jpg")]
    assert (data["samples"], data["sessions"], data["media"]) == (27, 27, 54)
    assert data["bytes"] == sum(sizes)
    every = list(imported.store.samples.iterate(SampleFilter()))
    texts = {(one.proposal or "").strip() for one in every} - {""}
    assert data["texts"]["distinct"] == len(texts) == 12
    assert data["texts"]["share_distinct"] == pytest.approx(12 / 27)
    first = data["texts"]["most_frequent"][0]
    assert first == {"text": "increase the contrast", "samples": 5, "texts": 1}
    assert {"word": "contrast", "samples": 5} in data["texts"]["words"]
    newest = max(every, key=lambda one: one.captured_at)
    assert data["latest"]["id"] == newest.id
    kinds = {one["check"]: one["samples"] for one in data["findings"]}
    assert kinds == {
        check: len({one.id for one in every for found in one.findings if found.check == check})
        for check in kinds
    }
    assert kinds["unchanged"] == 2
    assert [one["source"] for one in data["by_source"]] == ["nexvision"]
    assert sum(week["samples"] for week in data["by_week"]) == 27
    assert sum(day["samples"] for day in data["by_day"]) == 27


def test_figures_follow_at_once(imported: Workspace) -> None:
    before = told(imported)
    original = next(NEXVISION.rglob("original-*.jpg"))
    added = imported.capture(
        "image_edit",
        original=original,
        edited=next(NEXVISION.rglob("reimagined-*.jpg")),
        raw="Please INCREASE the contrast!",
        source="app",
        session="s-1",
    )
    assert added is not None
    after = told(imported)
    assert (after.samples, after.survey.texts) == (28, before.survey.texts + 1)
    assert after.survey.clusters == before.survey.clusters
    largest = after.survey.frequent[0]
    assert (largest.text, largest.samples, largest.texts) == ("increase the contrast", 6, 2)
    assert [one.name for one in after.survey.sources] == ["nexvision", "app"]

    imported.rate(added.id, 2)
    imported.rate(added.id, 4)
    imported.rate(1, 5)
    imported.review(added.id, "corrected", truth="add a moustache")
    found = told(imported)
    assert found.survey.ratings == {1: 0, 2: 0, 3: 0, 4: 1, 5: 1}
    assert found.as_dict()["ratings"]["mean"] == 4.5
    assert found.states["corrected"] == 1
    assert found.survey.clusters == before.survey.clusters + 1
    assert found.survey.frequent[0].samples == 5

    imported.delete(ids=[added.id])
    assert told(imported).survey.samples == 27
    imported.forget(ids=[added.id])
    assert told(imported).survey.ratings[4] == 0


def test_a_forgotten_instruction_is_in_no_figure(imported: Workspace) -> None:
    added = imported.capture(
        "image_edit",
        original=next(NEXVISION.rglob("original-*.jpg")),
        edited=next(NEXVISION.rglob("reimagined-*.jpg")),
        raw="paint xylophonia on the wall",
    )
    assert added is not None
    told(imported)
    imported.forget(ids=[added.id])
    database = imported.layout.database
    held = b"".join(path.read_bytes() for path in database.parent.glob(f"{database.name}*"))
    assert b"xylophonia" not in held


def test_weeks_and_days_are_those_of_capture(workspace: Workspace) -> None:
    picture = next(NEXVISION.rglob("original-*.jpg"))
    other = next(NEXVISION.rglob("reimagined-*.jpg"))
    monday = 1_704_067_200 * MICROSECONDS  # 2024-01-01T00:00:00Z
    for at in (monday - 1, monday, monday + 7 * DAY - 1, monday + 200 * DAY):
        workspace.capture(
            "image_edit", original=picture, edited=other, raw="x", captured_at=at, source="app"
        )
    found = told(workspace).survey
    weeks = [(week.first, week.samples) for week in found.weeks]
    assert weeks == [("2023-12-25", 1), ("2024-01-01", 2), ("2024-07-15", 1)]
    assert [one.name for one in found.days] == [
        "2023-12-31",
        "2024-01-01",
        "2024-01-07",
        "2024-07-19",
    ]


def test_little_time_counts_in_steps(workspace: Workspace) -> None:
    fill_edits(workspace.store, workspace.blobs, 1200)
    steps = []
    while not (found := training_data(workspace, "image_edit", seconds=0.0)).survey.complete:
        steps.append(found.survey.samples)
        assert found.samples == 1200
    assert steps == [500, 1000]
    assert found.survey.samples == 1200
    again = survey(workspace.store.census, "image_edit")
    assert again == found.survey
    assert workspace.store.census.take("image_edit", VERSION, facts_of) == 0


def test_many_pairs_are_counted_as_they_are(workspace: Workspace) -> None:
    fill_edits(workspace.store, workspace.blobs, 600, seed=5)
    found = told(workspace).survey
    every = list(workspace.store.samples.iterate(SampleFilter()))
    said = [" ".join((one.truth or one.proposal or "").split()) for one in every]
    assert found.texts == len(set(said))
    assert found.clusters <= found.texts
    assert sum(found.ratings.values()) == sum(one.rating is not None for one in every)
    assert found.sittings == 600
    undecided = [one for one in every if one.state.value in ("pending", "skipped")]
    unchanged = next(one for one in found.findings if one.check == "unchanged")
    assert unchanged.open == sum(
        any(finding.check == "unchanged" for finding in one.findings) for one in undecided
    )
    assert dict(found.weeks[0].sources).keys() <= {"nexvision", "app", "imagefolder"}


def test_long_texts_are_told_apart(workspace: Workspace) -> None:
    picture = next(NEXVISION.rglob("original-*.jpg"))
    other = next(NEXVISION.rglob("reimagined-*.jpg"))
    for end in ("one", "two", "two"):
        raw = f"{'word ' * 300}{end}"
        workspace.capture("image_edit", original=picture, edited=other, raw=raw)
    found = told(workspace).survey
    assert (found.texts, found.clusters) == (2, 2)
    assert found.frequent[0].samples == 2
