"""Lists, searches and review queues at a million samples: milliseconds in the library, per page.

Every filter that the commands offer, every pair of filters, each in every order; the last page,
the page before it; the next item of every review queue; one sample; the counts of `truing stats`.
All of a workspace that has been put in order, as `truing clean` and the daily cleaning do. The
floor reads 50 rows by their keys and decodes them, with nothing but `sqlite3` and `json`: what any
page costs at least.

Budget: the 95th percentile over all of them at most 20 ms, none above 60 ms (a query that was
never asked before also reads its pages from the disk); the counts at most 50 ms.

    python benchmarks/lists_at_a_million.py [--rows 1000000] [--workspace DIR] [--worst 10]
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from truing.domain.review import State
from truing.domain.sample import SampleFilter, SampleOrder, Sampling
from truing.loop.measure import measure
from truing.loop.select import Queue
from truing.stores.database.sqlite import library
from truing.testing.filling import APART, START, filled_workspace
from truing.workspace import Workspace

BUDGET_MS = 20.0
WORST_MS = 60.0
STATS_MS = 50.0
TIMES = 3
clock = time.perf_counter


def parts(rows: int) -> dict[str, dict[str, Any]]:
    """What a flag may say, by name."""
    middle = START + rows // 2 * APART
    return {
        "pending": {"states": (State.PENDING,)},
        "decided": {"states": (State.ACCEPTED, State.CORRECTED)},
        "skipped": {"states": (State.SKIPPED,)},
        "common speaker": {"subject": "ada"},
        "rare speaker": {"subject": "eve"},
        "unknown speaker": {"subject": "nobody"},
        "session": {"session": "app-7"},
        "common source": {"source": "app"},
        "rare source": {"source": "audiofolder"},
        "audit": {"sampling": Sampling.AUDIT},
        "chosen": {"sampling": Sampling.CHOSEN},
        "any finding": {"finding": "*"},
        "common finding": {"finding": "clipped"},
        "rare finding": {"finding": "damaged"},
        "since the middle": {"captured_from": middle},
        "until the middle": {"captured_until": middle},
        "a day": {"captured_from": middle, "captured_until": middle + 86_400_000_000},
        "unsure": {"confidence_below": 0.3},
        "less than sure": {"confidence_below": 0.9},
        "very common word": {"text": "the"},
        "common word": {"text": "river"},
        "two words": {"text": "the river"},
        "rare word": {"text": "stastastasta"},
        "beginning": {"text": "th"},
        "unknown word": {"text": "xylophone"},
        "trained": {"trained": True},
        "not trained": {"trained": False},
        "modality": {"modality": "speech"},
    }


def lists(rows: int) -> Iterator[tuple[str, SampleFilter, SampleOrder]]:
    """No filter, each filter and each pair of filters, in each order."""
    singles = parts(rows)
    chosen: list[tuple[str, dict[str, Any]]] = [("everything", {}), *singles.items()]
    for (one, first), (two, second) in itertools.combinations(singles.items(), 2):
        if not first.keys() & second.keys():
            chosen.append((f"{one}, {two}", {**first, **second}))
    for name, fields in chosen:
        for order in SampleOrder:
            yield name, SampleFilter(**fields), order


def timed(call: Callable[[], object]) -> list[float]:
    """Milliseconds of each of a few calls, the first one included."""
    found = []
    for _ in range(TIMES):
        started = clock()
        call()
        found.append((clock() - started) * 1000)
    return found


def pages(workspace: Workspace, rows: int) -> dict[str, list[float]]:
    """Every list, the last page and the one before it."""
    samples = workspace.store.samples
    samples.count(
        SampleFilter(text="warm")
    )  # the newest enter the search index at the first search
    workspace.store.tidy()
    found = {}
    for name, where, order in lists(rows):
        found[f"{name} | {order.value}"] = timed(lambda w=where, o=order: samples.page(w, o))
    last = samples.page(SampleFilter(), SampleOrder.OLDEST, limit=100).items
    from truing.stores.database.cursors import Position, write_cursor

    for name, order, item in (
        ("last page", SampleOrder.NEWEST, last[50]),
        ("page before the last", SampleOrder.OLDEST, last[50]),
    ):
        cursor = write_cursor(order, Position(value=item.captured_at, id=item.id))
        found[name] = timed(lambda o=order, c=cursor: samples.page(SampleFilter(), o, after=c))
    return found


def queues(workspace: Workspace) -> dict[str, list[float]]:
    """The next item of each queue, for everything and for one speaker."""
    found = {}
    for queue in Queue:
        for name, where in (("", SampleFilter()), (" of eve", SampleFilter(subject="eve"))):
            stream = lambda q=queue, w=where: next(workspace.queue(q.value, w), None)  # noqa: E731
            found[f"queue {queue.value}{name}"] = timed(stream)
    return found


def single(workspace: Workspace, rows: int) -> dict[str, list[float]]:
    """One sample by number, fifty by uid."""
    samples = workspace.store.samples
    numbers = [rows * place // 51 + 1 for place in range(50)]
    uids = [samples.get(number).uid for number in numbers]
    return {
        "get": timed(lambda: samples.get(numbers[7])),
        "by_uids of 50": timed(lambda: samples.by_uids(uids)),
    }


def stats(workspace: Workspace) -> float:
    """Milliseconds for everything that `truing stats` says, once all samples are counted."""
    metric = workspace.modality("speech").metrics[0]
    where = SampleFilter(modality="speech")

    def look() -> None:
        workspace.store.samples.state_counts("speech")
        measure(workspace.store.tallies, metric, where)

    look()
    return statistics.median(timed(look))


def floor(database: Path, rows: int) -> float:
    """Milliseconds to read 50 rows by key and decode them."""
    connection = library().connect(database)
    numbers = [rows * place // 51 + 1 for place in range(50)]
    marks = ",".join("?" * 50)
    query = f"SELECT * FROM samples WHERE id IN ({marks})"

    def read() -> None:
        for row in connection.execute(query, numbers):
            json.loads(row[-1])

    figures = [value for _ in range(20) for value in timed(read)]
    connection.close()
    return statistics.median(figures)


def percentile(values: list[float], share: float) -> float:
    """The value below which that share lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def main(arguments: list[str] | None = None) -> int:
    """Prints the figures as JSON; 1 when a budget is not met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--workspace", type=Path, default=None, help="filled and kept there")
    parser.add_argument("--worst", type=int, default=10)
    given = parser.parse_args(arguments)
    with filled_workspace(given.rows, given.workspace) as workspace:
        bare = floor(workspace.layout.database, given.rows)
        found = {**pages(workspace, given.rows), **queues(workspace)}
        found |= single(workspace, given.rows)
        figures = stats(workspace)
    every = [value for values in found.values() for value in values]
    medians = {name: statistics.median(values) for name, values in found.items()}
    slowest = sorted(medians, key=lambda name: -medians[name])[: given.worst]
    p95 = percentile(every, 0.95)
    result = {
        "benchmark": "lists_at_a_million",
        "rows": given.rows,
        "queries": len(found),
        "p50_ms": round(percentile(every, 0.5), 2),
        "p95_ms": round(p95, 2),
        "p99_ms": round(percentile(every, 0.99), 2),
        "slowest_ms": {name: round(medians[name], 2) for name in slowest},
        "stats_ms": round(figures, 2),
        "floor_ms": round(bare, 3),
        "ratio": round(statistics.median(every) / bare, 2),
        "budget_ms": BUDGET_MS,
        "met": p95 <= BUDGET_MS and max(medians.values()) <= WORST_MS and figures <= STATS_MS,
    }
    print(json.dumps(result, indent=2))
    return 0 if result["met"] else 1


if __name__ == "__main__":
    sys.exit(main())
