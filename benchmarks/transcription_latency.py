"""From sound to text over HTTP, and what a request notices of a new champion.

`truing serve` runs in a process of its own over a workspace with two of the shipped digit models;
one client sends real recordings to `/v1/audio/transcriptions`, one after the other, and each call
is kept as a sample. The floor is the same model asked for the same recordings in one process,
without server, socket or disk, in the same run. Then 200 requests and more go on while the second
model is promoted: it is loaded beside the first one, which answers meanwhile.

Budget: no request lost, and none slower than twice the 95th percentile without a swap. How far the
median is above the floor, which knows no disk, is told beside it.

    python benchmarks/transcription_latency.py [--requests 200] [--pause 0.05]
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from truing import Workspace
from truing.demo.shipped import RECORDINGS, base_without
from truing.domain.model import GENERAL, ModelRef
from truing.domain.recipe import MediaFile
from truing.loop.promote import PromotePorts, promote
from truing.workspace.model_import import import_model

SPEAKERS = ("theo", "jackson")
CLIPS = 40
BOUNDARY = "truing-benchmark"
WARM = 10
SLOWER = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request."""

    at: float
    milliseconds: float
    status: int
    model: str


class Client:
    """Sends recordings over one connection."""

    def __init__(self, port: int, clips: list[Path]) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self._bodies = [body_of(clip) for clip in clips]
        self._turn = 0

    def ask(self) -> Asked:
        """Sends the next recording and waits for its text."""
        body = self._bodies[self._turn % len(self._bodies)]
        self._turn += 1
        kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        started = time.perf_counter()
        self._connection.request("POST", "/v1/audio/transcriptions", body, kind)
        answer = self._connection.getresponse()
        answer.read()
        spent = (time.perf_counter() - started) * 1000
        model = answer.headers.get("X-Truing-Model", "")
        return Asked(at=started, milliseconds=spent, status=answer.status, model=model)


def body_of(clip: Path) -> bytes:
    """A recording as a form sends it."""
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n'
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{clip.name}"\r\n'
        "Content-Type: audio/flac\r\n\r\n"
    )
    return head.encode() + clip.read_bytes() + f"\r\n--{BOUNDARY}--\r\n".encode()


def promoted(workspace: Workspace, number: int) -> None:
    """Makes a model the champion without asking the gate, which is not what is measured."""
    store = workspace.store
    ports = PromotePorts(models=store.models, events=store.events, clock=workspace.clock)
    found = store.models.get(ModelRef(modality="speech", number=number))
    promote(ports, found, None, audience=GENERAL, actor="benchmark", force="a benchmark")


def floor_of(workspace: Workspace, clips: list[Path], requests: int) -> list[float]:
    """Milliseconds of the same recordings, asked of the model in this process."""
    from truing.modalities.speech.modality import Speech

    place = workspace.model_files.path(ModelRef(modality="speech", number=1))
    model = Speech().open_recognizer(str(place), {})
    spent = []
    for turn in range(WARM + requests):
        media = {"audio": MediaFile(path=clips[turn % len(clips)])}
        started = time.perf_counter()
        model.recognize(media)
        spent.append((time.perf_counter() - started) * 1000)
    model.close()
    return spent[WARM:]


def under_a_swap(
    client: Client, workspace: Workspace, requests: int, pause: float
) -> tuple[list[Asked], float]:
    """Requests while the second model is promoted; also the seconds until it answered."""
    asked: list[Asked] = []
    moved = threading.Event()
    moved_at = 0.0

    def move() -> None:
        promoted(workspace, 2)
        moved.set()

    beyond = 0
    # A quarter of the requests after the new model has taken over, however long it takes to load.
    while len(asked) < requests or beyond < requests // 4:
        if len(asked) == requests // 4:
            moved_at = time.perf_counter()
            threading.Thread(target=move, daemon=True).start()
        asked.append(client.ask())
        beyond += asked[-1].model == "speech/2"
        time.sleep(pause)
    moved.wait()
    first = next(one for one in asked if one.model == "speech/2")
    return asked, first.at - moved_at


def percentile(values: list[float], share: float) -> float:
    """The value below which a share of the values lies."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def figures(values: list[float]) -> dict[str, float]:
    """Median, 95th percentile and the longest, in milliseconds."""
    return {
        "p50_ms": round(percentile(values, 0.5), 1),
        "p95_ms": round(percentile(values, 0.95), 1),
        "longest_ms": round(max(values), 1),
    }


def served(workspace: Workspace) -> tuple[subprocess.Popen[str], int]:
    """The server in a process of its own, and its port."""
    head = [sys.executable, "-m", "truing", "--workspace", str(workspace.layout.root)]
    environ = {**os.environ, "PYTHONUNBUFFERED": "1"}
    server = subprocess.Popen(
        [*head, "serve", "--port", "0"], stdout=subprocess.PIPE, text=True, env=environ
    )
    for line in server.stdout or ():
        if "http://" in line:
            return server, int(line.strip().rpartition(":")[2].rstrip("/"))
    raise RuntimeError("the server did not start")


def measured(workspace: Workspace, requests: int, pause: float) -> dict[str, Any]:
    """All figures of one run."""
    clips = sorted(RECORDINGS.rglob("*.flac"))[:: max(1, 120 // CLIPS)][:CLIPS]
    floor = floor_of(workspace, clips, requests)
    server, port = served(workspace)
    try:
        client = Client(port, clips)
        first = client.ask()
        for _ in range(WARM):
            client.ask()
        steady = []
        for _ in range(requests):
            steady.append(client.ask())
            time.sleep(pause)
        swapped, taken = under_a_swap(client, workspace, requests, pause)
    finally:
        server.terminate()
        server.wait()
    every = [*steady, *swapped]
    return {
        "requests": len(every),
        "lost": sum(one.status != http.HTTPStatus.OK for one in every),
        "first_ms": round(first.milliseconds),
        "floor": figures(floor),
        "over_http": figures([one.milliseconds for one in steady]),
        "under_a_swap": figures([one.milliseconds for one in swapped]),
        "swap_requests": len(swapped),
        "swap_seconds": round(taken, 2),
    }


def main(arguments: list[str] | None = None) -> int:
    """Prints the figures as JSON; 1 when a budget is not met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--requests", type=int, default=200, help="of each part")
    parser.add_argument("--pause", type=float, default=0.05, help="seconds between two requests")
    given = parser.parse_args(arguments)
    with (
        tempfile.TemporaryDirectory() as temporary,
        Workspace.create(Path(temporary) / "ws", environ={}) as workspace,
    ):
        for speaker in SPEAKERS:
            import_model(workspace, base_without(speaker))
        promoted(workspace, 1)
        found = measured(workspace, given.requests, given.pause)
    steady, slowest = found["over_http"], found["under_a_swap"]["longest_ms"]
    limit = SLOWER * steady["p95_ms"]
    met = found["lost"] == 0 and slowest <= limit
    result = {
        "benchmark": "transcription_latency",
        **found,
        "above_floor_ms": round(steady["p50_ms"] - found["floor"]["p50_ms"], 1),
        "ratio": round(found["floor"]["p50_ms"] / steady["p50_ms"], 3),
        "budget_slowest_ms": round(limit, 1),
        "met": met,
    }
    print(json.dumps(result, indent=2))
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
