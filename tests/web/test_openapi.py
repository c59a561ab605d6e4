"""No request, however odd, makes the server fail: the whole described API under fire.

schemathesis sends what the description allows and what it forbids; our own strategies send what
breaks programs elsewhere: quotes and wildcards for searches, numbers beyond 64 bits, texts that are
no Unicode, JSON of another shape. A planted fault shows that the net holds.
"""

from __future__ import annotations

import json
import random
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from fastapi import APIRouter
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from truing import Workspace
from truing.testing.http_client import Answer, Client
from truing.web import app
from truing.web.server import Address, Server

DIGITS = Path(__file__).parents[1] / "data" / "speech" / "digits"
ENDLESS = ("/changes",)
"""Streams that end when the listener goes."""
PATIENCE = "wait"
"""How long an answer may take: nobody waits for long work here."""
METHODS = ("get", "post", "put", "patch", "delete")
QUIET = settings(
    deadline=None,
    database=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)

OF_APPS = ("/api/data", "/api/models/faster-whisper", "/api/store-image")
ODD_TEXTS = (
    *(
        "",
        " ",
        "%",
        "100%",
        "_%_%",
        "'",
        '"',
        '"""',
        "*",
        "a*",
        '"a" OR 1=1',
        "NEAR(a b)",
        "-",
        "^",
    ),
    *("a:b", "(", "\\", "\x00", "\x1f", "\u202e", "\ud800", "e\u0301", "😀" * 50, "x" * 5000),
    *("null", "NaN", "1e999", "..", "../../etc/passwd", "/etc/passwd", "C:\\x", "{}", "[]"),
    *("2026-13-45", "9999-12-31T23:59:59.999999Z", "0000-00-00", "-1", "0x10", "١٢٣"),
    "<script>alert(1)</script>",
)
MEANEST = (
    *("%", "100%", "'", '"', "*", '"a" OR 1=1', "(", "\x00", "\ud800", "x" * 5000, "..", "-1"),
    "9999-12-31T23:59:59.999999Z",
)
"""What is tried in every parameter also when there is little time."""
texts = st.one_of(st.sampled_from(ODD_TEXTS), st.text(max_size=40))
numbers = st.one_of(
    st.sampled_from([0, 1, 2, 3, -1, 2**31, 2**53, 2**63, 2**64, 10**30]),
    st.floats(),
    st.integers(-5, 5),
)
anything = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A server with a few real samples, decided and not."""
    folder = tmp_path_factory.mktemp("fire") / "ws"
    with Workspace.create(folder, rng=random.Random(7), environ={}) as workspace:
        for path in sorted(DIGITS.glob("*.flac"))[:3]:
            added = workspace.capture("speech", audio=path, raw="zero", sampling="wholesale")
            assert added is not None
        workspace.review(1, "accepted")
        with Server(workspace, Address(port=0)).running() as url:
            yield Client(url)


@pytest.fixture(scope="module")
def described(served: Client) -> dict[str, Any]:
    """What the server says of itself."""
    return served.ask("GET", "/api/openapi.json").json


def operations(described: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, item[method])
        for path, item in described["paths"].items()
        for method in METHODS
        if method in item and not path.endswith(ENDLESS)
    ]


def sound(answer: Answer, request: object) -> None:
    """An answer that no fault stands behind, and that tells errors in the one form."""
    assert answer.status < 500 or answer.status in (501, 503), (request, answer.body[:500])
    if answer.status >= 400 and answer.body and "json" in answer.headers.get("content-type", ""):
        told = answer.json["error"]
        if isinstance(told, str):
            # The own routes of other apps keep their form.
            assert any(path in str(request) for path in OF_APPS)
            return
        assert told.keys() >= {"code", "message", "hint"}
        assert "Traceback" not in answer.body.decode()


# --- our own strategies --------------------------------------------------------------------------


def requests(
    described: dict[str, Any], method: str, path: str, told: dict[str, Any]
) -> st.SearchStrategy[tuple[str, str, bytes | None, dict[str, str]]]:
    """Requests to one operation: parameters it knows, with values it does not expect."""
    named = told.get("parameters", [])
    values = st.one_of(texts, numbers.map(str), st.sampled_from(["1", "2", "3", "speech", "audio"]))
    in_path = {one["name"]: values for one in named if one["in"] == "path"}
    in_query = {one["name"]: st.lists(values, max_size=2) for one in named if one["in"] == "query"}
    in_query["nobody-knows"] = st.lists(values, max_size=1)
    waits = in_query.pop(PATIENCE, None)
    hurried = {} if waits is None else {PATIENCE: st.sampled_from((["0"], ["0"], ["-1"], ["x"]))}
    content = told.get("requestBody", {}).get("content", {})
    return st.builds(
        lambda given, query, sent: (
            method.upper(),
            address(path, given, query),
            *sent,
        ),
        st.fixed_dictionaries(in_path),
        st.fixed_dictionaries(hurried, optional=in_query),
        bodies(described, content) if content else st.just((None, {})),
    )


def address(path: str, given: dict[str, str], query: dict[str, list[str]]) -> str:
    for name, value in given.items():
        path = path.replace("{" + name + "}", escaped(value) or "%20")
    pairs = [(name, one) for name, many in query.items() for one in many]
    text = urlencode(pairs, errors="surrogatepass")
    return f"{path}?{text}" if text else path


def escaped(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe="").replace(".", "%2E")


def bodies(
    described: dict[str, Any], content: dict[str, Any]
) -> st.SearchStrategy[tuple[bytes, dict[str, str]]]:
    """Bodies of the right type with the wrong content, and of the wrong type."""
    shapes = [anything]
    reference = content.get("application/json", {}).get("schema", {}).get("$ref", "")
    known = described.get("components", {}).get("schemas", {}).get(reference.rpartition("/")[2], {})
    if known.get("properties"):
        shaped = dict.fromkeys(known["properties"], anything)
        shapes += [st.fixed_dictionaries({}, optional=shaped), st.fixed_dictionaries(shaped)]
    types = st.sampled_from([*content, "application/json", "text/plain", "audio/wav", ""])
    raw = st.one_of(
        st.one_of(*shapes).map(lambda data: json.dumps(data).encode("utf-8", "surrogatepass")),
        st.binary(max_size=200),
    )
    return st.tuples(raw, types.map(lambda one: {"Content-Type": one.replace("*", "wav")}))


def bombard(client: Client, described: dict[str, Any], examples: int) -> int:
    """Sends so many requests to each operation; returns how many in all."""
    count = 0
    for method, path, told in operations(described):

        @settings(QUIET, max_examples=examples)
        @given(requests(described, method, path, told))
        def strike(request: tuple[str, str, bytes | None, dict[str, str]]) -> None:
            nonlocal count
            verb, where, body, headers = request
            sound(client.ask(verb, where, body=body, headers=headers), request)
            count += 1

        strike()
    return count


def sweep(client: Client, described: dict[str, Any], some: Sequence[str] = MEANEST) -> int:
    """Sends odd texts in every parameter that takes any text, one at a time."""
    count = 0
    for method, path, told in operations(described):
        where = re.sub(r"\{\w+\}", "1", path)
        for one in told.get("parameters", []):
            if one["in"] != "query" or not free(one.get("schema", {})):
                continue
            for text in some:
                request = (method.upper(), address(where, {}, {one["name"]: [text]}))
                sound(client.ask(*request), request)
                count += 1
    return count


def free(schema: dict[str, Any]) -> bool:
    """Whether any text may stand there."""
    options = [schema, *schema.get("anyOf", []), schema.get("items", {})]
    return any(one.get("type") == "string" and "enum" not in one for one in options)


def test_every_operation_tells_its_errors_as_they_are_answered(
    served: Client, described: dict[str, Any]
) -> None:
    for method, path, told in operations(described):
        assert "422" not in told["responses"], (method, path)
        schema = told["responses"]["default"]["content"]["application/json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/Error"}
    assert "HTTPValidationError" not in described["components"]["schemas"]
    refused = served.ask("GET", "/api/samples/no-number")
    assert (refused.status, refused.json["error"]["code"]) == (400, "invalid-input")


def test_odd_texts_meet_no_fault(served: Client, described: dict[str, Any]) -> None:
    assert sweep(served, described) > 400


@pytest.mark.slow
def test_all_odd_texts_meet_no_fault(served: Client, described: dict[str, Any]) -> None:
    assert sweep(served, described, ODD_TEXTS) > 1500


def test_odd_requests_meet_no_fault(served: Client, described: dict[str, Any]) -> None:
    assert bombard(served, described, 4) > 200
    assert served.ask("GET", "/api/samples").status == 200


@pytest.mark.slow
def test_many_odd_requests_meet_no_fault(served: Client, described: dict[str, Any]) -> None:
    assert bombard(served, described, 150) > 5000


def test_the_net_holds_a_planted_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planted = ModuleType("truing.web.routes.planted")
    planted.router = APIRouter()

    @planted.router.get("/api/planted")
    def search(q: str = "") -> dict[str, str]:
        return {"q": q % () if "%" in q and len(q) > 3 else q}

    monkeypatch.setitem(sys.modules, planted.__name__, planted)
    monkeypatch.setattr(app, "ROUTES", ("planted", *app.ROUTES))
    with (
        Workspace.create(tmp_path / "ws", environ={}) as workspace,
        Server(workspace, Address(port=0)).running() as url,
    ):
        client = Client(url)
        told = client.ask("GET", "/api/openapi.json").json
        planned = {**told, "paths": {"/api/planted": told["paths"]["/api/planted"]}}
        with pytest.raises(AssertionError, match="this is a fault in Truing"):
            sweep(client, planned)


# --- schemathesis --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def checked(served: Client) -> Callable[[int], int]:
    import schemathesis

    @schemathesis.serializer("audio/pcm", "audio/*")
    def as_it_is(_: object, value: object) -> bytes:
        return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")

    schema = schemathesis.openapi.from_url(f"{served.url}/api/openapi.json")

    def check(examples: int) -> int:
        count = 0
        for found in schema.get_all_operations():
            operation = found.ok()
            if operation.path.endswith(ENDLESS):
                continue

            @settings(QUIET, max_examples=examples)
            @given(operation.as_strategy())
            def strike(case: Any) -> None:
                nonlocal count
                if case.operation.query.get(PATIENCE) is not None:
                    case.query = {**(case.query or {}), PATIENCE: 0}
                answer = case.call(timeout=60)
                fine = answer.status_code < 500 or answer.status_code in (501, 503)
                assert fine, (case.as_curl_command(), answer.text[:500])
                count += 1

            strike()
        return count

    return check


def test_requests_as_described_meet_no_fault(checked: Callable[[int], int]) -> None:
    assert checked(3) > 150


@pytest.mark.slow
def test_many_requests_as_described_meet_no_fault(checked: Callable[[int], int]) -> None:
    assert checked(100) > 5000
