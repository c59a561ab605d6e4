"""What the routes work with: one workspace, its live models, who may do what, and who listens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request

if TYPE_CHECKING:
    from pathlib import Path

    from truing.web.access.gate import Gate
    from truing.web.assets import Assets
    from truing.web.changes import Changes
    from truing.web.figures import Figures
    from truing.web.hearing import Hearing
    from truing.web.queues import Queues
    from truing.web.work import Works
    from truing.workspace import Workspace


@dataclass(slots=True, kw_only=True, eq=False)
class Web:
    """Everything one server has. Routes get it as a `WebDep`; it is safe from several threads."""

    workspace: Workspace
    gate: Gate
    """Who asks, and what they may do."""
    changes: Changes
    """Tells listening pages what has changed."""
    hearing: Hearing
    """The live models, each in a process of its own."""
    assets: Assets
    queues: Queues
    """What each visitor reviews next."""
    figures: Figures
    """What the home page says."""
    works: Works
    """What takes longer than an answer may."""
    host: str = "127.0.0.1"
    """Where the server listens."""
    pages: Path | None = None
    """A folder of foreign pages served at `/`, such as those of the S2S app."""
    started_at: int = 0
    """Microseconds since 1970."""


async def web_of(request: Request) -> Web:
    """The server's parts, from its state."""
    found: Web = request.app.state.web
    return found


WebDep = Annotated["Web", Depends(web_of)]
"""Annotation of a route's argument that gets the server's parts."""
