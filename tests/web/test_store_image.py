"""The NexVision app's API: its answers field by field, what is kept of a post, and whose."""

from __future__ import annotations

import io
import json
import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.web.conftest import Serve, Served

from truing import Workspace
from truing.domain.clock import from_iso
from truing.domain.sample import Sample, SampleFilter
from truing.formats.nexvision_session import stamped_at
from truing.testing.factories import FrozenClock
from truing.testing.http_client import Answer, Client
from truing.workspace import nexvision_view

ADDRESS = "/api/store-image"
TREE = Path(__file__).parents[1] / "data" / "clients" / "nexvision" / "training-data"
FIRST = TREE / "session-2026-11-20T09-49-36-051Z"
ORIGINAL, RESULT = (
    next(FIRST.glob(f"{word}-*.jpg")).read_bytes() for word in ("original", "reimagined")
)
MISSING = {"error": "Missing required fields: originalImage, reimaginedImage, or instruction"}
MESSAGE = "Images stored successfully for model training"
SHOP, NEIGHBOUR = "https://shop.example", "http://localhost:3000"
NO_FACES = {"image_edit.find_faces": "false"}


def form(**parts: bytes | str) -> tuple[bytes, dict[str, str]]:
    """A body as a browser's FormData writes it: bytes are files."""
    lines = []
    for name, value in parts.items():
        file = '; filename="upload.jpg"' if isinstance(value, bytes) else ""
        head = f'--EDGE\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
        data = value if isinstance(value, bytes) else value.encode()
        lines.append(head.encode() + data + b"\r\n")
    lines.append(b"--EDGE--\r\n")
    return b"".join(lines), {"Content-Type": "multipart/form-data; boundary=EDGE"}


def post(client: Client, *, headers: dict[str, str] | None = None, **changes: Any) -> Answer:
    """Posts a pair; a part that is None is left out."""
    parts = {
        "originalImage": ORIGINAL,
        "reimaginedImage": RESULT,
        "instruction": "make it brighter",
    }
    given = {name: value for name, value in {**parts, **changes}.items() if value is not None}
    body, kind = form(**given)
    return client.ask("POST", ADDRESS, body=body, headers={**kind, **(headers or {})})


def kept(workspace: Workspace) -> list[Sample]:
    return list(workspace.store.samples.iterate(SampleFilter()))


def nothing_kept(workspace: Workspace) -> bool:
    return not kept(workspace) and not list(workspace.blobs.digests())


@pytest.fixture
def app(serve: Serve, tmp_path: Path) -> Served:
    """A new workspace behind a server; faces are not looked for."""
    Workspace.create(tmp_path / "app", rng=random.Random(7), environ={}).close()
    return serve(tmp_path / "app", NO_FACES)


# --- every answer, field by field ----------------------------------------------------------------


def test_the_answers_of_the_app(app: Served) -> None:
    nothing = {"totalSessions": 0, "message": "No training data found"}
    assert app.get(ADDRESS) == nothing
    told = []
    for instruction in ("make it brighter", "make it brighter ", "make it brighter"):
        answer = post(app.client, instruction=instruction)
        assert answer.status == 200, answer.body
        assert list(answer.json) == ["success", "sessionId", "message"]
        assert (answer.json["success"], answer.json["message"]) == (True, MESSAGE)
        told.append(answer.json["sessionId"])
    assert len(set(told)) == 3
    assert all(stamped_at(one) is not None for one in told)
    figures = app.get(ADDRESS)
    assert list(figures) == ["totalSessions", "totalImages", "latestSession", "instructionTypes"]
    assert figures["totalSessions"] == 3
    assert figures["totalImages"] == 6
    assert figures["instructionTypes"] == 2, "a count of different strings, as there"
    assert from_iso(figures["latestSession"]) == stamped_at(told[-1])
    assert figures["latestSession"][-5] == ".", "three digits behind the second"


