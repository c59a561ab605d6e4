"""Places of archives: where their files are now, by name or by what is in them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from truing.domain.archive import Archive
from truing.domain.clock import to_iso
from truing.domain.errors import NotFoundError
from truing.stores.archive_file import ENDING, ArchiveFile, opened_archive

if TYPE_CHECKING:
    from truing.workspace import Workspace


def listed(workspace: Workspace) -> list[Archive]:
    """All archives that the workspace knows, newest first, each with where its file is now: those
    in the workspace's own folder move with it.
    """
    known = []
    for one in workspace.store.archives.all():
        own = workspace.layout.archives / one.place.name
        moved = not one.place.is_file() and own.is_file()
        known.append(replace(one, place=own) if moved else one)
    return known


def found(workspace: Workspace, name: str) -> tuple[Path, Archive | None]:
    """The file of an archive by its name, or by the path of the file, wherever it lies.

    Returns:
        The file, and the archive if it is one of this workspace.

    Raises:
        NotFoundError: neither an archive nor a file.
    """
    for one in listed(workspace):
        if one.name == name:
            return one.place, one
    path = Path(name).expanduser()
    if not path.is_file():
        workspace.store.archives.get(name)
        raise NotFoundError(f"there is no file `{path}`", hint="truing archive list")
    path = path.resolve()
    with opened_archive(path) as there:
        return path, known_as(workspace, there)


def known_as(workspace: Workspace, there: ArchiveFile) -> Archive | None:
    """Which of this workspace's archives a file is, be it an older copy; where the file as it is
    now was found is noted.
    """
    for one in listed(workspace):
        told = (there.head.get("name"), there.head.get("created_at"))
        if told != (one.name, to_iso(one.created_at)):
            continue
        if one.digest == there.digest or one.digest in there.follows:
            if (one.place, one.digest) != (there.path, there.digest):
                workspace.store.archives.move(one.name, there.path, there.digest)
            return replace(one, place=there.path, digest=there.digest)
        return one
    return None


def files_of(workspace: Workspace) -> list[Path]:
    """Where archives of this workspace are, or were: those it knows, and every file in its own
    folder, which may hold one that an older database does not know.
    """
    known = [one.place for one in listed(workspace)]
    lying = sorted(workspace.layout.archives.glob(f"*{ENDING}"))
    return list(dict.fromkeys([*known, *lying]))
