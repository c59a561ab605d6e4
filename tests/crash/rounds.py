"""Rounds of kill -9 during capture and review by two processes, and what was left after each.

Each child writes a line for every capture and review once the call has returned. After both were
killed the workspace is opened: nothing that has its line may be lost, no row may lack its blob, no
blob may hold other bytes, the counters must equal a recount. `--unsafe` is the negative control:
it stores the row first and the blob afterwards.

    python tests/crash/rounds.py --rounds 200 [--unsafe] [--seed 1] [--folder DIR]

Prints the totals as JSON; ends with 1 when something was lost, dangling or damaged.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from truing import Workspace
from truing.domain.digest import digest_bytes
from truing.domain.errors import ConflictError, NotFoundError
from truing.domain.sample import SampleFilter
from truing.workspace.collecting import capture_ports

LONGEST = 0.6
"""Seconds a child may work before it is killed."""
WHOLE_LOOK = 20
"""Every so many rounds all blobs are read, not only those of the round."""


@dataclass
class Totals:
    """What all rounds together showed."""

    rounds: int = 0
    captures: int = 0
    reviews: int = 0
    lost: int = 0
    dangling: int = 0
    damaged: int = 0
    problems: list[str] = field(default_factory=list)
    orphans: int = 0
    temporaries: int = 0
    samples: int = 0
    seconds: float = 0.0

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong; orphans and temporary files are allowed for."""
        return not (self.lost or self.dangling or self.damaged or self.problems)


