"""The page "Record" in a real Chromium whose microphone plays a real recording."""

from __future__ import annotations

import base64
import re
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from tests.browser.studio import Studio, make_champion

from truing import Workspace
from truing.domain.sample import Sample
from truing.modalities.speech.recording import read_mono
from truing.testing.chat_server import chat_server
from truing.web.server import Address, Server

ROOT = Path(__file__).parents[2]
BASE = ROOT / "src" / "truing" / "demo" / "digits" / "base" / "without-theo"
DIGITS = ROOT / "tests" / "data" / "speech" / "digits"
CLIP = DIGITS / "7_theo_25.flac"
SAID = re.compile("seven")
SILENCE = 0.4
"""Seconds before and after the clip, while the recording begins and ends."""
RATE = 48_000
LONG_ENOUGH = 2.8
"""Seconds in which the clip, played over and over, is heard whole at least once."""
FAKE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
AGREE = "Keep what I record"

pytest.importorskip("transformers")

Open = Callable[..., Page]


@contextmanager
def studio_in(folder: Path, **flags: str) -> Iterator[Studio]:
    """A studio of its own, closed with the block; `flags` are settings."""
    Workspace.create(folder, environ={}).close()
    settings = {name.replace("__", "."): value for name, value in flags.items()}
    with Workspace.open(folder, environ={}, flags=settings) as workspace:
        make_champion(workspace, BASE, "speech")
        with Server(workspace, Address(port=0)).running() as url:
            yield Studio(workspace=workspace, url=f"{url}/record")


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """One for all tests here: its model is loaded once."""
    with studio_in(tmp_path_factory.mktemp("studio") / "ws") as made:
        yield made


@pytest.fixture(scope="session")
def microphone(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """Flags of a browser whose microphone plays the clip once."""
    import soundfile
    import soxr

    samples, rate = soundfile.read(CLIP, dtype="float32")
    quiet = np.zeros(int(SILENCE * RATE), np.float32)
    sound = np.concatenate([quiet, soxr.resample(samples, rate, RATE), quiet])
    path = tmp_path_factory.mktemp("microphone") / "said.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((sound * 32767).astype("<i2").tobytes())
    return (*FAKE, f"--use-file-for-fake-audio-capture={path}")


def agree(page: Page) -> None:
    """Gives consent where nobody has yet."""
    line = page.locator(".consent-line")
    expect(line).to_be_visible()
    if AGREE in str(page.locator("main").text_content()):
        page.get_by_role("button", name=AGREE).click()
    expect(line).to_contain_text("kept on this machine")
    page.evaluate("document.activeElement.blur()")


def speak(page: Page) -> None:
    """Records the clip, by keyboard."""
    expect(page.get_by_role("button", name="Start recording")).to_be_enabled()
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Stop recording")).to_be_visible()
    shown = "parseFloat(document.querySelector('.record-state .number').textContent)"
    page.wait_for_function(f"seconds => {shown} > seconds", arg=LONG_ENOUGH)
    page.keyboard.press("Space")


def heard(page: Page) -> str:
    """Waits for the model's text. The small model takes the silence before the clip for a word."""
    text = page.locator(".heard-text")
    expect(text).to_have_attribute("data-text", SAID, timeout=60_000)
    return str(text.get_attribute("data-text"))


def likeness(sample: Sample, workspace: Workspace) -> float:
    """How much of the clip is in what was kept: 1 when a stretch of it is the clip itself."""
    kept_sound = read_mono(workspace.blobs.read(sample.media[0].digest))
    clip = read_mono(CLIP.read_bytes())
    products = np.correlate(kept_sound, clip, "valid")
    at = int(products.argmax())
    stretch = kept_sound[at : at + len(clip)]
    return float(products[at] / np.linalg.norm(clip) / np.linalg.norm(stretch))


def test_what_is_said_is_shown_and_one_key_makes_it_an_accepted_sample(
    studio: Studio, browser_page: Open, microphone: tuple[str, ...]
) -> None:
    page = browser_page(studio.url, flags=microphone)
    agree(page)
    speak(page)
    text = heard(page)
    sample = studio.kept()[-1]
    assert (sample.source, sample.state.value) == ("record", "pending")
    assert sample.raw is not None
    assert sample.raw.text == text
    assert sample.media[0].facts["sample_rate"] == 16_000
    assert likeness(sample, studio.workspace) > 0.98

    page.keyboard.press("y")
    expect(page.locator(".heard .chip.good")).to_have_text("was correct")
    expect(page.get_by_text("Saved")).to_be_visible()
    (revision,) = studio.workspace.history(sample.id)
    assert (revision.verdict.value, revision.truth) == ("accepted", text)
    assert revision.shown_because == "recorded"
    assert revision.seconds is not None

    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="Was this correct?")).to_be_visible()
    assert studio.workspace.sample(sample.id).state.value == "pending"


