"""The page "Train" in a real browser: a real run begun, watched, paused, resumed and stopped."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from truing import Workspace
from truing.domain.run import RunState
from truing.web.server import Address, Server
from truing.workspace.configuring import change

BASE = Path(__file__).parents[2] / "src/truing/demo/digits/base/without-theo"
QUICK = {"max_steps": "6", "threads": "1", "batch_size": "4", "validate_every": "2"}
LONG = {"Max steps": "100000", "Batch size": "4", "Threads": "1", "Validate every": "5"}
"""A run that lasts until somebody stops it."""
SLOW = 90_000
"""Milliseconds: a worker starts, imports torch and loads its model."""

pytest.importorskip("torch")
pytest.importorskip("transformers")

Open = Callable[..., Page]


@pytest.fixture
def workspace(spoken: Callable[..., Workspace]) -> Iterator[Workspace]:
    """`mine@1` and a base to start from; a run that still goes on at the end is ended."""
    made = spoken(20, speaker="theo")
    made.freeze("mine", validation_share=0.2)
    change(made, "train.bases", str(BASE))
    yield made
    for run in made.store.runs.all():
        if not run.state.ended:
            made.jobs.stop(run.id, force=True)


@contextmanager
def serving(workspace: Workspace) -> Iterator[str]:
    """A server that the test may end before its own end."""
    with Server(workspace, Address(port=0)).running() as url:
        yield url


def trained(workspace: Workspace, **more: object) -> int:
    """A run of a few steps that is done."""
    begun = workspace.train("mine@1", base=str(BASE), options={**QUICK, **more})
    run = workspace.jobs.wait(begun.id).run
    assert run.state is RunState.DONE, run.error
    return run.id


def fill_in(page: Page) -> None:
    """Asks for a run on `mine@1` that would last for hours."""
    form = page.get_by_role("form", name="New run")
    form.get_by_label("Data", exact=True).select_option("mine@1")
    form.get_by_label("Base model").select_option(str(BASE))
    form.get_by_text("Advanced").click()
    for label, value in LONG.items():
        form.get_by_label(label, exact=True).fill(value)
    expect(form.get_by_text(re.compile(r"Disk about .* free"))).to_be_visible()


def table_of(page: Page, chart: str) -> list[str]:
    """The figures of a chart as its table has them."""
    figure = page.get_by_role("figure", name=chart, exact=True)
    if not figure.get_by_role("table").is_visible():
        figure.get_by_text("as a table").click()
    return figure.get_by_role("row").all_inner_texts()


def chip(page: Page, word: str) -> None:
    expect(page.locator("main .chip").first).to_have_text(word, timeout=SLOW)


def test_a_run_is_watched_paused_resumed_and_stopped(
    browser_page: Open, workspace: Workspace
) -> None:
    runs = workspace.store.runs
    with serving(workspace) as url:
        page = browser_page(f"{url}/train")
        expect(page.get_by_text("20 reviewed entries ready").first).to_be_visible()
        fill_in(page)
        page.get_by_role("button", name="Start training").click()
        expect(page).to_have_url(f"{url}/train/1")
        chip(page, "running")
        loss = page.get_by_role("figure", name="Loss", exact=True)
        expect(loss.locator("canvas")).to_be_visible(timeout=SLOW)
        errors = page.get_by_role("figure", name="Word error rate")
        expect(errors.locator("canvas")).to_be_visible(timeout=SLOW)
        expect(page.get_by_text(re.compile(r"step [\d,]+ of 100,000"))).to_be_visible()
        expect(page.get_by_role("log")).to_contain_text("run 1, attempt 1")

        page.get_by_role("button", name="Pause").click()
        chip(page, "paused")
        paused = runs.get(1)
        assert paused.state is RunState.PAUSED
        seen = table_of(page, "Word error rate")
        assert len(seen) > 1

        page.reload()
        chip(page, "paused")
        assert table_of(page, "Word error rate") == seen
        page.close()

    with serving(workspace) as url:
        page = browser_page(f"{url}/train")
        chip(page, "paused")
        assert table_of(page, "Word error rate") == seen
        page.get_by_role("link", name="Run 1").first.click()
        page.get_by_role("button", name="Resume").click()
        chip(page, "running")
        beyond = re.compile(rf"step (?!{paused.step:,} )[\d,]+ of 100,000 .* steps/s")
        expect(page.get_by_text(beyond)).to_be_visible(timeout=SLOW)
        expect(page.get_by_role("log")).to_contain_text("attempt 2", timeout=SLOW)

        page.get_by_role("button", name="Stop").click()
        chip(page, "stopped")
        stopped = runs.get(1)
        assert stopped.state is RunState.STOPPED
        assert stopped.step > paused.step
        page.get_by_role("link", name="Use these settings again").click()
        expect(page).to_have_url(f"{url}/train?like=1")
        expect(page.get_by_label("Batch size", exact=True)).to_have_value("4")
        row = page.get_by_role("row", name=re.compile("Run 1 stopped"))
        expect(row).to_be_visible()
        page.close()


def test_a_run_goes_on_while_the_page_is_told_by_asking(
    browser_page: Open, workspace: Workspace, served: Callable[..., str], watched: Any
) -> None:
    """Where no event comes through, the page asks again and again."""
    watched.expected.append("ERR_FAILED")
    begun = workspace.train("mine@1", base=str(BASE), options=QUICK, start=False)
    url = served(workspace)
    page = browser_page(f"{url}/train/{begun.id}")
    page.route("**/api/runs/*/changes", lambda route: route.abort())
    page.reload()
    workspace.jobs.start(begun.id)
    chip(page, "done")
    expect(page.get_by_role("heading", name="Made speech/1")).to_be_visible()
    expect(page.get_by_text(re.compile("100 % · step 6 of 6"))).to_be_visible()


def test_what_is_reviewed_is_frozen_on_the_way(
    browser_page: Open, workspace: Workspace, served: Callable[..., str]
) -> None:
    page = browser_page(f"{served(workspace)}/train")
    form = page.get_by_role("form", name="New run")
    form.get_by_label("Validation split, %").fill("30")
    form.get_by_label("Test split, %").fill("0")
    form.get_by_label("Base model").select_option(str(BASE))
    form.get_by_text("Advanced").click()
    form.get_by_label("Max steps", exact=True).fill("3")
    form.get_by_label("Threads", exact=True).fill("1")
    page.get_by_role("button", name="Start training").click()
    chip(page, "done")
    version = workspace.store.datasets.all()[0]
    assert str(version.ref) == "mine@2"
    assert version.parameters["validation_share"] == 0.3
    (run,) = workspace.store.runs.all()
    assert (run.request.dataset, run.request.then) == ("mine@2", "promote")
    expect(page.get_by_text(re.compile("The gate says"))).to_be_visible()


def test_wrong_options_are_said_before_anything_starts(
    browser_page: Open, workspace: Workspace, served: Callable[..., str]
) -> None:
    page = browser_page(f"{served(workspace)}/train")
    fill_in(page)
    start = page.get_by_role("button", name="Start training")
    expect(start).to_be_enabled()
    page.get_by_label("Batch size", exact=True).fill("four")
    expect(page.get_by_text("“four” is no number")).to_be_visible()
    expect(start).to_be_disabled()
    page.get_by_role("button", name="back to 16", exact=True).click()
    expect(start).to_be_enabled()
    assert workspace.store.runs.all() == []


def test_two_runs_are_laid_over_each_other(
    browser_page: Open,
    workspace: Workspace,
    served: Callable[..., str],
    no_violations: Callable[[Page], None],
) -> None:
    first, second = trained(workspace), trained(workspace, learning_rate="0.0001")
    page = browser_page(f"{served(workspace)}/train", scheme="dark")
    for number in (first, second):
        page.get_by_label(f"Compare the curves of run {number}").check()
    page.get_by_role("link", name="Compare the curves of 1 and 2").click()
    figure = page.get_by_role("figure", name="Learning rate")
    expect(figure.locator("canvas")).to_be_visible()
    expect(figure.get_by_text("run 2", exact=True)).to_be_visible()
    differing = page.get_by_role("row", name=re.compile("learning rate"))
    expect(differing).to_contain_text("0.0001")
    no_violations(page)


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
    trained(workspace)
    url = served(workspace)
    page = browser_page(f"{url}/train", scheme=scheme)
    expect(page.get_by_role("link", name="Run 1").first).to_be_visible()
    page.get_by_text("Advanced").click()
    expect(page.get_by_text(re.compile(r"Disk about .* free"))).to_be_visible()
    no_violations(page)
    page.goto(f"{url}/train/1")
    expect(page.get_by_role("figure", name="Loss", exact=True).locator("canvas")).to_be_visible()
    table_of(page, "Loss")
    no_violations(page)
    page.set_viewport_size({"width": phone[0], "height": phone[1]})
    fits(page)
    page.goto(f"{url}/train")
    expect(page.get_by_role("link", name="Run 1").first).to_be_visible()
    fits(page)


def test_a_run_that_is_not_there(
    browser_page: Open, workspace: Workspace, served: Callable[..., str], watched: Any
) -> None:
    watched.expected.append("404")
    url = served(workspace)
    page = browser_page(f"{url}/train/9")
    expect(page.get_by_role("alert")).to_contain_text("9")
    page.goto(f"{url}/train/nine")
    expect(page.get_by_role("alert")).to_contain_text("“nine” is no run")


def test_figures_told_twice_or_late_find_their_place(
    browser_page: Open, workspace: Workspace, served: Callable[..., str]
) -> None:
    page = browser_page(f"{served(workspace)}/train")
    told = page.evaluate(
        """async () => {
            const { Points } = await import("/static/pages/train/points.js");
            const points = new Points();
            const loss = (step, value) => ({ step, name: "train_loss", value });
            points.add([loss(2, 0.5), loss(1, 0.9), loss(4, 0.2), loss(2, 0.4)]);
            points.add([{ step: 3, name: "validation_wer", value: 0.1 }, loss(3, null)]);
            const names = ["train_loss", "validation_wer"];
            const columns = points.columns(names.map((name) => ({ label: name, name })));
            return { ...columns, newest: points.newest, last: points.last("train_loss") };
        }"""
    )
    assert told["x"] == [1, 2, 3, 4]
    assert [one["values"] for one in told["series"]] == [
        [0.9, 0.4, None, 0.2],
        [None, None, 0.1, None],
    ]
    assert (told["newest"], told["last"]) == (4, 0.2)
