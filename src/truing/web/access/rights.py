"""What a visitor of the server may do: rights, and the roles that bring them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from truing.domain.person import Role

if TYPE_CHECKING:
    from truing.domain.sample import SampleFilter

__all__ = ["RIGHTS", "Right", "Role", "Visitor"]


class Right(StrEnum):
    """One kind of thing to do."""

    READ = "read"
    """See samples, models, figures."""
    CONTRIBUTE = "contribute"
    """Add samples of one's own: record, upload, transcribe."""
    REVIEW = "review"
    """Decide on samples, undo, delete into the trash."""
    OPERATE = "operate"
    """Train, promote, freeze, change settings, manage people."""


RIGHTS: dict[Role, frozenset[Right]] = {
    Role.ADMIN: frozenset(Right),
    Role.REVIEWER: frozenset({Right.READ, Right.CONTRIBUTE, Right.REVIEW}),
    Role.CONTRIBUTOR: frozenset({Right.CONTRIBUTE}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who sent a request."""

    name: str
    """The actor of what they do."""
    role: Role
    token: int | None = None
    """The number of the token that let them in; None where no token is asked for."""
    person: str | None = None
    """Whose tokens and password are theirs to change; None where no token is asked for."""

    def may(self, right: Right) -> bool:
        """Whether the role brings the right."""
        return right in RIGHTS[self.role]

    @property
    def own_source(self) -> str | None:
        """The source of all that a contributor adds, by which it is known as theirs; None for
        those who see everything.
        """
        return None if self.may(Right.READ) else f"contributor/{self.name}"

    def source(self, given: str) -> str:
        """The source under which a sample of this visitor is kept."""
        return self.own_source or given

    def sees(self, where: SampleFilter) -> SampleFilter:
        """A filter narrowed to what this visitor may see."""
        return where if self.own_source is None else replace(where, source=self.own_source)