def test_figures_of_what_was_imported(app: Served) -> None:
    imported = app.workspace.import_from("nexvision", TREE.parents[1] / "nexvision_doc")
    assert imported.added == 2
    lines = [
        json.loads(line)
        for line in (TREE.parents[1] / "nexvision_doc/training-data/training-log.jsonl")
        .read_text(encoding="utf-8")
        .splitlines()
    ]
    figures = app.get(ADDRESS)
    assert (figures["totalSessions"], figures["totalImages"]) == (2, 4)
    assert figures["instructionTypes"] == len({line["instruction"] for line in lines})


@pytest.mark.parametrize(
    "changes",
    [
        {"originalImage": None},
        {"reimaginedImage": None},
        {"instruction": None},
        {"instruction": ""},
        {"instruction": " \t\n "},
        {"originalImage": "a text"},
        {"instruction": b"a file"},
        {"originalImage": None, "reimaginedImage": None, "instruction": None, "x": "y"},
    ],
    ids=str,
)
def test_what_is_missing(app: Served, changes: dict[str, Any]) -> None:
    answer = post(app.client, **changes)
    assert (answer.status, answer.json) == (400, MISSING)
    assert nothing_kept(app.workspace)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"instruction": "x"}', "application/json"),
        (ORIGINAL, "image/jpeg"),
        (b"instruction", ""),
        (b"", "multipart/form-data; boundary=EDGE"),
        (b"instruction", "multipart/form-data; boundary=EDGE"),
        (b"instruction", "multipart/form-data"),
        (b"instruction=x", "application/x-www-form-urlencoded"),
    ],
)
def test_a_body_that_is_no_form(app: Served, body: bytes, kind: str) -> None:
    answer = app.client.ask("POST", ADDRESS, body=body, headers={"Content-Type": kind})
    assert answer.status == 400, answer.body
    assert isinstance(answer.json["error"], str)
    assert nothing_kept(app.workspace)


# The parser leaves the file of a part without an end to the collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_form_that_breaks_off(app: Served) -> None:
    body, kind = form(originalImage=ORIGINAL, reimaginedImage=RESULT, instruction="x")
    for cut in (5000, len(ORIGINAL) + 500, len(body) - 20):
        answer = app.client.ask("POST", ADDRESS, body=body[:cut], headers=kind)
        assert (answer.status, answer.json["error"]) == (400, "the form breaks off")
    assert nothing_kept(app.workspace)


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"originalImage": b""}, 400, "empty"),
        ({"reimaginedImage": b"<svg xmlns='http://www.w3.org/2000/svg'/>"}, 400, "SVG"),
        ({"reimaginedImage": ORIGINAL[:40]}, 422, "decoded"),
        ({"reimaginedImage": RESULT + b"0" * 50_000_001}, 413, "reimaginedImage"),
        ({"userEmail": "a" * 400}, 400, "userEmail"),
        ({"consent": "perhaps"}, 400, "consent"),
        ({"instruction": "x" * 70_000}, 400, "64KB"),
    ],
    ids=["empty", "svg", "cut", "large", "contact", "consent", "instruction"],
)
def test_what_cannot_be_used_is_told(
    app: Served, changes: dict[str, Any], status: int, words: str
) -> None:
    answer = post(app.client, **changes)
    assert answer.status == status, answer.body
    assert words in answer.json["error"]
    assert answer.json["hint"]
    assert nothing_kept(app.workspace)


def test_a_store_that_fails_is_told_as_the_app_tells_it(app: Served) -> None:
    app.workspace.layout.blobs.rmdir() if app.workspace.layout.blobs.is_dir() else None
    app.workspace.layout.blobs.write_bytes(b"in the way")
    answer = post(app.client)
    assert answer.status == 500
    assert answer.json["error"] == "Failed to store images"
    assert "cannot be used" in answer.json["hint"]
    assert kept(app.workspace) == []


def test_a_workspace_that_keeps_nothing_says_so(serve: Serve, tmp_path: Path) -> None:
    Workspace.create(tmp_path / "off", environ={}).close()
    served = serve(tmp_path / "off", {"capture.mode": "off"})
    answer = post(served.client)
    assert answer.status == 200
    assert answer.json["success"] is False
    assert "capture.mode" in answer.json["message"]
    assert nothing_kept(served.workspace)


