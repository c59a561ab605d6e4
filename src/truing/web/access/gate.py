"""The gate: tells who sent a request, and refuses what they may not do.

`off`: everybody is the owner; the server listens to this machine alone, and any key is taken.
`token`: the owner, by a cookie that a one-time token was exchanged for, or an API token.
`users`: a person, by a cookie that a password was exchanged for, or an API token.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections.abc import Awaitable, Callable, Iterable
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from truing.domain.clock import MICROSECONDS
from truing.domain.digest import digest_bytes
from truing.domain.errors import NotFoundError
from truing.domain.person import OWNER, Person, Role, Token
from truing.web.access.limits import Limits
from truing.web.access.rights import Right, Visitor
from truing.web.errors import NotAllowedError, NotSignedInError

if TYPE_CHECKING:
    from truing.domain.settings import Settings
    from truing.workspace import Workspace

SEEN_EVERY = 600 * MICROSECONDS
"""A token's last use is noted this often; writing it at each request would cost more than it."""
LONGEST_SECRET = 512


class Gate:
    """Knows the visitors of one server."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.auth = workspace.settings.text("serve.auth")
        root = str(workspace.layout.root).encode()
        # Cookies know no ports: two servers of one machine must not take each other's.
        self.cookie = f"truing-{hashlib.sha256(root).hexdigest()[:10]}"
        self.limits = Limits(workspace.clock)
        self._owner: tuple[Settings, Visitor] | None = None
        self._invitation: str | None = None
        self._guard = threading.Lock()

    @property
    def open(self) -> bool:
        """Whether nobody is asked who they are."""
        return self.auth == "off"

    def invite(self) -> str:
        """A token for the address that is printed; it lets in once, and the one before no more."""
        with self._guard:
            self._invitation = secrets.token_urlsafe(24)
            return self._invitation

    def redeem(self, given: str) -> bool:
        """Whether this is the invitation; after that it is none."""
        with self._guard:
            held = self._invitation
            if held is None or not hmac.compare_digest(held.encode(), given.encode()):
                return False
            self._invitation = None
            return True

    def owner(self) -> Visitor:
        """Whoever is at this machine."""
        settings = self._workspace.settings
        if self._owner is None or self._owner[0] is not settings:
            self._owner = settings, Visitor(name=self._workspace.actor, role=Role.ADMIN)
        return self._owner[1]

    def visitor(self, headers: Iterable[tuple[bytes, bytes]]) -> Visitor | None:
        """Who sent a request with these headers; None: nobody who is known."""
        if self.open:
            return self.owner()
        secret = _secret(headers, self.cookie)
        return None if secret is None else self.holder(secret)

    def holder(self, secret: str) -> Visitor | None:
        """Whom a token lets in; None: it lets nobody in."""
        if len(secret) > LONGEST_SECRET:
            return None
        people = self._workspace.store.people
        found = people.holder(digest_bytes(secret.encode("utf-8", "surrogateescape")))
        now = self._workspace.clock.now()
        if found is None or not found[0].valid(now):
            return None
        token, person = found
        visitor = self._as_visitor(token, person)
        if visitor is not None and now - (token.used_at or 0) > SEEN_EVERY:
            people.seen(token.id, now)
        return visitor

    def _as_visitor(self, token: Token, person: Person | None) -> Visitor | None:
        if self.auth == "token" and token.person == OWNER:
            name = self._workspace.actor
            return Visitor(name=name, role=Role.ADMIN, token=token.id, person=OWNER)
        if self.auth == "users" and person is not None:
            return Visitor(name=person.name, role=person.role, token=token.id, person=person.name)
        return None


def _secret(headers: Iterable[tuple[bytes, bytes]], cookie: str) -> str | None:
    """The token of a request: a program's goes before a browser's."""
    cookies = ""
    for name, value in headers:
        if name == b"authorization":
            scheme, _, secret = value.decode("latin-1").partition(" ")
            return secret.strip() if scheme.lower() == "bearer" else None
        if name == b"cookie":
            cookies = (
                f"{cookies}; {value.decode('latin-1')}" if cookies else value.decode("latin-1")
            )
    if not cookies:
        return None
    try:
        found = SimpleCookie(cookies).get(cookie)
    except CookieError:
        return None
    return found.value if found is not None else None


async def visitor_of(request: Request) -> Visitor:
    """Who sent a request, as the guard has found.

    Raises:
        NotSignedInError: nobody who is known.
    """
    found: Visitor | None = getattr(request.state, "visitor", None)
    if found is None:
        raise NotSignedInError(
            "you are not signed in", hint="sign in at /login, or send a token as Bearer"
        )
    return found


VisitorDep = Annotated[Visitor, Depends(visitor_of)]
"""Annotation of a route's argument that gets who asks."""


def needs(right: Right, *, or_own: bool = False) -> Any:  # noqa: ANN401 - what FastAPI calls a dependency has no public type
    """A dependency of routes that only visitors with the right may use.

    Args:
        right: what is needed.
        or_own: a contributor may use the route for samples of their own; its path has `{id}`.
    """
    return Depends(_requirement(right, or_own=or_own))


def _requirement(right: Right, *, or_own: bool) -> Callable[[Request], Awaitable[None]]:
    async def require(request: Request) -> None:
        visitor = await visitor_of(request)
        if visitor.may(right):
            return
        if or_own and visitor.may(Right.CONTRIBUTE):
            await run_in_threadpool(_must_own, request, visitor)
            return
        raise NotAllowedError(
            f"`{visitor.name}` is a {visitor.role} and may not do this",
            hint="ask an admin of this server for another role",
        )

    return require


def _must_own(request: Request, visitor: Visitor) -> None:
    """Refuses what is not theirs in the words for what is not there."""
    number = request.path_params.get("id")
    if number is None:
        # A list: the route narrows it with `Visitor.sees`.
        return
    missing = NotFoundError(
        f"there is no sample {number} of yours", hint="your list shows what is there"
    )
    if not str(number).isdecimal() or len(str(number)) > 18:
        raise missing
    workspace: Workspace = request.app.state.web.workspace
    try:
        found = workspace.sample(int(number))
    except NotFoundError as error:
        raise missing from error
    if found.source != visitor.own_source:
        raise missing
