"""Starting the server: how long until the first page and the first list, and what it holds idle.

`truing serve` is started as a person starts it, on a workspace with samples; the clock runs from
the start of the process to the first list of samples over HTTP. Memory is that of the whole process
tree, some seconds after the last answer, with the pages of the app shown once. The floor is a bare
FastAPI app with one route and one SQLite table under the same server: what the libraries cost
without us.

Budget: ready within 2 s; where others keep the machine busy (the floor needs more than 1 s), 2 s of
processor time instead. At most 120 MB.

    python benchmarks/serve_start.py [--rows 10000] [--rounds 5] [--workspace DIR]
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from truing.testing.filling import filled_workspace

MOST_SECONDS = 2.0
BUSY_FLOOR = 1.0
MOST_MB = 120.0
IDLE_SECONDS = 3.0
PATHS = ("/", "/api/about", "/api/samples?limit=50", "/api/stats", "/api/queue?limit=4")

FLOOR = """
import sqlite3, sys
import uvicorn
from fastapi import FastAPI
app = FastAPI()
database = sqlite3.connect(sys.argv[1], check_same_thread=False)
database.execute("CREATE TABLE samples (id INTEGER PRIMARY KEY, text TEXT)")
@app.get("/api/samples")
def samples():
    return database.execute("SELECT id, text FROM samples LIMIT 50").fetchall()
uvicorn.run(app, port=int(sys.argv[2]), log_config=None)
"""


def free_port() -> int:
    """A port that nobody listens on."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ask(port: int, path: str) -> bytes:
    """One answer; whoever refuses the connection is asked again by the caller."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
        body: bytes = answer.read()
    return body


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What one start took."""

    seconds: float
    """From the start of the process to the first list."""
    cpu_seconds: float
    """Processor time until then."""
    idle_mb: float
    """Of the process tree, after some use."""


def started(command: Sequence[str], port: int) -> tuple[subprocess.Popen[bytes], float]:
    """A server that has answered, and how many seconds that took."""
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while time.perf_counter() - begun < 60:
        try:
            ask(port, "/api/samples?limit=50")
            return process, time.perf_counter() - begun
        except urllib.error.URLError:
            if process.poll() is not None:
                break
            time.sleep(0.01)
    process.kill()
    raise SystemExit("the server did not start")


def processor_time(pid: int) -> float:
    """Seconds that a process has had a processor."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def tree_memory(pid: int) -> float:
    """Megabytes of a process and all below it: shared pages are counted once for each sharer."""
    kib, waiting = 0, [pid]
    while waiting:
        one = waiting.pop()
        status = Path(f"/proc/{one}/smaps_rollup").read_text(encoding="ascii")
        kib += next(int(line.split()[1]) for line in status.splitlines() if line.startswith("Pss:"))
        for task in Path(f"/proc/{one}/task").iterdir():
            waiting += map(int, (task / "children").read_text(encoding="ascii").split())
    return kib * 1024 / 1e6


def measured(command: Sequence[str], port: int, paths: Sequence[str]) -> Start:
    """One start, some use, and what is held after it."""
    process, seconds = started(command, port)
    try:
        cpu = processor_time(process.pid)
        for path in paths:
            ask(port, path)
        time.sleep(IDLE_SECONDS)
        return Start(seconds=seconds, cpu_seconds=cpu, idle_mb=tree_memory(process.pid))
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


def typical(starts: Sequence[Start]) -> Start:
    """The median of the times, the most of the memory."""
    middle = len(starts) // 2
    return Start(
        seconds=round(sorted(one.seconds for one in starts)[middle], 2),
        cpu_seconds=round(sorted(one.cpu_seconds for one in starts)[middle], 2),
        idle_mb=round(max(one.idle_mb for one in starts), 1),
    )


def main(arguments: list[str] | None = None) -> int:
    """Prints the figures as JSON; 1 when the budget is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workspace", type=Path, default=None, help="filled and kept there")
    given = parser.parse_args(arguments)
    if sys.platform != "linux":
        print("serve_start measures memory as Linux tells it")
        return 0
    ours, floor = [], []
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.workspace or Path(temporary) / "workspace"
        with filled_workspace(given.rows, folder):
            pass
        os.environ["TRUING_WORKSPACE"] = str(folder)
        for turn in range(given.rounds):
            port = free_port()
            truing = [sys.executable, "-m", "truing", "serve", "--port", str(port)]
            ours.append(measured(truing, port, PATHS))
            port, database = free_port(), str(Path(temporary) / f"floor-{turn}.db")
            bare = [sys.executable, "-c", FLOOR, database, str(port)]
            floor.append(measured(bare, port, ("/api/samples",)))
    own, bare = typical(ours), typical(floor)
    counted = own.cpu_seconds if bare.seconds > BUSY_FLOOR else own.seconds
    result = {
        "benchmark": "serve_start",
        "rows": given.rows,
        "truing": asdict(own),
        "floor": asdict(bare),
        "ratio_cpu": round(own.cpu_seconds / bare.cpu_seconds, 2),
        "busy": bare.seconds > BUSY_FLOOR,
        "met": counted <= MOST_SECONDS and own.idle_mb <= MOST_MB,
    }
    print(json.dumps(result, indent=2))
    return 0 if result["met"] else 1


if __name__ == "__main__":
    sys.exit(main())
