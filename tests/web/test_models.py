"""Models over HTTP: lists, comparing, the gate in a process of its own, rolling back, export."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import threading
import zipfile
from pathlib import Path
from typing import Any

import pytest
from tests.web.conftest import BASE, QUICK, Serve, Served, attempt

from truing import Workspace
from truing.domain.errors import NotFoundError, UnavailableError
from truing.domain.run import RunState
from truing.web.changes import Changes
from truing.web.work import KEPT, Works
from truing.workspace.errands import Errand, Sent


@pytest.fixture(scope="session")
def twice(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trained workspace with a second model, made from the first."""
    folder = tmp_path_factory.mktemp("twice") / "ws"
    shutil.copytree(trained, folder)
    with Workspace.open(folder, environ={}) as workspace:
        run = workspace.train("mine@1", base="speech/1", options=QUICK, start=False)
        assert attempt(workspace, run) is RunState.DONE
    return folder


@pytest.fixture
def two(serve: Serve, twice: Path, tmp_path: Path) -> Served:
    """A copy of it behind a server."""
    shutil.copytree(twice, tmp_path / "copy")
    return serve(tmp_path / "copy")


# --- lists -------------------------------------------------------------------------------------


def test_models_with_their_lineage(two: Served) -> None:
    second, first = two.get("/api/models")["items"]
    assert (second["model"], first["model"]) == ("speech/2", "speech/1")
    assert (second["base"], second["parents"]) == ("speech/1", ["speech/1", BASE])
    assert (second["champion"], second["evaluation"], second["run"]) == ([], None, 2)
    assert second["created_at"].endswith("Z")
    assert two.get("/api/models?modality=smell")["items"] == []

    told = two.get("/api/models/speech/1")
    assert told["children"] == ["speech/2"]
    assert {one["name"] for one in told["files"]} >= {"model.safetensors", "config.json"}
    assert (told["promotions"], told["evaluations"]) == ([], [])
    assert two.get("/api/models/speech/9", 404)["error"]["code"] == "not-found"
    assert two.get("/api/models/smell/1", 404)["error"]["code"] == "not-found"
    assert two.get("/api/champions") == {"items": []}


# --- comparing ---------------------------------------------------------------------------------


def test_comparing_measures_first_and_remembers(two: Served) -> None:
    place = "/api/compare?first=speech/1&second=speech/2&dataset=mine@1"
    begun = two.get(f"{place}&wait=0", 202)
    assert (begun["work"]["deed"], begun["work"]["state"]) == ("compare", "running")
    number = begun["work"]["id"]
    # The same question joins what is under way.
    assert two.get(f"{place}&wait=0", 202)["work"]["id"] == number
    ended = two.until(f"/api/errands/{number}", lambda told: told["work"]["state"] != "running")
    assert ended["work"]["state"] == "done", ended
    assert ended["work"]["done"] == ended["work"]["total"] > 0

    found = two.get(place)
    assert found == ended["result"]
    assert (found["a"]["model"], found["b"]["model"]) == ("speech/1", "speech/2")
    assert found["rows"] == two.get("/api/datasets/mine/1")["test"]
    for row in (*found["best"], *found["worst"]):
        assert two.workspace.sample(row["id"]).uid == row["sample"]
        assert row["truth"] == two.workspace.sample(row["id"]).truth
    figures = two.get("/api/models")["items"][0]["evaluation"]
    assert (figures["dataset"], figures["value"]) == ("mine@1", found["b"]["wer"])


