"""The frame around all pages: navigation, keys, themes, and each page while nothing is there."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from truing.workspace import Workspace

PAGES = {
    "/": "Home",
    "/review": "Review",
    "/samples": "Samples",
    "/record": "Record",
    "/train": "Train",
    "/models": "Models",
    "/datasets": "Datasets",
    "/admin/training-data": "Training data",
    "/admin/storage": "Storage",
    "/settings": "Settings",
}


@pytest.fixture
def url(tmp_path, served):
    """An empty workspace, served."""
    with Workspace.create(tmp_path / "workspace") as workspace:
        yield served(workspace)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_empty_page_is_accessible_in_both_themes(url, browser_page, no_violations, scheme):
    page = browser_page(url, scheme=scheme)
    for path, name in PAGES.items():
        page.goto(url + path)
        expect(page.get_by_role("heading", level=1).first).to_contain_text(name)
        no_violations(page)


def test_every_empty_page_fits_a_phone(url, browser_page, fits, phone):
    page = browser_page(url, size=phone)
    for path, name in PAGES.items():
        page.goto(url + path)
        expect(page.get_by_role("heading", level=1).first).to_contain_text(name)
        fits(page)


def test_the_navigation_goes_to_every_page_without_a_reload(url, browser_page):
    page = browser_page(url)
    page.evaluate("window.sameDocument = true")
    navigation = page.get_by_role("navigation", name="Pages")
    for path, name in PAGES.items():
        navigation.get_by_role("link", name=name, exact=True).click()
        expect(page).to_have_url(url + path)
        expect(navigation.get_by_role("link", name=name, exact=True)).to_have_attribute(
            "aria-current", "page"
        )
    assert page.evaluate("window.sameDocument") is True


def test_keys_go_to_pages_and_question_mark_lists_them(url, browser_page):
    page = browser_page(url + "/samples")
    expect(page.get_by_role("heading", level=1).first).to_contain_text("Samples")
    page.keyboard.press("g")
    page.keyboard.press("m")
    expect(page).to_have_url(f"{url}/models")
    page.keyboard.press("?")
    listed = page.get_by_role("dialog", name="Keys")
    expect(listed).to_contain_text("go to Review")
    page.keyboard.press("Escape")
    expect(listed).to_have_count(0)


def test_the_theme_stays_after_a_reload(url, browser_page):
    page = browser_page(url)
    button = page.get_by_role("button", name="Theme: system")
    button.click()
    page.get_by_role("button", name="Theme: light").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_an_unknown_address_is_told_by_the_server(url, browser_page, watched):
    watched.expected.append("404")
    page = browser_page(url + "/nowhere")
    expect(page.locator("body")).to_contain_text("the home page is at /")


@pytest.mark.parametrize(
    ("address", "title"),
    [("/models/speech/9", "speech/9"), ("/datasets/none/1", "none@1"), ("/train/9", "Run 9")],
)
def test_a_page_of_what_is_not_there_keeps_its_heading(
    url, browser_page, watched, no_violations, address, title
):
    watched.expected.append("404")
    page = browser_page(f"{url}{address}")
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_role("heading", level=1, name=title)).to_be_visible()
    no_violations(page)
