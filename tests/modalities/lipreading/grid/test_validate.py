"""Faults that make rows unfit, and warnings."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest

from truing.modalities.lipreading.grid.bring import bring
from truing.modalities.lipreading.grid.corpus import Corpus
from truing.modalities.lipreading.grid.messages import read_rows
from truing.modalities.lipreading.grid.prepare import prepare
from truing.modalities.lipreading.grid.rows import write_rows
from truing.modalities.lipreading.grid.validate import Problem, validate


@pytest.fixture
def corpus(tmp_path: Path, prepared: Path) -> Corpus:
    """Sixty clips, mosaics and rows."""
    made = Corpus(tmp_path / "out")
    shutil.copytree(prepared, made.root)
    write_rows(made, made.clips())
    return made


def problems(corpus: Corpus) -> list[Problem]:
    """What is found."""
    return validate(corpus.root).problems


def change(corpus: Corpus, edit: Callable[[list[dict]], object], part: str = "train") -> None:
    """Edits rows in place."""
    path = corpus.rows(part)
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    edit(rows)
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")


def test_good_rows(corpus) -> None:
    report = validate(corpus.root)
    assert report.problems == []
    assert report.speakers == {"s1": 60}
    assert report.as_dict()["ok"] is True
    counts = json.loads(corpus.manifest.read_text("utf-8"))["counts"]
    assert report.counts == counts


def test_images_missing_damaged_and_of_another_size(corpus) -> None:
    files = sorted((corpus.root / "mosaics" / "s1").glob("*.jpg"))
    files[0].unlink()
    files[1].write_bytes(files[1].read_bytes()[:5000])
    cv2.imwrite(str(files[2]), cv2.imread(str(files[2]))[:100])
    files[3].write_bytes(files[4].read_bytes())
    found = problems(corpus)
    assert all(one.fault for one in found)
    said = " | ".join(one.why for one in found)
    assert len(found) == 4
    assert f"{files[0].name}: is missing" in said
    assert f"{files[1].name} is damaged or no picture (5000 bytes)" in said
    assert f"{files[2].name} has 400 x 100 pixels, not 400 x 240" in said
    assert "is the same picture as that of" in said


def test_texts(corpus) -> None:
    def edit(rows: list[dict]) -> None:
        for row, text in zip(rows, ("bin blue at w two now", "", "Bin Blue", "x"), strict=False):
            row["messages"][-1]["content"] = text
        rows[3]["messages"][-1]["content"] = "lay red by z nine again"

    change(corpus, edit)
    said = [(one.what, one.why) for one in problems(corpus)]
    assert [what for what, _ in said] == ["train:1", "train:2", "train:3", "train:4"]
    assert said[0][1] == "`bin blue at w two now` is no sentence of the grammar"
    assert "is empty" in said[1][1]
    assert "no sentence of the grammar" in said[2][1]
    assert "the text is `lay red by z nine again`, but " in said[3][1]


def test_rows_twice_and_lost(corpus) -> None:
    kept = corpus.rows("test").read_text("utf-8").splitlines()[0]
    with corpus.rows("train").open("a", encoding="utf-8") as stream:
        stream.write(f"{kept}\n{{broken\n")
    found = {one.what: one for one in problems(corpus)}
    assert found["test:1"].fault
    assert "too" in found["test:1"].why
    assert "train:" in found["test:1"].why
    assert any("no row of messages" in one.why for one in found.values())
    assert "rows, but" in found["train"].why


def test_the_mark_of_an_editor_and_a_manifest_of_something_else(corpus) -> None:
    before = problems(corpus)
    rows = corpus.rows("train")
    rows.write_bytes(b"\xef\xbb\xbf" + rows.read_bytes())
    manifest = json.loads(corpus.manifest.read_text("utf-8"))
    corpus.manifest.write_text(json.dumps(manifest | {"counts": 5}), encoding="utf-8")
    assert problems(corpus) == before
    assert len(list(read_rows(rows))) == len(rows.read_bytes().splitlines())


def test_parts_missing_and_of_an_odd_size(corpus) -> None:
    corpus.manifest.unlink()
    corpus.rows("val").unlink()
    corpus.rows("test").write_text("", encoding="utf-8")
    found = {one.what: one for one in problems(corpus)}
    assert found["grid_dataset_val.jsonl"].why == "is missing"
    assert found["grid_dataset_test.jsonl"].why == "has no rows"
    assert "are in no part" in found["mosaics"].why
    assert not found["mosaics"].fault
    corpus.rows("train").write_bytes(b"")
    train = [one for one in problems(corpus) if one.what == "grid_dataset_train.jsonl"]
    assert [one.fault for one in train] == [True]


def test_leaks_are_told(corpus) -> None:
    write_rows(corpus, corpus.clips(), kind="lipagent")
    leaks = [one for one in problems(corpus) if "four of their six words" in one.why]
    assert [one.what for one in leaks] == ["val", "test"]
    assert not any(one.fault for one in leaks)


def test_a_speaker_who_is_no_longer_unseen(corpus, mouth_clips, tmp_path) -> None:
    bring(corpus, mouth_clips(9, "s3"))
    prepare(corpus, corpus.clips(), workers=1)
    write_rows(corpus, corpus.clips(), kind="unseen-speaker")
    assert [
        one.why for one in problems(corpus) if one.fault and "same picture" not in one.why
    ] == []
    manifest = json.loads(corpus.manifest.read_text("utf-8"))
    row = corpus.rows("test").read_text("utf-8").splitlines()[0]
    rows = corpus.rows("test").read_text("utf-8").splitlines()[1:]
    corpus.rows("test").write_text("".join(f"{one}\n" for one in rows), encoding="utf-8")
    with corpus.rows("train").open("a", encoding="utf-8") as stream:
        stream.write(f"{row}\n")
    said = [one.why for one in problems(corpus)]
    assert "speakers are in training, too: s1" in said
    assert manifest["test_speakers"] == ["s1", "s2", "s20", "s22"]
