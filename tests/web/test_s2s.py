"""The S2S app's API, call by call and field by field, over databases its real code has written."""

from __future__ import annotations

import base64
import io
import json
import sqlite3
import wave
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.web.conftest import Serve, Served

from truing import Workspace
from truing.domain.review import State
from truing.testing.http_client import Answer, Client
from truing.web.server import Address, Server

CLIENTS = Path(__file__).parents[1] / "data" / "clients" / "s2s"
DATABASES = sorted(CLIENTS.glob("*.db"))
REVIEWED = CLIENTS / "s2s_2026-01_zlib_reviewed.db"
ITEM = {"id", "transcript", "is_reviewed", "is_trained", "timestamp"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of the app's own database, as its API told it."""

    transcript: str
    sound: bytes
    """int16, little-endian, 16 kHz."""
    is_reviewed: bool
    is_trained: bool
    timestamp: str


def rows_of(database: Path) -> list[Row]:
    """What the app's table holds, read without any code of ours."""
    connection = sqlite3.connect(f"{database.as_uri()}?immutable=1", uri=True)
    query = "SELECT transcript, audio_blob, is_reviewed, is_trained, timestamp FROM "
    found = connection.execute(query + "s2s_training_data ORDER BY id").fetchall()
    connection.close()
    return [
        Row(
            transcript=text,
            sound=blob if "raw" in database.name else zlib.decompress(blob),
            is_reviewed=bool(reviewed),
            is_trained=bool(trained),
            timestamp=time,
        )
        for text, blob, reviewed, trained, time in found
    ]


@pytest.fixture
def imported(serve: Serve, tmp_path: Path) -> Iterator[Any]:
    """Serves a workspace into which a database was imported."""

    def start(database: Path, **more: Any) -> Served:
        folder = tmp_path / "ws"
        with Workspace.create(folder, environ={}) as workspace:
            workspace.import_from("s2s", database)
        return serve(folder, **more)

    return start


@pytest.fixture
def app(imported: Any) -> Served:
    """The newest database, with reviewed and trained rows."""
    served: Served = imported(REVIEWED)
    return served


# --- every call, field by field ----------------------------------------------------------------


@pytest.mark.parametrize("database", DATABASES, ids=lambda path: path.stem)
def test_every_row_is_told_as_the_app_told_it(database: Path, imported: Any) -> None:
    served = imported(database)
    stored = rows_of(database)
    listed = served.get("/api/data")
    assert [one["id"] for one in listed] == sorted((one["id"] for one in listed), reverse=True)
    assert len(listed) == len(stored) >= 6
    for row, item in zip(stored, reversed(listed), strict=True):
        assert set(item) == ITEM
        whole = served.get(f"/api/data/{item['id']}")
        assert set(whole) == {*ITEM, "audio_base64"}
        assert {name: whole[name] for name in ITEM} == item  # nothing here needs escaping
        for name in ("transcript", "is_reviewed", "is_trained", "timestamp"):
            assert whole[name] == getattr(row, name), name
        with wave.open(io.BytesIO(base64.b64decode(whole["audio_base64"]))) as file:
            form = (file.getnchannels(), file.getsampwidth(), file.getframerate())
            assert form == (1, 2, 16_000)
            assert file.readframes(file.getnframes()) == row.sound


@pytest.mark.parametrize("database", DATABASES, ids=lambda path: path.stem)
def test_figures(database: Path, imported: Any) -> None:
    stored = rows_of(database)
    reviewed, trained = (
        sum(getattr(row, flag) for row in stored) for flag in ("is_reviewed", "is_trained")
    )
    assert imported(database).get("/api/data/stats") == {
        "total": len(stored),
        "reviewed": reviewed,
        "trained": trained,
        "pending_training": reviewed - trained,
    }


@pytest.mark.parametrize(
    ("query", "reviewed", "trained"),
    [
        ("", None, None),
        ("?reviewed=true", True, None),
        ("?reviewed=TRUE", True, None),
        ("?reviewed=false", False, None),
        ("?reviewed=1", False, None),
        ("?reviewed=", False, None),
        ("?trained=True", None, True),
        ("?trained=no", None, False),
        ("?reviewed=true&trained=false", True, False),
        ("?reviewed=false&trained=true", False, True),
        ("?colour=red", None, None),
    ],
)
def test_filters(query: str, reviewed: bool | None, trained: bool | None, app: Served) -> None:
    expected = [
        row.transcript
        for row in reversed(rows_of(REVIEWED))
        if reviewed in (None, row.is_reviewed) and trained in (None, row.is_trained)
    ]
    assert [item["transcript"] for item in app.get(f"/api/data{query}")] == expected


CALLS: list[tuple[str, str, object, int, dict[str, Any]]] = [
    ("GET", "/api/health", None, 200, {"status": "ok", "message": "Training server is running"}),
    ("GET", "/api/data/999", None, 404, {"error": "Item not found"}),
    ("GET", "/api/data/99999999999999999999999", None, 404, {"error": "Item not found"}),
    (
        "PUT",
        "/api/data/1",
        {"transcript": "hello", "is_reviewed": True},
        200,
        {"success": True, "message": "Item updated"},
    ),
    ("PUT", "/api/data/1", {}, 200, {"success": True, "message": "Item updated"}),
    (
        "PUT",
        "/api/data/999",
        {"transcript": "x"},
        200,
        {"success": True, "message": "Item updated"},
    ),
    ("DELETE", "/api/data/1", None, 200, {"success": True, "message": "Item deleted"}),
    ("DELETE", "/api/data/999", None, 200, {"success": True, "message": "Item deleted"}),
    (
        "POST",
        "/api/database/reset",
        None,
        200,
        {"success": True, "message": "6 items are in the trash for 7 days"},
    ),
    ("GET", "/api/models/faster-whisper/versions", None, 200, {"versions": []}),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "told"), CALLS)
