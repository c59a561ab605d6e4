"""Forgetting in a whole workspace: database, media, what was derived, logs, backups, archives."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from truing.domain.clock import Clock, SystemClock
from truing.domain.contact import contact_of
from truing.domain.errors import DamagedError, InvalidInputError, NotFoundError
from truing.domain.reminder import reminders
from truing.domain.run import RunState
from truing.jobs.pictures import PictureFolder
from truing.loop.forget import (
    Contact,
    Forgotten,
    Person,
    Reach,
    Whom,
    archived_of,
    delete_unneeded,
    forget_in_copy,
    ids_of_contact,
    ids_of_subject,
    reach_of,
)
from truing.loop.forget import forget as forget_samples
from truing.platform.files import remove, write_durably
from truing.workspace import backups as backing_up
from truing.workspace.archive_leftovers import put_right
from truing.workspace.archives import forget_in_archives, would_forget_in_archives
from truing.workspace.erasing_names import rename_in_files
from truing.workspace.exporting import exports_of, remove_exports_of
from truing.workspace.exports_elsewhere import exports_elsewhere
from truing.workspace.nexvision_folder import remove_sessions, sessions_of
from truing.workspace.remembering import remember

if TYPE_CHECKING:
    from truing.domain.backup import Backup
    from truing.workspace import Workspace


def forget(
    workspace: Workspace,
    *,
    ids: Sequence[int] | None = None,
    subject: str | None = None,
    contact: str | None = None,
    actor: str | None = None,
) -> Forgotten:
    """Erases samples by number, or everything of a speaker or a contact, everywhere in the
    workspace.

    Args:
        workspace: where they are.
        ids: their numbers.
        subject: everything of this speaker, instead of numbers.
        contact: everything handed in with this address, instead of numbers.
        actor: who asks for it; the workspace's own when left out.

    Raises:
        InvalidInputError: nothing was named, or several of them.
        NotFoundError: no such sample, speaker or contact.
        UnavailableError: a backup cannot be rewritten; run the command again.
    """
    finish(workspace)
    address = contact_of(contact)
    with backing_up.holding(workspace.layout):
        put_right(workspace)
        # Looked for under the lock: nobody moves samples into archives, or back, from now on.
        numbers = _numbers(workspace, ids, subject, address)
        away = archived_of(workspace.store, ids=ids or (), subject=subject, contact=address)
        beyond = _Beyond(workspace)
        person: Whom = None
        if subject is not None:
            name = remember(
                workspace.layout.forgotten,
                workspace.store,
                workspace.clock,
                uids=(),
                subject=subject,
            )
            person = Person(name=subject, pseudonym=str(name))
        elif address is not None:
            person = Contact(address=address)
        return forget_samples(
            numbers,
            workspace.store,
            workspace.blobs,
            workspace.clock,
            actor=actor or workspace.actor,
            beyond=beyond,
            person=person,
            away=away,
        )


def finish(workspace: Workspace) -> bool:
    """Ends what a crash left undone after the samples were gone: their sound, and what deleted
    rows left in the database's files. False when there was nothing to do.
    """
    note = _note_of(workspace)
    if not note.exists():
        return False
    with backing_up.holding(workspace.layout):
        if note.exists():
            digests = set(note.read_text(encoding="ascii").split())
            kept = backing_up.backed_up(workspace.layout, digests)
            delete_unneeded(digests, kept, workspace.store, workspace.blobs)
            workspace.store.scrub()
            remove(note)
    return True


def _note_of(workspace: Workspace) -> Path:
    return workspace.layout.root / ".forgetting"


def would_forget(
    workspace: Workspace,
    *,
    ids: Sequence[int] | None = None,
    subject: str | None = None,
    contact: str | None = None,
) -> Forgotten:
    """What `forget` would reach; changes nothing.

    `blobs` counts all media of the samples: those that others share would stay.

    Raises:
        InvalidInputError: nothing was named, or several of them.
        NotFoundError: no such sample, speaker or contact.
    """
    store = workspace.store
    address = contact_of(contact)
    numbers = _numbers(workspace, ids, subject, address)
    away = archived_of(store, ids=ids or (), subject=subject, contact=address)
    reach = reach_of(numbers, store, away)
    archives, elsewhere = would_forget_in_archives(
        workspace, set(reach.uids), _whom(subject, address)
    )
    outside = exports_elsewhere(workspace, reach.uids)
    going_on = tuple(one for one in reach.runs if not store.runs.get(one).state.ended)
    audience = f"subject:{subject}"
    champions = {
        model.ref.modality: store.models.champion(model.ref.modality, audience)
        for model in store.models.all()
    }
    return Forgotten(
        samples=len(reach.uids),
        blobs=len(reach.digests),
        versions=reach.versions,
        models=reach.models,
        champions=tuple(one for one in champions.values() if one is not None),
        runs=going_on,
        exports=(
            *(f"exports/{place.name}" for place in exports_of(workspace, reach.uids)),
            *(f"reports/{place.name}" for place in _reports(workspace, reach.versions)),
            *sessions_of(workspace, reach.uids),
        ),
        backups=tuple(
            folder.name
            for folder in backing_up.folders(workspace.layout)
            if _holds(folder, reach.uids, subject, address)
        ),
        exports_elsewhere=tuple(outside),
        archives=tuple(archives),
        archives_elsewhere=tuple(elsewhere),
        reminders=reminders(reach.models, going_on, elsewhere, outside),
    )


def _whom(subject: str | None, contact: str | None) -> Whom:
    if subject is not None:
        return Person(name=subject, pseudonym=subject)
    return Contact(address=contact) if contact is not None else None


def _numbers(
    workspace: Workspace, ids: Sequence[int] | None, subject: str | None, contact: str | None
) -> list[int]:
    if sum(one is not None for one in (ids, subject, contact)) != 1:
        raise InvalidInputError(
            "name either samples or a speaker to forget, or a contact",
            hint="truing forget 42 43, or truing forget --speaker NAME, or --contact ADDRESS",
        )
    if ids is not None:
        return list(dict.fromkeys(ids))
    try:
        if contact is not None:
            return ids_of_contact(contact, workspace.store)
        return ids_of_subject(str(subject), workspace.store)
    except NotFoundError:
        # The samples may be gone while the name is not: from an interrupted command, or a backup.
        if not _is_named(workspace, subject, contact):
            raise
        return []


def _is_named(workspace: Workspace, subject: str | None, contact: str | None) -> bool:
    if would_forget_in_archives(workspace, (), _whom(subject, contact))[0]:
        return True
    if archived_of(workspace.store, subject=subject, contact=contact):
        return True
    if subject is None:
        folders = backing_up.folders(workspace.layout)
        return any(_holds(one, (), None, contact) for one in folders)
    audience = f"subject:{subject}"
    models = workspace.store.models
    return (
        any(model.audience == audience for model in models.all())
        or any(models.promotions(name, audience) for name in _modalities(workspace))
        or any(_holds(one, (), subject) for one in backing_up.folders(workspace.layout))
    )


def _modalities(workspace: Workspace) -> set[str]:
    return {model.ref.modality for model in workspace.store.models.all()}


def _holds(
    folder: Path, uids: Sequence[str], subject: str | None, contact: str | None = None
) -> bool:
    from truing.stores.database import sqlite_copy

    database = folder / backing_up.DATABASE
    if not database.is_file():
        return False
    return (
        sqlite_copy.holds_samples(database, uids)
        or (subject is not None and sqlite_copy.holds_subject(database, subject))
        or (contact is not None and sqlite_copy.holds_contact(database, contact))
    )


def _reports(workspace: Workspace, versions: Sequence[str]) -> Iterator[Path]:
    for version in versions:
        yield from sorted(workspace.layout.reports.glob(f"{version}-*.html"))


def _forget_pictures(workspace: Workspace, uids: Sequence[str]) -> Iterator[str]:
    """Removes what runs showed of samples: whole folders, one for each sample."""
    for folder in sorted(workspace.layout.runs.glob("*/pictures")):
        if PictureFolder(folder).forget(uids):
            yield f"runs/{folder.parent.name}/pictures"


def _remove(place: Path) -> None:
    if place.is_dir():
        shutil.rmtree(place, ignore_errors=True)
    else:
        place.unlink(missing_ok=True)


class _Beyond:
    """See `truing.loop.forget.Beyond`."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def remember(self, uids: Sequence[str], person: Whom) -> None:
        workspace = self._workspace
        remember(
            workspace.layout.forgotten,
            workspace.store,
            workspace.clock,
            uids=uids,
            subject=person.name if isinstance(person, Person) else None,
            contact=person.address if isinstance(person, Contact) else None,
        )

    def remove_derived(self, reach: Reach, person: Whom) -> Sequence[str]:
        workspace = self._workspace
        gone = [*remove_exports_of(workspace, reach.uids)]
        gone += remove_sessions(workspace, reach.uids)
        # Reports quote texts of their rows: they can be made again from what is left.
        for report in list(_reports(workspace, reach.versions)):
            report.unlink()
            gone.append(f"reports/{report.name}")
        for unfinished in sorted(workspace.layout.exports.glob(".*.partial")):
            # An export that was cut off, or that would hold what is being forgotten.
            _remove(unfinished)
        for number in reach.runs:
            if workspace.store.runs.get(number).state is not RunState.RUNNING:
                unfinished = workspace.layout.runs / str(number) / "checkpoints"
                shutil.rmtree(unfinished, ignore_errors=True)
        gone += _forget_pictures(workspace, reach.uids)
        if isinstance(person, Person):
            rename_in_files(workspace, person)
        return gone

    def exports_elsewhere(self, uids: Sequence[str]) -> Sequence[str]:
        return exports_elsewhere(self._workspace, uids)

    def rewrite_backups(self, uids: Sequence[str], person: Whom) -> tuple[Sequence[str], set[str]]:
        names, freed = self._left_database(uids, person)
        for folder in backing_up.folders(self._workspace.layout):
            if _holds(folder, uids, None) or person is not None:
                freed |= rewrite_backup(folder, uids, person, self._workspace.clock)
                names.append(folder.name)
        return names, freed

    def _left_database(self, uids: Sequence[str], person: Whom) -> tuple[list[str], set[str]]:
        """Moving to another database leaves the old one in the folder: it forgets as well."""
        from truing.stores.database.store import open_database

        layout, present = self._workspace.layout, self._workspace.store.file
        if not layout.database.is_file() or (
            present is not None and present.resolve() == layout.database.resolve()
        ):
            return [], set()
        store = open_database(layout.database, clock=self._workspace.clock)
        try:
            freed = forget_in_copy(uids, store, [person] if person is not None else [])
        finally:
            store.close()
        return [layout.database.name], freed

    def rewrite_archives(
        self, uids: Sequence[str], person: Whom
    ) -> tuple[Sequence[str], Sequence[str]]:
        return forget_in_archives(self._workspace, set(uids), person)

    def condemn(self, digests: set[str]) -> None:
        text = "".join(f"{one}\n" for one in sorted(digests))
        write_durably(_note_of(self._workspace), text.encode("ascii"))

    def absolve(self) -> None:
        remove(_note_of(self._workspace))

    def backed_up(self, digests: set[str]) -> set[str]:
        return backing_up.backed_up(self._workspace.layout, digests)


def rewrite_backup(
    folder: Path, uids: Sequence[str], person: Whom, clock: Clock | None = None
) -> set[str]:
    """Erases samples from a backup and seals it anew; at any moment the old one or the new one is
    there, whole. A broken backup cannot be rewritten: it is removed.

    Returns:
        Digests of blobs that its database no longer refers to.
    """
    from truing.stores.database import sqlite_copy
    from truing.stores.database.store import open_database

    try:
        before = backing_up.open_backup(folder)
    except DamagedError:
        shutil.rmtree(folder)
        return set()
    with backing_up.draft_in(folder.parent) as draft:
        shutil.copytree(folder, draft, dirs_exist_ok=True)
        store = open_database(draft / backing_up.DATABASE, clock=clock or SystemClock())
        try:
            freed = forget_in_copy(uids, store, [person] if person is not None else [])
        finally:
            store.close()
        sqlite_copy.settle(draft / backing_up.DATABASE)
        _seal_again(draft, before)
        backing_up.put_in_place(draft, folder)
    return freed


def _seal_again(draft: Path, before: Backup) -> Backup:
    return backing_up.seal(
        draft, reason=before.reason, created_at=before.created_at, whole=before.whole
    )
