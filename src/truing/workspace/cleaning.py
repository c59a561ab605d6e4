"""Cleaning: removes what crashes and ended runs leave behind, and tidies up the database.

Never removed: anything a sample or a backup refers to, anything younger than the age given, the
checkpoints of a run that can still go on, logs, exports and models.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from truing.domain.clock import MICROSECONDS
from truing.domain.errors import InvalidInputError, TruingError

if TYPE_CHECKING:
    from truing.workspace import Workspace

DAY = 86_400.0
YOUNGEST = 3600.0
"""A capture or import may take this long from its first byte to its row."""
MOST_RUNS = 1_000_000
_DRAFTS = (".*.tmp", "exports/.*.partial", "reports/.*.tmp", "archives/.*.tmp")
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """One kind of leftovers: how many, and the bytes they had."""

    count: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned:
    """What was removed, or would be."""

    media: Removed
    """Blobs that nothing refers to, and temporary files beside them."""
    drafts: Removed
    """Models, exports and settings that were never finished."""
    checkpoints: Removed
    """Of runs that have ended."""

    @property
    def size(self) -> int:
        """Bytes in all."""
        return self.media.size + self.drafts.size + self.checkpoints.size

    @property
    def count(self) -> int:
        """Things in all."""
        return self.media.count + self.drafts.count + self.checkpoints.count

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        kinds = {"media": self.media, "drafts": self.drafts, "checkpoints": self.checkpoints}
        parts = {name: {"count": one.count, "bytes": one.size} for name, one in kinds.items()}
        return {**parts, "count": self.count, "bytes": self.size}


def clean(
    workspace: Workspace,
    *,
    older_than: float = DAY,
    dry_run: bool = False,
    on_progress: Callable[[str], None] = lambda _: None,
) -> Cleaned:
    """Removes what nothing needs any more.

    Args:
        workspace: what is cleaned; others may go on using it.
        older_than: seconds since it was last touched; at least an hour.
        dry_run: only tell.
        on_progress: called with what is looked at.

    Raises:
        InvalidInputError: too short a time.
        UnavailableError: something cannot be removed.
    """
    if not older_than >= YOUNGEST:
        raise InvalidInputError(
            f"{older_than:g} seconds is too short: a capture may still be going on",
            hint="give an hour or more",
        )
    on_progress("media")
    media = _media(workspace, older_than, dry_run=dry_run)
    on_progress("drafts")
    drafts = _drafts(workspace, older_than, dry_run=dry_run)
    on_progress("checkpoints")
    checkpoints = _checkpoints(workspace, older_than, dry_run=dry_run)
    if not dry_run:
        on_progress("database")
        workspace.store.tidy()
    return Cleaned(media=media, drafts=drafts, checkpoints=checkpoints)


def clean_daily(workspace: Workspace) -> Cleaned | None:
    """Cleans quietly, at most once a day; None when it was not its time, or did not work.

    What goes wrong is logged: nobody asked for this, so it must not be in anybody's way. Media in
    an object store are left to `clean`: to list them takes long.
    """
    mark = workspace.layout.root / "cache" / "cleaned"
    now = workspace.clock.now() / MICROSECONDS
    try:
        last = mark.stat().st_mtime if mark.exists() else 0.0
        # A date in the future was left by a clock that has since been set back.
        if last <= now < last + DAY:
            return None
        mark.parent.mkdir(exist_ok=True)
        mark.touch()
        os.utime(mark, (now, now))
        if workspace.settings.text("storage.blobs"):
            nothing = Removed()
            drafts = _drafts(workspace, DAY, dry_run=False)
            checkpoints = _checkpoints(workspace, DAY, dry_run=False)
            workspace.store.tidy()
            done = Cleaned(media=nothing, drafts=drafts, checkpoints=checkpoints)
        else:
            done = clean(workspace)
    except (TruingError, OSError) as error:
        log.warning("cleaning did not work: %s", error)
        return None
    log.info("cleaned: %d leftovers, %d bytes", done.count, done.size)
    return done


def _media(workspace: Workspace, older_than: float, *, dry_run: bool) -> Removed:
    from truing.workspace.moving_blobs import needed

    found = list(workspace.blobs.orphans(needed(workspace), older_than=older_than))
    size = sum(one for _, one in found)
    if dry_run or not found:
        return Removed(count=len(found), size=size)
    # Read again: a sample may have come to refer to one of them since.
    count = workspace.blobs.collect_orphans(needed(workspace), older_than=older_than)
    return Removed(count=count, size=size)


def _drafts(workspace: Workspace, older_than: float, *, dry_run: bool) -> Removed:
    models = workspace.model_files.stale_drafts(older_than=older_than)
    others = list(_stale(workspace, older_than))
    size = sum(_bytes_of(place) for place in (*models, *others))
    if not dry_run:
        workspace.model_files.collect_drafts(older_than=older_than)
        for place in others:
            _remove(place)
    return Removed(count=len(models) + len(others), size=size)


def _stale(workspace: Workspace, older_than: float) -> Iterator[Path]:
    before = workspace.clock.now() / MICROSECONDS - older_than
    for pattern in _DRAFTS:
        for place in sorted(workspace.layout.root.glob(pattern)):
            try:
                touched = max(one.stat().st_mtime for one in (place, *place.rglob("*")))
            except FileNotFoundError:
                continue
            if touched < before:
                yield place


def _checkpoints(workspace: Workspace, older_than: float, *, dry_run: bool) -> Removed:
    from truing.jobs.files import RunFiles

    before = workspace.clock.now() - round(older_than * MICROSECONDS)
    count = size = 0
    for run in workspace.store.runs.all(limit=MOST_RUNS):
        folder = RunFiles.of(workspace.layout.root, run.id).checkpoints
        ended = run.ended_at if run.state.ended else None
        if ended is None or ended >= before or not folder.is_dir():
            continue
        count += 1
        size += _bytes_of(folder)
        if not dry_run:
            _remove(folder)
    return Removed(count=count, size=size)


def _bytes_of(place: Path) -> int:
    files = (place, *place.rglob("*"))
    return sum(one.stat().st_size for one in files if one.is_file() and not one.is_symlink())


def _remove(place: Path) -> None:
    from truing.platform.files import storage_error

    try:
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)
    except FileNotFoundError:
        return
    except OSError as error:
        raise storage_error(error, place) from error
