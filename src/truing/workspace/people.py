"""People who may use this workspace's server: add them, let them in, take that back.

Passwords are hashed with argon2id (19 MiB, two passes, one lane, as OWASP advises for logins); of
tokens, which are 256 random bits, the SHA-256 is kept. No secret can be read from the database.
"""

from __future__ import annotations

import re
import secrets
import threading
from typing import TYPE_CHECKING

from truing.domain.clock import MICROSECONDS
from truing.domain.digest import digest_bytes
from truing.domain.errors import InvalidInputError, NotFoundError
from truing.domain.event import Event
from truing.domain.person import OWNER, Person, Role, Token, TokenKind

if TYPE_CHECKING:
    from argon2 import PasswordHasher

    from truing.workspace import Workspace

NAME = re.compile(r"[^\W_][\w.@ -]{0,63}")
LABEL_LENGTH = 80
SHORTEST_PASSWORD, LONGEST_PASSWORD = 10, 256
MARK = "truing_"
"""Begins every token, so that programs which look for leaked secrets know it."""
DAY = 24 * 3600 * MICROSECONDS
TOGETHER = 2
"""Passwords hashed at once: each takes 19 MiB and a core."""

_hashing = threading.BoundedSemaphore(TOGETHER)


def add(workspace: Workspace, name: str, role: Role | str, password: str | None = None) -> Person:
    """Adds somebody.

    Args:
        workspace: whose server.
        name: 1 to 64 letters, digits, spaces, `.`, `-`, `_` or `@`.
        role: `admin`, `reviewer` or `contributor`.
        password: at least ten characters; without one only tokens let this person in.

    Raises:
        InvalidInputError: a name, role or password that cannot be used.
        ConflictError: the name is taken.
    """
    if not NAME.fullmatch(name) or name != name.strip():
        raise InvalidInputError(
            f"`{name[:80]}` cannot be the name of a person",
            hint="1 to 64 letters, digits, spaces or .-_@, beginning with a letter or digit",
        )
    person = Person(
        name=name,
        role=_role(role),
        password=None if password is None else hashed(password),
        added_at=workspace.clock.now(),
    )
    workspace.store.people.add(person)
    _tell(workspace, "person-added", name, role=person.role.value)
    return person


def get(workspace: Workspace, name: str) -> Person:
    """Somebody by name.

    Raises:
        NotFoundError: nobody of that name.
    """
    found = workspace.store.people.find(name)
    if found is None:
        raise NotFoundError(
            f"there is nobody called `{name}`", hint="`truing people list` shows who is"
        )
    return found


def set_role(workspace: Workspace, name: str, role: Role | str) -> None:
    """Gives somebody another role.

    Raises:
        InvalidInputError: no such role.
        NotFoundError: nobody of that name.
        ConflictError: no admin would be left.
    """
    given = _role(role)
    workspace.store.people.set_role(name, given)
    _tell(workspace, "person-changed", name, role=given.value)


def set_password(workspace: Workspace, name: str, password: str) -> None:
    """Gives somebody another password; whoever is signed in as this person no longer is.

    Raises:
        InvalidInputError: too short or too long.
        NotFoundError: nobody of that name.
    """
    workspace.store.people.set_password(name, hashed(password))
    _tell(workspace, "person-changed", name)


def remove(workspace: Workspace, name: str) -> None:
    """Removes somebody; what they decided stays, under their name.

    Raises:
        NotFoundError: nobody of that name.
        ConflictError: no admin would be left.
    """
    workspace.store.people.remove(name)
    _tell(workspace, "person-removed", name)


def knows(workspace: Workspace, name: str, password: str) -> bool:
    """Whether this is the person's password. It takes as long for somebody who is not there."""
    from argon2.exceptions import InvalidHashError, VerificationError

    person = workspace.store.people.find(name)
    held = person.password if person is not None else None
    with _hashing:
        try:
            _hasher().verify(held or _nobody(), password[:LONGEST_PASSWORD])
        except (VerificationError, InvalidHashError):
            return False
    return held is not None


def hand_out(
    workspace: Workspace,
    person: str = OWNER,
    *,
    kind: TokenKind = TokenKind.API,
    label: str = "",
    days: float | None = None,
) -> tuple[str, Token]:
    """Makes a token.

    Args:
        workspace: whose server.
        person: who holds it.
        kind: for a program or for a browser.
        label: what the holder calls it.
        days: how long it lets in; None: until it is revoked.

    Returns:
        The secret, which is nowhere else and is not kept, and what is kept.

    Raises:
        NotFoundError: nobody of that name.
        InvalidInputError: a label or a time that cannot be used.
    """
    if len(label) > LABEL_LENGTH or not label.isprintable():
        raise InvalidInputError(
            f"`{label[:LABEL_LENGTH]}` cannot be a token's label",
            hint=f"give at most {LABEL_LENGTH} printable characters",
        )
    if days is not None and not 0 < days <= 36_500:
        raise InvalidInputError(f"a token cannot last {days} days", hint="give 1 to 36500")
    now = workspace.clock.now()
    people = workspace.store.people
    people.drop_expired(now)
    secret = MARK + secrets.token_urlsafe(32)
    token = Token(
        digest=digest_bytes(secret.encode()),
        person=person,
        kind=kind,
        label=label,
        created_at=now,
        expires_at=None if days is None else now + int(days * DAY),
    )
    return secret, people.add_token(token)


def revoke(workspace: Workspace, id: int, *, of: str | None = None) -> None:
    """Makes a token worthless from the next request on.

    Args:
        workspace: whose server.
        id: its number.
        of: only if it is this person's; None: whosever it is.

    Raises:
        NotFoundError: no such token, or not theirs.
    """
    people = workspace.store.people
    mine = of is None or any(token.id == id for token in people.tokens(of))
    if not mine or not people.revoke(id):
        raise NotFoundError(f"there is no token {id}", hint="`truing people list` shows them")


def tokens(workspace: Workspace, person: str) -> list[Token]:
    """The tokens of one person that still let in, newest first."""
    now = workspace.clock.now()
    return [one for one in workspace.store.people.tokens(person) if one.valid(now)]


def hashed(password: str) -> str:
    """A password as it is kept.

    Raises:
        InvalidInputError: too short or too long.
    """
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise InvalidInputError(
            f"a password of {len(password)} characters cannot be used",
            hint=f"give {SHORTEST_PASSWORD} to {LONGEST_PASSWORD}; three words are easy to keep",
        )
    with _hashing:
        return _hasher().hash(password)


def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def _nobody() -> str:
    """A hash that no password has, as costly to look at as any."""
    salt, digest = "A" * 22, "A" * 43
    return f"$argon2id$v=19$m={19 * 1024},t=2,p=1${salt}${digest}"


def _role(role: Role | str) -> Role:
    try:
        return Role(role)
    except ValueError as error:
        raise InvalidInputError(
            f"there is no role `{role}`", hint=f"choose one of {', '.join(Role)}"
        ) from error


def _tell(workspace: Workspace, kind: str, name: str, **data: str) -> None:
    now = workspace.clock.now()
    told = {"name": name, **data}
    workspace.store.events.add(Event(kind=kind, at=now, actor=workspace.actor, data=told))
