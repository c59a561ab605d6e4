"""The API under review: saves, the next sample, lists and exports, through HTTP.

The floor is a bare server of the standard library: one thread for each client, one table of
samples and one of decisions in SQLite (WAL, `synchronous=FULL`), one commit for each save, and
nothing else: no routes, no rights, no checks, no counters, no conflict guard. Both servers are
processes of their own, and the same client asks both, in short rounds one right after the other.

Budgets: saves at least 60 % of the floor's, with one client and with four (the median over pairs
of rounds); the next sample to review within 5 ms (p50); list, filtered list and last page within
20 ms (p95); 50,000 samples exported within 10 s and 50 MB above what the server had before. Rates
say something on a quiet machine only (80 saves a second with one client, 200 with four).

How large a share of the floor a save reaches depends on the disk: where a sync takes 0.1 ms, the
floor does hardly anything, and all that a save is for counts in full. `--sync-ms 5` makes each sync
of both servers take so much longer (a compiled `slow_sync.c`, Linux only).

    python benchmarks/review_api.py [--rows 50000] [--workspace DIR] [--rounds 12] [--saves 60]
                                    [--sync-ms 5]
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

from truing.domain.review import State
from truing.domain.sample import SampleFilter, SampleOrder
from truing.stores.database.cursors import Position, write_cursor
from truing.stores.database.sqlite import library
from truing.testing.filling import filled_workspace
from truing.workspace import Workspace

SHARE = 0.6
NEXT_MS = 5.0
LIST_MS = 20.0
EXPORT_SECONDS = 10.0
EXPORT_MB = 50.0
EXPORTED = 50_000
CLIENTS = (1, 4)
TIMES = 60
clock = time.perf_counter


# --- the floor ---------------------------------------------------------------------------------


def serve_floor(folder: Path, rows: int) -> None:
    """The bare server; prints its port."""
    path = folder / "floor.db"
    own = threading.local()

    def database() -> Any:
        held = getattr(own, "held", None)
        if held is None:
            held = own.held = library().connect(path, timeout=30, isolation_level=None)
            held.execute("PRAGMA journal_mode=WAL")
            held.execute("PRAGMA synchronous=FULL")
        return held

    first = database()
    first.execute("CREATE TABLE sample (id INTEGER PRIMARY KEY, text TEXT, state TEXT)")
    first.execute("CREATE TABLE decision (id INTEGER PRIMARY KEY, sample INTEGER, truth TEXT)")
    first.execute("CREATE INDEX by_state ON sample (state, id)")
    first.execute("BEGIN")
    filled = ((place, "word " * 20, "pending") for place in range(1, rows + 1))
    first.executemany("INSERT INTO sample VALUES (?, ?, ?)", filled)
    first.execute("COMMIT")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def log_message(self, *_: object) -> None: ...

        def do_POST(self) -> None:
            given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            held = database()
            held.execute("BEGIN IMMEDIATE")
            row = (given["id"], given["truth"])
            held.execute("INSERT INTO decision (sample, truth) VALUES (?, ?)", row)
            held.execute("UPDATE sample SET state = 'corrected' WHERE id = ?", row[:1])
            held.execute("COMMIT")
            body = json.dumps({"id": given["id"], "state": "corrected"}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    server.serve_forever()


def serve_ours(folder: Path) -> None:
    """Our server; prints its port."""
    from truing.web.server import Address, Server

    with Workspace.open(folder) as workspace:
        server = Server(workspace, Address(port=0))
        print(server.url.rpartition(":")[2], flush=True)
        server.run()


def slow_disk(folder: Path, milliseconds: float) -> dict[str, str]:
    """The environment of a process whose disk needs that much longer for a sync."""
    if milliseconds <= 0:
        return dict(os.environ)
    library = folder / "slow_sync.so"
    source = Path(__file__).with_name("slow_sync.c")
    compiler = ["cc", "-O2", "-shared", "-fPIC", "-o", str(library), str(source)]
    subprocess.run(compiler, check=True)
    return {**os.environ, "LD_PRELOAD": str(library), "SLOW_SYNC_MS": str(milliseconds)}


@contextmanager
def served(environment: dict[str, str], *flags: str) -> Iterator[tuple[int, int]]:
    """One of the servers in a process of its own: its port and its process."""
    command = [sys.executable, __file__, *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            if process.stdout is None:
                raise RuntimeError("the server has no output")
            port = int(process.stdout.readline())
            _wait_for(port)
            yield port, process.pid
        finally:
            process.terminate()
            process.wait(30)


def _wait_for(port: int) -> None:
    deadline = clock() + 60
    while clock() < deadline:
        try:
            Client(port).call("GET", "/api/about")
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("the server does not answer")


# --- the client --------------------------------------------------------------------------------


class Client:
    """One connection that is kept."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def call(self, method: str, path: str, body: object | None = None) -> tuple[int, bytes]:
        """One request and its whole answer."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} if data else {}
        self._connection.request(method, path, data, headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read()


Save = Callable[[Client, int], None]


def save_ours(client: Client, number: int) -> None:
    """A decision through our API."""
    form = {"verdict": "corrected", "truth": f"what was said {clock()}", "seconds": 2.0, "keys": 3}
    status, told = client.call("POST", f"/api/samples/{number}/review", form)
    if status != 200:
        raise RuntimeError(told.decode())


def save_floor(client: Client, number: int) -> None:
    """The same at the bare server."""
    form = {"id": number, "truth": f"what was said {clock()}"}
    status, told = client.call("POST", "/save", form)
    if status != 200:
        raise RuntimeError(told.decode())


def rate(port: int, save: Save, numbers: list[int], clients: int) -> float:
    """Saves per second of that many clients at once."""
    parts = [numbers[place::clients] for place in range(clients)]
    ready = threading.Barrier(clients + 1)
    failures: list[Exception] = []

    def run(part: list[int]) -> None:
        client = Client(port)
        client.call("GET", "/api/about")
        ready.wait()
        try:
            for number in part:
                save(client, number)
        except Exception as error:  # noqa: BLE001 - told by the main thread
            failures.append(error)

    threads = [threading.Thread(target=run, args=(part,)) for part in parts]
    for thread in threads:
        thread.start()
    ready.wait()
    started = clock()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return len(numbers) / (clock() - started)


def saves(ours: int, floor: int, numbers: Iterator[int], rounds: int, each: int) -> dict[str, Any]:
    """Our saves and the floor's, by the number of clients."""
    found = {}
    for clients in CLIENTS:
        pairs = []
        for place in range(rounds + 1):
            some = [next(numbers) for _ in range(each)]
            figures = {}
            order = ((ours, save_ours), (floor, save_floor))
            for port, save in order if place % 2 else order[::-1]:
                figures[port] = rate(port, save, some, clients)
            # The first round warms both up.
            if place:
                pairs.append((figures[floor], figures[ours]))
        found[str(clients)] = {
            "floor_per_second": round(statistics.median(bare for bare, _ in pairs), 1),
            "ours_per_second": round(statistics.median(mine for _, mine in pairs), 1),
            "ratio": round(statistics.median(mine / bare for bare, mine in pairs), 3),
        }
    return found


