"""Contents of archives: samples and media that are wanted although they left."""

from __future__ import annotations

import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from truing.domain.archive import Packed
from truing.domain.errors import TruingError, UnavailableError
from truing.stores.archive_file import opened_archive
from truing.stores.database.sample_rows import read_sample
from truing.workspace.archive_leftovers import UNPACKING
from truing.workspace.archive_places import files_of, listed

if TYPE_CHECKING:
    from truing.domain.sample import Sample
    from truing.workspace import Workspace


def holding_media(workspace: Workspace, digests: Collection[str]) -> dict[Path, set[str]]:
    """Which archives hold some of these blobs, of those whose files are there."""
    wanted = set(digests)
    places = {one.name: one.place for one in listed(workspace)}
    held: dict[Path, set[str]] = {}
    for away in workspace.store.archives.iterate():
        here = wanted.intersection(away.digests)
        if here and places[away.archive].is_file():
            held.setdefault(places[away.archive], set()).update(here)
    known = {*places.values()}
    for place in files_of(workspace):
        if place not in known:
            inside = {one for packed in _read(place) for one in packed.digests}
            if here := wanted & inside:
                held[place] = here
    return held


def samples_in(workspace: Workspace, uids: Collection[str]) -> dict[str, Sample]:
    """Samples that are not here, read from their archives: what dataset versions tell of them.

    Raises:
        UnavailableError: an archive is not where it was.
        DamagedError: it is damaged.
    """
    if not uids:
        return {}
    names: dict[str, set[str]] = {}
    for away in workspace.store.archives.by_uids(list(uids)):
        if not away.back:
            names.setdefault(away.archive, set()).add(away.uid)
    found: dict[str, Sample] = {}
    for name, wanted in names.items():
        one = next(one for one in listed(workspace) if one.name == name)
        if not one.place.is_file():
            raise UnavailableError(
                f"{len(wanted)} samples lie in the archive `{name}`, which is not at `{one.place}`",
                hint="put it back, or name its file: truing archive verify FILE",
            )
        with opened_archive(one.place) as there:
            rows = [packed.sample for packed in there.packed() if packed.uid in wanted]
        found.update((row["uid"], read_sample(row)) for row in rows)
    return found


def bring_missing(workspace: Workspace, digests: Collection[str]) -> list[str]:
    """Puts blobs back of which an archive within reach holds a copy; returns those brought. The
    caller holds the workspace's lock.

    Raises:
        DamagedError: an archive is damaged.
        UnavailableError: no space.
    """
    brought: list[str] = []
    for place, held in holding_media(workspace, digests).items():
        brought += bring_media(workspace, place, held.difference(brought))
    return brought


def _read(place: Path) -> list[Packed]:
    try:
        with opened_archive(place) as there:
            return there.packed()
    except TruingError:
        # `verify` names it.
        return []


def bring_media(
    workspace: Workspace, place: Path, digests: Collection[str], *, over: bool = False
) -> list[str]:
    """Puts blobs of an archive back into the workspace; returns those that were brought. The caller
    holds the workspace's lock.

    Args:
        workspace: where they go.
        place: the archive.
        digests: those wanted.
        over: replace those that are here as well, because they are damaged.

    Raises:
        DamagedError: the archive is damaged.
        UnavailableError: no space.
    """
    wanted = {one for one in digests if over or not workspace.blobs.exists(one)}
    if not wanted:
        return []
    brought = []
    with (
        tempfile.TemporaryDirectory(
            prefix=UNPACKING, suffix=".tmp", dir=workspace.layout.root
        ) as folder,
        opened_archive(place) as there,
        workspace.blobs.together(),
    ):
        for digest, file in there.blobs(wanted.__contains__, Path(folder)):
            if over:
                workspace.blobs.mend(file)
            else:
                workspace.blobs.put_file(file)
            brought.append(digest)
    return brought
