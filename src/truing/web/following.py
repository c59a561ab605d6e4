"""Following a run: how it is told, and the stream of what changes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from truing.domain.run import Run
from truing.jobs.watch import Watch, pace
from truing.web.answers import json_bytes

if TYPE_CHECKING:
    from fastapi import Request

    from truing.web.context import Web
    from truing.workspace import Workspace

LOOK_SECONDS = 0.5
HEARTBEAT_LOOKS = 30
"""Looks without news after which a word is sent: proxies and browsers give up a silent stream."""
LOST = "lost"
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "a stream of events",
        "content": {
            "text/event-stream": {
                "example": 'data: {"run": {"run": 3, "state": "running"}, "points": []}\n\n'
            }
        },
    }
}


def run_as_dict(workspace: Workspace, run: Run) -> dict[str, object]:
    """A run with what is known of it only now: whether its process lives, its pace, its waiting."""
    store, jobs = workspace.store.runs, workspace.jobs
    lost = jobs.abandoned(run)
    going = pace(store, run)
    now = workspace.clock.now()
    return {
        **run.as_dict(),
        "state": LOST if lost else run.state.value,
        "waiting": jobs.waits(run),
        "remaining": going.remaining(now, run.total_steps) if going and not lost else None,
        "steps_per_second": going.speed(now) if going and not lost else None,
    }


async def followed(web: Web, id: int, request: Request) -> StreamingResponse:
    """Server-sent events of one run until it has ended, the visitor leaves or the server ends.

    Raises:
        NotFoundError: no such run.
    """
    workspace = web.workspace
    first = await run_in_threadpool(workspace.store.runs.get, id)
    watch = Watch(workspace.store.runs, id, workspace.clock)

    def look(run: Run | None = None) -> tuple[Run, bytes | None]:
        run = run or workspace.store.runs.get(id)
        news = watch.look(run, waiting=False)
        if news is None:
            return run, None
        points = [point.as_dict() for point in news.points]
        told = {"run": run_as_dict(workspace, run), "points": points}
        return run, b"data: " + json_bytes(told) + b"\n\n"

    async def events() -> AsyncIterator[bytes]:
        yield b"retry: 2000\n\n"
        run, news = await run_in_threadpool(look, first)
        silent = 0
        while True:
            if news is not None:
                yield news
            if run.state.ended or web.changes.closed or await request.is_disconnected():
                return
            silent = 0 if news is not None else silent + 1
            if silent and silent % HEARTBEAT_LOOKS == 0:
                yield b": still here\n\n"
            await asyncio.sleep(LOOK_SECONDS)
            run, news = await run_in_threadpool(look)

    return StreamingResponse(events(), media_type="text/event-stream", headers=HEADERS)
