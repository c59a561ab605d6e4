"""Ports: what the verbs need from a store, and nothing of how it keeps it.

Each port is one noun's collection. An implementation passes the conformance suite in
`truing.testing`. Every writing method is one transaction: all of it is durable when the method
returns, none of it when it raises. Reading methods see one moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, Protocol

from truing.domain.dataset import (
    Assignment,
    DatasetRef,
    DatasetRow,
    DatasetVersion,
    Split,
    SplitKind,
)
from truing.domain.erasure import Erasures, Renamed
from truing.domain.evaluation import Evaluation
from truing.domain.event import Event
from truing.domain.finding import CheckReport
from truing.domain.model import ModelRef, ModelState, ModelVersion, Promotion
from truing.domain.prediction import Prediction, Recognition
from truing.domain.review import Revision, Standing
from truing.domain.run import MetricPoint, Run, RunRequest, RunState, Want
from truing.domain.sample import (
    Added,
    NewSample,
    Page,
    Sample,
    SampleFilter,
    SampleOrder,
)
from truing.domain.tally import Count, Slice, Tally
from truing.domain.trash import Trash


class Blobs(Protocol):
    """Bytes by digest. Writing is durable before it returns and safe from several processes."""

    def put(self, data: bytes) -> str:
        """Stores bytes and returns `sha256:…`; storing what is there already costs one look."""
        ...

    def put_file(self, path: Path) -> str:
        """The same from a file, without holding it in memory."""
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

    def digests(self) -> Iterator[str]:
        """All digests, in no particular order."""
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

    def by_uids(self, uids: Sequence[str]) -> dict[str, Sample]:
        """Samples by uid; unknown ones are missing from the answer."""
        ...

    def by_source(self, source: str, keys: Sequence[str]) -> dict[str, int]:
        """Which keys of a source are stored already, with their sample numbers."""
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

    def add_prediction(self, id: int, prediction: Prediction) -> Prediction:
        """Appends a prediction and returns it with its number."""
        ...

    def set_report(self, id: int, report: CheckReport) -> None:
        """Replaces the findings and the quality."""
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

    def append_many(self, first: Sequence[tuple[Revision, Standing]]) -> list[Revision | None]:
        """Stores the first revisions of many samples in one transaction, as imports bring them.

        Args:
            first: for each sample one revision, with `id` 0, and the standing after it.

        Returns:
            The stored ones in the order given; None for a sample that has a revision by now or
            is gone: what a person decided is never overruled.
        """
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


class Datasets(Protocol):
    """Dataset versions and the ledger of split assignments."""

    def assignments(self, name: str, kind: SplitKind) -> Iterator[Assignment]:
        """Every assignment made by the versions of that dataset name with that kind of split, as
        a stream, by sample uid.
        """
        ...

    def next_number(self, name: str) -> int:
        """The number the next version of that name gets."""
        ...

    def add(
        self,
        version: DatasetVersion,
        rows: Iterable[DatasetRow],
        new_assignments: Iterable[Assignment],
    ) -> None:
        """Stores a version with its rows and the assignments it made, all or nothing. The
        assignments belong to the version's name and kind of split. Both are read as streams.

        Raises:
            ConflictError: the version exists already, or a sample was assigned meanwhile.
        """
        ...

    def get(self, ref: DatasetRef) -> DatasetVersion:
        """The head of a version.

        Raises:
            NotFoundError: no such version; the hint names those there are.
        """
        ...

    def all(self) -> list[DatasetVersion]:
        """All versions, newest first."""
        ...

    def rows(self, ref: DatasetRef, split: Split | None = None) -> Iterator[DatasetRow]:
        """The rows in frozen order, tombstones included."""
        ...

    def holding(self, uids: Sequence[str]) -> dict[str, list[str]]:
        """For each sample, the versions (`name@number`) that hold it."""
        ...

    def entomb(self, uids: Sequence[str]) -> list[str]:
        """Turns the rows of these samples into tombstones and removes their assignments;
        returns the versions touched.
        """
        ...


class Runs(Protocol):
    """Training runs and their figures."""

    def add(self, uid: str, request: RunRequest, created_at: int) -> Run:
        """Queues a run."""
        ...

    def get(self, id: int) -> Run:
        """One run.

        Raises:
            NotFoundError: no such run.
        """
        ...

    def all(self, *, limit: int = 100) -> list[Run]:
        """Newest first."""
        ...

    def claim(
        self, id: int, *, boot_id: str, pid: int, pid_start: int, now: int, lease_until: int
    ) -> Run | None:
        """Takes a run that is queued, paused with want `run`, or whose lease has expired: raises
        its fence and its attempts and marks it running. None when somebody else has it.
        """
        ...

    def heartbeat(
        self, id: int, fence: int, *, lease_until: int, step: int, total_steps: int
    ) -> Want | None:
        """Prolongs the lease and says what is wanted; None when the fence is stale: stop."""
        ...

    def want(self, id: int, want: Want) -> Run:
        """Records what a person wants of a run."""
        ...

    def end(
        self,
        id: int,
        fence: int,
        *,
        state: RunState,
        at: int,
        error: str | None = None,
        result: Mapping[str, object] | None = None,
    ) -> bool:
        """Ends or pauses a run; False when the fence is stale."""
        ...

    def report(self, id: int, points: Sequence[MetricPoint]) -> None:
        """Stores figures; one already there for the same step and name is replaced."""
        ...

    def metrics(self, id: int, *, after_step: int = -1) -> list[MetricPoint]:
        """Figures by step."""
        ...


class Models(Protocol):
    """Model versions, the champion of each modality and audience, and how it came about."""

    def add(self, model: ModelVersion) -> None:
        """Stores a version.

        Raises:
            ConflictError: the number is taken.
        """
        ...

    def next_number(self, modality: str) -> int:
        """The number the next version of that modality gets."""
        ...

    def get(self, ref: ModelRef) -> ModelVersion:
        """One version.

        Raises:
            NotFoundError: no such model; the hint names those there are.
        """
        ...

    def all(self, modality: str | None = None) -> list[ModelVersion]:
        """Newest first."""
        ...

    def set_state(self, ref: ModelRef, state: ModelState) -> None:
        """Marks a model."""
        ...

    def champion(self, modality: str, audience: str) -> str | None:
        """The reference of the model in use."""
        ...

    def champions(self, modality: str | None = None) -> Mapping[tuple[str, str], str]:
        """All models in use: (modality, audience) -> reference, ordered by both."""
        ...

    def promote(self, promotion: Promotion, *, expected: str | None) -> Promotion:
        """Moves the alias and records the move; a move to no model takes the alias away.

        Raises:
            ConflictError: the champion is no longer `expected`.
        """
        ...

    def promotions(self, modality: str, audience: str) -> list[Promotion]:
        """Moves of the alias, newest first."""
        ...

    def add_trial(self, test_digest: str, candidate: str, at: int) -> int:
        """Counts a candidate tried against a test set; returns its number, from 1. The same
        candidate keeps its number.
        """
        ...


class Evaluations(Protocol):
    """Figures and per-row scores."""

    def add(self, evaluation: Evaluation) -> Evaluation:
        """Stores an evaluation with its rows."""
        ...

    def find(self, model_digest: str, dataset: str, split: str, version: str) -> Evaluation | None:
        """The newest evaluation of that model on that split with that metric version, rows
        included.
        """
        ...

    def all(self, *, limit: int = 100) -> list[Evaluation]:
        """Heads, newest first."""
        ...

    def forget(self, uids: Sequence[str]) -> int:
        """Removes the rows of these samples; returns how many."""
        ...


class Events(Protocol):
    """The journal."""

    def add(self, event: Event) -> None:
        """Appends an entry."""
        ...

    def all(self, *, after: int = 0, limit: int = 200) -> list[Event]:
        """Entries with a number above `after`, oldest first."""
        ...


class Tallies(Protocol):
    """Figures over all samples, kept so that asking costs the same at any size."""

    def tally(
        self,
        modality: str,
        metric: str,
        count: Callable[[Sample], Count],
        *,
        at_most: int = 500,
    ) -> int:
        """Counts samples that are new or changed since they were counted.

        Args:
            modality: whose samples.
            metric: name and version; under another one everything is counted anew.
            count: says what a sample adds; others wait with writing while it is called.
            at_most: samples in this one transaction.

        Returns:
            How many were counted; 0 when nothing waits any more.
        """
        ...

    def sums(
        self,
        modality: str,
        by: Slice | None = None,
        *,
        where: Mapping[Slice, str] | None = None,
    ) -> dict[str, Tally]:
        """What the counted samples add up to, without those in the trash.

        Args:
            modality: whose samples.
            by: told apart by this; None for all in one, under an empty name.
            where: only these; an empty subject is who is not named.
        """
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

    @property
    def file(self) -> Path | None:
        """The file that is the whole database, None when it lives in a server."""
        ...

    @property
    def place(self) -> str:
        """The kind of the database and where it is, without password, for people."""
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

    def scrub(self) -> None:
        """Makes sure that no erased byte is left in the database's files."""
        ...

    def check(self) -> list[str]:
        """Problems found in the database itself: broken pages, counters that do not add up."""
        ...

    def close(self) -> None:
        """Ends all connections."""
        ...


class ModelFiles(Protocol):
    """Model folders of the workspace: written beside, sealed, moved into place in one step."""

    def draft(self) -> AbstractContextManager[Path]:
        """An empty folder for a model in the making, removed unless it was installed."""
        ...

    def install(self, draft: Path, ref: ModelRef, description: Mapping[str, object]) -> str:
        """Writes `model.json`, syncs, moves the folder into place; returns its digest.

        Raises:
            ConflictError: there is a model of that number.
        """
        ...

    def described(self, modality: str) -> Iterator[Mapping[str, object]]:
        """The descriptions of all models in place, recorded in the store or not yet."""
        ...

    def path(self, ref: ModelRef) -> Path:
        """The folder of a model.

        Raises:
            NotFoundError: its folder is gone.
        """
        ...

    def stale_drafts(self, *, older_than: float) -> list[Path]:
        """Drafts that a crash left behind, untouched for `older_than` seconds."""
        ...

    def collect_drafts(self, *, older_than: float) -> int:
        """Removes them; returns how many."""
        ...
