"""A page of another origin that posts what it made, with the code that the guide shows."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from truing import Workspace
from truing.domain.sample import SampleFilter

GUIDE = Path(__file__).parents[3] / "docs" / "how-to" / "image-edits.md"
ADDRESS = "http://127.0.0.1:8080/api/store-image"
MAKE = """async ([color, instruction, consent]) => {
  const drawn = async (color, kind) => {
    const canvas = new OffscreenCanvas(96, 80);
    const pen = canvas.getContext("2d");
    pen.fillStyle = "white";
    pen.fillRect(0, 0, 96, 80);
    pen.fillStyle = color;
    pen.fillRect(20, 20, 40, 30);
    return canvas.convertToBlob({ type: kind });
  };
  const original = await drawn("black", "image/png");
  await keep(original, await drawn(color, "image/png"), instruction, consent);
}"""
READ = """async (address) => (await fetch(address)).json()"""


class Blank(BaseHTTPRequestHandler):
    """Answers everything with an empty page."""

    def do_GET(self) -> None:
        """Sends it."""
        page = b"<!doctype html><title>Blank</title><link rel=icon href=data:,>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def code() -> str:
    """The script of the guide."""
    found = re.search(r"```js\n(async function keep.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    assert found is not None
    assert ADDRESS in found[1]
    return found[1]


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """The address of a page at another origin."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Blank) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_address[1]}"
        server.shutdown()


def test_the_guides_script_hands_pairs_in(
    code: str,
    elsewhere: str,
    served: Callable[..., str],
    browser_page: Callable[..., Page],
    watched: Any,
    tmp_path: Path,
) -> None:
    Workspace.create(tmp_path / "ws", environ={}).close()
    flags = {
        "serve.origins": elsewhere,
        "consent.policy": "ask",
        "image_edit.find_faces": "false",
    }
    with Workspace.open(tmp_path / "ws", flags=flags, environ={}) as workspace:
        server = served(workspace)
        watched.expected += ["off-site", "403"]
        page = browser_page(elsewhere)
        page.add_script_tag(content=code.replace(ADDRESS, f"{server}/api/store-image"))
        said: list[str] = []
        page.on("console", lambda told: said.append(told.text) if told.type == "warning" else None)

        page.evaluate(MAKE, ["red", "paint it red", False])
        assert len(said) == 1
        assert "consent" in said[0], "the page can read why"
        assert list(workspace.blobs.digests()) == []

        page.evaluate(MAKE, ["red", "paint it red", True])
        page.evaluate(MAKE, ["blue", "paint it blue ", True])
        assert len(said) == 1
        found = list(workspace.store.samples.iterate(SampleFilter()))
        assert [one.raw.text for one in found if one.raw] == ["paint it red", "paint it blue "]
        assert {one.consent.basis for one in found} == {"person"}
        told = page.evaluate(READ, f"{server}/api/store-image")
        assert (told["totalSessions"], told["instructionTypes"]) == (2, 2)
