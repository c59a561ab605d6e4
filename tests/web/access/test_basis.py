"""What pages of other origins hand in: kept only where more than own use is configured."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from truing import Workspace
from truing.testing.http_client import Client
from truing.web.access.origins import is_elsewhere
from truing.web.server import Address, Server

SOUND = (Path(__file__).parents[2] / "data/speech/digits/7_theo_25.flac").read_bytes()
FORM = {"media": {"audio": base64.b64encode(SOUND).decode()}, "raw": "seven"}
SHOP = "https://shop.example"
NEIGHBOUR = "http://localhost:3000"
Serve = Callable[..., tuple[Workspace, Client]]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Serves a new workspace that two other origins may use, under a policy of consent."""
    with ExitStack() as stack:

        def start(policy: str, **flags: str) -> tuple[Workspace, Client]:
            Workspace.create(tmp_path / policy, environ={}).close()
            flags = {f"consent.{name}": value for name, value in flags.items()}
            given = {"serve.origins": f"{SHOP} {NEIGHBOUR}", "consent.policy": policy, **flags}
            opened = Workspace.open(
                tmp_path / policy, flags=given, environ={}, rng=random.Random(7)
            )
            stack.enter_context(opened)
            server = Server(opened, Address(port=0))
            return opened, Client(stack.enter_context(server.running()))

        yield start


@pytest.mark.parametrize(
    ("origin", "host", "elsewhere"),
    [
        ("http://127.0.0.1:8765", "127.0.0.1:8765", False),
        ("http://nas.local:8765", "NAS.local:8765", False),
        ("http://localhost:3000", "127.0.0.1:8765", False),
        ("http://[::1]:3000", "localhost:8765", False),
        ("https://shop.example", "127.0.0.1:8765", True),
        ("http://localhost:3000", "nas.local:8765", True),
        ("http://localhost.shop.example", "127.0.0.1:8765", True),
        ("null", "127.0.0.1:8765", True),
        ("http://localhost:3000", "", True),
    ],
)
def test_which_pages_are_others(origin: str, host: str, elsewhere: bool) -> None:
    assert is_elsewhere(origin, host) is elsewhere


def test_own_use_keeps_nothing_of_other_pages(serve: Serve) -> None:
    workspace, client = serve("own-use")
    refused = client.ask("POST", "/api/samples", FORM, headers={"Origin": SHOP})
    assert (refused.status, refused.code) == (403, "consent")
    assert SHOP in refused.json["error"]["message"]
    hint = refused.json["error"]["hint"]
    assert "consent.policy ask" in hint
    assert "consent.reason" in hint
    assert refused.headers["access-control-allow-origin"] == SHOP, "the page can read why"
    assert sum(workspace.store.samples.state_counts().values()) == 0
    assert list(workspace.blobs.digests()) == []
    for number, own in enumerate(({}, {"Origin": client.url}, {"Origin": NEIGHBOUR}), 1):
        kept = client.ask("POST", "/api/samples", FORM, headers=own)
        assert kept.status == 201, kept.body
        assert (kept.json["id"], kept.json["consent_basis"]) == (number, "operator")


def test_other_pages_hand_in_what_was_agreed_to(serve: Serve) -> None:
    workspace, client = serve("ask")
    page = {"Origin": SHOP}
    assert client.ask("POST", "/api/samples", FORM, headers=page).code == "consent"
    agreed = client.ask("POST", "/api/samples", {**FORM, "consent": True}, headers=page)
    assert agreed.status == 201
    assert workspace.sample(agreed.json["id"]).consent.basis == "person"


def test_other_pages_hand_in_what_the_operator_answers_for(serve: Serve) -> None:
    _, client = serve("operator", reason="staff, by contract")
    kept = client.ask("POST", "/api/samples", FORM, headers={"Origin": SHOP})
    assert kept.status == 201
    assert kept.json["consent_reason"] == "staff, by contract"
