"""Ports: what the verbs need from a store, and nothing of how it keeps it.

Each port is one noun's collection; most live beside their noun. An implementation passes the
conformance suite in `truing.testing`. Every writing method is one transaction: all of it is durable
when the method returns, none of it when it raises. Reading methods see one moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, Protocol

from truing.domain.archive import Archives
from truing.domain.arrival import Arrivals
from truing.domain.census import Census
from truing.domain.compression import Originals
from truing.domain.contact import Contacts
from truing.domain.dataset import Datasets
from truing.domain.erasure import Erasures, Renamed
from truing.domain.errors import ConflictError, NotFoundError
from truing.domain.evaluation import Evaluations
from truing.domain.event import Events
from truing.domain.finding import CheckReport
from truing.domain.model import Models
from truing.domain.outline import Outlines
from truing.domain.person import People
from truing.domain.picture import Pictures
from truing.domain.prediction import Prediction, Recognition
from truing.domain.preference import Preferences
from truing.domain.rating import Ratings
from truing.domain.review import Appended, Revision, Standing
from truing.domain.run import Runs
from truing.domain.sample import (
    Added,
    Description,
    NewSample,
    Page,
    Redescribed,
    Sample,
    SampleFilter,
    SampleOrder,
)
from truing.domain.tally import Tallies
from truing.domain.trash import Trash


class Blobs(Protocol):
    """Bytes by digest. Writing is durable before it returns and safe from several processes."""

    def put(self, data: bytes) -> str:
        """Stores bytes and returns `sha256:…`; storing what is there already costs one look."""
        ...

    def put_file(self, path: Path) -> str:
        """The same from a file, without holding it in memory."""
        ...

    def mend(self, path: Path) -> str:
        """Stores a file's bytes as `put_file` does, in the place of whatever lies under their
        digest: for blobs that were damaged.
        """
        ...

    def together(self) -> AbstractContextManager[None]:
        """A block in which many blobs are put by the same thread: quicker, and durable when the
        block ends well. Until then they need not be readable; when it raises, those that were
        not here before need not be kept.
        """
        ...

    def open(self, digest: str) -> BinaryIO:
        """A readable stream.

        Raises:
            NotFoundError: no such blob.
        """
        ...

    def read(self, digest: str) -> bytes:
        """All bytes of a blob, verified against its digest.

        Raises:
            NotFoundError: no such blob.
            DamagedError: the bytes no longer match.
        """
        ...

    def path(self, digest: str) -> Path:
        """A local file holding the blob, for decoders that want one. Never write to it.

        Raises:
            NotFoundError: no such blob.
        """
        ...

    def exists(self, digest: str) -> bool:
        """Whether the blob is there."""
        ...

    def delete(self, digest: str) -> bool:
        """Removes a blob for good; False when it was not there."""
        ...

    def discard(
        self, digests: Iterable[str], needed: Callable[[Sequence[str]], set[str]]
    ) -> list[str]:
        """Removes blobs that nothing needs any more; returns those that were there.

        Whoever stores a sample puts its blobs first and the row after that, and then looks whether
        the blobs are still there. So each is asked about when it can be found no more, and comes
        back if somebody needs it by then.

        Args:
            digests: of the blobs.
            needed: tells which of some digests a sample or version refers to now.
        """
        ...

    def digests(self) -> Iterator[str]:
        """All digests, in ascending order."""
        ...

    def orphans(self, referenced: Iterable[str], *, older_than: float) -> Iterator[tuple[str, int]]:
        """What `collect_orphans` would remove: a digest, or the name of a temporary file, and how
        many bytes it has.
        """
        ...

    def collect_orphans(self, referenced: Iterable[str], *, older_than: float) -> int:
        """Removes blobs that nothing refers to and stale temporary files, both older than
        `older_than` seconds; returns how many.
        """
        ...

    def verify(self, digest: str) -> bool:
        """Whether the stored bytes match the digest."""
        ...


class Samples(Protocol):
    """Samples with their media, predictions and findings."""

    def add(self, samples: Sequence[NewSample]) -> list[Added]:
        """Stores all of them or none. One whose (source, source_key) is known already is not
        stored again: its `Added` names the sample that is there, with `new=False`.
        """
        ...

    def get(self, id: int) -> Sample:
        """One sample by its number.

        Raises:
            NotFoundError: no such sample.
        """
        ...

    def by_ids(self, ids: Sequence[int]) -> list[Sample]:
        """Samples by number, in the order given; unknown ones are left out."""
        ...

    def by_uids(self, uids: Sequence[str]) -> dict[str, Sample]:
        """Samples by uid; unknown ones are missing from the answer."""
        ...

    def by_source(self, source: str, keys: Sequence[str]) -> dict[str, int]:
        """Which keys of a source are stored already, with their sample numbers; those of samples
        that lie in an archive as well.
        """
        ...

    def by_groups(self, keys: Sequence[str]) -> dict[str, list[int]]:
        """Which samples carry a group key: numbers by key, ascending; unknown keys are missing."""
        ...

    def page(
        self, where: SampleFilter, order: SampleOrder, *, after: str | None = None, limit: int = 50
    ) -> Page[Sample]:
        """One page by key.

        Raises:
            InvalidInputError: `after` is no cursor of this order.
        """
        ...

    def iterate(self, where: SampleFilter, *, batch: int = 500) -> Iterator[Sample]:
        """All matching samples by ascending number, read in batches; safe to write meanwhile."""
        ...

    def count(self, where: SampleFilter) -> int:
        """How many match."""
        ...

    def state_counts(self, modality: str | None = None) -> dict[str, int]:
        """Samples per state and `trained`, from counters: costs the same at any size."""
        ...

    def finding_counts(self, modality: str | None = None) -> dict[str, int]:
        """Undecided samples per check that found something in them."""
        ...

    def add_prediction(self, id: int, prediction: Prediction) -> Prediction:
        """Appends a prediction and returns it with its number."""
        ...

    def set_report(self, id: int, report: CheckReport) -> None:
        """Replaces the findings and the quality."""
        ...

    def redescribe(
        self, ids: Sequence[int], change: Callable[[int, Description], Description]
    ) -> dict[int, Redescribed]:
        """Changes who is recorded, the sitting and the tags of samples, in one transaction.

        Args:
            ids: of the samples; unknown ones are missing from the answer.
            change: gives the new description of a sample from its number and the present one;
                others wait with writing while it is called. Tags are kept sorted, each once.
        """
        ...

    def tag_counts(self) -> dict[str, int]:
        """All tags there are, with how many samples have each."""
        ...

    def mark_trained(self, uids: Iterable[str]) -> None:
        """Remembers that a finished run used these samples."""
        ...

    def erase(self, ids: Sequence[int]) -> list[str]:
        """Removes samples with everything that hangs on them, search index included, and
        returns the digests of blobs to which nothing refers any more.
        """
        ...

    def referenced_blobs(self) -> Iterator[str]:
        """Every digest a sample refers to."""
        ...

    def needed_blobs(self, digests: Sequence[str]) -> set[str]:
        """Those of the digests that a sample or a live row of a dataset version refers to."""
        ...


class Reviews(Protocol):
    """Revisions; the sample's derived state is kept beside them in the same transaction."""

    def append(self, revision: Revision, result: Standing, *, expected: int) -> Revision:
        """Stores a revision and the standing that follows from it.

        Args:
            revision: with `id` 0; the stored one is returned.
            result: the standing after it, derived by the caller.
            expected: id of the sample's newest revision that the caller saw, 0 for none.

        Raises:
            ConflictError: somebody else reviewed the sample in between.
            NotFoundError: no such sample.
        """
        ...

    def append_each(
        self, revisions: Sequence[Appended]
    ) -> list[Revision | ConflictError | NotFoundError]:
        """Stores revisions of different samples in one transaction, as `append` does each; the
        error stands in the place of one that is refused, and keeps no other back.
        """
        ...

    def append_all(
        self, revisions: Sequence[Appended], contexts: Mapping[int, Mapping[str, object]]
    ) -> list[Revision]:
        """Stores revisions of different samples, and what is known of samples from now on, all of
        it or nothing.

        Args:
            revisions: as `append` takes each.
            contexts: the whole new context of samples, by number.

        Raises:
            ConflictError: somebody else reviewed one of the samples in between.
            NotFoundError: one of the samples is gone.
        """
        ...

    def append_many(self, first: Sequence[tuple[Revision, Standing]]) -> list[Revision | None]:
        """Stores the first revisions of many samples in one transaction, as imports bring them.

        Args:
            first: for each sample one revision, with `id` 0, and the standing after it.

        Returns:
            The stored ones in the order given; None for a sample that has a revision by now or
            is gone: what a person decided is never overruled.
        """
        ...

    def of_many(self, sample_ids: Sequence[int]) -> dict[int, list[Revision]]:
        """All revisions of some samples, oldest first; those without any are missing."""
        ...

    def of(self, sample_id: int) -> list[Revision]:
        """All revisions of a sample, oldest first."""
        ...

    def get(self, id: int) -> Revision:
        """One revision.

        Raises:
            NotFoundError: no such revision.
        """
        ...

    def latest_by(self, actor: str, *, limit: int = 50) -> list[Revision]:
        """The newest revisions of an actor, newest first, for undo."""
        ...

    def latest(self, *, limit: int = 500) -> list[Revision]:
        """The newest revisions of everybody, newest first."""
        ...

    def iterate(self, modality: str | None = None, *, batch: int = 1000) -> Iterator[Revision]:
        """All revisions, oldest first."""
        ...


