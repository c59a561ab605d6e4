"""The page "Home" in a real browser: figures that are true, ways on, and news as it happens."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from truing import Workspace
from truing.testing.factories import make_model, make_promotion

RECORDINGS = Path(__file__).parents[2] / "src" / "truing" / "demo" / "digits" / "recordings"
NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
WEEK = 7 * 24 * 3_600_000_000
COUNT = 12

Open = Callable[..., Page]


def captured(workspace: Workspace, at: int, **different: object) -> int:
    """One recording, each in the week before the last; every third was not understood."""
    digit = at % 10
    added = workspace.capture(
        "speech",
        audio=RECORDINGS / "theo" / f"{digit}_theo_{at // 10}.flac",
        **{
            "raw": f"number {NAMES[digit]}" if at % 3 else "numb or nothing",
            "corrected": f"number {NAMES[digit]}",
            "model": f"speech/{1 + at % 2}",
            "subject": "theo",
            "sampling": "wholesale",
            "captured_at": workspace.clock.now() - at % 3 * WEEK,
            **different,
        },
    )
    assert added is not None
    return added.id


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """12 recordings over three weeks, 9 of them reviewed: 6 as they were, 2 put right, 1 thrown."""
    with Workspace.create(tmp_path / "ws", environ={}) as opened:
        for at in range(COUNT):
            number = captured(opened, at)
            truth = f"number {NAMES[at % 10]}"
            if at < 8:
                verdict = "accepted" if at % 3 else "corrected"
                opened.review(number, verdict, truth, seconds=4.0, keys=3)
            elif at == 8:
                opened.review(number, "rejected", seconds=4.0, keys=1)
        opened.store.models.add(make_model(1))
        opened.store.models.promote(make_promotion("speech/1"), expected=None)
        yield opened


@pytest.fixture
def url(workspace: Workspace, served: Callable[..., str]) -> str:
    return served(workspace)


def card(page: Page, label: str) -> str:
    """The figure on a card."""
    found = page.locator(".home-card", has=page.get_by_text(label, exact=True))
    return found.locator(".figure-value").inner_text()


def test_an_empty_workspace_shows_the_ways_in(
    tmp_path: Path, served: Callable[..., str], browser_page: Open, no_violations: object
) -> None:
    with Workspace.create(tmp_path / "empty", environ={}) as empty:
        page = browser_page(served(empty))
        expect(page.get_by_role("link", name="Record the first sample")).to_be_visible()
        for command in ("truing import s2s s2s.db", "truing model import whisper-small/"):
            expect(page.get_by_text(command, exact=True)).to_be_visible()
        no_violations(page)
        captured(empty, 1)
        expect(page.get_by_text("Review 1 sample", exact=True)).to_be_visible()


def test_a_command_is_copied(
    tmp_path: Path, served: Callable[..., str], browser_page: Open
) -> None:
    with Workspace.create(tmp_path / "empty", environ={}) as empty:
        grants = ("clipboard-read", "clipboard-write")
        page = browser_page(served(empty), permissions=grants)
        page.get_by_role("button", name="Copy the command truing demo --keep demo/").click()
        expect(page.get_by_text("Copied")).to_be_visible()
        assert page.evaluate("navigator.clipboard.readText()") == "truing demo --keep demo/"


def test_the_cards_count_and_lead_to_the_samples(url: str, browser_page: Open) -> None:
    page = browser_page(url)
    expect(page.get_by_text("75 % (9 of 12 reviewed)")).to_be_visible()
    told = {name: card(page, name) for name in ("Samples", "Pending", "Reviewed", "Rejected")}
    assert told == {"Samples": "12", "Pending": "3", "Reviewed": "9", "Rejected": "1"}
    page.locator(".home-card", has_text="Pending").click()
    expect(page).to_have_url(f"{url}/samples?state=pending")
    expect(page.locator("tr[data-sample]")).to_have_count(3)


def test_accuracy_is_that_of_the_reviews(url: str, browser_page: Open) -> None:
    page = browser_page(url)
    section = page.get_by_role("region", name="Accuracy in use")
    # 3 of 8 were heard as three wrong words for two: 9 errors in 16 words.
    figures = section.locator(".figure-value")
    expect(figures).to_have_text(["56.3 %", "0.0 %", "63 %"])
    expect(section).to_contain_text("From 8 reviewed samples taken by chance")
    chart = section.get_by_role("figure", name="Word error rate per week")
    expect(chart.locator("canvas")).to_be_visible()
    chart.get_by_text("as a table").click()
    expect(chart.locator("tbody tr")).to_have_count(3)
    models = section.get_by_role("region", name="Accuracy by model")
    expect(models.locator("tr", has_text="speech/1").locator("td").first).to_have_text("4")
    expect(models.get_by_role("link", name="speech/2")).to_have_attribute(
        "href", "/models/speech/2"
    )


def test_the_pace_of_reviewing_is_told(url: str, browser_page: Open) -> None:
    page = browser_page(url)
    section = page.get_by_role("region", name="Reviewing")
    expect(section).to_contain_text("4.0 s")
    expect(section).to_contain_text("9.0")


def test_findings_lead_into_the_review(workspace: Workspace, url: str, browser_page: Open) -> None:
    for at in (20, 21):
        captured(workspace, at, raw="", corrected=None)
    found = workspace.store.samples.finding_counts("speech")
    assert found
    check = max(found, key=lambda name: (found[name], name))
    page = browser_page(url)
    section = page.get_by_role("region", name="Waiting, by finding")
    link = section.get_by_role("link", name=check.replace("_", " "), exact=True)
    expect(link).to_have_attribute("href", f"/review?finding={check}")


def test_what_is_done_elsewhere_shows_at_once(
    workspace: Workspace, url: str, browser_page: Open
) -> None:
    page = browser_page(url)
    steps = page.get_by_role("region", name="What to do next")
    expect(steps.get_by_role("link", name="Review 3 samples")).to_be_visible()
    for number in (10, 11, 12):
        workspace.review(number, "accepted")
    expect(page.get_by_text("100 % (12 of 12 reviewed)")).to_be_visible()
    expect(steps.get_by_role("link", name="Train on 11 reviewed samples")).to_be_visible()
    expect(steps.get_by_role("link", name=re.compile("Review"))).to_have_count(0)


def test_a_server_that_is_away_is_told_and_tried_again(
    url: str, browser_page: Open, watched: object
) -> None:
    watched.expected.append("ERR_FAILED")
    page = browser_page(f"{url}/settings")
    page.route("**/api/stats*", lambda route: route.abort())
    page.get_by_role("link", name="Home", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("the server does not answer")
    page.unroute("**/api/stats*")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("75 % (9 of 12 reviewed)")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_home_is_accessible(
    url: str, browser_page: Open, no_violations: Callable[[Page], None], scheme: str
) -> None:
    page = browser_page(url, scheme=scheme)
    expect(page.locator("canvas")).to_be_visible()
    no_violations(page)


def test_the_ways_in_fit_a_phone(
    tmp_path: Path,
    served: Callable[..., str],
    browser_page: Open,
    fits: Callable[[Page], None],
    phone: tuple[int, int],
) -> None:
    with Workspace.create(tmp_path / "empty", environ={}) as empty:
        page = browser_page(served(empty), size=phone)
        expect(page.get_by_role("link", name="Record the first sample")).to_be_visible()
        fits(page)


def test_home_fits_a_phone_with_what_to_do_first(
    url: str, browser_page: Open, fits: Callable[[Page], None], phone: tuple[int, int]
) -> None:
    page = browser_page(url, size=phone)
    expect(page.locator("canvas")).to_be_visible()
    fits(page)
    steps = page.get_by_role("region", name="What to do next").bounding_box()
    accuracy = page.get_by_role("region", name="Accuracy in use").bounding_box()
    assert steps is not None
    assert accuracy is not None
    assert steps["y"] < accuracy["y"]
