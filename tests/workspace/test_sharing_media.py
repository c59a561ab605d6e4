"""Media that two samples share: whoever comes while the other one goes keeps them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from truing import Workspace
from truing.domain.archive import Packed
from truing.domain.sample import Added, NewSample, Sample
from truing.formats.nexvision_tree import SessionTree
from truing.testing.contest import png, scene, tinted
from truing.workspace import trash
from truing.workspace.archiving import archive
from truing.workspace.compressing import compress
from truing.workspace.unarchiving import restore

SHARED = png(scene(3, (96, 72)))
OTHER = png(tinted(scene(3, (96, 72)), (1.1, 1.0, 0.8)))

Goes = Callable[[Workspace, Sample], object]
GOING: dict[str, Goes] = {
    "archived": lambda workspace, one: archive(workspace, ids=[one.id]),
    "erased": lambda workspace, one: trash.erase(workspace, [one.id]),
    "forgotten": lambda workspace, one: workspace.forget(ids=[one.id]),
    "compressed": lambda workspace, one: compress(
        workspace, ids=[one.id], format="webp", quality=1
    ),
}


def captured(workspace: Workspace, text: str) -> Sample:
    added = workspace.capture("image_edit", original=SHARED, edited=OTHER, raw=text)
    assert added is not None
    return workspace.sample(added.id)


@pytest.fixture(params=list(GOING))
def meanwhile(request: pytest.FixtureRequest) -> Goes:
    return GOING[request.param]


def goes_before_the_row(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, goes: Goes, one: Sample
) -> None:
    """The other one goes when the media of the new sample are put and its row is not there yet."""
    add = workspace.store.samples.add

    def then_add(samples: Sequence[NewSample]) -> list[Added]:
        monkeypatch.undo()
        goes(workspace, one)
        return add(samples)

    monkeypatch.setattr(workspace.store.samples, "add", then_add)


def lacks(workspace: Workspace, number: int) -> list[str]:
    media = workspace.sample(number).media
    return [medium.role for medium in media if not workspace.blobs.exists(medium.digest)]


def test_a_sample_that_is_captured(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, meanwhile: Goes
) -> None:
    goes_before_the_row(workspace, monkeypatch, meanwhile, captured(workspace, "make it warmer"))
    assert lacks(workspace, captured(workspace, "make it colder").id) == []


def test_several_results_of_one_moment(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, meanwhile: Goes
) -> None:
    goes_before_the_row(workspace, monkeypatch, meanwhile, captured(workspace, "make it warmer"))
    results = [OTHER, png(scene(4, (96, 72)))]
    added = workspace.capture("image_edit", original=SHARED, edited=results, raw="two of one")
    assert added is not None
    assert [lacks(workspace, number) for number in added.results] == [[], []]


def test_rows_that_are_imported(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, meanwhile: Goes, tmp_path: Path
) -> None:
    tree, key = SessionTree(tmp_path / "training-data"), "session-2026-11-20T09-49-36-051Z"
    assert tree.claim(key)
    tree.put(
        key,
        {"original.png": SHARED, "reimagined.png": OTHER},
        {
            "sessionId": key,
            "instruction": "make it colder",
            "originalFilename": "original.png",
            "reimaginedFilename": "reimagined.png",
        },
    )
    goes_before_the_row(workspace, monkeypatch, meanwhile, captured(workspace, "make it warmer"))
    assert workspace.import_from("nexvision", tree.root).added == 1
    (number,) = workspace.store.samples.by_source("nexvision", [key]).values()
    assert lacks(workspace, number) == []


def test_a_sample_that_is_brought_back(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = captured(workspace, "make it colder")
    other = captured(workspace, "make it warmer")
    archive(workspace, ids=[away.id], name="away")
    put_back = workspace.store.archives.put_back

    def then_put_back(packed: Sequence[Packed]) -> dict[str, int]:
        monkeypatch.undo()
        trash.erase(workspace, [other.id])
        return put_back(packed)

    monkeypatch.setattr(workspace.store.archives, "put_back", then_put_back)
    assert restore(workspace, "away").ids == (away.id,)
    assert lacks(workspace, away.id) == []


def test_a_row_that_comes_before_the_media_go(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, meanwhile: Goes
) -> None:
    first = captured(workspace, "make it warmer")
    asked, came = workspace.store.samples.needed_blobs, []

    def ask(digests: Sequence[str]) -> set[str]:
        found = asked(digests)
        if digests and not came:
            # Between the question and the deed.
            came.append(captured(workspace, "make it colder").id)
        return found

    monkeypatch.setattr(workspace.store.samples, "needed_blobs", ask)
    meanwhile(workspace, first)
    assert [lacks(workspace, number) for number in came] == [[]]
