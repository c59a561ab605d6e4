"""Pictures that models made, over HTTP: whose they are, other formats, and when they are gone."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from tests.web.conftest import Serve, Served

from truing import Workspace
from truing.testing.colour_editor import (
    HALFWAY,
    fill_with_pairs,
    open_colour_editor,
    save_colour_editor,
)
from truing.workspace.forgetting import forget
from truing.workspace.model_import import import_model

TREE = Path(__file__).parents[1] / "data" / "clients" / "nexvision" / "training-data"


@pytest.fixture
def edits(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Served:
    """`warm@1`, and one model that was evaluated on it."""
    monkeypatch.setattr("truing.modalities.image_edit.editor.open_editor", open_colour_editor)
    (tmp_path / "scratch").mkdir()
    photo = next(TREE.glob("session-*-205Z/original-*"))
    with Workspace.create(tmp_path / "edits", environ={}) as workspace:
        fill_with_pairs(workspace, [photo], tmp_path / "scratch")
        workspace.freeze("warm", modality="image_edit", test_share=0.8, validation_share=0.0)
        model = save_colour_editor(tmp_path / "half", HALFWAY)
        ref = import_model(workspace, model, modality="image_edit").model.ref
        workspace.evaluate(str(ref), "warm@1")
    return serve(tmp_path / "edits")


def test_a_picture_of_an_evaluation(edits: Served) -> None:
    found = edits.workspace.evaluate("image_edit/1", "warm@1", known=True)
    row = found.rows[0]
    place = f"/api/evaluations/{found.uid}/rows/{row.sample_uid}/picture"
    answer = edits.client.ask("GET", place)
    assert (answer.status, answer.headers["content-type"]) == (200, "image/png")
    assert answer.body == edits.workspace.blobs.read(row.prediction)
    again = edits.client.ask("GET", place, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    small = edits.client.ask("GET", f"{place}?format=small.jpg")
    assert small.headers["content-type"] == "image/jpeg"
    assert Image.open(BytesIO(small.body)).size == (96, 64)

    told = edits.get(f"{place}?format=tiff", 400)["error"]
    assert "cannot be given as `tiff`" in told["message"]
    assert "small.jpg" in told["hint"]
    for wrong in (
        f"/api/evaluations/nobody/rows/{row.sample_uid}/picture",
        f"/api/evaluations/{found.uid}/rows/nobody/picture",
    ):
        assert edits.get(wrong, 404)["error"]["code"] == "not-found"

    gone = edits.workspace.store.samples.by_uids([row.sample_uid])[row.sample_uid]
    forget(edits.workspace, ids=[gone.id])
    assert edits.get(place, 404)["error"]["code"] == "not-found"


def test_figures_come_with_the_unchanged_input(edits: Served) -> None:
    (model,) = edits.get("/api/models?modality=image_edit")["items"]
    figures = model["evaluation"]["figures"]
    assert model["evaluation"]["metric"] == "ssim"
    assert figures["baseline"]["name"] == "copy-the-input"
    assert figures["ssim"] > figures["baseline"]["ssim"]
    verdict = edits.post(
        "/api/models/image_edit/1/promote?wait=60", {"dataset": "warm@1", "dry_run": True}
    )
    assert (verdict["reason"], verdict["promoted"]) == ("not-provable", False)
