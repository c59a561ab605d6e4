"""The speech panel in a real browser: playing, looping, drawing, and sound that is gone."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Page, expect
from tests.browser.review.conftest import (
    Open,
    shown,
    until,
)

from truing import Workspace


def test_the_sound_plays_stops_loops_and_changes_speed_by_keys(
    url: str, browser_page: Open
) -> None:
    page = browser_page(f"{url}/review/1")
    shown(page)
    page.locator("[data-playable='1']").wait_for()
    slider = page.get_by_role("slider", name="Position in the recording")
    until(page, "parseFloat(document.querySelector('.wave').getAttribute('aria-valuenow')) > 0.1")
    page.get_by_role("button", name="Play", exact=True).wait_for()
    page.keyboard.press("[")
    page.keyboard.press("[")
    expect(page.get_by_role("slider", name="Speed")).to_have_attribute(
        "aria-valuetext", "0.8 times"
    )
    page.keyboard.press("]")
    expect(page.get_by_role("slider", name="Speed")).to_have_attribute(
        "aria-valuetext", "0.9 times"
    )
    page.keyboard.press("l")
    expect(page.get_by_role("button", name="Loop")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Pause").wait_for()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Play", exact=True).wait_for()
    page.keyboard.press("l")
    expect(page.get_by_role("button", name="Loop")).to_have_attribute("aria-pressed", "false")
    slider.focus()
    page.keyboard.press("Home")
    expect(slider).to_have_attribute("aria-valuenow", "0.0")
    expect(page.locator("[data-sample='1']")).to_be_visible()
    page.evaluate(
        """() => {
          const word = document.querySelector('.speech-word');
          const noted = () => { window.spoken ||= word.classList.contains('speaking'); };
          new MutationObserver(noted).observe(word, {attributes: true});
        }"""
    )
    page.locator(".speech-word").first.click()
    until(page, "window.spoken && !document.querySelector('.speaking')")


def test_dragging_on_the_waveform_loops_that_region(url: str, browser_page: Open) -> None:
    page = browser_page(f"{url}/review/1")
    shown(page)
    box = page.locator(".wave").bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.25, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, y, steps=4)
    page.mouse.up()
    region = page.locator(".wave-region")
    expect(region).to_have_attribute("style", re.compile(r"left: 25\.?\d*%; width: (49|50)\.?\d*%"))
    page.get_by_role("button", name="Loop").click()
    expect(region).to_have_count(0)


def test_a_spectrogram_replaces_the_waveform(url: str, browser_page: Open) -> None:
    page = browser_page(f"{url}/review/1")
    shown(page)
    before = colours(page)
    page.get_by_role("button", name="Spectrogram").click()
    expect(page.get_by_role("button", name="Spectrogram")).to_have_attribute("aria-pressed", "true")
    assert colours(page) > 10 * before


def colours(page: Page) -> int:
    """Different colours on the drawing."""
    found: int = page.evaluate(
        """() => {
          const canvas = document.querySelector('.wave canvas');
          const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
          return new Set(new Uint32Array(data.buffer)).size;
        }"""
    )
    return found


def test_the_waveform_follows_theme_and_width(url: str, browser_page: Open) -> None:
    page = browser_page(f"{url}/review/1")
    shown(page)
    drawn = "document.querySelector('.wave canvas').toDataURL()"
    light = page.evaluate(drawn)
    page.emulate_media(color_scheme="dark")
    until(page, f"before => {drawn} !== before", arg=light)
    page.set_viewport_size({"width": 700, "height": 800})
    until(
        page,
        """() => {
          const canvas = document.querySelector('.wave canvas');
          const fits = canvas.width === Math.round(canvas.clientWidth * devicePixelRatio);
          return fits && canvas.width < 680;
        }""",
    )


def test_a_sound_that_is_gone_is_told_and_can_be_tried_again(
    workspace: Workspace, url: str, browser_page: Open, watched: Any
) -> None:
    watched.expected += ["404"]
    sample = workspace.sample(2)
    path = workspace.blobs.path(sample.media[0].digest)
    away = path.rename(path.with_suffix(".away"))
    page = browser_page(f"{url}/review/2")
    told = page.get_by_role("alert")
    expect(told).to_be_visible()
    away.rename(path)
    told.get_by_role("button", name="Try again").click()
    assert shown(page) == 2
