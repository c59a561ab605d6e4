"""Backups: made in one step, sealed, listed, found and thinned out.

A backup inside the workspace is a folder `backups/<time>-<reason>/`: the database, the settings,
the digests of all media and models, and a sealed manifest, written last. Media are named by their
digest and never change, so a backup only lists them: while it does, nothing but forgetting
removes them. A copy elsewhere (`truing.workspace.copying`) holds media and models too.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from truing.domain.backup import (
    AUTOMATIC,
    BEFORE_MIGRATION,
    BEFORE_TRAINING,
    BY_HAND,
    Backup,
    SealedFile,
    read_manifest,
)
from truing.domain.clock import Clock, to_iso
from truing.domain.digest import digest_file
from truing.domain.errors import DamagedError, InvalidInputError, NotFoundError, UnavailableError
from truing.platform.files import (
    remove,
    storage_error,
    sync_folder,
    sync_tree,
    write_durably,
)
from truing.platform.locks import locked
from truing.workspace.sameness import holds

if TYPE_CHECKING:
    from truing.workspace import Workspace
    from truing.workspace.folder import Layout

MANIFEST, DATABASE, SETTINGS, BLOBS = "manifest.json", "truing.db", "truing.toml", "blobs.txt"
MEMORY = "forgotten.jsonl"
"""What was forgotten, as keyed digests; see `truing.domain.erasure`."""
_DRAFT, _OLD = ".draft-", ".old-"
log = logging.getLogger(__name__)
PATIENCE = 600.0
"""Seconds to wait for another command that makes or rewrites backups."""
_REASON = re.compile(r"[a-z0-9][a-z0-9-]{0,60}")


def create_backup(workspace: Workspace, reason: str = BY_HAND) -> Backup:
    """Makes a backup inside the workspace; others go on writing meanwhile.

    Args:
        workspace: what is backed up.
        reason: words joined by `-`; those in `domain.backup.AUTOMATIC` make room for newer ones.

    Raises:
        InvalidInputError: a reason that cannot name a folder.
        FullError: no space on the disk, or less than the quota leaves.
        UnavailableError: a database that makes its backups itself.
    """
    database = database_file(workspace)
    with _making(workspace, database):
        made = create(workspace.layout, workspace.clock, reason, database)
        if reason in AUTOMATIC:
            _thin(workspace.layout, workspace.settings.whole("backup.keep"))
    return made


def backup_before(workspace: Workspace, reason: str) -> Backup | None:
    """The backup that a step takes first: the newest one, if it is sound and holds exactly what
    a new one would; None where a setting or the kind of database rules it out.

    Raises:
        FullError: no space for it, see `create_backup`.
    """
    off = reason == BEFORE_TRAINING and not workspace.settings.flag("backup.before_training")
    database = None if off else workspace.store.file
    if database is None:
        return None
    with _making(workspace, database):
        newest = next(iter(backups(workspace.layout)), None)
        made = create(workspace.layout, workspace.clock, reason, database, unless=newest)
        if made != newest:
            _thin(workspace.layout, workspace.settings.whole("backup.keep"))
    return made


@contextmanager
def _making(workspace: Workspace, database: Path) -> Iterator[None]:
    from truing.stores.database import sqlite_copy
    from truing.workspace.quota import admitted

    size = sqlite_copy.size(database)
    with holding(workspace.layout), admitted(workspace, size, "the backup"):
        yield


def back_up_before_migrating(layout: Layout, clock: Clock, where: Path | str) -> Backup | None:
    """The backup taken when a newer Truing opens a workspace and changes its database.

    Args:
        layout: the workspace.
        clock: tells when.
        where: its database; None is returned for one in a server.
    """
    database = Path(str(where).removeprefix("sqlite:///"))
    if not database.is_file():
        return None
    with holding(layout):
        return create(layout, clock, BEFORE_MIGRATION, database)


def database_file(workspace: Workspace) -> Path:
    """The database, if it is one whose backups are made here.

    Raises:
        UnavailableError: it is not a file; the hint names what makes its backups.
    """
    if workspace.store.file is None:
        raise UnavailableError(
            "backups of a database that is not a file are made by that database itself",
            hint="back it up with pg_dump, and copy the workspace's folder",
        )
    return workspace.store.file


@contextmanager
def holding(layout: Layout) -> Iterator[None]:
    """Nobody else makes, changes or removes backups meanwhile; what a crash left is put right."""
    layout.backups.mkdir(mode=0o700, exist_ok=True)
    with locked(layout.backups / ".lock", timeout=PATIENCE):
        put_right(layout.backups)
        yield


def put_right(folder: Path) -> None:
    """Ends what a crash left half done among the backups of a folder."""
    for old in folder.glob(f"{_OLD}*"):
        place = folder / old.name.removeprefix(_OLD)
        if place.exists():
            shutil.rmtree(old)
        else:
            # Cut off between two renames: what it was rewritten from is still whole.
            old.rename(place)
    for draft in folder.glob(f"{_DRAFT}*"):
        shutil.rmtree(draft)


def create(
    layout: Layout,
    clock: Clock,
    reason: str,
    database: Path,
    *,
    where: Path | None = None,
    bring: Bring | None = None,
    unless: Backup | None = None,
) -> Backup:
    """Makes a backup of a workspace that need not be open; the caller is `holding` it. When
    `unless` holds the same, byte for byte, that one is returned and no new one made.

    Raises:
        InvalidInputError: a reason that cannot name a folder.
        UnavailableError: no space, or the database cannot be read; nothing is left behind.
    """
    from truing.stores.database import sqlite_copy

    if not _REASON.fullmatch(reason):
        raise InvalidInputError(
            f"`{reason}` cannot name a backup", hint="use small letters, digits and `-`"
        )
    parent = where or layout.backups
    now = clock.now()
    with draft_in(parent) as draft:
        sqlite_copy.copy(database, draft / DATABASE)
        shutil.copyfile(layout.settings, draft / SETTINGS)
        if layout.forgotten.exists():
            shutil.copyfile(layout.forgotten, draft / MEMORY)
        if unless is not None and holds(unless, draft, derived=BLOBS):
            log.info("no new backup: nothing has changed since `%s`", unless.name)
            return unless
        whole = bring is not None
        made = seal(draft, reason=reason, created_at=now, whole=whole, bring=bring)
        stamp = to_iso(now - now % 1_000_000).replace(":", "-")
        place = _free(parent, f"{stamp}-{reason}")
        put_in_place(draft, place)
    return replace(made, folder=place)


def _free(parent: Path, name: str) -> Path:
    number = 1
    while (place := parent / (name if number == 1 else f"{name}-{number}")).exists():
        number += 1
    return place


@contextmanager
def draft_in(parent: Path) -> Iterator[Path]:
    """An empty folder for a backup in the making, removed unless it was put in place.

    Raises:
        UnavailableError: the file system refused.
    """
    draft = parent / f"{_DRAFT}{secrets.token_hex(6)}"
    try:
        draft.mkdir(mode=0o700, parents=True)
        yield draft
    except OSError as error:
        raise storage_error(error, draft) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def put_in_place(draft: Path, place: Path) -> None:
    """Gives a draft its name, durably; what had it before is removed."""
    sync_tree(draft)
    old = place.with_name(f"{_OLD}{place.name}")
    if place.exists():
        place.rename(old)
    draft.rename(place)
    sync_folder(place.parent)
    if old.exists():
        shutil.rmtree(old)
        sync_folder(place.parent)


Bring = Callable[[Path, Mapping[str, str], int], None]


def seal(
    folder: Path, *, reason: str, created_at: int, whole: bool = False, bring: Bring | None = None
) -> Backup:
    """Lists a folder's blobs, counts its rows and writes the manifest, as the last of its files.

    Args:
        folder: holds the database and what belongs to it.
        reason: see `create_backup`.
        created_at: of the database in it.
        whole: media and models lie beside it.
        bring: called before sealing with the folder, the models and the number of blobs.
    """
    from truing import __version__
    from truing.stores.database import sqlite_copy

    (folder / MANIFEST).unlink(missing_ok=True)
    blobs = 0
    with (folder / BLOBS).open("w", encoding="ascii", newline="\n") as stream:
        for digest in sqlite_copy.blob_digests(folder / DATABASE):
            stream.write(f"{digest}\n")
            blobs += 1
    held = sqlite_copy.contents(folder / DATABASE)
    if bring is not None:
        bring(folder, held.models, blobs)
    files = tuple(
        SealedFile(name=path.name, size=path.stat().st_size, digest=digest_file(path))
        for path in sorted(folder.iterdir())
        if path.is_file()
    )
    made = Backup(
        folder=folder,
        reason=reason,
        created_at=created_at,
        version=__version__,
        schema=held.schema,
        files=files,
        rows=held.rows,
        blobs=blobs,
        models=held.models,
        whole=whole,
    )
    text = json.dumps(made.manifest(), indent=1, ensure_ascii=False)
    write_durably(folder / MANIFEST, f"{text}\n".encode())
    return made


# --- looking -------------------------------------------------------------------------------------


def open_backup(folder: Path) -> Backup:
    """The backup in a folder, by its manifest alone.

    Raises:
        DamagedError: the manifest is missing, cut off or altered.
    """
    try:
        data = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DamagedError(
            f"`{folder}` is no whole backup: it has no {MANIFEST}",
            hint="it was cut off while it was made: use another one, see truing backup list",
        ) from error
    except (ValueError, UnicodeDecodeError):
        data = None
    return read_manifest(folder, data)


def backups(layout: Layout) -> list[Backup]:
    """The whole backups inside a workspace, newest first; broken ones are left out."""
    found = []
    for folder in folders(layout):
        try:
            found.append(open_backup(folder))
        except DamagedError:
            # `truing backup verify` names it.
            continue
    return sorted(found, key=lambda one: (one.created_at, one.name), reverse=True)


def folders(layout: Layout) -> list[Path]:
    """The folders of all backups inside a workspace, whole or not."""
    if not layout.backups.is_dir():
        return []
    return sorted(
        one for one in layout.backups.iterdir() if one.is_dir() and not one.name.startswith(".")
    )


def find_backup(layout: Layout | None, name: str) -> Backup:
    """A backup of a workspace by name (`newest` for the newest), or one elsewhere by its folder.

    Raises:
        NotFoundError: no such backup; the hint names those there are.
        DamagedError: its manifest is broken.
    """
    if layout is not None:
        known = backups(layout)
        if name == "newest" and known:
            return known[0]
        if name in {folder.name for folder in folders(layout)}:
            return open_backup(layout.backups / name)
    else:
        known = []
    place = Path(name).expanduser()
    if place.is_dir() and (place / DATABASE).exists():
        return open_backup(place.resolve())
    there = ", ".join(f"`{one.name}`" for one in known[:5])
    raise NotFoundError(
        f"there is no backup `{name}`",
        hint=f"there are {there}" if there else "make one: truing backup create",
    )


def listed_blobs(folder: Path) -> Iterator[str]:
    """The digests of the media that a backup needs."""
    with (folder / BLOBS).open(encoding="ascii") as stream:
        for line in stream:
            yield line.strip()


def backed_up(layout: Layout, digests: Iterable[str] | None = None) -> set[str]:
    """Digests that a backup inside the workspace needs: nothing but forgetting removes them.

    Args:
        layout: the workspace.
        digests: look for these alone; all that any backup needs when left out.
    """
    wanted = None if digests is None else set(digests)
    found: set[str] = set()
    for folder in folders(layout):
        if (folder / BLOBS).is_file():
            for digest in listed_blobs(folder):
                if wanted is None or digest in wanted:
                    found.add(digest)
    return found


# --- removing ------------------------------------------------------------------------------------


def remove_backup(workspace: Workspace, name: str) -> Path:
    """Removes a backup inside the workspace.

    Raises:
        NotFoundError: no such backup.
    """
    place = workspace.layout.backups / name
    if not name or place.parent != workspace.layout.backups or not place.is_dir():
        raise NotFoundError(f"there is no backup `{name}`", hint="truing backup list")
    with holding(workspace.layout):
        _drop(place)
    return place


def thin(workspace: Workspace) -> list[str]:
    """Removes the oldest automatic backups beyond `backup.keep`; returns their names."""
    with holding(workspace.layout):
        return _thin(workspace.layout, workspace.settings.whole("backup.keep"))


def _thin(layout: Layout, keep: int) -> list[str]:
    too_old = [one for one in backups(layout) if one.automatic][keep:]
    for one in too_old:
        _drop(one.folder)
    return [one.name for one in too_old]


def _drop(place: Path) -> None:
    # Its seal goes first: half a removed backup is none.
    remove(place / MANIFEST)
    shutil.rmtree(place)
