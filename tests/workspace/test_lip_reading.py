"""Clips of the GRID corpus, from a folder to a model that is measured and refused or taken."""

from __future__ import annotations

import shutil
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from truing import Workspace
from truing.domain.dataset import DatasetRef, DatasetRow
from truing.domain.run import RunState
from truing.domain.sample import SampleFilter
from truing.workspace.proving import transcribe
from truing.workspace.reports import of_evaluation

CLIPS = Path(__file__).parents[1] / "data" / "lipreading" / "grid_s1"
POSITIONS = ["command", "colour", "preposition", "letter", "digit", "adverb"]


def rows(workspace: Workspace, dataset: str) -> list[DatasetRow]:
    return list(workspace.store.datasets.rows(DatasetRef.parse(dataset)))


def payloads(workspace: Workspace, dataset: str) -> list[dict[str, str]]:
    return [dict(row.payload) for row in rows(workspace, dataset) if row.payload is not None]  # type: ignore[arg-type]


def corpus(folder: Path, **speakers: list[str]) -> Path:
    """Clips of the given names as folders of speakers."""
    for speaker, names in speakers.items():
        for kind, ending in (("mouth", "mp4"), ("align", "align")):
            (folder / speaker / kind).mkdir(parents=True)
            for name in names:
                shutil.copy(CLIPS / kind / f"{name}.{ending}", folder / speaker / kind)
    return folder


def names() -> list[str]:
    return sorted(file.stem for file in (CLIPS / "mouth").iterdir())


def test_a_corpus_becomes_a_split_that_keeps_its_groups_whole(workspace: Workspace) -> None:
    outcome = workspace.import_from("grid", CLIPS)
    assert (outcome.added, outcome.failed) == (160, 0)
    again = workspace.import_from("grid", CLIPS)
    assert (again.added, again.skipped) == (0, 160)
    sample = next(iter(workspace.store.samples.iterate(SampleFilter())))
    assert sample.state.value == "accepted"
    assert not sample.prediction_known
    assert {medium.role for medium in sample.media} == {"video", "alignment"}
    workspace.freeze("grid", modality="lipreading", test_share=0.2, validation_share=0.1)
    found = payloads(workspace, "grid@1")
    assert len(found) == 160, "no clip is kept out by its checks"
    parts = defaultdict(set)
    for row in found:
        parts[row["session"]].add(row["split"])
    assert len(parts) == 49
    assert all(len(split) == 1 for split in parts.values())
    counts = Counter(row["split"] for row in found)
    assert 28 <= counts["test"] <= 36
    assert 12 <= counts["validation"] <= 20


def test_unseen_speakers_are_tested_on_alone(workspace: Workspace, tmp_path: Path) -> None:
    known = names()
    folder = corpus(tmp_path / "grid", s1=known[:8], s2=known[8:14], s20=known[14:20])
    assert workspace.import_from("grid", folder).added == 20
    workspace.freeze(
        "unseen", modality="lipreading", split="unseen-speaker", test_speakers=["s2", "s20"]
    )
    split = defaultdict(set)
    for row in payloads(workspace, "unseen@1"):
        split[row["subject"]].add(row["split"])
    assert split["s2"] == split["s20"] == {"test"}
    assert "test" not in split["s1"]


def test_a_ridge_is_trained_measured_and_held_against_the_baseline(workspace: Workspace) -> None:
    workspace.import_from("grid", CLIPS)
    workspace.freeze("grid", modality="lipreading", test_share=0.3, validation_share=0.0)
    run = workspace.train("grid@1", recipe="pixel-ridge", options={"alignment": "ignore"})
    ended = workspace.jobs.wait(run.id).run
    assert ended.state is RunState.DONE, ended.error
    found = workspace.evaluate("lipreading/1", "grid@1")
    report = of_evaluation(workspace, found)
    places = report["by_position"]
    assert isinstance(places, list)
    assert [one["name"] for one in places] == POSITIONS
    right = [one["value"] for one in places]
    # Every sentence has six words, so that the places add up to all of them.
    assert sum(right) / 6 == pytest.approx(1 - float(str(found.figures["wer"])))
    assert [one["name"] for one in report["by_familiarity"]] == ["seen"]  # type: ignore[attr-defined]
    assert report["grammar_chance"] == pytest.approx(0.19)
    baseline = found.figures["baseline"]
    assert isinstance(baseline, dict)
    assert baseline["name"] == "pixel ridge"
    # It was kept from learning where words are, which the baseline did learn: the gate refuses it.
    assert baseline["wer"] < found.figures["wer"]
    verdict = workspace.promote("lipreading/1")
    assert not verdict.passed
    assert "pixel ridge" in verdict.sentence
    said = list(
        transcribe(workspace, [CLIPS / "mouth" / "bbas1s.mp4"], "lipreading/1", "lipreading")
    )
    assert len(said[0].recognition.text.split()) == 6
