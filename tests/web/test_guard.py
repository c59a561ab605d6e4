"""The guard in front of every route: names, origins, headers, sizes, patience."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from truing import Workspace
from truing.domain.errors import InvalidInputError
from truing.domain.settings import Settings, resolve
from truing.domain.settings_table import SETTINGS
from truing.testing.http_client import Client
from truing.web import protocol
from truing.web.access.origins import is_loopback, origins_of
from truing.web.body import BoundedBody
from truing.web.errors import TooLargeError, TooSlowError
from truing.web.server import Address, Server
from truing.workspace import configuring

Serve = Callable[..., Client]


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "ws", rng=random.Random(7), environ={}) as opened:
        yield opened


@pytest.fixture
def serve(tmp_path: Path, workspace: Workspace) -> Iterator[Serve]:
    """Serves a workspace with other settings: `serve(upload_mb="1")`."""
    with ExitStack() as stack:

        def start(**given: str) -> Client:
            flags = {f"serve.{name}": value for name, value in given.items()}
            opened = Workspace.open(tmp_path / "ws", flags=flags, environ={})
            stack.enter_context(opened)
            server = Server(opened, Address(port=0))
            return Client(stack.enter_context(server.running()))

        yield start


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A server as it is by default, which the tests do not change."""
    folder = tmp_path_factory.mktemp("plain") / "ws"
    with (
        Workspace.create(folder, rng=random.Random(7), environ={}) as opened,
        Server(opened, Address(port=0)).running() as url,
    ):
        yield Client(url)


def settings(**given: str) -> Settings:
    flags = {f"serve.{name}": value for name, value in given.items()}
    return resolve(SETTINGS, flags=flags, environ={}, file_values={}, file_origin="")


# --- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8080", "127.0.0.1:1", "[::1]:8080", "LOCALHOST", "localhost."]
)
def test_it_answers_to_its_own_names(plain: Client, host: str) -> None:
    assert plain.ask("GET", "/api/about", headers={"Host": host}).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil.example:8080",
        "localhost@evil.example",
        "localhost:8080:1",
        "192.168.1.7",
        "0.0.0.0",
        "127.0.0.1 evil",
        "[::1",
        "ünïcode".encode().decode("latin-1"),
        "a" * 300,
    ],
)
@pytest.mark.parametrize("path", ["/", "/api/about", "/static/app.js", "/v1/models"])
def test_it_answers_to_no_other(plain: Client, host: str, path: str) -> None:
    refused = plain.ask("GET", path, headers={"Host": host})
    assert refused.status in (400, 403)
    assert b"<html" not in refused.body


def test_it_answers_to_names_that_are_listed(serve: Serve) -> None:
    client = serve(hosts="nas.local, desk.example")
    assert client.ask("GET", "/api/about", headers={"Host": "NAS.local:80"}).status == 200
    assert client.ask("GET", "/api/about", headers={"Host": "desk.example"}).status == 200
    assert client.ask("GET", "/api/about", headers={"Host": "nas"}).status == 403


def test_a_request_says_once_whom_it_asks(plain: Client) -> None:
    place = plain.place
    host, port = place.split(":")
    for lines in ("", "Host: evil.example\r\n"):
        with socket.create_connection((host, int(port)), timeout=60) as raw:
            request = (
                f"GET /api/about HTTP/1.1\r\nHost: {place}\r\n{lines}Connection: close\r\n\r\n"
            )
            raw.sendall(request.encode())
            first = raw.makefile("rb").readline()
        assert first.split()[1] == (b"400" if lines else b"200")


def test_addresses_are_names_only_where_others_come_in() -> None:
    ask = {b"host": b"192.168.1.7:8080"}
    assert origins_of(settings(), "127.0.0.1").refusal("GET", ask) is not None
    for bound in ("0.0.0.0", "::", "192.168.1.7"):
        assert origins_of(settings(), bound).refusal("GET", ask) is None
        assert origins_of(settings(), bound).refusal("GET", {b"host": b"evil.example"}) is not None


