"""Takes the pictures of the web app that the documentation shows.

    python scripts/screenshots.py WORKSPACE [FOLDER]    every page, light, dark and as on a phone

WORKSPACE is served as it is: take one that `truing demo --keep` has made. Without
FOLDER only the pictures that the documentation uses are written, to docs/images. Needs Chromium.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from truing.web.server import Address, Server
from truing.workspace import Workspace

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
CHROMIUM = os.environ.get("TRUING_TEST_CHROMIUM") or shutil.which("chromium") or "google-chrome"
LOOKS = {
    "light": ("light", 1280, 800),
    "dark": ("dark", 1280, 800),
    "phone": ("light", 390, 844),
}
PAGES = {
    "home": "/",
    "review": "/review?order=uncertain",
    "samples": "/samples",
    "record": "/record",
    "train": "/train",
    "models": "/models",
    "datasets": "/datasets",
    "settings": "/settings",
}
SHOWN = {
    "web-home.png": ("home", "light"),
    "web-review.png": ("review", "light"),
    "web-review-dark.png": ("review", "dark"),
    "web-review-phone.png": ("review", "phone"),
    "web-train.png": ("train", "light"),
    "web-models.png": ("models", "light"),
}
SETTLED_MS = 1500


def main(arguments: list[str]) -> int:
    """Writes the pictures; returns the exit code."""
    if not 1 <= len(arguments) <= 2:
        sys.stderr.write(__doc__ or "")
        return 2
    with Workspace.open(arguments[0]) as workspace:
        server = Server(workspace, Address(port=0))
        with server.running() as url, sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=CHROMIUM,
                args=[
                    "--no-sandbox",
                    "--disable-gpu",
                    "--autoplay-policy=no-user-gesture-required",
                ],
            )
            if len(arguments) == 2:
                folder = Path(arguments[1])
                folder.mkdir(parents=True, exist_ok=True)
                for name in PAGES:
                    for look in LOOKS:
                        picture(browser, url, name, look, folder / f"{name}-{look}.png")
            else:
                for file, (name, look) in SHOWN.items():
                    picture(browser, url, name, look, IMAGES / file)
            browser.close()
    return 0


def picture(browser: Browser, url: str, name: str, look: str, target: Path) -> None:
    """One page as one reader sees it."""
    scheme, width, height = LOOKS[look]
    context = browser.new_context(
        color_scheme="dark" if scheme == "dark" else "light",
        viewport={"width": width, "height": height},
        has_touch=look == "phone",
    )
    page = context.new_page()
    page.on("pageerror", lambda error: print(f"{name} {look}: {error}"))
    page.goto(url + PAGES[name])
    page.wait_for_timeout(SETTLED_MS)
    page.screenshot(path=str(target))
    context.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
