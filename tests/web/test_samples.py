"""Samples over HTTP: lists, one in full, capture, changes, trash, and the routes of entries."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.web.conftest import DIGITS, Serve, Served

from truing import Workspace
from truing.domain.review import State
from truing.domain.sample import Sampling

THREE = sorted(DIGITS.glob("*.flac"))[:3]


def ids(page: dict[str, Any]) -> list[int]:
    return [one["id"] for one in page["items"]]


def test_a_list_pages_by_cursor(filled: Served) -> None:
    seen: list[int] = []
    path = "/api/samples?limit=5"
    while True:
        page = filled.get(path)
        seen += ids(page)
        if page["next"] is None:
            break
        path = f"/api/samples?limit=5&after={page['next']}"
    assert seen == list(range(12, 0, -1))
    assert ids(filled.get("/api/samples?order=oldest&limit=2")) == [1, 2]
    assert ids(filled.get("/api/samples?order=least-confident&limit=2")) == [1, 2]


def test_filters_mean_the_same_as_in_the_library(filled: Served) -> None:
    filled.workspace.review(1, "corrected", "three")
    filled.workspace.review(2, "rejected")
    assert ids(filled.get("/api/samples?state=corrected&state=rejected")) == [2, 1]
    assert ids(filled.get("/api/samples?text=thre")) == ids(filled.get("/api/samples?text=three"))
    assert 1 in ids(filled.get("/api/samples?text=three"))
    assert ids(filled.get("/api/samples?confidence_below=0.34")) == [1]
    assert ids(filled.get("/api/samples?from=2023-11-14T22:13:30Z")) == [12, 11]
    assert ids(filled.get("/api/samples?until=2023-11-14T22:13:21Z")) == [1]
    assert ids(filled.get("/api/samples?sampling=audit")) == []
    assert filled.get("/api/entries?limit=3") == filled.get("/api/samples?limit=3")


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("from=yesterday", "yesterday"),
        ("limit=201", "limit"),
        ("limit=0", "limit"),
        ("order=best", "order"),
        ("state=done", "state"),
        ("speakr=ann", "speakr"),
        ("after=nonsense", "nonsense"),
        ("confidence_below=2", "confidence_below"),
    ],
)
def test_a_parameter_that_does_not_fit_is_named(filled: Served, query: str, told: str) -> None:
    error = filled.get(f"/api/samples?{query}", status=400)["error"]
    assert error["code"] == "invalid-input"
    assert told in error["message"]


def test_one_sample_with_its_history(filled: Served) -> None:
    filled.workspace.review(3, "rejected", why="noise")
    sample = filled.get("/api/samples/3?history=1")
    assert sample["state"] == "rejected"
    assert [one["why"] for one in sample["revisions"]] == ["noise"]
    assert sample["media"][0]["role"] == "audio"
    assert filled.client.ask("GET", "/api/entries/3").headers["etag"] == '"r1"'
    assert "revisions" not in filled.get("/api/entries/3")
    assert filled.get("/api/samples/4711", status=404)["error"]["code"] == "not-found"
    for number in ("0", "-1", "x", str(2**63)):
        filled.get(f"/api/samples/{number}", status=400)


def test_deleting_moves_into_the_trash_and_back(filled: Served) -> None:
    filled.workspace.review(5, "accepted")
    gone = filled.client.ask("DELETE", "/api/entries/5")
    assert (gone.status, gone.json["deleted"]) == (200, True)
    assert filled.workspace.sample(5).state is State.TRASHED
    assert 5 not in ids(filled.get("/api/samples"))
    assert ids(filled.get("/api/samples?state=trashed")) == [5]
    assert filled.client.ask("DELETE", "/api/samples/5").status == 409
    assert filled.post("/api/samples/5/restore")["state"] == "accepted"
    assert filled.client.ask("DELETE", "/api/samples/4711").status == 404


def test_who_when_and_tags_are_changed(filled: Served) -> None:
    client = filled.client
    told = client.ask("PATCH", "/api/samples/3", {"speaker": "zoe", "tags": ["b", "a", "a"]}).json
    assert (told["speaker"], told["tags"]) == ("zoe", ["a", "b"])
    assert client.ask("PATCH", "/api/samples/3", {"session": "monday"}).json["speaker"] == "zoe"
    assert ids(filled.get("/api/samples?tag=a&speaker=zoe&session=monday")) == [3]
    assert filled.get("/api/tags") == {"tags": {"a": 1, "b": 1}}
    told = client.ask("PATCH", "/api/samples/3", {"speaker": None, "tags": []}).json
    assert (told["speaker"], told["tags"], told["session"]) == (None, [], "monday")
    assert client.ask("PATCH", "/api/samples/4711", {"tags": ["a"]}).status == 404
    assert client.ask("PATCH", "/api/samples/3", {"truth": "x"}).status == 400


def test_json_capture_is_kept_once_per_key(empty: Served) -> None:
    sound = THREE[0].read_bytes()
    form = {
        "media": {"audio": base64.b64encode(sound).decode()},
        "raw": "nine",
        "confidence": 0.5,
        "words": [{"text": "nine", "start": 0.0, "end": 0.3, "confidence": 0.5}],
        "alternatives": [{"text": "mine", "confidence": 0.2}],
        "truth": "line",
        "speaker": "eve",
        "context": {"document": "letter"},
        "captured_at": "2026-01-02T03:04:05Z",
        "sampling": "chosen",
    }
    key = {"Idempotency-Key": "request-1"}
    first = empty.client.ask("POST", "/api/samples", form, headers=key)
    assert first.status == 201, first.body
    assert first.headers["location"] == f"/api/samples/{first.json['id']}"
    again = empty.client.ask("POST", "/api/samples", form, headers=key)
    assert (again.status, again.json["new"], again.json["id"]) == (200, False, first.json["id"])
    sample = empty.workspace.sample(first.json["id"])
    assert (sample.subject, sample.truth, sample.source_key) == ("eve", "line", "request-1")
    assert sample.sampling is Sampling.CHOSEN
    assert sample.raw is not None
    assert sample.raw.recognition.words[0].text == "nine"
    assert sample.context == {"document": "letter"}
    assert first.json["captured_at"] == "2026-01-02T03:04:05Z"
    assert empty.workspace.blobs.read(sample.media[0].digest) == sound


def test_a_rating_at_once_and_later(empty: Served) -> None:
    form = {
        "media": {"audio": base64.b64encode(THREE[0].read_bytes()).decode()},
        "rating": 2,
        "rating_reason": "too quiet",
        "contact": "Ann@Example.org",
    }
    made = empty.post("/api/samples", form, status=201)
    assert made["rating"] == 2
    assert "xample" not in str(made), "a contact is told to nobody"
    number = made["id"]
    assert empty.workspace.store.contacts.samples("ann@example.org") == [number]
    told = empty.post(f"/api/samples/{number}/rating", {"rating": 4}, status=201)
    assert (told["value"], told["reason"]) == (4, None)
    sample = empty.get(f"/api/samples/{number}?history=1")
    assert sample["rating"] == 4
    assert [(one["value"], one["reason"]) for one in sample["ratings"]] == [
        (2, "too quiet"),
        (4, None),
    ]
    assert [one["id"] for one in empty.get("/api/samples?rating_from=4")["items"]] == [number]
    assert empty.get("/api/samples?rating_from=5")["items"] == []
    assert len(empty.get("/api/samples?quality_from=0")["items"]) == 1
    for bad in ({"rating": 0}, {"rating": "good"}, {}, {"rating": 3, "reason": "x" * 2001}):
        empty.post(f"/api/samples/{number}/rating", bad, status=400)
    empty.post("/api/samples/4711/rating", {"rating": 3}, status=404)
    assert len(empty.workspace.ratings(number)) == 2


def test_where_everybody_is_asked_the_request_says_that_they_agreed(
    serve: Serve, tmp_path: Path
) -> None:
    Workspace.create(tmp_path / "asking", environ={}).close()
    served = serve(tmp_path / "asking", {"consent.policy": "ask"})
    for given in ({}, {"consent": "false"}):
        body, headers = multipart(audio=THREE[0].read_bytes(), raw="three", **given)
        refused = served.client.ask("POST", "/api/samples", body=body, headers=headers)
        assert (refused.status, refused.code) == (403, "consent")
        assert "consent=true" in refused.json["error"]["hint"]
    assert served.get("/api/stats")["counts"]["total"] == 0
    assert list(served.workspace.blobs.digests()) == []
    body, headers = multipart(audio=THREE[0].read_bytes(), consent="true", contact="a@b.c")
    kept = served.client.ask("POST", "/api/samples", body=body, headers=headers)
    assert kept.status == 201
    assert (kept.json["consent"], kept.json["consent_basis"]) == ("ask", "person")


def multipart(**parts: bytes | str) -> tuple[bytes, dict[str, str]]:
    lines = []
    for name, value in parts.items():
        file = '; filename="a.flac"' if isinstance(value, bytes) else ""
        head = f'--XX\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
        data = value if isinstance(value, bytes) else value.encode()
        lines.append(head.encode() + data + b"\r\n")
    lines.append(b"--XX--\r\n")
    return b"".join(lines), {"Content-Type": "multipart/form-data; boundary=XX"}


def test_a_file_is_captured_from_a_form(empty: Served) -> None:
    body, headers = multipart(
        audio=THREE[1].read_bytes(), raw="one", context='{"page": 3}', source_key="k"
    )
    told = empty.client.ask("POST", "/api/samples", body=body, headers=headers)
    assert told.status == 201, told.body
    sample = empty.workspace.sample(told.json["id"])
    assert sample.raw is not None
    assert (sample.raw.text, sample.context, sample.source_key) == ("one", {"page": 3}, "k")


@pytest.mark.parametrize(
    ("form", "status", "told"),
    [
        ({}, 400, "no media"),
        ({"media": {"audio": "####"}}, 400, "base64"),
        ({"media": {"video": "aaaa"}}, 400, "`video`"),
        ({"media": {"audio": "aaaa", "actor": "aaaa"}}, 400, "`actor`"),
        ({"media": {"audio": "aaaa"}}, 422, "decoded"),
        ({"media": {"audio": ""}}, 422, "empty"),
        ({"modality": "smell", "media": {"audio": "aaaa"}}, 404, "smell"),
        ({"media": {"audio": "aaaa"}, "captured_at": "soon"}, 400, "soon"),
        ({"media": {"audio": "aaaa"}, "colour": "red"}, 400, "colour"),
        ({"media": {"audio": "aaaa"}, "raw": "x" * 20_001}, 400, "raw"),
    ],
)
def test_what_cannot_be_captured_is_refused(
    empty: Served, form: dict[str, Any], status: int, told: str
) -> None:
    error = empty.post("/api/samples", form, status=status)["error"]
    assert told in error["message"]
    assert empty.get("/api/stats")["counts"]["total"] == 0


@pytest.mark.parametrize("body", [b"", b"[1]", b"{", b'{"media": 3}', b"\xff"])
def test_a_body_that_is_no_form_is_refused(empty: Served, body: bytes) -> None:
    answer = empty.client.ask("POST", "/api/samples", body=body)
    assert (answer.status, answer.code) == (400, "invalid-input")


def test_entries_are_written_as_decisions(filled: Served) -> None:
    client = filled.client
    raw = filled.get("/api/entries/1")["raw"]
    told = client.ask("PUT", "/api/entries/1", {"transcript": "three"}).json
    assert (told["sample"]["state"], told["sample"]["truth"]) == ("corrected", "three")
    assert told["sample"]["raw"] == raw
    told = client.ask("PUT", "/api/entries/1", {"is_reviewed": False}).json
    assert told["sample"]["state"] == "pending"
    told = client.ask("PUT", "/api/entries/1", {"is_reviewed": True}).json
    assert (told["sample"]["state"], told["sample"]["truth"]) == ("accepted", raw)
    assert client.ask("PUT", "/api/entries/1", {}).status == 400
    assert client.ask("PUT", "/api/entries/1", {"truth": "  "}).status == 400
    tag = client.ask("GET", "/api/entries/1").headers["etag"]
    held = {"If-Match": tag}
    assert client.ask("PUT", "/api/entries/1", {"truth": "tree"}, headers=held).status == 200
    conflict = client.ask("PUT", "/api/entries/1", {"truth": "thee"}, headers=held)
    assert (conflict.status, conflict.json["sample"]["truth"]) == (409, "tree")


def test_several_results_and_the_one_that_was_chosen(empty: Served) -> None:
    original, *edited = (_picture(seed) for seed in range(4))
    form = {
        "modality": "image_edit",
        "media": {"original": original, "edited": edited},
        "raw": "make it blue",
        "chosen": 2,
        "sampling": "wholesale",
    }
    headers = {"Idempotency-Key": "one"}
    told = empty.client.ask("POST", "/api/samples", form, headers=headers)
    assert told.status == 201, told.body
    assert (told.json["id"], told.json["results"]) == (3, [1, 2, 3])
    assert told.json["context"]["chosen"] is True
    assert [empty.get(f"/api/samples/{n}")["state"] for n in (1, 2, 3)] == [
        *("rejected", "rejected", "pending")
    ]
    again = empty.client.ask("POST", "/api/samples", form, headers=headers)
    assert (again.status, again.json["results"]) == (200, [1, 2, 3])
    assert empty.post("/api/samples/1/choose") == {
        "chosen": 1,
        "rejected": [3],
        "restored": [1],
    }
    for wrong in (7, -1, "two", [1]):
        assert empty.client.ask("POST", "/api/samples", {**form, "chosen": wrong}).status == 400
    many = {**form, "media": {"original": original, "edited": [edited[0]] * 17}}
    assert empty.client.ask("POST", "/api/samples", many).status == 400
    assert len(empty.get("/api/samples")["items"]) == 3


def test_several_results_of_a_form(empty: Served) -> None:
    edge = "EDGE"
    fields = {"modality": "image_edit", "raw": "make it blue", "sampling": "wholesale"}
    body = b"".join(
        f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    )
    for seed, name in enumerate(("original", "edited", "edited")):
        head = f'--{edge}\r\nContent-Disposition: form-data; name="{name}"; filename="a.jpg"'
        data = base64.b64decode(_picture(seed))
        body += head.encode() + b"\r\n\r\n" + data + b"\r\n"
    sent = {"Content-Type": f"multipart/form-data; boundary={edge}"}
    body += f"--{edge}--\r\n".encode()
    told = empty.client.ask("POST", "/api/samples", body=body, headers=sent)
    assert told.status == 201, told.body
    assert (told.json["id"], told.json["results"], told.json["state"]) == (1, [1, 2], "pending")
    assert empty.post("/api/samples/2/choose")["rejected"] == [1]
    assert empty.get("/api/samples/1?history=1")["revisions"][0]["why"] == "not chosen"
    empty.post("/api/samples/4711/choose", status=404)
    told = empty.client.ask("POST", "/api/samples", {"media": {"audio": ["", ""]}})
    assert (told.status, told.code) == (400, "invalid-input")


def _picture(seed: int) -> str:
    """Coarse noise as base64 of a PNG."""
    image = pytest.importorskip("PIL.Image")
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 10, 3), dtype=np.uint8)
    kept = io.BytesIO()
    image.fromarray(coarse).resize((320, 256), 0).save(kept, "PNG")
    return base64.b64encode(kept.getvalue()).decode()
