"""Durable capture: our write path against the bare floor of one file and one row, in one run.

The floor is what anybody must do who wants both kept: write a file beside, sync, rename, sync the
folder, then commit one row of 4 KB with one index in SQLite (WAL, `synchronous=FULL`). Ours is
`LocalBlobs.put` and `Samples.add` with media, predictions, findings, counters, search index and
all the indexes of the lists. Both get bytes that are kept as they come.

Budget: at least 80 % of the floor's captures per second, as the median over pairs of short rounds
that run one right after the other: what else the disk has to do changes from second to second.

With `--rows` both begin with that many rows: the indexes are then too large to be written from
memory alone, ours as well as the floor's. With `--flac` ours encodes two seconds of speech as FLAC
in the time that is measured, and the floor keeps the array's bytes: the budget is 50 %. With
`--ingest` everything is in the time that a modality does to an array before it is kept: encoding,
the digest of the content, the marks by which near copies are found and the sketch; that has no
budget, and neither have the checks that `Workspace.capture` makes besides.

    python benchmarks/durable_capture.py [--rounds 60] [--captures 25] [--rows 2000]
        [--flac | --ingest] [--folder DIR] [--workspace COPY]
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr

from truing.demo import shipped
from truing.domain.clock import SystemClock
from truing.domain.ids import Uuid7Source
from truing.domain.media import Media
from truing.domain.prediction import PredictionKind, Word
from truing.domain.sample import NewSample
from truing.loop.capture import stored
from truing.modalities.speech.media import group_keys, ingest
from truing.stores.blobs_local import LocalBlobs
from truing.stores.database.sqlite import library
from truing.stores.database.store import open_database
from truing.testing.factories import make_finding, make_prediction, make_sample

BUDGET = 0.8
FLAC_BUDGET = 0.5
BYTES = 64 * 1024
ROW = 4096
FILL = 2_000
"""Samples that are there before anything is measured, unless told otherwise."""


class Floor:
    """One file, one row."""

    def __init__(self, folder: Path, rows: int) -> None:
        self._blobs = folder / "blobs"
        self._blobs.mkdir(parents=True)
        self._database = library().connect(folder / "floor.db", isolation_level=None)
        for statement in (
            "PRAGMA journal_mode=WAL",
            "PRAGMA synchronous=FULL",
            "CREATE TABLE samples (id INTEGER PRIMARY KEY, digest TEXT UNIQUE, document TEXT)",
        ):
            self._database.execute(statement)
        self._row = "x" * ROW
        filled = ((hashlib.sha256(b"%d" % place).hexdigest(), "") for place in range(rows))
        self._database.execute("BEGIN")
        self._database.executemany("INSERT INTO samples (digest, document) VALUES (?, ?)", filled)
        self._database.execute("COMMIT")

    def prepare(self, data: bytes) -> bytes:
        """Nothing to prepare."""
        return data

    def capture(self, data: bytes) -> None:
        """Keeps one sample."""
        digest = hashlib.sha256(data).hexdigest()
        folder = self._blobs / digest[:2]
        if not folder.is_dir():
            folder.mkdir()
            _sync_folder(self._blobs)
        draft = folder / f".{digest}"
        with draft.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        draft.rename(folder / digest[2:])
        _sync_folder(folder)
        row = (digest, self._row)
        self._database.execute("INSERT INTO samples (digest, document) VALUES (?, ?)", row)

    def close(self) -> None:
        """Ends the connection."""
        self._database.close()


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


class Ours:
    """The stores of a workspace."""

    def __init__(self, folder: Path, rows: int) -> None:
        self._random = random.Random(1)
        self._ids = Uuid7Source(SystemClock())
        filled = (folder / "truing.db").is_file()
        folder.mkdir(parents=True, exist_ok=True)
        self._store = open_database(folder / "truing.db")
        self._blobs = LocalBlobs(folder / "blobs")
        if filled:
            return
        for start in range(0, rows, FILL):
            part = range(start, min(start + FILL, rows))
            self._store.samples.add([self.sample(b"%d" % place) for place in part])

    def sample(self, data: bytes) -> NewSample:
        """A sample as a speech app captures it: ten words with times, a correction, a finding."""
        words = [f"word{self._random.randrange(5_000)}" for _ in range(10)]
        timed = tuple(
            Word(text=word, start=place * 0.3, end=place * 0.3 + 0.25, confidence=0.9)
            for place, word in enumerate(words)
        )
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        audio = Media(
            role="audio",
            digest=digest,
            size=len(data),
            media_type="audio/flac",
            facts={"duration": 3.5, "sample_rate": 16_000, "channels": 1, "content": digest},
        )
        return make_sample(
            uid=self._ids.new(),
            captured_at=time.time_ns() // 1000,
            subject="ada",
            session="sitting-1",
            media=(audio,),
            predictions=(
                make_prediction(
                    " ".join(words), words=timed, confidence=self._random.random(), seconds=0.4
                ),
                make_prediction(" ".join(words[::-1]), kind=PredictionKind.CORRECTOR),
            ),
            findings=(make_finding(),) if self._random.random() < 0.1 else (),
            quality=self._random.choice((1.0, 1.0, 1.0, 0.8, 0.5)),
            groups=(f"content:{digest}",),
        )

    def prepare(self, data: bytes) -> tuple[bytes, NewSample]:
        """What the app and the modality have said of the sample by the time it is kept."""
        return data, self.sample(data)

    def capture(self, given: tuple[bytes, NewSample]) -> None:
        """Keeps one sample."""
        data, sample = given
        if self._blobs.put(data) != sample.media[0].digest:
            raise ValueError("the blob has another digest than its sample says")
        self._store.samples.add([sample])

    def close(self) -> None:
        """Ends the connections."""
        self._store.close()


class OursEncoding(Ours):
    """The same, from an array of speech that is encoded first."""

    def capture(self, given: tuple[bytes, NewSample]) -> None:
        """Encodes and keeps one sample."""
        data, sample = given
        encoded = io.BytesIO()
        soundfile.write(encoded, np.frombuffer(data, dtype=np.int16), 16_000, format="FLAC")
        medium = replace(sample.media[0], digest=self._blobs.put(encoded.getvalue()))
        self._store.samples.add([replace(sample, media=(medium,))])


class OursIngesting(Ours):
    """The same, from an array of speech: what the modality does to it is part of the time."""

    def capture(self, given: tuple[bytes, NewSample]) -> None:
        """Ingests and keeps one sample."""
        data, sample = given
        sound = np.frombuffer(data, dtype=np.int16)
        ingested = ingest("audio", (sound, 16_000))
        medium = stored(ingested, self._blobs)
        self._store.samples.add([replace(sample, media=(medium,), groups=group_keys((medium,)))])


def speech() -> Callable[[random.Random], bytes]:
    """Makes two seconds of 16-bit speech at 16 kHz that were never there before."""
    files = sorted(shipped.RECORDINGS.rglob("*.flac"))

    def some(source: random.Random) -> bytes:
        parts: list[Any] = []
        while sum(len(part) for part in parts) < BYTES // 4:
            parts.append(soundfile.read(source.choice(files), dtype="int16")[0])
        # The recordings have 8 kHz.
        doubled = soxr.resample(np.concatenate(parts)[: BYTES // 4], 8_000, 16_000)
        noise = np.random.default_rng(source.getrandbits(32)).integers(-3, 4, len(doubled))
        return (doubled + noise).astype("int16").tobytes()

    return some


def rate(
    writer: Floor | Ours,
    captures: int,
    source: random.Random,
    some: Callable[[random.Random], bytes],
) -> float:
    """Captures per second, one after the other."""
    given: list[Any] = [writer.prepare(some(source)) for _ in range(captures)]
    capture: Callable[[Any], None] = writer.capture
    started = time.perf_counter()
    for one in given:
        capture(one)
    return captures / (time.perf_counter() - started)


def _spread(rates: list[float]) -> dict[str, int]:
    return {
        "slowest": round(min(rates)),
        "median": round(statistics.median(rates)),
        "fastest": round(max(rates)),
    }


def main(arguments: list[str] | None = None) -> int:
    """Prints the figures as JSON; 1 when the budget is not met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--captures", type=int, default=25)
    parser.add_argument("--rows", type=int, default=FILL, help="that are there before")
    sound = parser.add_mutually_exclusive_group()
    sound.add_argument("--flac", action="store_true", help="ours encodes what it keeps")
    sound.add_argument("--ingest", action="store_true", help="and looks at it; without a budget")
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument(
        "--workspace", type=Path, default=None, help="a copy of one that holds as many rows"
    )
    given = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(dir=given.folder))
    # Never the same bytes twice: what is stored already costs only a look.
    source = random.Random(time.time_ns())
    kind = OursIngesting if given.ingest else OursEncoding if given.flac else Ours
    budget = None if given.ingest else FLAC_BUDGET if given.flac else BUDGET
    some = speech() if kind is not Ours else lambda source: source.randbytes(BYTES)
    ours_at = given.workspace or folder / "ours"
    floor, ours = Floor(folder / "floor", given.rows), kind(ours_at, given.rows)
    pairs = []
    try:
        for one in (floor, ours):
            rate(one, 50, source, some)
        for place in range(given.rounds):
            order = (floor, ours) if place % 2 else (ours, floor)
            figures = {one: rate(one, given.captures, source, some) for one in order}
            pairs.append((figures[floor], figures[ours]))
    finally:
        floor.close()
        ours.close()
        shutil.rmtree(folder)
    ratio = statistics.median(mine / bare for bare, mine in pairs)
    result = {
        "benchmark": "durable_capture",
        "rows": given.rows,
        "kept": "ingested" if given.ingest else "encoded" if given.flac else "as it came",
        "floor_per_second": _spread([bare for bare, _ in pairs]),
        "ours_per_second": _spread([mine for _, mine in pairs]),
        "ratio": round(ratio, 3),
        "budget": budget,
        "met": budget is None or ratio >= budget,
    }
    print(json.dumps(result, indent=2))
    return 0 if result["met"] else 1


if __name__ == "__main__":
    sys.exit(main())
