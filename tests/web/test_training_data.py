"""The figures on training data over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.web.conftest import Serve, Served

from truing import Workspace
from truing.domain.sample import SampleFilter
from truing.testing.filling_edits import fill_edits, new_edits
from truing.web.examples_of_training_data import TRAINING_DATA
from truing.web.routes import training_data

PATH = "/api/training-data"


@pytest.fixture
def edits(serve: Serve, tmp_path: Path) -> Served:
    """A server over 120 pairs."""
    with Workspace.create(tmp_path / "edits", environ={}) as workspace:
        fill_edits(workspace.store, workspace.blobs, 120)
    return serve(tmp_path / "edits")


def shape(value: Any) -> Any:
    """The names in a JSON value, without what changes."""
    if isinstance(value, dict):
        return {name: shape(one) for name, one in value.items() if name != "sources"}
    if isinstance(value, list):
        return [shape(one) for one in value[:1]]
    return None


def test_answers_look_as_they_are_described(edits: Served) -> None:
    told = edits.get(PATH)
    assert shape(told) == shape(TRAINING_DATA)
    assert (told["samples"], told["counted"], told["complete"]) == (120, 120, True)
    described = edits.get("/api/openapi.json")["paths"][PATH]["get"]
    example = described["responses"]["200"]["content"]["application/json"]["example"]
    assert example == TRAINING_DATA


def test_what_was_just_captured_counts(edits: Served) -> None:
    edits.get(PATH)
    blob = edits.workspace.blobs.put(b"a picture")
    for number, new in enumerate(new_edits(3, [blob], seed=9)):
        edits.workspace.store.samples.add([new])
        told = edits.get(PATH)
        assert (told["counted"], told["complete"]) == (121 + number, True)
        assert told["media"] == 2 * (121 + number)


def test_counting_goes_on_with_the_next_answer(
    edits: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    edits.workspace.store.samples.add(
        list(new_edits(900, [edits.workspace.blobs.put(b"x")], seed=2))
    )
    monkeypatch.setattr(training_data, "PATIENCE", 0.0)
    told = [edits.get(PATH) for _ in range(3)]
    assert [one["counted"] for one in told] == [500, 1000, 1020]
    assert [one["complete"] for one in told] == [False, False, True]
    assert {one["samples"] for one in told} == {1020}


def test_every_modality_has_figures(filled: Served) -> None:
    told = filled.get(f"{PATH}?modality=speech")
    assert (told["samples"], told["media"]) == (12, 12)
    every = filled.workspace.store.samples.iterate(SampleFilter())
    assert told["texts"]["distinct"] == len({one.proposal for one in every})
    assert filled.get(PATH)["samples"] == 0
    assert filled.get(f"{PATH}?modality=smell", status=404)["error"]["code"] == "not-found"
    page = filled.client.ask("GET", "/admin/training-data")
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert filled.client.ask("GET", "/admin").status == 404
