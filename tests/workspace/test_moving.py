"""A workspace on PostgreSQL, and moving everything said there and back."""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from truing import Workspace
from truing.domain.dataset import DatasetRef
from truing.domain.errors import (
    ConflictError,
    InvalidInputError,
    UnavailableError,
)
from truing.domain.sample import SampleFilter, SampleOrder
from truing.stores.database.store import open_database
from truing.stores.database.transfer import database_digest, is_empty
from truing.testing.factories import START, make_request
from truing.workspace.keeping import doctor, verify, verify_dataset
from truing.workspace.moving import IN_FOLDER, move_database

Filled = Callable[..., list[int]]
NewDatabase = Callable[[], str]
EVERYTHING = SampleFilter()


@pytest.fixture
def on_server(tmp_path: Path, new_database: NewDatabase) -> Iterator[Workspace]:
    """A new workspace on PostgreSQL."""
    rng = random.Random(7)
    with Workspace.create(
        tmp_path / "served", database=new_database(), rng=rng, environ={}
    ) as opened:
        yield opened


def live_through(workspace: Workspace, fill: Filled) -> None:
    """Captures, reviews, freezes, deletes and forgets, with emoji and right-to-left texts."""
    ids = fill(12)
    truths = ("שלום עולם 😀", "مرحبا 👩‍👩‍👧", "नमस्ते", "עברית \u202bwith marks\u202c")
    for number, truth in zip(ids, truths, strict=False):
        workspace.review(number, "corrected", truth, actor="זואי")
    workspace.undo()
    workspace.freeze("mine")
    workspace.delete(ids=[ids[-1]])
    workspace.forget(ids=[ids[4], ids[5]])


def _sound() -> tuple[object, int]:
    import numpy as np

    return np.random.default_rng(3).normal(0, 2000, 16000).astype(np.int16), 16000


def sound(workspace: Workspace) -> bool:
    """Whether nothing was altered; an old SQLite is no matter here."""
    return not [one for one in verify(workspace) if "3.51.3" not in one.why]


def digest_of(where: Path | str) -> dict[str, str]:
    """The digests of a database, opened for this alone."""
    store = open_database(where)
    with contextlib.closing(store):
        return database_digest(store)


def test_a_workspace_goes_to_postgresql_and_back(
    workspace: Workspace, fill: Filled, new_database: NewDatabase
) -> None:
    live_through(workspace, fill)
    assert sound(workspace)
    samples = list(workspace.store.samples.iterate(EVERYTHING))
    layout, url = workspace.layout, new_database()
    seen: list[tuple[int, int]] = []
    before = digest_of(layout.database)

    moved = move_database(workspace, url, lambda *done: seen.append(done))
    assert moved.digests == before == digest_of(url) == digest_of(layout.database)
    assert moved.source.startswith("SQLite")
    assert moved.target.startswith("PostgreSQL")
    assert str(layout.database) in moved.old[0]
    assert seen[-1][0] == seen[-1][1] > 0
    assert workspace.store.place == moved.target

    # As it was opened, and opened anew: everything is there, in the same words.
    with Workspace.open(layout.root, environ={}) as again:
        assert again.store.place == moved.target
        for opened in (workspace, again):
            assert list(opened.store.samples.iterate(EVERYTHING)) == samples
            assert opened.store.samples.count(SampleFilter(text="שלום 😀")) == 1
            assert sound(opened)
            assert verify_dataset(opened, DatasetRef(name="mine", number=1)) == []
            assert opened.store.trash.count() == 1

    for path in layout.root.glob("truing.db*"):
        path.unlink()
    back = move_database(workspace, IN_FOLDER)
    assert back.digests == before == digest_of(layout.database)
    assert list(workspace.store.samples.iterate(EVERYTHING)) == samples
    assert sound(workspace)
    with Workspace.open(layout.root, environ={}) as again:
        assert again.store.place == f"SQLite {layout.database}"


def test_the_whole_life_of_a_workspace_on_a_server(
    on_server: Workspace,
) -> None:
    assert not on_server.layout.database.exists()
    assert on_server.store.file is None
    added = on_server.capture(
        "speech", audio=_sound(), raw="hello", corrected="שלום 😀", sampling="wholesale"
    )
    assert added is not None
    on_server.review(added.id, "corrected", "مرحبا")
    assert [one.truth for one in on_server.history(added.id)] == ["مرحبا"]
    page = on_server.store.samples.page(SampleFilter(text="مرح"), SampleOrder.NEWEST)
    assert [one.id for one in page.items] == [added.id]
    database = next(one for one in doctor(on_server) if one.name == "database")
    assert database.ok
    assert database.says.startswith("PostgreSQL postgresql://")
    told = on_server.forget(ids=[added.id])
    assert any("write-ahead log" in line for line in told.reminders)
    assert on_server.store.samples.count(EVERYTHING) == 0
    assert sound(on_server)


