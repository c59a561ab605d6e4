"""Importing: rows with media that are here already, and rows that bring theirs.

Ours is the import verb over the real stores: samples with predictions, findings, groups, every
index, the counters, and the decision of the source as a review. `prepare` is what a modality would
leave after decoding: decoding itself is measured nowhere here.

The floors do what anybody must do, in the same batches: for rows, one INSERT of the same document
and one review into tables with an index each, committed with `synchronous=FULL`; for media, the
files of a batch written, then all of them synced, renamed, and their folders synced, and one row
of 4 KB each in one commit.

Budgets: at least 5,000 rows a second by reference; with media of 64 KB at least 0.8 of the floor,
as the median over rounds that alternate.

    python benchmarks/import_rows.py [--rows 100000] [--media 4000] [--folder DIR]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from truing.domain.format import ImportedRow
from truing.domain.sample import NewSample
from truing.loop.import_rows import BATCH, ImportPorts, import_rows
from truing.stores.blobs_local import LocalBlobs
from truing.stores.database.sqlite import library
from truing.stores.database.store import open_database
from truing.testing.factories import make_digest
from truing.testing.filling import new_samples

ROWS_PER_SECOND = 5_000
RATIO = 0.8
BYTES = 64 * 1024
ROUNDS = 8


def rows_of(samples: list[NewSample], media: list[bytes] | None = None) -> Iterator[ImportedRow]:
    """What a source says of the samples: most have a truth."""
    for place, new in enumerate(samples):
        said = new.predictions[-1].text
        yield ImportedRow(
            key=str(place),
            media={} if media is None else {"audio": media[place]},
            raw=said,
            truth=None if place % 3 == 0 else said if place % 3 == 1 else f"{said} indeed",
        )


class Ours:
    """The stores of a workspace and the import verb."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._store = open_database(folder / "truing.db")
        self._blobs = LocalBlobs(folder / "blobs")
        self._rounds = 0

    def bring(self, samples: list[NewSample], media: list[bytes] | None = None) -> None:
        """Imports them as one source."""
        self._rounds += 1
        source = f"source-{self._rounds}"

        def prepare(row: ImportedRow, _: object) -> NewSample:
            new = samples[int(row.key)]
            if row.media:
                digest = self._blobs.put(row.media["audio"])  # type: ignore[arg-type]
                new = replace(new, media=(replace(new.media[0], digest=digest),))
            return replace(new, source=source, source_key=row.key)

        ports = ImportPorts(
            samples=self._store.samples,
            reviews=self._store.reviews,
            prepare=prepare,
            now=lambda: time.time_ns() // 1000,
            together=nullcontext if media is None else self._blobs.together,
        )
        outcome = import_rows(rows_of(samples, media), source, ports)
        if outcome.added != len(samples):
            raise ValueError(f"{outcome.added} of {len(samples)} rows came in")

    def close(self) -> None:
        """Ends the connections."""
        self._store.close()


class Floor:
    """Files and rows, nothing else."""

    def __init__(self, folder: Path) -> None:
        self._blobs = folder / "blobs"
        for number in range(256):
            (self._blobs / f"{number:02x}").mkdir(parents=True)
        self._database = library().connect(folder / "floor.db", isolation_level=None)
        for statement in (
            "PRAGMA journal_mode=WAL",
            "PRAGMA synchronous=FULL",
            "CREATE TABLE samples (id INTEGER PRIMARY KEY, uid TEXT UNIQUE, state, document TEXT)",
            "CREATE TABLE reviews (id INTEGER PRIMARY KEY, sample_id, truth)",
            "CREATE INDEX by_sample ON reviews (sample_id)",
        ):
            self._database.execute(statement)

    def bring(self, samples: list[NewSample], media: list[bytes] | None = None) -> None:
        """Stores them in batches."""
        for start in range(0, len(samples), BATCH):
            part = range(start, min(start + BATCH, len(samples)))
            if media is not None:
                self._write([media[place] for place in part])
            run = self._database.execute
            run("BEGIN")
            for place in part:
                new = samples[place]
                said = new.predictions[0].recognition.as_dict()
                document = json.dumps({"said": said, "media": dict(new.media[0].facts)})
                if media is not None:
                    document = document.ljust(4096)
                row = run(
                    "INSERT INTO samples (uid, state, document) VALUES (?, 'accepted', ?)",
                    (new.uid + str(random.getrandbits(40)), document),
                )
                review = (row.lastrowid, said["text"])
                run("INSERT INTO reviews (sample_id, truth) VALUES (?, ?)", review)
            run("COMMIT")

    def _write(self, batch: list[bytes]) -> None:
        drafts = []
        for data in batch:
            digest = hashlib.sha256(data).hexdigest()
            draft = self._blobs / digest[:2] / f".{digest}"
            draft.write_bytes(data)
            drafts.append((draft, digest))
        for draft, _ in drafts:
            _sync(draft)
        for draft, digest in drafts:
            draft.rename(draft.parent / digest[2:])
        for folder in {draft.parent for draft, _ in drafts}:
            _sync(folder)

    def close(self) -> None:
        """Ends the connection."""
        self._database.close()


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


def rates(
    floor: Floor, ours: Ours, rows: int, source: random.Random, *, media: bool
) -> dict[str, Any]:
    """Rows per second of both, in rounds one right after the other."""
    pairs = []
    for place in range(ROUNDS):
        each = max(BATCH, rows // ROUNDS)
        samples = list(new_samples(each, [make_digest("shared")], seed=source.getrandbits(30)))
        figures = {}
        for one in (floor, ours) if place % 2 else (ours, floor):
            data = [source.randbytes(BYTES) for _ in samples] if media else None
            started = time.perf_counter()
            one.bring(samples, data)
            figures[one] = each / (time.perf_counter() - started)
        pairs.append((figures[floor], figures[ours]))
    return {
        "floor_per_second": round(statistics.median(bare for bare, _ in pairs)),
        "ours_per_second": round(statistics.median(mine for _, mine in pairs)),
        "ratio": round(statistics.median(mine / bare for bare, mine in pairs), 3),
    }


def main(arguments: list[str] | None = None) -> int:
    """Prints the figures as JSON; 1 when a budget is not met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--media", type=int, default=4_000, help="rows that bring 64 KB")
    parser.add_argument("--folder", type=Path, default=None)
    given = parser.parse_args(arguments)
    source = random.Random(0)
    with tempfile.TemporaryDirectory(dir=given.folder) as temporary:
        floor, ours = Floor(Path(temporary) / "floor"), Ours(Path(temporary) / "ours")
        try:
            by_reference = rates(floor, ours, given.rows, source, media=False)
            with_media = rates(floor, ours, given.media, source, media=True)
        finally:
            floor.close()
            ours.close()
    result = {
        "benchmark": "import_rows",
        "by_reference": {**by_reference, "budget_per_second": ROWS_PER_SECOND},
        "with_media": {**with_media, "budget": RATIO},
        "met": by_reference["ours_per_second"] >= ROWS_PER_SECOND and with_media["ratio"] >= RATIO,
    }
    print(json.dumps(result, indent=2))
    return 0 if result["met"] else 1


if __name__ == "__main__":
    sys.exit(main())