def test_torch_stays_out_of_the_server(twice: Path, tmp_path: Path) -> None:
    shutil.copytree(twice, tmp_path / "copy")
    done = subprocess.run(
        [sys.executable, "-c", ASKED, str(tmp_path / "copy")],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["statuses"] == [200] * 6
    assert told["heavy"] == []


ASKED = """
import json, sys
from truing import Workspace
from truing.testing.http_client import Client
from truing.web.server import Address, Server

with Workspace.open(sys.argv[1]) as workspace:
    with Server(workspace, Address(port=0)).running() as url:
        client = Client(url, timeout=120)
        compare = "/api/compare?first=speech/1&second=speech/2&dataset=mine@1&wait=60"
        statuses = [client.ask("GET", path).status for path in (
            "/api/recipes?base=speech/1", "/api/models", compare, compare)]
        for path, data in (
            ("/api/runs/plan", {"dataset": "mine@1", "base": "speech/1"}),
            ("/api/models/speech/2/promote?wait=60", {"dry_run": True}),
        ):
            statuses.append(client.ask("POST", path, data).status)
heavy = [name for name in ("torch", "transformers", "ctranslate2") if name in sys.modules]
print(json.dumps({"statuses": statuses, "heavy": heavy}))
"""


# --- promoting ---------------------------------------------------------------------------------


def test_the_gate_is_asked_and_a_model_promoted_and_rolled_back(two: Served) -> None:
    first = two.post("/api/models/speech/1/promote?wait=60", {"force": "the first we have"})
    assert (first["promoted"], first["forced"], first["candidate"]) == (True, True, "speech/1")
    asked = two.post("/api/models/speech/2/promote?wait=60", {"dry_run": True})
    assert (asked["promoted"], asked["passed"], asked["rival"]) == (False, False, "speech/1")
    assert asked["sentence"]
    refused = two.post("/api/models/speech/2/promote?wait=60", {})
    assert (refused["promoted"], refused["passed"]) == (False, False)
    assert [one["model"] for one in two.get("/api/champions")["items"]] == ["speech/1"]

    forced = two.post("/api/models/speech/2/promote?wait=60", {"force": "  I like it "})
    assert (forced["promoted"], forced["forced"]) == (True, True)
    (champion,) = two.get("/api/champions")["items"]
    assert (champion["model"], champion["previous"]) == ("speech/2", "speech/1")
    assert champion["reason"] == "I like it"
    assert [move["model"] for move in champion["moves"]] == ["speech/2", "speech/1"]
    assert champion["moves"][0]["actor"] == two.workspace.actor
    assert two.get("/api/models/speech/2")["champion"] == ["general"]
    assert len(two.get("/api/models/speech/1")["promotions"]) == 2

    back = two.post("/api/models/rollback", {"modality": "speech", "audience": "general"})
    assert (back["model"], back["previous"], back["reason"]) == ("speech/1", "speech/2", "rollback")
    assert two.post("/api/models/rollback", {}, 409)["error"]["code"] == "nothing-to-do"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/api/models/speech/9/promote", {}, 404),
        ("/api/models/speech/2/promote?wait=60", {"dataset": "mine@9"}, 404),
        ("/api/models/speech/2/promote", {"colour": "red"}, 400),
        ("/api/models/speech/2/promote?wait=1000", {}, 400),
        ("/api/models/speech/2/promote", {"force": "x" * 501}, 400),
        ("/api/models/rollback", {"modality": "speech", "audience": "subject:nobody"}, 409),
    ],
)
def test_promotions_that_cannot_be(
    path: str, body: dict[str, Any], status: int, two: Served
) -> None:
    assert two.post(path, body, status)["error"]["message"]
    assert two.get("/api/champions") == {"items": []}


def test_comparisons_that_cannot_be(two: Served) -> None:
    place = "/api/compare?first=speech/1&second=speech/9&dataset=mine@1&wait=60"
    assert two.get(place, 404)["error"]["code"] == "not-found"
    assert two.get(place.replace("mine@1", "mine@9"), 404)["error"]["code"] == "not-found"
    assert two.get("/api/compare?first=speech/1", 400)["error"]["code"] == "invalid-input"
    assert two.get("/api/errands/99", 404)["error"]["code"] == "not-found"


# --- work --------------------------------------------------------------------------------------


