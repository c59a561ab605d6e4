"""Runs over HTTP: recipes and plans, starting and steering, figures, logs and streams."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from tests.web.conftest import BASE, QUICK, Serve, Served, attempt

from truing import Workspace
from truing.domain.clock import to_iso
from truing.domain.run import MetricPoint, RunState
from truing.jobs.files import RunFiles, device_lock
from truing.platform.locks import FileLock
from truing.platform.processes import process_alive
from truing.web.routes import runs as routes

LONG = {**QUICK, "max_steps": "100000", "checkpoint_minutes": "0"}


def over(run: Any) -> bool:
    return run["state"] in ("done", "failed", "stopped")


# --- what can be trained -----------------------------------------------------------------------


def test_recipes_tell_everything_a_form_needs(served: Served) -> None:
    whisper, scratch = served.get("/api/recipes")["items"]
    assert (whisper["name"], whisper["needs_base"], whisper["missing"]) == ("whisper", True, [])
    assert (scratch["name"], scratch["needs_base"]) == ("whisper-scratch", False)
    assert whisper["default_base"] is scratch["default_base"] is None
    edits = served.get("/api/recipes?modality=image_edit")["items"]
    assert [one["default_base"] for one in edits] == ["timbrooks/instruct-pix2pix"]
    options = {one["name"]: one for one in whisper["options"]}
    assert {one["type"] for one in whisper["options"]} == {"bool", "int", "float", "str"}
    assert options["schedule"]["choices"] == ["linear", "cosine", "constant"]
    assert options["learning_rate"]["choices"] == []
    assert (options["augment"]["type"], options["augment"]["default"]) == ("bool", True)
    assert (options["epochs"]["type"], options["epochs"]["default"]) == ("int", 20)
    assert all(one["help"] for one in whisper["options"])


def test_presets_follow_the_data_and_the_base(served: Served) -> None:
    few = served.get("/api/recipes?examples=20")["items"][0]["presets"]
    many = served.get("/api/recipes?examples=2000")["items"][0]["presets"]
    assert few["epochs"] > many["epochs"]
    tiny = served.get("/api/recipes?examples=200&base=speech/1")["items"][0]["presets"]
    assert tiny["max_steps"] == 200
    planned = served.post("/api/runs/plan", {"dataset": "mine@1", "base": "speech/1"})
    assert planned["request"]["options"]["max_steps"] == 160
    assert served.get("/api/recipes?base=speech/9", 404)["error"]["code"] == "not-found"
    assert served.get("/api/recipes?modality=smell", 404)["error"]["code"] == "not-found"


def test_bases_are_models_champion_and_what_settings_name(
    serve: Serve, trained: Path, tmp_path: Path
) -> None:
    shutil.copytree(trained, tmp_path / "copy")
    named = {"train.bases": f"{BASE}, openai/whisper-tiny", "train.base": "speech/1"}
    served = serve(tmp_path / "copy", named)
    assert served.get("/api/bases")["items"] == [
        {"name": "speech/1", "kind": "model", "title": "speech/1"},
        {"name": BASE, "kind": "folder", "title": "without-theo"},
        {"name": "openai/whisper-tiny", "kind": "hub", "title": "openai/whisper-tiny"},
    ]
    served.workspace.promote("speech/1", force="the first one")
    first = served.get("/api/bases")["items"][0]
    assert first == {"name": "champion", "kind": "champion", "title": "speech/1"}


# --- plans -------------------------------------------------------------------------------------


def test_a_plan_resolves_options_and_tells_the_need(served: Served) -> None:
    asked = {"dataset": "mine@1", "base": BASE, "options": {"max_steps": 7, "augment": False}}
    plan = served.post("/api/runs/plan", {**asked, "then": "promote", "seed": 3})
    request = plan["request"]
    assert (request["recipe"], request["then"], request["seed"]) == ("whisper", "promote", 3)
    assert (request["options"]["max_steps"], request["options"]["augment"]) == (7, False)
    assert plan["need"]["memory"]["all"] > 0
    assert plan["warnings"] == []
    assert len(served.get("/api/runs")["items"]) == 1


def test_a_page_names_no_folder_to_publish_in(serve: Serve, trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path / "copy")
    served = serve(tmp_path / "copy", {"publish.target": "/srv/app/models"})
    asked = {"dataset": "mine@1", "base": BASE}
    plan = served.post("/api/runs/plan", {**asked, "then": "promote"})
    assert plan["request"]["publish_to"] == "/srv/app/models"
    assert served.post("/api/runs/plan", asked)["request"]["publish_to"] is None
    told = served.post("/api/runs/plan", {**asked, "publish_to": "/etc"}, 400)
    assert "publish_to" in told["error"]["message"]


def test_a_plan_on_data_that_is_frozen_first_freezes_nothing(served: Served) -> None:
    frozen = {"name": "mine", "test_share": 0.2, "validation_share": 0.1}
    plan = served.post("/api/runs/plan", {"freeze": frozen, "base": BASE})
    assert plan["request"]["dataset"] == "mine@2"
    assert [one["version"] for one in served.get("/api/datasets")["items"]] == ["mine@1"]


@pytest.mark.parametrize(
    ("asked", "status", "message"),
    [
        ({}, 400, "needs `dataset` or `freeze`"),
        ({"dataset": "mine@1", "freeze": {"name": "mine"}}, 400, "needs `dataset` or `freeze`"),
        ({"dataset": "mine@1"}, 400, "needs a model to start from"),
        ({"dataset": "mine@7", "base": BASE}, 404, "no dataset version `mine@7`"),
        ({"dataset": "mine", "base": BASE}, 400, "does not name a dataset version"),
        ({"dataset": "mine@1", "base": "./nowhere"}, 404, "no model folder"),
        ({"dataset": "mine@1", "base": "champion"}, 404, "no speech champion yet"),
        ({"dataset": "mine@1", "recipe": "wisper"}, 404, "no speech recipe `wisper`"),
        ({"dataset": "mine@1", "base": BASE, "options": {"epoch": 1}}, 400, "no option `epoch`"),
        ({"dataset": "mine@1", "base": BASE, "then": "celebrate"}, 400, "then"),
        ({"dataset": "mine@1", "base": BASE, "colour": "red"}, 400, "colour"),
    ],
)
def test_plans_that_cannot_be(
    asked: dict[str, Any], status: int, message: str, served: Served
) -> None:
    for path in ("/api/runs/plan", "/api/runs"):
        assert message in served.post(path, asked, status)["error"]["message"]
    assert len(served.workspace.store.runs.all()) == 1
    assert len(served.workspace.store.datasets.all()) == 1


# --- lists, figures, logs ----------------------------------------------------------------------


def test_a_run_is_told_as_the_commands_tell_it(served: Served) -> None:
    stored = served.workspace.store.runs.get(1)
    told = served.get("/api/runs/1")
    assert {name: told[name] for name in stored.as_dict()} == json.loads(
        json.dumps(stored.as_dict())
    )
    assert (told["state"], told["model"], told["waiting"]) == ("done", "speech/1", False)
    assert (told["remaining"], told["steps_per_second"]) == (None, None)
    assert served.get("/api/runs/2", 404)["error"]["code"] == "not-found"
    assert served.get("/api/runs/x", 400)["error"]["code"] == "invalid-input"


def test_runs_page_by_number(served: Served) -> None:
    for _ in range(4):
        served.workspace.train("mine@1", base=BASE, options=QUICK, start=False)
        served.workspace.store.runs.end(
            served.workspace.store.runs.all(limit=1)[0].id, 0, state=RunState.STOPPED, at=1
        )
    first = served.get("/api/runs?limit=2")
    assert ([run["run"] for run in first["items"]], first["next"]) == ([5, 4], "4")
    second = served.get(f"/api/runs?limit=2&after={first['next']}")
    assert [run["run"] for run in second["items"]] == [3, 2]
    last = served.get(f"/api/runs?limit=2&after={second['next']}")
    assert ([run["run"] for run in last["items"]], last["next"]) == ([1], None)


def test_figures_come_in_whole_steps(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = served.workspace.store.runs.metrics(1)
    told = served.get("/api/runs/1/metrics")
    assert told == {"items": [point.as_dict() for point in stored], "next": None}
    assert {point["step"] for point in served.get("/api/runs/1/metrics?after_step=1")["items"]} == {
        2
    }
    monkeypatch.setattr(routes, "POINTS", 3)
    found, after = [], -1
    while after is not None:
        page = served.get(f"/api/runs/1/metrics?after_step={after}")
        found += page["items"]
        after = page["next"]
    assert found == told["items"]
    assert served.get("/api/runs/9/metrics", 404)["error"]["code"] == "not-found"


def test_a_figure_that_is_no_number_is_null(served: Served) -> None:
    now = served.workspace.clock.now()
    point = MetricPoint(step=3, name="train_loss", value=float("nan"), at=now)
    served.workspace.store.runs.report(1, [point])
    told = served.get("/api/runs/1/metrics?after_step=2")["items"]
    assert told == [{"step": 3, "name": "train_loss", "value": None, "at": to_iso(now)}]


def test_the_log_has_a_cursor(served: Served) -> None:
    place = RunFiles.of(served.workspace.layout.root, 1).log
    whole = place.read_text(encoding="utf-8").splitlines()
    told = served.get("/api/runs/1/log")
    assert (told["lines"], told["ended"]) == (whole, True)
    assert served.get(f"/api/runs/1/log?after={told['next']}")["lines"] == []
    with place.open("ab") as log:
        log.write("über\nhalf a l".encode())
    more = served.get(f"/api/runs/1/log?after={told['next']}")
    assert more["lines"] == ["über"]
    with place.open("ab") as log:
        log.write(b"ine\n")
    assert served.get(f"/api/runs/1/log?after={more['next']}")["lines"] == ["half a line"]
    text = served.client.ask("GET", "/api/runs/1/log?format=text")
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    assert text.body == place.read_bytes()
    newest = served.get("/api/train/logs")
    assert (newest["run"], newest["lines"][0]) == (1, whole[0])


def test_a_run_without_a_log_yet(served: Served) -> None:
    served.workspace.train("mine@1", base=BASE, options=QUICK, start=False)
    shutil.rmtree(RunFiles.of(served.workspace.layout.root, 1).folder)
    assert served.get("/api/runs/1/log")["lines"] == []
    assert served.client.ask("GET", "/api/runs/1/log?format=text").body == b""


# --- a run that goes on ------------------------------------------------------------------------


def test_a_run_is_started_watched_paused_resumed_and_stopped(served: Served) -> None:
    asked = {"dataset": "mine@1", "base": BASE, "options": LONG}
    begun = served.post("/api/runs", asked, 201)
    assert (begun["run"], begun["state"]) == (2, "queued")
    place = "/api/runs/2"
    going = served.until(place, lambda run: run["step"] > 3)
    assert going["state"] == "running"
    assert served.get("/api/train/status")["run"]["run"] == 2
    assert served.until(place, lambda run: run["remaining"] is not None)["steps_per_second"] > 0

    waiting = served.post("/api/runs", asked, 201)
    assert served.until("/api/runs/3", lambda run: run["waiting"])["state"] == "queued"
    assert served.post(f"/api/runs/{waiting['run']}/stop")["state"] == "stopped"

    assert served.post(f"{place}/pause")["want"] == "pause"
    paused = served.until(place, lambda run: run["state"] == "paused")
    assert served.post(f"{place}/resume")["want"] == "run"
    again = served.until(place, lambda run: run["step"] > paused["step"])
    assert (again["state"], again["attempts"]) == ("running", 2)
    assert served.post(f"{place}/stop")["want"] == "stop"
    assert served.until(place, over)["state"] == "stopped"
    assert served.post(f"{place}/pause", status=409)["error"]["code"] == "conflict"
    assert served.post(f"{place}/stop")["state"] == "stopped"


def test_a_version_is_frozen_on_the_way(served: Served) -> None:
    frozen = {"name": "other", "test_share": 0.1, "validation_share": 0}
    asked = {"freeze": frozen, "base": BASE, "options": QUICK}
    begun = served.post("/api/runs", asked, 201)
    assert begun["request"]["dataset"] == "other@1"
    ended = served.until("/api/runs/2", over)
    assert (ended["state"], ended["model"]) == ("done", "speech/2")


def test_the_stream_of_a_run_tells_figures_until_it_ends(served: Served) -> None:
    asked = {"dataset": "mine@1", "base": BASE, "options": {**QUICK, "max_steps": 6}}
    served.post("/api/runs", asked, 201)
    connection = HTTPConnection(served.client.place, timeout=120)
    connection.request("GET", "/api/runs/2/changes")
    answer = connection.getresponse()
    assert answer.headers["content-type"].startswith("text/event-stream")
    told = [line[6:] for line in answer.read().decode().splitlines() if line.startswith("data: ")]
    connection.close()
    events = [json.loads(one) for one in told]
    assert (events[0]["run"]["run"], events[-1]["run"]["state"]) == (2, "done")
    points = {(one["step"], one["name"]) for event in events for one in event["points"]}
    stored = {(one.step, one.name) for one in served.workspace.store.runs.metrics(2)}
    assert points == stored != set()
    assert served.client.ask("GET", "/api/runs/9/changes").status == 404


def test_the_stream_ends_with_the_server(serve: Serve, trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path / "copy")
    served = serve(tmp_path / "copy")
    served.workspace.train("mine@1", base=BASE, options=QUICK, start=False)
    served.workspace.jobs.pause(2)
    connection = HTTPConnection(served.client.place, timeout=30)
    connection.request("GET", "/api/runs/2/changes")
    answer = connection.getresponse()
    assert answer.readline().startswith(b"retry:")
    served.server.stop()
    answer.read()
    connection.close()


def test_a_run_whose_process_is_gone_is_lost_until_somebody_looks(served: Served) -> None:
    from truing.platform.processes import boot_id

    workspace = served.workspace
    run = workspace.train("mine@1", base=BASE, options=QUICK, start=False)
    now = workspace.clock.now()
    identity = {"boot_id": boot_id(), "pid": 2**22 + 1, "pid_start": 1}
    taken = workspace.store.runs.claim(run.id, **identity, now=now, lease_until=now + 10**8)
    assert taken is not None
    from truing.web.following import run_as_dict

    assert run_as_dict(workspace, taken)["state"] == "lost"
    # The server's caretaker takes it up by itself.
    assert served.until(f"/api/runs/{run.id}", over)["state"] == "done"


# --- the server dies ---------------------------------------------------------------------------

SERVE = """
import sys
from truing import Workspace
from truing.web.server import Address, Server
with Workspace.open(sys.argv[1]) as workspace:
    server = Server(workspace, Address(port=0))
    print(server.url, flush=True)
    server.run()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9 on Windows")
