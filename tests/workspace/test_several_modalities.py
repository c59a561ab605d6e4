"""A workspace with samples of two modalities: what is meant unnamed, and what formats take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from truing import Workspace
from truing.domain.errors import InvalidInputError
from truing.domain.sample import SampleFilter

pytest.importorskip("av")

DATA = Path(__file__).parents[1] / "data"
MOUTHS = sorted((DATA / "lipreading" / "grid_s1" / "mouth").glob("*.mp4"))[:2]
SOUND = DATA / "speech" / "digits" / "1_jackson_10.flac"


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """Two mouths and one voice."""
    with Workspace.create(tmp_path / "ws") as made:
        for number, mouth in enumerate(MOUTHS):
            made.capture("lipreading", video=mouth, raw=f"mouth {number}", truth=f"lips {number}")
        made.capture("speech", audio=SOUND, raw="one", truth="won")
        yield made


def kinds(workspace: Workspace) -> Counter[str]:
    return Counter(one.modality for one in workspace.store.samples.iterate(SampleFilter()))


def test_the_usual_modality_is_that_of_most_samples(workspace: Workspace, tmp_path: Path) -> None:
    assert workspace.usual_modality == "lipreading"
    with Workspace.create(tmp_path / "empty") as empty:
        assert empty.usual_modality == "speech"
        empty.capture("lipreading", video=MOUTHS[0])
        empty.capture("speech", audio=SOUND)
        assert empty.usual_modality == "speech"


@pytest.mark.parametrize("format", ["jsonl", "csv"])
def test_tables_hold_both_and_give_both_back(
    format: str, workspace: Workspace, tmp_path: Path
) -> None:
    place = workspace.export(format, tmp_path / "out")
    with Workspace.create(tmp_path / "two") as two:
        outcome = two.import_from(format, place)
        assert (outcome.added, outcome.failed) == (3, 0)
        assert kinds(two) == kinds(workspace) == {"lipreading": 2, "speech": 1}
        assert two.import_from(format, place).skipped == 3


def test_a_format_takes_what_it_can_hold(workspace: Workspace, tmp_path: Path) -> None:
    place = workspace.export("chaplin", tmp_path / "chaplin")
    assert len((place / "training_samples.jsonl").read_text().splitlines()) == 2
    assert len(list((place / "videos").iterdir())) == 2
    workspace.export("audiofolder", tmp_path / "sounds")
    assert len(list((tmp_path / "sounds").glob("*.flac"))) == 1


def test_what_a_format_cannot_hold_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    only = SampleFilter(modality="speech")
    with pytest.raises(InvalidInputError, match="holds lipreading samples, and the filter is of"):
        workspace.export("chaplin", tmp_path / "out", where=only)
    version = workspace.freeze("voices", modality="speech", test_share=0.0, validation_share=0.0)
    with pytest.raises(InvalidInputError, match="voices@1 is of speech"):
        workspace.export("chaplin", tmp_path / "out", dataset=str(version.ref))
    assert not (tmp_path / "out").exists()
    with pytest.raises(InvalidInputError, match="`s2s` holds speech samples, not lipreading"):
        workspace.import_from("s2s", DATA / "clients" / "s2s", modality="lipreading")


def test_rows_that_do_not_say_take_the_modality_that_is_named(
    workspace: Workspace, tmp_path: Path
) -> None:
    workspace.export("vsr", tmp_path / "vsr")
    with Workspace.create(tmp_path / "two") as two:
        refused = two.import_from("jsonl", tmp_path / "vsr" / "vsr.jsonl")
        assert (refused.added, refused.failed) == (0, 2)
        outcome = two.import_from("jsonl", tmp_path / "vsr" / "vsr.jsonl", modality="lipreading")
        assert outcome.added == 2
        assert sorted(one.truth for one in two.store.samples.iterate(SampleFilter())) == [
            "lips 0",
            "lips 1",
        ]
