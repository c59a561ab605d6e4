"""Batches over HTTP: one thing for many samples, one undo for all, and samples on their way out."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from typing import Any

import pytest
from tests.web.conftest import Serve, Served

from truing.domain.sample import SampleFilter


def batch(served: Served, action: str, status: int = 200, **more: Any) -> Any:
    return served.post("/api/batch", {"action": action, **more}, status=status)


def stands(served: Served) -> list[tuple[Any, ...]]:
    found = served.workspace.store.samples.iterate(SampleFilter())
    return [(s.id, s.state.value, s.truth, s.subject, s.tags) for s in found]


@pytest.fixture
def mixed(filled: Served) -> Served:
    """One accepted, one corrected, one rejected, one tagged; the rest pending."""
    filled.workspace.review(3, "accepted")
    filled.workspace.review(4, "corrected", "too many")
    filled.workspace.review(5, "rejected")
    filled.client.ask("PATCH", "/api/samples/6", {"tags": ["here"], "speaker": None})
    return filled


ACTIONS: list[dict[str, Any]] = [
    {"action": "accept"},
    {"action": "reject"},
    {"action": "delete"},
    {"action": "set-speaker", "speaker": "zoe"},
    {"action": "set-speaker", "speaker": None},
    {"action": "tag", "tag": "here"},
    {"action": "untag", "tag": "here"},
    {"action": "replace", "find": "two", "replace": "to"},
]


@pytest.mark.parametrize("form", ACTIONS, ids=lambda form: form["action"])
def test_one_undo_takes_all_of_it_back(mixed: Served, form: dict[str, Any]) -> None:
    before = stands(mixed)
    told = mixed.post("/api/batch", {**form, "ids": list(range(1, 13))})
    assert [one["id"] for one in told["results"] if one["ok"]]
    assert stands(mixed) != before
    undone = mixed.post(f"/api/batch/{told['undo']}/undo")
    assert all(one["ok"] for one in undone["results"])
    assert stands(mixed) == before
    assert [line for line in mixed.workspace.store.check() if "3.51.3" not in line] == []


def test_an_undo_outlives_the_server(mixed: Served, serve: Serve) -> None:
    before = stands(mixed)
    told = batch(mixed, "reject", where={"state": ["pending"]})
    mixed.server.stop()
    again = serve(mixed.workspace.layout.root)
    again.post(f"/api/batch/{told['undo']}/undo")
    assert stands(again) == before
    kinds = [event.kind for event in again.workspace.store.events.all()]
    assert kinds[-2:] == ["batch", "batch-undone"]


def test_each_sample_is_answered_for(mixed: Served) -> None:
    mixed.workspace.capture(
        "speech",
        audio=mixed.workspace.blobs.read(mixed.workspace.sample(1).media[0].digest),
        sampling="chosen",
    )
    told = batch(mixed, "accept", ids=[1, 13, 4711])
    ok = {one["id"]: one["ok"] for one in told["results"]}
    assert ok == {1: True, 13: False, 4711: False}
    errors = {one["id"]: one["error"]["code"] for one in told["results"] if not one["ok"]}
    assert errors == {13: "invalid-input", 4711: "not-found"}


def test_what_changed_since_stays_as_it_is(mixed: Served) -> None:
    told = batch(mixed, "set-speaker", ids=[1, 2], speaker="zoe")
    mixed.client.ask("PATCH", "/api/samples/1", {"speaker": "max"})
    mixed.post(f"/api/batch/{told['undo']}/undo")
    assert mixed.workspace.sample(1).subject == "max"
    assert mixed.workspace.sample(2).subject not in ("max", "zoe")
    told = batch(mixed, "reject", ids=[1, 2])
    mixed.post("/api/samples/1/review", {"verdict": "corrected", "truth": "mine"})
    mixed.post(f"/api/batch/{told['undo']}/undo")
    assert mixed.workspace.sample(1).truth == "mine"
    twice = mixed.post(f"/api/batch/{told['undo']}/undo")
    assert [one["ok"] for one in twice["results"]] == [False, False]


def test_accepting_keeps_a_truth_that_was_typed(mixed: Served) -> None:
    batch(mixed, "accept", ids=[4, 5])
    assert mixed.workspace.sample(4).truth == "too many"
    assert mixed.workspace.sample(5).state.value == "accepted"


def test_a_replacement_is_shown_first(mixed: Served) -> None:
    before = stands(mixed)
    form = {"find": "TOO", "replace": "two", "where": {"modality": "speech"}}
    shown = batch(mixed, "replace", dry_run=True, **form)
    assert shown == {"preview": [{"id": 4, "before": "too many", "after": "two many"}], "count": 1}
    assert stands(mixed) == before
    assert batch(mixed, "replace", dry_run=True, match_case=True, **form)["count"] == 0
    parts = {"find": "an", "replace": "on", "ids": [4]}
    assert batch(mixed, "replace", dry_run=True, **parts)["count"] == 0
    assert batch(mixed, "replace", dry_run=True, whole_words=False, **parts)["count"] == 1
    batch(mixed, "replace", **form)
    sample = mixed.workspace.sample(4)
    assert sample.truth == "two many"
    assert mixed.workspace.history(4)[-1].shown_because == "batch"
    assert batch(mixed, "delete", dry_run=True, where={"speaker": "nobody"}, status=409)


def test_text_to_find_is_never_a_pattern(mixed: Served) -> None:
    mixed.workspace.review(1, "corrected", r"a.c (b) \1 a+b")
    form = {"find": "a.c", "replace": r"\1", "ids": [1], "whole_words": False}
    assert batch(mixed, "replace", dry_run=True, **form)["preview"][0]["after"] == r"\1 (b) \1 a+b"


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"action": "tag", "ids": [1]}, 400),
        ({"action": "replace", "ids": [1]}, 400),
        ({"action": "accept"}, 400),
        ({"action": "accept", "ids": [1], "where": {}}, 400),
        ({"action": "accept", "ids": []}, 409),
        ({"action": "burn", "ids": [1]}, 400),
        ({"action": "accept", "where": {"colour": "red"}}, 400),
        ({"action": "accept", "where": {"from": "soon"}}, 400),
    ],
)
def test_a_batch_that_does_not_fit_is_refused(
    mixed: Served, form: dict[str, Any], status: int
) -> None:
    before = stands(mixed)
    mixed.post("/api/batch", form, status=status)
    assert stands(mixed) == before


def test_only_a_batch_can_be_undone(mixed: Served) -> None:
    mixed.post("/api/batch/4711/undo", status=404)
    created = mixed.workspace.store.events.all()[0]
    mixed.post(f"/api/batch/{created.id}/undo", status=404)
    assert batch(mixed, "untag", ids=[1], tag="nothing")["undo"] is None


def test_a_forgotten_speaker_is_in_no_batch(mixed: Served) -> None:
    batch(mixed, "set-speaker", ids=[1, 2], speaker="marzipan")
    batch(mixed, "set-speaker", ids=[1], speaker="zoe")
    mixed.workspace.forget(subject="marzipan")
    held = json.dumps([dict(event.data) for event in mixed.workspace.store.events.all()])
    assert "marzipan" not in held


def test_json_lines_hold_each_sample_in_full(mixed: Served) -> None:
    answer = mixed.client.ask("GET", "/api/export?format=jsonl")
    lines = [json.loads(line) for line in answer.body.decode().splitlines()]
    assert [line["id"] for line in lines] == list(range(1, 13))
    assert lines[3] == mixed.get("/api/samples/4")
    assert 'filename="samples.jsonl"' in answer.headers["content-disposition"]
    only = mixed.client.ask("GET", "/api/export?state=rejected").body
    assert [json.loads(line)["id"] for line in only.splitlines()] == [5]
    assert mixed.client.ask("GET", "/api/export?format=exe").status == 400


def test_a_table_runs_no_formula(mixed: Served) -> None:
    mixed.workspace.review(1, "corrected", '=1+1, "x"')
    text = mixed.client.ask("GET", "/api/export?format=csv").body.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 12
    assert rows[0]["truth"] == '\'=1+1, "x"'
    assert rows[5]["tags"] == "here"


def test_a_packed_folder_can_be_imported(mixed: Served) -> None:
    answer = mixed.client.ask("GET", "/api/export?format=audiofolder-zip&state=accepted")
    with zipfile.ZipFile(io.BytesIO(answer.body)) as packed:
        assert packed.testzip() is None
        names = packed.namelist()
        row = json.loads(packed.read("metadata.jsonl").splitlines()[0])
        assert packed.read(row["file_name"]) == mixed.workspace.blobs.read(
            mixed.workspace.sample(3).media[0].digest
        )
    assert len([name for name in names if name.endswith(".flac")]) == 1
    nothing = mixed.client.ask("GET", "/api/export?format=audiofolder-zip&speaker=nobody")
    assert (nothing.status, nothing.code) == (409, "nothing-to-do")
