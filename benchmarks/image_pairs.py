"""Pairs of pictures kept per second: our capture, and our server, against bare files in one run.

The floors are what the app's own server did: a folder with two files and the metadata, and a line
in the log; once as it did, without a sync, and once durable, with each file, the folders and the
log synced. `looked at` is the durable floor that also decodes both pictures, as whoever refuses
damaged ones must. Ours decodes both, tells each by its pixels, holds them against each other and
against what is there already, cleans the instruction and keeps it all with a row and its indexes:
`capture` is `Workspace.capture`, `http` clients that post to a server in a process of its own, and
`http and folder` the same with the app's folder written besides.

Pairs are crops of real photos of one size, none twice. Faces are not looked for, unless `--faces`:
that is a model of another program, where it is installed.

The floors wait for the disk, ours works on the pictures: which of them is quicker depends on the
machine. So the rates are told, and the budgets are of processor time, which a busy machine hardly
changes: a capture costs at most 10 times what decoding its two pictures and writing them does (it
was 6 times), a post at most 1.25 times what a capture does, and with the folder at most 1.25 times
what it does without.

    python benchmarks/image_pairs.py [--rounds 8] [--pairs 12] [--side 512] [--clients 4]
        [--faces] [--folder DIR]
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from PIL import Image, ImageEnhance, ImageOps

from truing import Workspace
from truing.formats.nexvision_session import javascript_time
from truing.platform.files import sync_file, sync_folder
from truing.workspace.nexvision_folder import KEY

TREE = Path(__file__).parents[1] / "tests" / "data" / "clients" / "nexvision" / "training-data"
BUDGET = {"capture of looked at": 10.0, "http of capture": 1.25, "folder of http": 1.25}
"""Most processor time of the one, in that of the other."""
EDITS = ("make it brighter", "turn it into a drawing", "mirror it", "more colour, please")
EDGE = "xxxxxxxxxxxxEDGExxxxxxxxxxxx"
SERVER = """
import json, sys
from truing import Workspace
from truing.web.server import Address, Server
with Workspace.open(sys.argv[1], flags=json.loads(sys.argv[2]), environ={}) as workspace:
    server = Server(workspace, Address(port=0))
    print(server.url, flush=True)
    server.run()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """What an app hands in."""

    original: bytes
    """JPEG, as cameras have it."""
    edited: bytes
    """PNG, as image models have it."""
    instruction: str


class Keeper(Protocol):
    """One way of keeping pairs."""

    def keep(self, pairs: list[Pair]) -> None:
        """Keeps them; durable when this returns, where the way is."""
        ...

    def cpu(self) -> float:
        """Seconds of processor time so far."""
        ...


def pairs_of(seed: int, side: int) -> Iterator[Pair]:
    """Pairs without end, none twice, each `side` pixels wide and high."""
    files = sorted(TREE.glob("session-*/original-*.jpg"))
    photos = [photo for photo in map(_upright, files) if min(photo.size) >= 128]
    chance = random.Random(seed)
    while True:
        photo = chance.choice(photos)
        width, height = (round(length * chance.uniform(0.5, 1)) for length in photo.size)
        left, top = (
            chance.randrange(full - part + 1)
            for full, part in zip(photo.size, (width, height), strict=True)
        )
        shown = photo.crop((left, top, left + width, top + height)).resize((side, side))
        number = chance.randrange(len(EDITS))
        bright = ImageEnhance.Brightness(shown).enhance(1.4)
        edit = (
            bright,
            ImageOps.posterize(shown, 2),
            ImageOps.mirror(shown),
            ImageEnhance.Color(shown).enhance(2),
        )
        yield Pair(
            original=_coded(shown, "JPEG"),
            edited=_coded(edit[number], "PNG"),
            instruction=f"{EDITS[number]} {chance.randrange(1000)}",
        )


def _upright(file: Path) -> Image.Image:
    with Image.open(file) as photo:
        return ImageOps.exif_transpose(photo).convert("RGB")


def _coded(picture: Image.Image, form: str) -> bytes:
    made = io.BytesIO()
    picture.save(made, form)
    return made.getvalue()


