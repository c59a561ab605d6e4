"""Settings, signing in and the API reference, in a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from truing.domain.person import Role
from truing.web.server import Address, Server
from truing.workspace import Workspace, people

PASSWORD = "three plain words"
Serve = Callable[..., Server]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Serves a new workspace: `serve("users")` with an admin called ann."""
    with ExitStack() as stack:

        def start(auth: str = "off") -> Server:
            folder = tmp_path / "workspace"
            Workspace.create(folder, environ={}).close()
            flags = {"serve.auth": auth} if auth != "off" else {}
            workspace = Workspace.open(folder, flags=flags, environ={})
            stack.enter_context(workspace)
            if auth == "users":
                people.add(workspace, "ann", Role.ADMIN, PASSWORD)
                people.add(workspace, "cleo", Role.CONTRIBUTOR, PASSWORD)
            server = Server(workspace, Address(port=0))
            stack.enter_context(server.running())
            return server

        yield start


def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


# --- settings ------------------------------------------------------------------------------------


def test_a_setting_is_saved_as_it_is_changed_and_can_be_undone(serve, browser_page) -> None:
    server = serve()
    settings = lambda: server.web.workspace.settings  # noqa: E731
    page = browser_page(f"{server.url}/settings")
    alpha = page.get_by_label("Alpha", exact=True)
    alpha.fill("0.01")
    alpha.press("Enter")
    expect(page.get_by_text("Gate alpha: 0.01")).to_be_visible()
    assert settings().number("gate.alpha") == 0.01
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(alpha).to_have_value("0.05")
    assert settings().chosen("gate.alpha").origin == "default"


def test_a_changed_setting_is_marked_and_goes_back(serve, browser_page) -> None:
    server = serve()
    page = browser_page(f"{server.url}/settings")
    page.get_by_label("Mode", exact=True).select_option("corrections")
    page.get_by_label("Before training").uncheck()
    expect(page.get_by_text("Only changed (2)")).to_be_visible()
    page.get_by_text("Only changed (2)").click()
    expect(page.locator(".setting")).to_have_count(2)
    page.get_by_role("button", name="Back to every").click()
    expect(page.locator(".setting")).to_have_count(1)
    page.get_by_role("button", name="Back to on").click()
    expect(page.get_by_text("Only changed (0)")).to_be_visible()


def test_a_value_that_cannot_be_is_told_beside_its_field(serve, browser_page, watched) -> None:
    watched.expected.append("400")
    server = serve()
    page = browser_page(f"{server.url}/settings")
    field = page.get_by_label("Minimum rows")
    field.fill("1")
    field.press("Tab")
    expect(page.get_by_role("alert")).to_contain_text("`gate.minimum_rows` cannot be 1")
    assert server.web.workspace.settings.whole("gate.minimum_rows") == 30


def test_what_the_terminal_holds_is_shown_and_not_changed(serve, browser_page) -> None:
    page = browser_page(f"{serve().url}/settings")
    expect(
        page.get_by_label("Serve auth").or_(page.get_by_label("Auth", exact=True))
    ).to_be_disabled()
    expect(page.get_by_text("held by the machine itself").first).to_be_visible()


def test_settings_are_found_by_their_words(serve, browser_page) -> None:
    page = browser_page(f"{serve().url}/settings")
    page.get_by_label("Search settings").fill("backup newest")
    expect(page.locator(".setting")).to_have_count(1)
    page.get_by_label("Search settings").fill("xylophone")
    expect(page.get_by_text("Nothing is called “xylophone”.")).to_be_visible()


def test_nothing_leaves_this_machine_until_it_is_switched_on(serve, browser_page) -> None:
    page = browser_page(f"{serve().url}/settings")
    part = page.get_by_role("region", name="What leaves this machine")
    expect(part).to_contain_text("Nothing.")
    url = page.get_by_label("Url", exact=True)
    url.fill("http://ann:secret@127.0.0.1:11434/v1")
    url.press("Enter")
    expect(part).to_contain_text("the text of each utterance")
    expect(part).to_contain_text("http://ann@127.0.0.1:11434/v1")
    expect(part).not_to_contain_text("secret")


def test_keys_are_recorded_checked_for_conflicts_and_given_back(serve, browser_page) -> None:
    page = browser_page(f"{serve().url}/settings")
    page.get_by_role("button", name="Change the key of: go to Samples").click()
    page.keyboard.press("z")
    page.keyboard.press("s")
    row = page.get_by_role("listitem").filter(has_text="go to Samples")
    expect(row).to_contain_text("z s")
    expect(row).to_contain_text("changed")
    page.get_by_role("button", name="Change the key of: go to Models").click()
    page.keyboard.press("z")
    page.keyboard.press("s")
    expect(page.get_by_role("alert")).to_contain_text("already the key to go to Samples")
    page.get_by_role("button", name="Leave it").click()
    page.locator("body").click(position={"x": 700, "y": 5})
    page.keyboard.press("z")
    page.keyboard.press("s")
    page.wait_for_url("**/samples")
    page.goto(f"{page.url.rpartition('/')[0]}/settings")
    page.get_by_role("button", name="Give back the key of: go to Samples").click()
    expect(row).to_contain_text("g s")


