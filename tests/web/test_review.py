"""Review over HTTP: the queue, decisions, conflicts, undo."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.web.conftest import Served

from truing.domain.review import State


def queue(served: Served, query: str = "") -> list[int]:
    return [one["sample"]["id"] for one in served.get(f"/api/queue?{query}")["items"]]


def test_the_queue_goes_on_behind_what_was_decided(filled: Served) -> None:
    first = queue(filled, "limit=4")
    assert len(set(first)) == 4
    seen = []
    while True:
        found = queue(filled, "limit=1&order=oldest")
        if not found:
            break
        seen += found
        filled.post(f"/api/samples/{found[0]}/review", {"verdict": "accepted"})
    assert seen == list(range(1, 13))
    assert filled.get("/api/queue")["counts"]["reviewed"] == 12


def test_what_is_at_hand_is_left_out(filled: Served) -> None:
    assert queue(filled, "order=oldest&limit=2") == [1, 2]
    assert queue(filled, "order=oldest&limit=2&exclude=1&exclude=2") == [3, 4]
    assert queue(filled, "order=oldest&limit=2") == [1, 2]
    assert queue(filled, "order=oldest&limit=2&exclude=1") == [2, 3]


def test_a_queue_finds_what_came_since_and_what_was_taken_back(filled: Served) -> None:
    assert queue(filled, "order=oldest&limit=20") == list(range(1, 13))
    done = filled.post("/api/samples/1/review", {"verdict": "rejected"})
    assert queue(filled, "order=oldest&limit=20") == list(range(2, 13))
    filled.post(f"/api/revisions/{done['revision']['revision']}/undo")
    assert queue(filled, "order=oldest&limit=20") == list(range(1, 13))


def test_each_item_says_why_it_is_shown(filled: Served) -> None:
    item = filled.get("/api/queue?limit=1&order=least-confident")["items"][0]
    assert item["because"] == "least-confident"
    assert item["sample"]["predictions"]
    assert queue(filled, "speaker=nobody") == []
    assert filled.get("/api/queue?order=best", status=400)["error"]["code"] == "invalid-input"


def test_a_decision_keeps_how_it_came_about(filled: Served) -> None:
    told = filled.post(
        "/api/samples/1/review",
        {
            "verdict": "corrected",
            "truth": " three ",
            "expected": 0,
            "why": "accent",
            "shown_because": "audit",
            "seconds": 2.5,
            "keys": 4,
        },
    )
    revision = filled.workspace.history(1)[0]
    assert (revision.truth, revision.why, revision.shown_because) == ("three", "accent", "audit")
    assert (revision.seconds, revision.keys) == (2.5, 4)
    assert revision.actor == filled.get("/api/about")["visitor"]
    assert told["revision"]["revision"] == revision.id
    assert told["sample"] == filled.get("/api/samples/1")


def test_without_a_body_the_proposal_is_accepted(filled: Served) -> None:
    told = filled.post("/api/entries/3/review")
    assert told["sample"]["state"] == "accepted"
    assert told["sample"]["truth"] == told["sample"]["raw"]


def test_a_lost_update_is_refused_and_shows_the_present(filled: Served) -> None:
    filled.post("/api/samples/1/review", {"verdict": "corrected", "truth": "three", "expected": 0})
    told = filled.post("/api/samples/1/review", {"verdict": "rejected", "expected": 0}, status=409)
    assert told["error"]["code"] == "conflict"
    assert told["sample"]["truth"] == "three"
    answer = filled.client.ask(
        "POST", "/api/samples/1/review", {"verdict": "rejected"}, headers={"If-Match": '"r0"'}
    )
    assert answer.status == 409
    assert answer.headers["etag"] == '"r1"'
    seen = {"If-Match": '"r1"'}
    answer = filled.client.ask(
        "POST", "/api/samples/1/review", {"verdict": "rejected"}, headers=seen
    )
    assert (answer.status, answer.headers["etag"]) == (200, '"r2"')
    bad = {"If-Match": "yesterday"}
    assert filled.client.ask("POST", "/api/samples/1/review", {}, headers=bad).status == 400


def test_of_many_who_saw_the_same_one_wins(filled: Served) -> None:
    def decide(place: int) -> int:
        form = {"verdict": "corrected", "truth": f"text {place}", "expected": 0}
        return filled.client.ask("POST", "/api/samples/2/review", form).status

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(decide, range(8)))
    assert sorted(answers) == [200, *[409] * 7]
    assert len(filled.workspace.history(2)) == 1


def test_saves_of_several_clients_are_all_kept(filled: Served) -> None:
    def decide(place: int) -> dict[str, Any]:
        number = place % 12 + 1
        form = {"verdict": "corrected", "truth": f"text {place}"}
        told: dict[str, Any] = filled.client.ask("POST", f"/api/samples/{number}/review", form).json
        return told

    with ThreadPoolExecutor(6) as pool:
        told = list(pool.map(decide, range(60)))
    for place, one in enumerate(told):
        held = filled.workspace.store.reviews.get(one["revision"]["revision"])
        assert (held.sample_id, held.truth) == (place % 12 + 1, f"text {place}")
    newest = {n: filled.workspace.history(n)[-1] for n in range(1, 13)}
    for number, revision in newest.items():
        sample = filled.workspace.sample(number)
        assert (sample.truth, sample.revision) == (revision.truth, revision.id)
    assert [line for line in filled.workspace.store.check() if "3.51.3" not in line] == []


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"verdict": "corrected"}, None),
        ({"verdict": "corrected", "truth": " "}, "empty"),
        ({"verdict": "undone"}, "verdict"),
        ({"verdict": "corrected", "truth": "x" * 20_001}, "truth"),
        ({"verdict": "accepted", "seconds": -1}, "seconds"),
        ({"verdict": "accepted", "colour": 1}, "colour"),
    ],
)
def test_a_decision_that_does_not_fit_is_refused(
    filled: Served, form: dict[str, Any], told: str | None
) -> None:
    path = "/api/samples/1/review"
    if told is None:
        # What was heard is taken for the truth, so that nothing is corrected.
        assert (
            filled.post(path, {"verdict": "corrected", "truth": "tree"})["sample"]["state"]
            == State.ACCEPTED.value
        )
        return
    assert told in filled.post(path, form, status=400)["error"]["message"]
    assert filled.workspace.history(1) == []


def test_undo_takes_back_the_newest_decision_that_holds(filled: Served) -> None:
    for number in (1, 2):
        filled.post(f"/api/samples/{number}/review", {"verdict": "rejected"})
    assert filled.post("/api/undo")["sample"]["id"] == 2
    told = filled.post("/api/undo")
    assert (told["sample"]["id"], told["sample"]["state"]) == (1, "pending")
    assert filled.post("/api/undo", status=409)["error"]["code"] == "nothing-to-do"
    again = filled.post(f"/api/revisions/{told['revision']['revision']}/undo")
    assert again["sample"]["state"] == "rejected"
    number = told["revision"]["revision"]
    assert filled.post(f"/api/revisions/{number}/undo", status=409)["error"]["code"] == "conflict"
    filled.post("/api/revisions/4711/undo", status=404)


def test_nothing_is_decided_in_the_trash(filled: Served) -> None:
    filled.client.ask("DELETE", "/api/samples/1")
    told = filled.post("/api/samples/1/review", {"verdict": "rejected"}, status=409)
    assert told["sample"]["state"] == "trashed"
    assert filled.post("/api/samples/4711/review", {}, status=404)["error"]["code"] == "not-found"
