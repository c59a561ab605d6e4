"""Chaplin's training data: what the real program wrote, in each of its shapes, in and out again."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from truing import Workspace
from truing.domain.errors import InvalidInputError
from truing.domain.format import FailedRow, ImportedRow
from truing.domain.review import State
from truing.domain.sample import SampleFilter
from truing.formats.chaplin import Chaplin
from truing.formats.chaplin_database import ChaplinDatabase
from truing.formats.exported_video import ROLE
from truing.testing.exported_rows import MemoryMedia, exported_row
from truing.testing.format_conformance import FormatConformance

CLIENTS = Path(__file__).parents[1] / "data" / "clients"
OLDER, NEWER, DOCUMENT = "chaplin_samples", "chaplin_training_samples", "chaplin_doc"
STATES = [
    ("Bin blue at F two now.", "accepted"),
    ("Bin blue at F two now.", "corrected"),
    ("Bin blue at F two now.", "corrected"),
    ("Bin red by K seven now.", "corrected"),
    ("Lay blue at X four now.", "corrected"),
    ("Set blue in A one again.", "accepted"),
    ("Set blue in A one again.", "corrected"),
    ("Set white with P two soon.", "accepted"),
]
"""Of the older folder and the description, as they are told from the texts."""


class VideoConformance(FormatConformance):
    """Rows of any bytes that call themselves a video: formats do not look inside."""

    spans = False

    def holds(self, row):
        return ROLE in row.media and row.state is not State.REJECTED

    def medium(self, number, media):
        return {ROLE: media.add(bytes([number]) * 64, "video/x-msvideo", role=ROLE)}

    def content(self, value):
        return value.read_bytes()

    def stored_content(self, medium, media):
        return media.read(medium.digest)

    def expected(self, row):
        fields = super().expected(row)
        fields["prediction_known"] = row.raw is not None or row.corrected is not None
        session = f"chaplin-{SESSION}" if row.session is None else row.session
        missing = row.raw is not None and row.corrected is None
        context = {**row.context, "llm_correction": "missing"} if missing else dict(row.context)
        return {**fields, "trained": False, "session": session, "context": context}


SESSION = "2026-01-03T10:21:30.250001Z"
"""When the first example was captured: the sitting is named after it."""


class TestChaplin(VideoConformance):
    target = "training_data"

    def format(self):
        return Chaplin()

    def damage(self, target: Path) -> None:
        lines = target / "training_samples.jsonl"
        first, *rest = lines.read_bytes().splitlines(keepends=True)
        lines.write_bytes(first[:40] + b"\n" + b"".join(rest))


class TestChaplinDatabase(VideoConformance):
    target = "training.db"

    def format(self):
        return ChaplinDatabase()

    def damage(self, target: Path) -> None:
        with sqlite3.connect(target) as connection:
            connection.execute("UPDATE training_samples SET video_path = '' WHERE rowid = 1")
        connection.close()


@pytest.mark.parametrize("folder", [OLDER, NEWER])
def test_what_the_program_wrote(folder: str) -> None:
    rows = list(Chaplin().read(CLIENTS / folder))
    assert [type(row) for row in rows] == [ImportedRow] * 6
    wrong, right, llm_wrong, pressed_early, stale, accepted = rows
    assert wrong.media["video"].parent == CLIENTS / folder / "training_data" / "videos"
    assert (wrong.raw, wrong.corrected) == ("BEEN BLUE AT HALF TO NOW", "Been blue at half to now.")
    assert wrong.truth == "Bin blue at F two now."
    assert (right.subject, right.context) == (None, {"context": "grid corpus demo"})
    assert llm_wrong.context == {}
    assert pressed_early.corrected is None
    assert pressed_early.context == {"llm_correction": "missing"}
    assert stale.corrected == pressed_early.truth
    assert accepted.media["video"].read_bytes() == stale.media["video"].read_bytes()
    assert len({row.session for row in rows}) == 1
    assert len({row.key for row in rows}) == 6


def test_the_shape_of_its_description() -> None:
    """A Windows path, a row without metadata, ids that are not one of a kind."""
    one, two = Chaplin().read(CLIENTS / DOCUMENT / "training_data" / "samples.jsonl")
    assert one.media["video"] == two.media["video"]
    assert (one.subject, two.subject) == ("user_1", None)
    assert one.key.startswith("uuid-here:")


def test_both_names_of_the_file_are_read_as_one(tmp_path: Path) -> None:
    shutil.copytree(CLIENTS / OLDER / "training_data", tmp_path / "training_data")
    lines = (tmp_path / "training_data" / "samples.jsonl").read_text().splitlines()
    changed = json.loads(lines[1]) | {"ground_truth": "Set white with B two soon."}
    newer = CLIENTS / NEWER / "training_data"
    for video in (newer / "videos").iterdir():
        shutil.copy(video, tmp_path / "training_data" / "videos")
    more = (newer / "training_samples.jsonl").read_text()
    text = "\n".join([lines[0], json.dumps(changed), more])
    (tmp_path / "training_data" / "training_samples.jsonl").write_text(text)
    rows = list(Chaplin().read(tmp_path))
    (failed,) = [row for row in rows if isinstance(row, FailedRow)]
    assert failed.key == "training_samples.jsonl:2"
    assert "another record has the id" in failed.reason
    assert len(rows) == 13


def test_a_video_that_is_gone_is_named(tmp_path: Path) -> None:
    shutil.copytree(CLIENTS / OLDER / "training_data", tmp_path / "training_data")
    (tmp_path / "training_data" / "videos" / "training_1795167825883.avi").unlink()
    first, *rest = Chaplin().read(tmp_path / "training_data")
    assert isinstance(first, FailedRow)
    assert "`training_1795167825883.avi` is neither in" in first.reason
    assert all(isinstance(row, ImportedRow) for row in rest)


def test_values_that_cannot_be(tmp_path: Path) -> None:
    shutil.copytree(CLIENTS / OLDER / "training_data", tmp_path / "training_data")
    lines = tmp_path / "training_data" / "samples.jsonl"
    first = json.loads(lines.read_text().splitlines()[0])
    odd = [{"confidence": value} for value in (5, -0.1, True, "high", 0.25)]
    told = [first | {"id": str(n), "metadata": said} for n, said in enumerate(odd)]
    told.append(first | {"id": "long", "video_path": "x" * 5000 + ".avi"})
    lines.write_text("".join(f"{json.dumps(one)}\n" for one in told))
    *rows, long = Chaplin().read(tmp_path)
    assert [row.confidence for row in rows] == [None, None, None, None, 0.25]
    assert isinstance(long, FailedRow)
    assert len(long.reason) < 1000


def test_a_yes_before_the_correction_decides_nothing(tmp_path: Path) -> None:
    record = {
        "id": "1",
        "video_path": "videos/a.avi",
        "raw_output": "YES",
        "llm_correction": None,
        "ground_truth": None,
        "timestamp": 1.5,
        "was_correct": True,
        "metadata": {},
    }
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "a.avi").write_bytes(b"RIFF")
    (tmp_path / "samples.jsonl").write_text(json.dumps(record))
    (row,) = Chaplin().read(tmp_path)
    assert row.context == {"was_correct": True, "llm_correction": "missing"}
    assert (row.truth, row.captured_at) == (None, 1_500_000)


def test_something_else_says_what_to_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="holds neither") as caught:
        list(Chaplin().read(tmp_path))
    assert "training_data" in caught.value.hint
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("CREATE TABLE training_samples (id TEXT)")
    connection.close()
    with pytest.raises(InvalidInputError, match="lacks `video_path`"):
        list(ChaplinDatabase().read(tmp_path / "a.db"))


def test_whether_it_was_correct_is_told_from_the_texts(tmp_path: Path) -> None:
    media = MemoryMedia(tmp_path)
    video = {ROLE: media.add(b"RIFF", "video/x-msvideo", role=ROLE)}
    said = {"media": video, "corrected": "Set blue. ", "state": State.ACCEPTED}
    rows = [
        exported_row(1, **said, truth="Set blue."),
        exported_row(2, **said, truth="Set red."),
        exported_row(3, media=video, raw="YES", truth="YES", state=State.ACCEPTED),
    ]
    Chaplin().write(rows, media, tmp_path / "out")
    lines = (tmp_path / "out" / "training_samples.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    assert [record["was_correct"] for record in records] == [True, False, True]
    names = [record["video_path"] for record in records]
    assert names[0] == "out/videos/training_1767435690250.avi"
    assert list(records[0]) == [
        *("id", "video_path", "raw_output", "llm_correction", "ground_truth"),
        *("timestamp", "was_correct", "metadata"),
    ]


def states(workspace: Workspace) -> list[tuple[object, ...]]:
    """What there is of each sample, whatever its number."""
    return sorted(
        (
            one.truth,
            one.state.value,
            one.raw.text if one.raw else None,
            one.corrected.text if one.corrected else None,
            one.captured_at,
            one.subject,
            one.session,
            json.dumps(dict(one.context)),
            one.media[0].digest,
        )
        for one in workspace.store.samples.iterate(SampleFilter(modality="lipreading"))
    )


def test_the_correction_of_the_utterance_before_is_found(tmp_path: Path) -> None:
    pytest.importorskip("av")
    with Workspace.create(tmp_path) as workspace:
        workspace.import_from("chaplin", CLIENTS / OLDER)
        found = [
            (one.corrected.text, one.truth)
            for one in workspace.store.samples.iterate(SampleFilter(finding="correction_unlike"))
            if one.corrected is not None
        ]
    assert found == [("Lay blue at X four now.", "Set blue in A one again.")]


@pytest.mark.parametrize("format", ["chaplin", "chaplin-sqlite", "jsonl"])
def test_an_export_imports_into_an_empty_workspace_as_the_same_samples(
    format: str, tmp_path: Path
) -> None:
    pytest.importorskip("av")
    with Workspace.create(tmp_path / "one") as one, Workspace.create(tmp_path / "two") as two:
        for folder in (OLDER, DOCUMENT):
            for added in (6, 0) if folder == OLDER else (2, 0):
                outcome = one.import_from("chaplin", CLIENTS / folder)
                assert (outcome.added, outcome.failed) == (added, 0)
        found = states(one)
        assert [row[:2] for row in found] == STATES
        target = tmp_path / ("out.db" if format == "chaplin-sqlite" else "out")
        one.export(format, target)
        for added in (8, 0):
            outcome = two.import_from(format, target)
            assert (outcome.added, outcome.failed) == (added, 0)
        assert states(two) == found
