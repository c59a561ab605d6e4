"""The basis of what other pages hand in: own use is none, since nobody was asked there.

Pages of this server, pages of this machine that ask this machine, and programs are not meant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request

from truing.domain.errors import ConsentError, TruingError
from truing.web.access.origins import is_elsewhere

if TYPE_CHECKING:
    from truing.workspace import Workspace


async def missing_basis(request: Request) -> TruingError | None:
    """Why nothing of this request may be kept; None when its page may hand samples in."""
    workspace: Workspace = request.app.state.web.workspace
    origin = request.headers.get("origin")
    if origin is None or workspace.settings.text("consent.policy") != "own-use":
        return None
    if not is_elsewhere(origin, request.headers.get("host", "")):
        return None
    return ConsentError(
        f"nothing is kept for `{origin[:100]}`: `consent.policy` is `own-use`, and its visitors "
        "are others",
        hint="truing config set consent.policy ask, and send consent=true once they agreed; or "
        "operator, with consent.reason",
    )


async def _must_have_basis(
    missing: Annotated[TruingError | None, Depends(missing_basis)],
) -> None:
    if missing is not None:
        raise missing


MissingBasis = Annotated[TruingError | None, Depends(missing_basis)]
"""Annotation of a route's argument that gets why nothing may be kept, None where it may."""


def needs_basis() -> Any:  # noqa: ANN401 - what FastAPI calls a dependency has no public type
    """A dependency of routes that keep samples: other pages need more than own use."""
    return Depends(_must_have_basis)