def test_calls_with_fixed_answers(
    method: str, path: str, body: object, status: int, told: dict[str, Any], app: Served
) -> None:
    answer = app.client.ask(method, path, body)
    assert (answer.status, answer.json) == (status, told)
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("path", ["/api/data/x", "/api/data/-1", "/api/data/1.5", "/api/data/1/2"])
def test_numbers_that_are_none(path: str, app: Served) -> None:
    assert app.client.ask("GET", path).status == 404


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b'{"transcript": 5}', b"null"])
def test_bodies_that_cannot_be_read(body: bytes, app: Served) -> None:
    before = app.get("/api/data/1")
    headers = {"Content-Type": "application/json"}
    answer = app.client.ask("PUT", "/api/data/1", body=body, headers=headers)
    assert answer.status == 400
    assert app.get("/api/data/1") == before


# --- what saving means -------------------------------------------------------------------------


def pending_row(app: Served) -> dict[str, Any]:
    found: dict[str, Any] = app.get("/api/data?reviewed=false")[0]
    return found


def save(app: Served, id: int, **body: object) -> Answer:
    return app.client.ask("PUT", f"/api/data/{id}", body)


def test_a_reviewed_row_keeps_what_the_model_said(app: Served) -> None:
    row = pending_row(app)
    assert save(app, row["id"], transcript=" good morning ", is_reviewed=True).status == 200
    told = app.get(f"/api/data/{row['id']}")
    assert (told["transcript"], told["is_reviewed"]) == ("good morning", True)
    sample = app.workspace.sample(row["id"])
    assert (sample.state, sample.truth) == (State.CORRECTED, "good morning")
    assert sample.raw is not None
    assert sample.raw.text == row["transcript"]
    (revision,) = app.workspace.history(row["id"])
    assert revision.actor == app.workspace.actor
    # Saved once more as it is: nothing was decided anew.
    save(app, row["id"], transcript="good morning", is_reviewed=True)
    assert app.workspace.history(row["id"]) == [revision]


def test_an_unchanged_text_is_accepted(app: Served) -> None:
    row = pending_row(app)
    save(app, row["id"], transcript=row["transcript"], is_reviewed=True)
    assert app.workspace.sample(row["id"]).state is State.ACCEPTED


def test_a_text_without_the_tick_is_a_draft(app: Served) -> None:
    row = pending_row(app)
    save(app, row["id"], transcript="half a sent", is_reviewed=False)
    told = app.get(f"/api/data/{row['id']}")
    assert (told["transcript"], told["is_reviewed"]) == ("half a sent", False)
    assert pending_row(app)["id"] == row["id"]
    sample = app.workspace.sample(row["id"])
    assert (sample.state, sample.truth, sample.proposal) == (
        State.SKIPPED,
        None,
        row["transcript"],
    )
    save(app, row["id"], transcript="half a sentence", is_reviewed=True)
    assert app.get(f"/api/data/{row['id']}")["transcript"] == "half a sentence"