def test_a_workspace_is_only_made_where_its_database_is_new(
    on_server: Workspace, tmp_path: Path
) -> None:
    url = on_server.settings.text("storage.database")
    with pytest.raises(ConflictError, match="a workspace in PostgreSQL"):
        Workspace.create(tmp_path / "second", database=url, environ={})
    with pytest.raises(UnavailableError, match="cannot be reached"):
        Workspace.create(tmp_path / "second", database="postgresql://127.0.0.1:1/x", environ={})
    with pytest.raises(InvalidInputError, match="holds a password") as raised:
        Workspace.create(tmp_path / "second", database="postgresql://a:b@c/d", environ={})
    assert "PGPASSWORD" in str(raised.value.hint)
    with pytest.raises(InvalidInputError, match="no address"):
        Workspace.create(tmp_path / "second", database="voice", environ={})
    assert not (tmp_path / "second").exists()


def test_what_cannot_be_moved_is_refused(
    workspace: Workspace, fill: Filled, new_database: NewDatabase
) -> None:
    fill(2)
    url = new_database()
    with pytest.raises(InvalidInputError, match="already"):
        move_database(workspace, IN_FOLDER)
    with pytest.raises(InvalidInputError, match="no address"):
        move_database(workspace, "elsewhere")
    with pytest.raises(InvalidInputError, match="password"):
        move_database(workspace, "postgresql://ann:secret@localhost/voice")
    with pytest.raises(UnavailableError, match="cannot be reached"):
        move_database(workspace, "postgresql://ann@127.0.0.1:1/voice")
    run = workspace.store.runs.add("run-1", make_request(), START)
    workspace.store.runs.claim(
        run.id, boot_id="b", pid=1, pid_start=1, now=START, lease_until=START + 10
    )
    with pytest.raises(ConflictError, match="is running"):
        move_database(workspace, url)
    environ = {"TRUING_STORAGE_DATABASE": f"sqlite:///{workspace.layout.database}"}
    with (
        Workspace.open(workspace.layout.root, environ=environ) as directed,
        pytest.raises(ConflictError, match="TRUING_STORAGE_DATABASE"),
    ):
        move_database(directed, url)
    assert workspace.store.place.startswith("SQLite")
    with contextlib.closing(open_database(url)) as target:
        assert is_empty(target)


def test_an_older_file_is_not_written_over(
    workspace: Workspace, fill: Filled, new_database: NewDatabase
) -> None:
    ids = fill(2)
    move_database(workspace, new_database())
    # Nothing has changed since: the file is as good as a new copy.
    move_database(workspace, IN_FOLDER)
    second = new_database()
    move_database(workspace, second)
    workspace.review(ids[0], "corrected", "changed since")
    with pytest.raises(ConflictError, match="holds something already"):
        move_database(workspace, IN_FOLDER)
    assert workspace.store.place.startswith("PostgreSQL")
    assert workspace.sample(ids[0]).truth == "changed since"


_MOVE = """
import os, signal, sys
from truing import Workspace
from truing.stores.database import transfer
from truing.workspace.moving import move_database
transfer.BATCH = 5
folder, url, when = sys.argv[1:]
def kill(done, total):
    if when == "copying" and done > 20:
        os.kill(os.getpid(), signal.SIGKILL)
if when == "switching":
    import truing.workspace.folder as folder_module
    folder_module.set_value = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
with Workspace.open(folder, environ={}) as workspace:
    move_database(workspace, url, kill)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="this system has no SIGKILL")
@pytest.mark.parametrize("when", ["copying", "switching"])
def test_a_crash_leaves_the_old_database_in_use(
    workspace: Workspace, fill: Filled, new_database: NewDatabase, when: str
) -> None:
    live_through(workspace, fill)
    before = digest_of(workspace.layout.database)
    url = new_database()
    program = [sys.executable, "-c", _MOVE, str(workspace.layout.root), url, when]
    assert subprocess.run(program, check=False).returncode == -9
    with Workspace.open(workspace.layout.root, environ={}) as again:
        assert again.store.place.startswith("SQLite")
        assert digest_of(again.layout.database) == before
        assert move_database(again, url).digests == before
        assert again.store.place.startswith("PostgreSQL")
        assert sound(again)


def test_a_workspace_says_when_its_server_is_gone(
    on_server: Workspace,
) -> None:
    root = on_server.layout.root
    environ = {"TRUING_STORAGE_DATABASE": "postgresql://ann@127.0.0.1:1/voice"}
    with pytest.raises(UnavailableError, match="cannot be reached") as raised:
        Workspace.open(root, environ=environ)
    assert raised.value.hint
