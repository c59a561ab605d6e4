"""Dataset versions over HTTP: lists, rows, differences, freezing, export."""

from __future__ import annotations

import io
import json
import time
import zipfile
from http.client import HTTPConnection
from typing import Any

import pytest
from tests.web.conftest import Served

from truing.domain.dataset import DatasetRef


def test_a_version_is_told_with_what_it_amounts_to(served: Served) -> None:
    (listed,) = served.get("/api/datasets")["items"]
    told = served.get("/api/datasets/mine/1")
    assert {name: told[name] for name in listed} == listed
    assert (told["version"], told["name"], told["number"]) == ("mine@1", "mine", 1)
    assert told["created_at"].endswith("Z")
    assert told["train"] + told["validation"] + told["test"] == 25
    assert told["models"] == ["speech/1"]
    parts = told["statistics"]
    assert {part: parts[part]["rows"] for part in parts} == {
        part: told[part] for part in ("train", "validation", "test")
    }
    speakers: dict[str, int] = {}
    for part in parts.values():
        assert part["words"] == part["rows"]  # single digits
        assert (part["seconds"] > 0) == (part["rows"] > 0)
        for one in part["speakers"]:
            speakers[one["speaker"]] = speakers.get(one["speaker"], 0) + one["rows"]
    assert sum(speakers.values()) == 25
    assert set(speakers) == {"jackson", "theo"}
    assert served.get("/api/datasets/mine/2", 404)["error"]["code"] == "not-found"


def test_rows_page_by_position(served: Served) -> None:
    stored = list(served.workspace.store.datasets.rows(DatasetRef(name="mine", number=1)))
    found: list[dict[str, Any]] = []
    after = ""
    while True:
        page = served.get(f"/api/datasets/mine/1/rows?limit=7{after}")
        found += page["items"]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert [row["sample"] for row in found] == [row.sample_uid for row in stored]
    assert [row["digest"] for row in found] == [row.digest for row in stored]
    for row in found:
        sample = served.workspace.sample(row["id"])
        assert (row["sample"], row["truth"]) == (sample.uid, sample.truth)
    tests = served.get("/api/datasets/mine/1/rows?split=test&limit=200")["items"]
    assert tests == [row for row in found if row["split"] == "test"]
    assert served.get("/api/datasets/mine/1/rows?split=exam", 400)["error"]["message"]


def test_a_forgotten_row_is_a_tombstone(served: Served) -> None:
    first = served.get("/api/datasets/mine/1/rows?limit=1")["items"][0]
    served.workspace.forget(ids=[first["id"]])
    row = served.get("/api/datasets/mine/1/rows?limit=1")["items"][0]
    assert (row["forgotten"], row["id"], row["truth"]) == (True, None, None)
    assert row["digest"] == first["digest"]
    told = served.get("/api/datasets/mine/1")
    assert told["forgotten"] == 1
    assert sum(part["rows"] for part in told["statistics"].values()) == 24


def test_freezing_and_telling_versions_apart(served: Served) -> None:
    number = served.get("/api/datasets/mine/1/rows?limit=1")["items"][0]["id"]
    served.workspace.review(number, "corrected", truth="something else")
    frozen = served.post("/api/datasets", {"name": "mine", "seed": 1}, 201)
    assert (frozen["version"], frozen["parameters"]["seed"]) == ("mine@2", 1)
    uid = served.workspace.sample(number).uid
    told = served.get("/api/datasets/mine/1/diff?with=mine@2")
    assert (told["first"], told["second"], told["retold"]) == ("mine@1", "mine@2", [uid])
    assert (told["added"], told["removed"], told["moved"]) == ([], [], [])

    one = {"name": "theo", "where": {"speaker": "theo"}, "test_share": 0}
    narrow = served.post("/api/datasets", one, 201)
    assert narrow["train"] + narrow["validation"] < 25
    names = served.get("/api/datasets?limit=2")
    assert [each["version"] for each in names["items"]] == ["theo@1", "mine@2"]
    rest = served.get(f"/api/datasets?limit=2&after={names['next']}")
    assert ([each["version"] for each in rest["items"]], rest["next"]) == (["mine@1"], None)
    own = served.get("/api/datasets?name=mine")["items"]
    assert [each["version"] for each in own] == ["mine@2", "mine@1"]


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"name": "../mine"}, 400),
        ({"name": ""}, 400),
        ({}, 400),
        ({"name": "mine", "test_share": 2}, 400),
        ({"name": "mine", "split": "thirds"}, 400),
        ({"name": "mine", "modality": "smell"}, 404),
        ({"name": "mine", "where": {"colour": "red"}}, 400),
        ({"name": "mine", "where": {"speaker": "nobody"}}, 409),
        ({"name": "mine", "split": "unseen-speaker", "test_speakers": ["ben"]}, 400),
    ],
)
def test_versions_that_cannot_be(asked: dict[str, Any], status: int, served: Served) -> None:
    assert served.post("/api/datasets", asked, status)["error"]["message"]
    assert len(served.get("/api/datasets")["items"]) == 1


def test_a_version_is_exported_and_nothing_is_left(served: Served) -> None:
    answer = served.client.ask("GET", "/api/datasets/mine/1/export?format=audiofolder")
    assert answer.headers["content-type"] == "application/zip"
    assert "mine-1-audiofolder.zip" in answer.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        names = archive.namelist()
        assert archive.testzip() is None
    assert len([name for name in names if name.endswith(".flac")]) == 25
    answer = served.client.ask("GET", "/api/datasets/mine/1/export?format=csv")
    assert len(answer.body) > 1000
    _wait_until_empty(served)
    assert served.client.ask("GET", "/api/datasets/mine/1/export?format=clay").status == 404
    assert served.client.ask("GET", "/api/datasets/mine/9/export").status == 404


def test_an_export_that_nobody_takes_is_removed(served: Served) -> None:
    connection = HTTPConnection(served.client.place, timeout=30)
    connection.request("GET", "/api/datasets/mine/1/export?format=audiofolder")
    connection.getresponse().read(10)
    connection.close()
    _wait_until_empty(served)


def _wait_until_empty(served: Served) -> None:
    exports = served.workspace.layout.exports
    deadline = time.monotonic() + 30
    while exports.is_dir() and any(exports.iterdir()):
        assert time.monotonic() < deadline, list(exports.iterdir())
        time.sleep(0.02)


def test_the_description_of_the_api_shows_each_answer(served: Served) -> None:
    paths = json.loads(served.client.ask("GET", "/api/openapi.json").body)["paths"]
    mine = ("/api/runs", "/api/models", "/api/datasets", "/api/train", "/api/data", "/api/errands")
    described = 0
    for path, methods in paths.items():
        for method, told in methods.items():
            if path.startswith(mine):
                good = [told["responses"][one] for one in told["responses"] if one.startswith("2")]
                shown = [body for one in good for body in one.get("content", {}).values()]
                assert shown, f"{method} {path}"
                assert told["description"], f"{method} {path}"
                described += 1
    assert described >= 25
