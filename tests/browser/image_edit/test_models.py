"""The page "Models" for models that make pictures: figures, the gate, two models side by side."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.browser.image_edit.conftest import DATA, Open

from truing import Workspace
from truing.testing.colour_editor import (
    HALFWAY,
    WARMER,
    fill_with_pairs,
    open_colour_editor,
    save_colour_editor,
)
from truing.workspace.forgetting import forget
from truing.workspace.model_import import import_model

TREE = DATA / "training-data"
SLOW = 60_000
"""Milliseconds: the gate is asked in a process of its own."""


@pytest.fixture
def judged(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """`warm@1`, and two models that were evaluated on it; the first one is in use."""
    monkeypatch.setattr("truing.modalities.image_edit.editor.open_editor", open_colour_editor)
    (tmp_path / "scratch").mkdir()
    photos = [next(TREE.glob(f"session-*-{stamp}Z/original-*")) for stamp in ("051", "205")]
    fill_with_pairs(workspace, photos, tmp_path / "scratch")
    workspace.freeze("warm", modality="image_edit", test_share=0.8, validation_share=0.0)
    for name, matrix in (("half", HALFWAY), ("all", WARMER)):
        folder = save_colour_editor(tmp_path / name, matrix)
        ref = import_model(workspace, folder, modality="image_edit").model.ref
        workspace.evaluate(str(ref), "warm@1")
    workspace.promote("image_edit/1", dataset="warm@1", force="the first one we have")
    return workspace


COMPARE = "/models/compare?first=image_edit/1&second=image_edit/2&dataset=warm@1"


def all_shown(page: Page, box: str) -> None:
    """Waits until each picture in a place is decoded."""
    page.locator(box).last.scroll_into_view_if_needed()
    page.wait_for_function(
        "box => [...document.querySelectorAll(`${box} img`)].every(one => one.naturalWidth > 0)",
        arg=box,
    )


def test_two_models_side_by_side(
    browser_page: Open,
    judged: Workspace,
    served: Callable[..., str],
    no_violations: Callable[[Page], None],
    phone: tuple[int, int],
) -> None:
    page = browser_page(f"{served(judged)}{COMPARE}")
    table = page.get_by_role("region", name="Measures", exact=True)
    row = table.get_by_role("row", name="SSIM", exact=False).first
    expect(row.get_by_role("cell")).to_have_count(4)
    expect(table).to_contain_text("copy-the-input")
    expect(row).to_contain_text("100.0 %")
    expect(page.get_by_label("What people prefer")).to_contain_text("Nobody has chosen")
    nearer = page.get_by_label("Where image_edit/2 is nearer to the target")
    first = nearer.get_by_role("listitem").first
    expect(first.get_by_role("img")).to_have_count(4)
    all_shown(page, ".made-four")
    no_violations(page)
    first.get_by_role("button", name="Enlarge").click()
    large = page.get_by_role("dialog")
    expect(large.get_by_alt_text("What image_edit/2 made of it")).to_be_visible()
    no_violations(page)
    page.keyboard.press("Escape")
    expect(large).to_be_hidden()
    page.set_viewport_size({"width": phone[0], "height": phone[1]})
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= phone[0]
    no_violations(page)
    page.get_by_role("link", name="Choose, blind").click()
    page.wait_for_url("**/review/ab?**")


def test_the_gate_says_that_pixels_prove_nothing(
    browser_page: Open,
    judged: Workspace,
    served: Callable[..., str],
    no_violations: Callable[[Page], None],
) -> None:
    page = browser_page(f"{served(judged)}/models?modality=image_edit")
    row = page.get_by_role("row", name="image_edit/2")
    expect(row).to_contain_text("SSIM on warm@1")
    expect(row).to_contain_text("copy-the-input")
    row.get_by_role("button", name="Promote").click()
    dialog = page.get_by_role("dialog", name="Promote image_edit/2")
    expect(dialog.locator(".verdict")).to_be_visible(timeout=SLOW)
    expect(dialog.locator(".chip")).to_have_text("not provable")
    expect(dialog).to_contain_text("does not tell which pictures people prefer")
    expect(dialog).to_contain_text("let people choose between the two, blind")
    no_violations(page)
    dialog.get_by_label("Promote it all the same").fill("we like its colours")
    dialog.get_by_role("button", name="Promote all the same").click()
    expect(dialog).to_be_hidden(timeout=SLOW)
    assert judged.store.models.champion("image_edit", "general") == "image_edit/2"
    page.get_by_role("link", name="image_edit/2", exact=True).first.click()
    measures = page.get_by_role("region", name="All measures")
    expect(measures.get_by_role("row", name="PSNR").first).to_contain_text("60.00 dB")
    no_violations(page)


def test_what_was_forgotten_is_not_shown(
    browser_page: Open, judged: Workspace, served: Callable[..., str]
) -> None:
    page = browser_page(f"{served(judged)}{COMPARE}")
    all_shown(page, ".made-four")
    found = judged.compare("image_edit/1", "image_edit/2", "warm@1", known=True)
    uid = found.best(1)[0].sample_uid
    made = page.locator(f"img[src*='{uid}']")
    address = made.first.get_attribute("src")
    assert page.request.get(f"{page.url.split('/models')[0]}{address}").status == 200
    gone = judged.store.samples.by_uids([uid])[uid]
    forget(judged, ids=[gone.id])
    page.reload()
    expect(page.locator(".made-rows > li").first).to_be_visible(timeout=SLOW)
    assert made.count() == 0
    assert page.request.get(f"{page.url.split('/models')[0]}{address}").status == 404
