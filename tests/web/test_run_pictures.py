"""Pictures of runs over HTTP: listed, handed out, and gone with the sample they show."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from tests.web.conftest import Serve, Served

from truing import Workspace
from truing.domain.recipe import Glimpse
from truing.domain.run import RunRequest
from truing.domain.sample import SampleFilter
from truing.testing.photo_edits import edited_pairs

PHOTOS = Path(__file__).parents[1] / "data" / "clients" / "nexvision" / "training-data"
MARKER = "a pond of marmalade"


@pytest.fixture
def served(serve: Serve, tmp_path: Path) -> Served:
    """Two pairs, a version of both, and a run that has shown them at two steps."""
    from PIL import Image

    photo = Image.open(next(PHOTOS.glob("session-*-205Z/original-*")))
    rows = edited_pairs(
        tmp_path / "pairs", {"coffee": photo}, 2, size=160, instructions=["mirror the picture"]
    )
    with Workspace.create(tmp_path / "ws", environ={}) as workspace:
        uids = []
        for place, row in enumerate(rows):
            added = workspace.capture(
                "image_edit",
                original=row.media["original"].path,
                edited=row.media["edited"].path,
                raw=MARKER if place else "add a spoon",
                sampling="wholesale",
            )
            assert added is not None
            workspace.review(added.id, "accepted")
            uids.append(workspace.sample(added.id).uid)
        workspace.freeze("edits", modality="image_edit")
        request = RunRequest(
            modality="image_edit", recipe="instruct-pix2pix", dataset="edits@1", base=None
        )
        run = workspace.store.runs.add(workspace.ids.new(), request, workspace.clock.now())
        files = [row.media[role].path.read_bytes() for row in rows for role in row.media]
        for step in (0, 50):
            workspace.jobs.pictures(run.id).add(
                step,
                [
                    Glimpse(uid=uids[0], text="add a spoon", given=files[0], made=files[3],
                            wanted=files[1]),
                    Glimpse(uid=uids[1], text=MARKER, given=files[2], made=files[0],
                            wanted=files[3]),
                ],
            )  # fmt: skip
    return serve(tmp_path / "ws", {})


def sides(png: bytes) -> tuple[int, int]:
    """Width and height as a PNG file says them."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def test_rows_and_steps_are_listed_and_every_picture_is_there(served: Served) -> None:
    rows = served.get("/api/runs/1/pictures")["items"]
    assert [(row["text"], row["steps"]) for row in rows] == [
        ("add a spoon", [0, 50]),
        (MARKER, [0, 50]),
    ]
    for name in ("original", "target", "0", "50"):
        answer = served.client.ask("GET", f"/api/runs/1/pictures/{rows[0]['sample']}/{name}")
        assert (answer.status, answer.headers["content-type"]) == (200, "image/png")
        assert sides(answer.body) == (160, 160)


def test_what_is_not_there_is_not_found(served: Served) -> None:
    sample = served.get("/api/runs/1/pictures")["items"][0]["sample"]
    assert served.get("/api/runs/9/pictures", 404)["error"]["code"] == "not-found"
    for place in (f"{sample}/7", "0199a0c4-2f00-7000-8000-000000000000/0", ".hidden/0"):
        answer = served.client.ask("GET", f"/api/runs/1/pictures/{place}")
        assert answer.status == 404, place
    for name in ("row.json", "row", "..%2f..%2frun", "-1"):
        answer = served.client.ask("GET", f"/api/runs/1/pictures/{sample}/{name}")
        assert answer.status in (400, 404, 422), name


def test_forgetting_a_sample_takes_its_pictures_away(served: Served) -> None:
    folder = served.workspace.layout.runs
    kept, gone = served.get("/api/runs/1/pictures")["items"]
    number = next(
        sample.id
        for sample in served.workspace.store.samples.iterate(SampleFilter())
        if sample.uid == gone["sample"]
    )
    told = served.workspace.forget(ids=[number])
    assert "runs/1/pictures" in told.exports
    assert served.get("/api/runs/1/pictures")["items"] == [kept]
    left = [file for file in folder.rglob("*") if file.is_file()]
    assert left
    assert not any(MARKER.encode() in file.read_bytes() for file in left)
    assert not any(gone["sample"] in str(file) for file in left)
