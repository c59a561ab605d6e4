"""Several results of one picture: which of them a sample is, and whether the user took it."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect
from tests.browser.image_edit.conftest import Open, pairs

from truing import Workspace


def test_a_result_says_which_it_is(
    workspace: Workspace, served: Callable[..., str], browser_page: Open
) -> None:
    some = pairs()[:3]
    added = workspace.capture(
        "image_edit",
        original=some[0]["original"],
        edited=[one["edited"] for one in some],
        chosen=1,
        raw="make it brighter",
        sampling="wholesale",
    )
    assert added is not None
    address = served(workspace)
    page = browser_page(f"{address}/review/{added.id}")
    expect(page.locator(".review-heading").get_by_text("chosen", exact=True)).to_be_visible()
    expect(page.get_by_text("2 of 3, the user took this one")).to_be_attached()
    page.goto(f"{address}/review/{added.results[2]}")
    expect(page.locator(".review-heading").get_by_text("not chosen")).to_be_visible()
    expect(page.get_by_text("3 of 3, the user took another one")).to_be_attached()
