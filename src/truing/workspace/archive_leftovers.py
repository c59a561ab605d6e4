"""Leftovers of archives: what a crash left of writing or unpacking one goes before the next."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from truing.platform.files import remove, storage_error
from truing.stores import archive_file

if TYPE_CHECKING:
    from truing.workspace import Workspace

UNPACKING = ".unpacking."
"""How folders in the workspace begin in which media of archives are unpacked."""


def put_right(workspace: Workspace) -> list[str]:
    """Removes what a crash left of archives that were never finished: their samples are all here.

    The caller holds the workspace's lock (`backups.holding`), as whoever writes or unpacks an
    archive does. A file on a disk that is not there now is left for the next time.
    """
    gone = []
    left = [
        *archive_file.leftovers(workspace.layout.archives),
        *workspace.layout.root.glob(f"{UNPACKING}*.tmp"),
    ]
    known = workspace.store.archives.all()
    for one in (*known, *workspace.store.archives.begun()):
        left += archive_file.leftovers(one.place.parent, one.name)
    for place in dict.fromkeys(left):
        discard(place)
    for one in workspace.store.archives.begun():
        if one.place.parent.is_dir():
            remove(one.place)
            workspace.store.archives.remove(one.name)
            gone.append(one.name)
    return gone


def discard(place: Path) -> None:
    """Removes a leftover, be it a file or a folder.

    Raises:
        UnavailableError: the system refused.
    """
    try:
        if place.is_dir():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)
    except OSError as error:
        raise storage_error(error, place) from error
