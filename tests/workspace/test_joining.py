"""Utterances that an app hands over in parts, in any order."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from truing import Workspace
from truing.domain.sample import SampleFilter

CLIPS = sorted(
    (Path(__file__).parents[1] / "data" / "clients" / "chaplin_samples").rglob("training_*.avi")
)


@pytest.fixture
def workspace(tmp_path):
    with Workspace.create(tmp_path / "ws", environ={}) as made:
        yield made


@pytest.fixture
def clip(tmp_path):
    """A clip as the app writes it, which is removed as soon as it was handed over."""

    def made(number=0):
        file = tmp_path / CLIPS[number].name.replace("training_", "webcam")
        file.write_bytes(CLIPS[number].read_bytes())
        return file

    return made


def kept(workspace):
    return sorted(workspace.store.samples.iterate(SampleFilter()), key=lambda one: one.id)


def texts(sample):
    raw, corrected = sample.raw, sample.corrected
    return (raw.text if raw else None, corrected.text if corrected else None)


def test_video_output_and_correction_become_one_sample(workspace, clip):
    file = clip()
    with workspace.joining("lipreading", source="chaplin", subject="ann") as utterances:
        utterances.saw(0, file, "BIN BLUE AT S TWO NOW", confidence=0.4)
        file.unlink()
        utterances.corrected(0, "Bin blue at F two now. ")
    assert utterances.failed == 0
    (sample,) = kept(workspace)
    assert texts(sample) == ("BIN BLUE AT S TWO NOW", "Bin blue at F two now.")
    assert sample.proposal == "Bin blue at F two now."
    assert (sample.subject, sample.source, sample.modality) == ("ann", "chaplin", "lipreading")
    assert sample.raw.recognition.confidence == 0.4
    assert sample.context == {"file": file.name}
    assert sample.captured_at == int(file.stem.removeprefix("webcam")) * 1000
    assert workspace.blobs.read(sample.media[0].digest) == CLIPS[0].read_bytes()


def test_corrections_may_come_late_early_out_of_order_or_never(workspace, clip):
    with workspace.joining("lipreading", source="chaplin") as utterances:
        utterances.corrected("b", "the second")
        utterances.saw("a", clip(0), "THE FIRST")
        utterances.saw("b", clip(1), "THE SECOND")
        utterances.corrected("x", "of nothing")
        utterances.corrected("a", "the first")
        utterances.corrected("a", "")
        utterances.corrected("c", " ")
        utterances.saw("c", clip(2), "THE THIRD", alternatives=["THE BIRD"])
    assert utterances.failed == 0
    assert kept(workspace)[-1].raw.recognition.alternatives[0].text == "THE BIRD"
    assert [texts(one) for one in kept(workspace)] == [
        ("THE FIRST", "the first"),
        ("THE SECOND", "the second"),
        ("THE THIRD", None),
    ]
    with workspace.joining("lipreading", source="other") as utterances:
        utterances.saw("a", clip(0), "THE FIRST")
    assert texts(kept(workspace)[-1]) == ("THE FIRST", None)


def test_the_same_clip_from_the_folder_and_from_the_app_is_one_sample(workspace, clip):
    from truing.workspace.clip_watching import ClipWatch

    file = clip()
    with ClipWatch(workspace, file.parent, subject="ann") as watch:
        seen = until(watch)
    assert len(seen) == 1
    assert texts(workspace.sample(seen[0])) == (None, None)
    with workspace.joining("lipreading", source="chaplin") as utterances:
        utterances.corrected(0, "Bin blue.")  # early, as it may be
        utterances.saw(0, file, "BIN BLUE", confidence=0.5, alternatives=["BEEN BLUE"])
    assert utterances.failed == 0
    (sample,) = kept(workspace)
    assert texts(sample) == ("BIN BLUE", "Bin blue.")
    said = sample.raw.recognition
    assert (said.confidence, [one.text for one in said.alternatives]) == (0.5, ["BEEN BLUE"])


def until(watch, seconds=60):
    import time

    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        watched = watch.look()
        if watched.samples:
            return watched.samples
        time.sleep(0.02)
    return []


def test_the_app_never_fails_for_our_sake(workspace, tmp_path, caplog):
    text = tmp_path / "webcam1.mp4"
    text.write_text("no video")
    with caplog.at_level(logging.WARNING), workspace.joining("lipreading", source="x") as joined:
        joined.saw(0, tmp_path / "gone.mp4", "SECRET WORDS")
        joined.saw(1, text, "SECRET WORDS")
        joined.corrected(1, "secret words")
    joined.saw(2, text, "TOO LATE")
    joined.close()
    assert joined.failed == 3
    assert "FileNotFoundError" in caplog.text
    assert "InvalidInputError" in caplog.text
    assert "secret" not in caplog.text.lower()
    assert kept(workspace) == []


def test_settings_that_keep_nothing(tmp_path, clip):
    environ = {"TRUING_CAPTURE_MODE": "off"}
    with Workspace.create(tmp_path / "ws", environ={}) as workspace:
        pass
    with Workspace.open(tmp_path / "ws", environ=environ) as workspace:
        with workspace.joining("lipreading", source="chaplin") as utterances:
            utterances.saw(0, clip(), "BIN BLUE")
            utterances.corrected(0, "Bin blue.")
        assert utterances.failed == 0
        assert kept(workspace) == []


def test_what_nobody_asks_for_any_more_is_forgotten(workspace, monkeypatch):
    from truing.workspace import joining

    monkeypatch.setattr(joining, "MOST_WAITING", 3)
    with workspace.joining("lipreading", source="chaplin") as utterances:
        for number in range(9):
            utterances.corrected(number, "text")
    assert list(utterances._early) == [6, 7, 8]