class Later:
    """Blobs that reach the disk only after the row: what must never be."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self._waiting: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def put(self, data: bytes) -> str:
        """Keeps the bytes for later."""
        self._waiting.append(data)
        return digest_bytes(data)

    def flush(self) -> None:
        """Stores what waits."""
        while self._waiting:
            self._real.put(self._waiting.pop(0))


def child(folder: Path, acks: Path, seed: int, *, unsafe: bool) -> None:
    """Captures and reviews until it is killed."""
    rng = random.Random(seed)
    noise = np.random.default_rng(seed)
    line = os.open(acks, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    workspace = Workspace.open(folder, environ={})
    later = Later(workspace.blobs) if unsafe else None
    if later is not None:
        workspace.blobs = later  # type: ignore[assignment]
        assert capture_ports(workspace).blobs is later
    while True:
        sound = noise.integers(-9000, 9000, 1600, dtype=np.int16)
        added = workspace.capture(
            "speech", audio=(sound, 16_000), raw="one two", sampling="wholesale"
        )
        assert added is not None
        if later is not None:
            later.flush()
        os.write(line, f"capture {added.id} {added.uid}\n".encode())
        if rng.random() < 0.6:
            number = rng.randint(max(1, added.id - 30), added.id)
            with contextlib.suppress(ConflictError, NotFoundError):
                done = workspace.review(number, "corrected", f"one {rng.random()}")
                os.write(line, f"review {number} {done.revision.id}\n".encode())


def forked(work: Callable[[], object]) -> int:
    """Runs a function in a child; returns its process number."""
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        work()
        code = 0
    except BaseException:  # noqa: BLE001 - the child ends here, whatever it was
        traceback.print_exc()
    finally:
        os._exit(code)


def in_child(work: Callable[[], Any]) -> Any:
    """What a function returns when a child of its own calls it: nothing of it stays with us."""
    reading, writing = os.pipe()

    def told() -> None:
        with os.fdopen(writing, "w", encoding="utf-8") as stream:
            json.dump(work(), stream)

    pid = forked(told)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as stream:
        text = stream.read()
    if os.waitpid(pid, 0)[1] != 0:
        raise RuntimeError("the checker failed; its own message is above")
    return json.loads(text)


def look(folder: Path, acks: list[Path], *, whole: bool) -> dict[str, Any]:
    """What is left after a kill, as additions to the totals."""
    lines = [line.split() for path in acks if path.exists() for line in _lines(path)]
    found: dict[str, Any] = {
        "captures": sum(line[0] == "capture" for line in lines),
        "reviews": sum(line[0] == "review" for line in lines),
    }
    with Workspace.open(folder, environ={}) as workspace:
        store, blobs = workspace.store, workspace.blobs
        mine = {line[2] for line in lines if line[0] == "capture"}
        lost = dangling = damaged = 0
        referenced = set()
        for sample in store.samples.iterate(SampleFilter()):
            digest = sample.media[0].digest
            referenced.add(digest)
            known = sample.uid in mine
            mine.discard(sample.uid)
            if not blobs.exists(digest):
                dangling += 1
            elif (whole or known) and not blobs.verify(digest):
                damaged += 1
        lost += len(mine)
        for line in lines:
            if line[0] == "review":
                revisions = {one.id for one in store.reviews.of(int(line[1]))}
                lost += int(line[2]) not in revisions
        everything = set(blobs.digests())
        if whole:
            damaged += sum(not blobs.verify(digest) for digest in everything - referenced)
        found |= {
            "lost": lost,
            "dangling": dangling,
            "damaged": damaged,
            "problems": store.check(),
            "orphans": len(everything - referenced),
            "temporaries": sum(1 for _ in workspace.layout.blobs.glob("sha256/*/.tmp-*")),
            "samples": len(referenced),
        }
    return found


def _until_begun(acks: list[Path]) -> None:
    """Waits until every child has done something, for a minute."""
    deadline = time.monotonic() + 60
    while not all(path.exists() and path.stat().st_size for path in acks):
        if time.monotonic() > deadline:
            raise RuntimeError("a child did nothing; its own message is above")
        time.sleep(0.005)


def _lines(path: Path) -> list[str]:
    # A line cut short by the kill was not acknowledged.
    return [one for one in path.read_text(encoding="ascii").splitlines(keepends=True)
            if one.endswith("\n")]  # fmt: skip


def warm_up(folder: Path) -> None:
    """Imports everything a child will use, so that it is killed at work and not at starting."""
    with Workspace.create(folder, environ={}) as workspace:
        sound = np.zeros(1600, dtype=np.int16)
        added = workspace.capture("speech", audio=(sound, 16_000), sampling="wholesale")
        assert added is not None
        workspace.review(added.id, "corrected", "one")


def play(folder: Path, rounds: int, seed: int, *, unsafe: bool, until_found: bool) -> Totals:
    """All rounds in one workspace."""
    rng = random.Random(seed)
    totals, began = Totals(), time.monotonic()

    def make() -> None:
        Workspace.create(folder / "ws", environ={}).close()

    warm_up(folder / "warm")
    os.waitpid(forked(make), 0)
    for number in range(rounds):
        acks = [folder / f"acks-{number}-{one}" for one in range(2)]
        pids = [
            forked(lambda path=path, one=one: child(  # type: ignore[misc]
                folder / "ws", path, rng.getrandbits(32) + one, unsafe=unsafe))
            for one, path in enumerate(acks)
        ]  # fmt: skip
        if number % 2:  # every second time they are killed at work, not at starting
            _until_begun(acks)
        for pid in pids:
            time.sleep(rng.uniform(0.0, LONGEST))
            os.kill(pid, signal.SIGKILL)
        for pid in pids:
            status = os.waitpid(pid, 0)[1]
            if not os.WIFSIGNALED(status):
                totals.problems.append(f"round {number}: a child failed by itself")
        whole = number % WHOLE_LOOK == WHOLE_LOOK - 1 or number == rounds - 1
        found = in_child(lambda acks=acks, whole=whole: look(folder / "ws", acks, whole=whole))
        totals.rounds += 1
        for name in ("captures", "reviews", "lost"):
            setattr(totals, name, getattr(totals, name) + found[name])
        for name in ("dangling", "damaged", "orphans", "temporaries", "samples"):
            setattr(totals, name, found[name])
        totals.problems += [f"round {number}: {one}" for one in found["problems"]]
        if until_found and not totals.sound:
            break
        for path in acks:
            path.unlink(missing_ok=True)
    totals.seconds = round(time.monotonic() - began, 1)
    return totals


def main() -> int:
    """Plays the rounds and prints the totals."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--unsafe", action="store_true")
    parser.add_argument("--until-found", action="store_true")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(dir=given.folder))
    try:
        totals = play(
            folder, given.rounds, given.seed, unsafe=given.unsafe, until_found=given.until_found
        )
    finally:
        shutil.rmtree(folder)
    print(json.dumps({**asdict(totals), "sound": totals.sound}, indent=2))
    return 0 if totals.sound else 1


if __name__ == "__main__":
    sys.exit(main())
