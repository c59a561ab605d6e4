"""The page "Review" in a real browser: keys alone, a bad network, two tabs."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.browser.review.conftest import (
    AXE_STATES,
    SHORT,
    Open,
    next_after,
    shown,
    until,
)

from truing import Workspace
from truing.domain.review import State


def said_of(workspace: Workspace, number: int) -> str:
    return str(workspace.sample(number).context["said"])


def all_sent(page: Page) -> None:
    """Waits until the server has every decision."""
    until(page, "Object.keys(localStorage).every(name => !name.startsWith('truing.outbox.'))")


def unsent(page: Page) -> int:
    found: int = page.evaluate(
        "Object.keys(localStorage).filter(name => name.startsWith('truing.outbox.')).length"
    )
    return found


def by_keys(page: Page, truth: str) -> None:
    """Decides on what is shown as a person would, without touching the mouse."""
    readings = page.locator(".proposal-text").all_inner_texts()
    editor = page.get_by_label("What was really said")
    if editor.input_value() == truth:
        page.keyboard.press("a")
    elif len(readings) > 1:
        page.keyboard.press("2")
        page.keyboard.press("Control+Enter")
    else:
        page.keyboard.press("e")
        page.keyboard.press("Control+a")
        page.keyboard.type(truth)
        page.keyboard.press("Control+Enter")
        page.keyboard.press("Escape")


def test_twenty_recordings_are_reviewed_by_keys_alone(
    workspace: Workspace, url: str, browser_page: Open
) -> None:
    page = browser_page(f"{url}/review")
    seen = []
    for _ in range(20):
        number = shown(page)
        seen.append(number)
        by_keys(page, said_of(workspace, number))
        next_after(page, number)
    all_sent(page)
    assert len(set(seen)) == 20
    for number in seen:
        sample = workspace.sample(number)
        truth = said_of(workspace, number)
        assert sample.truth == truth
        assert sample.state is (State.ACCEPTED if sample.proposal == truth else State.CORRECTED)
        revision = workspace.history(number)[-1]
        assert revision.shown_because != "direct"
        assert revision.keys is not None
        assert revision.keys >= 1
        assert revision.seconds is not None
        assert 0 < revision.seconds < 60
    expect(page.locator(".review-progress")).to_contain_text(f"83% (20/{SHORT} reviewed)")


def test_what_models_said_is_compared_with_the_text(url: str, browser_page: Open) -> None:
    page = browser_page(f"{url}/review/6")
    shown(page)
    lines = page.locator(".proposals li")
    expect(lines).to_have_count(2)
    expect(lines.nth(0)).to_contain_text("Heard")
    expect(lines.nth(0).locator("del")).to_have_text("eight")
    expect(lines.nth(0).locator("ins")).to_have_text("five")
    expect(lines.nth(1)).to_contain_text("Corrected")
    expect(lines.nth(1)).to_contain_text("same")
    page.keyboard.press("1")
    expect(page.get_by_label("What was really said")).to_have_value("eight")
    expect(page.locator(".speech-word")).to_have_attribute("data-doubt", "much")
    page.get_by_label("Mark words below this confidence").fill("0.2")
    expect(page.locator(".speech-word")).not_to_have_attribute("data-doubt", "much")


def test_keys_pressed_while_the_next_is_waited_for_decide_nothing(
    workspace: Workspace, url: str, browser_page: Open
) -> None:
    page = browser_page(f"{url}/models")
    page.add_init_script("window.requestIdleCallback = () => 0")
    page.goto(f"{url}/review")
    seen = [shown(page)]
    held: list[Any] = []

    def hold_the_first(route: Any) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    page.route("**/api/queue?*", hold_the_first)
    for _ in range(3):
        page.keyboard.press("x")
        next_after(page, seen[-1])
        seen.append(shown(page))
    for _ in range(4):
        page.keyboard.press("x")
    all_sent(page)
    held[0].continue_()
    next_after(page, seen[-1])
    assert shown(page) not in seen
    assert [len(workspace.history(number)) for number in range(1, SHORT + 1)].count(1) == 4
    assert [len(workspace.history(number)) for number in seen] == [1, 1, 1, 1]


def test_the_queue_ends_and_says_so(workspace: Workspace, url: str, browser_page: Open) -> None:
    for number in range(1, SHORT):
        workspace.review(number, "rejected")
    page = browser_page(f"{url}/review")
    number = shown(page)
    assert number == SHORT
    page.keyboard.press("x")
    expect(page.get_by_role("heading", name="All done")).to_be_visible()
    all_sent(page)
    assert workspace.sample(number).state is State.REJECTED
    page.keyboard.press("u")
    expect(page.locator(f"[data-sample='{number}']")).to_be_visible()
    all_sent(page)
    until(page, "document.querySelector('.review-heading .chip').textContent === 'pending'")
    assert workspace.sample(number).state is State.PENDING


def test_nothing_is_lost_when_the_network_drops(
    workspace: Workspace, url: str, browser_page: Open, watched: Any
) -> None:
    watched.expected += ["ERR_INTERNET_DISCONNECTED", "ERR_FAILED"]
    page = browser_page(f"{url}/review")
    truths: dict[int, str] = {}
    for at in range(6):
        number = shown(page)
        truths[number] = said_of(workspace, number)
        if at == 1:
            until(
                page,
                "performance.getEntriesByType('resource')"
                ".filter(one => one.name.includes('/media/')).length >= 5",
            )
            page.context.set_offline(True)
        by_keys(page, truths[number])
        if at >= 4:
            break
        next_after(page, number)
    assert unsent(page) >= 3
    expect(page.locator(".navigation")).to_contain_text("unsent")
    page.context.set_offline(False)
    all_sent(page)
    expect(page.locator(".navigation")).not_to_contain_text("unsent")
    for number, truth in truths.items():
        assert workspace.sample(number).truth == truth
        assert len(workspace.history(number)) == 1


def test_the_page_goes_on_by_itself_when_the_server_is_back(
    workspace: Workspace, url: str, browser_page: Open, watched: Any
) -> None:
    watched.expected += ["ERR_INTERNET_DISCONNECTED", "ERR_FAILED"]
    page = browser_page(f"{url}/review?order=oldest")
    shown(page)
    page.context.set_offline(True)
    told = page.get_by_role("alert").filter(has_text="the server does not answer")
    for _ in range(SHORT):
        page.keyboard.press("x")
        if told.count():
            break
    expect(told.get_by_role("button", name="Try again")).to_be_visible()
    rejected = unsent(page)
    assert rejected >= 1
    page.context.set_offline(False)
    expect(page.locator("[data-sample]")).to_be_visible(timeout=20_000)
    all_sent(page)
    states = [workspace.sample(number).state for number in range(1, SHORT + 1)]
    assert states.count(State.REJECTED) == rejected


def test_what_was_not_sent_is_sent_after_a_reload(
    workspace: Workspace, url: str, browser_page: Open, watched: Any
) -> None:
    # The page that goes away may have sent it without hearing the answer.
    watched.expected += ["ERR_FAILED", "409"]
    page = browser_page(f"{url}/review")
    page.route(
        "**/review",
        lambda route: route.abort() if route.request.method == "POST" else route.continue_(),
    )
    first = shown(page)
    page.keyboard.press("x")
    next_after(page, first)
    assert unsent(page) == 1
    assert workspace.sample(first).state is State.PENDING
    page.unroute_all()
    page.goto(f"{url}/models")
    all_sent(page)
    assert workspace.sample(first).state is State.REJECTED
    assert len(workspace.history(first)) == 1
    assert unsent(page) == 0


def test_an_answer_that_got_lost_is_not_a_conflict(
    workspace: Workspace, url: str, browser_page: Open, watched: Any
) -> None:
    watched.expected += ["ERR_FAILED", "409"]
    page = browser_page(f"{url}/review")
    tries = []

    def lose_the_first(route: Any) -> None:
        if route.request.method != "POST":
            route.continue_()
            return
        tries.append(route.request.url)
        if len(tries) == 1:
            route.fetch()
            route.abort()
        else:
            route.continue_()

    page.route("**/review", lose_the_first)
    number = shown(page)
    page.keyboard.press("x")
    next_after(page, number)
    all_sent(page)
    assert len(tries) == 2
    assert len(workspace.history(number)) == 1
    expect(page.locator(".held")).to_have_count(0)


def test_two_tabs_on_one_sample_show_the_conflict_and_overwrite_nothing(
    workspace: Workspace, url: str, browser_page: Open, watched: Any
) -> None:
    watched.expected += ["409"]
    first = browser_page(f"{url}/review/3")
    second = browser_page(f"{url}/review/3", context=first.context)
    for page in (first, second):
        # Neither hears of the other's work in time.
        page.route("**/api/changes", lambda route: route.abort())
        page.reload()
        page.goto(f"{url}/review/3")
        assert shown(page) == 3
    watched.expected += ["ERR_FAILED"]
    type_truth(first, "two of the first")
    first.keyboard.press("Control+Enter")
    next_after(first, 3)
    all_sent(first)
    type_truth(second, "two of the second")
    second.keyboard.press("Control+Enter")
    conflict = second.get_by_role("alert")
    expect(conflict).to_contain_text("#3 was not saved")
    expect(conflict).to_contain_text("two of the first")
    expect(conflict.locator(".diff-in")).to_contain_text("second")
    assert workspace.sample(3).truth == "two of the first"
    conflict.get_by_role("button", name="Save yours over it").click()
    expect(conflict).to_have_count(0)
    all_sent(second)
    assert workspace.sample(3).truth == "two of the second"
    assert [one.truth for one in workspace.history(3)] == ["two of the first", "two of the second"]


def test_a_conflict_can_be_left_as_it_was_saved(
    workspace: Workspace, url: str, browser_page: Open, watched: Any
) -> None:
    watched.expected += ["409", "ERR_FAILED"]
    page = browser_page(url)
    page.route("**/api/changes", lambda route: route.abort())
    page.goto(f"{url}/review/3")
    assert shown(page) == 3
    workspace.review(3, "corrected", "two, said somebody", actor="ann")
    type_truth(page, "two, said I")
    page.keyboard.press("Control+s")
    conflict = page.get_by_role("alert")
    expect(conflict).to_contain_text("`ann`")
    conflict.get_by_role("button", name="Keep what is saved").click()
    expect(conflict).to_have_count(0)
    expect(page.get_by_label("What was really said")).to_have_value("two, said somebody")
    assert workspace.sample(3).truth == "two, said somebody"
    assert unsent(page) == 0


def type_truth(page: Page, text: str) -> None:
    page.keyboard.press("e")
    page.keyboard.press("Control+a")
    page.keyboard.type(text)


def test_what_others_decide_is_shown_at_once(
    workspace: Workspace, url: str, browser_page: Open
) -> None:
    page = browser_page(f"{url}/review/5")
    assert shown(page) == 5
    other = browser_page(f"{url}/review/5", context=page.context)
    assert shown(other) == 5
    type_truth(other, "four, really")
    other.keyboard.press("Control+s")
    expect(page.locator(".review-heading")).to_contain_text("corrected")
    expect(page.get_by_label("What was really said")).to_have_value("four, really")
    assert workspace.sample(5).truth == "four, really"


def test_a_decision_is_taken_back_by_key_and_by_the_message(
    workspace: Workspace, url: str, browser_page: Open
) -> None:
    page = browser_page(f"{url}/review")
    first = shown(page)
    page.keyboard.press("a")
    next_after(page, first)
    second = shown(page)
    page.keyboard.press("Control+d")
    next_after(page, second)
    all_sent(page)
    assert workspace.sample(first).state is State.ACCEPTED
    assert workspace.sample(second).state is State.TRASHED
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(page.locator(f"[data-sample='{second}']")).to_be_visible()
    all_sent(page)
    page.keyboard.press("u")
    expect(page.locator(f"[data-sample='{first}']")).to_be_visible()
    all_sent(page)
    assert workspace.sample(second).state is State.PENDING
    assert workspace.sample(first).state is State.PENDING
    assert [one.verdict.value for one in workspace.history(first)] == ["accepted", "undone"]


def test_a_decision_of_an_earlier_sitting_is_taken_back(
    workspace: Workspace, url: str, browser_page: Open
) -> None:
    page = browser_page(f"{url}/review")
    first = shown(page)
    page.keyboard.press("s")
    next_after(page, first)
    all_sent(page)
    page.reload()
    shown(page)
    page.keyboard.press("u")
    expect(page.locator(f"[data-sample='{first}']")).to_be_visible()
    assert workspace.sample(first).state is State.PENDING


def test_a_draft_is_there_again_after_a_reload(
    workspace: Workspace, url: str, browser_page: Open
) -> None:
    page = browser_page(f"{url}/review")
    number = shown(page)
    type_truth(page, "half a sen")
    page.reload()
    assert shown(page) == number
    editor = page.get_by_label("What was really said")
    expect(editor).to_have_value("half a sen")
    expect(page.get_by_role("status").filter(has_text="Draft restored")).to_be_visible()
    page.get_by_role("button", name="Discard it").click()
    expect(editor).to_have_value(str(workspace.sample(number).proposal))
    page.reload()
    shown(page)
    expect(editor).to_have_value(str(workspace.sample(number).proposal))


def test_an_empty_text_is_not_saved_and_long_text_is_doubted(
    workspace: Workspace, url: str, browser_page: Open
) -> None:
    page = browser_page(f"{url}/review/2")
    shown(page)
    page.keyboard.press("0")
    page.keyboard.press("Control+Enter")
    notes = page.locator("#review-text-notes")
    expect(notes).to_contain_text("type what was said")
    expect(page.get_by_label("What was really said")).to_be_focused()
    page.keyboard.type("much more than anybody could say within so little time, is it not")
    expect(notes).to_contain_text("letters a second")
    expect(page.locator(".editor-foot")).to_contain_text("65 characters · 13 words")
    assert workspace.history(2) == []
    page.keyboard.press("Control+z")
    expect(page.get_by_label("What was really said")).to_have_value("")
    page.keyboard.press("Control+z")
    expect(page.get_by_label("What was really said")).to_have_value("four")
    page.keyboard.press("Control+Shift+z")
    page.keyboard.press("Control+y")
    expect(page.locator(".editor-foot")).to_contain_text("13 words")


def test_accepting_never_drops_what_was_typed(
    workspace: Workspace, url: str, browser_page: Open
) -> None:
    page = browser_page(f"{url}/review/2")
    shown(page)
    type_truth(page, "something else")
    page.keyboard.press("Escape")
    page.keyboard.press("a")
    expect(page.locator(".toasts")).to_contain_text("the text was edited")
    expect(page.get_by_role("button", name="Accept what was heard")).to_be_disabled()
    assert workspace.history(2) == []


def test_saving_marking_and_moving_by_keys(
    workspace: Workspace, url: str, browser_page: Open
) -> None:
    page = browser_page(f"{url}/review/4")
    shown(page)
    page.keyboard.press("Control+s")
    expect(page.locator(".toasts")).to_contain_text("nothing was changed")
    page.keyboard.press("Control+r")
    expect(page.locator(".review-heading")).to_contain_text("accepted")
    all_sent(page)
    assert workspace.sample(4).state is State.ACCEPTED
    page.keyboard.press("#")
    page.keyboard.type("9")
    page.keyboard.press("Enter")
    expect(page.locator("[data-sample='9']")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("[data-sample='4']")).to_be_visible()
    page.keyboard.press("n")
    expect(page.locator("[data-sample='9']")).to_be_visible()
    page.keyboard.press("e")
    page.keyboard.press("Alt+ArrowLeft")
    expect(page.locator("[data-sample='4']")).to_be_visible()
    page.keyboard.press("Alt+ArrowRight")
    page.keyboard.press("Alt+ArrowRight")
    until(page, "!['4', '9'].includes(document.querySelector('[data-sample]').dataset.sample)")


def test_a_filter_narrows_the_queue_and_stays_in_the_address(
    workspace: Workspace, url: str, browser_page: Open
) -> None:
    workspace.review(7, "corrected", "something rare")
    page = browser_page(f"{url}/review?state=corrected")
    assert shown(page) == 7
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("heading", name="Nothing left with this filter")).to_be_visible()
    page.get_by_role("button", name="Clear the filter").click()
    shown(page)
    assert page.url == f"{url}/review"


def test_keys_are_listed_on_question_mark(url: str, browser_page: Open) -> None:
    page = browser_page(f"{url}/editor")
    shown(page)
    page.keyboard.press("?")
    listed = page.get_by_role("dialog", name="Keys")
    for what in ("save and go to the next", "hear the last 2 seconds again", "take reading 9"):
        expect(listed).to_contain_text(what)


@pytest.mark.parametrize("scheme", AXE_STATES)
def test_the_page_is_accessible_with_a_sample_and_at_the_end(
    workspace: Workspace, url: str, browser_page: Open, no_violations: Any, scheme: str
) -> None:
    page = browser_page(f"{url}/review/2", scheme=scheme)
    shown(page)
    type_truth(page, "another text altogether")
    no_violations(page)
    for number in range(1, SHORT + 1):
        workspace.review(number, "rejected")
    page.goto(f"{url}/review")
    expect(page.get_by_role("heading", name="All done")).to_be_visible()
    no_violations(page)


def test_the_page_fits_a_phone(url: str, browser_page: Open, fits: Any, phone: Any) -> None:
    page = browser_page(f"{url}/review/2", size=phone)
    shown(page)
    fits(page)
    first = shown(page)
    page.get_by_role("button", name="Reject").tap()
    next_after(page, first)
