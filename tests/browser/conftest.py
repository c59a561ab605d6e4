"""A real Chromium in front of a real server: what the tests of the pages share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from truing.web.server import Address, Server
from truing.workspace import Workspace

CHROMIUM = (
    os.environ.get("TRUING_TEST_CHROMIUM")
    or shutil.which("chromium")
    or shutil.which("google-chrome")
    or "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
)
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--autoplay-policy=no-user-gesture-required",
)
# What comes at all mostly comes at once; a machine that stands still is no fault of the page.
PATIENCE = 60_000
expect.set_options(timeout=PATIENCE)
DESKTOP = (1280, 800)
PHONE = (390, 844)
RECORDINGS = Path(__file__).parents[2] / "src" / "truing" / "demo" / "digits" / "recordings"
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@pytest.fixture
def phone() -> tuple[int, int]:
    """The size of a phone's screen."""
    return PHONE


@pytest.fixture(scope="module")
def launch() -> Iterator[Callable[..., Browser]]:
    """Starts browsers with further flags; all end with the module, and the event loop that drives
    them: tests elsewhere have loops of their own.
    """
    with sync_playwright() as playwright:
        started: dict[tuple[str, ...], Browser] = {}

        def start(*flags: str) -> Browser:
            if flags not in started:
                started[flags] = playwright.chromium.launch(
                    executable_path=CHROMIUM, args=[*QUIET, *flags]
                )
            return started[flags]

        yield start
        for browser in started.values():
            browser.close()


@pytest.fixture
def served(request: pytest.FixtureRequest) -> Iterator[Callable[..., str]]:
    """Serves a workspace until the test ends; gives its address."""
    for name in ("spoken", "workspace"):
        if name in request.fixturenames:
            request.getfixturevalue(name)  # closed after its server has ended
    with ExitStack() as stack:

        def serve(workspace: Workspace, *, pages: Path | None = None) -> str:
            server = Server(workspace, Address(port=0), pages=pages)
            return stack.enter_context(server.running())

        yield serve


class Watched:
    """What pages did wrong: errors in scripts, and requests to other places."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.expected: list[str] = []
        """Parts of messages that a test provokes on purpose."""

    def follow(self, page: Page, origin: str) -> None:
        """Notes the faults of a page."""
        page.on("pageerror", lambda error: self._note(f"error: {error}"))
        page.on(
            "console",
            lambda told: (
                self._note(f"console: {told.text} at {told.location.get('url')}")
                if told.type == "error"
                else None
            ),
        )
        page.on("request", lambda asked: self._look(asked.url, origin))

    def _look(self, url: str, origin: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.netloc != origin:
            self._note(f"off-site: {url}")

    def _note(self, fault: str) -> None:
        self.faults.append(fault)

    @property
    def unexpected(self) -> list[str]:
        """The faults that no test asked for."""
        return [one for one in self.faults if not any(part in one for part in self.expected)]


@pytest.fixture
def watched() -> Iterator[Watched]:
    """Fails the test when a page had a fault it did not name in `expected`."""
    watch = Watched()
    yield watch
    assert watch.unexpected == []


@pytest.fixture
def browser_page(
    launch: Callable[..., Browser], watched: Watched, served: Callable[..., str]
) -> Iterator[Callable[..., Page]]:
    """Opens an address: `browser_page(url, scheme="dark", size=PHONE)`; `context=` shares one."""
    del served  # Asked for so that the pages are closed before their server ends.
    contexts: list[BrowserContext] = []

    def open_page(
        url: str,
        *,
        scheme: str = "light",
        size: tuple[int, int] = DESKTOP,
        flags: tuple[str, ...] = (),
        context: BrowserContext | None = None,
        permissions: tuple[str, ...] = (),
    ) -> Page:
        if context is None:
            context = launch(*flags).new_context(
                color_scheme=scheme,
                viewport={"width": size[0], "height": size[1]},
                has_touch=size == PHONE,
                reduced_motion="reduce",
                permissions=list(permissions),
            )
            context.set_default_timeout(PATIENCE)
            contexts.append(context)
        page = context.new_page()
        watched.follow(page, urlsplit(url).netloc)
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def no_violations() -> Callable[[Page], None]:
    """Fails when axe finds something on the page as it is now."""

    def look(page: Page) -> None:
        found = Axe().run(page)
        told = [
            f"{one['id']}: {one['help']}: {[node['target'] for node in one['nodes']][:4]}"
            for one in found.response["violations"]
        ]
        assert told == []

    return look


@pytest.fixture
def fits() -> Callable[[Page], None]:
    """Fails when a page scrolls sideways."""

    def look(page: Page) -> None:
        wide = page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        assert wide[0] <= wide[1]

    return look


@pytest.fixture
def spoken(tmp_path: Path) -> Iterator[Callable[..., Workspace]]:
    """Makes a workspace of reviewed real recordings of digits: `spoken(40, speaker="theo")`."""
    with ExitStack() as stack:

        def fill(count: int, *, speaker: str = "jackson") -> Workspace:
            made = stack.enter_context(Workspace.create(tmp_path / "ws", environ={}))
            for at in range(count):
                added = made.capture(
                    "speech",
                    audio=RECORDINGS / speaker / f"{at % 10}_{speaker}_{at // 10}.flac",
                    raw=DIGITS[at % 10],
                    model="app",
                    subject=speaker,
                    sampling="wholesale",
                )
                assert added is not None
                made.review(added.id, "accepted")
            return made

        yield fill
