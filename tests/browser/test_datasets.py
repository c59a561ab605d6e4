"""The page "Datasets" in a real browser: freeze, read, tell apart, verify, take along."""

from __future__ import annotations

import re
import sqlite3
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from truing import Workspace
from truing.domain.dataset import DatasetRef, Split

Open = Callable[..., Page]
REJECTED, RETOLD = 1, 2


@pytest.fixture
def workspace(spoken: Callable[..., Workspace]) -> Workspace:
    """`mine@1`, and since then one sample rejected and another told otherwise."""
    made = spoken(24)
    made.freeze("mine", validation_share=0.2)
    made.review(REJECTED, "rejected")
    made.review(RETOLD, "corrected", truth="one more")
    return made


@pytest.fixture
def url(workspace: Workspace, served: Callable[..., str]) -> str:
    return f"{served(workspace)}/datasets"


def parts(workspace: Workspace, version: str) -> dict[str, int]:
    return dict(workspace.store.datasets.get(DatasetRef.parse(version)).counts)


def test_a_version_is_frozen_and_told_apart(
    browser_page: Open, workspace: Workspace, url: str, no_violations: Callable[[Page], None]
) -> None:
    page = browser_page(url)
    page.get_by_role("button", name="Freeze").click()
    dialog = page.get_by_role("dialog", name="Freeze a version")
    expect(dialog).to_contain_text("23 reviewed samples would be looked at")
    dialog.get_by_label("Validation split, %").fill("25")
    no_violations(page)
    dialog.get_by_role("button", name="Freeze mine@2").click()
    expect(page).to_have_url(f"{url}/mine/2")
    frozen = workspace.store.datasets.get(DatasetRef.parse("mine@2"))
    assert frozen.parameters["validation_share"] == 0.25
    assert sum(frozen.counts.values()) == 23
    expect(page.get_by_text("rejected in review")).to_be_visible()

    page.get_by_role("link", name="All versions").click()
    for name in ("mine@1", "mine@2"):
        page.get_by_label(f"Compare {name}").check()
    page.get_by_role("link", name="What changed from mine@1 to mine@2").click()
    told = page.get_by_role("listitem")
    expect(told.filter(has_text="went out").locator("b")).to_have_text("1")
    expect(told.filter(has_text="another text").locator("b")).to_have_text("1")
    expect(told.filter(has_text="came in").locator("b")).to_have_text("0")
    no_violations(page)


def test_only_some_samples_are_frozen(browser_page: Open, workspace: Workspace, url: str) -> None:
    page = browser_page(url)
    page.get_by_role("button", name="Freeze").click()
    dialog = page.get_by_role("dialog", name="Freeze a version")
    dialog.get_by_label("Name of the dataset").fill("sevens")
    dialog.get_by_text("Only some samples").click()
    dialog.get_by_role("searchbox").fill("seven")
    expect(dialog).to_contain_text("2 reviewed samples would be looked at")
    dialog.get_by_role("button", name="Freeze sevens@1").click()
    expect(page).to_have_url(f"{url}/sevens/1")
    assert sum(parts(workspace, "sevens@1").values()) == 2


def test_rows_are_read_by_part(browser_page: Open, workspace: Workspace, url: str) -> None:
    page = browser_page(f"{url}/mine/1")
    rows = page.get_by_role("region", name="Rows").get_by_role("row")
    expect(rows).to_have_count(1 + 24)
    for part in Split:
        page.get_by_role("button", name=part.value.capitalize(), exact=True).click()
        expect(rows).to_have_count(1 + parts(workspace, "mine@1")[part])
    page.get_by_role("button", name="All", exact=True).click()
    expect(rows).to_have_count(1 + 24)
    rows.nth(2).get_by_role("link").click()
    expect(page).to_have_url(re.compile(r"/samples/\d+"))


def test_an_altered_version_is_found_out(
    browser_page: Open, workspace: Workspace, url: str
) -> None:
    page = browser_page(f"{url}/mine/1")
    page.get_by_role("button", name="Verify").click()
    expect(page.get_by_text("It is as it was frozen")).to_be_visible()
    with sqlite3.connect(workspace.layout.root / "truing.db") as database:
        changed = database.execute(
            "UPDATE dataset_rows SET payload = replace(payload, 'three', 'eight')"
        ).rowcount
    database.close()
    assert changed
    page.get_by_role("button", name="Verify").click()
    expect(page.get_by_text("It is not as it was frozen")).to_be_visible()


def test_a_version_is_taken_along(
    browser_page: Open, workspace: Workspace, url: str, tmp_path: Path
) -> None:
    page = browser_page(f"{url}/mine/1")
    with page.expect_download() as begun:
        page.get_by_role("link", name="Export").click()
    place = tmp_path / "mine.zip"
    begun.value.save_as(place)
    with zipfile.ZipFile(place) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
    assert sum(name.endswith((".flac", ".wav")) for name in names) == 24
    # What was packed goes once the last byte was sent.
    deadline = time.monotonic() + 60
    while list(workspace.layout.exports.iterdir()):
        assert time.monotonic() < deadline
        page.wait_for_timeout(50)


def test_without_datasets_the_page_says_what_to_do(
    browser_page: Open, spoken: Callable[..., Workspace], served: Callable[..., str]
) -> None:
    page = browser_page(f"{served(spoken(0))}/datasets")
    expect(page.get_by_role("heading", name="No datasets yet")).to_be_visible()
    page.get_by_role("button", name="Freeze").click()
    expect(page.get_by_text("Nothing reviewed fits")).to_be_visible()
    expect(page.get_by_role("button", name="Freeze mine@1")).to_be_disabled()


def test_a_version_that_is_not_there(browser_page: Open, url: str, watched: Any) -> None:
    watched.expected.append("404")
    page = browser_page(f"{url}/mine/9")
    expect(page.get_by_role("alert")).to_contain_text("mine@9")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_shut_out(
    scheme: str,
    browser_page: Open,
    url: str,
    phone: tuple[int, int],
    no_violations: Callable[[Page], None],
    fits: Callable[[Page], None],
) -> None:
    page = browser_page(url, scheme=scheme)
    for path in ("", "/mine/1", "/diff"):
        page.set_viewport_size({"width": 1280, "height": 800})
        page.goto(url + path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.get_by_role("status", name="Loading")).to_have_count(0)
        no_violations(page)
        page.set_viewport_size({"width": phone[0], "height": phone[1]})
        fits(page)
