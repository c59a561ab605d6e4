"""Rating: what people think of samples, in the name of whoever is at the workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truing.loop import rate as rating

if TYPE_CHECKING:
    from truing.domain.rating import Rating
    from truing.workspace import Workspace


def rate(
    workspace: Workspace, id: int, value: int, reason: str | None = None, actor: str | None = None
) -> Rating:
    """Says how good a sample is, from 1 to 5; the newest rating counts.

    Args:
        workspace: where it is.
        id: its number.
        value: 1 to 5, 5 is best.
        reason: why.
        actor: whose rating it is; the workspace's own when left out.

    Raises:
        NotFoundError: no such sample.
        InvalidInputError: another value, or a reason that is too long.
        ConflictError: the sample is in the trash.
    """
    by = actor or workspace.actor
    store = workspace.store
    return rating.rate(id, value, store.ratings, workspace.clock, actor=by, reason=reason)


def ratings(workspace: Workspace, id: int) -> list[Rating]:
    """All ratings of a sample, oldest first.

    Raises:
        NotFoundError: no such sample.
    """
    workspace.store.samples.get(id)
    return workspace.store.ratings.of(id)