def test_escape_leaves_a_key_as_it_was(serve, browser_page) -> None:
    page = browser_page(f"{serve().url}/settings")
    page.get_by_role("button", name="Change the key of: go to Samples").click()
    expect(page.get_by_text("press a key, Esc to leave it")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("listitem").filter(has_text="go to Samples")).to_contain_text("g s")


def test_single_keys_can_be_switched_off(serve, browser_page) -> None:
    page = browser_page(f"{serve().url}/settings")
    page.get_by_label("Keys without Ctrl or Alt").uncheck()
    page.locator("body").click(position={"x": 700, "y": 5})
    page.keyboard.press("g")
    page.keyboard.press("s")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    assert page.url.endswith("/settings")


def test_the_theme_is_chosen_and_kept(serve, browser_page) -> None:
    page = browser_page(f"{serve().url}/settings")
    page.get_by_role("group", name="Theme").get_by_role("button", name="Dark").click()
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


# --- signing in ----------------------------------------------------------------------------------


def test_the_printed_address_signs_in_and_leaves_no_trace(serve, browser_page) -> None:
    server = serve("token")
    page = browser_page(server.entrance)
    page.wait_for_url(f"{server.url}/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Home")
    assert server.web.gate.cookie not in page.evaluate("document.cookie")
    page.go_back()
    assert "#" not in page.url


def test_a_stranger_is_asked_first_and_then_brought_back(serve, browser_page, watched) -> None:
    watched.expected.append("401")
    server = serve("users")
    page = browser_page(f"{server.url}/samples?state=pending")
    page.wait_for_url("**/login?next=*")
    sign_in(page, "ann", "wrong password")
    expect(page.get_by_role("alert")).to_contain_text("that lets nobody in")
    sign_in(page, "ann")
    page.wait_for_url(f"{server.url}/samples?state=pending")


@pytest.mark.parametrize("next", ["//evil.example/", "https://evil.example", "/\\evil.example"])
def test_signing_in_leads_nowhere_else(serve, browser_page, next: str) -> None:
    server = serve("users")
    page = browser_page(f"{server.url}/login?next={next}")
    sign_in(page, "ann")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.wait_for_url(lambda url: "/login" not in url)
    assert page.url.startswith(f"{server.url}/")


def test_admins_add_people_and_programs(serve, browser_page) -> None:
    server = serve("users")
    page = browser_page(f"{server.url}/login?next=/settings")
    sign_in(page, "ann")
    part = page.get_by_role("region", name="People")
    part.get_by_label("Name", exact=True).fill("bob")
    part.get_by_role("button", name="Add").click()
    expect(part.get_by_label("Role of bob")).to_have_value("reviewer")
    part.get_by_label("Role of bob").select_option("admin")
    expect(page.get_by_text("bob: admin")).to_be_visible()
    assert server.web.workspace.store.people.find("bob").role is Role.ADMIN
    you = page.get_by_role("region", name="You")
    you.get_by_label("What the token is for").fill("dictation")
    you.get_by_role("button", name="Make a token for a program").click()
    dialog = page.get_by_role("dialog", name="A token for a program")
    secret = dialog.locator(".secret").inner_text()
    assert server.web.gate.holder(secret).name == "ann"
    dialog.get_by_role("button", name="Done").click()
    you.get_by_role("button", name="Revoke dictation").click()
    expect(you.get_by_text("Program: dictation")).to_have_count(0)
    assert server.web.gate.holder(secret) is None
    you.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/login")


# --- looks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_these_pages_are_accessible(serve, browser_page, no_violations, scheme: str) -> None:
    server = serve("users")
    page = browser_page(f"{server.url}/login", scheme=scheme)
    expect(page.get_by_label("Name")).to_be_visible()
    no_violations(page)
    sign_in(page, "ann")
    page.wait_for_url(f"{server.url}/")
    page.goto(f"{server.url}/settings")
    expect(page.get_by_label("Role of cleo")).to_be_visible()
    no_violations(page)
    page.goto(f"{server.url}/api/docs")
    page.get_by_text("/api/login").first.click()
    no_violations(page)


def test_these_pages_fit_a_phone(serve, browser_page, fits, phone) -> None:
    server = serve("users")
    page = browser_page(f"{server.url}/login", size=phone)
    expect(page.get_by_label("Name")).to_be_visible()
    fits(page)
    sign_in(page, "ann")
    page.wait_for_url(f"{server.url}/")
    for path in ("/settings", "/api/docs"):
        page.goto(server.url + path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.locator("section.card").first).to_be_visible()
        fits(page)


def test_the_api_reference_shows_what_is_sent_and_answered(serve, browser_page) -> None:
    page = browser_page(f"{serve().url}/api/docs")
    page.get_by_label("Search the API").fill("people somebody")
    operation = page.locator("details").filter(has_text="/api/people").filter(has_text="POST").first
    operation.locator("summary").click()
    expect(operation).to_contain_text("admin | reviewer | contributor")
    expect(operation).to_contain_text("has_password")
    expect(operation).to_contain_text("curl -X POST")
