"""Compressing: media are kept in fewer bytes, at a loss, because somebody asked for it.

A new blob is stored first, then its sample refers to it, then the old one goes unless something
else needs it; a crash in between leaves the sample with one of the two. What was there before is
told by `Media.parameters`: its digest, bytes and type. Samples keep the group keys they had, so
that splits and the search for copies go on as before.

Samples in dataset versions are left alone: a version keeps the bytes it was frozen with, and both
would take room. So is whatever would not get smaller by a tenth, and what was compressed before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from truing.domain.compression import COMPRESSED, CanCompress
from truing.domain.errors import (
    ConflictError,
    DamagedError,
    InvalidInputError,
    NotFoundError,
    NothingToDoError,
)
from truing.domain.event import Event
from truing.domain.modality import CanSpotCopies, Modality
from truing.domain.recipe import MediaFile
from truing.domain.sample import SampleFilter
from truing.workspace import backups as backing_up

if TYPE_CHECKING:
    from truing.domain.media import Media
    from truing.domain.sample import Sample
    from truing.workspace import Workspace

WORTH = 0.9
"""A medium that stays larger than this share of itself is left as it is."""
BATCH = 200
Progress = Callable[[int, int], None]


@dataclass(slots=True, kw_only=True)
class Compressed:
    """What was compressed, or would be."""

    samples: int = 0
    media: int = 0
    before: int = 0
    """Bytes of those media."""
    after: int = 0
    frozen: int = 0
    """Samples left alone because a dataset version holds them."""
    unable: int = 0
    """Media that the format cannot hold, that are damaged, or whose modality cannot compress."""
    no_gain: int = 0
    """Media that would not get smaller, or were compressed before."""
    kept: int = 0
    """Old blobs that stay for now: a backup lists them, or another sample needs them."""

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        names = ("samples", "media", "before", "after", "frozen", "unable", "no_gain", "kept")
        return {**{name: getattr(self, name) for name in names}, "saved": self.before - self.after}


def compress(
    workspace: Workspace,
    where: SampleFilter | None = None,
    *,
    format: str,
    quality: int,
    ids: Sequence[int] | None = None,
    dry_run: bool = False,
    actor: str | None = None,
    on_progress: Progress = lambda _, __: None,
) -> Compressed:
    """Compresses the media of samples. It cannot be undone; interrupted, it can be called again.

    Args:
        workspace: where they are.
        where: which samples.
        format: as the modality names it: `jpeg` or `webp` for pictures, `opus` or `mp3` for sound.
        quality: 1 to 100.
        ids: numbers of samples, instead of a filter.
        dry_run: only tell what it would save; costs as much.
        actor: who asks for it; the workspace's own when left out.
        on_progress: called with (samples done, samples in all).

    Raises:
        InvalidInputError: neither numbers nor a filter that narrows, or both; or a quality or
            format that no modality of the samples knows.
        NotFoundError: one of the numbers is no sample.
        NothingToDoError: no sample fits.
        UnavailableError: no space.
    """
    if (ids is None) == (where is None) or where == SampleFilter():
        raise InvalidInputError(
            "name the samples to compress, or a filter that chooses some",
            hint="truing compress --modality image_edit --format jpeg --quality 85",
        )
    if not 1 <= quality <= 100:
        raise InvalidInputError(
            f"`{quality}` is no quality", hint="give a whole number from 1 to 100"
        )
    numbers = _numbers(workspace, where, ids)
    done = Compressed()
    compressing = _Compressing(
        workspace=workspace, format=format, quality=quality, dry_run=dry_run, done=done
    )
    for place, sample in enumerate(_samples(workspace, numbers, done), 1):
        compressing.one(sample)
        on_progress(place, len(numbers))
    compressing.finish()
    if done.samples and not dry_run:
        data = {
            "samples": done.samples,
            "saved": done.before - done.after,
            "as": f"{format} {quality}",
        }
        now, who = workspace.clock.now(), actor or workspace.actor
        workspace.store.events.add(Event(kind="compressed", at=now, actor=who, data=data))
    return done


def _numbers(
    workspace: Workspace, where: SampleFilter | None, ids: Sequence[int] | None
) -> list[int]:
    samples = workspace.store.samples
    if ids is not None:
        for number in ids:
            samples.get(number)
        return list(dict.fromkeys(ids))
    found = [sample.id for sample in samples.iterate(where or SampleFilter())]
    if not found:
        raise NothingToDoError("no sample fits", hint="truing samples shows those there are")
    return found


def _samples(workspace: Workspace, numbers: Sequence[int], done: Compressed) -> Iterator[Sample]:
    for start in range(0, len(numbers), BATCH):
        found = workspace.store.samples.by_ids(numbers[start : start + BATCH])
        held = workspace.store.datasets.holding([one.uid for one in found])
        for sample in found:
            if held.get(sample.uid):
                done.frozen += 1
            else:
                yield sample


@runtime_checkable
class _Kind(Modality, CanCompress, Protocol):
    """A modality that can compress."""


@dataclass(slots=True, kw_only=True)
class _Compressing:
    """One call of `compress`."""

    workspace: Workspace
    format: str
    quality: int
    dry_run: bool
    done: Compressed
    counted: set[str] = field(default_factory=set)
    """Blobs that several samples share are stored, and saved, once."""

    def one(self, sample: Sample) -> None:
        """Compresses the media of a sample."""
        kind = self.workspace.modality(sample.modality)
        if not isinstance(kind, _Kind):
            self.done.unable += len(sample.media)
            return
        if self.format not in kind.compressions:
            raise InvalidInputError(
                f"`{sample.modality}` cannot be compressed as `{self.format}`",
                hint=f"choose from {', '.join(kind.compressions)}",
            )
        after = tuple(self._smaller(kind, medium) or medium for medium in sample.media)
        if after != sample.media:
            self.done.samples += 1
            if not self.dry_run:
                self._exchange(kind, sample, after)

    def _smaller(self, kind: _Kind, medium: Media) -> Media | None:
        """The medium in fewer bytes, its blob stored; None where it stays as it is."""
        if COMPRESSED in medium.parameters:
            self.done.no_gain += 1
            return None
        try:
            path = self.workspace.blobs.path(medium.digest)
            file = MediaFile(path=path, start=medium.start, end=medium.end)
            data = kind.compress(file, self.format, self.quality)
        except (DamagedError, NotFoundError):
            # `truing verify --media` names it.
            data = None
        if data is None:
            self.done.unable += 1
            return None
        if len(data) >= WORTH * medium.size:
            self.done.no_gain += 1
            return None
        if medium.digest not in self.counted:
            self.counted.add(medium.digest)
            self.done.media += 1
            self.done.before += medium.size
            self.done.after += len(data)
        return self._remade(kind, medium, data)

    def _remade(self, kind: _Kind, medium: Media, data: bytes) -> Media:
        was = {
            "format": self.format,
            "quality": self.quality,
            "digest": medium.digest,
            "bytes": medium.size,
            "media_type": medium.media_type,
        }
        parameters = {**medium.parameters, COMPRESSED: was}
        if self.dry_run:
            return replace(medium, parameters=parameters)
        made = kind.ingest(medium.role, data)
        return replace(
            medium,
            digest=self.workspace.blobs.put(made.data),
            size=len(made.data),
            media_type=made.media_type,
            facts=made.facts,
            parameters=parameters,
        )

    def _exchange(self, kind: _Kind, sample: Sample, after: Sequence[Media]) -> None:
        groups = list(kind.group_keys(after))
        if isinstance(kind, CanSpotCopies):
            groups += kind.marks(after).kept
        originals = self.workspace.store.originals
        try:
            freed = originals.replace(sample.id, sample.media, after, groups)
        except (ConflictError, NotFoundError):
            # Changed or forgotten meanwhile: the new blobs are left to `truing clean`.
            self.done.samples -= 1
            return
        unlisted = set(freed) - backing_up.backed_up(self.workspace.layout, freed)
        self.workspace.blobs.discard(unlisted, self.workspace.store.samples.needed_blobs)

    def finish(self) -> None:
        """Counts what stays of the old blobs."""
        if not self.dry_run:
            self.done.kept = sum(self.workspace.blobs.exists(one) for one in self.counted)
