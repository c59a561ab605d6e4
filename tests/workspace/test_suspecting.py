"""Wrong labels among right ones come first when models are asked; a second decision settles."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from truing import Workspace
from truing.demo.shipped import HELD_OUT, RECORDINGS, base_without
from truing.domain.errors import NotFoundError
from truing.domain.finding import SUSPECT_LABEL, CheckReport, Finding, Severity
from truing.domain.prediction import Alternative, Recognition
from truing.domain.sample import Sample, SampleFilter, SampleOrder
from truing.loop.suspect import Heard, Listener, suspect
from truing.metrics.words import SENTENCE
from truing.workspace.suspecting import distance_of

BASE = str(base_without("theo"))
PLANTED = (7, 28, 49, 66, 93)
"""Places among a hundred recordings that get another recording's label."""
Labelled = Callable[..., list[int]]


@pytest.fixture
def labelled(workspace: Workspace) -> Labelled:
    """Captures recordings that no base was trained on, each with its label."""

    def made(count: int, planted: tuple[int, ...] = ()) -> list[int]:
        lines = (RECORDINGS / "metadata.jsonl").read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        rows = [r for r in rows if r["speaker"] != "theo" and r["recording"] in HELD_OUT]
        numbers = []
        for place, row in enumerate(rows[:count]):
            label = row["transcription"]
            if place in planted:
                label = next(r["transcription"] for r in rows if r["transcription"] != label)
            audio = RECORDINGS / row["file_name"]
            added = workspace.capture("speech", audio=audio, truth=label, sampling="wholesale")
            assert added is not None
            numbers.append(added.id)
        return numbers

    return made


def doubts(workspace: Workspace, number: int) -> list[float]:
    found = workspace.sample(number).findings
    return [float(one.value or 0) for one in found if one.check == SUSPECT_LABEL]


def test_planted_wrong_labels_come_first(workspace: Workspace, labelled: Labelled) -> None:
    numbers = labelled(100, PLANTED)
    wrong = {numbers[place] for place in PLANTED}
    found = workspace.check_labels(models=[BASE])
    assert (found.labels, found.judged, found.settled) == (100, 100, 0)
    assert found.agreement[BASE] > 0.9
    ranked = [one.sample for one in found.suspects]
    # All five among the first six, and hardly anything but them in doubt at all.
    assert wrong <= set(ranked[:6])
    assert len(ranked) <= 10
    flagged = SampleFilter(finding=SUSPECT_LABEL)
    assert workspace.store.samples.count(flagged) == len(ranked)
    page = workspace.store.samples.page(flagged, SampleOrder.LOWEST_QUALITY)
    assert wrong <= {one.id for one in page.items[:6]}
    asked = workspace.check_labels(models=[BASE])
    assert asked.suspects == found.suspects


def test_deciding_again_settles_a_doubt(workspace: Workspace, labelled: Labelled) -> None:
    first, second, *_ = labelled(10, (0, 1))
    before = workspace.sample(first).quality
    workspace.check_labels(models=[BASE])
    assert doubts(workspace, first)
    assert doubts(workspace, second)
    assert workspace.sample(first).quality < before
    # The first was right after all; the second is corrected to what it is.
    workspace.review(first, "corrected", str(workspace.sample(first).truth))
    workspace.review(second, "skipped")
    assert doubts(workspace, second)
    workspace.review(second, "corrected", "none of these")
    assert doubts(workspace, first) == doubts(workspace, second) == []
    assert workspace.sample(first).quality == before
    found = workspace.check_labels(models=[BASE])
    assert found.settled == 1
    assert first not in {one.sample for one in found.suspects}


def test_checking_the_sound_keeps_the_doubt(workspace: Workspace, labelled: Labelled) -> None:
    first, *_ = labelled(6, (0,))
    workspace.check_labels(models=[BASE])
    held = workspace.sample(first)
    assert workspace.check().changed == 0
    assert workspace.sample(first).findings == held.findings
    assert workspace.sample(first).quality == held.quality


