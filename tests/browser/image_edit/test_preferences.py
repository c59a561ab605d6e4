"""Two models compared blind, in a real Chromium: keys, undo, coming back, two people, a phone."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect
from tests.browser.image_edit.conftest import Open

from truing import Workspace
from truing.domain.dataset import Split
from truing.domain.person import Role
from truing.domain.preference import Choice
from truing.testing.contest import NAMES, Arranged, arrange
from truing.testing.factories import make_digest, make_evaluated_row, make_evaluation
from truing.workspace import people

ASKED, EQUAL = 20, 2
PASSWORD = "three plain words"
TITLES = ("First result", "Second result")


@pytest.fixture
def arranged(workspace: Workspace) -> Arranged:
    """Twenty pairs to choose on, and two that do not differ."""
    return arrange(workspace, ASKED + EQUAL, equal=EQUAL, size=(240, 160))


def place(url: str, arranged: Arranged) -> str:
    return f"{url}/review/ab?first={arranged.a.uid}&second={arranged.b.uid}"


def drawn(page: Page) -> str:
    """Waits until a pair is on the screen; gives the uid of its sample."""
    box = page.locator(".ab-pair[data-drawn]:not([data-drawn=''])")
    box.wait_for()
    return str(box.get_attribute("data-drawn"))


def press(page: Page, key: str) -> str:
    """Chooses by a key, and waits for the next pair or the result; gives what was chosen on."""
    uid = drawn(page)
    page.keyboard.press(key)
    page.locator(f".ab-pair:not([data-drawn='{uid}']), .ab-result").first.wait_for()
    return uid


def key_of(workspace: Workspace, arranged: Arranged, uid: str, wanted: Choice, actor: str) -> str:
    """The key that chooses one of the models, for somebody who cannot know it."""
    contest = workspace.preferences.of(arranged.a.uid, arranged.b.uid)
    pair = workspace.preferences.pair(contest, uid, actor=actor)
    is_left = pair.left == contest.rows[uid][0 if wanted is Choice.A else 1]
    return "ArrowLeft" if is_left else "ArrowRight"


class Overheard:
    """Everything the server answered a page, but for its files and the stream of news."""

    def __init__(self, page: Page) -> None:
        self.told = ""
        page.route("**/api/**", self._pass_on)

    def _pass_on(self, route: Route) -> None:
        if "/api/changes" in route.request.url:
            route.continue_()
            return
        answer = route.fetch()
        # Other answers come while this one's body is read.
        told = f"{answer.url} {answer.headers} {answer.body()!r}\n"
        self.told += told
        route.fulfill(response=answer)


def test_twenty_pairs_by_keyboard_without_a_name(
    workspace: Workspace, arranged: Arranged, served: Callable[..., str], browser_page: Open
) -> None:
    url = served(workspace)
    page = browser_page(f"{url}/review/ab")
    overheard = Overheard(page)
    page.goto(place(url, arranged))
    expect(page.locator(".ab-progress")).to_have_text("0 of about 20")
    seen = [press(page, "ArrowLeft"), press(page, "2"), press(page, "="), press(page, "t")]
    expect(page.locator(".ab-progress")).to_have_text("4 of about 20")

    # What was skipped is no choice, and comes back when nothing else is left.
    skipped = press(page, "s")
    # Both ways of taking back; each pair stands there again.
    again = drawn(page)
    page.keyboard.press("u")
    expect(page.locator("[data-pair]")).to_have_attribute("data-pair", seen[3])
    page.keyboard.press("Control+z")
    expect(page.locator("[data-pair]")).to_have_attribute("data-pair", seen[2])
    expect(page.locator(".ab-progress")).to_have_text("2 of about 20")
    assert press(page, "ArrowRight") == seen[2]
    assert press(page, "ArrowLeft") == seen[3]
    assert drawn(page) == again

    # A choice that is still on its way when the page is left would be lost.
    expect(page.locator(".ab-progress")).to_have_text("4 of about 20")
    page.reload()
    expect(page.locator(".ab-progress")).to_have_text("4 of about 20")
    while len(seen) < ASKED:
        wanted = Choice.A if len(seen) % 3 else Choice.B
        uid = drawn(page)
        assert uid not in seen
        seen.append(press(page, key_of(workspace, arranged, uid, wanted, workspace.actor)))
    assert skipped in seen
    result = page.locator(".ab-result")
    result.wait_for()
    for name in (*NAMES, arranged.a.model_digest, arranged.b.model_digest):
        assert name not in overheard.told.partition("/api/preferences/result")[0]
    assert all(uid in overheard.told for uid in seen)
    assert NAMES[0] in overheard.told

    expect(result).to_contain_text("of the pairs people prefer image_edit/2 to image_edit/1")
    expect(result).to_contain_text("1 person, 20 choices")
    expect(result).to_contain_text("2 rows")
    expect(result).to_contain_text("not provable")
    contest = workspace.preferences.of(arranged.a.uid, arranged.b.uid)
    rate = workspace.preferences.result(contest)
    assert rate is not None
    expect(result).to_contain_text(f"{rate.rate:.0%}".replace("%", " %"))
    assert rate.counted == ASKED


def test_a_clear_result_is_told_and_one_may_go_on(
    workspace: Workspace,
    arranged: Arranged,
    served: Callable[..., str],
    browser_page: Open,
    no_violations: Callable[[Page], None],
) -> None:
    page = browser_page(place(served(workspace), arranged))
    drawn(page)
    no_violations(page)
    result = page.locator(".ab-result")
    for done in range(1, ASKED):
        uid = drawn(page)
        press(page, key_of(workspace, arranged, uid, Choice.B, workspace.actor))
        expect(page.locator(".ab-progress")).to_contain_text(f"{done} of about")
        if not page.locator("[data-pair]").count():
            break
    expect(result).to_contain_text("proven better")
    contest = workspace.preferences.of(arranged.a.uid, arranged.b.uid)
    rate = workspace.preferences.result(contest)
    assert rate is not None
    assert rate.decided
    assert rate.losses == 0
    no_violations(page)
    page.get_by_role("button", name="Go on choosing").click()
    counted = len(workspace.preferences.votes(contest))
    page.get_by_role("button", name="No difference").click()
    expect(page.locator(".ab-progress")).to_contain_text(f"{counted + 1} of about")
    page.get_by_role("button", name="Result so far").click()
    page.get_by_role("button", name="Take the last choice back").click()
    drawn(page)
    assert len(workspace.preferences.votes(contest)) == counted


def test_pictures_are_looked_at_in_step(
    workspace: Workspace, arranged: Arranged, served: Callable[..., str], browser_page: Open
) -> None:
    page = browser_page(place(served(workspace), arranged))
    drawn(page)
    moved = (
        "[...document.querySelectorAll('.ab-pair img')].map((i) => getComputedStyle(i).transform)"
    )
    page.keyboard.press("+")
    expect(page.locator(".zoom-scale")).to_have_text("1.5 ×")
    near = page.evaluate(moved)
    assert {one.partition(",")[0] for one in near} == {"matrix(1.5"}
    box = page.locator(".ab-right").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2, steps=3)
    page.mouse.up()
    panned = page.evaluate(moved)
    assert panned != near
    lefts: dict[str, Any] = page.evaluate(
        """Object.fromEntries([...document.querySelectorAll('.ab-pair figure')].map((one) => [
          one.className, new DOMMatrix(getComputedStyle(one.querySelector('img')).transform).e
            / one.getBoundingClientRect().width]))"""
    )
    assert len({round(share, 3) for share in lefts.values()}) == 1
    page.keyboard.press("z")
    expect(page.locator(".zoom-scale")).to_have_text("whole")

    under = page.locator(".ab-left .ab-under")
    expect(under).to_be_hidden()
    page.keyboard.down("Space")
    expect(under).to_be_visible()
    page.keyboard.up("Space")
    expect(under).to_be_hidden()
    uid = drawn(page)
    press(page, "ArrowLeft")
    assert drawn(page) != uid
    expect(page.locator(".zoom-scale")).to_have_text("whole")


def test_two_people_choose_apart(
    tmp_path: Path, served: Callable[..., str], launch: Callable[..., Any], browser_page: Open
) -> None:
    Workspace.create(tmp_path / "team", environ={}).close()
    flags = {"serve.auth": "users"}
    with Workspace.open(tmp_path / "team", flags=flags, environ={}) as workspace:
        arranged = arrange(workspace, 8, size=(96, 72))
        for name, role in (("ann", Role.ADMIN), ("bob", Role.REVIEWER)):
            people.add(workspace, name, role, PASSWORD)
        url = served(workspace)
        chosen = {}
        for name in ("ann", "bob"):
            context = launch().new_context(reduced_motion="reduce")
            page = browser_page(f"{url}/login", context=context)
            page.get_by_label("Name").fill(name)
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Sign in").click()
            expect(page.get_by_role("navigation")).to_be_visible()
            page.goto(place(url, arranged))
            chosen[name] = [press(page, "1") for _ in range(4)]
            arrived = 4 * len(chosen)
            expect(page.locator(".ab-progress")).to_have_text(re.compile(rf"^{arrived} of"))
            context.close()
        assert not set(chosen["ann"]) & set(chosen["bob"])
        contest = workspace.preferences.of(arranged.a.uid, arranged.b.uid)
        votes = workspace.preferences.votes(contest)
        assert [one.actor for one in votes] == ["ann"] * 4 + ["bob"] * 4
        rate = workspace.preferences.result(contest)
        assert rate is not None
        assert (rate.counted, rate.people) == (8, 2)


def test_a_phone_in_the_dark(
    workspace: Workspace,
    arranged: Arranged,
    served: Callable[..., str],
    browser_page: Open,
    phone: tuple[int, int],
    no_violations: Callable[[Page], None],
    fits: Callable[[Page], None],
) -> None:
    page = browser_page(place(served(workspace), arranged), scheme="dark", size=phone)
    uid = drawn(page)
    fits(page)
    no_violations(page)
    first, second = (page.locator(f".ab-{side}").bounding_box() for side in ("left", "right"))
    assert first is not None
    assert second is not None
    assert second["y"] > first["y"], "wide pictures stand below one another"
    page.get_by_role("button", name="First").tap()
    expect(page.locator("[data-pair]")).not_to_have_attribute("data-pair", uid)
    page.get_by_role("button", name="Result so far").tap()
    page.locator(".ab-result").wait_for()
    fits(page)
    no_violations(page)


def test_without_two_models_the_page_says_where_to_choose_them(
    workspace: Workspace, served: Callable[..., str], browser_page: Open
) -> None:
    page = browser_page(f"{served(workspace)}/review/ab")
    expect(page.get_by_role("heading", name="Which two models?")).to_be_visible()
    expect(page.get_by_role("link", name="Models").last).to_have_attribute("href", "/models")


def test_texts_are_compared_beside_the_recording(
    spoken: Callable[..., Workspace], served: Callable[..., str], browser_page: Open
) -> None:
    workspace = spoken(12)
    version = workspace.freeze("said", test_share=0.9, validation_share=0.0)
    uids = [row.sample_uid for row in workspace.store.datasets.rows(version.ref, Split.TEST)]
    uid = str(uids[0])
    kept = [
        workspace.store.evaluations.add(
            make_evaluation(
                [make_evaluated_row(uid, prediction=said)],
                model=model,
                model_digest=make_digest(model),
                dataset=str(version.ref),
            )
        )
        for model, said in (("speech/1", "sero <b>one</b>"), ("speech/2", "zero"))
    ]
    url = served(workspace)
    page = browser_page(f"{url}/review/ab?first={kept[0].uid}&second={kept[1].uid}")
    drawn(page)
    shown = {page.get_by_role("region", name=name).inner_text() for name in TITLES}
    assert {one.partition("\n")[2].strip() for one in shown} == {"sero <b>one</b>", "zero"}
    assert page.evaluate("document.querySelector('audio').duration") is not None
    page.get_by_role("button", name="First is better").click()
    expect(page.locator(".ab-result")).to_contain_text("1 person, 1 choice")