class Recognitions(Protocol):
    """A cache of recognizer outputs by model digest and media digest."""

    def get(self, model_digest: str, media_key: str) -> Recognition | None:
        """What that model said of that media before."""
        ...

    def put(self, model_digest: str, media_key: str, recognition: Recognition) -> None:
        """Remembers an output; a second one for the same key is ignored."""
        ...


class Store(Protocol):
    """All collections of one workspace over one database."""

    samples: Samples
    reviews: Reviews
    recognitions: Recognitions
    datasets: Datasets
    runs: Runs
    models: Models
    evaluations: Evaluations
    events: Events
    erasures: Erasures
    trash: Trash
    tallies: Tallies
    census: Census
    people: People
    pictures: Pictures
    ratings: Ratings
    contacts: Contacts
    preferences: Preferences
    arrivals: Arrivals
    outlines: Outlines
    archives: Archives
    originals: Originals

    @property
    def file(self) -> Path | None:
        """The file that is the whole database, None when it lives in a server."""
        ...

    @property
    def place(self) -> str:
        """The kind of the database and where it is, without password, for people."""
        ...

    def marks(self) -> dict[str, tuple[object, ...]]:
        """For `samples`, `runs`, `models` and `datasets` something that differs after most
        writes, whoever wrote: a look that costs little, for those who wait for news.
        """
        ...

    @property
    def left_behind(self) -> tuple[str, ...]:
        """Where erased texts may still be read after `scrub`, in sentences for people."""
        ...

    def rename_subject(self, name: str, pseudonym: str, *, everywhere: bool) -> Renamed:
        """Replaces the name of a speaker who is forgotten, in one transaction for each table:
        as an audience, in requests, figures, reasons and the journal, and with `everywhere` also
        in the context of other samples. Champions of their own are retired. What others said,
        their sessions and source keys, and reviewers, keep the name.
        """
        ...

    def tidy(self) -> None:
        """Brings what grew piece by piece into order, so that it is read quickly again; others
        write in between.
        """
        ...

    def scrub(self) -> None:
        """Makes sure that no erased byte is left in the database's files."""
        ...

    def check(self) -> list[str]:
        """Problems found in the database itself: broken pages, counters that do not add up."""
        ...

    def close(self) -> None:
        """Ends all connections."""
        ...