class TestPredictions:
    def test_what_was_seen_when_deciding_is_no_evidence(self, workspace: Workspace) -> None:
        audio = RECORDINGS / "theo_00.flac"
        path = audio if audio.exists() else next(RECORDINGS.rglob("*.flac"))
        added = workspace.capture("speech", audio=path, raw="seven", truth="zero", confidence=0.9)
        assert added is not None
        assert workspace.check_labels().judged == 0
        workspace.add_prediction(added.id, Recognition(text="seven", confidence=0.9), model="app")
        found = workspace.check_labels()
        assert (found.judged, [one.model for one in found.suspects]) == (1, ["app"])

    def test_a_model_that_finds_the_label_likely_too_does_not_doubt_it(
        self, workspace: Workspace, labelled: Labelled
    ) -> None:
        sure, torn = labelled(2)
        for number, chance in ((sure, 0.01), (torn, 0.75)):
            label = str(workspace.sample(number).truth)
            said = Recognition(
                text="something else",
                confidence=0.8,
                alternatives=(Alternative(text=label, confidence=chance),),
            )
            workspace.add_prediction(number, said, model="app")
        found = workspace.check_labels()
        assert [one.sample for one in found.suspects] == [sure]

    def test_several_models_weigh_by_how_often_they_agree(
        self, workspace: Workspace, labelled: Labelled
    ) -> None:
        numbers = labelled(12)
        for place, number in enumerate(numbers):
            label = str(workspace.sample(number).truth)
            good = "quite another text" if place == 3 else label
            workspace.add_prediction(number, Recognition(text=good), model="good")
            workspace.add_prediction(number, Recognition(text="mumbling of sorts"), model="bad")
        found = workspace.check_labels()
        assert [one.sample for one in found.suspects] == [numbers[3]]
        assert found.agreement["good"] > 0.9
        assert found.agreement["bad"] < 0.4

    def test_a_doubt_that_no_longer_holds_is_removed(
        self, workspace: Workspace, labelled: Labelled
    ) -> None:
        (number,) = labelled(1)
        said = Recognition(text="another text altogether")
        workspace.add_prediction(number, said, model="app")
        workspace.check_labels()
        assert doubts(workspace, number)
        right = Recognition(text=str(workspace.sample(number).truth).upper())
        workspace.add_prediction(number, right, model="app")
        workspace.check_labels()
        assert doubts(workspace, number) == []


def test_samples_without_a_label_are_passed_over(workspace: Workspace) -> None:
    workspace.capture("speech", audio=next(RECORDINGS.rglob("*.flac")), raw="one")
    found = workspace.check_labels(models=[BASE])
    assert (found.labels, found.judged, found.suspects) == (0, 0, ())


def test_a_lost_recording_is_counted(workspace: Workspace, labelled: Labelled) -> None:
    (number,) = labelled(1)
    workspace.blobs.delete(workspace.sample(number).media[0].digest)
    found = workspace.check_labels(models=[BASE])
    assert (found.unreadable, found.judged) == (1, 0)


def test_a_model_that_is_not_there(workspace: Workspace) -> None:
    with pytest.raises(NotFoundError):
        workspace.check_labels(models=["speech/9"])


def test_a_model_is_not_asked_about_what_it_learnt(
    workspace: Workspace, labelled: Labelled
) -> None:
    first, second = labelled(2)
    asked = []

    def hears(sample: Sample, label: str) -> Heard:
        asked.append((sample.id, label))
        return Heard(model="mine", text="something else", confidence=1.0)

    learnt = frozenset({workspace.sample(first).uid})
    store = workspace.store
    found = suspect(
        store.samples.iterate(SampleFilter()),
        store.samples,
        store.reviews,
        distance_of(workspace.modality("speech")),
        workspace.settings,
        listeners=[Listener(name="mine", hears=hears, learnt=learnt)],
    )
    assert asked == [(second, workspace.sample(second).truth)]
    assert [one.sample for one in found.suspects] == [second]


def test_a_sample_erased_meanwhile_is_passed_over(workspace: Workspace, labelled: Labelled) -> None:
    numbers = labelled(2)
    for number in numbers:
        workspace.add_prediction(number, Recognition(text="quite different"), model="app")

    def erase(done: int, number: int) -> None:
        if done == len(numbers):
            workspace.store.samples.erase([numbers[0]])

    workspace.check_labels(on_progress=erase)
    flagged = workspace.store.samples.iterate(SampleFilter(finding=SUSPECT_LABEL))
    assert [sample.id for sample in flagged] == [numbers[1]]


def test_doubt_falls_on_a_poor_recording_too() -> None:
    poor = Finding(check="noisy", severity=Severity.WARNING, reason="it hisses")
    doubt = Finding(check=SUSPECT_LABEL, severity=Severity.WARNING, reason="another", value=0.8)
    before = CheckReport(findings=(poor,), quality=0.5)
    after = before.doubted(doubt)
    assert after.findings == (poor, doubt)
    assert after.quality == pytest.approx(0.5 * 0.28)
    assert after.doubted(doubt) == after
    assert after.settled() == before


class TestDistance:
    def test_letters_count_where_the_modality_counts_them(self, workspace: Workspace) -> None:
        distance = distance_of(workspace.modality("speech"))
        assert distance("Buy milk!", "buy milk") == 0
        assert distance("", "") == 0
        assert distance("buy milk", "") == distance("", "buy milk") == 1
        assert 0 < distance("buy milk", "buy silk") < 0.2

    def test_a_metric_where_more_is_better_is_turned_round(self) -> None:
        class Exact:
            metrics = (SENTENCE,)

        distance = distance_of(Exact())  # type: ignore[arg-type]
        assert (distance("one", "one"), distance("one", "two")) == (0, 1)
