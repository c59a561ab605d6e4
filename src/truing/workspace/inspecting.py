"""Inspecting media: what is missing, damaged or needed by nobody, and putting it right.

What samples, versions and backups refer to and what lies in the blob store are both read in the
order of their digests, side by side: memory does not grow with their number, only with what is
amiss. Nothing is written unless a repair is asked for.

A repair brings missing and damaged media back from wherever their digest is found: under another
name in the store itself, in the folder or cache that an object store left behind, in an archive, or
in a place named. What it cannot bring back gets the finding `damaged` at its samples.
"""

from __future__ import annotations

import contextlib
import heapq
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from truing.domain.digest import digest_file
from truing.domain.errors import (
    DamagedError,
    InvalidInputError,
    NotFoundError,
    UnavailableError,
)
from truing.domain.modality import CanPreview
from truing.domain.recipe import MediaFile
from truing.domain.review import State
from truing.domain.sample import Sample, SampleFilter
from truing.loop.check import DAMAGED
from truing.loop.check import check as check_samples
from truing.stores.blobs_local import LocalBlobs
from truing.workspace import backups as backing_up
from truing.workspace.cleaning import DAY, YOUNGEST

if TYPE_CHECKING:
    from truing.domain.ports import Blobs
    from truing.workspace import Workspace

MOST = 100_000
"""So many broken media are named and repaired in one call; the next call does the others."""
Progress = Callable[[str, int], None]
"""Called with what is looked at and how many are done."""


@dataclass(slots=True, kw_only=True)
class Broken:
    """One blob that is needed, and is missing or altered."""

    digest: str
    why: str
    samples: list[int] = field(default_factory=list)
    """Numbers of the samples that need it; none when only a dataset version does."""
    repaired: str | None = None
    """Where it was brought back from; None while it is broken."""

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {
            "digest": self.digest,
            "why": self.why,
            "samples": list(self.samples),
            "repaired": self.repaired,
        }


@dataclass(slots=True, kw_only=True)
class Inspected:
    """What a look at all media found."""

    media: int = 0
    """Blobs that samples or dataset versions need."""
    broken: list[Broken] = field(default_factory=list)
    more: int = 0
    """Broken ones beyond those named."""
    undecodable: list[tuple[int, str]] = field(default_factory=list)
    """Samples whose media are as they were stored and cannot be decoded, and why."""
    orphans: int = 0
    """Blobs that nothing needs."""
    removed: int = 0
    """Orphans and leftovers that were removed."""

    @property
    def left(self) -> list[Broken]:
        """Those that are still broken."""
        return [one for one in self.broken if one.repaired is None]

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {
            "ok": not self.left and not self.more,
            "media": self.media,
            "broken": [one.as_dict() for one in self.broken],
            "more": self.more,
            "undecodable": [{"sample": number, "why": why} for number, why in self.undecodable],
            "orphans": self.orphans,
            "removed": self.removed,
        }


def inspect(
    workspace: Workspace,
    *,
    repair: bool = False,
    sources: Sequence[str] = (),
    thorough: bool = True,
    decode: bool = False,
    older_than: float = DAY,
    on_progress: Progress = lambda _, __: None,
) -> Inspected:
    """Looks at all media; an interrupted repair can be called again.

    Args:
        workspace: whose media.
        repair: bring back what is found elsewhere, remove what nobody needs, give the samples of
            the rest a finding.
        sources: further places to bring media from: folders of workspaces, backups or blobs, or
            `s3://bucket/prefix`.
        thorough: read every blob, not only look whether it is there.
        decode: decode the media of every sample as well, where its modality can.
        older_than: seconds for which an orphan must have lain there to be removed.
        on_progress: see `Progress`.

    Raises:
        InvalidInputError: too short a time, or a source that holds no media.
        UnavailableError: the store cannot be reached or written.
    """
    if not older_than >= YOUNGEST:
        raise InvalidInputError(
            f"{older_than:g} seconds is too short: a capture may still be going on",
            hint="give an hour or more",
        )
    places = [_source(workspace, one) for one in sources]
    found = Inspected()
    misnamed = _look(workspace, found, thorough=thorough, on_progress=on_progress)
    _name_owners(workspace, found)
    if decode:
        _decode(workspace, found, on_progress)
    if repair:
        _bring_back(workspace, found, misnamed, places, on_progress)
        _tell_samples(workspace, found, on_progress)
        _remove_orphans(workspace, found, older_than)
    return found


