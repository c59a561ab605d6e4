"""Verifying a backup: every digest, the database in it, and the media and models it needs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from truing.domain.backup import Backup
from truing.domain.digest import digest_file
from truing.domain.errors import TruingError
from truing.workspace import backups as backing_up
from truing.workspace.copying import Progress, model_place, no_progress
from truing.workspace.keeping import Problem

if TYPE_CHECKING:
    from truing.domain.ports import Blobs


def verify_backup(
    backup: Backup,
    blobs: Blobs | None,
    *,
    models: Path | None = None,
    thorough: bool = True,
    in_archives: Callable[[Collection[str]], Collection[str]] = lambda _: (),
    on_progress: Progress = no_progress,
) -> list[Problem]:
    """Checks a backup: every digest, the database, its rows and counters, its media and models.

    Args:
        backup: see `backups.open_backup`.
        blobs: those of the workspace it is of; None for a copy elsewhere.
        models: the model folders of that workspace.
        thorough: read every medium, not only look whether it is there.
        in_archives: which of some blobs lie in an archive, from where a restore brings them.
        on_progress: see `copying.Progress`.
    """
    from truing.stores.database import sqlite_copy

    found = [Problem(what=f"{backup.name}/{what}", why=why) for what, why in files_amiss(backup)]
    if found:
        return found
    database = backup.folder / backing_up.DATABASE
    found += [Problem(what=backup.name, why=why) for why in sqlite_copy.problems(database)]
    if sqlite_copy.contents(database).rows != backup.rows:
        found.append(Problem(what=backup.name, why="its tables hold more or fewer rows than told"))
    media = blobs_of(backup, blobs)
    missing = []
    for done, digest in enumerate(backing_up.listed_blobs(backup.folder), 1):
        on_progress("media", done, backup.blobs)
        if not media.exists(digest):
            missing.append(digest)
        elif thorough and not media.verify(digest):
            found.append(Problem(what=f"blob {digest[:19]}…", why="its bytes were altered"))
    kept = set(in_archives(missing)) if missing else set()
    found += [
        Problem(what=f"blob {digest[:19]}…", why="it is missing")
        for digest in missing
        if digest not in kept
    ]
    for ref, digest in sorted(backup.models.items()):
        why = model_amiss(model_of(backup, ref, digest, models), digest)
        if why is not None:
            found.append(Problem(what=f"model {ref}", why=why))
    return found


def files_amiss(backup: Backup) -> Iterator[tuple[str, str]]:
    """Its own files that are not as they were sealed: name, and what is wrong."""
    for one in backup.files:
        path = backup.folder / one.name
        if not path.is_file():
            yield one.name, "it is missing"
        elif path.stat().st_size != one.size:
            yield one.name, f"it has {path.stat().st_size} bytes, not {one.size}: it was cut off"
        elif digest_file(path) != one.digest:
            yield one.name, "its bytes were altered"
    for name in (backing_up.DATABASE, backing_up.BLOBS, backing_up.SETTINGS):
        if name not in {one.name for one in backup.files}:
            yield name, "it is not sealed"


def blobs_of(backup: Backup, blobs: Blobs | None) -> Blobs:
    """Where its media are: beside a copy elsewhere, or those of the workspace."""
    from truing.stores.blobs_local import LocalBlobs

    if backup.whole or blobs is None:
        return LocalBlobs(backup.folder.parent / "blobs")
    return blobs


def model_of(backup: Backup, ref: str, digest: str, models: Path | None) -> Path:
    """Where a model of a backup lies: set aside with it, beside a copy, or in the workspace."""
    own = backup.folder / "models" / ref
    if own.is_dir():
        return own
    if backup.whole or models is None:
        return model_place(backup.folder.parent / "models", digest)
    return models / ref


def model_amiss(folder: Path, digest: str) -> str | None:
    """What is wrong with a model folder, None when its files match the digest."""
    from truing.stores.model_files import folder_digest

    try:
        intact = folder_digest(folder) == digest
    except TruingError:
        return "its files are missing"
    return None if intact else "its files do not match its digest"
