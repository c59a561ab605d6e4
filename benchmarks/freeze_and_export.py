"""Freezing and exporting a whole workspace: seconds and memory, beside a bare script.

Ours is `Workspace.freeze` of every usable sample and `Workspace.export` of the version, as JSON
lines. The floor does the same work with nothing but `sqlite3`, `json` and `hashlib`: it reads the
rows, derives each digest, stores them in a table with one index; then it reads the table and
writes the lines. It splits nothing, guards nothing and looks nothing up. Each stage runs in a
process of its own, so that the memory it adds is its own.

Budget: at most 200 MB of memory above the start, however many rows there are. The ratio of times
is shown, not judged.

    python benchmarks/freeze_and_export.py [--rows 1000000] [--workspace DIR]
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from truing.domain.digest import chain_digest, row_digest
from truing.stores.database.sqlite import library
from truing.testing.filling import filled_workspace
from truing.workspace import Workspace

BUDGET_MB = 200.0
NAME = "bench"
FORMATS = ("jsonl", "csv")


def memory() -> float:
    """The most memory this process has had, in MB."""
    status = Path("/proc/self/status")
    if status.is_file():  # elsewhere a child begins with its parent's figure
        line = next(one for one in status.read_text().splitlines() if one.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def freeze(folder: Path) -> int:
    """Our freeze; how many rows."""
    with Workspace.open(folder) as workspace:
        workspace.store.samples.get(1)
        return sum(workspace.freeze(NAME).counts.values())


def export(folder: Path, format: str) -> int:
    """Our export of the newest version; how many rows."""
    with Workspace.open(folder) as workspace:
        version = workspace.store.datasets.all()[0]
        target = folder / "exports" / f"{NAME}.{format}"
        workspace.export(format, target, dataset=str(version.ref))
        target.unlink()
        shutil.rmtree(target.with_suffix(".media"), ignore_errors=True)
        shutil.rmtree(target.parent / f"{NAME}.media", ignore_errors=True)
        return sum(version.counts.values())


def verify(folder: Path) -> int:
    """Our verification of the newest version; how many rows."""
    from truing.workspace.keeping import verify_dataset

    with Workspace.open(folder) as workspace:
        version = workspace.store.datasets.all()[0]
        if verify_dataset(workspace, version.ref):
            raise ValueError("the version does not verify")
        return sum(version.counts.values())


def bare_freeze(folder: Path) -> int:
    """The same rows, read, digested and stored."""
    place = folder / "bare.db"
    place.unlink(missing_ok=True)
    source = library().connect(folder / "truing.db")
    target = library().connect(place)
    target.execute("PRAGMA journal_mode=WAL")
    target.execute("CREATE TABLE rows (position INTEGER PRIMARY KEY, uid, digest, salt, payload)")
    target.execute("CREATE INDEX by_uid ON rows (uid)")
    digests, batch = [], []
    usable = (
        "SELECT uid, salt, truth, subject, session, source, captured_at, findings, document "
        "FROM samples WHERE state IN ('accepted', 'corrected') ORDER BY uid"
    )
    for row in source.execute(usable):
        if any(one["severity"] == "blocking" for one in json.loads(row[7])):
            continue
        media = {one["role"]: one["digest"] for one in json.loads(row[8])["media"]}
        payload = {"uid": row[0], "media": media, "truth": row[2], "subject": row[3]}
        payload |= {"session": row[4], "source": row[5], "captured_at": row[6]}
        digest = row_digest(payload, row[1])
        digests.append(digest)
        batch.append((len(digests), row[0], digest, row[1], json.dumps(payload)))
        if len(batch) == 1000:
            target.executemany("INSERT INTO rows VALUES (?, ?, ?, ?, ?)", batch)
            batch.clear()
    target.executemany("INSERT INTO rows VALUES (?, ?, ?, ?, ?)", batch)
    chain_digest(digests)
    target.commit()
    target.close()
    return len(digests)


def bare_export(folder: Path) -> int:
    """The stored rows as JSON lines."""
    count = 0
    source = library().connect(folder / "bare.db")
    query = "SELECT payload FROM rows ORDER BY position"
    with (folder / "bare.jsonl").open("w", encoding="utf-8") as stream:
        for (payload,) in source.execute(query):
            stream.write(json.dumps(json.loads(payload)) + "\n")
            count += 1
    (folder / "bare.jsonl").unlink()
    return count


STAGES = {
    "freeze": freeze,
    "verify": verify,
    **{f"export {name}": (lambda folder, name=name: export(folder, name)) for name in FORMATS},
    "bare freeze": bare_freeze,
    "bare export": bare_export,
}


def run_stage(name: str, folder: Path) -> dict[str, Any]:
    """Runs one stage here: rows, seconds, and the memory it added."""
    before = memory()
    started = time.perf_counter()
    rows = STAGES[name](folder)
    seconds = time.perf_counter() - started
    return {
        "rows": rows,
        "seconds": round(seconds, 2),
        "rows_per_second": round(rows / seconds),
        "extra_mb": round(memory() - before, 1),
    }


def main(arguments: list[str] | None = None) -> int:
    """Prints the figures as JSON; 1 when the budget is not met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--workspace", type=Path, default=None, help="filled and kept there")
    parser.add_argument("--stage", choices=STAGES, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.stage:
        print(json.dumps(run_stage(given.stage, given.workspace)))
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.workspace or Path(temporary) / "workspace"
        with filled_workspace(given.rows, folder):
            pass
        found = {}
        for name in STAGES:
            call = [sys.executable, __file__, "--stage", name, "--workspace", str(folder)]
            found[name] = json.loads(subprocess.check_output(call))
        (folder / "bare.db").unlink()
    most = max(found[name]["extra_mb"] for name in STAGES if "bare" not in name)
    result = {
        "benchmark": "freeze_and_export",
        "rows": given.rows,
        **found,
        "ratio_freeze": round(found["bare freeze"]["seconds"] / found["freeze"]["seconds"], 3),
        "ratio_export": round(
            found["bare export"]["seconds"] / found["export jsonl"]["seconds"], 3
        ),
        "extra_mb": most,
        "budget_mb": BUDGET_MB,
        "met": most <= BUDGET_MB,
    }
    print(json.dumps(result, indent=2))
    return 0 if result["met"] else 1


if __name__ == "__main__":
    sys.exit(main())