# --- looking -------------------------------------------------------------------------------------


def _look(
    workspace: Workspace, found: Inspected, *, thorough: bool, on_progress: Progress
) -> dict[str, Path]:
    """Walks along both lists; returns blobs that lie under another name, by their own digest."""
    blobs = workspace.blobs
    misnamed: dict[str, Path] = {}
    broken: dict[str, str] = {}
    for place, (digest, here, why) in enumerate(_side_by_side(workspace), 1):
        found.media += why == _NEEDED
        if why is None:
            found.orphans += 1
        if here and thorough and not _whole(blobs, digest):
            _note_name(blobs, digest, misnamed)
            if why == _NEEDED:
                broken[digest] = "its bytes were altered"
        elif why == _NEEDED and not here and not blobs.exists(digest):
            broken[digest] = "it is missing"
        if len(broken) > MOST:
            broken.popitem()
            found.more += 1
        on_progress("media", place)
    # Forgotten or archived meanwhile: then nobody misses it.
    needed = workspace.store.samples.needed_blobs(list(broken))
    found.broken = [
        Broken(digest=digest, why=why) for digest, why in broken.items() if digest in needed
    ]
    return misnamed


_NEEDED, _LISTED, _STORED = "needed", "listed", "stored"


def _side_by_side(workspace: Workspace) -> Iterator[tuple[str, bool, str | None]]:
    """(digest, whether it is stored, who wants it) in order: `needed` by a sample or a version,
    `listed` by a backup alone, None for an orphan.
    """
    layout = workspace.layout
    lists = [
        backing_up.listed_blobs(folder)
        for folder in backing_up.folders(layout)
        if (folder / backing_up.BLOBS).is_file()
    ]
    streams = [
        _tagged(workspace.store.samples.referenced_blobs(), _NEEDED),
        *(_tagged(one, _LISTED) for one in lists),
        _tagged(workspace.blobs.digests(), _STORED),
    ]
    for digest, group in groupby(heapq.merge(*streams), key=lambda one: one[0]):
        tags = {tag for _, tag in group}
        yield (
            digest,
            _STORED in tags,
            next((tag for tag in (_NEEDED, _LISTED) if tag in tags), None),
        )


def _tagged(digests: Iterable[str], tag: str) -> Iterator[tuple[str, str]]:
    return ((digest, tag) for digest in digests)


def _whole(blobs: Blobs, digest: str) -> bool:
    try:
        return blobs.verify(digest)
    except UnavailableError:
        # A disk that cannot read its bytes has lost them.
        if isinstance(blobs, LocalBlobs):
            return False
        raise


def _note_name(blobs: Blobs, digest: str, misnamed: dict[str, Path]) -> None:
    if isinstance(blobs, LocalBlobs):
        try:
            path = blobs.target(digest)
            misnamed[digest_file(path)] = path
        except OSError:
            return


def _name_owners(workspace: Workspace, found: Inspected) -> None:
    """Notes which samples need what is broken."""
    by_digest = {one.digest: one for one in found.broken}
    if not by_digest:
        return
    for sample in workspace.store.samples.iterate(SampleFilter(states=tuple(State))):
        for digest in {one.digest for one in sample.media} & by_digest.keys():
            by_digest[digest].samples.append(sample.id)


def _decode(workspace: Workspace, found: Inspected, on_progress: Progress) -> None:
    broken = {number for one in found.broken for number in one.samples}
    for place, sample in enumerate(workspace.store.samples.iterate(SampleFilter()), 1):
        if sample.id not in broken and (why := _undecodable(workspace, sample)) is not None:
            found.undecodable.append((sample.id, why))
        on_progress("decoding", place)


