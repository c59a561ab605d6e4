"""The player of lip-reading in a real Chromium: every step lands on the frame it names."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise

import pytest
from playwright.sync_api import Page, expect
from tests.browser.lipreading.conftest import BITS, CLIP, NUMBERED, until

from truing import Workspace
from truing.modalities.lipreading import alignment

pytest.importorskip("av")
pytest.importorskip("mediapipe")

SAID = "bin blue at f two now"
RATE = 25

Open = Callable[..., Page]

SEEN = f"""() => {{
    const film = document.querySelector(".lips-stage video");
    const glass = document.createElement("canvas");
    [glass.width, glass.height] = [film.videoWidth, film.videoHeight];
    const context = glass.getContext("2d");
    context.drawImage(film, 0, 0);
    const wide = glass.width / {BITS};
    let number = 0;
    for (let bit = 0; bit < {BITS}; bit += 1) {{
        const {{ data }} = context.getImageData((bit + 0.5) * wide, glass.height / 2, 1, 1);
        if (data[1] > 127) number |= 1 << bit;
    }}
    return number;
}}"""
"""The number of the frame that is on the screen, read from its pixels."""
TOLD = "document.querySelector('.lips-stage').dataset.frame"


def at(page: Page, frame: int) -> int:
    """Waits until the page says it shows a frame; which one its pixels show."""
    until(page, f"{TOLD} === '{frame}'")
    return int(page.evaluate(SEEN))


def test_a_step_lands_on_the_exact_frame(
    filmed: Workspace, served: Callable[..., str], browser_page: Open
) -> None:
    page = browser_page(f"{served(filmed)}/review/1")
    expect(page.locator("[data-playable='1']")).to_be_visible()
    assert at(page, 0) == 0
    for frame in range(1, NUMBERED):
        page.keyboard.press(".")
        assert at(page, frame) == frame
    page.keyboard.press(".")
    for frame in range(NUMBERED - 2, NUMBERED - 22, -1):
        page.keyboard.press(",")
        assert at(page, frame) == frame
    expect(page.locator(".lips-clock")).to_contain_text(f"frame {NUMBERED - 20} / {NUMBERED}")


def test_steps_that_come_quickly_add_up(
    filmed: Workspace, served: Callable[..., str], browser_page: Open
) -> None:
    page = browser_page(f"{served(filmed)}/review/1")
    expect(page.locator("[data-playable='1']")).to_be_visible()
    now = 0
    for steps in (17, -9, 25, -30, 12, -8, 21):
        for _ in range(abs(steps)):
            page.keyboard.press("." if steps > 0 else ",")
        now = max(0, now + steps)
        assert at(page, now) == now
    page.get_by_role("button", name="One frame back").click()
    assert at(page, now - 1) == now - 1


def anew(times: list[float]) -> bool:
    """Whether a film whose clock was read so was begun anew twice."""
    return sum(later < earlier for earlier, later in pairwise(times)) > 1


def test_a_region_is_played_over_and_over_in_slow_motion(
    filmed: Workspace, served: Callable[..., str], browser_page: Open
) -> None:
    page = browser_page(f"{served(filmed)}/review/2")
    expect(page.locator("[data-playable='2']")).to_be_visible()
    page.get_by_role("slider", name="Speed").fill("0.5")
    area = page.get_by_role("slider", name="Position in the recording").bounding_box()
    assert area is not None
    y = area["y"] + area["height"] / 2
    page.mouse.move(area["x"] + area["width"] * 0.4, y)
    page.mouse.down()
    page.mouse.move(area["x"] + area["width"] * 0.5, y, steps=4)
    page.mouse.up()
    frames = set()
    times = []
    end = time.monotonic() + 60
    while not anew(times) and time.monotonic() < end:
        frames.add(int(page.evaluate(TOLD)))
        times.append(page.evaluate("document.querySelector('.lips-stage video').currentTime"))
        time.sleep(0.03)
    rate = page.evaluate("document.querySelector('.lips-stage video').playbackRate")
    assert rate == 0.5
    assert anew(times), "it did not begin anew"
    assert {frame for frame in frames if frame > 0} <= set(range(29, 40))


def test_a_word_plays_when_it_is_clicked_and_the_mouth_is_close_up(
    filmed: Workspace, served: Callable[..., str], browser_page: Open
) -> None:
    page = browser_page(f"{served(filmed)}/review/2")
    expect(page.locator("[data-playable='2']")).to_be_visible()
    aligned = page.get_by_role("group", name="Aligned words")
    expect(aligned.get_by_role("button")).to_have_text(SAID.split())
    doubted = page.get_by_role("group", name="Read words").locator("[data-doubt]")
    expect(doubted).to_have_text(["at"])
    mouth = page.locator(".lips-mouth")
    expect(mouth).to_be_visible()
    aligned.get_by_role("button", name="blue").click()
    until(page, f"document.querySelector('.lips-stage video').paused && +{TOLD} > 20")
    blue = alignment.read(CLIP.with_suffix(".align"))[1]
    assert blue.end is not None
    assert abs(int(page.evaluate(TOLD)) - round(blue.end * RATE)) <= 3
    drawn = page.evaluate("document.querySelector('.lips-mouth').dataset.frame")
    assert drawn == page.evaluate(TOLD)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("z")
    expect(mouth).to_have_count(0)
    page.keyboard.press("z")
    expect(mouth).to_be_visible()


def test_a_video_without_sound_says_so_and_one_with_sound_has_a_volume(
    filmed: Workspace, served: Callable[..., str], browser_page: Open
) -> None:
    url = served(filmed)
    page = browser_page(f"{url}/review/3")
    expect(page.locator("[data-playable='3']")).to_be_visible()
    expect(page.locator(".lips-controls").get_by_text("silent")).to_be_visible()
    expect(page.get_by_text("mouth clip", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="The mouth close up")).to_be_disabled()
    page.goto(f"{url}/review/2")
    expect(page.locator("[data-playable='2']")).to_be_visible()
    expect(page.get_by_role("slider", name="Volume")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_review_and_samples_are_readable_for_all(
    filmed: Workspace,
    served: Callable[..., str],
    browser_page: Open,
    no_violations: Callable[[Page], None],
    fits: Callable[[Page], None],
    scheme: str,
    phone: tuple[int, int],
) -> None:
    url = served(filmed)
    page = browser_page(f"{url}/review/2", scheme=scheme, size=phone)
    expect(page.locator("[data-playable='2']")).to_be_visible()
    no_violations(page)
    fits(page)
    page.goto(f"{url}/samples")
    expect(page.locator(".lips-thumb img")).to_have_count(3)
    page.get_by_role("button", name="Play sample 2").click()
    until(page, "document.querySelector('.lips-thumb video')?.currentTime > 0")
    no_violations(page)
    fits(page)


def test_pages_are_switched_between_kinds_where_there_are_several(
    filmed: Workspace, served: Callable[..., str], browser_page: Open
) -> None:
    from tests.browser.conftest import RECORDINGS

    url = served(filmed)
    page = browser_page(url)
    expect(page.locator(".home-card .figure-value").first).to_have_text("3")
    expect(page.locator(".modality-switch")).to_have_count(0)
    for number in range(2):
        filmed.capture(
            "speech",
            audio=RECORDINGS / "jackson" / f"{number}_jackson_0.flac",
            raw="seven",
            model="app",
            sampling="wholesale",
        )
    page.goto(url)
    kinds = page.get_by_role("group", name="Kind of samples")
    kinds.get_by_role("button", name="Speech").click()
    expect(page.locator(".home-card .figure-value").first).to_have_text("2")
    kinds.get_by_role("button", name="Lip-reading").click()
    expect(page.locator(".home-card .figure-value").first).to_have_text("3")
    page.goto(f"{url}/train")
    expect(page.get_by_label("Recipe")).to_contain_text("pixel-ridge")
    page.goto(f"{url}/samples")
    page.get_by_label("Kind").select_option("Speech")
    expect(page.locator("tbody tr")).to_have_count(2)
