"""Room on the settings page: the quota and the forecast, and the way to the page Storage."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from truing import Workspace
from truing.testing.factories import START, make_media, make_sample
from truing.workspace import configuring, disk


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


def test_settings_tell_the_room_and_lead_to_storage(
    workspace, served, browser_page, no_violations
) -> None:
    page = browser_page(f"{served(workspace)}/settings#room")
    part = page.get_by_role("region", name="Room")
    expect(part.get_by_text("Nothing came in the last four weeks")).to_be_visible()
    no_violations(page)
    part.get_by_role("link", name="Where it goes, rules, archives").click()
    expect(page.get_by_role("heading", name="Storage", level=1)).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_quota_that_fills_up_is_told_on_home_and_leads_to_storage(
    workspace, served, browser_page, no_violations, fits, phone, scheme
) -> None:
    used = disk.usage(workspace, fresh=True).used
    configuring.change(workspace, "storage.quota_gb", used * 1.1 / 1e9)
    page = browser_page(served(workspace), size=phone, scheme=scheme)
    page.get_by_role("region", name="Next").get_by_role("link", name="Make room").click()
    expect(page.get_by_role("alert")).to_contain_text("storage.quota_gb allows (91%)")
    no_violations(page)
    fits(page)
