"""The page "Samples" in a real browser: find, choose across pages, decide on many, take it back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from truing import Workspace
from truing.domain.errors import NotFoundError
from truing.domain.review import State
from truing.domain.sample import SampleFilter

RECORDINGS = Path(__file__).parents[2] / "src" / "truing" / "demo" / "digits" / "recordings"
NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
THEO = 52
"""Samples of Theo, more than a page; those of Jackson come on top."""
JACKSON = 8
HOUR = 3_600_000_000

Open = Callable[..., Page]


def captured(workspace: Workspace, speaker: str, at: int) -> None:
    """One recording with what is said on it, an hour after the one before."""
    digit = at % 10
    hours = at + (THEO if speaker == "jackson" else 0)
    workspace.capture(
        "speech",
        audio=RECORDINGS / speaker / f"{digit}_{speaker}_{at // 10}.flac",
        raw=f"number {NAMES[digit]}",
        confidence=0.3 + 0.01 * at,
        model="speech/1",
        subject=speaker,
        source="phone" if speaker == "jackson" else "desk",
        session=f"{speaker}-1",
        sampling="wholesale",
        captured_at=workspace.clock.now() - 100 * HOUR + hours * HOUR,
    )


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """60 real recordings that nobody has looked at, numbered in the order they were made."""
    with Workspace.create(tmp_path / "ws", environ={}) as opened:
        for at in range(THEO):
            captured(opened, "theo", at)
        for at in range(JACKSON):
            captured(opened, "jackson", at)
        yield opened


@pytest.fixture
def url(workspace: Workspace, served: Callable[..., str]) -> str:
    return f"{served(workspace)}/samples"


def rows(page: Page) -> list[int]:
    """The numbers in the list, in its order."""
    expect(page.locator(".samples-box[aria-busy=false] tr[data-sample]").first).to_be_visible()
    numbers = "rows => rows.map(one => Number(one.dataset.sample))"
    return [int(one) for one in page.locator("tr[data-sample]").evaluate_all(numbers)]


def listed(page: Page, count: int) -> list[int]:
    """The same, as soon as there are so many of them."""
    expect(page.locator("tr[data-sample]")).to_have_count(count)
    return rows(page)


def row(page: Page, number: int) -> Locator:
    return page.locator(f"tr[data-sample='{number}']")


def message(page: Page, words: str) -> None:
    """Waits for a message at the edge of the page."""
    expect(page.locator(".toast", has_text=words)).to_be_visible()


def states(workspace: Workspace, numbers: list[int]) -> set[str]:
    return {workspace.sample(number).state.value for number in numbers}


def played(page: Page) -> Locator:
    """The player beside the list."""
    return page.get_by_role("complementary").get_by_role("button", name="Play", exact=True)


def pick(page: Page, number: int, **how: object) -> None:
    page.get_by_label(f"Select sample {number}", exact=True).click(**how)


def test_filters_narrow_the_list_and_live_in_the_address(
    workspace: Workspace, url: str, browser_page: Open
) -> None:
    workspace.review(3, "accepted")
    page = browser_page(url)
    assert rows(page) == list(range(60, 10, -1))
    page.keyboard.press("f")
    panel = page.get_by_role("dialog", name="Filters")
    panel.get_by_label("Speaker").fill("jackson")
    panel.get_by_role("button", name="Show").click()
    assert listed(page, JACKSON) == list(range(60, 52, -1))
    expect(page).to_have_url(re.compile(r"speaker=jackson"))
    page.keyboard.press("/")
    page.keyboard.type("seven")
    assert listed(page, 1) == [60]
    page.reload()
    assert listed(page, 1) == [60]
    expect(page.get_by_label("Search the texts")).to_have_value("seven")
    page.get_by_role("button", name="Remove the filter speaker jackson").click()
    assert listed(page, 6) == [60, 48, 38, 28, 18, 8]
    page.get_by_role("button", name="Clear all").click()
    listed(page, 50)
    page.get_by_label("State").select_option("Accepted (1)")
    assert listed(page, 1) == [3]


def test_ratings_are_shown_and_narrow_the_list(
    workspace: Workspace, url: str, browser_page: Open
) -> None:
    for number, value in ((7, 5), (9, 4), (11, 3)):
        workspace.rate(number, value)
    page = browser_page(url)
    listed(page, 50)
    page.keyboard.press("f")
    panel = page.get_by_role("dialog", name="Filters")
    panel.get_by_label("Rating").select_option("4 or better")
    panel.get_by_label("Quality").select_option("0.5 or better")
    panel.get_by_role("button", name="Show").click()
    good = [one for one in (9, 7) if workspace.sample(one).quality >= 0.5]
    assert listed(page, len(good)) == good
    expect(page).to_have_url(re.compile(r"rating_from=4.*quality_from=0\.5"))
    page.get_by_role("button", name="Remove the filter quality 0.5 or better").click()
    assert listed(page, 2) == [9, 7]
    expect(page.get_by_role("button", name="Remove the filter rated 4 or better")).to_be_visible()
    page.goto(f"{url}/9")
    facts = page.get_by_role("complementary", name="Sample 9").get_by_role("region", name="Facts")
    expect(facts).to_contain_text("4 of 5")


def test_what_is_typed_into_a_filter_outlives_news(
    workspace: Workspace, url: str, browser_page: Open
) -> None:
    page = browser_page(url)
    rows(page)
    page.keyboard.press("f")
    panel = page.get_by_role("dialog", name="Filters")
    panel.get_by_label("Speaker").press_sequentially("jack")
    workspace.review(60, "accepted")
    expect(page.get_by_text("Something has changed.")).to_be_attached()
    expect(panel.get_by_label("Speaker")).to_have_value("jack")
    panel.get_by_label("Speaker").press_sequentially("son")
    page.keyboard.press("Enter")
    panel.get_by_role("button", name="Show").click()
    listed(page, JACKSON)


def test_a_filter_without_samples_says_how_to_get_back(url: str, browser_page: Open) -> None:
    page = browser_page(f"{url}?speaker=nobody")
    expect(page.get_by_role("heading", name="No sample matches")).to_be_visible()
    page.get_by_role("link", name="Show all samples").click()
    listed(page, 50)


def test_a_filter_that_cannot_be_is_refused_in_words(
    url: str, browser_page: Open, watched: object
) -> None:
    watched.expected.append("status of 400")
    page = browser_page(f"{url}?from=soon")
    expect(page.get_by_role("alert")).to_contain_text("`soon` is no date")


def test_filters_are_saved_under_a_name(url: str, browser_page: Open) -> None:
    page = browser_page(f"{url}?speaker=jackson&state=pending")
    listed(page, JACKSON)
    page.get_by_role("button", name="Saved").click()
    page.get_by_label("Save “pending, speaker jackson” as").fill("Jackson, to do")
    page.keyboard.press("Enter")
    page.goto(url)
    page.get_by_role("button", name="Saved").click()
    page.get_by_role("button", name="Jackson, to do pending, speaker jackson", exact=True).click()
    listed(page, JACKSON)


def test_orders_go_by_time_and_by_doubt(url: str, browser_page: Open) -> None:
    page = browser_page(url)
    assert rows(page)[:2] == [60, 59]
    page.get_by_role("button", name="Recorded").click()
    expect(page.get_by_role("columnheader", name="Recorded")).to_have_attribute(
        "aria-sort", "ascending"
    )
    expect(page.locator("tr[data-sample]").first).to_have_attribute("data-sample", "1")
    page.get_by_role("button", name="Sure").click()
    expect(page).to_have_url(re.compile("order=least-confident"))
    expect(page.locator(".samples-sure").first).to_have_text("30 %")
    page.keyboard.press("o")
    expect(page).to_have_url(re.compile("order=lowest-quality"))


def test_pages_go_on_and_back(url: str, browser_page: Open) -> None:
    page = browser_page(url)
    expect(page.get_by_text("Page 1 of 2, 60 samples")).to_be_visible()
    page.get_by_role("button", name="Next", exact=True).click()
    assert listed(page, 10) == list(range(10, 0, -1))
    page.reload()
    assert listed(page, 10) == list(range(10, 0, -1))
    page.keyboard.press("[")
    assert listed(page, 50)[0] == 60
    page.keyboard.press("]")
    listed(page, 10)
    page.go_back()
    assert listed(page, 50)[0] == 60


def test_a_choice_is_kept_across_pages_and_undone_at_once(
    workspace: Workspace, url: str, browser_page: Open
) -> None:
    page = browser_page(url)
    rows(page)
    pick(page, 58)
    pick(page, 55, modifiers=["Shift"])
    page.get_by_role("button", name="Next", exact=True).click()
    listed(page, 10)
    pick(page, 4)
    chosen = [4, 55, 56, 57, 58]
    bar = page.get_by_role("region", name="Selected samples")
    expect(bar).to_contain_text("5 selected")
    bar.get_by_role("button", name="Accept").click()
    message(page, "5 samples accepted")
    assert states(workspace, chosen) == {"accepted"}
    assert workspace.store.samples.count(SampleFilter(states=(State.ACCEPTED,))) == 5
    expect(bar).to_be_hidden()
    page.get_by_role("button", name="Undo").click()
    message(page, "Taken back")
    assert states(workspace, chosen) == {"pending"}


def test_all_that_match_are_rejected_and_taken_back(
    workspace: Workspace, url: str, browser_page: Open
) -> None:
    page = browser_page(f"{url}?speaker=theo")
    listed(page, 50)
    page.get_by_label("Select the whole page").click()
    bar = page.get_by_role("region", name="Selected samples")
    expect(bar).to_contain_text("50 selected")
    bar.get_by_role("button", name="Select all that match").click()
    expect(bar).to_contain_text("All that match")
    bar.get_by_role("button", name="Reject").click()
    message(page, "52 samples rejected")
    counts = workspace.store.samples.state_counts("speech")
    assert (counts["rejected"], counts["pending"]) == (THEO, JACKSON)
    page.keyboard.press("u")
    message(page, "Taken back")
    assert workspace.store.samples.state_counts("speech")["pending"] == 60


def test_rows_are_decided_by_keys_alone(workspace: Workspace, url: str, browser_page: Open) -> None:
    page = browser_page(url)
    rows(page)
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="Sample 59", exact=True)).to_be_focused()
    page.keyboard.press("a")
    message(page, "1 sample accepted")
    assert workspace.sample(59).state is State.ACCEPTED
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Shift+X")
    expect(page.get_by_text("3 selected")).to_be_visible()
    page.keyboard.press("r")
    message(page, "3 samples rejected")
    assert states(workspace, [57, 58, 59]) == {"rejected"}
    page.keyboard.press("u")
    message(page, "Taken back")
    assert workspace.sample(59).state is State.ACCEPTED
    assert states(workspace, [57, 58]) == {"pending"}
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    detail = page.get_by_role("complementary", name="Sample 58")
    expect(detail).to_be_visible()
    expect(page).to_have_url(re.compile("/samples/58$"))
    page.keyboard.press("j")
    expect(page.get_by_role("complementary", name="Sample 57")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("complementary")).to_have_count(0)
    expect(page.get_by_role("link", name="Sample 57", exact=True)).to_be_focused()


def test_the_end_of_a_page_leads_to_the_next(url: str, browser_page: Open) -> None:
    page = browser_page(url)
    rows(page)
    page.get_by_role("link", name="Sample 11", exact=True).focus()
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="Sample 10", exact=True)).to_be_focused()
    page.keyboard.press("k")
    expect(page.get_by_role("link", name="Sample 11", exact=True)).to_be_focused()


def test_speakers_and_tags_are_set_together_and_undone(
    workspace: Workspace, url: str, browser_page: Open
) -> None:
    page = browser_page(f"{url}?speaker=jackson")
    listed(page, JACKSON)
    page.get_by_label("Select the whole page").click()
    page.get_by_role("button", name="Tag", exact=True).click()
    page.get_by_role("dialog", name="Tags").get_by_label("Tag").fill("clear voice")
    page.keyboard.press("Enter")
    message(page, "8 samples tagged")
    expect(page.locator("tr[data-sample='60'] .chip", has_text="clear voice")).to_be_visible()
    page.goto(f"{url}?tag=clear+voice")
    listed(page, JACKSON)
    page.get_by_label("Select the whole page").click()
    page.get_by_role("button", name="Speaker", exact=True).click()
    page.get_by_role("dialog", name="Set the speaker").get_by_label("Speaker").fill("jack")
    page.keyboard.press("Enter")
    message(page, "8 samples given a speaker")
    assert {workspace.sample(number).subject for number in range(53, 61)} == {"jack"}
    page.keyboard.press("u")
    message(page, "Taken back")
    assert {workspace.sample(number).subject for number in range(53, 61)} == {"jackson"}


def test_words_are_replaced_in_truths_after_a_preview(
    workspace: Workspace, url: str, browser_page: Open
) -> None:
    for number in (51, 52):
        workspace.review(number, "corrected", "numbers of nine lives")
    workspace.review(50, "corrected", "number ten")
    page = browser_page(f"{url}?state=corrected")
    listed(page, 3)
    page.get_by_label("Select the whole page").click()
    page.get_by_role("button", name="Replace…").click()
    dialog = page.get_by_role("dialog", name="Find and replace in truths")
    dialog.get_by_label("Find").fill("numbers")
    dialog.get_by_label("Replace with").fill("figures")
    expect(dialog.get_by_text("2 texts would change.")).to_be_visible()
    change = dialog.locator("tr", has_text="52").first
    expect(change.locator("del")).to_have_text("numbers")
    expect(change.locator("ins")).to_have_text("figures")
    assert workspace.sample(52).truth == "numbers of nine lives"
    dialog.get_by_role("button", name="Replace in 2 samples").click()
    message(page, "2 samples changed")
    assert {workspace.sample(n).truth for n in (51, 52)} == {"figures of nine lives"}
    assert workspace.sample(50).truth == "number ten"
    page.get_by_role("button", name="Undo").click()
    message(page, "Taken back")
    assert {workspace.sample(n).truth for n in (51, 52)} == {"numbers of nine lives"}


def test_deleted_samples_wait_in_the_trash(
    workspace: Workspace, url: str, browser_page: Open
) -> None:
    page = browser_page(url)
    rows(page)
    pick(page, 60)
    pick(page, 59)
    page.keyboard.press("Delete")
    message(page, "2 samples moved to the trash")
    expect(row(page, 60)).to_have_count(0)
    assert states(workspace, [59, 60]) == {"trashed"}
    page.get_by_role("link", name="Trash").click()
    expect(page.get_by_role("heading", name="Samples in the trash")).to_be_visible()
    assert listed(page, 2) == [60, 59]
    pick(page, 60)
    page.get_by_role("button", name="Take back").click()
    message(page, "1 sample taken back")
    assert workspace.sample(60).state is State.PENDING
    assert listed(page, 1) == [59]
    page.keyboard.press("u")
    message(page, "Taken back")
    assert workspace.sample(60).state is State.TRASHED


def test_what_could_not_be_done_is_told_row_by_row(
    workspace: Workspace, url: str, browser_page: Open
) -> None:
    page = browser_page(url)
    rows(page)
    pick(page, 60)
    pick(page, 59)
    workspace.forget(ids=[60])
    page.get_by_role("button", name="Accept", exact=True).click()
    dialog = page.get_by_role("dialog", name="1 sample stayed as they were")
    expect(dialog).to_contain_text("Sample 60")
    assert workspace.sample(59).state is State.ACCEPTED


def test_a_sample_shows_everything_and_a_decision_is_taken_back(
    workspace: Workspace, url: str, browser_page: Open
) -> None:
    workspace.review(60, "accepted", seconds=3.2, keys=4)
    workspace.review(60, "corrected", "number seventy", why="heard it again")
    workspace.freeze("mine", test_share=0.0, validation_share=0.0)
    page = browser_page(f"{url}/60")
    detail = page.get_by_role("complementary", name="Sample 60")
    expect(detail.get_by_role("button", name="Play", exact=True)).to_be_visible()
    truth = detail.locator(".detail-truth")
    expect(truth.locator("del")).to_have_text("seven")
    expect(truth.locator("ins")).to_have_text("seventy")
    for words in ("jackson-1", "phone", "own-use", "part of an import of everything"):
        expect(detail.get_by_role("region", name="Facts")).to_contain_text(words)
    expect(detail.get_by_role("link", name="mine@1")).to_be_visible()
    history = detail.get_by_role("region", name="Decisions")
    expect(history).to_contain_text("“heard it again”")
    expect(history).to_contain_text("4 keys")
    history.get_by_role("button", name="Undo").first.click()
    expect(history).to_contain_text("taken back")
    assert workspace.sample(60).truth == "number seven"


def test_speaker_and_tags_of_one_sample_are_edited(
    workspace: Workspace, url: str, browser_page: Open
) -> None:
    page = browser_page(f"{url}/60")
    page.get_by_role("button", name="Speaker, tags").click()
    dialog = page.get_by_role("dialog", name="Sample 60")
    dialog.get_by_label("Speaker").fill("jack")
    dialog.get_by_label("Tags").fill("names, quiet")
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_role("region", name="Facts")).to_contain_text("names, quiet")
    sample = workspace.sample(60)
    assert (sample.subject, set(sample.tags)) == ("jack", {"names", "quiet"})
    assert sample.session == "jackson-1"


def test_forgetting_warns_and_asks_for_the_number(
    workspace: Workspace, url: str, browser_page: Open
) -> None:
    workspace.review(60, "accepted")
    workspace.freeze("mine", test_share=0.0, validation_share=0.0)
    page = browser_page(f"{url}/60")
    page.get_by_role("button", name="Forget…").click()
    dialog = page.get_by_role("dialog", name="Forget sample 60")
    expect(dialog).to_contain_text("This cannot be undone.")
    expect(dialog).to_contain_text("1 dataset version keeps a tombstone: mine@1")
    forget = dialog.get_by_role("button", name="Forget for good")
    expect(forget).to_be_disabled()
    dialog.get_by_label("To go on, type its number").fill("60")
    forget.click()
    message(page, "Sample 60 is forgotten")
    with pytest.raises(NotFoundError):
        workspace.sample(60)
    expect(page.get_by_role("complementary")).to_have_count(0)
    expect(row(page, 60)).to_have_count(0)


def test_a_sample_that_is_not_there_says_so(url: str, browser_page: Open, watched: object) -> None:
    watched.expected.append("status of 404")
    page = browser_page(f"{url}/4711")
    detail = page.get_by_role("complementary", name="Sample 4711")
    expect(detail.get_by_role("alert")).to_contain_text("4711")


def test_what_is_chosen_is_exported(url: str, browser_page: Open) -> None:
    page = browser_page(f"{url}?speaker=jackson")
    listed(page, JACKSON)
    pick(page, 60)
    pick(page, 57)
    page.get_by_role("button", name="Export").click()
    dialog = page.get_by_role("dialog", name="Export 2 samples")
    with page.expect_download() as coming:
        dialog.get_by_role("link", name="Download").click()
    lines = coming.value.path().read_text(encoding="utf-8").splitlines()
    assert sorted(json.loads(line)["id"] for line in lines) == [57, 60]


def test_new_samples_are_announced_and_not_pushed_in(
    workspace: Workspace, url: str, browser_page: Open
) -> None:
    page = browser_page(url)
    assert rows(page)[0] == 60
    captured(workspace, "jackson", JACKSON)
    page.get_by_role("button", name="Show it").click()
    expect(page.locator("tr[data-sample]").first).to_have_attribute("data-sample", "61")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_list_and_a_sample_are_accessible(
    workspace: Workspace,
    url: str,
    browser_page: Open,
    no_violations: Callable[[Page], None],
    scheme: str,
) -> None:
    workspace.review(59, "corrected", "number seventy", why="a reason")
    workspace.review(58, "rejected")
    workspace.delete(ids=[1])
    page = browser_page(f"{url}?state=pending&state=corrected&state=rejected", scheme=scheme)
    rows(page)
    pick(page, 57)
    no_violations(page)
    page.keyboard.press("f")
    no_violations(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Replace…").click()
    page.get_by_role("dialog").get_by_label("Find").fill("number")
    no_violations(page)
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Sample 59", exact=True).click()
    expect(played(page)).to_be_visible()
    no_violations(page)
    page.goto(f"{url}?state=trashed")
    listed(page, 1)
    no_violations(page)


def test_a_phone_shows_cards(
    url: str, browser_page: Open, fits: Callable[[Page], None], phone: tuple[int, int]
) -> None:
    page = browser_page(url, size=phone)
    rows(page)
    fits(page)
    pick(page, 60)
    fits(page)
    card = page.locator("tr[data-sample='60']").bounding_box()
    assert card is not None
    assert card["height"] > 80
    assert card["width"] > 340
    page.get_by_role("button", name="Filters", exact=True).click()
    fits(page)
    page.get_by_role("button", name="Close").click()
    page.get_by_role("link", name="Sample 59", exact=True).click()
    expect(played(page)).to_be_visible()
    fits(page)
