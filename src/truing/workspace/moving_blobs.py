"""Moving media to an object store or back: copied and verified first, then the setting switches.

Nothing is removed where the media were: that copy is a person's to keep or to delete. Whoever
captures meanwhile goes on writing to the old place, so what came in during the copying is looked
for again before the switch and right after it; a second call brings what was missed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from truing.domain.errors import (
    ConflictError,
    DamagedError,
    InvalidInputError,
    NotFoundError,
    SettingError,
)
from truing.domain.settings import Settings

if TYPE_CHECKING:
    from truing.domain.ports import Blobs
    from truing.workspace import Workspace

KEY = "storage.blobs"
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedBlobs:
    """What became of the media."""

    source: str
    target: str
    """As the setting has it; empty is the folder `blobs/`."""
    copied: int
    present: int
    """Were there already, and whole."""

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {
            "from": self.source,
            "to": self.target,
            "copied": self.copied,
            "present": self.present,
        }


def move_blobs(
    workspace: Workspace, to: str, on_progress: Progress = lambda _done, _total: None
) -> MovedBlobs:
    """Copies all media that samples or backups need, verifies each, then changes the setting.

    The open workspace uses the new place from then on; other programs that have it open do so
    when they open it again. Calling it again does what is left.

    Args:
        workspace: whose media move.
        to: `s3://bucket/prefix`, or empty for the folder `blobs/`.
        on_progress: called with (media done, media in all).

    Raises:
        InvalidInputError: the media are in that folder already, or an unusable address.
        ConflictError: a flag or variable says where media are: the setting would not count.
        NotFoundError: a blob is missing; nothing was switched.
        DamagedError: a blob is damaged, here or after copying; nothing was switched.
        UnavailableError: a place cannot be reached or written.
    """
    from truing.workspace import known_settings
    from truing.workspace.folder import SETTINGS_FILE, open_blobs, set_value

    chosen = workspace.settings.chosen(KEY)
    source = str(chosen.value)
    if to == source:
        return _brought_up(workspace, to, on_progress)
    if chosen.origin not in ("default", SETTINGS_FILE):
        raise ConflictError(
            f"`{KEY}` comes from {chosen.origin}, which goes before the settings file",
            hint=f"unset it and write it to the file: truing config set {KEY} VALUE",
        )
    target = open_blobs(workspace.layout, workspace.settings, workspace.clock, to)
    check(target)
    done: set[bytes] = set()
    try:
        copied = _copy(workspace, workspace.blobs, target, done, on_progress)
    except (NotFoundError, DamagedError) as error:
        error.add_note("nothing was switched: media are still read from where they were")
        raise
    set_value(workspace.layout, known_settings(), KEY, to)
    # What others captured while the setting changed still went to the old place.
    copied += _copy(workspace, workspace.blobs, target, done, on_progress)
    workspace.settings = Settings(
        replace(one, value=to, origin=SETTINGS_FILE) if one.setting.key == KEY else one
        for one in workspace.settings
    )
    workspace.blobs = target
    return MovedBlobs(source=source, target=to, copied=copied, present=len(done) - copied)


def _brought_up(workspace: Workspace, to: str, on_progress: Progress) -> MovedBlobs:
    """Brings what still went to the folder `blobs/` after the switch to an object store."""
    from truing.workspace.folder import open_blobs

    if not to:
        raise InvalidInputError(
            "media are kept in the folder `blobs` already", hint="name another place"
        )
    local = open_blobs(workspace.layout, workspace.settings, workspace.clock, "")
    present, missing = 0, []
    for digest in set(needed(workspace)):
        if workspace.blobs.exists(digest):
            present += 1
        else:
            missing.append(digest)
    for done, digest in enumerate(sorted(missing), 1):
        _copied(digest, local, workspace.blobs)
        on_progress(done, len(missing))
    return MovedBlobs(source="", target=to, copied=len(missing), present=present)


def check_place(where: str) -> None:
    """Makes sure that media can be kept in an object store, before anything refers to it.

    Raises:
        SettingError: no address of an object store.
        InvalidInputError: an address that cannot be used.
        NotFoundError: no such bucket.
        UnavailableError: no credentials, not reachable, or not allowed.
    """
    if not where.startswith("s3://"):
        raise SettingError(f"media cannot be kept in `{where}`", hint="write s3://BUCKET/PREFIX")
    from truing.stores.blobs_s3 import S3Blobs

    S3Blobs(where, Path()).check()


def check(blobs: Blobs) -> None:
    """Makes sure that an object store can be used; a folder needs no look.

    Raises:
        NotFoundError: no such bucket.
        UnavailableError: not reachable, or not allowed.
    """
    look = getattr(blobs, "check", None)
    if look is not None:
        look()


def needed(workspace: Workspace) -> Iterator[str]:
    """The digest of every blob that a sample or a backup in the workspace refers to."""
    from truing.workspace.backups import backed_up

    return chain(workspace.store.samples.referenced_blobs(), backed_up(workspace.layout))


def _copy(
    workspace: Workspace, source: Blobs, target: Blobs, done: set[bytes], on_progress: Progress
) -> int:
    wanted = {bytes.fromhex(digest[7:]) for digest in needed(workspace)} - done
    copied, total = 0, len(wanted) + len(done)
    for key in sorted(wanted):
        copied += _copied(f"sha256:{key.hex()}", source, target)
        done.add(key)
        on_progress(len(done), total)
    return copied


def _copied(digest: str, source: Blobs, target: Blobs) -> bool:
    """Makes sure that a blob is in the target, whole; False when it was there already."""
    if target.exists(digest) and target.verify(digest):
        return False
    if target.put(source.read(digest)) != digest or not target.verify(digest):
        raise DamagedError(
            f"the blob `{digest}` arrived damaged", hint="check the disk or the store, try again"
        )
    return True
