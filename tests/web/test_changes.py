"""News: what this server does, what other processes do, and how the stream ends."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from typing import Any

import pytest
from tests.web.conftest import Served

from truing import Workspace
from truing.web.changes import QUEUED, Change, Changes


@contextmanager
def listening(served: Served) -> Iterator[HTTPResponse]:
    """A stream of news that stands."""
    connection = HTTPConnection(served.client.place, timeout=60)
    connection.request("GET", "/api/changes")
    answer = connection.getresponse()
    assert answer.headers["content-type"].startswith("text/event-stream")
    while answer.readline() != b"\n":
        pass
    try:
        yield answer
    finally:
        answer.close()
        connection.close()


def told(answer: HTTPResponse) -> dict[str, Any]:
    """The next change."""
    while line := answer.readline():
        if line.startswith(b"data: "):
            change: dict[str, Any] = json.loads(line[6:])
            return change
    raise EOFError


def test_a_decision_is_told_at_once(filled: Served) -> None:
    with listening(filled) as stream, listening(filled) as other:
        filled.post("/api/samples/3/review", {"verdict": "accepted"})
        assert told(stream) == {"topic": "samples", "data": {"ids": [3]}}
        assert told(other)["data"] == {"ids": [3]}


def test_what_another_program_writes_is_told(filled: Served) -> None:
    with listening(filled) as stream:
        with Workspace.open(filled.workspace.layout.root, environ={}) as other:
            time.sleep(0)  # the first look may not have been taken yet: write until it is told
            number = 0
            heard: list[dict[str, Any]] = []
            reader = threading.Thread(target=lambda: heard.append(told(stream)), daemon=True)
            reader.start()
            deadline = time.monotonic() + 60
            while not heard and time.monotonic() < deadline:
                number = number % 12 + 1
                other.review(number, "accepted")
                reader.join(timeout=0.2)
        assert heard[0]["topic"] == "samples"


def test_the_stream_ends_with_the_server(filled: Served, caplog: pytest.LogCaptureFixture) -> None:
    with listening(filled) as stream:
        filled.server.stop()
        while stream.readline():
            pass
    assert "graceful shutdown exceeded" not in caplog.text, "it was cut off"


def hear(changes: Changes, count: int, heartbeat: float | None = None) -> list[Change | None]:
    async def listen() -> list[Change | None]:
        found: list[Change | None] = []
        async for change in changes.listen(heartbeat=heartbeat):
            found.append(change)
            if len(found) == count:
                break
        return found

    return asyncio.run(listen())


def test_a_heartbeat_comes_when_nothing_happens() -> None:
    assert hear(Changes(), 2, heartbeat=0.01) == [None, None]


def test_who_does_not_read_is_told_to_look_anew() -> None:
    changes = Changes()

    async def listen() -> Change | None:
        stream = changes.listen()
        first = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        for number in range(QUEUED * 2):
            changes.announce("samples", ids=[number])
        return await first

    found = asyncio.run(listen())
    assert found is not None
    assert found.topic == "again"


def test_a_topic_is_told_when_its_mark_differs() -> None:
    marks = {"runs": (1,), "models": (1,)}
    looks = 0

    def look() -> dict[str, object]:
        nonlocal looks
        looks += 1
        return {**marks, "runs": (looks,)}

    changes = Changes(look, every=0.01)
    found = hear(changes, 3)
    assert {change.topic for change in found if change is not None} == {"runs"}


def test_nobody_looks_when_nobody_listens() -> None:
    looks = 0

    def look() -> dict[str, object]:
        nonlocal looks
        looks += 1
        return {"runs": (looks,)}

    changes = Changes(look, every=0.01)
    assert looks == 0
    hear(changes, 1)
    watcher = [one for one in threading.enumerate() if one.name == "changes"]
    for thread in watcher:
        thread.join(timeout=60)
        assert not thread.is_alive()
    seen = looks
    assert hear(changes, 1)
    assert looks > seen


def test_closed_news_end() -> None:
    changes = Changes()

    async def listen() -> int:
        stream = changes.listen()
        waiting = asyncio.ensure_future(anext(stream, None))
        await asyncio.sleep(0)
        changes.close()
        assert await asyncio.wait_for(waiting, 60) is None
        return len([one async for one in changes.listen()])

    assert asyncio.run(listen()) == 0


@pytest.mark.parametrize("topic", ["samples", "models"])
def test_announcing_to_nobody_does_nothing(topic: str) -> None:
    Changes().announce(topic, ids=[1])
