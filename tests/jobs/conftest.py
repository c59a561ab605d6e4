"""A workspace's database and folder, runs that count, and supervisors over them."""

import sys
from pathlib import Path

import pytest

from truing.domain.clock import SystemClock
from truing.domain.run import RunRequest, RunState
from truing.jobs.supervisor import Supervisor
from truing.platform import processes
from truing.platform.processes import boot_id, end_now, process_alive
from truing.stores.database.store import open_database

CHILD = Path(__file__).parent / "child.py"


class Yard:
    """One workspace with what the tests do to it."""

    def __init__(self, folder):
        self.folder = folder
        self.clock = SystemClock()
        self.store = open_database(folder / "truing.db")
        self.runs = self.store.runs
        self._made = 0

    def queue(self, *, steps=20, pause=0.01, every=5, device="cpu", **more):
        """A run that counts.

        `holds_before=[3, 7]`: the first attempt waits before step 3 (from 0), the second before
        step 7, until it is stopped or `let_go` is called. `hang=1.5`: the first attempt may be
        silent for so long.
        """
        self._made += 1
        options = {"steps": steps, "pause": pause, "every": every, "device": device, **more}
        request = RunRequest(
            modality="speech", recipe="count", dataset="mine@1", base=None, options=options
        )
        return self.runs.add(f"uid-{self._made}", request, self.clock.now()).id

    def let_go(self, *, to=None):
        """Lets workers go past the step that they hold before: to another one, or to the end."""
        told = self.folder / "go-on.new"
        told.write_text("" if to is None else str(to))
        told.replace(self.folder / "go-on")

    def command(self, run_id):
        """The worker program as a command line."""
        return [sys.executable, str(CHILD), str(self.folder), str(run_id)]

    def supervisor(self, **more):
        """A supervisor that starts `child.py`."""
        more = {"command": self.command, "poll": 0.05} | more
        return Supervisor(self.runs, folder=self.folder, clock=self.clock, **more)

    def log(self, run_id):
        """What the run's log says."""
        return (self.folder / "runs" / str(run_id) / "run.log").read_text()

    def trace(self):
        """Every step begun: (run, attempt, step, time in ns)."""
        path = self.folder / "trace"
        lines = path.read_text().splitlines() if path.exists() else []
        return [tuple(map(int, line.split())) for line in lines]

    def close(self):
        """Leaves no process behind."""
        for run in self.runs.all():
            running = run.state is RunState.RUNNING and run.boot_id == boot_id()
            if running and process_alive(run.pid, run.pid_start):
                end_now(run.pid)
        for child in processes._children:
            end_now(child.pid)
            child.wait()
        self.store.close()


@pytest.fixture
def yard(tmp_path):
    made = Yard(tmp_path)
    yield made
    made.close()