# --- reading -----------------------------------------------------------------------------------


def timed(client: Client, path: str, times: int = TIMES) -> list[float]:
    """Milliseconds of each of some requests."""
    found = []
    for _ in range(times):
        started = clock()
        status, told = client.call("GET", path)
        found.append((clock() - started) * 1000)
        if status != 200:
            raise RuntimeError(told.decode())
    return found


def next_ones(client: Client, times: int = TIMES) -> list[float]:
    """Milliseconds until the next sample is there, each time after the one before was decided."""
    found = []
    for _ in range(times):
        started = clock()
        _, told = client.call("GET", "/api/queue?limit=1")
        found.append((clock() - started) * 1000)
        save_ours(client, json.loads(told)["items"][0]["sample"]["id"])
    return found


def lists(client: Client, last: str) -> dict[str, list[float]]:
    """Milliseconds of the lists that pages show."""
    paths = {
        "newest": "/api/samples",
        "least confident": "/api/samples?order=least-confident",
        "lowest quality": "/api/samples?order=lowest-quality",
        "pending of one speaker": "/api/samples?state=pending&speaker=bob",
        "with a finding": "/api/samples?finding=any&state=pending",
        "since the middle": "/api/samples?from=2020-11-01&order=oldest",
        "unsure": "/api/samples?confidence_below=0.3",
        "a word": "/api/samples?text=river",
        "last page": f"/api/samples?after={quote(last)}",
    }
    for path in paths.values():
        client.call("GET", path)
    return {name: timed(client, path) for name, path in paths.items()}