def test_leaving_out_the_tick_takes_the_review_back(app: Served) -> None:
    row = pending_row(app)
    save(app, row["id"], transcript="good morning", is_reviewed=True)
    save(app, row["id"], transcript="good evening")
    told = app.get(f"/api/data/{row['id']}")
    assert (told["transcript"], told["is_reviewed"]) == ("good evening", False)
    save(app, row["id"])
    assert app.get(f"/api/data/{row['id']}")["is_reviewed"] is False


def test_taking_back_leaves_the_text_of_the_model(app: Served) -> None:
    row = pending_row(app)
    save(app, row["id"], transcript="good morning", is_reviewed=True)
    save(app, row["id"], is_reviewed=False)
    assert app.get(f"/api/data/{row['id']}") | {"audio_base64": None} == row | {
        "audio_base64": None
    }
    assert app.workspace.sample(row["id"]).state is State.PENDING


def test_a_review_needs_a_text(app: Served) -> None:
    row = pending_row(app)
    for body in ({"is_reviewed": True}, {"transcript": "  ", "is_reviewed": True}):
        answer = save(app, row["id"], **body)
        assert answer.status == 400
        assert answer.json == {"error": f"the truth of sample {row['id']} is empty"}
    assert app.workspace.history(row["id"]) == []


def test_signs_of_html_are_escaped_in_the_list_alone(app: Served) -> None:
    row = pending_row(app)
    text = """<img src=x onerror="alert('&')">"""
    save(app, row["id"], transcript=text, is_reviewed=True)
    listed = next(one for one in app.get("/api/data") if one["id"] == row["id"])
    escaped = "&lt;img src=x onerror=&quot;alert('&amp;')&quot;&gt;"
    assert listed["transcript"] == escaped
    # The editor puts it into a text field and sends it back.
    assert app.get(f"/api/data/{row['id']}")["transcript"] == text
    assert app.workspace.sample(row["id"]).truth == text


def test_a_row_that_nobody_heard_has_an_empty_text(app: Served, digit: Path) -> None:
    added = app.workspace.capture("speech", audio=digit)
    assert added is not None
    told = app.get(f"/api/data/{added.id}")
    assert (told["transcript"], told["is_reviewed"], told["is_trained"]) == ("", False, False)
    with wave.open(io.BytesIO(base64.b64decode(told["audio_base64"]))) as file:
        assert file.getframerate() == 16_000  # whatever rate it is kept in


@pytest.fixture
def digit() -> Path:
    folder = Path(__file__).parents[1] / "data" / "speech" / "digits"
    return min(folder.glob("*.flac"))


def test_a_row_without_sound(app: Served) -> None:
    sample = app.workspace.sample(pending_row(app)["id"])
    app.workspace.blobs.delete(sample.media[0].digest)
    assert app.get(f"/api/data/{sample.id}")["audio_base64"] is None


def test_rejected_samples_are_not_in_the_table(app: Served) -> None:
    row = pending_row(app)
    app.workspace.review(row["id"], "rejected")
    assert app.client.ask("GET", f"/api/data/{row['id']}").status == 404
    assert row["id"] not in [one["id"] for one in app.get("/api/data")]
    assert app.get("/api/data/stats")["total"] == 5


# --- deleting ----------------------------------------------------------------------------------


def test_deleting_is_the_trash(app: Served) -> None:
    row = pending_row(app)
    app.client.ask("DELETE", f"/api/data/{row['id']}")
    assert app.client.ask("GET", f"/api/data/{row['id']}").status == 404
    assert app.client.ask("DELETE", f"/api/data/{row['id']}").status == 200
    assert app.workspace.sample(row["id"]).state is State.TRASHED
    assert app.workspace.store.trash.count() == 1


def test_resetting_can_be_taken_back(app: Served) -> None:
    before = app.get("/api/data")
    app.post("/api/database/reset")
    assert app.get("/api/data") == []
    assert app.get("/api/data/stats")["total"] == 0
    again = app.post("/api/database/reset")
    assert again == {"success": True, "message": "0 items are in the trash for 7 days"}
    from truing.workspace import trash

    assert len(trash.take_back(app.workspace, last=True)) == 6
    assert app.get("/api/data") == before


