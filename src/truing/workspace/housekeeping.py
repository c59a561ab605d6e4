"""Housekeeping: what a workspace does for itself once a day, after a command that writes.

What the rules of `retention.rules` take goes, old trash is erased, a backup is made when the newest
is too old, leftovers go, the disk is looked at; what an interrupted forgetting left undone is done.
Whoever keeps a workspace open for long, such as a server, calls `due` now and then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from truing.domain.backup import SCHEDULED
from truing.domain.clock import MICROSECONDS

if TYPE_CHECKING:
    from truing.workspace import Workspace

_HOUR = 3600 * MICROSECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What was done."""

    erased: int = 0
    """Samples from the trash."""
    backup: str | None = None
    """Name of the backup that was made."""
    retained: int = 0
    """Samples that the rules of `retention.rules` took."""


def due(workspace: Workspace) -> Kept:
    """Does what is due; costs a look when nothing is.

    Raises:
        FullError: no space for a backup, or less than the quota leaves; the rest is done.
    """
    from truing.workspace import trash
    from truing.workspace.cleaning import clean_daily
    from truing.workspace.disk import look_again
    from truing.workspace.forgetting import finish
    from truing.workspace.nexvision_folder import catch_up
    from truing.workspace.retaining import retain_daily

    finish(workspace)
    catch_up(workspace)
    taken = retain_daily(workspace)
    erased = 0
    if workspace.store.trash.count():
        erased, _ = trash.empty(workspace, everything=False)
    clean_daily(workspace)
    look_again(workspace)
    made = None
    # Last: where there is no room for it, what makes room is done all the same.
    if backup_is_due(workspace):
        from truing.workspace.backups import create_backup

        made = create_backup(workspace, SCHEDULED).name
    return Kept(erased=erased, backup=made, retained=taken.samples if taken else 0)


def backup_is_due(workspace: Workspace) -> bool:
    """Whether the newest backup, or the workspace while there is none, is older than
    `backup.every_hours`.
    """
    from truing.workspace.backups import backups

    hours = workspace.settings.number("backup.every_hours")
    if hours <= 0 or workspace.store.file is None:
        return False
    known = backups(workspace.layout)
    if known:
        last = known[0].created_at
    else:
        first = workspace.store.events.all(limit=1)
        last = first[0].at if first else 0
    # A clock that was set back makes no backup every minute.
    return workspace.clock.now() - last > hours * _HOUR