def test_what_was_wrong_is_typed_and_saved_by_keyboard(
    studio: Studio, browser_page: Open, microphone: tuple[str, ...]
) -> None:
    page = browser_page(studio.url, flags=microphone)
    agree(page)
    speak(page)
    text = heard(page)
    page.keyboard.press("n")
    page.keyboard.type("eleven")
    page.keyboard.press("Enter")

    expect(page.locator(".heard .chip.accent")).to_have_text("corrected")
    expect(page.get_by_text("Saved")).to_be_visible()
    sample = studio.kept()[-1]
    assert (sample.state.value, sample.truth) == ("corrected", "eleven")
    assert sample.raw is not None
    assert sample.raw.text == text


def test_without_consent_the_text_is_shown_and_nothing_is_kept(
    tmp_path: Path, browser_page: Open, microphone: tuple[str, ...]
) -> None:
    with studio_in(tmp_path / "ws") as studio:
        page = browser_page(studio.url, flags=microphone)
        question = page.get_by_role("heading", name="May Truing keep what you record?")
        expect(question).to_be_visible()
        speak(page)
        heard(page)
        assert studio.kept() == []
        expect(page.get_by_role("heading", name="Was this correct?")).to_have_count(0)

        agree(page)
        expect(question).to_have_count(0)
        page.get_by_role("button", name="Stop keeping").click()
        line = page.locator(".consent-line")
        expect(line).to_contain_text("nothing is kept")
        page.reload()
        expect(line).to_contain_text("nothing is kept")
        page.set_input_files("input[type=file]", CLIP)
        expect(page.locator(".upload-list .chip")).to_have_text("heard", timeout=60_000)
        assert studio.kept() == []


def test_the_text_is_there_at_once_and_its_correction_when_it_comes(
    tmp_path: Path, browser_page: Open, microphone: tuple[str, ...]
) -> None:
    with (
        chat_server() as chat,
        studio_in(
            tmp_path / "ws",
            corrector__url=chat.address,
            corrector__model="small-chat",
            corrector__seconds="30",
        ) as studio,
    ):
        chat.text, chat.silent = "Seven!", True
        page = browser_page(studio.url, flags=microphone)
        agree(page)
        expect(page.get_by_text("text goes to 127.0.0.1")).to_be_visible()
        speak(page)
        text = heard(page)
        expect(page.get_by_text("correcting…")).to_be_visible()
        chat.go_on.set()
        expect(page.locator(".heard-correction .diff-in")).to_have_text("Seven!")
        page.keyboard.press("h")

        expect(page.get_by_text("Saved")).to_be_visible()
        (sample,) = studio.kept()
        assert (sample.state.value, sample.truth) == ("corrected", text)
        assert sample.corrected is not None
        assert sample.corrected.text == "Seven!"


def test_where_only_corrections_are_kept_a_correction_keeps_the_sound(
    tmp_path: Path, browser_page: Open, microphone: tuple[str, ...]
) -> None:
    flags = {"capture__mode": "corrections", "capture__audit_share": "0"}
    with studio_in(tmp_path / "ws", **flags) as studio:
        page = browser_page(studio.url, flags=microphone)
        agree(page)
        speak(page)
        text = heard(page)
        assert studio.kept() == []
        page.keyboard.press("n")
        page.keyboard.type("eleven")
        page.keyboard.press("Enter")

        expect(page.get_by_text("Kept with your correction")).to_be_visible()
        (sample,) = studio.kept()
        assert (sample.state.value, sample.truth, sample.source) == (
            "corrected",
            "eleven",
            "record",
        )
        assert sample.raw is not None
        assert (sample.raw.text, sample.raw.model) == (text, "speech/1")


