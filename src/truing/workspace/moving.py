"""Moving everything said to another database.

It is copied and proven equal first, then the setting switches in one step.

The old database is left as it was: it is a person's to keep or to remove. A crash on the way
leaves it in use, and the move can be made again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from truing.domain.errors import ConflictError, InvalidInputError
from truing.domain.run import RunState
from truing.domain.settings import Settings

if TYPE_CHECKING:
    from truing.stores.database.store import DatabaseStore
    from truing.workspace import Workspace

KEY = "storage.database"
IN_FOLDER = "sqlite"
"""Says that the database is to be the file truing.db in the workspace's folder."""
_RUNS = 10_000
log = logging.getLogger(__name__)
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedDatabase:
    """What became of the database."""

    source: str
    target: str
    """Kinds and places, for people."""
    digests: Mapping[str, str]
    """SHA-256 of each table, the same in both; see `transfer.database_digest`."""
    old: tuple[str, ...]
    """What to know of the old database, in sentences."""

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {
            "from": self.source,
            "to": self.target,
            "digests": dict(self.digests),
            "old": list(self.old),
        }


def move_database(
    workspace: Workspace, to: str, on_progress: Progress = lambda _done, _total: None
) -> MovedDatabase:
    """Copies all rows, compares digests of both sides, then changes the setting.

    The open workspace uses the new database from then on. Others wait with writing while it
    copies; a program that has the workspace open must be started again.

    Args:
        workspace: whose database moves.
        to: a URL of an empty database, or `sqlite` for the file truing.db in the folder.
        on_progress: called with rows copied and rows in all.

    Raises:
        InvalidInputError: everything is there already, a password in the URL, or a text that the
            new database cannot hold.
        ConflictError: a run is running, the new database holds something else, or a flag or
            variable says where the database is: the setting would not count.
        DamagedError: what arrived is not what was sent; nothing was switched.
        UnavailableError: a database cannot be reached or written.
    """
    from truing.stores.database.store import open_database
    from truing.stores.database.transfer import transfer
    from truing.workspace import known_settings
    from truing.workspace.folder import SETTINGS_FILE, database_of, set_value

    value = "" if to == IN_FOLDER else to
    _refuse(workspace, value)
    place = value or workspace.layout.database
    with (
        closing(open_database(database_of(workspace.layout, workspace.settings))) as source,
        closing(open_database(place, clock=workspace.clock)) as target,
    ):
        digests = transfer(source, target, on_progress=on_progress)
        set_value(workspace.layout, known_settings(), KEY, value)
        moved = MovedDatabase(
            source=source.place, target=target.place, digests=digests, old=_old(source)
        )
    workspace.store.close()
    workspace.settings = Settings(
        replace(one, value=value, origin=SETTINGS_FILE) if one.setting.key == KEY else one
        for one in workspace.settings
    )
    workspace.store = open_database(place, clock=workspace.clock)
    log.info("moved the database from %s to %s", moved.source, moved.target)
    return moved


def _refuse(workspace: Workspace, value: str) -> None:
    from truing.workspace.folder import SETTINGS_FILE

    chosen = workspace.settings.chosen(KEY)
    if value:
        _check_url(value)
    if value == chosen.value:
        raise InvalidInputError(
            f"everything is kept in {workspace.store.place} already", hint="name another place"
        )
    if chosen.origin not in ("default", SETTINGS_FILE):
        raise ConflictError(
            f"`{KEY}` comes from {chosen.origin}, which goes before the settings file",
            hint=f"unset it and write it to the file: truing config set {KEY} URL",
        )
    for run in workspace.store.runs.all(limit=_RUNS):
        if run.state is RunState.RUNNING:
            raise ConflictError(
                f"run `{run.id}` is running", hint=f"wait for it, or: truing stop {run.id}"
            )


def _check_url(url: str) -> None:
    from truing.stores.database.address import has_password

    if "://" not in url:
        raise InvalidInputError(
            f"`{url}` is no address of a database",
            hint=f"write postgresql://USER@HOST/NAME, or {IN_FOLDER} for a file in the folder",
        )
    if has_password(url):
        raise InvalidInputError(
            "the address holds a password, which would stand in truing.toml for all to read",
            hint="leave it out there; put it into ~/.pgpass or the variable PGPASSWORD",
        )


def check_new(url: str) -> None:
    """Makes sure that a new workspace can be kept in a database, before anything refers to it.

    Raises:
        InvalidInputError: no address of a database, one with a password, or the database of
            another program.
        ConflictError: there is a workspace in it.
        UnavailableError: it cannot be reached or written.
    """
    from truing.stores.database.store import open_database
    from truing.stores.database.transfer import is_empty

    _check_url(url)
    with closing(open_database(url)) as store:
        if not is_empty(store):
            raise ConflictError(
                f"there is a workspace in {store.place} already",
                hint="make another database for this one: each workspace has its own",
            )


def _old(source: DatabaseStore) -> tuple[str, ...]:
    name = f"`{source.file}`" if source.file is not None else source.place
    remove = (
        f"rm '{source.file}' '{source.file}-wal' '{source.file}-shm'"
        if source.file is not None
        else "dropdb"
    )
    kept = (
        f"{name} was left as it was; forgetting does not reach it from now on: remove it when "
        f"you no longer need it ({remove})"
    )
    return (
        kept,
        "start programs again that have this workspace open: they still write to the old one",
    )