def test_resetting_is_refused_where_the_trash_keeps_nothing(imported: Any) -> None:
    served = imported(REVIEWED, settings={"trash.days": "0"})
    told = served.post("/api/database/reset", status=409)
    assert told["success"] is False
    assert "would erase every sample for good" in told["error"]
    assert len(served.get("/api/data")) == 6


# --- the app's settings and models -------------------------------------------------------------

TRAINING = """
[training]
flask_port = 8277
stt_model_path = ".\\\\.models\\\\stt\\\\whisper"
stt_faster_model_path = ".\\\\.models\\\\stt\\\\faster"
batch_size = 3
gradient_accumulation_steps = 2
learning_rate = 2e-5
num_train_epochs = 4
save_steps = 100
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder laid out as the app's, with pages that make its calls."""
    root = tmp_path / "S2S"
    (root / "configs").mkdir(parents=True)
    (root / "configs" / "training.toml").write_text(TRAINING, encoding="utf-8")
    for number in ("2", "10", "1"):
        (root / ".models" / "stt" / "faster" / number).mkdir(parents=True)
    (root / ".models" / "stt" / "faster" / "10.tmp").mkdir()
    (root / ".models" / "stt" / "whisper").mkdir()
    www = root / "training" / "www"
    (www / "templates").mkdir(parents=True)
    (www / "static" / "js").mkdir(parents=True)
    link = "{{ url_for('static', filename='js/dashboard.js') }}"
    page = f'<!doctype html><title>Dashboard</title><script src="{link}"></script>'
    (www / "templates" / "index.html").write_text(page, encoding="utf-8")
    (www / "templates" / "editor.html").write_text(page.replace("Dash", "Edit"), encoding="utf-8")
    (www / "static" / "js" / "dashboard.js").write_text("// theirs", encoding="utf-8")
    (www / ".secret.html").write_text("hidden", encoding="utf-8")
    (www / "notes.pem").write_text("a key", encoding="utf-8")
    (root / "configs" / "outside.html").write_text("outside", encoding="utf-8")
    return root


def test_versions_are_the_numbered_folders(imported: Any, project: Path) -> None:
    served = imported(REVIEWED, pages=project / "training" / "www")
    told = served.get("/api/models/faster-whisper/versions")
    assert [one["version"] for one in told["versions"]] == [10, 2, 1]
    place = project / ".models" / "stt" / "faster" / "10"
    assert told["versions"][0]["path"] == str(place)
    assert set(told["versions"][0]) == {"version", "path", "created"}
    assert told["versions"][0]["created"][:2] == "20"


