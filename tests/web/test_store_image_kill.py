"""kill -9 of a server while pairs are posted: no answered one is lost, and none is half there.

The same server writes NexVision's folder beside: what stands in it is whole at every moment, and
what it lacks is written by the next one.
"""

from __future__ import annotations

import http.client
import io
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from truing import Workspace
from truing.domain.sample import SampleFilter
from truing.formats.nexvision import NexVision
from truing.formats.nexvision_tree import STALE_SECONDS
from truing.workspace import nexvision_folder

SERVER = """
import sys
from truing import Workspace
from truing.web.server import Address, Server
flags = {"image_edit.nexvision_folder": sys.argv[2], "image_edit.find_faces": "false"}
with Workspace.open(sys.argv[1], flags=flags, environ={}) as workspace:
    server = Server(workspace, Address(port=0))
    print(server.url, flush=True)
    server.run()
"""
KIND = "multipart/form-data; boundary=EDGE"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")


def picture(number: int, kind: int) -> bytes:
    """A PNG that no other number or kind has."""
    pixels = np.random.default_rng([number, kind]).integers(0, 256, (72, 80, 3), dtype=np.uint8)
    made = io.BytesIO()
    Image.fromarray(pixels).save(made, "PNG")
    return made.getvalue()


def body_of(number: int) -> bytes:
    """The form of a pair by number."""
    files = {"originalImage": picture(number, 0), "reimaginedImage": picture(number, 1)}
    head = '--EDGE\r\nContent-Disposition: form-data; name="{}"{}\r\n\r\n'
    parts = [
        head.format(name, '; filename="a.jpg"').encode() + data + b"\r\n"
        for name, data in files.items()
    ]
    text = head.format("instruction", "").encode() + f"pair number {number}\r\n".encode()
    return b"".join(parts) + text + b"--EDGE--\r\n"


class Posts:
    """Clients that post until the server is gone; what was answered is remembered."""

    def __init__(self, place: str, kill_after: int, start: int) -> None:
        self._place = place
        self._kill_after = kill_after
        self._start = start
        self._guard = threading.Lock()
        self.answered: dict[str, int] = {}
        """Number of the pair by session."""
        self.reached = threading.Event()

    def run(self, client: int, clients: int) -> None:
        """Posts one after the other on one connection."""
        connection = http.client.HTTPConnection(self._place, timeout=60)
        try:
            for number in range(self._start + client, self._start + 100_000, clients):
                connection.request(
                    "POST", "/api/store-image", body_of(number), {"Content-Type": KIND}
                )
                told = json.loads(connection.getresponse().read())
                with self._guard:
                    self.answered[told["sessionId"]] = number
                    if len(self.answered) >= self._kill_after:
                        self.reached.set()
        except (OSError, http.client.HTTPException, ValueError):
            return
        finally:
            connection.close()


def killed_while_posting(folder: Path, tree: Path, *, kill_after: int, start: int) -> Posts:
    """One round with four clients."""
    command = [sys.executable, "-c", SERVER, str(folder), str(tree)]
    environ = {name: text for name, text in os.environ.items() if not name.startswith("TRUING_")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ) as server:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        posts = Posts(url.removeprefix("http://"), kill_after, start)
        threads = [threading.Thread(target=posts.run, args=(one, 4)) for one in range(4)]
        for thread in threads:
            thread.start()
        try:
            assert posts.reached.wait(120), len(posts.answered)
        finally:
            server.send_signal(signal.SIGKILL)
        for thread in threads:
            thread.join(60)
    return posts


def must_be_whole(workspace: Workspace, answered: dict[str, int]) -> set[str]:
    """Every answered session is there, and every session there is, is whole; their names."""
    found = {one.source_key: one for one in workspace.store.samples.iterate(SampleFilter())}
    assert answered.keys() <= found.keys()
    for session, sample in found.items():
        assert sample.raw is not None
        number = int(sample.raw.text.removeprefix("pair number "))
        assert answered.get(str(session), number) == number
        data = {one.role: workspace.blobs.read(one.digest) for one in sample.media}
        assert data == {"original": picture(number, 0), "edited": picture(number, 1)}
    assert [line for line in workspace.store.check() if "3.51.3" not in line] == []
    return {str(one) for one in found}


def sessions_in(tree: Path) -> set[str]:
    """The sessions that can be seen in the folder; each holds all that belongs to it."""
    seen = [one for one in tree.iterdir() if one.name.startswith("session-")]
    for place in seen:
        stamp = place.name.removeprefix("session-")
        said = json.loads((place / f"metadata-{stamp}.json").read_bytes())
        number = int(said["instruction"].removeprefix("pair number "))
        assert (place / said["originalFilename"]).read_bytes() == picture(number, 0)
        assert (place / said["reimaginedFilename"]).read_bytes() == picture(number, 1)
        assert len(list(place.iterdir())) == 3
    return {place.name for place in seen}


def logged_in(tree: Path) -> list[str]:
    """The sessions of the log, each line of which is whole."""
    log = tree / "training-log.jsonl"
    return [json.loads(line)["sessionId"] for line in log.read_bytes().splitlines()]


def rounds(folder: Path, tree: Path, kills: list[int]) -> None:
    """Kills and looks, time after time, in one workspace."""
    Workspace.create(folder, environ={}).close()
    answered: dict[str, int] = {}
    flags = {nexvision_folder.KEY: str(tree)}
    for turn, kill_after in enumerate(kills):
        start = turn * 1_000_000
        posts = killed_while_posting(folder, tree, kill_after=kill_after, start=start)
        answered |= posts.answered
        with Workspace.open(folder, flags=flags, environ={}) as workspace:
            there = must_be_whole(workspace, answered)
            assert answered.keys() <= sessions_in(tree) <= there
            assert answered.keys() <= set(logged_in(tree)) <= sessions_in(tree)
            for claim in tree.glob(".session-*"):
                long_ago = claim.stat().st_mtime - STALE_SECONDS - 1
                os.utime(claim, (long_ago, long_ago))
            nexvision_folder.catch_up(workspace)
            found = nexvision_folder.health(workspace)
            assert found is not None
            assert (found.behind, found.trouble) == (0, None)
            assert sessions_in(tree) == there
            assert sorted(logged_in(tree)) == sorted(there), "each has one line"
            assert not list(tree.glob(".session-*"))
    assert len(list(NexVision().read(tree))) == len(there)


def test_no_answered_pair_is_lost(tmp_path: Path) -> None:
    rounds(tmp_path / "ws", tmp_path / "training-data", [9, 14])


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_no_answered_pair_is_lost_in_many_rounds(tmp_path: Path) -> None:
    rounds(tmp_path / "ws", tmp_path / "training-data", [5 + 3 * turn for turn in range(12)])