# --- what is kept --------------------------------------------------------------------------------


def test_a_pair_is_kept_as_an_import_would_keep_it(app: Served) -> None:
    answer = post(app.client, userEmail="Ada@Example.org", instruction="make it  brighter ")
    session = answer.json["sessionId"]
    (sample,) = kept(app.workspace)
    assert (sample.source, sample.source_key) == ("nexvision", session)
    assert sample.captured_at == stamped_at(session)
    assert sample.raw is not None
    assert sample.raw.text == "make it  brighter ", "as it was sent"
    assert sample.consent.basis == "operator"
    data = {one.role: app.workspace.blobs.read(one.digest) for one in sample.media}
    assert data == {"original": ORIGINAL, "edited": RESULT}
    stamp = session.removeprefix("session-")
    assert sample.context == {
        "originalFilename": f"original-{stamp}.jpg",
        "reimaginedFilename": f"reimagined-{stamp}.jpg",
    }
    assert app.workspace.store.contacts.of(sample.id) == "ada@example.org"
    assert b"ada" not in app.client.ask("GET", f"/api/samples/{sample.id}").body.lower()


@pytest.mark.parametrize("email", [None, "", "  ", "anonymous", "Anonymous"])
def test_nobody_has_no_contact(app: Served, email: str | None) -> None:
    assert post(app.client, userEmail=email).status == 200
    (sample,) = kept(app.workspace)
    assert app.workspace.store.contacts.of(sample.id) is None


@pytest.fixture
def frozen(tmp_path: Path) -> Iterator[Workspace]:
    """A workspace whose clock stands still."""
    folder = tmp_path / "still"
    clock = FrozenClock()
    with Workspace.create(folder, clock=clock, environ={}, rng=random.Random(7)) as workspace:
        yield workspace


