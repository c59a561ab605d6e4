"""Restoring: putting a backup back, and forgetting again what was forgotten since.

A restore never writes to the backup. The database is brought to the present schema and cleaned in
a draft; only then does it take the place of the present one, in one transaction that other
processes see as a whole. What it replaces is backed up first.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from truing.domain.backup import BEFORE_RESTORE, Backup
from truing.domain.clock import Clock, SystemClock
from truing.domain.erasure import Erasure, Forgotten, Memory
from truing.domain.errors import ConflictError, DamagedError, InvalidInputError
from truing.domain.event import Event
from truing.domain.run import RunState
from truing.loop.forget import Contact, Person, forget_in_copy
from truing.platform.locks import locked
from truing.workspace import backups as backing_up
from truing.workspace.copying import Progress, bring_blob, bring_model, no_progress
from truing.workspace.folder import Layout, put_settings_back
from truing.workspace.remembering import PSEUDONYM, read_file, write_both
from truing.workspace.verifying import blobs_of, files_amiss, model_amiss, model_of

if TYPE_CHECKING:
    from truing.domain.ports import Blobs, Store
    from truing.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What a restore did."""

    backup: str
    folder: Path
    """The workspace that holds it now."""
    samples: int
    forgotten: int
    """Samples that were in the backup and had been forgotten since: they are gone again."""
    before: str | None = None
    """The backup of what was there before."""


# --- into this workspace -------------------------------------------------------------------------


def restore(workspace: Workspace, name: str, *, on_progress: Progress = no_progress) -> Restored:
    """Puts a backup in the place of this workspace's database and settings.

    Args:
        workspace: where it goes.
        name: of a backup inside it, `newest`, or the folder of one elsewhere.
        on_progress: see `copying.Progress`.

    Raises:
        NotFoundError: no such backup.
        DamagedError: the backup is torn or altered, or media it needs are missing.
        ConflictError: training runs are going on.
        UnavailableError: no space, or somebody else writes and does not let go.
    """
    from truing.stores.database import sqlite_copy

    database = backing_up.database_file(workspace)
    layout = workspace.layout
    backup = backing_up.find_backup(layout, name)
    _check_idle(workspace)
    with backing_up.holding(layout):
        _refuse_broken(backup)
        known = [*workspace.store.erasures.all(), *read_file(layout.forgotten)]
        before = backing_up.create(layout, workspace.clock, BEFORE_RESTORE, database)
        with backing_up.draft_in(layout.backups) as draft:
            forgotten = _prepare(backup, draft, known, workspace.clock, layout.forgotten)
            _bring_media(backup, draft, workspace, on_progress)
            _bring_models(backup, layout)
            workspace.store.close()
            sqlite_copy.copy_over(draft / backing_up.DATABASE, database)
            _exchange_models(backup, layout, before)
        put_settings_back(layout, (backup.folder / backing_up.SETTINGS).read_bytes())
    store = workspace.store
    store.scrub()
    _note(store, workspace.clock, workspace.actor, backup, forgotten)
    return Restored(
        backup=backup.name,
        folder=layout.root,
        samples=sum(store.samples.state_counts().values()) - _trained(store),
        forgotten=forgotten,
        before=before.name,
    )


def _trained(store: Store) -> int:
    return store.samples.state_counts()["trained"]


def _note(store: Store, clock: Clock, actor: str, backup: Backup, forgotten: int) -> None:
    data = {"backup": backup.name, "made_at": backup.created_at, "forgotten": forgotten}
    store.events.add(Event(kind="restored", at=clock.now(), actor=actor, data=data))


def _check_idle(workspace: Workspace) -> None:
    going = [
        str(run.id)
        for run in workspace.store.runs.all(limit=100_000)
        if run.state is RunState.RUNNING
    ]
    if going:
        raise ConflictError(
            f"training is going on: run {', '.join(going)}",
            hint=f"truing stop {going[0]}, then restore",
        )


def _refuse_broken(backup: Backup) -> None:
    from truing.stores.database import sqlite_copy

    amiss = [f"{what}: {why}" for what, why in files_amiss(backup)]
    if not amiss:
        amiss = sqlite_copy.problems(backup.folder / backing_up.DATABASE)
    if amiss:
        raise DamagedError(
            f"the backup `{backup.name}` cannot be restored: {'; '.join(amiss[:3])}",
            hint="use another one: truing backup list",
        )


