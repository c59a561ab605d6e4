"""Who is let in, by what, and what they may do: real servers of each kind."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from truing import Workspace
from truing.domain.errors import InvalidInputError, NothingToDoError
from truing.domain.person import OWNER, Role
from truing.testing.factories import FrozenClock
from truing.testing.http_client import Client
from truing.web.server import Address, Server
from truing.workspace import people

PASSWORD = "three plain words"
DIGIT = Path(__file__).parents[2] / "data" / "speech" / "digits" / "0_jackson_10.flac"


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def opened(tmp_path: Path, clock: FrozenClock) -> Iterator[Callable[[str], Workspace]]:
    """Opens one workspace with another `serve.auth`."""
    environ = {"TRUING_REVIEW_ACTOR": "owner"}
    parts = {"rng": random.Random(7), "environ": environ, "clock": clock}
    Workspace.create(tmp_path / "ws", **parts).close()
    with ExitStack() as stack:

        def open_it(auth: str) -> Workspace:
            flags = {"serve.auth": auth}
            return stack.enter_context(Workspace.open(tmp_path / "ws", flags=flags, **parts))

        yield open_it


@pytest.fixture
def serve() -> Iterator[Callable[[Workspace], Server]]:
    """Starts a server that ends with the test."""
    with ExitStack() as stack:

        def start(workspace: Workspace) -> Server:
            server = Server(workspace, Address(port=0))
            stack.enter_context(server.running())
            return server

        yield start


@pytest.fixture
def team(opened: Callable[[str], Workspace]) -> Workspace:
    """A workspace with one person of each role."""
    workspace = opened("users")
    for role in Role:
        people.add(workspace, f"{role.value} ann", role, PASSWORD)
    return workspace


def signed_in(server: Server, name: str) -> Client:
    client = Client(server.url)
    assert client.ask("POST", "/api/login", {"name": name, "password": PASSWORD}).status == 200
    return client


# --- off -----------------------------------------------------------------------------------------


def test_off_takes_everybody_and_any_key(opened, serve) -> None:
    server = serve(opened("off"))
    told = Client(server.url, {"Authorization": "Bearer sk-whatever"}).ask("GET", "/api/me")
    assert told.json["name"] == "owner"
    assert told.json["role"] == "admin"
    assert Client(server.url).ask("GET", "/api/login").json == {"auth": "off", "signed_in": True}
    assert Client(server.url).ask("POST", "/api/login", {"token": "x"}).status == 409
    assert Client(server.url).ask("POST", "/api/tokens", {}).status == 409
    assert (
        Client(server.url).ask("POST", "/api/people", {"name": "x", "role": "admin"}).status == 409
    )


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.7.7", "nas.local"])
def test_off_refuses_to_listen_to_others(opened, host: str) -> None:
    with pytest.raises(InvalidInputError, match="others could use everything") as refused:
        Server(opened("off"), Address(host=host, port=0))
    assert "--auth token" in str(refused.value.hint)


# --- token ---------------------------------------------------------------------------------------


def test_the_printed_address_lets_in_once(opened, serve) -> None:
    server = serve(opened("token"))
    address, _, invitation = server.entrance.partition("#")
    assert address == f"{server.url}/login"
    stranger = Client(server.url)
    refused = stranger.ask("GET", "/api/samples")
    assert (refused.status, refused.code) == (401, "not-signed-in")
    assert refused.headers["www-authenticate"] == "Bearer"
    browser = Client(server.url)
    answer = browser.ask("POST", "/api/login", {"token": invitation})
    assert answer.status == 200
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert browser.ask("GET", "/api/samples").status == 200
    assert stranger.ask("POST", "/api/login", {"token": invitation}).status == 401
    assert invitation not in browser.cookies.values()


def test_a_new_invitation_ends_the_one_before(opened, serve) -> None:
    server = serve(opened("token"))
    old, new = (server.entrance.partition("#")[2] for _ in range(2))
    assert Client(server.url).ask("POST", "/api/login", {"token": old}).status == 401
    assert Client(server.url).ask("POST", "/api/login", {"token": new}).status == 200


def test_programs_have_tokens_that_can_be_taken_back(opened, serve) -> None:
    workspace = opened("token")
    server = serve(workspace)
    secret, token = people.hand_out(workspace, label="dictation")
    program = Client(server.url, {"Authorization": f"Bearer {secret}"})
    assert program.ask("GET", "/api/me").json["token"] == token.id
    [told] = program.ask("GET", "/api/tokens").json["items"]
    assert (told["label"], told["this"]) == ("dictation", True)
    assert secret not in program.ask("GET", "/api/tokens").body.decode()
    people.revoke(workspace, token.id)
    assert program.ask("GET", "/api/me").status == 401


def test_a_token_from_the_browser_is_told_once(opened, serve) -> None:
    server = serve(opened("token"))
    browser = Client(server.url)
    browser.ask("POST", "/api/login", {"token": server.entrance.partition("#")[2]})
    made = browser.ask("POST", "/api/tokens", {"label": "phone", "days": 1}).json
    program = Client(server.url, {"Authorization": f"bearer {made['secret']}"})
    assert program.ask("GET", "/api/samples").status == 200
    assert browser.ask("DELETE", f"/api/tokens/{made['token']['id']}").status == 200
    assert program.ask("GET", "/api/samples").status == 401


def test_a_session_ends_by_itself(opened, serve, clock: FrozenClock) -> None:
    workspace = opened("token")
    server = serve(workspace)
    browser = Client(server.url)
    browser.ask("POST", "/api/login", {"token": server.entrance.partition("#")[2]})
    clock.advance(29.9 * 86_400)
    assert browser.ask("GET", "/api/me").status == 200
    clock.advance(0.2 * 86_400)
    assert browser.ask("GET", "/api/me").status == 401


def test_no_secret_is_in_the_database(opened, serve, tmp_path: Path) -> None:
    workspace = opened("token")
    server = serve(workspace)
    browser = Client(server.url)
    browser.ask("POST", "/api/login", {"token": server.entrance.partition("#")[2]})
    secret, _ = people.hand_out(workspace)
    for file in (tmp_path / "ws").glob("truing.*"):
        held = file.read_bytes()
        assert secret.encode() not in held
        assert next(iter(browser.cookies.values())).encode() not in held


@pytest.mark.parametrize(
    "sent",
    [
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer nothing"},
        {"Authorization": "Basic b3duZXI6"},
        {"Authorization": "Bearer " + "x" * 5000},
        {"Authorization": "Bearer \xff\xfe"},
        {"Cookie": "a=b; c"},
        {"Cookie": '"; \\'},
    ],
)
def test_what_is_no_token_lets_nobody_in(opened, serve, sent: dict[str, str]) -> None:
    server = serve(opened("token"))
    assert Client(server.url).ask("GET", "/api/me", headers=sent).status == 401


# --- users ---------------------------------------------------------------------------------------


def test_users_need_an_admin_first(opened) -> None:
    workspace = opened("users")
    with pytest.raises(NothingToDoError, match="admin"):
        Server(workspace, Address(port=0))


def test_a_password_lets_in_and_a_wrong_one_does_not(team: Workspace, serve) -> None:
    server = serve(team)
    assert signed_in(server, "reviewer ann").ask("GET", "/api/me").json["role"] == "reviewer"
    for given in (
        {"name": "reviewer ann", "password": "wrong"},
        {"name": "nobody", "password": PASSWORD},
        {"name": "Reviewer Ann", "password": PASSWORD},
    ):
        refused = Client(server.url).ask("POST", "/api/login", given)
        assert (refused.status, refused.code) == (401, "not-signed-in")
        assert "set-cookie" not in refused.headers
    assert Client(server.url).ask("POST", "/api/login", {}).status == 400


def test_the_owners_tokens_are_nothing_among_users(team: Workspace, serve) -> None:
    secret, _ = people.hand_out(team, OWNER)
    client = Client(serve(team).url, {"Authorization": f"Bearer {secret}"})
    assert client.ask("GET", "/api/me").status == 401


def test_who_may_not_sign_in_with_a_password_has_none(team: Workspace, serve) -> None:
    people.add(team, "robot", Role.REVIEWER)
    refused = Client(serve(team).url).ask("POST", "/api/login", {"name": "robot", "password": "x"})
    assert refused.status == 401
    secret, _ = people.hand_out(team, "robot")
    assert (
        Client(serve(team).url, {"Authorization": f"Bearer {secret}"})
        .ask("GET", "/api/me")
        .json["role"]
        == "reviewer"
    )


def test_logging_out_ends_the_session_on_the_server(team: Workspace, serve) -> None:
    server = serve(team)
    browser = signed_in(server, "admin ann")
    held = dict(browser.cookies)
    assert browser.ask("POST", "/api/logout").json == {"signed_out": True}
    thief = Client(server.url)
    thief.cookies = held
    assert thief.ask("GET", "/api/me").status == 401


def test_another_password_ends_all_sessions(team: Workspace, serve) -> None:
    server = serve(team)
    first, second = (signed_in(server, "reviewer ann") for _ in range(2))
    wrong = first.ask("PUT", "/api/me/password", {"old": "nope", "new": "something else"})
    assert wrong.status == 403
    short = first.ask("PUT", "/api/me/password", {"old": PASSWORD, "new": "short"})
    assert short.status == 400
    changed = first.ask("PUT", "/api/me/password", {"old": PASSWORD, "new": "something else"})
    assert changed.status == 200
    assert [one.ask("GET", "/api/me").status for one in (first, second)] == [401, 401]


@pytest.mark.parametrize(
    ("method", "path", "data", "roles"),
    [
        ("GET", "/api/me", None, "admin reviewer contributor"),
        ("GET", "/api/tokens", None, "admin reviewer contributor"),
        ("GET", "/api/settings", None, "admin reviewer"),
        ("PUT", "/api/settings/gate.alpha", {"value": 0.04}, "admin"),
        ("GET", "/api/people", None, "admin"),
        ("POST", "/api/people", {"name": "eve", "role": "admin"}, "admin"),
        ("PATCH", "/api/people/reviewer ann", {"role": "admin"}, "admin"),
        ("DELETE", "/api/people/contributor ann", None, "admin"),
        ("GET", "/api/disk", None, "admin reviewer"),
        ("GET", "/api/errands", None, "admin reviewer"),
        ("GET", "/api/archives", None, "admin"),
        ("GET", "/api/trash", None, "admin"),
        ("POST", "/api/trash/empty?wait=60", {"samples": 0}, "admin"),
    ],
)
def test_each_role_may_do_its_own(
    team: Workspace, serve, method: str, path: str, data: object, roles: str
) -> None:
    server = serve(team)
    for role in Role:
        answer = signed_in(server, f"{role.value} ann").ask(method, path.replace(" ", "%20"), data)
        if role.value in roles:
            assert answer.status == 200, answer.body
        else:
            assert (answer.status, answer.code) == (403, "not-allowed")
        if role is Role.ADMIN and method != "GET":
            break


def test_only_admins_name_folders_of_the_server(team: Workspace, serve, tmp_path: Path) -> None:
    server = serve(team)
    asked = f"/api/compare?first={tmp_path}&second=champion&dataset=mine@1"
    admin, reviewer = (signed_in(server, f"{role} ann") for role in ("admin", "reviewer"))
    refused = reviewer.ask("GET", asked)
    assert (refused.status, refused.code) == (400, "invalid-input")
    assert "does not name a model" in refused.json["error"]["message"]
    assert admin.ask("GET", asked).code == "not-found"
    plan = {"dataset": "mine@1", "base": str(tmp_path)}
    assert reviewer.ask("POST", "/api/runs/plan", plan).code == "not-allowed"
    assert admin.ask("POST", "/api/runs/plan", plan).code == "not-found"


def test_admins_look_after_people(team: Workspace, serve) -> None:
    server = serve(team)
    admin = signed_in(server, "admin ann")
    made = admin.ask(
        "POST", "/api/people", {"name": "bob", "role": "contributor", "password": PASSWORD}
    )
    assert made.json["role"] == "contributor"
    bob = signed_in(server, "bob")
    admin.ask("PATCH", "/api/people/bob", {"role": "reviewer"})
    assert bob.ask("GET", "/api/me").json["role"] == "reviewer"
    admin.ask("PATCH", "/api/people/bob", {"password": "another long one"})
    assert bob.ask("GET", "/api/me").status == 401
    assert admin.ask("DELETE", "/api/people/bob").status == 200
    assert admin.ask("DELETE", "/api/people/bob").status == 404
    assert admin.ask("DELETE", "/api/people/admin%20ann").status == 409
    kinds = [one.kind for one in team.store.events.all() if one.kind.startswith("person-")]
    assert kinds[-4:] == ["person-added", "person-changed", "person-changed", "person-removed"]


def test_one_cannot_take_back_what_others_hold(team: Workspace, serve) -> None:
    server = serve(team)
    _, token = people.hand_out(team, "admin ann", label="hers")
    reviewer = signed_in(server, "reviewer ann")
    assert reviewer.ask("DELETE", f"/api/tokens/{token.id}").status == 404
    admin = signed_in(server, "admin ann")
    assert admin.ask("DELETE", f"/api/tokens/{token.id}").status == 200


def test_guessing_is_slowed_down(team: Workspace, serve, clock: FrozenClock) -> None:
    client = Client(serve(team).url)
    given = {"name": "admin ann", "password": "guess"}
    codes = [client.ask("POST", "/api/login", given).status for _ in range(10)]
    assert codes == [401] * 8 + [429] * 2
    late = client.ask("POST", "/api/login", given)
    assert int(late.headers["retry-after"]) <= 10
    clock.advance(10)
    assert client.ask("POST", "/api/login", given).status == 401


OF_CONTRIBUTORS = (
    *("GET /api/login", "POST /api/login", "POST /api/logout", "GET /api/me", "GET /api/about"),
    *("PUT /api/me/password", "GET /api/tokens", "POST /api/tokens", "DELETE /api/tokens/{id}"),
    *("POST /api/samples", "GET /api/samples", "GET /api/entries"),
    *("POST /api/store-image", "GET /api/store-image"),
    *("POST /api/live/transcribe", "GET /api/live/status", "POST /api/live/warm"),
    *(
        "POST /api/live/correct",
        "GET /api/live/consent",
        "POST /v1/audio/transcriptions",
        "GET /v1/models",
        "GET /api/modalities",
    ),
)
"""All that a contributor may ask for besides samples of their own."""


def test_every_route_asks_for_a_right(team: Workspace, serve) -> None:
    server = serve(team)
    secret, _ = people.hand_out(team, "contributor ann")
    client = Client(server.url, {"Authorization": f"Bearer {secret}"})
    stranger = Client(server.url)
    tried, open_to_all = 0, []
    for path, item in client.ask("GET", "/api/openapi.json").json["paths"].items():
        for method in item.keys() & {"get", "post", "put", "patch", "delete"}:
            name = f"{method.upper()} {path}"
            where = re.sub(r"\{\w+\}", "999", path)
            if path != "/api/login":
                assert stranger.ask(method.upper(), where).status == 401, name
            if name not in OF_CONTRIBUTORS:
                told = client.ask(method.upper(), where)
                # What is not theirs is not there, where samples of their own may be asked for.
                hidden = told.status == 404 and b"of yours" in told.body
                if not hidden and told.status != 403:
                    open_to_all.append((name, told.status))
            tried += 1
    assert open_to_all == []
    assert tried > 60


def test_contributors_see_and_delete_only_their_own(team: Workspace, serve) -> None:
    server = serve(team)
    sound = DIGIT.read_bytes()
    others = team.capture("speech", audio=sound, raw="zero")
    mine = team.capture("speech", audio=sound, raw="zero", source="contributor/contributor ann")
    assert others is not None
    assert mine is not None
    client = signed_in(server, "contributor ann")
    for name in ("samples", "entries"):
        found = client.ask("GET", f"/api/{name}").json["items"]
        assert [one["id"] for one in found] == [mine.id]
        assert client.ask("GET", f"/api/{name}?source=app").json["items"] == found
        assert client.ask("GET", f"/api/{name}/{mine.id}").status == 200
        assert client.ask("GET", f"/api/{name}/{others.id}").status == 404
        assert client.ask("DELETE", f"/api/{name}/{others.id}").status == 404
        assert client.ask("POST", f"/api/{name}/{mine.id}/review", {}).status == 403
    assert client.ask("POST", f"/api/samples/{mine.id}/rating", {"rating": 2}).status == 201
    assert client.ask("POST", f"/api/samples/{others.id}/rating", {"rating": 2}).status == 404
    assert team.ratings(mine.id)[0].actor == "contributor ann"
    assert client.ask("GET", f"/api/samples/{mine.id}/media/audio").status == 200
    assert client.ask("GET", f"/api/samples/{others.id}/media/audio").status == 404
    assert client.ask("GET", "/api/stats").status == 403
    assert client.ask("DELETE", f"/api/samples/{mine.id}").status == 200
    assert team.store.trash.count() == 1