def test_a_millisecond_has_one_session(frozen: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = nexvision_view.Pair(original=ORIGINAL, edited=RESULT, instruction="make it brighter")
    # Each as a process of its own would do it, which knows nothing of the others.
    sessions = []
    for _ in range(3):
        monkeypatch.setattr(nexvision_view, "_STAMPS", nexvision_view._Stamps())
        stored = nexvision_view.store(frozen, pair, actor="ada")
        assert stored is not None
        sessions.append(stored.session)
    instants = [stamped_at(one) for one in sessions]
    first = frozen.clock.now() // 1000 * 1000
    assert instants == [first, first + 1000, first + 2000]
    assert [one.source_key for one in kept(frozen)] == sessions


# --- whose pages may post, and on what ground ----------------------------------------------------


def served_with(serve: Serve, folder: Path, **settings: str) -> Served:
    Workspace.create(folder, environ={}).close()
    flags = {name.replace("__", "."): value for name, value in settings.items()}
    return serve(folder, {"serve.origins": f"{SHOP} {NEIGHBOUR}", **NO_FACES, **flags})


def test_only_configured_origins_may_ask(serve: Serve, tmp_path: Path) -> None:
    served = served_with(serve, tmp_path / "ws", consent__policy="ask")
    wanted = {"Access-Control-Request-Method": "POST"}
    allowed = served.client.ask("OPTIONS", ADDRESS, headers={"Origin": SHOP, **wanted})
    assert allowed.headers["access-control-allow-origin"] == SHOP
    assert "POST" in allowed.headers["access-control-allow-methods"]
    for stranger in ("https://other.example", "null", f"{SHOP}.other.example"):
        refused = served.client.ask("OPTIONS", ADDRESS, headers={"Origin": stranger, **wanted})
        assert "access-control-allow-origin" not in refused.headers
        for answer in (
            post(served.client, headers={"Origin": stranger}, consent="true"),
            served.client.ask("GET", ADDRESS, headers={"Origin": stranger}),
        ):
            assert (answer.status, answer.code) == (403, "not-allowed")
    assert nothing_kept(served.workspace)
    agreed = post(served.client, headers={"Origin": SHOP}, consent="true")
    assert (agreed.status, agreed.headers["access-control-allow-origin"]) == (200, SHOP)
    figures = served.client.ask("GET", ADDRESS, headers={"Origin": SHOP})
    assert (figures.json["totalSessions"], figures.headers["vary"]) == (1, "Origin")


def test_own_use_keeps_what_this_machine_posts(serve: Serve, tmp_path: Path) -> None:
    served = served_with(serve, tmp_path / "ws")
    refused = post(served.client, headers={"Origin": SHOP}, consent="true")
    assert refused.status == 403
    assert SHOP in refused.json["error"]
    assert "consent.policy ask" in refused.json["hint"]
    assert refused.headers["access-control-allow-origin"] == SHOP, "the page can read why"
    assert nothing_kept(served.workspace)
    for own in ({}, {"Origin": served.client.url}, {"Origin": NEIGHBOUR}):
        assert post(served.client, headers=own).status == 200
    assert [one.consent.basis for one in kept(served.workspace)] == ["operator"] * 3


def test_asking_needs_a_yes_each_time(serve: Serve, tmp_path: Path) -> None:
    served = served_with(serve, tmp_path / "ws", consent__policy="ask")
    for given in ({}, {"consent": "false"}):
        for page in ({}, {"Origin": SHOP}):
            refused = post(served.client, headers=page, **given)
            assert refused.status == 403
            assert "consent" in refused.json["error"]
            assert "consent=true" in refused.json["hint"]
    assert nothing_kept(served.workspace)
    assert post(served.client, headers={"Origin": SHOP}, consent="true").status == 200
    assert [one.consent.basis for one in kept(served.workspace)] == ["person"]


def test_an_operator_states_a_reason(serve: Serve, tmp_path: Path) -> None:
    silent = served_with(serve, tmp_path / "silent", consent__policy="operator")
    assert post(silent.client, headers={"Origin": SHOP}).status == 403
    assert nothing_kept(silent.workspace)
    reason = "staff, by contract"
    stated = served_with(
        serve, tmp_path / "stated", consent__policy="operator", consent__reason=reason
    )
    assert post(stated.client, headers={"Origin": SHOP}).status == 200
    (sample,) = kept(stated.workspace)
    assert (sample.consent.basis, sample.consent.reason) == ("operator", reason)


# --- many at once --------------------------------------------------------------------------------

CLIENTS, EACH = 4, 50


def picture(number: int, kind: int) -> bytes:
    """A PNG that no other number or kind has."""
    pixels = np.random.default_rng([number, kind]).integers(0, 256, (72, 80, 3), dtype=np.uint8)
    made = io.BytesIO()
    Image.fromarray(pixels).save(made, "PNG")
    return made.getvalue()


def test_four_clients_post_two_hundred_pairs(app: Served) -> None:
    answers: dict[int, Answer] = {}

    def client(first: int) -> None:
        for number in range(first, CLIENTS * EACH, CLIENTS):
            answers[number] = post(
                app.client,
                originalImage=picture(number, 0),
                reimaginedImage=picture(number, 1),
                instruction=f"pair number {number}",
                userEmail=f"person{number}@example.org",
            )

    crowd = [threading.Thread(target=client, args=(first,)) for first in range(CLIENTS)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    assert {one.status for one in answers.values()} == {200}
    sessions = {one.json["sessionId"]: number for number, one in answers.items()}
    assert len(sessions) == CLIENTS * EACH
    found = kept(app.workspace)
    assert {one.source_key for one in found} == sessions.keys()
    for sample in found:
        number = sessions[str(sample.source_key)]
        assert sample.raw is not None
        assert sample.raw.text == f"pair number {number}"
        contact = app.workspace.store.contacts.of(sample.id)
        assert contact == f"person{number}@example.org"
        data = {one.role: app.workspace.blobs.read(one.digest) for one in sample.media}
        assert data == {"original": picture(number, 0), "edited": picture(number, 1)}
    figures = app.get(ADDRESS)
    assert (figures["totalSessions"], figures["instructionTypes"]) == (200, 200)
