"""kill -9 of a server in the middle of saves: every save that was answered is there afterwards."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from truing import Workspace
from truing.testing.filling import fill

SERVER = """
import sys
from truing import Workspace
from truing.web.server import Address, Server
with Workspace.open(sys.argv[1], environ={}) as workspace:
    server = Server(workspace, Address(port=0))
    print(server.url, flush=True)
    server.run()
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")


class Saves:
    """Clients that save until the server is gone; what was answered is remembered."""

    def __init__(self, place: str, samples: int, kill_after: int) -> None:
        self._place = place
        self._samples = samples
        self._kill_after = kill_after
        self._guard = threading.Lock()
        self.answered: dict[int, str] = {}
        """Truth by revision."""
        self.reached = threading.Event()

    def run(self, client: int, clients: int) -> None:
        """Saves one after the other on one connection."""
        connection = http.client.HTTPConnection(self._place, timeout=30)
        try:
            for place in range(client, 100_000, clients):
                truth = f"save {client} {place}"
                form = json.dumps({"verdict": "corrected", "truth": truth})
                path = f"/api/samples/{place % self._samples + 1}/review"
                connection.request("POST", path, form, {"Content-Type": "application/json"})
                told = json.loads(connection.getresponse().read())
                with self._guard:
                    self.answered[told["revision"]["revision"]] = truth
                    if len(self.answered) >= self._kill_after:
                        self.reached.set()
        except (OSError, http.client.HTTPException, ValueError):
            return
        finally:
            connection.close()


def killed_during_saves(folder: Path, *, samples: int, kill_after: int, clients: int) -> int:
    """One round; how many saves had been answered."""
    command = [sys.executable, "-c", SERVER, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        saves = Saves(url.removeprefix("http://"), samples, kill_after)
        threads = [
            threading.Thread(target=saves.run, args=(client, clients)) for client in range(clients)
        ]
        for thread in threads:
            thread.start()
        try:
            assert saves.reached.wait(120), len(saves.answered)
        finally:
            server.send_signal(signal.SIGKILL)
        for thread in threads:
            thread.join(60)
    with Workspace.open(folder, environ={}) as workspace:
        reviews = workspace.store.reviews
        for number, truth in saves.answered.items():
            assert reviews.get(number).truth == truth
        for number in range(1, samples + 1):
            history = reviews.of(number)
            sample = workspace.sample(number)
            assert sample.revision == (history[-1].id if history else 0)
            assert sample.truth == (history[-1].truth if history else None)
        assert [line for line in workspace.store.check() if "3.51.3" not in line] == []
    return len(saves.answered)


def prepared(folder: Path, samples: int) -> Path:
    with Workspace.create(folder, environ={}) as workspace:
        fill(workspace.store, workspace.blobs, samples)
        undone = [
            number
            for number in range(1, samples + 1)
            if workspace.sample(number).revision
            and workspace.undo(workspace.sample(number).revision)
        ]
        assert undone
    return folder


def test_no_answered_save_is_lost(tmp_path: Path) -> None:
    folder = prepared(tmp_path / "ws", 20)
    for clients in (1, 4):
        assert killed_during_saves(folder, samples=20, kill_after=25, clients=clients) >= 25


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_no_answered_save_is_lost_in_many_rounds(tmp_path: Path) -> None:
    folder = prepared(tmp_path / "ws", 50)
    for turn in range(20):
        killed_during_saves(folder, samples=50, kill_after=180 + turn, clients=1 + turn % 4)
