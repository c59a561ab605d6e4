"""What the home page is told besides figures: what to do next, and names to choose from."""

from __future__ import annotations

import json

from tests.web.conftest import Served


def test_the_next_steps_come_with_page_and_command(empty: Served) -> None:
    first, second = empty.get("/api/next")["items"]
    assert (first["kind"], first["href"]) == ("bring-samples", "/record")
    assert (second["kind"], second["command"]) == ("bring-model", "truing model import FOLDER")


def test_the_next_steps_follow_the_loop(filled: Served) -> None:
    kinds = [step["kind"] for step in filled.get("/api/next")["items"]]
    assert kinds == ["bring-model", "review"]
    assert filled.get("/api/next?modality=lipreading")["items"][0]["kind"] == "bring-samples"


def test_choices_name_what_lists_may_be_narrowed_to(filled: Served) -> None:
    filled.workspace.review(1, "accepted")
    filled.get("/api/stats")
    speakers = {filled.workspace.sample(number).subject for number in range(1, 13)}
    told = filled.get("/api/choices")
    assert set(told["speakers"]) == {name for name in speakers if name}
    assert told["modalities"] == ["speech"]
    assert told["tags"] == []
    filled.post("/api/batch", {"action": "tag", "ids": [1, 2], "tag": "names"})
    assert filled.get("/api/choices")["tags"] == ["names"]


def test_single_samples_are_exported_by_number(filled: Served) -> None:
    answer = filled.client.ask("GET", "/api/export?format=jsonl&id=3&id=1&id=4711")
    lines = answer.body.decode().splitlines()
    assert [json.loads(line)["id"] for line in lines] == [3, 1]
    told = filled.get("/api/export?format=audiofolder-zip&id=3", status=400)
    assert "jsonl or csv" in told["error"]["hint"]


def test_modalities_tell_which_of_them_are_in_use(filled: Served) -> None:
    told = {one["name"]: one for one in filled.get("/api/modalities")["items"]}
    assert told["speech"]["in_use"] is True
    assert told["lipreading"]["in_use"] is False
    assert told["lipreading"]["champion"] is None
    assert told["lipreading"]["summary"]


def test_counts_are_of_one_modality_or_of_all(filled: Served) -> None:
    everything = filled.get("/api/counts")
    assert everything == filled.get("/api/stats")["counts"]
    assert filled.get("/api/counts?modality=speech") == everything
    assert filled.get("/api/counts?modality=lipreading")["total"] == 0
    assert filled.get("/api/choices?modality=lipreading")["sources"] == []
