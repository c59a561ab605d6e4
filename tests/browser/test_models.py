"""The page "Models" in a real browser: the gate asked, a model promoted, rolled back, compared."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from truing import Workspace
from truing.domain.model import GENERAL, ModelRef
from truing.loop.promote import PromotePorts, promote
from truing.workspace.model_import import import_model

BASES = Path(__file__).parents[2] / "src/truing/demo/digits/base"
SLOW = 90_000
"""Milliseconds: two models load and read the test rows in a process of their own."""

pytest.importorskip("torch")
pytest.importorskip("transformers")

Open = Callable[..., Page]


@pytest.fixture
def workspace(spoken: Callable[..., Workspace]) -> Workspace:
    """`mine@1` of one speaker, whom speech/1, in use, has never heard, and speech/2 has."""
    made = spoken(40)
    made.freeze("mine", test_share=0.9, validation_share=0.0)
    import_model(made, BASES / "without-jackson")
    import_model(made, BASES / "without-theo")
    store = made.store
    ports = PromotePorts(models=store.models, events=store.events, clock=made.clock)
    first = store.models.get(ModelRef(modality="speech", number=1))
    promote(ports, first, None, audience=GENERAL, actor="ann", force="the first one we have")
    return made


def champion(workspace: Workspace) -> str | None:
    return workspace.store.models.champion("speech", GENERAL)


def gate(page: Page, model: str) -> Locator:
    """The dialog that promotes a model, after the gate has spoken."""
    page.get_by_role("row", name=model).get_by_role("button", name="Promote").click()
    dialog = page.get_by_role("dialog", name=f"Promote {model}")
    expect(dialog.locator(".verdict")).to_be_visible(timeout=SLOW)
    return dialog


def test_a_proven_model_is_promoted_and_rolled_back(
    browser_page: Open,
    workspace: Workspace,
    served: Callable[..., str],
    no_violations: Callable[[Page], None],
) -> None:
    page = browser_page(f"{served(workspace)}/models")
    card = page.get_by_label("Champion of everybody")
    expect(card).to_contain_text("the first one we have")
    dialog = gate(page, "speech/2")
    expect(dialog).to_contain_text("proven better")
    expect(dialog).to_contain_text("below 0.03")
    assert champion(workspace) == "speech/1"
    no_violations(page)
    dialog.get_by_role("button", name="Promote speech/2").click()
    expect(dialog).to_be_hidden(timeout=SLOW)
    expect(card.get_by_role("link", name="speech/2", exact=True)).to_be_visible()
    assert champion(workspace) == "speech/2"

    card.get_by_role("button", name="Roll back").click()
    asked = page.get_by_role("dialog", name="Roll back")
    expect(asked).to_contain_text("speech/1 takes over")
    asked.get_by_role("button", name="Roll back").click()
    expect(card.get_by_role("link", name="speech/1", exact=True)).to_be_visible()
    assert champion(workspace) == "speech/1"
    card.get_by_text("All moves").click()
    expect(card.get_by_role("listitem").first).to_contain_text("put back")


def test_what_is_not_proven_needs_a_reason(
    browser_page: Open, workspace: Workspace, served: Callable[..., str]
) -> None:
    workspace.promote("speech/2", dataset="mine@1")
    assert champion(workspace) == "speech/2"
    page = browser_page(f"{served(workspace)}/models")
    dialog = gate(page, "speech/1")
    expect(dialog).to_contain_text("not better")
    force = dialog.get_by_role("button", name="Promote all the same")
    expect(force).to_be_disabled()
    assert not dialog.get_by_role("button", name="Promote speech/1").is_visible()
    dialog.get_by_label("because").fill("a reference for the others")
    force.click()
    expect(dialog).to_be_hidden(timeout=SLOW)
    (move, *_) = workspace.store.models.promotions("speech", GENERAL)
    assert (move.model, move.reason) == ("speech/1", "a reference for the others")


def test_without_a_dataset_a_model_is_taken_as_it_is(
    browser_page: Open, spoken: Callable[..., Workspace], served: Callable[..., str]
) -> None:
    made = spoken(1)
    import_model(made, BASES / "without-theo")
    dialog = gate(browser_page(f"{served(made)}/models"), "speech/1")
    expect(dialog).to_contain_text("not judged")
    expect(dialog.get_by_label("Judged on the test rows of")).to_have_count(0)
    dialog.get_by_label("because").fill("the first one we have")
    dialog.get_by_role("button", name="Promote all the same").click()
    expect(dialog).to_be_hidden(timeout=SLOW)
    assert champion(made) == "speech/1"


def test_two_models_are_compared_to_the_word(
    browser_page: Open,
    workspace: Workspace,
    served: Callable[..., str],
    no_violations: Callable[[Page], None],
) -> None:
    url = served(workspace)
    page = browser_page(f"{url}/models")
    for name in ("speech/1", "speech/2"):
        page.get_by_label(f"Compare {name}").check()
    page.get_by_role("link", name="Compare speech/1 with speech/2").click()
    expect(page.get_by_text(re.compile(r"[\d.]+ points better"))).to_be_visible(timeout=SLOW)
    found = workspace.compare("speech/1", "speech/2", "mine@1")
    row = page.get_by_role("region", name="Figures").get_by_role("row").last
    expect(row).to_contain_text(f"{100 * found.value_b:.1f} %")
    better = page.get_by_label("Where speech/2 is better")
    first = better.get_by_role("listitem").first
    expect(first.locator("del, ins").first).to_be_visible()
    expect(first.locator(".heard-sample button, .heard-sample a").first).to_be_visible()
    no_violations(page)
    page.reload()
    expect(page.get_by_text(re.compile(r"[\d.]+ points better"))).to_be_visible()


def test_a_model_tells_where_it_comes_from(
    browser_page: Open, workspace: Workspace, served: Callable[..., str], tmp_path: Path
) -> None:
    workspace.evaluate("speech/1", "mine@1")
    page = browser_page(f"{served(workspace)}/models/speech/1")
    expect(page.get_by_text("in use for everybody")).to_be_visible()
    measured = page.get_by_role("region", name="Evaluations")
    expect(measured.get_by_role("link", name="mine@1")).to_be_visible()
    page.get_by_text("Files", exact=True).click()
    expect(page.get_by_role("region", name="Files")).to_contain_text("model.safetensors")
    with page.expect_download() as begun:
        page.get_by_role("link", name="Export").click()
    place = tmp_path / "model.zip"
    begun.value.save_as(place)
    with zipfile.ZipFile(place) as archive:
        assert archive.testzip() is None
        assert any(name.endswith("model.safetensors") for name in archive.namelist())


def test_without_models_the_page_says_what_to_do(
    browser_page: Open, spoken: Callable[..., Workspace], served: Callable[..., str]
) -> None:
    page = browser_page(f"{served(spoken(0))}/models")
    expect(page.get_by_role("heading", name="No models yet")).to_be_visible()
    page.get_by_role("link", name="Train a model").click()
    expect(page.get_by_role("heading", name="Train", exact=True)).to_be_visible()


def test_a_comparison_that_cannot_be_fetched_keeps_its_heading(
    browser_page: Open,
    workspace: Workspace,
    served: Callable[..., str],
    watched: Any,
    no_violations: Callable[[Page], None],
) -> None:
    watched.expected.append("ERR_FAILED")
    url = served(workspace)
    page = browser_page(f"{url}/models")
    page.route("**/api/datasets?*", lambda route: route.abort())
    page.goto(f"{url}/models/compare")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    no_violations(page)
    page.unroute("**/api/datasets?*")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_label("The candidate")).to_be_visible()
    expect(page.get_by_role("button", name="Try again")).to_have_count(0)


def test_a_model_that_is_not_there(
    browser_page: Open, workspace: Workspace, served: Callable[..., str], watched: Any
) -> None:
    watched.expected.append("404")
    page = browser_page(f"{served(workspace)}/models/speech/9")
    expect(page.get_by_role("alert")).to_contain_text("speech/9")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_shut_out(
    scheme: str,
    browser_page: Open,
    workspace: Workspace,
    served: Callable[..., str],
    phone: tuple[int, int],
    no_violations: Callable[[Page], None],
    fits: Callable[[Page], None],
) -> None:
    workspace.evaluate("speech/1", "mine@1")
    url = served(workspace)
    page = browser_page(f"{url}/models", scheme=scheme)
    for path in ("/models", "/models/speech/1", "/models/compare"):
        page.set_viewport_size({"width": 1280, "height": 800})
        page.goto(url + path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.get_by_role("status", name="Loading")).to_have_count(0)
        no_violations(page)
        page.set_viewport_size({"width": phone[0], "height": phone[1]})
        fits(page)
