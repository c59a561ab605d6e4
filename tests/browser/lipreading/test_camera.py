"""The page "Record" in a real Chromium whose camera shows a GRID clip."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.browser.lipreading.conftest import CLIP, FAKE, until
from tests.browser.studio import Studio, make_champion

from truing import Workspace
from truing.domain.sample import Sample
from truing.modalities.lipreading.frames import read_frames
from truing.modalities.lipreading.grammar import GRID
from truing.modalities.lipreading.mouth import mouth_clip
from truing.testing.chat_server import chat_server
from truing.web.server import Address, Server

pytest.importorskip("av")
pytest.importorskip("mediapipe")

SAID = "bin blue at f two now"
LONG_ENOUGH = 2.2
"""Seconds of a recording; the clip is shown over and over."""
AGREE = "Keep what I record"

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def studio(ridge: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """One for all tests that record: its model is loaded once."""
    folder = tmp_path_factory.mktemp("studio") / "ws"
    with Workspace.create(folder, environ={}) as workspace:
        make_champion(workspace, ridge, "lipreading")
        with Server(workspace, Address(port=0)).running() as url:
            yield Studio(workspace=workspace, url=f"{url}/record?modality=lipreading")


def agree(page: Page) -> None:
    """Gives consent where nobody has yet."""
    line = page.locator(".consent-line")
    expect(line).to_be_visible()
    if AGREE in str(page.locator("main").text_content()):
        page.get_by_role("button", name=AGREE).click()
    expect(line).to_contain_text("kept on this machine")
    page.evaluate("document.activeElement.blur()")


def film(page: Page, seconds: float = LONG_ENOUGH) -> None:
    """Turns the camera on and records, by keyboard."""
    button = page.get_by_role("button", name="Turn on the camera")
    if button.count():
        page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Start recording")).to_be_enabled()
    until(page, "document.querySelector('.camera-view video').videoWidth > 0")
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Stop recording")).to_be_visible()
    shown = "parseFloat(document.querySelector('.camera-badge .number').textContent)"
    until(page, f"{shown} > {seconds}")
    page.keyboard.press("Space")


def read(page: Page) -> str:
    """Waits for the model's text."""
    text = page.locator(".heard-text")
    expect(text).to_be_visible(timeout=60_000)
    return str(text.get_attribute("data-text"))


def test_what_the_camera_saw_is_read_corrected_and_kept_as_a_video(
    studio: Studio, browser_page: Open, camera: tuple[str, ...], no_violations: Callable[..., None]
) -> None:
    page = browser_page(studio.url, flags=camera)
    agree(page)
    film(page)
    text = read(page)
    assert GRID.fits(text)
    expect(page.get_by_text("Raw output")).to_be_visible()
    expect(page.get_by_role("heading", name="Was this correct? (y/n)")).to_be_visible()
    no_violations(page)
    page.keyboard.press("n")
    page.keyboard.type(SAID)
    page.keyboard.press("Enter")

    expect(page.get_by_text("Training sample saved!")).to_be_visible()
    sample = studio.kept()[-1]
    assert (sample.modality, sample.source) == ("lipreading", "record")
    assert (sample.state.value, sample.truth) == ("corrected", SAID)
    assert sample.raw is not None
    assert (sample.raw.text, sample.raw.model) == (text, "lipreading/1")
    is_a_video_of_the_speaker(studio.workspace, sample)


def is_a_video_of_the_speaker(workspace: Workspace, sample: Sample) -> None:
    """The kept bytes decode to frames in the order of their own times, with a mouth in them."""
    (medium,) = sample.media
    assert medium.media_type == "video/webm"
    path = workspace.blobs.path(medium.digest)
    times = [frame.time for frame in read_frames(path, colour="grey")]
    assert len(times) == medium.facts["frames"] > 10
    assert all(earlier < later for earlier, later in pairwise(times))
    assert LONG_ENOUGH * 0.7 < times[-1] < LONG_ENOUGH + 2
    assert mouth_clip(path).seen.mean() > 0.9


def test_what_was_right_is_marked_with_one_key(
    studio: Studio, browser_page: Open, camera: tuple[str, ...]
) -> None:
    page = browser_page(studio.url, flags=camera)
    agree(page)
    film(page)
    text = read(page)
    page.keyboard.press("y")

    expect(page.get_by_text("Marked as correct")).to_be_visible()
    sample = studio.kept()[-1]
    assert (sample.state.value, sample.truth) == ("accepted", text)


