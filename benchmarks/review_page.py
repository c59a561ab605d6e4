"""How soon the next recording is there: Ctrl+Enter on the review page until it is drawn, and plays.

A real Chromium reviews real recordings one after the other on a real server whose every answer
takes 100 ms longer. The floor is the same page that fetches nothing ahead. Times are taken inside
the browser from the key press: `drawn` when text and waveform of the next sample are on the page,
`frame` at the first animation frame after it, `playable` when its sound can be played through.
`told` is what passes before the page hears of the key: on a busy machine part of all others.

Budget: 95 % drawn within 50 ms, and playable at 95 % in less than 0.6 of the time without fetching
ahead.

    python benchmarks/review_page.py [--items 100] [--floor-items 30] [--slower 100] [--pause 0.5]
        [--chromium PATH]
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import soundfile
from playwright.sync_api import Browser, Page, sync_playwright

from truing import Workspace
from truing.demo import shipped
from truing.demo.phrases import phrases
from truing.domain.prediction import Alternative, Recognition, Word
from truing.web.server import Address, Server

RECORDINGS = 20
"""Of each digit and speaker: enough for some three hundred phrases."""
PATIENCE = 30.0
"""Seconds after which a swap has failed."""
DRAWN_MS = 50
PLAYABLE_SHARE = 0.6
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--autoplay-policy=no-user-gesture-required",
)
WATCH = """
(() => {
  window.swaps = [];
  let swap = null;
  const shown = () => document.querySelector("[data-sample]")?.dataset.sample;
  const look = () => {
    const id = shown();
    if (!swap || !id || id === swap.from) return;
    const now = performance.now() - swap.began;
    if (!swap.drawn && document.querySelector(".wave canvas")?.dataset.drawn === id) {
      swap.drawn = now;
      requestAnimationFrame(() => (swap.frame = performance.now() - swap.began));
    }
    if (!swap.playable && document.querySelector(`[data-playable="${id}"]`)) swap.playable = now;
  };
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey && event.key === "Enter")) return;
    swap = { from: shown(), began: event.timeStamp, told: performance.now() - event.timeStamp };
    window.swaps.push(swap);
  }, { capture: true });
  const everything = { subtree: true, childList: true, attributes: true };
  new MutationObserver(look).observe(document, everything);
})()
"""
NOTHING_AHEAD = "window.requestIdleCallback = () => 0;"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How the page is used."""

    items: int
    slower: float
    """Milliseconds that each answer takes longer."""
    pause: float
    """Seconds between two decisions, while somebody listens."""
    ahead: bool
    """Whether the page may fetch ahead."""


def fill(workspace: Workspace, count: int) -> None:
    """Real recordings joined into phrases, with what a model would have said of them."""
    rows = shipped.rows_of_others("nicolas", range(RECORDINGS))
    for place, phrase in enumerate(islice(phrases(rows, random.Random(1)), count)):
        path = workspace.layout.root / f"{place}.flac"
        soundfile.write(path, phrase.sound, phrase.rate)
        said = phrase.text.split()
        step = len(phrase.sound) / phrase.rate / len(said)
        words = tuple(
            Word(text=text, start=at * step, end=(at + 1) * step, confidence=0.4 + 0.5 * (at % 2))
            for at, text in enumerate(said)
        )
        others = (Alternative(text=" ".join(reversed(said)), confidence=0.2),)
        raw = Recognition(text=phrase.text, confidence=0.7, words=words, alternatives=others)
        workspace.capture("speech", audio=path, raw=raw, model="speech/1", subject="nicolas")


def swaps(browser: Browser, url: str, pace: Pace) -> list[Mapping[str, float]]:
    """Milliseconds of each swap."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.add_init_script(WATCH)
    if not pace.ahead:
        page.add_init_script(NOTHING_AHEAD)
    network = context.new_cdp_session(page)
    network.send("Network.enable")
    network.send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": pace.slower,
            "downloadThroughput": -1,
            "uploadThroughput": -1,
        },
    )
    page.goto(f"{url}/review")
    page.locator("[data-playable]").wait_for()
    for done in range(pace.items):
        page.wait_for_timeout(pace.pause * 1000)
        page.keyboard.press("Control+Enter")
        finished(page, done)
    found: list[Mapping[str, float]] = page.evaluate("window.swaps")
    context.close()
    return found


def finished(page: Page, place: int) -> None:
    """Waits until a swap was measured."""
    deadline = time.monotonic() + PATIENCE
    while not page.evaluate("at => window.swaps[at]?.playable && window.swaps[at]?.frame", place):
        if time.monotonic() > deadline:
            raise RuntimeError(f"sample {place + 1} never came: {page.inner_text('main')[:200]}")
        page.wait_for_timeout(20)


def spread(found: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Median and 95th percentile of each time."""
    spreads = {}
    for name in ("told", "drawn", "frame", "playable"):
        times = [swap[name] for swap in found]
        spreads[name] = {
            "p50": round(statistics.median(times), 1),
            "p95": round(statistics.quantiles(times, n=20, method="inclusive")[-1], 1),
        }
    return spreads


def measured(browser: Browser, folder: Path, pace: Pace) -> dict[str, dict[str, float]]:
    """One run on a workspace of its own."""
    with Workspace.create(folder, environ={}) as workspace:
        fill(workspace, pace.items + 8)
        with Server(workspace, Address(port=0)).running() as url:
            return spread(swaps(browser, url, pace))


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the figures as JSON; 1 when the budget is not met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--items", type=int, default=100)
    parser.add_argument("--floor-items", type=int, default=30)
    parser.add_argument("--slower", type=float, default=100, help="milliseconds")
    parser.add_argument("--pause", type=float, default=0.5, help="seconds")
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    given = parser.parse_args(arguments)
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=given.chromium, args=list(FLAGS))
        for name, items in (("ahead", given.items), ("floor", given.floor_items)):
            pace = Pace(items=items, slower=given.slower, pause=given.pause, ahead=name == "ahead")
            figures[name] = measured(browser, Path(place) / name, pace)
        browser.close()
    share = figures["ahead"]["playable"]["p95"] / figures["floor"]["playable"]["p95"]
    met = figures["ahead"]["drawn"]["p95"] <= DRAWN_MS and share < PLAYABLE_SHARE
    result = {
        "benchmark": "review_page",
        "items": given.items,
        "server_slower_ms": given.slower,
        "ms": figures,
        "playable_share_of_floor": round(share, 3),
        "budget": {"drawn_p95_ms": DRAWN_MS, "playable_share_of_floor": PLAYABLE_SHARE},
        "met": met,
    }
    print(json.dumps(result, indent=2))
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
