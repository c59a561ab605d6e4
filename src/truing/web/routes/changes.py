"""Changes: what happens in the workspace, told as it happens (server-sent events)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from truing.web.access.gate import needs
from truing.web.access.rights import Right
from truing.web.changes import Changes
from truing.web.context import WebDep

router = APIRouter(prefix="/api", tags=["changes"])

HEARTBEAT = 15.0
"""Seconds: proxies and browsers give up a stream on which nothing comes."""
RETRY_MS = 2000
EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "a stream of events",
        "content": {
            "text/event-stream": {"example": 'data: {"topic": "samples", "data": {"ids": [7]}}\n\n'}
        },
    }
}
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@router.get(
    "/changes",
    dependencies=[needs(Right.READ)],
    response_class=StreamingResponse,
    responses=EVENTS,
)
async def changes(web: WebDep) -> StreamingResponse:
    """What changes from now on, by topic: `samples`, `runs`, `models`, `datasets`, `settings`.

    `data` may name what changed; without it, and under the topic `again`, look at everything anew.
    """
    return StreamingResponse(_stream(web.changes), media_type="text/event-stream", headers=HEADERS)


async def _stream(told: Changes) -> AsyncIterator[bytes]:
    # The first words make the browser say that the stream stands.
    yield f"retry: {RETRY_MS}\n: listening\n\n".encode()
    async for change in told.listen(heartbeat=HEARTBEAT):
        if change is None:
            yield b": still here\n\n"
            continue
        text = json.dumps({"topic": change.topic, "data": dict(change.data)})
        yield f"data: {text}\n\n".encode()
