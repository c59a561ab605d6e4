"""The page "Train" while an editor is trained: its edits as they come, step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageEnhance, ImageFilter
from playwright.sync_api import Page, expect
from tests.browser.image_edit.conftest import Open, captured, pairs, until

from truing import Workspace
from truing.domain.recipe import Glimpse
from truing.domain.run import Run, RunRequest, RunState

TEXTS = ("make the picture brighter", "mirror the picture, but keep the cup where it is")


def png(image: Image.Image) -> bytes:
    kept = BytesIO()
    image.save(kept, format="PNG")
    return kept.getvalue()


def glimpses(blur: float) -> list[Glimpse]:
    """Two rows; the less blurred the edits, the further the training."""
    found = []
    for place, text in enumerate(TEXTS):
        given = Image.open(pairs()[place * 6]["original"]).convert("RGB").resize((256, 256))
        wanted = ImageEnhance.Brightness(given).enhance(1.5)
        made = wanted.filter(ImageFilter.GaussianBlur(blur))
        found.append(
            Glimpse(
                uid=f"0199a0c4-2f00-7000-8000-00000000000{place}",
                text=text,
                given=png(given),
                made=png(made),
                wanted=png(wanted),
            )
        )
    return found


@pytest.fixture
def going(workspace: Workspace) -> Iterator[Run]:
    """A run that is under way in another process, as far as the page can tell: this one."""
    from truing.platform.processes import this_process

    captured(workspace, pairs()[0])
    runs, now = workspace.store.runs, workspace.clock.now()
    request = RunRequest(
        modality="image_edit",
        recipe="instruct-pix2pix",
        dataset="edits@1",
        base=None,
        options={"pictures": 2, "max_steps": 100},
    )
    run = runs.add(workspace.ids.new(), request, now)
    me = this_process()
    claimed = runs.claim(
        run.id,
        boot_id=me.boot_id,
        pid=me.pid,
        pid_start=me.start,
        now=now,
        lease_until=now + 3_600_000_000,
    )
    assert claimed is not None
    runs.heartbeat(run.id, claimed.fence, lease_until=now + 3_600_000_000, step=50, total_steps=100)
    yield claimed
    runs.end(run.id, claimed.fence, state=RunState.STOPPED, at=workspace.clock.now())


def drawn(page: Page) -> None:
    """Every picture has come and is no empty box."""
    until(
        page,
        "[...document.querySelectorAll('.glimpse img')].length > 0 && "
        "[...document.querySelectorAll('.glimpse img')].every(i => i.complete && i.naturalWidth)",
    )


def test_edits_come_live_and_earlier_steps_can_be_looked_at(
    browser_page: Open, served: Callable[..., str], workspace: Workspace, going: Run
) -> None:
    pictures = workspace.jobs.pictures(going.id)
    url = served(workspace)
    page = browser_page(f"{url}/train/{going.id}")
    card = page.get_by_role("region", name="Edits as they come")
    expect(card.get_by_text("None yet")).to_be_visible()

    pictures.add(0, glimpses(24))
    expect(
        card.get_by_role("img", name=f"What the model made at step 0: {TEXTS[0]}")
    ).to_be_visible()
    expect(card.get_by_role("slider")).to_have_count(0)

    pictures.add(50, glimpses(8))
    newest = card.get_by_role("img", name=f"What the model made at step 50: {TEXTS[1]}")
    expect(newest).to_be_visible()
    drawn(page)
    assert card.get_by_role("figure").count() == 2
    assert card.get_by_role("img").count() == 6

    slider = card.get_by_role("slider", name="Step")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    expect(
        card.get_by_role("img", name=f"What the model made at step 0: {TEXTS[0]}")
    ).to_be_visible()
    expect(slider).to_have_attribute("aria-valuetext", "step 0")

    pictures.add(100, glimpses(1))  # a person who looks back is left there
    until(page, "document.querySelector('.glimpse-step input').max === '2'")
    expect(
        card.get_by_role("img", name=f"What the model made at step 0: {TEXTS[0]}")
    ).to_be_visible()
    card.get_by_role("button", name="Newest").click()
    expect(
        card.get_by_role("img", name=f"What the model made at step 100: {TEXTS[0]}")
    ).to_be_visible()


@pytest.mark.parametrize(
    ("scheme", "small"), [("light", False), ("dark", False), ("light", True), ("dark", True)]
)
def test_the_strip_is_clean_in_every_scheme_and_size(
    scheme: str,
    small: bool,
    browser_page: Open,
    served: Callable[..., str],
    workspace: Workspace,
    going: Run,
    phone: tuple[int, int],
    no_violations: Callable[[Page], None],
    fits: Callable[[Page], None],
    tmp_path: Path,
) -> None:
    for step, blur in ((0, 24), (50, 8), (100, 1)):
        workspace.jobs.pictures(going.id).add(step, glimpses(blur))
    url = served(workspace)
    size = phone if small else (1280, 800)
    page = browser_page(f"{url}/train/{going.id}", scheme=scheme, size=size)
    expect(page.get_by_role("slider", name="Step")).to_be_visible()
    page.get_by_role("region", name="Edits as they come").scroll_into_view_if_needed()
    drawn(page)
    no_violations(page)
    fits(page)
    page.screenshot(path=tmp_path / "strip.png", full_page=True)


def test_a_run_that_makes_no_pictures_shows_no_strip(
    browser_page: Open, served: Callable[..., str], workspace: Workspace
) -> None:
    request = RunRequest(modality="speech", recipe="whisper", dataset="mine@1", base=None)
    run = workspace.store.runs.add(workspace.ids.new(), request, workspace.clock.now())
    page = browser_page(f"{served(workspace)}/train/{run.id}")
    expect(page.get_by_role("region", name="Log")).to_be_visible()
    expect(page.get_by_role("region", name="Edits as they come")).to_have_count(0)


def test_the_plan_names_what_the_recipe_begins_with_and_a_run_what_it_was_validated_by(
    browser_page: Open, served: Callable[..., str], workspace: Workspace, going: Run
) -> None:
    runs, now = workspace.store.runs, workspace.clock.now()
    result = {"figures": {"train_loss": 0.04, "validation_loss": 0.037}}
    runs.end(going.id, going.fence, state=RunState.DONE, at=now, result=result)
    page = browser_page(f"{served(workspace)}/train")
    base = page.get_by_label("Base model")
    expect(base.locator("option").first).to_have_text(
        "the recipe's own: timbrooks/instruct-pix2pix"
    )
    expect(page.get_by_role("row", name=f"Run {going.id} done")).to_contain_text("0.037 loss")
