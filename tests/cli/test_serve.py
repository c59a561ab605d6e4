"""`truing serve` and `truing people`: refusals in plain words, and who is let in."""

from __future__ import annotations

import json
import socket
import webbrowser
from pathlib import Path

import pytest

from truing import Workspace
from truing.domain.person import OWNER
from truing.web.server import Server
from truing.workspace import people


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[Server]:
    """Servers that would have run, instead of running."""
    servers: list[Server] = []

    def run(server: Server) -> None:
        servers.append(server)
        server._socket.close()

    monkeypatch.setattr(Server, "run", run)
    return servers


def test_serve_says_where(truing, begun: list[Server]) -> None:
    said = truing("serve", "--port", "0")
    assert said.code == 0
    assert len(begun) == 1
    assert "open http://127.0.0.1:" in said.out
    assert "Ctrl-C" in said.err


def test_serve_says_where_in_json(truing, begun: list[Server]) -> None:
    said = truing("serve", "--port", "0", "--auth", "token", "--json")
    told = json.loads(said.out)
    assert told["url"].startswith("http://127.0.0.1:")
    assert told["open"].startswith(told["url"] + "/login#")


def test_serve_opens_the_browser(truing, begun, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    assert truing("serve", "--port", "0", "--open", "--auth", "token").code == 0
    assert "/login#" in opened[0]


def test_a_taken_port_is_told_with_another(truing, begun) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = truing("serve", "--port", port)
    assert said.code == 8
    assert f"cannot listen on 127.0.0.1:{port}" in said.err
    assert f"truing serve --port {port + 1}" in said.err
    assert begun == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--host", "0.0.0.0"), "--auth token"),
        (("--host", "no.such.host.invalid", "--auth", "token"), "is no address of this machine"),
        (("--port", "70000"), "there is no port 70000"),
        (("--auth", "users"), "truing people add NAME --role admin"),
        (("--auth", "everybody"), "off, token, users"),
        (("--pages", "nowhere"), "`nowhere` is no folder"),
    ],
)
def test_what_cannot_be_served_is_told(truing, begun, words, told: str) -> None:
    said = truing("serve", *words)
    assert said.code in (2, 5)
    assert told in said.err
    assert begun == []


def test_a_wider_address_with_people_is_served(truing, begun) -> None:
    truing("people", "add", "ann", "--role", "admin", typed="three plain words\n")
    assert truing("serve", "--host", "0.0.0.0", "--port", "0", "--auth", "users").code == 0
    assert begun[0].web.host == "0.0.0.0"


def test_people_are_added_changed_and_removed(truing, tmp_path: Path) -> None:
    assert "nobody yet" in truing("people", "list").err
    assert truing("people", "add", "ann", "--role", "admin", typed="three plain words\n").code == 0
    assert truing("people", "add", "bob", "--role", "contributor", "--no-password").code == 0
    assert truing("people", "add", "ANN", "--role", "admin", "--no-password").code == 4
    assert truing("people", "add", "cleo", "--role", "admin", typed="short\n").code == 2
    assert truing("people", "role", "ann", "reviewer").code == 4
    assert truing("people", "role", "bob", "reviewer").code == 0
    told = truing("people", "list", "--json").json["people"]
    assert [(one["name"], one["role"], one["has_password"]) for one in told] == [
        ("ann", "admin", True),
        ("bob", "reviewer", False),
    ]
    assert truing("people", "password", "bob", typed="another long one\n").code == 0
    assert truing("people", "password", "eve", typed="another long one\n").code == 3
    with Workspace.open(tmp_path / "ws") as workspace:
        assert people.knows(workspace, "ann", "three plain words")
        assert people.knows(workspace, "bob", "another long one")
    assert truing("people", "remove", "bob").code == 0
    assert truing("people", "remove", "bob").code == 3


def test_tokens_are_made_listed_and_revoked(truing, tmp_path: Path) -> None:
    made = truing("people", "token", "--label", "dictation", "--json").json
    assert made["secret"].startswith("truing_")
    listed = truing("people", "list")
    assert "dictation" in listed.out
    assert made["secret"] not in listed.out
    assert truing("people", "list", "--json").json["owner_tokens"] == [made["id"]]
    plain = truing("people", "token", "--days", "3")
    assert plain.out.startswith("truing_")
    assert truing("people", "token", "nobody").code == 3
    assert truing("people", "revoke", made["id"]).code == 0
    assert truing("people", "revoke", made["id"]).code == 3
    with Workspace.open(tmp_path / "ws") as workspace:
        assert len(people.tokens(workspace, OWNER)) == 1