def test_the_correction_of_a_language_model_stands_below_the_raw_output(
    ridge: Path, tmp_path: Path, browser_page: Open, camera: tuple[str, ...]
) -> None:
    Workspace.create(tmp_path / "ws", environ={}).close()
    with chat_server() as chat:
        chat.text = "Bin blue at F, two now."
        flags = {"corrector.url": chat.address, "corrector.model": "small-chat"}
        with Workspace.open(tmp_path / "ws", environ={}, flags=flags) as workspace:
            make_champion(workspace, ridge, "lipreading")
            with Server(workspace, Address(port=0)).running() as url:
                page = browser_page(f"{url}/record?modality=lipreading", flags=camera)
                agree(page)
                film(page)
                text = read(page)
                correction = page.locator(".heard-correction")
                expect(correction.get_by_text("LLM correction")).to_be_visible()
                page.keyboard.press("y")
                expect(
                    page.get_by_text("Training sample saved!").or_(
                        page.get_by_text("Marked as correct")
                    )
                ).to_be_visible()
                (sample,) = Studio(workspace=workspace, url=url).kept()
                assert sample.raw is not None
                assert sample.raw.text == text
                assert sample.corrected is not None
                assert sample.truth == sample.corrected.text == "Bin blue at F, two now."


def test_without_a_model_a_recording_is_kept_with_what_the_person_types(
    tmp_path: Path, served: Callable[..., str], browser_page: Open, camera: tuple[str, ...]
) -> None:
    with Workspace.create(tmp_path / "ws", environ={}) as workspace:
        page = browser_page(f"{served(workspace)}/record", flags=camera)
        expect(page.get_by_text("There is no model to listen yet")).to_be_visible()
        page.get_by_role("button", name="Camera", exact=True).click()
        expect(page.get_by_text("There is no model to read lips yet")).to_be_visible()
        film(page)
        expect(page.get_by_role("alert")).to_contain_text("nothing is kept")
        assert Studio(workspace=workspace, url="").kept() == []
        agree(page)
        film(page)
        expect(page.get_by_label("What was said")).to_be_focused()
        page.keyboard.type(SAID)
        page.keyboard.press("Enter")

        expect(page.get_by_text("Training sample saved!")).to_be_visible()
        (sample,) = Studio(workspace=workspace, url="").kept()
        assert (sample.modality, sample.truth, sample.raw) == ("lipreading", SAID, None)


def test_without_a_face_the_page_says_what_is_missing(studio: Studio, browser_page: Open) -> None:
    page = browser_page(studio.url, flags=FAKE)
    agree(page)
    film(page)
    expect(page.get_by_text("Nothing was read: was your face in the picture?")).to_be_visible(
        timeout=60_000
    )
    expect(page.locator(".heard-findings .chip").first).to_have_text("face missing")
    expect(page.get_by_role("button", name="Yes")).to_be_disabled()


def test_a_recording_that_is_too_short_is_not_sent(
    studio: Studio, browser_page: Open, camera: tuple[str, ...]
) -> None:
    before = len(studio.kept())
    page = browser_page(studio.url, flags=camera)
    agree(page)
    film(page, 0.0)

    expect(page.get_by_role("alert")).to_contain_text("too short")
    expect(page.get_by_role("button", name="Start recording")).to_be_enabled()
    assert len(studio.kept()) == before


@pytest.mark.parametrize(
    ("refusal", "words"),
    [("NotAllowedError", "may not use the camera"), ("NotFoundError", "there is no camera")],
)
def test_no_camera_is_told_with_what_to_do(
    studio: Studio, browser_page: Open, refusal: str, words: str
) -> None:
    page = browser_page(studio.url, flags=FAKE)
    page.evaluate(
        """name => navigator.mediaDevices.getUserMedia =
             () => Promise.reject(new DOMException("no", name))""",
        refusal,
    )
    page.get_by_role("button", name="Turn on the camera").click()

    expect(page.get_by_role("alert")).to_contain_text(words)
    expect(page.get_by_role("button", name="Turn on the camera")).to_be_enabled()


def test_videos_can_be_dropped_and_what_is_none_is_told(
    studio: Studio, browser_page: Open, watched: Any
) -> None:
    watched.expected += ["400", "422"]
    page = browser_page(studio.url, flags=FAKE)
    agree(page)
    drop = """files => {
        const carried = new DataTransfer();
        for (const [data, name] of files) {
            const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
            carried.items.add(new File([bytes], name));
        }
        const where = document.querySelector(".uploads");
        where.dispatchEvent(new DragEvent("drop", {dataTransfer: carried, bubbles: true}));
    }"""
    files = [(CLIP.read_bytes(), "bbaf2n.mpg"), (b"no video at all", "renamed.mp4")]
    page.evaluate(drop, [[base64.b64encode(data).decode(), name] for data, name in files])

    chips = page.locator(".upload-list .chip")
    expect(chips).to_have_text(["read", "failed"], timeout=60_000)
    expect(page.locator(".upload-list span.bad").last).to_contain_text("not a video")
    assert studio.kept()[-1].context["file"] == "bbaf2n.mpg"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_camera_page_is_readable_for_all(
    studio: Studio,
    browser_page: Open,
    camera: tuple[str, ...],
    no_violations: Callable[[Page], None],
    fits: Callable[[Page], None],
    scheme: str,
    phone: tuple[int, int],
) -> None:
    page = browser_page(studio.url, flags=camera, scheme=scheme, size=phone)
    agree(page)
    no_violations(page)
    page.get_by_role("button", name="Turn on the camera").click()
    until(page, "document.querySelector('.camera-view video').videoWidth > 0")
    no_violations(page)
    fits(page)
