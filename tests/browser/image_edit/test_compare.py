"""The player of image edits in a real Chromium: what is on the screen, pixel by pixel."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect
from tests.browser.image_edit.conftest import Open, captured, halves, pairs, seen, shown, until

from truing import Workspace

RED, BLUE, GREEN = (255, 0, 0), (0, 0, 255), (0, 255, 0)
LOW = 0.8
"""A share of the height where neither captions nor the grip are."""


def plain(workspace: Workspace, before: bytes, after: bytes) -> int:
    """Keeps a pair that was made for a test."""
    pair = {"original": before, "edited": after, "instruction": "make it so", "session": "made"}
    return captured(workspace, pair)


@pytest.fixture
def coloured(workspace: Workspace, served: Callable[..., str]) -> str:
    """The address of a red original and its blue result."""
    size = (480, 300)
    number = plain(workspace, halves(size, "red", "red"), halves(size, "blue", "blue"))
    return f"{served(workspace)}/review/{number}"


def colours(box: Locator) -> list[tuple[int, ...]]:
    """The row of colours from left to right, one for each hundredth of the width."""
    image = seen(box)
    y = int(image.height * LOW)
    return [image.getpixel((int((at + 0.5) / 100 * image.width), y)) for at in range(100)]


def reds(box: Locator) -> list[int]:
    """The hundredths of the width that show the original."""
    return [at for at, colour in enumerate(colours(box)) if colour == RED]


def at_edge(box: Locator, share: int) -> bool:
    """Whether what is left of a share is red and what is right of it is blue."""
    row = colours(box)
    return set(row[: share - 1]) <= {RED} and set(row[share + 1 :]) <= {BLUE}


def test_edge_is_moved_by_pointer_and_keys(coloured: str, browser_page: Open) -> None:
    page = browser_page(coloured)
    box = shown(page, 1)
    assert at_edge(box, 50)
    area = box.bounding_box()
    assert area is not None
    y = area["y"] + area["height"] / 2
    page.mouse.move(area["x"] + area["width"] / 2, y)
    page.mouse.down()
    page.mouse.move(area["x"] + area["width"] * 0.25, y, steps=4)
    page.mouse.up()
    assert at_edge(box, 25)
    page.mouse.click(area["x"] + area["width"] * 0.7, area["y"] + area["height"] * LOW)
    assert at_edge(box, 70)

    edge = page.get_by_role("slider", name="Edge between original and edited")
    edge.press("Home")
    assert reds(box) == []
    edge.press("End")
    assert len(reds(box)) >= 99
    edge.press("PageDown")
    edge.press("ArrowLeft")
    assert at_edge(box, 88)
    expect(edge).to_have_attribute("aria-valuenow", "88")
    expect(edge).to_have_attribute("aria-valuetext", "88 % original, 12 % edited")
    expect(page.locator("[data-sample]")).to_have_attribute("data-sample", "1")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press(",")
    assert at_edge(box, 83)


def test_edge_follows_a_finger(coloured: str, browser_page: Open, phone: tuple[int, int]) -> None:
    page = browser_page(coloured, size=phone)
    box = shown(page, 1)
    area = box.bounding_box()
    assert area is not None
    x, y = area["x"] + area["width"] * 0.2, area["y"] + area["height"] * LOW
    page.touchscreen.tap(x, y)
    assert at_edge(box, 20)
    hand = Hand(page)
    hand.tell("touchStart", (x, y))
    for step in range(1, 7):
        hand.tell("touchMove", (x + step * area["width"] / 10, y))
    hand.tell("touchEnd")
    assert at_edge(box, 80)


class Hand:
    """Fingers on the screen of a phone."""

    def __init__(self, page: Page) -> None:
        self._wire = page.context.new_cdp_session(page)

    def tell(self, kind: str, *fingers: tuple[float, float]) -> None:
        """Where the fingers are now; `touchEnd` tells that all are lifted."""
        points = [{"x": x, "y": y, "id": at} for at, (x, y) in enumerate(fingers)]
        self._wire.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def test_other_picture_is_shown_while_a_key_or_the_button_is_held(
    coloured: str, browser_page: Open
) -> None:
    page = browser_page(coloured)
    box = shown(page, 1)
    page.keyboard.down("Space")
    until(page, "document.querySelector('.compare').hasAttribute('data-swapped')")
    row = colours(box)
    assert set(row[:49]) == {BLUE}
    assert set(row[51:]) == {RED}
    page.keyboard.up("Space")
    assert at_edge(box, 50)

    page.keyboard.press("b")
    frame = page.locator(".compare-before")
    assert set(colours(frame)) == {RED}
    left = frame.bounding_box()
    hold = page.get_by_role("button", name="Hold to see the other picture")
    hold.hover()
    page.mouse.down()
    expect(box).to_have_attribute("data-swapped", "")
    swapped = page.locator(".compare-after").bounding_box()
    assert swapped == left
    page.mouse.up()
    expect(box).not_to_have_attribute("data-swapped", "")

    page.get_by_role("button", name="Slider").click()
    page.keyboard.down("Space")
    expect(box).to_have_attribute("data-swapped", "")
    page.evaluate("window.dispatchEvent(new Event('blur'))")
    expect(box).not_to_have_attribute("data-swapped", "")
    page.keyboard.up("Space")

    page.get_by_role("textbox", name="Instruction").focus()
    page.keyboard.down("Control")
    page.keyboard.down("Space")
    expect(box).to_have_attribute("data-swapped", "")
    page.keyboard.up("Space")
    page.keyboard.up("Control")
    expect(box).not_to_have_attribute("data-swapped", "")
    expect(page.get_by_role("textbox", name="Instruction")).to_have_value("make it so")


def marked(size: tuple[int, int]) -> bytes:
    """A grey picture with a green square three quarters to the right, halfway down."""
    image = Image.new("RGB", size, "grey")
    side = size[0] // 20
    image.paste(Image.new("RGB", (side, side), "lime"), (int(size[0] * 0.75), size[1] // 2))
    kept = BytesIO()
    image.save(kept, format="PNG")
    return kept.getvalue()


def mark(frame: Locator) -> tuple[float, float, float]:
    """Where the green square is, as shares of its frame, and its width in pixels."""
    image = np.asarray(seen(frame)).astype(int)
    green = (image[..., 1] > 200) & (image[..., 0] < 60) & (image[..., 2] < 60)
    assert green.any(), "the mark is out of sight"
    rows, columns = np.nonzero(green)
    x = (columns.min() + columns.max() + 1) / 2 / image.shape[1]
    y = (rows.min() + rows.max() + 1) / 2 / image.shape[0]
    return x, y, columns.max() - columns.min() + 1


@pytest.fixture
def beside(workspace: Workspace, served: Callable[..., str], browser_page: Open) -> Page:
    """Two pictures of different sizes with the same mark, side by side."""
    number = plain(workspace, marked((600, 400)), marked((300, 200)))
    page = browser_page(f"{served(workspace)}/review/{number}")
    shown(page, number)
    page.keyboard.press("b")
    return page


def test_both_pictures_are_looked_at_in_step(beside: Page) -> None:
    page = beside
    frames = [page.locator(".compare-before"), page.locator(".compare-after")]
    whole = [mark(frame) for frame in frames]
    assert whole[0] == pytest.approx(whole[1], abs=0.01)
    area = frames[1].bounding_box()
    assert area is not None
    x, y = area["x"] + area["width"] * whole[1][0], area["y"] + area["height"] * whole[1][1]
    page.mouse.move(x, y)
    for _ in range(4):
        page.mouse.wheel(0, -200)
    until(page, "document.querySelector('.zoom-scale').textContent.startsWith('3.3')")
    near = [mark(frame) for frame in frames]
    for before, now in zip(whole, near, strict=True):
        assert now[:2] == pytest.approx(before[:2], abs=0.012), "the point moved away"
        assert now[2] == pytest.approx(before[2] * 3.32, rel=0.06)

    page.mouse.down()
    page.mouse.move(x - area["width"] * 0.3, y, steps=5)
    page.mouse.up()
    for before, now in zip(near, [mark(frame) for frame in frames], strict=True):
        assert now[0] == pytest.approx(before[0] - 0.3, abs=0.012)
    page.keyboard.press("Shift+ArrowLeft")
    for before, now in zip(near, [mark(frame) for frame in frames], strict=True):
        assert now[0] == pytest.approx(before[0] - 0.2, abs=0.012)

    frames[0].dblclick()
    assert [mark(frame) for frame in frames] == whole
    page.keyboard.press("+")
    assert mark(frames[0])[2] == pytest.approx(whole[0][2] * 1.5, rel=0.06)
    page.keyboard.press("-")
    page.mouse.wheel(0, 300)
    until(page, "window.scrollY > 0")
    assert page.locator(".zoom-scale").inner_text() == "whole"


def test_two_fingers_look_nearer(
    workspace: Workspace, served: Callable[..., str], browser_page: Open, phone: tuple[int, int]
) -> None:
    number = plain(workspace, marked((600, 400)), marked((600, 400)))
    page = browser_page(f"{served(workspace)}/review/{number}", size=phone)
    box = shown(page, number)
    area = box.bounding_box()
    assert area is not None
    x, y = area["x"] + area["width"] * 0.7, area["y"] + area["height"] / 2
    before = mark(page.locator(".compare-after"))
    hand = Hand(page)
    hand.tell("touchStart", (x - 20, y), (x + 20, y))
    for apart in range(24, 64, 4):
        hand.tell("touchMove", (x - apart, y), (x + apart, y))
    hand.tell("touchEnd")
    after = mark(page.locator(".compare-after"))
    assert after[2] == pytest.approx(before[2] * 3, rel=0.1)


def test_difference_is_counted_from_the_pixels(
    workspace: Workspace, served: Callable[..., str], browser_page: Open
) -> None:
    before = halves((600, 400), "rgb(100,100,100)", "rgb(100,100,100)")
    after = halves((300, 200), "rgb(100,100,100)", "rgb(110,95,100)")
    number = plain(workspace, before, after)
    page = browser_page(f"{served(workspace)}/review/{number}")
    shown(page, number)
    page.keyboard.press("d")
    canvas = page.locator(".compare-apart canvas")
    frame = page.locator(".compare-apart")
    for gain, key in ((2, "]"), (4, "]"), (8, "[")):
        expect(canvas).to_have_attribute("data-gain", str(gain))
        row = colours(frame)
        assert set(row[:48]) == {(0, 0, 0)}
        assert set(row[52:]) == {(10 * gain, 5 * gain, 0)}
        page.keyboard.press(key)
    page.keyboard.press("d")
    expect(page.get_by_role("slider", name="Edge between original and edited")).to_be_visible()


def test_other_shapes_are_shown_whole_and_their_sizes_named(
    workspace: Workspace, served: Callable[..., str], browser_page: Open
) -> None:
    wide, tall = halves((400, 200), "red", "red"), halves((100, 200), "blue", "blue")
    number = plain(workspace, wide, tall)
    page = browser_page(f"{served(workspace)}/review/{number}")
    box = shown(page, number)
    expect(box.locator("figcaption")).to_have_text(["Edited 100 × 200", "Original 400 × 200"])
    expect(page.get_by_text("The shapes differ: each picture is shown whole.")).to_be_visible()
    page.get_by_role("slider", name="Edge between original and edited").press("Home")
    row = colours(box)
    blue = [at for at, colour in enumerate(row) if colour == BLUE]
    assert (blue[0], blue[-1]) == pytest.approx((38, 61), abs=1)
    assert not {RED} & set(row)


def test_what_browsers_cannot_show_is_converted(
    workspace: Workspace, served: Callable[..., str], browser_page: Open, tmp_path: Path
) -> None:
    tiff = BytesIO()
    Image.new("RGB", (200, 100), "red").save(tiff, format="TIFF")
    cut = pairs()[0]["edited"].read_bytes()[:60_000]
    # What an app hands in must be whole; what lies in a folder is imported as it is.
    stamp = "2026-11-20T09-00-00-000Z"
    folder = tmp_path / "training-data" / f"session-{stamp}"
    folder.mkdir(parents=True)
    (folder / f"original-{stamp}.jpg").write_bytes(tiff.getvalue())
    (folder / f"reimagined-{stamp}.jpg").write_bytes(cut)
    told = {"instruction": "make it so", "sessionId": folder.name, "userEmail": "anonymous"}
    (folder / f"metadata-{stamp}.json").write_text(json.dumps(told), encoding="utf-8")
    assert workspace.import_from("nexvision", folder.parent).added == 1
    number = 1
    page = browser_page(f"{served(workspace)}/review/{number}")
    box = shown(page, number)
    assert reds(box)[:40] == list(range(40))
    expect(page.locator(".review-heading").get_by_text("edited damaged")).to_be_visible()
