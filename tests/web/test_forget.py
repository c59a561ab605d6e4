"""Forgetting over HTTP: where a sample is used, what would be reached, and erasing it."""

from __future__ import annotations

import pytest
from tests.web.conftest import DIGITS, Served

from truing.domain.errors import NotFoundError


@pytest.fixture
def frozen(filled: Served) -> Served:
    """Two samples are reviewed, and a dataset version holds them."""
    for number in (1, 2):
        filled.workspace.review(number, "accepted")
    filled.workspace.freeze("mine", test_share=0.0, validation_share=0.0)
    return filled


def test_uses_name_the_versions_that_hold_it(frozen: Served) -> None:
    assert frozen.get("/api/samples/1/uses") == {"datasets": ["mine@1"], "models": []}
    assert frozen.get("/api/samples/3/uses") == {"datasets": [], "models": []}


def test_the_models_that_learned_from_it_are_named(served: Served) -> None:
    told = [served.get(f"/api/samples/{number}/uses") for number in range(1, 26)]
    assert {"datasets": ["mine@1"], "models": ["speech/1"]} in told


def test_the_reach_is_told_and_nothing_changes(frozen: Served) -> None:
    reach = frozen.get("/api/samples/1/reach")
    assert (reach["samples"], reach["blobs"], reach["versions"]) == (1, 1, ["mine@1"])
    assert frozen.workspace.sample(1).truth is not None


def test_forgetting_erases_it_for_good(frozen: Served) -> None:
    (medium,) = frozen.workspace.sample(1).media
    told = frozen.post("/api/samples/1/forget", {})
    assert (told["samples"], told["versions"]) == (1, ["mine@1"])
    with pytest.raises(NotFoundError):
        frozen.workspace.sample(1)
    assert not frozen.workspace.blobs.exists(medium.digest)
    assert frozen.workspace.sample(2).truth is not None
    assert frozen.workspace.store.events.all(limit=1000)[-1].kind == "forgotten"


@pytest.mark.parametrize("path", ["uses", "reach"])
def test_an_unknown_sample_is_not_found(filled: Served, path: str) -> None:
    told = filled.get(f"/api/samples/4711/{path}", status=404)
    assert told["error"]["code"] == "not-found"


def test_what_is_forgotten_cannot_be_forgotten_again(frozen: Served) -> None:
    frozen.post("/api/samples/1/forget", {})
    told = frozen.post("/api/samples/1/forget", {}, status=404)
    assert "1" in told["error"]["message"]


def _of_ann(served: Served, count: int = 2) -> list[int]:
    """Samples handed in with the address of ann."""
    sound = (DIGITS / "0_jackson_10.flac").read_bytes()
    numbers = []
    for place in range(count):
        added = served.workspace.capture(
            "speech", audio=sound, raw=f"word {place}", contact="ann@example.org", subject="ann"
        )
        assert added is not None
        numbers.append(added.id)
    return numbers


@pytest.mark.parametrize("whom", [{"contact": " Ann@Example.org"}, {"speaker": "ann"}])
def test_a_person_is_looked_at_and_then_forgotten(filled: Served, whom: dict[str, str]) -> None:
    numbers = _of_ann(filled)
    filled.workspace.review(numbers[0], "accepted")
    filled.workspace.freeze("mine", test_share=0.0, validation_share=0.0)
    filled.workspace.export("jsonl")
    plan = filled.post("/api/forget/preview", whom)
    assert (plan["samples"], plan["versions"]) == (2, ["mine@1"])
    assert len(plan["exports"]) == 1
    assert filled.workspace.sample(numbers[0]).truth == "word 0"

    told = filled.post("/api/forget", whom)
    same = ("samples", "blobs", "versions", "models", "exports", "backups", "archives", "runs")
    assert {name: told[name] for name in same} == {name: plan[name] for name in same}
    assert told["by"] == filled.workspace.actor
    assert told["forgotten_at"].endswith("Z")
    assert told["reminders"]
    # The receipt says what went, not who it was.
    assert "ann" not in str({**told, "by": ""})
    for number in numbers:
        filled.get(f"/api/samples/{number}", status=404)
    assert filled.get("/api/samples/1")["raw"] == "tree"
    again = filled.post("/api/forget", whom, status=404)
    assert "example" not in str(again)


@pytest.mark.parametrize(
    "whom",
    [
        {},
        {"contact": "ann@example.org", "speaker": "ann"},
        {"contact": ""},
        {"contact": "anonymous"},
        {"contact": "a" * 5000},
        {"contact": ["ann@example.org"]},
        {"email": "ann@example.org"},
    ],
)
def test_a_person_is_named_in_one_way(filled: Served, whom: dict[str, object]) -> None:
    _of_ann(filled)
    for path in ("/api/forget/preview", "/api/forget"):
        told = filled.post(path, whom, status=400)
        assert told["error"]["code"] == "invalid-input"
    assert filled.workspace.store.contacts.samples("ann@example.org") == [13, 14]
