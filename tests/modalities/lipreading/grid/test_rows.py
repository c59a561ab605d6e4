"""Rows of messages: both forms, relative and absolute images, ours and LipAgent's."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import pytest

from truing.domain.errors import DamagedError, InvalidInputError, NotFoundError, NothingToDoError
from truing.domain.grammar import GRID
from truing.modalities.lipreading.grid.corpus import PARTS, Corpus
from truing.modalities.lipreading.grid.messages import (
    messages,
    read_rows,
    system_prompt,
    user_prompt,
)
from truing.modalities.lipreading.grid.rows import write_rows


@pytest.fixture
def corpus(tmp_path: Path, prepared: Path) -> Corpus:
    """Sixty clips with their mosaics."""
    shutil.copytree(prepared, tmp_path / "out")
    return Corpus(tmp_path / "out")


def lines(corpus: Corpus) -> list[dict]:
    """All rows as JSON."""
    texts = (corpus.rows(part).read_text("utf-8") for part in PARTS)
    return [json.loads(line) for text in texts for line in text.splitlines()]


def test_two_messages_as_lipagents_validator_wants_them(corpus, monkeypatch) -> None:
    done = write_rows(corpus, corpus.clips())
    assert (done.made, done.present) == (60, 0)
    assert sum(done.figures.values()) == 60
    assert write_rows(corpus, corpus.clips()).made == 0
    monkeypatch.chdir(corpus.root)
    for row in lines(corpus):
        user, assistant = row["messages"]
        assert (user["role"], assistant["role"]) == ("user", "assistant")
        image, question = user["content"]
        assert image["type"] == "image"
        assert question == {"type": "text", "text": user_prompt()}
        assert cv2.imread(image["image"]).shape == (240, 400, 3)
        words = assistant["content"].split()
        assert all(w in slot.words for w, slot in zip(words, GRID.slots, strict=True))


def test_three_messages_and_absolute_images(corpus) -> None:
    write_rows(corpus, corpus.clips(), form=3, absolute=True)
    for row in lines(corpus):
        assert [one["role"] for one in row["messages"]] == ["system", "user", "assistant"]
        assert row["messages"][0]["content"] == [{"type": "text", "text": system_prompt()}]
        image, question = row["messages"][1]["content"]
        assert Path(image["image"]).is_absolute()
        assert Path(image["image"]).is_file()
        assert question["text"] == user_prompt(3) != user_prompt(2)
    again = write_rows(corpus, corpus.clips(), form=2)
    assert again.made == 60


def test_the_prompt_names_the_whole_vocabulary() -> None:
    words = set(system_prompt().replace(",", " ").split())
    named = {word for word in GRID.words if len(word) > 1}
    assert named <= words
    assert "a-z (except w)" in system_prompt()
    for wrong in (user_prompt, lambda form: messages("a.jpg", "bin", form)):
        with pytest.raises(InvalidInputError, match="4 messages"):
            wrong(4)


@pytest.mark.parametrize(("form", "absolute"), [(2, False), (2, True), (3, False), (3, True)])
def test_the_reader_takes_every_kind(corpus, form: int, absolute: bool, tmp_path) -> None:
    write_rows(corpus, corpus.clips(), form=form, absolute=absolute)
    rows = [row for part in PARTS for row in read_rows(corpus.rows(part))]
    assert len(rows) == 60
    assert all(row.image.is_file() and row.form == form for row in rows)
    assert {row.image.stem for row in rows} == {clip.name for clip in corpus.clips()}


def test_images_relative_to_a_project_above(corpus, tmp_path) -> None:
    """LipAgent's rows lie in data/ and name their images data/grid/mosaics/…"""
    data = tmp_path / "project" / "data"
    data.mkdir(parents=True)
    corpus.root.rename(data / "grid")
    mosaic = next((data / "grid" / "mosaics" / "s1").iterdir())
    said = {"messages": messages(f"data/grid/mosaics/s1/{mosaic.name}", "bin", 2)}
    (data / "grid_dataset_train.jsonl").write_text(f"{json.dumps(said)}\n\n", encoding="utf-8")
    (row,) = read_rows(data / "grid_dataset_train.jsonl")
    assert row.image == mosaic
    assert row.number == 1


def test_an_answer_in_parts(tmp_path) -> None:
    said = messages("a.jpg", "bin blue at f two now")
    said[1]["content"] = [{"type": "text", "text": "bin blue at f two now"}]
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"messages": said}), encoding="utf-8")
    (row,) = read_rows(path)
    assert row.text == "bin blue at f two now"
    assert row.image == tmp_path / "a.jpg"


@pytest.mark.parametrize(
    "line",
    [
        "no json",
        "[]",
        "{}",
        '{"messages": []}',
        '{"messages": [{"role": "user", "content": "no image"}]}',
        json.dumps({"messages": [*messages("a.jpg", "", 2)[:1], {"role": "assistant"}]}),
        json.dumps({"messages": messages("a.jpg", None, 2)}),
    ],
)
def test_what_is_no_row_is_named(line: str, tmp_path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(f"\n{line}\n", encoding="utf-8")
    with pytest.raises(DamagedError, match=r"line 2 of `rows\.jsonl`"):
        list(read_rows(path))


def test_no_file_and_no_mosaic(tmp_path) -> None:
    with pytest.raises(NotFoundError, match="no file"):
        list(read_rows(tmp_path / "rows.jsonl"))
    (tmp_path / "rows.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(DamagedError, match="not text"):
        list(read_rows(tmp_path / "rows.jsonl"))
    with pytest.raises(NothingToDoError, match="no clip"):
        write_rows(Corpus(tmp_path), [])
