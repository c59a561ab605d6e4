"""Readers beside a writer: how long a list takes while samples are captured, and how the log grows.

A writing process captures and reviews samples at 100 a second or more; reading processes ask for
lists meanwhile. Ours are a workspace's stores. The floor is the same pages, read while nobody
writes: what writing costs readers is the ratio of the two. The write-ahead log is measured all the
while, with a reader that never rests: it must not grow for ever.

Budget: the 95th percentile of a list at most 20 ms or 3 times the one without a writer, whichever
is more (the processes share the machine's cores); the log at most 64 MB; at least 100 captures a
second.

    python benchmarks/concurrent_readers.py [--rows 1000000] [--seconds 20] [--workspace DIR]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import tempfile
import time
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from truing.domain.review import State
from truing.domain.sample import SampleFilter, SampleOrder
from truing.stores.database.store import open_database
from truing.testing.factories import make_revision, make_sample, make_standing
from truing.testing.filling import filled_workspace

READERS = 2
WANTED_PER_SECOND = 100
MOST_MS = 20.0
SLOWER = 3.0
MOST_LOG_MB = 64.0
LISTS = (
    (SampleFilter(), SampleOrder.NEWEST),
    (SampleFilter(states=(State.PENDING,)), SampleOrder.LEAST_CONFIDENT),
    (SampleFilter(subject="ada", states=(State.PENDING,)), SampleOrder.OLDEST),
    (SampleFilter(finding="clipped"), SampleOrder.NEWEST),
)


def read(database: Path, stop: Event, answers: Any) -> None:
    """Asks for lists without a rest; answers with the milliseconds of each."""
    store = open_database(database)
    found = []
    while not stop.is_set():
        for where, order in LISTS:
            started = time.perf_counter()
            store.samples.page(where, order)
            found.append((time.perf_counter() - started) * 1000)
    store.close()
    answers.put(found)


def write(database: Path, stop: Event, answers: Any) -> None:
    """Captures and reviews; answers with how many a second and the longest one took."""
    store = open_database(database)
    started, count, longest = time.perf_counter(), 0, 0.0
    while not stop.is_set():
        before = time.perf_counter()
        new = make_sample(uid=f"{time.time_ns():036d}", captured_at=time.time_ns() // 1000)
        (added,) = store.samples.add([new])
        if count % 4 == 0:
            revision = make_revision(added.id)
            store.reviews.append(revision, make_standing(revision), expected=0)
        count += 1
        longest = max(longest, time.perf_counter() - before)
        # Twice what is asked for; a disk that cannot keep up shows in the figure.
        time.sleep(max(0.0, started + count / (2 * WANTED_PER_SECOND) - time.perf_counter()))
    rate = count / (time.perf_counter() - started)
    store.close()
    answers.put((rate, longest * 1000))


def run(database: Path, seconds: float, *, writing: bool) -> dict[str, Any]:
    """Readers, with a writer or without one, for some seconds."""
    context = multiprocessing.get_context("spawn")
    stop, answers, wrote = context.Event(), context.Queue(), context.Queue()
    workers = [context.Process(target=read, args=(database, stop, answers)) for _ in range(READERS)]
    if writing:
        workers.append(context.Process(target=write, args=(database, stop, wrote)))
    for worker in workers:
        worker.start()
    log, most = database.with_name(database.name + "-wal"), 0
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        time.sleep(0.05)
        most = max(most, log.stat().st_size if log.is_file() else 0)
    stop.set()
    times = sorted(value for _ in range(READERS) for value in answers.get())
    result: dict[str, Any] = {
        "lists": len(times),
        "p50_ms": round(times[len(times) // 2], 2),
        "p95_ms": round(times[int(len(times) * 0.95)], 2),
        "log_mb": round(most / (1 << 20), 1),
    }
    if writing:
        rate, longest = wrote.get()
        result |= {"captures_per_second": round(rate), "longest_capture_ms": round(longest, 1)}
    for worker in workers:
        worker.join()
    return result


def main(arguments: list[str] | None = None) -> int:
    """Prints the figures as JSON; 1 when a budget is not met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each of the two runs")
    parser.add_argument("--workspace", type=Path, default=None, help="filled and kept there")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.workspace or Path(temporary) / "workspace"
        with filled_workspace(given.rows, folder) as workspace:
            database = workspace.layout.database
        alone = run(database, given.seconds, writing=False)
        beside = run(database, given.seconds, writing=True)
    limit = max(MOST_MS, SLOWER * alone["p95_ms"])
    met = (
        beside["p95_ms"] <= limit
        and beside["log_mb"] <= MOST_LOG_MB
        and beside["captures_per_second"] >= WANTED_PER_SECOND
    )
    result = {
        "benchmark": "concurrent_readers",
        "rows": given.rows,
        "alone": alone,
        "beside_a_writer": beside,
        "ratio": round(alone["p95_ms"] / beside["p95_ms"], 3),
        "budget_ms": round(limit, 1),
        "met": met,
    }
    print(json.dumps(result, indent=2))
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
