"""Rows for other trainers: VSR rows, pairs for a corrector, Auto-AVSR's labels."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from truing.domain.dataset import Split
from truing.domain.errors import InvalidInputError
from truing.domain.review import State
from truing.formats.auto_avsr import AutoAvsr
from truing.formats.corrector_pairs import CorrectorPairs
from truing.formats.jsonl import JsonLines
from truing.formats.vsr_rows import VsrRows
from truing.testing.exported_rows import MemoryMedia, exported_row


@pytest.fixture
def media(tmp_path: Path) -> MemoryMedia:
    return MemoryMedia(tmp_path)


@pytest.fixture
def rows(media: MemoryMedia) -> list:
    """Two decided rows with a video, one undecided, one without a video."""
    facts = {"duration": 3.0, "frames": 75, "rate": 16.0, "measured_rate": 15.2}
    videos = [
        replace(media.add(bytes([n]) * 9, kind, role="video"), facts=facts)
        for n, kind in enumerate(("video/x-msvideo", "video/mpeg", "video/mp4"))
    ]
    return [
        exported_row(
            1,
            modality="lipreading",
            media={"video": videos[0]},
            raw="BEEN BLUE",
            truth="bin blue, “now” 👋",
            state=State.CORRECTED,
            subject="ann",
            split=Split.TEST,
            context={"context": "a meeting"},
        ),
        exported_row(
            2,
            modality="lipreading",
            media={"video": videos[1]},
            raw=None,
            truth="set red",
            state=State.ACCEPTED,
            prediction_known=False,
        ),
        exported_row(3, modality="lipreading", media={"video": videos[2]}),
        exported_row(4, raw="by milk", truth="buy milk", state=State.CORRECTED),
    ]


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_vsr_rows_are_read_back_as_lip_reading(rows, media, tmp_path: Path) -> None:
    assert VsrRows().write(rows, media, tmp_path / "out") == 2
    first, second = lines(tmp_path / "out" / "vsr.jsonl")
    assert first == {
        "video": f"vsr.media/{rows[0].uid}.avi",
        "text": "bin blue, “now” 👋",
        "duration": 3.0,
        "fps": 15.2,
        "speaker": "ann",
        "split": "test",
    }
    assert second["video"].endswith(".mpg")
    back = list(JsonLines(role="video").read(tmp_path / "out" / "vsr.jsonl"))
    assert [row.truth for row in back] == ["bin blue, “now” 👋", "set red"]
    assert [row.media["video"].read_bytes() for row in back] == [bytes(9), bytes([1]) * 9]


def test_pairs_for_a_corrector(rows, media, tmp_path: Path) -> None:
    assert CorrectorPairs().write(rows, media, tmp_path / "pairs.jsonl") == 2
    assert lines(tmp_path / "pairs.jsonl") == [
        {
            "input": "BEEN BLUE",
            "output": "bin blue, “now” 👋",
            "context": "a meeting",
            "split": "test",
        },
        {"input": "by milk", "output": "buy milk", "context": ""},
    ]
    assert CorrectorPairs().write(rows, media, tmp_path / "folder") == 2
    assert len(lines(tmp_path / "folder" / "pairs.jsonl")) == 2


def test_labels_that_auto_avsr_can_split_at_commas(rows, media, tmp_path: Path) -> None:
    assert AutoAvsr().write(rows, media, tmp_path / "out") == 2
    found = {
        table.name: list(csv.reader(table.read_text("utf-8").splitlines()))
        for table in (tmp_path / "out" / "labels").iterdir()
    }
    video = f"truing_video/{rows[0].uid}.avi"
    assert found["truing_test.csv"] == [["truing", video, "75", ""]]
    assert len(found["truing_train.csv"]) == 1
    assert (tmp_path / "out" / "truing" / video).read_bytes() == bytes(9)
    text = tmp_path / "out" / "truing" / "truing_text" / f"{rows[0].uid}.txt"
    assert text.read_text("utf-8") == "BIN BLUE, “NOW” 👋\n"
    assert "TextTransform" in (tmp_path / "out" / "README.md").read_text("utf-8")


@pytest.mark.parametrize("writer", [VsrRows(), AutoAvsr()])
def test_a_span_is_refused_and_leaves_nothing(writer, rows, media, tmp_path: Path) -> None:
    span = replace(rows[0], media={"video": replace(rows[0].media["video"], start=0.5)})
    with pytest.raises(InvalidInputError, match="is a span of its video"):
        writer.write([rows[1], span], media, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_videos_have_the_ending_that_players_know(media, rows, tmp_path: Path) -> None:
    JsonLines().write(rows[:2], media, tmp_path / "out")
    endings = {path.suffix for path in (tmp_path / "out" / "rows.media").iterdir()}
    assert endings == {".avi", ".mpg"}