def test_a_run_goes_on_when_the_server_is_killed(
    serve: Serve, trained: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(trained, folder)
    command = [sys.executable, "-c", SERVE, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        url = program.stdout.readline().strip()
        from truing.testing.http_client import Client

        first = Client(url)
        asked = {"dataset": "mine@1", "base": BASE, "options": {**LONG, "max_steps": "40"}}
        assert first.ask("POST", "/api/runs", asked).status == 201
        deadline = time.monotonic() + 120
        while (run := first.ask("GET", "/api/runs/2").json)["step"] < 2:
            assert time.monotonic() < deadline, run
            time.sleep(0.05)
        os.kill(program.pid, signal.SIGKILL)
    with Workspace.open(folder, environ={}) as workspace:
        alone = workspace.store.runs.get(2)
        assert alone.pid is not None
        assert alone.pid_start is not None
        alive = process_alive(alone.pid, alone.pid_start)
        assert alive or workspace.store.runs.get(2).state is RunState.DONE
    second = serve(folder)
    ended = second.until("/api/runs/2", over)
    assert (ended["state"], ended["attempts"], ended["model"]) == ("done", 1, "speech/2")
    steps = {one["step"] for one in second.get("/api/runs/2/metrics")["items"]}
    assert set(range(1, 41)) <= steps


# --- learning everything with one call ---------------------------------------------------------


def settings(**more: str) -> dict[str, str]:
    told = " ".join(f"{name}={value}" for name, value in QUICK.items())
    return {"train.base": BASE, "train.options": told, **more}


def test_training_all_reviewed_samples(serve: Serve, trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path / "copy")
    served = serve(tmp_path / "copy", settings())
    nothing = served.post("/api/train")
    assert (nothing["success"], nothing["trained_count"]) == (False, 0)
    assert nothing["message"] == "No reviewed items to train"
    _three_more(served.workspace)
    status = served.get("/api/train/status")
    assert (status["state"], status["ready"], status["reviewed"]) == ("idle", 3, 28)

    # Nobody waits for training: the device is taken, so that it cannot even begin.
    device = FileLock(device_lock(served.workspace.layout.runs, "cpu"))
    assert device.acquire()
    begun = served.post("/api/train")
    assert (begun["success"], begun["trained_count"], begun["queued"]) == (True, 3, 3)
    assert begun["message"] == "Training of 3 items has begun"
    request = begun["run"]["request"]
    assert (request["dataset"], request["then"], request["base"]) == ("mine@2", "promote", BASE)
    refused = served.post("/api/train", status=409)
    assert (refused["success"], refused["error"]["code"]) == (False, "conflict")

    device.release()
    ended = served.until("/api/runs/2", over)
    assert (ended["state"], ended["model"]) == ("done", "speech/2")
    assert ended["verdict"]["candidate"] == "speech/2"
    assert ended["verdict"]["passed"] is False  # so few rows prove nothing
    assert ended["verdict"]["sentence"]
    assert ended["published"] is None
    after = served.get("/api/train/status")
    assert (after["ready"], after["champion"], after["last"]["run"]) == (0, None, 2)
    assert served.get("/api/datasets/mine/2")["train"] > 3


def test_training_only_what_is_new(serve: Serve, trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path / "copy")
    served = serve(tmp_path / "copy", settings(**{"train.earlier": "false"}))
    _three_more(served.workspace)
    body = {"dataset": "fresh", "options": {"max_steps": 1}, "seed": 4}
    begun = served.post("/api/train", body)
    request = begun["run"]["request"]
    assert (request["dataset"], request["seed"]) == ("fresh@1", 4)
    assert request["options"]["max_steps"] == 1
    version = served.get("/api/datasets/fresh/1")
    assert version["train"] + version["validation"] + version["test"] == 3
    served.until("/api/runs/2", over)


@pytest.mark.parametrize(
    ("changes", "status", "message"),
    [
        ({"train.base": "champion"}, 404, "there is nothing to start from"),
        ({"train.recipe": "wisper"}, 404, "no speech recipe"),
        ({"train.options": "epochs"}, 400, "is no NAME=VALUE"),
        ({"train.s2s_config": "/nowhere/training.toml"}, 404, "/nowhere/training.toml"),
    ],
)
def test_training_that_cannot_begin_freezes_nothing(
    changes: dict[str, str],
    status: int,
    message: str,
    serve: Serve,
    trained: Path,
    tmp_path: Path,
) -> None:
    shutil.copytree(trained, tmp_path / "copy")
    served = serve(tmp_path / "copy", settings(**changes))
    _three_more(served.workspace)
    told = served.post("/api/train", status=status)
    assert message in told["error"]["message"]
    assert (told["success"], told["trained_count"]) == (False, 0)
    assert len(served.workspace.store.datasets.all()) == 1


def test_a_model_that_passes_the_gate_is_promoted_and_published_by_the_worker(
    serve: Serve, trained: Path, tmp_path: Path
) -> None:
    """A person who calls every digit seven is soon understood, and few rows prove it."""
    pytest.importorskip("ctranslate2")
    folder, target = tmp_path / "copy", tmp_path / "app" / "models"
    shutil.copytree(trained, folder)
    easy = {"gate.minimum_rows": "2", "backup.before_training": "false"}
    with Workspace.open(folder, flags=easy, environ={}) as workspace:
        for number in range(1, 26):
            workspace.review(number, "corrected", truth="seven")
        workspace.freeze("odd", test_share=0.5, validation_share=0)
        run = workspace.train(
            "odd@1",
            base=BASE,
            options={**QUICK, "max_steps": "150", "learning_rate": "1e-3", "average": "0"},
            then="promote",
            publish_to=str(target),
            start=False,
        )
        assert attempt(workspace, run) is RunState.DONE
    served = serve(folder)
    ended = served.get("/api/runs/2")
    assert ended["verdict"]["passed"], ended["verdict"]["sentence"]
    assert ended["published"] == str(target / "1")
    assert (target / "1" / "model.bin").is_file()
    assert served.get("/api/champions")["items"][0]["model"] == "speech/2"
    assert "speech/2 is published as 1" in "\n".join(served.get("/api/runs/2/log")["lines"])


def test_a_model_that_cannot_be_judged_is_made_all_the_same(trained: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(trained, folder)
    with Workspace.open(folder, environ={}) as workspace:
        workspace.freeze("untested", test_share=0)
        run = workspace.train("untested@1", base=BASE, options=QUICK, then="promote", start=False)
        assert attempt(workspace, run) is RunState.DONE
        result = workspace.store.runs.get(run.id).result
    assert result["model"] == "speech/2"
    assert result["verdict"]["reason"] == "not-judged"
    assert "no test row" in result["verdict"]["sentence"]
    assert result["published"] is None


def _three_more(workspace: Workspace) -> None:
    from tests.web.conftest import DIGITS

    for path in sorted(DIGITS.glob("*.flac"))[:3]:
        given = {"sampling": "wholesale", "source": "app", "source_key": path.stem}
        added = workspace.capture("speech", audio=path, raw="well", **given)
        assert added is not None
        workspace.review(added.id, "corrected", truth="one")


def test_paths_are_quoted(served: Served) -> None:
    place = quote("../../etc", safe="")
    assert served.client.ask("GET", f"/api/runs/{place}").status in (400, 404)