def memory(process: int) -> float:
    """MB that a process holds now."""
    text = Path(f"/proc/{process}/smaps_rollup").read_text()
    own = re.findall(r"^Private_\w+:\s+(\d+) kB", text, re.MULTILINE)
    return sum(map(int, own)) / 1024


def export(client: Client, port: int, process: int) -> dict[str, Any]:
    """Seconds to export everything as JSON lines, and the memory it took meanwhile."""
    client.call("GET", "/api/export?speaker=carol")
    before = memory(process)
    most = before
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    started = clock()
    connection.request("GET", "/api/export?format=jsonl")
    answer = connection.getresponse()
    rows = 0
    while piece := answer.read(1 << 20):
        rows += piece.count(b"\n")
        most = max(most, memory(process))
    seconds = clock() - started
    return {
        "rows": rows,
        "seconds": round(seconds, 2),
        "seconds_for_50000": round(seconds / rows * EXPORTED, 2),
        "extra_mb": round(most - before, 1),
    }


def percentile(values: list[float], share: float) -> float:
    """The value below which that share lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def measured(
    folder: Path, rows: int, rounds: int, each: int, environment: dict[str, str]
) -> dict[str, Any]:
    """All figures."""
    with Workspace.open(folder) as workspace:
        samples = workspace.store.samples
        # As many as the rounds need, of those that nobody has decided on.
        undecided = samples.iterate(SampleFilter(states=(State.PENDING,)))
        needed = (rounds + 1) * each * len(CLIENTS) + TIMES
        found_undecided = [one.id for one, _ in zip(undecided, range(needed), strict=False)]
        if len(found_undecided) < needed:
            raise SystemExit(
                f"{rows} rows hold {len(found_undecided)} undecided samples, the rounds need "
                f"{needed}: more --rows, or fewer --rounds or --saves"
            )
        numbers = iter(found_undecided)
        oldest = samples.page(SampleFilter(), SampleOrder.OLDEST, limit=60).items[-1]
        position = Position(value=oldest.captured_at, id=oldest.id)
        last = write_cursor(SampleOrder.NEWEST, position)
    with (
        tempfile.TemporaryDirectory() as bare,
        served(environment, "--floor", bare, "--rows", str(rows)) as (floor, _),
        served(environment, "--serve", str(folder)) as (ours, process),
    ):
        client = Client(ours)
        found: dict[str, Any] = {"saves": saves(ours, floor, numbers, rounds, each)}
        found["next_ms"] = {
            "p50": round(statistics.median(times := next_ones(client)), 2),
            "p95": round(percentile(times, 0.95), 2),
        }
        listed = lists(client, last)
        every = [one for times in listed.values() for one in times]
        found["list_p95_ms"] = round(percentile(every, 0.95), 2)
        found["lists_p50_ms"] = {
            name: round(statistics.median(times), 2) for name, times in listed.items()
        }
        found["export"] = export(client, ours, process)
    return found


def main(arguments: list[str] | None = None) -> int:
    """Prints the figures as JSON; 1 when a budget is not met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--workspace", type=Path, default=None, help="a copy is worked on")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--saves", type=int, default=60)
    parser.add_argument("--sync-ms", type=float, default=0.0, help="added to each sync")
    parser.add_argument("--floor", type=Path, default=None, help=argparse.SUPPRESS)
    parser.add_argument("--serve", type=Path, default=None, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.floor:
        serve_floor(given.floor, given.rows)
        return 0
    if given.serve:
        serve_ours(given.serve)
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "workspace"
        if given.workspace and given.workspace.is_dir():
            shutil.copytree(given.workspace, folder)
        with filled_workspace(given.rows, folder):
            pass
        environment = slow_disk(Path(temporary), given.sync_ms)
        found = measured(folder, given.rows, given.rounds, given.saves, environment)
    met = (
        all(one["ratio"] >= SHARE for one in found["saves"].values())
        and found["next_ms"]["p50"] <= NEXT_MS
        and found["list_p95_ms"] <= LIST_MS
        and found["export"]["seconds_for_50000"] <= EXPORT_SECONDS
        and found["export"]["extra_mb"] <= EXPORT_MB
    )
    print(
        json.dumps(
            {
                "benchmark": "review_api",
                "rows": given.rows,
                "sync_ms_added": given.sync_ms,
                **found,
                "met": met,
            },
            indent=2,
        )
    )
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
