"""People who use a server: who they are, what they are, and the secrets that let them in.

Only digests of secrets are kept: an argon2 hash of a password, the SHA-256 of a token that is
random enough to need no more.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

OWNER = ""
"""Stands for the person whose workspace it is, where a server knows nobody else."""


class Role(StrEnum):
    """What a person is."""

    ADMIN = "admin"
    REVIEWER = "reviewer"
    CONTRIBUTOR = "contributor"


class TokenKind(StrEnum):
    """What a token is for."""

    SESSION = "session"
    """A browser that signed in."""
    API = "api"
    """A program."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who may sign in."""

    name: str
    role: Role
    password: str | None = None
    """An argon2 hash; None: only tokens let this person in."""
    added_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A secret that was handed out, without the secret itself."""

    digest: str
    """`sha256:…` of the secret."""
    person: str
    """Whose it is; `OWNER` where the server knows nobody else."""
    kind: TokenKind
    label: str
    """What its holder called it, such as the name of a phone."""
    created_at: int
    expires_at: int | None = None
    """From then on it is worth nothing; None: never."""
    used_at: int | None = None
    """When it was last seen, to within some minutes."""
    id: int = 0

    def valid(self, now: int) -> bool:
        """Whether it still lets in."""
        return self.expires_at is None or now < self.expires_at


class People(Protocol):
    """The people of one workspace and their tokens."""

    def add(self, person: Person) -> None:
        """Adds somebody.

        Raises:
            ConflictError: there is somebody of that name, in whatever case.
        """
        ...

    def find(self, name: str) -> Person | None:
        """Somebody by name, written as it was added; None when there is nobody."""
        ...

    def all(self) -> list[Person]:
        """Everybody, by name."""
        ...

    def set_role(self, name: str, role: Role) -> None:
        """Gives another role.

        Raises:
            NotFoundError: there is nobody of that name.
            ConflictError: no admin would be left.
        """
        ...

    def set_password(self, name: str, password: str) -> None:
        """Gives another password, as its hash, and ends all sessions of that person.

        Raises:
            NotFoundError: there is nobody of that name.
        """
        ...

    def remove(self, name: str) -> None:
        """Removes somebody and all of their tokens.

        Raises:
            NotFoundError: there is nobody of that name.
            ConflictError: no admin would be left.
        """
        ...

    def add_token(self, token: Token) -> Token:
        """Keeps a token and gives it its number.

        Raises:
            NotFoundError: it is of somebody who is not there.
        """
        ...

    def holder(self, digest: str) -> tuple[Token, Person | None] | None:
        """The token of a digest and whose it is (None: the owner's); None when there is none."""
        ...

    def tokens(self, person: str) -> list[Token]:
        """The tokens of one person, newest first."""
        ...

    def seen(self, id: int, at: int) -> None:
        """Notes that a token was used."""
        ...

    def revoke(self, id: int) -> bool:
        """Makes a token worthless; False when it was not there."""
        ...

    def drop_expired(self, now: int) -> int:
        """Removes tokens whose time is over; returns how many."""
        ...
