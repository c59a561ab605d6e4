"""The page Storage: rules tried and carried out, archives there and back, media looked at."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from truing import Workspace
from truing.domain.retention import KEY
from truing.domain.review import State
from truing.domain.sample import SampleFilter
from truing.testing.factories import START, make_sample
from truing.workspace import configuring, trash
from truing.workspace.archiving import archive

RULE = "rejected older than 30 days"
LONG = 60_000
"""Milliseconds that a process of its own may take on a busy machine."""


@pytest.fixture
def workspace(spoken) -> Workspace:
    """Eight real recordings, two of them in an archive; three rejected ones that came long ago."""
    made = spoken(8)
    old = [make_sample(added_at=START, text=f"word {n}", media=()) for n in range(3)]
    for one in made.store.samples.add(old):
        made.review(one.id, "rejected")
    archive(made, ids=[1, 2], name="first-two", actor="ann")
    # The server's own daily turn is not what is tested here.
    (made.layout.root / "cache").mkdir(exist_ok=True)
    (made.layout.root / "cache" / "retained").touch()
    return made


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Workspace]:
    """A new workspace."""
    with Workspace.create(tmp_path / "bare", environ={}) as made:
        yield made


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    return request.param


def part(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name)


def count(workspace: Workspace) -> int:
    return workspace.store.samples.count(SampleFilter())


def test_a_new_workspace_says_what_each_part_is_for(
    bare, served, browser_page, no_violations, scheme
) -> None:
    page = browser_page(served(bare), scheme=scheme)
    page.keyboard.press("g")
    page.keyboard.press("o")
    expect(page.get_by_role("heading", name="Storage", level=1)).to_be_visible()
    current = page.get_by_role("navigation", name="Pages").get_by_role("link", name="Storage")
    expect(current).to_have_attribute("aria-current", "page")
    expect(part(page, "Rules").get_by_text("Nothing goes by itself")).to_be_visible()
    expect(part(page, "Archives").get_by_text("No archives yet.")).to_be_visible()
    expect(page.get_by_text("The trash is empty.")).to_be_visible()
    no_violations(page)
    page.get_by_role("button", name=RULE).click()
    expect(page.get_by_label("Rules, one on each line")).to_be_focused()
    page.get_by_role("button", name="Show what would go now").click()
    expect(page.get_by_text("Nothing would go: no sample is beyond its limit.")).to_be_visible(
        timeout=LONG
    )


def test_rules_are_tried_and_kept_and_carried_out(
    workspace, served, browser_page, no_violations, watched
) -> None:
    watched.expected.append("400 (Bad Request)")  # a rule that nobody understands
    page = browser_page(f"{served(workspace)}/admin/storage")
    rules = part(page, "Rules")
    rules.get_by_role("button", name=RULE).click()
    field = rules.get_by_label("Rules, one on each line")
    field.fill("rejected older")
    show = rules.get_by_role("button", name="Show what would go now")
    show.click()
    expect(rules.get_by_role("alert")).to_contain_text("ends too early")
    field.fill(RULE)
    show.click()
    expect(rules.get_by_text("3 samples with 0 B would go now.")).to_be_visible(timeout=LONG)
    expect(rules.get_by_role("link", name="word 2")).to_be_visible()
    no_violations(page)
    assert workspace.store.trash.count() == 0
    rules.get_by_role("button", name="Save the rules").click()
    expect(rules.get_by_text("1 rule saved.")).to_be_focused()
    show.click()
    rules.get_by_role("button", name="Let 3 samples go now…").click(timeout=LONG)
    sure = page.get_by_role("dialog", name="Let 3 samples go now?")
    expect(sure).to_contain_text(f"3 samples, 0 B, into the trash: {RULE}")
    page.keyboard.press("Escape")
    assert workspace.store.trash.count() == 0
    # The button has the focus a moment before the page knows that the dialog is closed.
    expect(page.locator("dialog")).to_have_count(0)
    expect(rules.get_by_role("button", name="Let 3 samples go now…")).to_be_focused()
    page.keyboard.press("Enter")
    sure.get_by_role("button", name="Let 3 samples go").click()
    told = rules.get_by_role("status").filter(has_text="3 samples went by the rules.")
    expect(told).to_be_focused(timeout=LONG)
    assert workspace.store.trash.count() == 3
    expect(page.get_by_text("3 deleted samples wait here")).to_be_visible()


def test_samples_leave_for_an_archive_and_come_back(
    workspace, served, browser_page, no_violations, scheme
) -> None:
    page = browser_page(f"{served(workspace)}/admin/storage", scheme=scheme)
    archives = part(page, "Archives")
    first = archives.get_by_role("listitem", name="Archive first-two")
    expect(first).to_contain_text("2, all of them only here")
    expect(first).to_contain_text("by ann")
    expect(first).to_contain_text("checksums whole when made")
    archives.get_by_role("button", name="Archive samples…").click()
    dialog = page.get_by_role("dialog", name="Archive samples")
    dialog.get_by_label("Captured before").fill("")
    dialog.get_by_label("Decision").select_option("rejected")
    dialog.get_by_role("button", name="Show what would leave").click()
    expect(dialog.get_by_text("3 samples with 0 B of media would leave.")).to_be_visible(
        timeout=LONG
    )
    expect(dialog.get_by_role("link", name="word 0")).to_be_visible()
    no_violations(page)
    assert count(workspace) == 9
    dialog.get_by_role("button", name="Archive 3 samples").click()
    expect(archives.get_by_text("3 samples archived:")).to_be_visible(timeout=LONG)
    assert count(workspace) == 6
    archives.get_by_role("button", name="Bring back first-two…").click()
    back = page.get_by_role("dialog", name="Bring 2 samples back?")
    back.get_by_role("button", name="Bring 2 samples back").click()
    told = archives.get_by_role("status").filter(has_text="2 samples came back from first-two.")
    expect(told).to_be_focused(timeout=LONG)
    assert count(workspace) == 8
    expect(first).to_contain_text("all of them back in the workspace")
    no_violations(page)
    archives.get_by_role("button", name="Remove first-two…").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove the file").click()
    expect(archives.get_by_text("first-two is gone")).to_be_visible(timeout=LONG)
    expect(first).to_have_count(0)


def test_damage_is_found_told_and_repaired_as_far_as_can_be(
    workspace, served, browser_page, no_violations, phone, fits, scheme
) -> None:
    lost = workspace.sample(5).media[0].digest
    workspace.blobs.delete(lost)
    (file,) = workspace.layout.archives.glob("*.tar")
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(data)
    page = browser_page(f"{served(workspace)}/admin/storage", size=phone, scheme=scheme)
    page.get_by_role("button", name="Verify the media").click()
    media = part(page, "Are the media whole?")
    expect(media.get_by_text("is missing or damaged.")).to_be_visible(timeout=LONG)
    expect(media.get_by_role("row", name=re.compile("5 it is missing"))).to_be_visible()
    media.get_by_role("button", name="Repair what can be…").click()
    expect(page.get_by_role("dialog")).to_contain_text("None is deleted.")
    page.get_by_role("dialog").get_by_role("button", name="Repair", exact=True).click()
    expect(media.get_by_text("truing verify --media --repair --from PLACE")).to_be_visible(
        timeout=LONG
    )
    assert [one.check for one in workspace.sample(5).findings if one.check == "damaged"]
    archives = part(page, "Archives")
    archives.get_by_role("button", name="Verify all").click()
    expect(archives.get_by_text("1 archive of 1 not whole.")).to_be_visible(timeout=LONG)
    expect(archives.get_by_text("damaged, seen just now")).to_be_visible()
    no_violations(page)
    fits(page)
    page.reload()
    expect(media.get_by_text("is missing or damaged.")).to_be_visible()
    expect(archives.get_by_text("damaged, seen just now")).to_be_visible()


def test_the_trash_is_emptied_once_somebody_is_sure(workspace, served, browser_page) -> None:
    trash.delete(workspace, where=SampleFilter(states=(State.REJECTED,)))
    configuring.change(workspace, KEY, RULE)
    page = browser_page(f"{served(workspace)}/admin/storage")
    tidy = part(page, "Make room at once")
    tidy.get_by_role("button", name="Empty the trash…").click()
    sure = page.get_by_role("dialog", name="Erase 3 samples for good?")
    sure.get_by_role("button", name="Keep them").click()
    assert workspace.store.trash.count() == 3
    tidy.get_by_role("button", name="Empty the trash…").click()
    sure.get_by_role("button", name="Erase 3 samples").click()
    expect(tidy.get_by_text("3 samples erased for good.")).to_be_visible(timeout=LONG)
    expect(tidy.get_by_text("The trash is empty.")).to_be_visible()
    assert workspace.store.trash.count() == 0
    tidy.get_by_role("button", name="Look for leftovers").click()
    expect(tidy.get_by_text("Nothing was left behind.")).to_be_visible(timeout=LONG)
