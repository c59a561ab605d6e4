"""The page "Record" where each person is asked: nothing is kept before they agreed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from truing import Workspace
from truing.domain.sample import SampleFilter

SESSIONS = Path(__file__).parents[1] / "data" / "clients" / "nexvision" / "training-data"


@pytest.fixture
def asking(tmp_path: Path) -> Workspace:
    """A workspace whose policy is `ask`."""
    Workspace.create(tmp_path / "ws", environ={}).close()
    return Workspace.open(tmp_path / "ws", flags={"consent.policy": "ask"}, environ={})


def test_a_pair_is_kept_once_its_person_agreed(
    asking: Workspace,
    served: Callable[..., str],
    browser_page: Callable[..., Page],
    no_violations: Callable[[Page], None],
    watched,
) -> None:
    pytest.importorskip("PIL")
    watched.expected.append("403")
    folder = next(SESSIONS.glob("session-*"))
    with asking as workspace:
        page = browser_page(f"{served(workspace)}/record?modality=image_edit")
        page.get_by_label("Original", exact=True).set_input_files(next(folder.glob("original-*")))
        page.get_by_label("What became of it").set_input_files(next(folder.glob("reimagined-*")))
        page.get_by_label("Instruction").fill("make it brighter")
        add = page.get_by_role("button", name="Add the pair")
        expect(page.get_by_text("nothing is kept", exact=True)).to_be_visible()
        add.click()
        expect(page.get_by_text("nothing is kept without consent")).to_be_visible()
        assert workspace.store.samples.count(SampleFilter()) == 0
        page.get_by_label("Whoever it is of agreed that it is kept").check()
        expect(page.get_by_text("kept on this machine", exact=True)).to_be_visible()
        no_violations(page)
        add.click()
        # The first picture waits for the libraries that read it.
        review = page.get_by_role("link", name="review", exact=True)
        expect(review).to_be_visible(timeout=60_000)
        (sample,) = workspace.store.samples.iterate(SampleFilter())
        assert (sample.consent.policy, sample.consent.basis) == ("ask", "person")
        assert sample.modality == "image_edit"
