"""Forgetting a person on the page "Settings", in a real browser."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from truing import Workspace
from truing.domain.sample import SampleFilter
from truing.workspace import backups

ADDRESS = "ann@example.org"


@pytest.fixture
def address(spoken: Callable[..., Workspace], served: Callable[..., str]) -> tuple[Workspace, str]:
    """A workspace where two of four samples were handed in with an address, and its server."""
    workspace = spoken(2)
    audio = Path(workspace.blobs.path(workspace.sample(1).media[0].digest)).read_bytes()
    for said in ("seven", "eight"):
        added = workspace.capture("speech", audio=audio, raw=said, contact=ADDRESS)
        assert added is not None
        workspace.review(added.id, "accepted")
    workspace.freeze("mine", test_share=0.0, validation_share=0.0)
    workspace.export("jsonl", dataset="mine@1")
    backups.create_backup(workspace)
    return workspace, f"{served(workspace)}/settings#forget"


def shown(page: Page) -> None:
    """Asks what would go of the address."""
    page.get_by_label("E-mail", exact=True).fill(ADDRESS.upper())
    page.get_by_role("button", name="Show what would go").click()


def test_a_person_is_forgotten_by_e_mail(
    address: tuple[Workspace, str], browser_page: Callable[..., Page], tmp_path: Path
) -> None:
    workspace, place = address
    page = browser_page(place)
    shown(page)
    dialog = page.get_by_role("dialog", name="Forget a person")
    expect(dialog.get_by_text("2 samples with every text")).to_be_visible()
    expect(dialog.get_by_text("mine@1", exact=True)).to_be_visible()
    expect(dialog.get_by_text("1 export is removed")).to_be_visible()
    sure = dialog.get_by_role("button", name="Forget for good")
    expect(sure).to_be_disabled()
    dialog.get_by_role("button", name="Keep it").click()
    expect(dialog).to_be_hidden()
    assert workspace.store.samples.count(SampleFilter()) == 4

    page.get_by_role("button", name="Show what would go").click()
    dialog.get_by_label("To go on, type it again").fill(ADDRESS.upper())
    sure.click()
    receipt = page.get_by_role("status", name="Receipt")
    expect(receipt.get_by_text("2 samples")).to_be_visible()
    expect(receipt.get_by_text("mine@1", exact=True)).to_be_visible()
    expect(page.get_by_label("E-mail", exact=True)).to_have_value("")
    assert workspace.store.samples.count(SampleFilter()) == 2
    with page.expect_download() as loading:
        receipt.get_by_role("button", name="Save it").click()
    loading.value.save_as(tmp_path / "receipt.json")
    kept = json.loads((tmp_path / "receipt.json").read_text(encoding="utf-8"))
    assert (kept["samples"], kept["versions"]) == (2, ["mine@1"])
    assert "example" not in json.dumps(kept)


def test_who_is_not_there_is_told(
    address: tuple[Workspace, str], browser_page: Callable[..., Page], watched
) -> None:
    watched.expected.append("404")
    page = browser_page(address[1])
    page.get_by_role("button", name="Speaker", exact=True).click()
    page.get_by_label("Speaker", exact=True).fill("nobody")
    page.get_by_role("button", name="Show what would go").click()
    expect(page.get_by_text("no sample is of the speaker")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_readable_everywhere(
    address: tuple[Workspace, str],
    browser_page: Callable[..., Page],
    phone: tuple[int, int],
    no_violations: Callable[[Page], None],
    fits: Callable[[Page], None],
    scheme: str,
) -> None:
    page = browser_page(address[1], size=phone, scheme=scheme)
    shown(page)
    dialog = page.get_by_role("dialog", name="Forget a person")
    expect(dialog).to_be_visible()
    no_violations(page)
    fits(page)
    dialog.get_by_label("To go on, type it again").fill(ADDRESS.upper())
    dialog.get_by_role("button", name="Forget for good").click()
    expect(page.get_by_role("status", name="Receipt")).to_be_visible()
    no_violations(page)
    fits(page)
