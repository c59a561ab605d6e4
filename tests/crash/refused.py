"""What happens where the system refuses access, as somebody who is not root.

    python tests/crash/refused.py FOLDER SCENARIO…

Prints, for each scenario, the kind of error, its message and its hint. Everything is imported by
a first round as whoever started it: nobody may be unable to read Python's own files.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from truing import Workspace
from truing.domain.errors import TruingError
from truing.domain.sample import SampleFilter
from truing.workspace import known_settings
from truing.workspace.cleaning import clean
from truing.workspace.folder import set_value
from truing.workspace.keeping import verify

NOBODY = 65534
WARM = ("verify_unreadable", "export", "cleaning")
"""Scenarios that between them import whatever the others do."""


def capture(workspace: Workspace) -> int:
    sound = np.random.default_rng().integers(-9000, 9000, 1600, dtype=np.int16)
    added = workspace.capture("speech", audio=(sound, 16_000), raw="one", sampling="wholesale")
    assert added is not None
    return added.id


def locked(*places: Path) -> None:
    for place in places:
        place.chmod(0o555 if place.is_dir() else 0o444)


def all_of(folder: Path) -> list[Path]:
    return [*folder.rglob("*"), folder]


def database(root: Path) -> None:
    """The whole workspace is read-only."""
    locked(*all_of(root))
    with Workspace.open(root, environ={}) as workspace:
        workspace.review(1, "accepted")


def new_blob(root: Path) -> None:
    """The folder of the blobs is read-only."""
    locked(*all_of(root / "blobs"))
    with Workspace.open(root, environ={}) as workspace:
        before = workspace.store.samples.count(SampleFilter())
        try:
            for _ in range(40):
                capture(workspace)
        finally:
            assert workspace.store.samples.count(SampleFilter()) == before


def unreadable_blob(root: Path) -> None:
    """One blob may not be read."""
    with Workspace.open(root, environ={}) as workspace:
        digest = workspace.sample(1).media[0].digest
        workspace.blobs.path(digest).chmod(0)
        workspace.blobs.read(digest)


def verify_unreadable(root: Path) -> None:
    """Verifying names a blob that may not be read."""
    with Workspace.open(root, environ={}) as workspace:
        digest = workspace.sample(1).media[0].digest
        workspace.blobs.path(digest).chmod(0)
        found = [one for one in verify(workspace) if digest[:19] in one.what]
        raise TruingError(f"{root} {found[0].why}", hint="found")


def closed_folder(root: Path) -> None:
    """A folder of blobs may not even be looked into."""
    with Workspace.open(root, environ={}) as workspace:
        digest = workspace.sample(1).media[0].digest
        workspace.blobs.path(digest).parent.chmod(0)
        workspace.blobs.exists(digest)


def settings(root: Path) -> None:
    """The settings may not be written."""
    from truing.workspace.folder import Layout

    root.chmod(0o555)
    set_value(Layout(root=root), known_settings(), "review.actor", "ada")


def unreadable_settings(root: Path) -> None:
    """The settings may not be read."""
    (root / "truing.toml").chmod(0)
    Workspace.open(root, environ={}).close()


def creating(root: Path) -> None:
    """A workspace in a read-only folder."""
    root.chmod(0o555)
    Workspace.create(root / "inner", environ={}).close()


def export(root: Path) -> None:
    """An export into a read-only folder."""
    elsewhere = root.parent / "locked"
    elsewhere.mkdir()
    elsewhere.chmod(0o555)
    with Workspace.open(root, environ={}) as workspace:
        workspace.export("csv", elsewhere / "rows.csv")


def export_below(root: Path) -> None:
    """An export into a new folder of a read-only one."""
    elsewhere = root.parent / "locked"
    elsewhere.mkdir()
    elsewhere.chmod(0o555)
    with Workspace.open(root, environ={}) as workspace:
        workspace.export("csv", elsewhere / "new" / "rows.csv")


def cleaning(root: Path) -> None:
    """An orphan that may not be removed."""
    with Workspace.open(root, environ={}) as workspace:
        orphan = workspace.blobs.path(workspace.blobs.put(b"orphan"))
        os.utime(orphan, (0, 0))
        orphan.parent.chmod(0o555)
        clean(workspace)


def draft(root: Path) -> None:
    """A model where models may not be written."""
    root.joinpath("models").mkdir()
    root.joinpath("models").chmod(0o555)
    with Workspace.open(root, environ={}) as workspace, workspace.model_files.draft():
        pass


SCENARIOS: dict[str, Callable[[Path], None]] = {
    one.__name__: one
    for one in (
        database, new_blob, unreadable_blob, verify_unreadable, closed_folder, settings,
        unreadable_settings, creating, export, export_below, cleaning, draft,
    )
}  # fmt: skip


def play(name: str, folder: Path) -> dict[str, object]:
    """One scenario in a workspace of its own."""
    root = folder / name / "ws"
    with Workspace.create(root, environ={}) as workspace:
        for _ in range(2):
            capture(workspace)
    try:
        SCENARIOS[name](root)
    except TruingError as error:
        return {"name": name, "kind": type(error).__name__, **error.as_dict()}
    except Exception as error:  # noqa: BLE001 - told to the test, which wants none of these
        return {"name": name, "kind": f"{type(error).__name__}: {error}"}
    finally:
        for place in [folder, *folder.rglob("*")]:
            if not place.is_symlink():
                place.chmod(0o777 if place.is_dir() else 0o666)
        for place in folder.rglob("*"):
            place.chmod(0o777 if place.is_dir() else 0o666)
    return {"name": name, "kind": None}


def main() -> None:
    """A warm-up as ourselves, then as nobody."""
    folder, names = Path(sys.argv[1]), sys.argv[2:]
    for name in WARM:
        play(name, folder / "warm")
    shutil.rmtree(folder / "warm")
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    for name in names:
        print(json.dumps(play(name, folder / "nobody")), flush=True)


if __name__ == "__main__":
    main()
