"""Real recordings to be reviewed, and what tests of the page "Review" look for on it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from truing import Workspace
from truing.domain.prediction import Alternative, Recognition, Word

RECORDINGS = Path(__file__).parents[3] / "src" / "truing" / "demo" / "digits" / "recordings"
NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SHORT = 24
AXE_STATES = ("light", "dark")

Open = Callable[..., Page]


def heard(at: int) -> tuple[Path, str, Recognition, str | None]:
    """A recording, what is said on it, and what a recognizer and a corrector made of it."""
    digit = at % 10
    truth, wrong = NAMES[digit], NAMES[(digit + 3) % 10]
    text = truth if at % 3 == 0 else wrong
    others = (Alternative(text=truth, confidence=0.3),) if at % 3 == 1 else ()
    words = (Word(text=text, start=0.05, end=0.3, confidence=0.9 if text == truth else 0.25),)
    said = Recognition(text=text, confidence=0.6, words=words, alternatives=others)
    return (
        RECORDINGS / "theo" / f"{digit}_theo_{at}.flac",
        truth,
        said,
        truth if at % 6 == 5 else None,
    )


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """A workspace with real recordings that nobody has looked at."""
    with Workspace.create(tmp_path / "ws", environ={}) as opened:
        for at in range(SHORT):
            path, truth, said, corrected = heard(at)
            opened.capture(
                "speech",
                audio=path,
                raw=said,
                corrected=corrected,
                model="speech/1",
                subject="theo",
                context={"said": truth},
            )
        yield opened


@pytest.fixture
def url(workspace: Workspace, served: Callable[..., str]) -> str:
    return served(workspace)


def shown(page: Page) -> int:
    """The number of the sample that is on the page, with its sound."""
    page.locator(".wave canvas:not([data-drawn=''])").wait_for()
    return int(page.locator("[data-sample]").get_attribute("data-sample") or 0)


def next_after(page: Page, number: int) -> None:
    """Waits until another sample is shown, or the end."""
    until(
        page,
        "number => document.querySelector('[data-sample]')?.dataset.sample !== number",
        arg=str(number),
    )


def until(page: Page, condition: str, arg: object = None) -> None:
    """Waits for a condition; the page's policy forbids the browser's own way of asking for one."""
    deadline = time.monotonic() + 60
    while not page.evaluate(condition, arg):
        if time.monotonic() > deadline:
            raise AssertionError(f"never true: {condition}")
        page.wait_for_timeout(10)
