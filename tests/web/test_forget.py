"""Forgetting over HTTP: where a sample is used, what would be reached, and erasing it."""

from __future__ import annotations

import pytest
from tests.web.conftest import Served

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
