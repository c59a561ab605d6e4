"""`truing grid`: the corpus from a folder or a server, as a person types it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from truing.testing.record_server import Record, archive, serving

DATA = Path(__file__).parents[1] / "data" / "lipreading"


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    """Two originals and ten mouth clips of s1, one without its alignment."""
    folder = tmp_path / "mine" / "s1"
    folder.mkdir(parents=True)
    for name in ("bbaf2n.mpg", "bbaf2n.align", "sbia1a.mpg"):
        shutil.copy(DATA / "grid" / name, folder)
    for file in sorted((DATA / "grid_s1" / "mouth").iterdir())[:10]:
        shutil.copy(file, folder)
        shutil.copy(DATA / "grid_s1" / "align" / f"{file.stem}.align", folder)
    return tmp_path / "mine"


def test_from_a_folder_to_rows(truing, videos, tmp_path):
    ran = truing("grid", "run", "--local-path", videos)
    assert ran.code == 0, ran.err
    assert "download: 23 made, 0 there already, videos 12" in ran.out
    assert "note: s1: 1 without an alignment, read over their whole length" in ran.out
    assert "prepare: 12 made" in ran.out
    assert "fit to train on" in ran.out
    assert "next: truing import grid" in ran.err
    rows = (tmp_path / "ws" / "grid" / "grid_dataset_train.jsonl").read_text("utf-8")
    assert rows.count("mosaics/s1/") == rows.count("\n") == 8
    again = truing("grid", "run", "--local-path", videos)
    assert again.code == 0
    assert "nothing was to do" in again.out
    assert "prepare: 0 made, 12 there already" in again.out
    strict = truing("grid", "run", "--skip-download", "--strict", "--json").json
    steps = {step["step"]: step for step in strict["steps"]}
    assert list(steps) == ["align", "prepare", "format"]
    assert steps["align"]["skipped"] == 1
    assert sum(strict["report"]["counts"].values()) == 11


def test_steps_one_by_one(truing, videos, tmp_path):
    out = tmp_path / "elsewhere"
    for step in ("prepare", "align", "format"):
        early = truing("grid", step, "--output", out)
        assert early.code == 5, early.err
        assert "there are no videos" in early.err
        assert "truing grid download" in early.err
    where = ("--output", out, "--speakers", "s1")
    assert truing("grid", "download", "--local-path", videos, "--limit", 4, *where).code == 0
    early = truing("grid", "format", *where)
    assert early.code == 5
    assert "truing grid prepare" in early.err
    done = truing("grid", "prepare", "--workers", 1, "--limit", 2, *where, "--json").json
    assert [step["made"] for step in done["steps"]] == [2]
    done = truing("grid", "run", "--start-from", "prepare", "--split", "lipagent", *where)
    assert "prepare: 2 made, 2 there already" in done.out
    assert "format: 4 made" in done.out
    assert not (tmp_path / "ws" / "grid").exists()


def test_faults_end_with_the_code_of_damage(truing, videos, tmp_path):
    assert truing("grid", "run", "--local-path", videos, "--form", "3", "--absolute").code == 0
    (tmp_path / "ws" / "grid" / "mosaics" / "s1" / "bbaf2n.jpg").unlink()
    checked = truing("grid", "validate")
    assert checked.code == 6
    assert "unfit to train on" in checked.out
    assert "is missing" in checked.out
    report = truing("grid", "validate", "--json")
    assert report.code == 6
    (fault,) = [one for one in report.json["report"]["problems"] if one["fault"]]
    assert "bbaf2n.jpg" in fault["why"]


def test_what_is_skipped_is_said(truing, videos, tmp_path):
    (videos / "s1" / "bbaf3s.mpg").write_text("shopping: milk, eggs\n", encoding="utf-8")
    ran = truing("grid", "run", "--local-path", videos)
    assert ran.code == 0, ran.err
    assert "skipped s1/bbaf3s" in ran.out
    assert "is text" in ran.out
    log = (tmp_path / "ws" / "grid" / "skipped.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["what"] for line in log] == ["s1/bbaf3s"]


def test_from_a_server(truing, tmp_path):
    files = {
        "s1.zip": archive({"s1/bbaf2n.mpg": (DATA / "grid" / "bbaf2n.mpg").read_bytes()}),
        "alignments.zip": archive(
            {"alignments/s1/bbaf2n.align": (DATA / "grid" / "bbaf2n.align").read_bytes()}
        ),
    }
    with serving(Record(files=files)) as record:
        source = ("--source", f"{record.address}/record", "--speakers", "s1")
        dry = truing("grid", "download", *source, "s21", "--dry-run")
        assert dry.code == 0, dry.err
        assert "s1.zip" in dry.out
        assert "s21: its videos were never published" in dry.out
        assert "to fetch into" in dry.out
        planned = truing("grid", "run", *source, "--dry-run", "--json").json
        assert planned["bytes"] == sum(map(len, files.values()))
        assert not (tmp_path / "ws" / "grid").exists()
        ran = truing("grid", "run", *source)
        assert ran.code == 0, ran.err
        assert "download: 2 made" in ran.out
        assert "download: 0 made" in truing("grid", "download", *source).out


def test_a_half_downloaded_archive(truing, tmp_path):
    hand = tmp_path / "hand"
    hand.mkdir()
    whole = archive({"s1/bbaf2n.mpg": (DATA / "grid" / "bbaf2n.mpg").read_bytes()})
    (hand / "s1.zip").write_bytes(whole[:200_000])
    told = truing("grid", "run", "--local-path", hand)
    assert told.code == 6
    assert "not a whole ZIP archive (200000 bytes" in told.err
    assert "fetch it again" in told.err


def test_no_workspace(bare):
    homeless = bare("grid", "validate")
    assert homeless.code == 3
    assert "--output grid" in homeless.err


def test_what_cannot_be_done(truing, tmp_path):
    nothing = truing("grid", "validate")
    assert nothing.code == 5
    assert "truing grid format" in nothing.err
    for words, code, word in (
        (("run", "--speakers", "s99"), 2, "no speaker `s99`"),
        (("run", "--local-path", tmp_path / "nowhere"), 3, "no folder"),
        (("run", "--local-path", tmp_path, "--dry-run"), 2, "leave one of them out"),
        (("download", "--source", "ftp://x"), 2, "no web address"),
        (("run", "--start-from", "frames"), 2, "`--start-from` cannot be `frames`"),
        (("format", "--split", "random"), 2, "prefix, unseen-speaker, lipagent"),
    ):
        told = truing("grid", *words)
        assert told.code == code, (words, told.err)
        assert word in told.err
