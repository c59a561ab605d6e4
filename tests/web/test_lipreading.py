"""Lip-reading over HTTP: videos in, what a panel draws and plays out, live answers by modality."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from tests.web.conftest import Served

from truing.modalities.lipreading.frames import read_frames

pytest.importorskip("av")
pytest.importorskip("mediapipe")

DATA = Path(__file__).parents[1] / "data" / "lipreading"
CLIP = DATA / "grid" / "bbaf2n.mpg"
ALIGN = CLIP.with_suffix(".align")
VIDEO = "/api/samples/1/media/video"


@pytest.fixture
def filmed(empty: Served) -> Served:
    """One GRID clip with its alignment, sent as an app would."""
    form = {
        "modality": "lipreading",
        "media": {
            "video": base64.b64encode(CLIP.read_bytes()).decode(),
            "alignment": base64.b64encode(ALIGN.read_bytes()).decode(),
        },
        "raw": "bin blue at e two now",
        "confidence": 0.6,
        "model": "lipreading/1",
        "source": "camera",
        "sampling": "wholesale",
    }
    assert empty.post("/api/samples", form, status=201)["modality"] == "lipreading"
    return empty


def test_a_video_comes_as_it_was_sent_and_as_a_proxy(filmed: Served) -> None:
    kept = filmed.client.ask("GET", VIDEO)
    assert kept.body == CLIP.read_bytes()
    assert kept.headers["content-type"] == "video/mpeg"
    proxy = filmed.client.ask("GET", f"{VIDEO}?format=mp4")
    assert proxy.headers["content-type"] == "video/mp4"
    assert "immutable" in proxy.headers["cache-control"]
    assert len(list(read_frames(proxy.body, colour="grey"))) == 75
    part = filmed.client.ask("GET", f"{VIDEO}?format=mp4", headers={"Range": "bytes=0-99"})
    assert (part.status, part.body) == (206, proxy.body[:100])
    named = filmed.client.ask("GET", f"{VIDEO}?format=mp4&download=1").headers
    assert named["content-disposition"] == 'attachment; filename="sample-1.mp4"'
    assert filmed.client.ask("GET", f"{VIDEO}?format=gif").status == 400


def test_a_preview_draws_frames_and_words(filmed: Served) -> None:
    told = filmed.get("/api/samples/1/preview")
    assert len(told["times"]) == 75
    assert [word["text"] for word in told["words"]] == ["bin", "blue", "at", "f", "two", "now"]
    assert filmed.get("/api/samples/1/preview?buckets=1").keys() == {"width", "height", "still"}


def test_the_panel_comes_with_its_styles(filmed: Served) -> None:
    for ending, kind in (("js", "text/javascript"), ("css", "text/css")):
        answer = filmed.client.ask("GET", f"/panels/lipreading.{ending}")
        assert answer.headers["content-type"].startswith(kind)
        assert answer.body


def test_the_live_routes_take_the_modality(filmed: Served) -> None:
    told = filmed.get("/api/live/status?modality=lipreading")
    assert (told["modality"], told["champion"], told["accepts"]) == ("lipreading", None, [])
    answer = filmed.client.ask(
        "POST",
        "/api/live/transcribe?modality=lipreading",
        body=CLIP.read_bytes(),
        headers={"Content-Type": "video/mpeg"},
    )
    assert (answer.status, answer.code) == (404, "not-found")
    assert filmed.get("/api/live/status")["modality"] == "speech"
    assert filmed.client.ask("POST", "/api/live/warm?modality=smell").status == 404


@pytest.mark.parametrize(
    ("data", "status", "words"),
    [
        (b"only text", 400, "not a video"),
        (b"", 422, "empty"),
        (bytes(range(128, 192)), 422, "any video"),
    ],
    ids=["text", "nothing", "noise"],
)
def test_what_is_no_video_is_refused_in_words(
    empty: Served, data: bytes, status: int, words: str
) -> None:
    form = {"modality": "lipreading", "media": {"video": base64.b64encode(data).decode()}}
    told = empty.post("/api/samples", form, status=status)
    assert words in told["error"]["message"]
    assert told["error"]["hint"]


def test_datasets_and_stats_are_told_by_modality(filmed: Served) -> None:
    assert filmed.get("/api/stats?modality=lipreading")["counts"]["total"] == 1
    assert filmed.get("/api/stats")["counts"]["total"] == 0
    assert filmed.get("/api/choices")["modalities"] == ["lipreading"]
    assert (
        filmed.get("/api/choices")["findings"]
        == filmed.get("/api/choices?modality=lipreading")["findings"]
    )
    assert filmed.get("/api/datasets?modality=lipreading")["items"] == []