def _prepare(
    backup: Backup, draft: Path, known: Sequence[Erasure], clock: Clock, memory_file: Path
) -> int:
    """Makes the database ready in a draft; how many samples were forgotten again."""
    from truing.stores.database import sqlite_copy
    from truing.stores.database.store import open_database

    database = draft / backing_up.DATABASE
    shutil.copyfile(backup.folder / backing_up.DATABASE, database)
    database.chmod(0o600)
    store = open_database(database, clock=clock)
    try:
        told = [*known, *store.erasures.all(), *read_file(backup.folder / backing_up.MEMORY)]
        memory = write_both(memory_file, store, told)
        _end_runs(store, clock)
    finally:
        store.close()
    sqlite_copy.settle(database)
    uids, persons = _met_again(database, memory)
    if not uids and not persons:
        return 0
    store = open_database(database, clock=clock)
    try:
        count = store.samples.state_counts()
        forget_in_copy(uids, store, persons)
        left = store.samples.state_counts()
    finally:
        store.close()
    sqlite_copy.settle(database)
    return sum(count[name] - left[name] for name in count if name != "trained")


def _met_again(database: Path, memory: Memory) -> tuple[list[str], list[Person | Contact]]:
    """What in a database has been forgotten: uids of samples, and speakers and contacts."""
    from truing.stores.database import sqlite_copy

    if not len(memory):
        return [], []
    uids: dict[str, None] = {}
    names: set[str] = set(sqlite_copy.named_audiences(database))
    for uid, subject in sqlite_copy.named_samples(database):
        if memory.find(Forgotten.SAMPLE, uid) is not None:
            uids[uid] = None
        if subject is not None:
            names.add(subject)
    persons: list[Person | Contact] = [
        Contact(address=one)
        for one in sqlite_copy.named_contacts(database)
        if memory.find(Forgotten.CONTACT, one) is not None
    ]
    for name in sorted(names):
        found = memory.find(Forgotten.SUBJECT, name)
        if found is not None:
            persons.append(Person(name=name, pseudonym=PSEUDONYM.format(found.number)))
    return list(uids), persons


def _end_runs(store: Store, clock: Clock) -> None:
    """What was queued or running when the backup was made is not going on now."""
    for run in store.runs.all(limit=100_000):
        if not run.state.ended:
            store.runs.end(
                run.id,
                run.fence,
                state=RunState.STOPPED,
                at=clock.now(),
                error="it had not ended when the backup was made that this was restored from",
            )


def _bring_media(backup: Backup, draft: Path, workspace: Workspace, on_progress: Progress) -> None:
    from truing.stores.database import sqlite_copy
    from truing.workspace.archive_contents import bring_missing

    target = workspace.blobs
    source = blobs_of(backup, target)
    missing = []
    needed = sqlite_copy.blob_digests(draft / backing_up.DATABASE)
    for done, digest in enumerate(needed, 1):
        on_progress("media", done, backup.blobs)
        if target.exists(digest):
            continue
        if not source.exists(digest):
            missing.append(digest)
            continue
        bring_blob(source, target, digest)
    # What was archived since the backup was made lies in an archive.
    missing = sorted({*missing} - {*bring_missing(workspace, missing)})
    if missing:
        raise DamagedError(
            f"the backup `{backup.name}` needs {len(missing)} media files that are not there, "
            f"the first is `{missing[0]}`",
            hint="restore a copy that holds its media: truing backup restore FOLDER",
        )


def _bring_models(backup: Backup, layout: Layout) -> None:
    """Models the backup knows and the workspace lost come back; makes sure of the others.

    Raises:
        DamagedError: one is missing or altered.
    """
    for ref, digest in sorted(backup.models.items()):
        source = model_of(backup, ref, digest, layout.models)
        if (why := model_amiss(source, digest)) is not None:
            raise DamagedError(
                f"the backup `{backup.name}` needs the model `{ref}`: {why}",
                hint="restore a copy that holds its models: truing backup restore FOLDER",
            )
        bring_model(source, layout.models / ref, digest)


