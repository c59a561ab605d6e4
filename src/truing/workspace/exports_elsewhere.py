"""Exports outside the workspace: noted, so that forgetting can name them.

Such a folder is its owner's: nothing is removed from it. A note stands in `exports/.elsewhere/` as
long as there is something at the place it names; one on a bucket stands for good, since nobody asks
the bucket.

Scope: folders, files and buckets; what was sent to a browser is not known.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from truing.domain.clock import MICROSECONDS
from truing.domain.digest import digest_bytes
from truing.domain.reminder import is_bucket

if TYPE_CHECKING:
    from truing.workspace import Workspace

NOTES = ".elsewhere"
OLD = 3600 * MICROSECONDS


@contextmanager
def noted(workspace: Workspace, place: Path | str) -> Iterator[TextIO]:
    """Opens the note on an export to a place; the uids of its samples are written into it, a line
    each. It goes when the export fails.

    Args:
        workspace: what is exported.
        place: the file or folder, or the URL of a bucket.
    """
    _drop_gone(workspace)
    whole = place.resolve() if isinstance(place, Path) else place
    folder = workspace.layout.exports / NOTES
    folder.mkdir(parents=True, exist_ok=True)
    name = digest_bytes(str(whole).encode("utf-8", "surrogateescape"))[7:39]
    note = folder / f"{name}.uids"
    try:
        with note.open("w", encoding="ascii") as stream:
            stream.write(f"{json.dumps(str(whole))}\n")
            yield stream
    except BaseException:
        note.unlink(missing_ok=True)
        raise


def exports_elsewhere(workspace: Workspace, uids: Sequence[str]) -> list[str]:
    """Places outside the workspace where an export holds one of these samples."""
    wanted = set(uids)
    return sorted(place for place, held in _held(workspace) if wanted.intersection(held.split()))


def _held(workspace: Workspace) -> Iterator[tuple[str, str]]:
    """The places that are still there, with the uids noted of them."""
    for note in _notes(workspace):
        first, _, rest = note.read_text(encoding="ascii").partition("\n")
        place = json.loads(first or "null")
        if place and _may_be_there(place):
            yield place, rest


def _drop_gone(workspace: Workspace) -> None:
    """Removes notes on what is not there any more, or never came to be."""
    now = workspace.clock.now()
    for note in _notes(workspace):
        with note.open(encoding="ascii") as stream:
            place = json.loads(stream.readline() or "null")
        # An export that is being written is not at its place yet.
        is_old = now - note.stat().st_mtime * MICROSECONDS > OLD
        if is_old and not (place and _may_be_there(place)):
            note.unlink(missing_ok=True)


def _may_be_there(place: str) -> bool:
    return is_bucket(place) or Path(place).exists()


def _notes(workspace: Workspace) -> list[Path]:
    return sorted((workspace.layout.exports / NOTES).glob("*.uids"))
