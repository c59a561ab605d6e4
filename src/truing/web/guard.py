"""The guard: what every request must satisfy before a route sees it, and headers on each answer.

In this order: a path and headers of sane form, the server's own name, a page that may ask, a
visitor who is known, not too much of one kind, a body within bounds.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool

from truing.domain.errors import InvalidInputError, TruingError
from truing.web.access.limits import LOGINS, TRAININGS, UPLOADS, Limit
from truing.web.access.origins import EXPOSED, PREFLIGHT, SAFE, origins_of
from truing.web.body import BoundedBody, too_large
from truing.web.errors import NotSignedInError, envelope

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from truing.domain.settings import Settings
    from truing.web.access.rights import Visitor
    from truing.web.assets import Assets
    from truing.web.context import Web

LONGEST_ADDRESS = 16_384
"""Bytes of a path with its parameters."""
MOST_HEADERS = 65_536
"""Bytes of all headers."""
PLAIN_BODY = 4_000_000
"""Bytes of a body that holds no recording."""
UPLOADING = (
    *("/api/samples", "/api/entries", "/api/data", "/api/live/", "/v1/audio/"),
    "/api/store-image",
)
"""Beginnings of paths that take recordings."""
BEHIND_THE_GATE = ("/api/", "/v1/")
IN_FRONT = frozenset({"/api/login", "/api/docs"})
"""Paths that are answered before anybody has signed in."""
LIMITED: Mapping[tuple[str, str], Limit] = {
    ("POST", "/api/login"): LOGINS,
    ("POST", "/api/train"): TRAININGS,
    ("POST", "/api/runs"): TRAININGS,
    ("POST", "/api/samples"): UPLOADS,
    ("POST", "/api/store-image"): UPLOADS,
    ("POST", "/api/live/transcribe"): UPLOADS,
    ("POST", "/v1/audio/transcriptions"): UPLOADS,
}
_OWN_RESOURCES = (b"cross-origin-resource-policy", b"same-origin")
HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    _OWN_RESOURCES,
    (b"permissions-policy", b"microphone=(self), camera=(self), geolocation=(), payment=()"),
]
"""On every answer that does not set them itself."""
DATA_HEADERS = [
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; sandbox"),
    (b"cache-control", b"no-store"),
    *HEADERS,
]
"""On answers that are data: whatever they hold, nothing in it runs."""
_DOTS = re.compile(r"(?:^|/)\.{1,2}(?:/|$)")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\\]")


class Guard:
    """ASGI middleware around the whole app."""

    def __init__(self, app: ASGIApp, *, web: Web) -> None:
        self._app = app
        self._web = web
        self._settings: Settings | None = None
        self._origins = origins_of(web.workspace.settings, web.host)
        self._upload = 0
        self._page_headers = [(b"content-security-policy", _policy(web.assets)), *HEADERS]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._look_at_settings()
        headers = dict(scope["headers"])
        answer = _Answer(send, self._headers_for(headers.get(b"origin"), scope["path"]))
        try:
            self._look_at(scope, headers)
            if scope["method"] == "OPTIONS" and b"access-control-request-method" in headers:
                await answer.empty(
                    PREFLIGHT if self._origins.allows(headers.get(b"origin")) else ()
                )
                return
            await self._let_in(scope)
            limit = self._body_limit(scope["path"])
            if int(headers.get(b"content-length", b"0")) > limit:
                raise too_large(limit)
        except TruingError as refused:
            await envelope(refused)(scope, receive, answer)
            return
        body = BoundedBody(receive, limit)
        answer.body = body
        await self._app(scope, body, answer)
        if body.broken is not None and not answer.begun:
            await envelope(body.broken)(scope, receive, answer.anew())

    def _look_at_settings(self) -> None:
        settings = self._web.workspace.settings
        if settings is not self._settings:
            self._origins = origins_of(settings, self._web.host)
            self._upload = int(settings.number("serve.upload_mb") * 1e6)
            self._settings = settings

    def _look_at(self, scope: Scope, headers: Mapping[bytes, bytes]) -> None:
        """Refuses what no honest client sends.

        Raises:
            InvalidInputError: a malformed path or header.
            NotAllowedError: another name than the server's, or a page that may not ask.
        """
        address = len(scope.get("raw_path") or b"") + len(scope["query_string"])
        size = sum(len(name) + len(value) for name, value in scope["headers"])
        if address > LONGEST_ADDRESS or size > MOST_HEADERS:
            raise InvalidInputError("the address or a header is too long", hint="send less in it")
        path = scope["path"]
        if _UNPRINTABLE.search(path) or _DOTS.search(path):
            raise InvalidInputError(
                "the path holds `..`, a backslash or an unprintable character",
                hint="write the path of the route as /api/docs shows it",
            )
        if sum(1 for name, _ in scope["headers"] if name in (b"host", b"origin")) > (
            len({b"host", b"origin"} & headers.keys())
        ):
            raise InvalidInputError("a header stands twice", hint="send Host and Origin once")
        if not headers.get(b"content-length", b"0").isdigit():
            raise InvalidInputError("Content-Length is no number", hint="send the size in bytes")
        refused = self._origins.refusal(scope["method"], headers)
        if refused is not None:
            raise refused

    async def _let_in(self, scope: Scope) -> None:
        """Finds who asks, and counts what is limited.

        Raises:
            NotSignedInError: nobody who is known.
            TooManyError: too much of one kind.
        """
        path, method = scope["path"], scope["method"]
        visitor = None
        if path.startswith(BEHIND_THE_GATE):
            visitor = await self._visitor(scope)
            if visitor is None and path not in IN_FRONT:
                raise NotSignedInError(
                    "you are not signed in", hint="sign in at /login, or send a token as Bearer"
                )
            scope.setdefault("state", {})["visitor"] = visitor
        limit = LIMITED.get((method, path)) if method not in SAFE else None
        if limit is not None:
            place = scope["client"][0] if scope.get("client") else "-"
            self._web.gate.limits.take(limit, f"{place} {visitor.name if visitor else ''}")

    async def _visitor(self, scope: Scope) -> Visitor | None:
        gate = self._web.gate
        if gate.open:
            return gate.visitor(())
        return await run_in_threadpool(gate.visitor, scope["headers"])

    def _body_limit(self, path: str) -> int:
        return self._upload if path.startswith(UPLOADING) else min(PLAIN_BODY, self._upload)

    def _headers_for(self, origin: bytes | None, path: str) -> list[tuple[bytes, bytes]]:
        data = path.startswith(BEHIND_THE_GATE) and not path.startswith("/api/docs")
        found = DATA_HEADERS if data else self._page_headers
        if not self._origins.trusted:
            return found
        found = [*found, (b"vary", b"Origin")]
        if origin is not None and self._origins.allows(origin):
            found += [(b"access-control-allow-origin", origin), EXPOSED]
            # What another origin may read it may also show.
            found.remove(_OWN_RESOURCES)
            found.append((b"cross-origin-resource-policy", b"cross-origin"))
        return found


def _policy(assets: Assets) -> bytes:
    content = (
        "default-src 'self'; "
        f"script-src 'self' '{assets.import_map_hash}'; "
        "style-src 'self'; "
        "img-src 'self' blob: data:; media-src 'self' blob: data:; "
        "connect-src 'self'; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    )
    return content.encode("ascii")


class _Answer:
    """Sends an answer with the guard's headers; those that a route set itself go before."""

    def __init__(self, send: Send, headers: list[tuple[bytes, bytes]]) -> None:
        self._send = send
        self._headers = headers
        self.body: BoundedBody | None = None
        self.begun = False

    async def __call__(self, message: Message) -> None:
        """Sends one message; nothing when the body broke a rule before an answer had begun."""
        if not self.begun:
            if self.body is not None and self.body.broken is not None:
                return
            self.begun = True
            present = {name.lower() for name, _ in message["headers"]}
            missing = [pair for pair in self._headers if pair[0] not in present]
            message["headers"] = [*message["headers"], *missing]
        await self._send(message)

    def anew(self) -> _Answer:
        """The same for the guard's own words."""
        self.body = None
        return self

    async def empty(self, headers: tuple[tuple[bytes, bytes], ...]) -> None:
        """An answer without a body."""
        await self({"type": "http.response.start", "status": 204, "headers": list(headers)})
        await self({"type": "http.response.body", "body": b""})
