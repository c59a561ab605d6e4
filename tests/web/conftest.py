"""A workspace that has trained once, and copies of it behind a real server."""

from __future__ import annotations

import json
import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from truing import Workspace
from truing.demo import shipped
from truing.domain.run import Run, RunState
from truing.jobs.worker import work
from truing.platform import processes
from truing.testing.http_client import Client
from truing.web.server import Address, Server
from truing.workspace.working import carry_out

DIGITS = Path(__file__).parents[1] / "data" / "speech" / "digits"
BASE = str(shipped.base_without("theo"))
QUICK = {"max_steps": "2", "threads": "1", "batch_size": "4", "device": "cpu"}


def attempt(workspace: Workspace, run: Run) -> RunState:
    """Carries a run out in this process, as its worker would."""
    return work(
        workspace.store.runs,
        run.id,
        folder=workspace.layout.root,
        clock=workspace.clock,
        execute=partial(carry_out, workspace),
    )


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """25 labelled recordings, `mine@1` and `speech/1`, made by a run of two steps."""
    pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("web") / "ws"
    with Workspace.create(folder, rng=random.Random(7), environ={}) as workspace:
        workspace.import_from("audiofolder", DIGITS)
        workspace.freeze("mine", test_share=0.3, validation_share=0.1)
        run = workspace.train("mine@1", base=BASE, options=QUICK, start=False)
        assert attempt(workspace, run) is RunState.DONE
    return folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A workspace, a server over it, and a client of that."""

    workspace: Workspace
    client: Client
    server: Server

    def get(self, path: str, status: int = 200) -> Any:
        """The JSON behind a path."""
        return self._told("GET", path, None, status)

    def post(self, path: str, data: object = None, status: int = 200) -> Any:
        """The JSON that is answered to data."""
        return self._told("POST", path, data, status)

    def _told(self, method: str, path: str, data: object, status: int) -> Any:
        answer = self.client.ask(method, path, data)
        assert answer.status == status, answer.body
        return answer.json

    def until(self, path: str, over: Callable[[Any], bool], seconds: float = 120.0) -> Any:
        """What is told at a path as soon as it is as wanted."""
        deadline = time.monotonic() + seconds
        while not over(told := self.get(path)):
            assert time.monotonic() < deadline, told
            time.sleep(0.05)
        return told


Serve = Callable[..., Served]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Serves a folder, with settings: `serve(folder, {"train.dataset": "all"})`."""
    with ExitStack() as stack:

        def start(
            folder: Path, settings: dict[str, str] | None = None, *, pages: Path | None = None
        ) -> Served:
            flags = {"backup.before_training": "false", **(settings or {})}
            workspace = stack.enter_context(Workspace.open(folder, flags=flags, environ={}))
            stack.callback(_end_runs, workspace)
            server = Server(workspace, Address(port=0), pages=pages)
            url = stack.enter_context(server.running())
            return Served(workspace=workspace, client=Client(url), server=server)

        yield start


def _end_runs(workspace: Workspace) -> None:
    """No run outlives its test, whatever became of the test."""
    for run in workspace.store.runs.all():
        workspace.jobs.stop(run.id, force=True)
    for child in processes._children:
        child.wait(timeout=60)


@pytest.fixture
def served(serve: Serve, trained: Path, tmp_path: Path) -> Served:
    """A copy of the trained workspace behind a server."""
    shutil.copytree(trained, tmp_path / "copy")
    return serve(tmp_path / "copy")


@pytest.fixture
def empty(serve: Serve, tmp_path: Path) -> Served:
    """A new workspace behind a server."""
    Workspace.create(tmp_path / "new", rng=random.Random(7), environ={}).close()
    return serve(tmp_path / "new")


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting comes from outside, here or in a worker process."""
    for name in [name for name in os.environ if name.startswith("TRUING_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def filled(empty: Served) -> Served:
    """A new workspace with twelve real recordings that nobody has decided on, behind a server.

    Number `n` is the n-th recording; what was heard is what was said, but for the first two.
    """
    lines = (DIGITS / "metadata.jsonl").read_text(encoding="utf-8").splitlines()
    for place, line in enumerate(lines[:12]):
        row = json.loads(line)
        heard = ("tree", "for")[place] if place < 2 else row["transcription"]
        empty.workspace.capture(
            "speech",
            audio=DIGITS / row["file_name"],
            raw=heard,
            confidence=0.3 + place / 20,
            subject=row["speaker"],
            sampling="wholesale",
            captured_at=1_700_000_000_000_000 + place * 1_000_000,
        )
    return empty