class Held:
    """An errand that waits until it may go on."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.closed = False

    def result(self, on_progress: Any) -> dict[str, Any]:
        on_progress(1, 2)
        assert self.go.wait(60)
        if self.closed:
            raise UnavailableError("it was ended")
        return {"promoted": True, "candidate": "speech/1"}

    def close(self) -> None:
        self.closed = True
        self.go.set()


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Held:
    one = Held()
    monkeypatch.setattr("truing.web.work.Sent", lambda *_: one)
    return one


def errand(number: int = 1) -> Errand:
    return Errand(deed="promote", arguments={"model": f"speech/{number}"})


def test_one_errand_at_a_time_and_the_same_once(two: Served, held: Held) -> None:
    works = Works(two.workspace, Changes())
    first = works.ask(errand())
    assert works.ask(errand()) is first
    second = works.ask(errand(2))
    assert not second.over.wait(0.1)
    assert (second.done, second.total) == (0, None)
    held.go.set()
    assert first.over.wait(60)
    assert second.over.wait(60)
    assert (first.state, second.state) == ("done", "done")
    assert works.ask(errand()) is not first


def test_old_results_go(two: Served, held: Held) -> None:
    held.go.set()
    works = Works(two.workspace, Changes())
    asked = [works.ask(errand(number)) for number in range(KEPT + 5)]
    for one in asked:
        assert one.over.wait(60)
    last = works.ask(errand(100))
    with pytest.raises(NotFoundError, match="there is no work"):
        works.get(asked[0].id)
    assert works.get(last.id) is last


def test_work_is_stopped_and_what_waits_never_begins(two: Served, held: Held) -> None:
    works = Works(two.workspace, Changes())
    first = works.ask(errand())
    while first.total is None:
        pass
    second = works.ask(errand(2))
    assert [one.as_dict()["waiting"] for one in works.all()] == [True, False]
    works.stop(second.id)
    works.stop(first.id)
    assert second.over.wait(60)
    for one in (first, second):
        told = one.as_dict()
        assert (told["state"], told["error"]["code"]) == ("failed", "conflict")
        assert "stopped" in told["error"]["message"]
        assert "the rest" in told["error"]["hint"]
        assert told["ended_at"] is not None
    assert second.total is None
    again = works.ask(errand())
    assert again is not first
    assert again.over.wait(60)


def test_a_server_that_ends_takes_its_errands_along(two: Served, held: Held) -> None:
    works = Works(two.workspace, Changes())
    work = works.ask(errand())
    while work.total is None:
        pass
    waiting = works.ask(errand(2))
    works.close()
    assert work.over.wait(60)
    assert waiting.over.wait(60)
    assert work.as_dict()["error"] == {
        "code": "unavailable",
        "message": "it was ended",
        "hint": None,
    }
    assert waiting.error is not None
    assert works.ask(errand(3)).over.wait(60)


def test_an_errand_whose_process_dies_says_so(two: Served) -> None:
    sent = Sent(two.workspace, errand())
    sent._process.kill()
    with pytest.raises(UnavailableError, match="ended without an answer"):
        sent.result(lambda *_: None)


def test_the_process_of_an_errand_ends_with_the_server(two: Served) -> None:
    sent = Sent(two.workspace, errand())
    assert sent._process.stdin is not None
    sent._process.stdin.write(b'{"workspace": "/nowhere", "deed": "promote", "arguments": {}}\n')
    sent._process.stdin.close()
    assert sent._process.wait(60) == 1
    sent.close()


# --- taking one along --------------------------------------------------------------------------


def test_a_model_is_exported_as_it_lies(two: Served) -> None:
    answer = two.client.ask("GET", "/api/models/speech/2/export")
    assert answer.headers["content-type"] == "application/zip"
    assert "speech-2.zip" in answer.headers["content-disposition"]
    folder = two.workspace.layout.models / "speech" / "2"
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        assert archive.testzip() is None
        found = {name: archive.read(name) for name in archive.namelist()}
    assert found == {
        f"speech-2/{path.relative_to(folder).as_posix()}": path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    assert two.client.ask("GET", "/api/models/speech/9/export").status == 404
