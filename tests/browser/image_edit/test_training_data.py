"""The page of training data in a real Chromium: real pairs in figures, by keys, on any screen."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import RECORDINGS
from tests.browser.image_edit.conftest import DATA, Open, captured, pairs

from truing import Workspace
from truing.domain.clock import MICROSECONDS
from truing.testing.filling_edits import fill_edits

PATH = "/admin/training-data"
DAY = 86_400 * MICROSECONDS


def total(page: Page, label: str) -> str:
    """What stands below one of the labels at the top."""
    card = page.locator(".total").filter(has=page.get_by_text(label, exact=True))
    return card.locator(".figure-value, .total-words").inner_text()


@pytest.fixture
def months(workspace: Workspace) -> Workspace:
    """Eight real pairs over two months, from two apps; some are rated."""
    for at, pair in enumerate(pairs()[:8]):
        number = captured(
            workspace,
            pair,
            source="nexvision" if at % 3 else "gallery",
            captured_at=workspace.clock.now() - (60 - 8 * at) * DAY,
        )
        if at < 4:
            workspace.rate(number, 2 + at)
    return workspace


def test_real_pairs_are_told_in_figures(
    workspace: Workspace,
    served: Callable[..., str],
    browser_page: Open,
    no_violations: Callable[[Page], None],
) -> None:
    workspace.import_from("nexvision", DATA)
    page = browser_page(f"{served(workspace)}{PATH}")
    expect(page.get_by_role("heading", name="Training data")).to_be_visible()
    expect(page.locator(".totals")).to_be_visible()
    assert [total(page, name) for name in ("Pairs", "Sessions", "Pictures", "Instructions")] == [
        "27",
        "27",
        "54",
        "12",
    ]
    expect(page.locator("#wording")).to_contain_text("increase the contrast")
    expect(page.get_by_role("link", name="face present")).to_be_visible()
    expect(page.get_by_role("region", name="By source")).to_contain_text("5.5 MB")
    expect(page.locator("#ratings")).to_contain_text("None is rated yet")
    expect(
        page.get_by_text("At this pace the disk").or_(page.get_by_text("No end"))
    ).to_be_visible()
    no_violations(page)
    page.get_by_role("link", name="mirror the picture").click()
    expect(page.locator("tbody tr")).to_have_count(4)


def test_growth_and_ratings_are_drawn_and_told_in_words(
    months: Workspace, served: Callable[..., str], browser_page: Open
) -> None:
    page = browser_page(f"{served(months)}{PATH}")
    for name, words in (
        ("Pairs in all", "in all: from 1 to 8"),
        ("New by week and source", "gallery:"),
        ("Mean by week of capture", "mean: from 2.0 to 5.0"),
    ):
        chart = page.get_by_role("figure", name=name)
        expect(chart.locator("canvas")).to_be_visible()
        expect(chart).to_contain_text(words)
    assert total(page, "Mean rating") == "3.5"
    expect(page.locator("#ratings .bars li")).to_have_count(5)
    weeks = page.get_by_role("region", name="By week").locator("tbody tr")
    assert weeks.count() >= 7
    expect(page.get_by_role("region", name="By source").locator("tbody tr")).to_have_count(2)


def test_a_new_pair_shows_by_itself(
    months: Workspace, served: Callable[..., str], browser_page: Open
) -> None:
    page = browser_page(f"{served(months)}{PATH}")
    expect(page.locator(".totals")).to_be_visible()
    assert total(page, "Pairs") == "8"
    captured(months, {**pairs()[9], "instruction": "add a velvet curtain"}, source="gallery")
    expect(page.locator(".total .figure-value").first).to_have_text("9")
    expect(page.locator("#wording")).to_contain_text("add a velvet curtain")


def test_the_page_is_reached_and_left_by_keys(
    months: Workspace, served: Callable[..., str], browser_page: Open
) -> None:
    page = browser_page(served(months))
    expect(page.get_by_role("heading", name="Home")).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("a")
    expect(page.get_by_role("heading", name="Training data")).to_be_visible()
    current = page.get_by_role("navigation").locator("[aria-current=page]")
    expect(current).to_have_text("Training data")
    table = page.get_by_role("figure", name="Pairs in all").locator("summary")
    table.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Pairs in all, as a table")).to_be_visible()
    page.get_by_role("link", name="gallery").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Samples")).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(3)
    page.goto(page.url.partition("/samples")[0])
    page.get_by_role("link", name="Growth, wording, ratings, disk").click()
    expect(page.get_by_role("heading", name="Training data")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_and_the_dark_have_room_for_it(
    months: Workspace,
    served: Callable[..., str],
    browser_page: Open,
    phone: tuple[int, int],
    fits: Callable[[Page], None],
    no_violations: Callable[[Page], None],
    scheme: str,
) -> None:
    page = browser_page(f"{served(months)}{PATH}", scheme=scheme, size=phone)
    expect(page.get_by_role("figure", name="Pairs in all").locator("canvas")).to_be_visible()
    fits(page)
    no_violations(page)
    home = page.get_by_role("navigation").get_by_role("link", name="Home")
    home.click()
    expect(page.get_by_role("link", name="Growth, wording, ratings, disk")).to_be_visible()


def test_an_empty_workspace_says_how_to_begin(
    workspace: Workspace,
    served: Callable[..., str],
    browser_page: Open,
    no_violations: Callable[[Page], None],
) -> None:
    page = browser_page(f"{served(workspace)}{PATH}?modality=image_edit")
    expect(page.get_by_role("heading", name="No pairs yet")).to_be_visible()
    expect(page.get_by_text("truing import nexvision training-data/")).to_be_visible()
    no_violations(page)
    captured(workspace, pairs()[0])
    expect(page.locator(".totals")).to_be_visible()


def test_many_pairs_are_counted_while_one_looks(
    workspace: Workspace, served: Callable[..., str], browser_page: Open
) -> None:
    fill_edits(workspace.store, workspace.blobs, 3000)
    page = browser_page(f"{served(workspace)}{PATH}")
    first = page.locator(".total .figure-value").first
    expect(first).to_have_text("3,000", timeout=60_000)
    pictures = page.locator(".total").filter(has=page.get_by_text("Pictures", exact=True))
    expect(pictures.locator(".figure-value")).to_have_text("6,000", timeout=60_000)
    expect(page.locator("[aria-label=Counting]")).to_have_count(0)


def test_other_modalities_have_their_own_figures(
    months: Workspace, served: Callable[..., str], browser_page: Open
) -> None:
    months.capture(
        "speech",
        audio=RECORDINGS / "jackson" / "7_jackson_0.flac",
        raw="seven",
        model="app",
        sampling="wholesale",
    )
    page = browser_page(f"{served(months)}{PATH}")
    kinds = page.get_by_role("group", name="Kind of samples")
    kinds.get_by_role("button", name="Speech").click()
    expect(page.locator(".total").first).to_contain_text("Samples")
    assert total(page, "Recordings") == "1"
    kinds.get_by_role("button", name="Image edits").click()
    expect(page.locator(".total").first).to_contain_text("Pairs")


def test_pages_speak_of_pictures_where_there_is_nothing_else(
    months: Workspace,
    served: Callable[..., str],
    browser_page: Open,
    no_violations: Callable[[Page], None],
) -> None:
    months.review(1, "accepted")
    url = served(months)
    spoken = ("heard", "hears", "speak", "recording", "recognized", "microphone,")
    page = browser_page(url)
    expect(page.get_by_role("heading", name="Instructions in use")).to_be_visible()
    expect(page.get_by_text("Pictures")).to_be_visible()
    told = page.locator("main").inner_text().lower()
    assert [word for word in spoken if word in told] == []

    page.goto(f"{url}/samples")
    expect(page.locator("thead")).to_contain_text("Person")
    expect(page.locator("thead")).to_contain_text("Captured")
    told = page.locator("main").inner_text().lower()
    assert [word for word in spoken if word in told] == []

    page.goto(f"{url}/record")
    expect(page.get_by_role("heading", name="Add pairs")).to_be_visible()
    # The question has one wording for all that may be kept.
    page.get_by_role("button", name="Keep what I record").click()
    expect(page.get_by_text("kept on this machine", exact=True)).to_be_visible()
    told = page.locator("main").inner_text().lower()
    assert [word for word in spoken if word in told] == []
    no_violations(page)


def test_a_pair_is_added_by_hand(
    workspace: Workspace, served: Callable[..., str], browser_page: Open
) -> None:
    number = captured(workspace, pairs()[0])
    page = browser_page(f"{served(workspace)}/record")
    page.get_by_role("button", name="Keep what I record").click()
    expect(page.get_by_text("kept on this machine", exact=True)).to_be_visible()
    pair = pairs()[5]
    page.get_by_label("Original", exact=True).set_input_files(pair["original"])
    page.get_by_label("What became of it", exact=True).set_input_files(pair["edited"])
    page.get_by_label("Instruction", exact=True).fill("make it look old")
    page.get_by_role("combobox", name="Rating").select_option("4 of 5")
    page.get_by_role("button", name="Add the pair").click()
    expect(page.locator(".earlier")).to_contain_text("make it look old")
    added = workspace.sample(number + 1)
    assert (added.proposal, added.rating, added.source) == ("make it look old", 4, "record")
    assert [medium.role for medium in added.media] == ["original", "edited"]