def _exchange_models(backup: Backup, layout: Layout, before: Backup) -> None:
    """Models that the restored database does not know, or knows as others, go to what is kept of
    before: their numbers will be given out again.
    """
    for ref, digest in sorted(backup.models.items()):
        there = layout.models / ref
        if model_amiss(there, digest) is not None:
            _set_aside(there, before.folder / "models" / ref)
            bring_model(model_of(backup, ref, digest, layout.models), there, digest)
    for folder in sorted(layout.models.glob("*/[0-9]*")):
        ref = folder.relative_to(layout.models).as_posix()
        if ref not in backup.models:
            _set_aside(folder, before.folder / "models" / ref)


def _set_aside(folder: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    folder.rename(place)


# --- into a new folder ---------------------------------------------------------------------------


def restore_into(
    backup: Backup,
    folder: Path,
    *,
    origin: Workspace | None = None,
    clock: Clock | None = None,
    actor: str = "",
    on_progress: Progress = no_progress,
) -> Restored:
    """Makes a new workspace of a backup.

    Args:
        backup: inside a workspace or elsewhere.
        folder: new or empty.
        origin: the workspace that the backup is of, or that knows what was forgotten since.
        clock: tells when.
        actor: who asked.
        on_progress: see `copying.Progress`.

    Raises:
        ConflictError: the folder holds something.
        InvalidInputError: a backup inside a workspace, without that workspace.
        DamagedError: the backup is torn or altered, or media it needs are missing.
        UnavailableError: no space.
    """
    from truing.stores.blobs_local import LocalBlobs
    from truing.stores.database.store import open_database

    clock = clock or SystemClock()
    folder = folder.expanduser().resolve()
    layout = Layout(root=folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConflictError(f"`{folder}` is not empty", hint="name a new folder")
    if origin is None and not backup.whole:
        raise InvalidInputError(
            f"the backup `{backup.name}` holds no media: they are in its workspace",
            hint="truing --workspace DIR backup restore NAME --into FOLDER",
        )
    _refuse_broken(backup)
    known: list[Erasure] = []
    if origin is not None:
        known = [*origin.store.erasures.all(), *read_file(origin.layout.forgotten)]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked(folder / ".restoring"):
        draft = layout.root
        forgotten = _prepare(backup, draft, known, clock, layout.forgotten)
        source = blobs_of(backup, origin.blobs if origin is not None else None)
        if origin is not None and not backup.whole:
            _bring_archived(origin, draft)
        _copy_media(backup, draft, source, LocalBlobs(layout.blobs), on_progress)
        models = origin.layout.models if origin is not None else None
        for ref, digest in sorted(backup.models.items()):
            bring_model(model_of(backup, ref, digest, models), layout.models / ref, digest)
        # The settings file makes it a workspace: it comes last.
        put_settings_back(layout, (backup.folder / backing_up.SETTINGS).read_bytes())
    (folder / ".restoring").unlink(missing_ok=True)
    store = open_database(layout.database, clock=clock)
    try:
        _note(store, clock, actor, backup, forgotten)
        samples = sum(store.samples.state_counts().values()) - _trained(store)
    finally:
        store.close()
    return Restored(backup=backup.name, folder=folder, samples=samples, forgotten=forgotten)


def _bring_archived(origin: Workspace, draft: Path) -> None:
    """Media that were archived since come back to where the backup's others are."""
    from truing.stores.database import sqlite_copy
    from truing.workspace.archive_contents import bring_missing

    needed = sqlite_copy.blob_digests(draft / backing_up.DATABASE)
    missing = [one for one in needed if not origin.blobs.exists(one)]
    if missing:
        with backing_up.holding(origin.layout):
            bring_missing(origin, missing)


def _copy_media(
    backup: Backup, draft: Path, source: Blobs, target: Blobs, on_progress: Progress
) -> None:
    from truing.stores.database import sqlite_copy

    needed = sqlite_copy.blob_digests(draft / backing_up.DATABASE)
    for done, digest in enumerate(needed, 1):
        bring_blob(source, target, digest)
        on_progress("media", done, backup.blobs)