def test_files_are_recognised_and_a_broken_one_does_not_stop_the_others(
    studio: Studio, browser_page: Open, watched: Any, tmp_path: Path
) -> None:
    watched.expected.append("422")
    page = browser_page(studio.url, flags=FAKE)
    agree(page)
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"no sound")
    page.set_input_files("input[type=file]", [CLIP, broken, DIGITS / "0_theo_25.flac"])

    expect(page.get_by_text("3 of 3 files")).to_be_visible(timeout=60_000)
    chips = page.locator(".upload-list .chip")
    expect(chips).to_have_text(["heard", "failed", "heard"])
    expect(page.locator(".upload-list span.bad").last).to_contain_text("cannot be decoded")
    files = {str(one.context.get("file")) for one in studio.kept()}
    assert files >= {"0_theo_25.flac", "7_theo_25.flac"}


def test_files_can_be_dropped_on_the_page(studio: Studio, browser_page: Open) -> None:
    page = browser_page(studio.url, flags=FAKE)
    agree(page)
    drop = """async ([data, name]) => {
        const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
        const carried = new DataTransfer();
        carried.items.add(new File([bytes], name, {type: "audio/flac"}));
        const where = document.querySelector(".uploads");
        where.dispatchEvent(new DragEvent("drop", {dataTransfer: carried, bubbles: true}));
    }"""
    clip = DIGITS / "1_theo_25.flac"
    page.evaluate(drop, [base64.b64encode(clip.read_bytes()).decode(), clip.name])

    expect(page.locator(".upload-list .chip")).to_have_text("heard", timeout=60_000)
    assert studio.kept()[-1].context["file"] == "1_theo_25.flac"


def test_without_a_model_the_page_says_what_to_do_first(
    tmp_path: Path,
    served: Callable[..., str],
    browser_page: Open,
    no_violations: Callable[[Page], None],
) -> None:
    with Workspace.create(tmp_path / "empty", environ={}) as workspace:
        page = browser_page(f"{served(workspace)}/record", flags=FAKE)
        expect(page.get_by_text("Import or train a model first")).to_be_visible()
        expect(page.get_by_role("link", name="Train a model")).to_have_attribute("href", "/train")
        no_violations(page)


def test_a_browser_that_refuses_the_microphone_says_how_to_allow_it(
    studio: Studio, browser_page: Open
) -> None:
    page = browser_page(studio.url)
    page.get_by_role("button", name="Start recording").click()

    expect(page.get_by_role("alert")).to_contain_text("microphone")
    expect(page.get_by_role("button", name="Start recording")).to_be_enabled()


def test_an_insecure_origin_offers_the_devices_own_recorder(
    studio: Studio, browser_page: Open, phone: tuple[int, int], fits: Callable[[Page], None]
) -> None:
    page = browser_page(studio.url, size=phone)
    page.add_init_script("Object.defineProperty(navigator, 'mediaDevices', {value: undefined})")
    page.reload()

    expect(page.get_by_text("works on this machine and over https only")).to_be_visible()
    expect(page.locator("input[type=file]")).to_have_attribute("capture", "true")
    expect(page.get_by_role("button", name="Start recording")).to_be_disabled()
    fits(page)


def test_a_browser_without_worklets_sends_what_it_recorded_itself(
    studio: Studio, browser_page: Open, microphone: tuple[str, ...]
) -> None:
    pytest.importorskip("av")
    page = browser_page(studio.url, flags=microphone)
    page.add_init_script("delete window.AudioWorkletNode")
    page.reload()
    agree(page)
    speak(page)
    heard(page)

    sample = studio.kept()[-1]
    assert sample.media[0].media_type == "audio/flac"
    assert sample.media[0].facts["sample_rate"] == 16_000


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_readable_for_all_before_and_after_an_utterance(
    studio: Studio,
    browser_page: Open,
    microphone: tuple[str, ...],
    no_violations: Callable[[Page], None],
    fits: Callable[[Page], None],
    scheme: str,
    phone: tuple[int, int],
) -> None:
    page = browser_page(studio.url, flags=microphone, scheme=scheme, size=phone)
    expect(page.locator(".consent-line")).to_be_visible()
    no_violations(page)
    agree(page)
    speak(page)
    heard(page)
    no_violations(page)
    fits(page)
