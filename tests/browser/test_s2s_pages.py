"""Pages written for the S2S app, with its calls and its manners, in front of our API.

They are our own, but do what the app's do: a fixed address of the API under the name `localhost`,
transcripts put into the page as HTML, handlers written into tags, and Flask's links to files.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from truing import Workspace
from truing.domain.review import State
from truing.domain.sample import Sample, SampleFilter

DATABASE = Path(__file__).parents[1] / "data" / "clients" / "s2s" / "s2s_2026-01_zlib_reviewed.db"
HOSTILE = """<img src="/x" onerror="document.title='taken'">"""

HEARD = """new Promise((heard) => {
  const player = document.getElementById("player");
  if (player.readyState) heard(player.duration);
  player.addEventListener("loadedmetadata", () => heard(player.duration));
})"""
"""Seconds of the sound that the player has."""

INDEX = """<!doctype html><html lang="en"><head>
<link rel="icon" href="data:,"><title>Dashboard</title></head><body>
<p>Total <b id="total"></b> reviewed <b id="reviewed"></b> pending <b id="pending"></b></p>
<table style="width: 100%"><tbody id="rows"></tbody></table><p id="status"></p>
<button id="train">Train</button><a href="/editor">Editor</a>
<script src="{{ url_for('static', filename='js/dashboard.js') }}"></script></body></html>"""

DASHBOARD = """
const API = `http://localhost:${location.port}/api`;
async function load() {
  const stats = await (await fetch(`${API}/data/stats`)).json();
  document.getElementById("total").textContent = stats.total;
  document.getElementById("reviewed").textContent = stats.reviewed;
  document.getElementById("pending").textContent = stats.pending_training;
  const rows = document.getElementById("rows");
  rows.innerHTML = "";
  for (const item of await (await fetch(`${API}/data`)).json()) {
    const row = document.createElement("tr");
    row.innerHTML = `<td>${item.id}</td>
      <td class="text" title="${item.transcript}">${item.transcript.substring(0, 100)}</td>
      <td>${item.is_reviewed ? "yes" : "-"}</td>
      <td>${new Date(item.timestamp).toLocaleString()}</td>
      <td><button onclick="drop(${item.id})">Delete</button></td>`;
    rows.appendChild(row);
  }
}
async function drop(id) {
  await fetch(`${API}/data/${id}`, { method: "DELETE" });
  await load();
}
document.getElementById("train").addEventListener("click", async () => {
  const headers = { "Content-Type": "application/json" };
  const told = await (await fetch(`${API}/train`, { method: "POST", headers })).json();
  document.getElementById("status").textContent = `${told.success} ${told.message}`;
});
load();
"""

EDITOR = """<!doctype html><html lang="en"><head>
<link rel="icon" href="data:,"><title>Editor</title></head><body>
<b id="id"></b><audio id="player" controls></audio><textarea id="text"></textarea>
<label><input type="checkbox" id="tick">Reviewed</label><button id="save">Save</button>
<p id="status"></p>
<script src="{{ url_for('static', filename='js/editor.js') }}"></script></body></html>"""

EDITOR_SCRIPT = """
const API = `http://localhost:${location.port}/api`;
const part = (id) => document.getElementById(id);
let items = [];
let at = 0;
async function show() {
  const item = await (await fetch(`${API}/data/${items[at].id}`)).json();
  part("id").textContent = item.id;
  part("text").value = item.transcript;
  part("tick").checked = item.is_reviewed;
  const bytes = Uint8Array.from(atob(item.audio_base64), (sign) => sign.charCodeAt(0));
  part("player").src = URL.createObjectURL(new Blob([bytes], { type: "audio/wav" }));
}
part("save").addEventListener("click", async () => {
  const answer = await fetch(`${API}/data/${items[at].id}`, {
    method: "PUT",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ transcript: part("text").value, is_reviewed: part("tick").checked }),
  });
  part("status").textContent = answer.ok ? "saved" : "failed";
  if (at < items.length - 1) { at += 1; await show(); }
});
(async () => {
  items = await (await fetch(`${API}/data?reviewed=false`)).json();
  await show();
})();
"""


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """A folder laid out as the app's."""
    www = tmp_path / "www"
    (www / "templates").mkdir(parents=True)
    (www / "static" / "js").mkdir(parents=True)
    (www / "templates" / "index.html").write_text(INDEX, encoding="utf-8")
    (www / "templates" / "editor.html").write_text(EDITOR, encoding="utf-8")
    (www / "static" / "js" / "dashboard.js").write_text(DASHBOARD, encoding="utf-8")
    (www / "static" / "js" / "editor.js").write_text(EDITOR_SCRIPT, encoding="utf-8")
    return www


def test_the_apps_pages_work_in_front_of_our_api(
    tmp_path: Path,
    pages: Path,
    served: Callable[..., str],
    browser_page: Callable[..., Page],
) -> None:
    with Workspace.create(tmp_path / "ws", environ={}) as workspace:
        workspace.import_from("s2s", DATABASE)
        waiting = [one.id for one in _pending(workspace)]
        workspace.review(waiting[0], "corrected", truth=HOSTILE)
        url = served(workspace, pages=pages).replace("127.0.0.1", "localhost")
        page = browser_page(url)

        page.wait_for_selector("#rows tr:nth-child(6)")
        assert page.text_content("#total") == "6"
        shown = page.locator("#rows .text").all_text_contents()
        assert HOSTILE in shown  # as text: nothing of it ran
        assert page.locator("#rows img").count() == 0
        assert page.title() == "Dashboard"

        page.locator("#rows tr", has_text=HOSTILE[:9]).get_by_text("Delete").click()
        page.wait_for_selector("#rows tr:nth-child(6)", state="detached")
        assert workspace.sample(waiting[0]).state is State.TRASHED

        page.click("a[href='/editor']")
        assert page.evaluate(HEARD) > 0.1
        number = int(page.text_content("#id") or "0")
        page.fill("#text", "what was really said")
        page.check("#tick")
        page.click("#save")
        page.locator("#status", has_text="saved").wait_for()
        sample = workspace.sample(number)
        assert (sample.state, sample.truth) == (State.CORRECTED, "what was really said")
        assert sample.raw is not None


def test_the_train_button_tells_what_speaks_against_it(
    tmp_path: Path,
    pages: Path,
    served: Callable[..., str],
    browser_page: Callable[..., Page],
) -> None:
    with Workspace.create(tmp_path / "ws", environ={}) as workspace:
        url = served(workspace, pages=pages).replace("127.0.0.1", "localhost")
        page = browser_page(url)
        page.click("#train")
        page.locator("#status", has_text="false No reviewed items to train").wait_for()


def _pending(workspace: Workspace) -> list[Sample]:
    return list(workspace.store.samples.iterate(SampleFilter(states=(State.PENDING,))))