def test_the_settings_come_before_the_apps(imported: Any, project: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    (own / "3").mkdir(parents=True)
    served = imported(
        REVIEWED, settings={"publish.target": str(own)}, pages=project / "training" / "www"
    )
    told = served.get("/api/models/faster-whisper/versions")
    assert [one["version"] for one in told["versions"]] == [3]


# --- training ----------------------------------------------------------------------------------


def test_training_answers_with_the_fields_of_the_app(
    serve: Serve, trained: Path, tmp_path: Path
) -> None:
    import shutil

    from tests.web.conftest import BASE, QUICK

    shutil.copytree(trained, tmp_path / "copy")
    told = " ".join(f"{name}={value}" for name, value in QUICK.items())
    served = serve(tmp_path / "copy", {"train.base": BASE, "train.options": told})
    nothing = served.post("/api/train")
    assert nothing["success"] is False
    assert nothing["trained_count"] == 0
    assert nothing["message"] == "No reviewed items to train"

    added = served.workspace.capture("speech", audio=_clip(), raw="one", sampling="wholesale")
    assert added is not None
    save(served, added.id, transcript="two", is_reviewed=True)
    assert served.get("/api/data/stats")["pending_training"] == 1
    begun = served.client.ask(
        "POST", "/api/train", headers={"Content-Type": "application/json"}
    ).json
    fields = ("success", "trained_count", "message", "epochs_run", "faster_whisper_version")
    assert [begun[name] for name in fields] == [True, 1, "Training of 1 items has begun", 0, None]
    assert begun["conversion_success"] is False
    served.until("/api/runs/2", lambda run: run["state"] == "done")
    assert served.get("/api/data/stats")["pending_training"] == 0
    assert served.get(f"/api/data/{added.id}")["is_trained"] is True


def _clip() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(16_000)
        written.writeframes(rows_of(REVIEWED)[0].sound)
    return file.getvalue()


# --- pages -------------------------------------------------------------------------------------


@pytest.fixture
def beside(imported: Any, project: Path) -> Client:
    """The app's pages beside ours, asked by the name that they expect."""
    served = imported(REVIEWED, pages=project / "training" / "www")
    port = served.client.place.rpartition(":")[2]
    return Client(f"http://localhost:{port}")


def test_foreign_pages_are_served_beside_ours(beside: Client) -> None:
    page = beside.ask("GET", "/")
    assert b"<title>Dashboard</title>" in page.body
    assert b'src="/static/js/dashboard.js"' in page.body
    assert "script-src-attr 'unsafe-inline'" in page.headers["content-security-policy"]
    assert b"<title>Editboard</title>" in beside.ask("GET", "/editor").body
    script = beside.ask("GET", "/static/js/dashboard.js")
    assert (script.body, script.status) == (b"// theirs", 200)
    assert script.headers["content-type"].startswith("text/javascript")
    ours = beside.ask("GET", "/review")
    assert b"Dashboard" not in ours.body
    assert "script-src-attr" not in ours.headers["content-security-policy"]
    assert beside.ask("GET", "/static/app.js").status == 200


def test_pages_opened_by_address_move_to_the_name(imported: Any, project: Path) -> None:
    served = imported(REVIEWED, pages=project / "training" / "www")
    port = served.client.place.rpartition(":")[2]
    moved = served.client.ask("GET", "/")
    assert (moved.status, moved.headers["location"]) == (307, f"http://localhost:{port}/")


@pytest.mark.parametrize(
    "path",
    [
        "/.secret",
        "/.secret.html",
        "/notes.pem",
        "/static/../templates/../../../configs/outside",
        "/static/%2e%2e/%2e%2e/%2e%2e/configs/outside.html",
        "/..%2f..%2fconfigs%2foutside.html",
        "/%2e%2e/%2e%2e/configs/training.toml",
        "/static/..%5c..%5cconfigs%5coutside.html",
        "/templates",
        "/nothing",
    ],
)
def test_nothing_else_of_the_folder_is_served(path: str, beside: Client) -> None:
    answer = beside.ask("GET", path)
    assert answer.status in (400, 404)
    assert b"hidden" not in answer.body
    assert b"outside" not in answer.body.replace(path.encode(), b"")


def test_a_link_out_of_the_folder_is_not_followed(beside: Client, project: Path) -> None:
    www = project / "training" / "www"
    (www / "linked.html").symlink_to(project / "configs" / "outside.html")
    assert beside.ask("GET", "/linked.html").status == 404


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path, app: Served) -> None:
    from truing.domain.errors import InvalidInputError

    with pytest.raises(InvalidInputError, match="is no folder"):
        Server(app.workspace, Address(port=0), pages=tmp_path / "nowhere")


def test_another_origin_needs_to_be_listed(imported: Any) -> None:
    served = imported(REVIEWED, settings={"serve.origins": "http://localhost:5000"})
    headers = {"Origin": "http://localhost:5000", "Access-Control-Request-Method": "PUT"}
    asked = served.client.ask("OPTIONS", "/api/data/1", headers=headers)
    assert asked.status in (200, 204)
    assert asked.headers["access-control-allow-origin"] == "http://localhost:5000"
    assert "PUT" in asked.headers["access-control-allow-methods"]
    assert "content-type" in asked.headers["access-control-allow-headers"]
    told = served.client.ask("GET", "/api/data", headers={"Origin": "http://localhost:5000"})
    assert told.headers["access-control-allow-origin"] == "http://localhost:5000"
    strange = {"Origin": "http://evil.example"}
    assert served.client.ask("GET", "/api/data", headers=strange).status == 403
    body = json.dumps({"transcript": "x", "is_reviewed": True}).encode()
    assert served.client.ask("PUT", "/api/data/1", body=body, headers=strange).status == 403