@pytest.mark.parametrize(
    ("host", "alone"),
    [
        ("127.0.0.1", True),
        ("127.8.0.1", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("", False),
        ("10.0.0.1", False),
        ("nas.local", False),
    ],
)
def test_loopback_is_this_machine_alone(host: str, alone: bool) -> None:
    assert is_loopback(host) is alone


@pytest.mark.parametrize(
    "given",
    [{"hosts": "a/b"}, {"origins": "localhost:3000"}, {"origins": "null"}, {"origins": "*"}],
)
def test_rules_that_cannot_be_are_refused(given: dict[str, str]) -> None:
    with pytest.raises(InvalidInputError, match=r"serve\.(hosts|origins)"):
        origins_of(settings(**given), "127.0.0.1")


# --- origins -------------------------------------------------------------------------------------

CROSS: list[dict[str, str]] = [
    {"Origin": "null"},
    {"Origin": "http://evil.example"},
    {"Origin": "http://localhost:3000"},
    {"Origin": "file://"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
    {"Origin": "http://evil.example", "Content-Type": "text/plain"},
    {"Origin": "null", "Content-Type": "application/x-www-form-urlencoded"},
]


@pytest.mark.parametrize("sent", CROSS)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_other_pages_change_nothing(plain: Client, method: str, sent: dict[str, str]) -> None:
    before = plain.ask("GET", "/api/settings").body
    body = b'{"value": 0.01}'
    refused = plain.ask(method, "/api/settings/gate.alpha", body=body, headers=sent)
    assert (refused.status, refused.code) == (403, "not-allowed")
    assert "access-control-allow-origin" not in refused.headers
    assert plain.ask("GET", "/api/settings").body == before


def test_other_pages_embed_nothing(plain: Client) -> None:
    client = plain
    image = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
    assert client.ask("GET", "/api/samples", headers=image).status == 403
    frame = {**image, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}
    assert client.ask("GET", "/", headers=frame).status == 403
    link = {**image, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert client.ask("GET", "/", headers=link).status == 200


def test_its_own_pages_and_programs_may(serve: Serve) -> None:
    client = serve()
    own = {"Origin": client.url, "Sec-Fetch-Site": "same-origin"}
    for sent in (own, {}, {"Sec-Fetch-Site": "none"}):
        answer = client.ask("PUT", "/api/settings/gate.alpha", {"value": 0.01}, headers=sent)
        assert answer.status == 200


def test_listed_origins_may_and_no_other(serve: Serve) -> None:
    client = serve(origins="http://localhost:3000")
    friend = {"Origin": "http://localhost:3000", "Sec-Fetch-Site": "same-site"}
    asked = {**friend, "Access-Control-Request-Method": "PUT"}
    flight = client.ask("OPTIONS", "/api/settings/gate.alpha", headers=asked)
    assert flight.status == 204
    assert flight.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert "PUT" in flight.headers["access-control-allow-methods"]
    assert "authorization" in flight.headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in flight.headers
    done = client.ask("PUT", "/api/settings/gate.alpha", {"value": 0.02}, headers=friend)
    assert done.status == 200
    assert done.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert done.headers["vary"] == "Origin"
    other = {**asked, "Origin": "http://localhost:3001"}
    refused = client.ask("OPTIONS", "/api/settings/gate.alpha", headers=other)
    assert refused.status == 403
    assert "access-control-allow-origin" not in refused.headers


def test_without_a_list_no_origin_may(plain: Client) -> None:
    asked = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "PUT"}
    refused = plain.ask("OPTIONS", "/api/settings/gate.alpha", headers=asked)
    assert refused.status == 403
    assert "access-control-allow-origin" not in refused.headers


# --- headers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/static/app.js", "/api/about", "/nothing", "/api/nothing"])
def test_every_answer_says_what_it_may_not_be_used_for(plain: Client, path: str) -> None:
    headers = plain.ask("GET", path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    policy = headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    if path.startswith("/api/"):
        assert policy.startswith("default-src 'none'")
        assert headers["cache-control"] == "no-store"
    else:
        assert "script-src 'self' 'sha256-" in policy
    assert "server" not in headers


@pytest.mark.parametrize(
    "path",
    [
        "/static/../server.py",
        "/static/%2e%2e/server.py",
        "/static/..%2fserver.py",
        "/static/..%5cserver.py",
        "/static/vendor/../../server.py",
        "/static//etc/passwd",
        "/static/%00",
        "/static/app.js%00.css",
        "/./",
        "/api/samples/../settings",
        "/static/index.html",
        "/static/" + "a" * 20_000,
        "/?" + "a" * 20_000,
    ],
)
def test_paths_lead_nowhere_else(plain: Client, path: str) -> None:
    answer = plain.ask("GET", path)
    assert answer.status in (400, 404)
    assert b"root:" not in answer.body
    assert b"import " not in answer.body


def test_a_changed_setting_counts_for_the_running_server(serve: Serve) -> None:
    client = serve()
    assert client.ask("PUT", "/api/settings/serve.upload_mb", {"value": 0.1}).status == 200
    large = client.ask("POST", "/api/samples", body=b"x" * 200_000)
    assert (large.status, large.code) == (413, "too-large")


# --- sizes and patience --------------------------------------------------------------------------


def test_a_body_is_refused_before_it_is_read(serve: Serve) -> None:
    client = serve(upload_mb="1")
    sent = {"Content-Length": "5000000000"}
    for path in ("/api/samples", "/api/batch", "/v1/audio/transcriptions", "/api/live/transcribe"):
        refused = client.ask("POST", path, headers=sent)
        assert (refused.status, refused.code) == (413, "too-large")
    assert client.ask("POST", "/api/login", headers={"Content-Length": "-1"}).status == 400


def test_a_body_without_a_size_is_cut_off(serve: Serve) -> None:
    client = serve(upload_mb="0.1")
    host, port = client.place.split(":")
    first = f"POST /api/live/transcribe HTTP/1.1\r\nHost: {client.place}\r\n"
    head = f"{first}Transfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=60) as raw:
        raw.sendall(head.encode())
        piece = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
        for _ in range(8):
            raw.sendall(piece)
        answer = raw.makefile("rb").readline()
    assert answer.split()[1] == b"413"


def test_a_connection_that_says_nothing_is_closed(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEADER_SECONDS", 0.2)
    client = serve()
    host, port = client.place.split(":")
    for begun in (b"", b"GET /api/about HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "):
        with socket.create_connection((host, int(port)), timeout=60) as raw:
            raw.sendall(begun)
            assert raw.recv(1) == b""
    assert client.ask("GET", "/api/about").status == 200


def parts(*messages: dict[str, Any]) -> Callable[[], Any]:
    left = list(messages)

    async def receive() -> dict[str, Any]:
        if left:
            return left.pop(0)
        await asyncio.Event().wait()
        raise AssertionError

    return receive


def test_a_body_ends_where_it_breaks_a_rule() -> None:
    async def read(body: BoundedBody, times: int) -> None:
        for _ in range(times):
            await body()

    one = {"type": "http.request", "body": b"x" * 60, "more_body": True}
    bounded = BoundedBody(parts(one, one), 100)
    with pytest.raises(TooLargeError):
        asyncio.run(read(bounded, 2))
    assert isinstance(bounded.broken, TooLargeError)
    silent = BoundedBody(parts(one), 100, patience=0.01)
    with pytest.raises(TooSlowError):
        asyncio.run(read(silent, 2))
    assert isinstance(silent.broken, TooSlowError)


def test_whoever_waits_for_the_answer_may_wait_long() -> None:
    whole = {"type": "http.request", "body": b"x", "more_body": False}
    body = BoundedBody(parts(whole, {"type": "http.disconnect"}), 100, patience=0.01)

    async def read() -> str:
        await body()
        return (await body())["type"]

    assert asyncio.run(read()) == "http.disconnect"


def test_the_terminal_alone_opens_the_door_wider(serve: Serve, workspace: Workspace) -> None:
    client = serve()
    before = workspace.layout.settings.read_bytes()
    for key in sorted(configuring.TERMINAL_ONLY):
        refused = client.ask("PUT", f"/api/settings/{key}", {"value": "x"})
        assert (refused.status, refused.code) == (403, "not-allowed")
        assert client.ask("DELETE", f"/api/settings/{key}").status == 403
    assert workspace.layout.settings.read_bytes() == before