def _undecodable(workspace: Workspace, sample: Sample) -> str | None:
    kind = workspace.modality(sample.modality)
    if not isinstance(kind, CanPreview) or not sample.media:
        return None
    try:
        files = {
            one.role: MediaFile(path=workspace.blobs.path(one.digest), start=one.start, end=one.end)
            for one in sample.media
        }
        told = kind.preview(files, 1)
    except (DamagedError, NotFoundError) as error:
        return error.message
    parts = [told.get(role) for role in files]
    damage = (one.get("damage") for one in parts if isinstance(one, Mapping))
    return next((str(one) for one in damage if one), None)


# --- repairing -----------------------------------------------------------------------------------


def _source(workspace: Workspace, where: str) -> tuple[str, Blobs]:
    """Another blob store, by what a person calls it.

    Raises:
        InvalidInputError: a folder without media in it.
    """
    if where.startswith("s3://"):
        from truing.stores.blobs_s3 import S3Blobs

        return where, S3Blobs(where, workspace.layout.blob_cache)
    folder = Path(where).expanduser().resolve()
    for place in (folder / "blobs", folder, folder.parent / "blobs"):
        if (place / "sha256").is_dir():
            return str(place), LocalBlobs(place)
    raise InvalidInputError(
        f"there are no media in `{where}`",
        hint="name a workspace, a backup made with `truing backup create --to`, or s3://…",
    )


def _bring_back(
    workspace: Workspace,
    found: Inspected,
    misnamed: Mapping[str, Path],
    places: Sequence[tuple[str, Blobs]],
    on_progress: Progress,
) -> None:
    from truing.workspace.archive_contents import bring_media, holding_media

    if not found.broken:
        return
    root = workspace.layout.root
    with tempfile.TemporaryDirectory(prefix=".mending.", suffix=".tmp", dir=root) as folder:
        # Two files may have each other's names: their bytes are set aside before one is replaced.
        aside = LocalBlobs(Path(folder))
        for one in found.broken:
            if one.digest in misnamed:
                aside.put_file(misnamed[one.digest])
        known = [("another name", aside), *_left_behind(workspace), *places]
        for done, one in enumerate(found.broken, 1):
            one.repaired = _from_places(workspace.blobs, one.digest, known)
            on_progress("repairing", done)
    by_digest = {one.digest: one for one in found.left}
    with backing_up.holding(workspace.layout):
        for place, digests in holding_media(workspace, by_digest).items():
            left = {one for one in digests if by_digest[one].repaired is None}
            # `truing archive verify` names an archive that is damaged itself.
            with contextlib.suppress(DamagedError):
                for digest in bring_media(workspace, place, left, over=True):
                    by_digest[digest].repaired = f"the archive {place.stem}"


def _left_behind(workspace: Workspace) -> list[tuple[str, Blobs]]:
    """Where an object store's media were before, and copies of them."""
    if isinstance(workspace.blobs, LocalBlobs):
        return []
    layout = workspace.layout
    return [
        ("the folder blobs", LocalBlobs(layout.blobs)),
        ("the cache", LocalBlobs(layout.blob_cache)),
    ]


def _from_places(blobs: Blobs, digest: str, places: Sequence[tuple[str, Blobs]]) -> str | None:
    for name, place in places:
        if place.exists(digest) and place.verify(digest):
            blobs.mend(place.path(digest))
            return name
    return None


def _tell_samples(workspace: Workspace, found: Inspected, on_progress: Progress) -> None:
    """Looks again at the samples of broken media, and at those that were called damaged before:
    the finding comes and goes.
    """
    samples = workspace.store.samples
    ids = {number for one in found.broken for number in one.samples}
    ids |= {number for number, _ in found.undecodable}
    ids |= {one.id for one in samples.iterate(SampleFilter(finding=DAMAGED))}
    check_samples(
        samples.by_ids(sorted(ids)),
        workspace.modality,
        samples,
        workspace.blobs,
        workspace.settings,
        on_progress=lambda done, _: on_progress("checking", done),
    )


def _remove_orphans(workspace: Workspace, found: Inspected, older_than: float) -> None:
    from truing.workspace.moving_blobs import needed

    if found.orphans:
        found.removed = workspace.blobs.collect_orphans(needed(workspace), older_than=older_than)
