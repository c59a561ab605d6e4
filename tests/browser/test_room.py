"""Room on the settings page: the quota, the forecast, and rules that let samples go."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from truing import Workspace
from truing.domain.retention import KEY
from truing.testing.factories import START, make_media, make_sample
from truing.workspace import configuring, disk

RULE = "pending older than 30 days"


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """Five samples that came years ago."""
    with Workspace.create(tmp_path / "ws", environ={}) as made:
        made.store.samples.add(
            [
                make_sample(added_at=START, text=f"word {n}", media=(make_media(n, size=2000),))
                for n in range(5)
            ]
        )
        yield made


def room(page: Page) -> Locator:
    return page.get_by_role("region", name="Room")


def test_rules_are_tried_and_carried_out(
    workspace, served, browser_page, no_violations, watched
) -> None:
    watched.expected.append("400 (Bad Request)")  # a rule that nobody understands
    page = browser_page(f"{served(workspace)}/settings#room")
    part = room(page)
    expect(part.get_by_text("Nothing goes by itself.")).to_be_visible()
    expect(part.get_by_text("Nothing came in the last four weeks")).to_be_visible()
    field = page.get_by_label("Retention rules")
    field.fill("pending older")
    field.press("Enter")
    expect(page.get_by_text("ends too early")).to_be_visible()
    field.fill(RULE)
    field.press("Enter")
    expect(part.get_by_text(RULE)).to_be_visible()
    part.get_by_role("button", name="Show what would go now").click()
    expect(part.get_by_role("row", name=RULE).get_by_role("cell", name="5")).to_be_visible()
    expect(part.get_by_role("link", name="word 4")).to_be_visible()
    no_violations(page)
    assert workspace.store.trash.count() == 0
    part.get_by_role("button", name="Let it go now").click()
    page.get_by_role("dialog").get_by_role("button", name="Let 5 samples go").click()
    expect(page.get_by_text("5 samples gone by the rules")).to_be_visible()
    assert workspace.store.trash.count() == 5


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_quota_that_fills_up_is_told_on_home_and_here(
    workspace, served, browser_page, no_violations, fits, phone, scheme
) -> None:
    used = disk.usage(workspace, fresh=True).used
    configuring.change(workspace, "storage.quota_gb", used * 1.1 / 1e9)
    configuring.change(workspace, KEY, RULE)
    page = browser_page(served(workspace), size=phone, scheme=scheme)
    page.get_by_role("link", name="Make room").click()
    part = room(page)
    expect(part.get_by_role("alert")).to_contain_text("storage.quota_gb allows (91%)")
    expect(part.get_by_label("Quota: 91 % taken")).to_be_visible()
    part.get_by_role("button", name="Show what would go now").click()
    expect(part.get_by_role("row", name=RULE)).to_be_visible()
    no_violations(page)
    fits(page)
