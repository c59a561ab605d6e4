"""Real pairs on Review and Samples in a real Chromium: accepted, corrected, rejected, rated."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from tests.browser.image_edit.conftest import Open, captured, pairs, shown, until

from truing import Workspace
from truing.domain.review import State

LOOKS = ("Slider", "Side by side", "Difference")


def all_sent(page: Page) -> None:
    """Waits until the server has every decision."""
    until(page, "Object.keys(localStorage).every(name => !name.startsWith('truing.outbox.'))")


def test_pairs_are_reviewed_by_keys_alone(
    edited: Workspace, served: Callable[..., str], browser_page: Open
) -> None:
    page = browser_page(f"{served(edited)}/review?order=oldest")
    instruction = page.get_by_role("textbox", name="Instruction")
    shown(page, 1)
    expect(instruction).to_have_value("make the picture brighter")
    page.keyboard.press("a")

    shown(page, 2)
    expect(instruction).to_have_value("mirror the picture")
    page.keyboard.press("e")
    page.keyboard.press("End")
    page.keyboard.type(" from left to right")
    expect(page.locator(".proposal-text ins")).to_contain_text("from left to right")
    page.keyboard.press("Control+Enter")
    page.keyboard.press("Escape")

    shown(page, 3)
    proposals = page.locator(".proposals li")
    expect(proposals).to_have_count(2)
    expect(proposals.locator(".proposal-title")).to_have_text(["Sent", "Cleaned"])
    expect(instruction).to_have_value("make the colors warmer")
    page.keyboard.press("a")
    expect(page.get_by_text("All done")).to_be_visible()
    all_sent(page)

    first, second, third = (edited.sample(number) for number in (1, 2, 3))
    assert (first.state, first.truth) == (State.ACCEPTED, "make the picture brighter")
    assert (second.state, second.truth) == (
        State.CORRECTED,
        "mirror the picture from left to right",
    )
    assert (third.state, third.truth) == (State.ACCEPTED, "make the colors warmer")
    assert third.raw is not None
    assert third.raw.text == "make the colors warmer "

    page.keyboard.press("u")
    shown(page, 3)
    all_sent(page)
    until(page, "document.querySelector('.review-heading .chip').textContent === 'pending'")
    page.keyboard.press("x")
    expect(page.get_by_text("All done")).to_be_visible()
    all_sent(page)
    assert edited.sample(3).state is State.REJECTED
    assert edited.sample(3).truth is None


def test_empty_and_endless_instructions_are_told(
    edited: Workspace, served: Callable[..., str], browser_page: Open
) -> None:
    page = browser_page(f"{served(edited)}/review/1")
    shown(page, 1)
    notes = page.locator("#review-text-notes")
    page.get_by_role("textbox", name="Instruction").fill("")
    expect(notes).to_have_text("")
    page.keyboard.press("Control+Enter")
    expect(notes).to_contain_text("say what was asked for, or reject the sample")
    page.get_by_role("textbox", name="Instruction").fill("warmer " * 80)
    expect(notes).to_contain_text("a long instruction")
    assert edited.sample(1).state is State.PENDING


def test_same_pixels_and_what_the_user_chose_are_told(
    workspace: Workspace, served: Callable[..., str], browser_page: Open
) -> None:
    pair = pairs()[0]
    captured(workspace, {**pair, "edited": pair["original"]}, context={"chosen": False})
    page = browser_page(f"{served(workspace)}/review/1")
    shown(page, 1)
    heading = page.locator(".review-heading")
    expect(heading.get_by_text("unchanged", exact=True)).to_be_visible()
    expect(heading.get_by_text("451 × 300", exact=True)).to_be_visible()
    expect(heading.get_by_text("not chosen")).to_be_visible()


def test_ratings_have_keys_where_they_are_kept(
    edited: Workspace, served: Callable[..., str], browser_page: Open
) -> None:
    page = browser_page(f"{served(edited)}/review/1")
    shown(page, 1)
    expect(page.get_by_role("group", name="Rating: none yet")).to_be_visible()
    page.keyboard.press("q")
    page.keyboard.press("4")
    expect(page.get_by_role("group", name="Rating: 4 of 5")).to_be_visible()
    expect(page.locator(".edits-stars [data-lit]")).to_have_count(4)
    page.get_by_role("button", name="2 of 5").click()
    expect(page.get_by_role("group", name="Rating: 2 of 5")).to_be_visible()
    end = time.monotonic() + 60
    while edited.sample(1).rating != 2 and time.monotonic() < end:
        page.wait_for_timeout(50)
    assert [one.value for one in edited.ratings(1)] == [4, 2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_review_and_samples_are_readable_for_all(
    edited: Workspace,
    served: Callable[..., str],
    browser_page: Open,
    no_violations: Callable[[Page], None],
    fits: Callable[[Page], None],
    scheme: str,
    phone: tuple[int, int],
) -> None:
    url = served(edited)
    page = browser_page(f"{url}/review/2", scheme=scheme, size=phone)
    for look in LOOKS:
        shown(page, 2)
        page.get_by_role("button", name=look).click()
        no_violations(page)
        fits(page)
    page.goto(f"{url}/samples")
    expect(page.locator(".edits-thumb[data-drawn] img")).to_have_count(6)
    no_violations(page)
    fits(page)
    page.goto(f"{url}/samples/3")
    shown(page, 3)
    no_violations(page)
    fits(page)