class Bare:
    """The app's own way."""

    def __init__(self, root: Path, *, durable: bool, decoding: bool = False) -> None:
        self._root, self._durable, self._decoding = root, durable, decoding
        root.mkdir()

    def keep(self, pairs: list[Pair]) -> None:
        """Writes folder after folder."""
        for pair in pairs:
            if self._decoding:
                for data in (pair.original, pair.edited):
                    Image.open(io.BytesIO(data)).convert("RGB").tobytes()
            self._write(pair)

    def cpu(self) -> float:
        """Of this process."""
        return time.process_time()

    def _write(self, pair: Pair) -> None:
        now = time.time_ns()
        stamp = f"{re.sub(r'[:.]', '-', javascript_time(now // 1000))}-{now}"
        place = self._root / f"session-{stamp}"
        place.mkdir()
        names = {
            "originalFilename": f"original-{stamp}.jpg",
            "reimaginedFilename": f"reimagined-{stamp}.jpg",
        }
        said = {
            "timestamp": stamp,
            "instruction": pair.instruction,
            "userEmail": "anonymous",
            **names,
            "originalSize": len(pair.original),
            "reimaginedSize": len(pair.edited),
            "sessionId": place.name,
        }
        files = dict(zip(names.values(), (pair.original, pair.edited), strict=True))
        files[f"metadata-{stamp}.json"] = json.dumps(said, indent=2).encode()
        for name, data in files.items():
            self._put(place / name, data, "wb")
        if self._durable:
            sync_folder(place)
            sync_folder(self._root)
        self._put(self._root / "training-log.jsonl", json.dumps(said).encode() + b"\n", "ab")

    def _put(self, path: Path, data: bytes, mode: str) -> None:
        with path.open(mode) as stream:
            stream.write(data)
            stream.flush()
            if self._durable:
                sync_file(stream.fileno())


