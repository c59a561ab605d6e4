"""What the tests of image edits' pages share: real pairs, and how to look at what is drawn."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page

from truing import Workspace
from truing.modalities.image_edit.cleaning import clean

DATA = Path(__file__).parents[2] / "data" / "clients" / "nexvision"
SPOILT = ("unchanged", "mismatch", "tiny", "damaged", "blank")
"""How `EXPECTED.csv` begins for what ought to be found; the others are fine."""

Open = Callable[..., Page]


def pairs() -> list[dict[str, Any]]:
    """The pairs that nobody spoilt, in the order they came."""
    with (DATA / "EXPECTED.csv").open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if not row["expected"].startswith(SPOILT)]
    folders = [DATA / "training-data" / row["sessionId"] for row in rows]
    return [
        {
            "session": row["sessionId"],
            "instruction": row["instruction"],
            "original": next(folder.glob("original-*")),
            "edited": next(folder.glob("reimagined-*")),
        }
        for row, folder in zip(rows, folders, strict=True)
    ]


def captured(workspace: Workspace, pair: dict[str, Any], **more: Any) -> int:
    """Keeps a pair as an app does; gives its number."""
    said = pair["instruction"]
    proposal = clean(said).text
    added = workspace.capture(
        "image_edit",
        original=pair["original"],
        edited=pair["edited"],
        raw=said,
        corrected=proposal if proposal != said else None,
        model="nexvision",
        session=pair["session"],
        sampling="wholesale",
        **more,
    )
    assert added is not None
    return int(added.id)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """An empty workspace."""
    with Workspace.create(tmp_path / "ws", environ={}) as opened:
        yield opened


@pytest.fixture
def edited(workspace: Workspace) -> Workspace:
    """Three pairs: brighter cat, mirrored coffee, and one whose instruction ends in a blank."""
    real = pairs()
    for pair in (real[0], real[6], real[12]):
        captured(workspace, pair)
    return workspace


def halves(size: tuple[int, int], left: str, right: str) -> bytes:
    """A picture of two colours, as a PNG file."""
    image = Image.new("RGB", size, left)
    image.paste(Image.new("RGB", (size[0] // 2, size[1]), right), (size[0] // 2, 0))
    kept = BytesIO()
    image.save(kept, format="PNG")
    return kept.getvalue()


def until(page: Page, told: str, *, patience: float = 60.0) -> Any:
    """Waits until an expression in the page is true, and gives its value."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        value = page.evaluate(told)
        if value:
            return value
        time.sleep(0.03)
    raise AssertionError(f"it did not come true: {told}")


def shown(page: Page, number: int) -> Locator:
    """Waits until a pair is drawn; gives what it is drawn on."""
    box = page.locator(f".compare[data-drawn='{number}']")
    box.wait_for()
    return box


def seen(box: Locator) -> Image.Image:
    """What is on the screen, RGB."""
    return Image.open(BytesIO(box.screenshot())).convert("RGB")