class Captured:
    """`Workspace.capture` in this process."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def keep(self, pairs: list[Pair]) -> None:
        """One after the other."""
        for pair in pairs:
            added = self._workspace.capture(
                "image_edit", original=pair.original, edited=pair.edited, raw=pair.instruction
            )
            if added is None or not added.new:
                raise ValueError("a pair was not kept")

    def cpu(self) -> float:
        """Of this process."""
        return time.process_time()


class Posted:
    """A server in a process of its own, and clients that post at once."""

    def __init__(self, workspace: Path, flags: dict[str, str], clients: int) -> None:
        command = [sys.executable, "-c", SERVER, str(workspace), json.dumps(flags)]
        self._clients = clients
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self._place = self._process.stdout.readline().strip().removeprefix("http://")

    def keep(self, pairs: list[Pair]) -> None:
        """Each client posts its share, one after the other on one connection."""
        shares = [pairs[place :: self._clients] for place in range(self._clients)]
        with ThreadPoolExecutor(self._clients) as crowd:
            list(crowd.map(self._post, shares))

    def _post(self, pairs: list[Pair]) -> None:
        connection = http.client.HTTPConnection(self._place, timeout=120)
        kind = {"Content-Type": f"multipart/form-data; boundary={EDGE}"}
        for pair in pairs:
            connection.request("POST", "/api/store-image", _form(pair), kind)
            answer = connection.getresponse()
            told = answer.read()
            if answer.status != 200:
                raise ValueError(f"a pair was refused: {told!r}")
        connection.close()

    def cpu(self) -> float:
        """Of the server."""
        words = (
            Path(f"/proc/{self._process.pid}/stat")
            .read_text(encoding="ascii")
            .rpartition(")")[2]
            .split()
        )
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        """Ends the server."""
        with self._process:
            self._process.terminate()


def _form(pair: Pair) -> bytes:
    head = f'--{EDGE}\r\nContent-Disposition: form-data; name="{{}}"{{}}\r\n\r\n'
    files = {"originalImage": pair.original, "reimaginedImage": pair.edited}
    parts = [
        head.format(name, '; filename="a.jpg"').encode() + data + b"\r\n"
        for name, data in files.items()
    ]
    text = head.format("instruction", "").encode() + pair.instruction.encode()
    return b"".join(parts) + text + f"\r\n--{EDGE}--\r\n".encode()


def measured(
    keepers: dict[str, Keeper], source: Iterator[Pair], rounds: int, pairs: int
) -> dict[str, list[tuple[float, float]]]:
    """Pairs per second and CPU seconds per pair of each way, round by round."""
    figures: dict[str, list[tuple[float, float]]] = {name: [] for name in keepers}
    for place in range(-1, rounds):
        names = list(keepers) if place % 2 else list(reversed(keepers))
        for name in names:
            given = [next(source) for _ in range(pairs)]
            started, before = time.perf_counter(), keepers[name].cpu()
            keepers[name].keep(given)
            seconds = time.perf_counter() - started
            if place >= 0:  # the first round warms up
                figures[name].append((pairs / seconds, (keepers[name].cpu() - before) / pairs))
    return figures


def told(figures: dict[str, list[tuple[float, float]]]) -> dict[str, object]:
    """Rates and costs, and whether the budgets are met."""
    rates = {name: [rate for rate, _ in found] for name, found in figures.items()}
    costs = {name: statistics.median(cost for _, cost in found) for name, found in figures.items()}

    def ratio(one: str, other: str) -> float:
        return statistics.median(a / b for a, b in zip(rates[one], rates[other], strict=True))

    times = {
        "capture of looked at": costs["capture"] / costs["looked at"],
        "http of capture": costs["http"] / costs["capture"],
        "folder of http": costs["http and folder"] / costs["http"],
    }
    return {
        "pairs_per_second": {name: _spread(found) for name, found in rates.items()},
        "rate_of_capture": {
            name: round(ratio("capture", name), 4) for name in ("floor", "durable floor", "http")
        },
        "cpu_ms_per_pair": {name: round(1000 * cost, 1) for name, cost in costs.items()},
        "cpu_times": {name: round(one, 2) for name, one in times.items()},
        "budget": BUDGET,
        "met": all(times[name] <= most for name, most in BUDGET.items()),
    }


def _spread(rates: list[float]) -> dict[str, float]:
    return {
        "slowest": round(min(rates), 1),
        "median": round(statistics.median(rates), 1),
        "fastest": round(max(rates), 1),
    }


def main(arguments: list[str] | None = None) -> int:
    """Prints the figures as JSON; 1 when a budget is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--pairs", type=int, default=12, help="in a round")
    parser.add_argument("--side", type=int, default=512, help="of each picture, in pixels")
    parser.add_argument("--clients", type=int, default=4, help="that post at once")
    parser.add_argument("--faces", action="store_true", help="look for faces as well")
    parser.add_argument("--folder", type=Path, default=None)
    given = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(dir=given.folder))
    flags = {"image_edit.find_faces": str(given.faces).lower()}
    servers: list[Posted] = []
    try:
        for name in ("captured", "posted", "both"):
            Workspace.create(folder / name, environ={}).close()
        servers.append(Posted(folder / "posted", flags, given.clients))
        servers.append(
            Posted(folder / "both", {**flags, KEY: str(folder / "training-data")}, given.clients)
        )
        with Workspace.open(folder / "captured", flags=flags, environ={}) as workspace:
            keepers: dict[str, Keeper] = {
                "floor": Bare(folder / "floor", durable=False),
                "durable floor": Bare(folder / "durable", durable=True),
                "looked at": Bare(folder / "looked-at", durable=True, decoding=True),
                "capture": Captured(workspace),
                "http": servers[0],
                "http and folder": servers[1],
            }
            source = pairs_of(time.time_ns(), given.side)
            figures = measured(keepers, source, given.rounds, given.pairs)
    finally:
        for one in servers:
            one.close()
        shutil.rmtree(folder)
    size = next(pairs_of(1, given.side))
    result = {
        "benchmark": "image_pairs",
        "side": given.side,
        "kilobytes": [len(size.original) // 1000, len(size.edited) // 1000],
        "clients": given.clients,
        "faces": given.faces,
        **told(figures),
    }
    print(json.dumps(result, indent=2))
    return 0 if result["met"] else 1


if __name__ == "__main__":
    sys.exit(main())
