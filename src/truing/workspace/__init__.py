"""A workspace: one folder that holds a loop, and the door to every verb.

This is the composition root: it opens the stores, finds modalities and formats by name and hands
them to the verbs. It holds no SQL and no rules. The work of each method is in the module of this
package named after its stage: collecting, exporting, datasets, training, proving, promoting,
keeping; `models` finds models by name, `folder` knows where things lie.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from truing.domain.clock import Clock, SystemClock
from truing.domain.closing import Closing
from truing.domain.ids import IdSource, Uuid7Source
from truing.domain.registry import Registry
from truing.domain.sample import Sample, SampleFilter
from truing.domain.settings import Setting, Settings
from truing.domain.settings_table import SETTINGS
from truing.formats import FORMATS
from truing.modalities import MODALITIES
from truing.workspace.folder import (
    Layout,
    create,
    database_of,
    find,
    open_blobs,
    open_log,
    set_value,
    settings_of,
)

if TYPE_CHECKING:
    from truing.domain.backup import Backup
    from truing.domain.choice import Choice
    from truing.domain.comparison import Comparison
    from truing.domain.dataset import DatasetVersion
    from truing.domain.evaluation import Evaluation
    from truing.domain.modality import Modality
    from truing.domain.model import ModelFiles, Promotion
    from truing.domain.ports import Blobs, Store
    from truing.domain.prediction import Prediction, Recognition
    from truing.domain.rating import Rating
    from truing.domain.review import Revision, Verdict
    from truing.domain.run import Run
    from truing.domain.sample import Added
    from truing.jobs.supervisor import Supervisor
    from truing.live.recognizer import Recognizer
    from truing.loop.forget import Forgotten
    from truing.loop.import_rows import Imported
    from truing.loop.judge import GateVerdict
    from truing.loop.review import Reviewed
    from truing.loop.select import Selected
    from truing.loop.suspect import Doubted
    from truing.workspace.joining import Joining
    from truing.workspace.preferring import Preferring
    from truing.workspace.quota import Admission

__all__ = ["Workspace"]

modalities = Registry("modality", MODALITIES, "truing.modalities")
formats = Registry("format", FORMATS, "truing.formats")


class Workspace(Closing):
    """One loop in one folder. Use it as a context manager, or call `close()`.

    Args:
        layout: the folder.
        settings: resolved settings.
        clock: tells the time.
        ids: names new things.
        rng: source of chance; fixed in tests.
    """

    def __init__(
        self,
        layout: Layout,
        settings: Settings,
        *,
        clock: Clock | None = None,
        ids: IdSource | None = None,
        rng: random.Random | None = None,
    ) -> None:
        from truing.stores.database.store import open_database
        from truing.stores.model_files import LocalModelFiles
        from truing.workspace.backups import back_up_before_migrating

        self.layout = layout
        self.settings = settings
        self.clock: Clock = clock or SystemClock()
        self.ids: IdSource = ids or Uuid7Source(self.clock)
        self.rng: random.Random = rng or random.SystemRandom()
        self.store: Store = open_database(
            database_of(layout, settings),
            clock=self.clock,
            before_migrating=partial(
                back_up_before_migrating, layout, self.clock, database_of(layout, settings)
            ),
        )
        self.blobs: Blobs = open_blobs(layout, settings, self.clock)
        self.model_files: ModelFiles = LocalModelFiles(layout.models)
        open_log(layout, settings.text("log.level"))

    # --- opening -------------------------------------------------------------------------------

    @classmethod
    def create(
        cls,
        folder: str | Path,
        *,
        database: str = "",
        blobs: str = "",
        **parts: Any,  # noqa: ANN401 - clock, ids, rng
    ) -> Workspace:
        """Makes a workspace and opens it.

        Args:
            folder: where; empty or not there yet.
            database: `postgresql://user@host/name` of an empty database; else a file in it.
            blobs: `s3://bucket/prefix` for media; else a folder in it.
            parts: clock, ids and rng of the workspace.

        Raises:
            ConflictError: the folder is a workspace already, or not empty, or the database holds
                one.
            UnavailableError: the database or the object store cannot be reached or written.
        """
        from truing.domain.event import Event
        from truing.workspace import moving, moving_blobs

        if blobs:
            moving_blobs.check_place(blobs)
        if database:
            moving.check_new(database)
        layout = create(Path(folder))
        if database:
            set_value(layout, known_settings(), moving.KEY, database)
        if blobs:
            set_value(layout, known_settings(), moving_blobs.KEY, blobs)
        workspace = cls.open(folder, **parts)
        created = Event(kind="workspace-created", at=workspace.clock.now(), actor=workspace.actor)
        workspace.store.events.add(created)
        return workspace

    @classmethod
    def open(
        cls,
        folder: str | Path | None = None,
        *,
        flags: Mapping[str, str] | None = None,
        environ: Mapping[str, str] | None = None,
        **parts: Any,  # noqa: ANN401 - clock, ids, rng
    ) -> Workspace:
        """Opens the workspace meant: `folder`, then TRUING_WORKSPACE, then upwards from here.

        Raises:
            NoWorkspaceError: there is none.
            SettingError: a setting that does not exist or fit.
            DamagedError: the database is newer than this version, or broken.
        """
        environ = os.environ if environ is None else environ
        layout = find(Path(folder) if folder is not None else None, environ, Path.cwd())
        settings = settings_of(
            layout, flags=flags or {}, environ=environ, extra=modality_settings()
        )
        return cls(layout, settings, **parts)

    def close(self) -> None:
        """Ends all connections."""
        self.store.close()

    @property
    def actor(self) -> str:
        """Who reviews: the setting, else the login name."""
        from truing.platform.terminal import login_name

        return self.settings.text("review.actor") or login_name()

    @property
    def usual_modality(self) -> str:
        """The modality that is meant where none is named; see `choices.usual`."""
        from truing.workspace.choices import usual

        return usual(self)

    def modality(self, name: str) -> Modality:
        """A modality by name.

        Raises:
            NotFoundError: no such modality.
        """
        made: Modality = modalities.load(name)()
        return made

    # --- capture and review --------------------------------------------------------------------

    def capture(self, modality: str = "speech", **utterance: Any) -> Added | None:  # noqa: ANN401
        """Keeps one moment of use; see `collecting.capture` for what it takes."""
        from truing.workspace import collecting

        return collecting.capture(self, modality, **utterance)

    def add_prediction(self, id: int, said: Recognition, *, model: str | None = None) -> Prediction:
        """Appends what a recognizer said of a sample later on.

        Raises:
            NotFoundError: no such sample.
        """
        from truing.domain.prediction import Prediction, PredictionKind

        now = self.clock.now()
        kind = PredictionKind.RECOGNIZER
        prediction = Prediction(kind=kind, recognition=said, model=model, created_at=now)
        return self.store.samples.add_prediction(id, prediction)

    def joining(self, modality: str, *, source: str, subject: str | None = None) -> Joining:
        """For an app that hands over video, output and correction one by one; see `joining`."""
        from truing.workspace.joining import Joining

        return Joining(self, modality, source=source, subject=subject)

    def import_from(self, format: str, path: str | Path, **options: Any) -> Imported:  # noqa: ANN401
        """Brings in everything a foreign source holds; see `collecting.import_from`.

        A source at `s3://bucket/prefix` is fetched first; see `bucket_trees`.
        """
        from truing.workspace import bucket_trees, collecting

        if isinstance(path, str) and bucket_trees.names_bucket(path):
            return bucket_trees.import_from_bucket(self, format, path, **options)
        return collecting.import_from(self, format, Path(path), **options)

    def export(
        self,
        format: str,
        target: str | Path | None = None,
        **options: Any,  # noqa: ANN401
    ) -> Path | str:
        """Writes samples or a dataset version in a foreign format; see `exporting.export`.

        Returns:
            Where it was written; the URL for a target at `s3://bucket/prefix`.
        """
        from truing.workspace import bucket_trees, exporting

        if isinstance(target, str) and bucket_trees.names_bucket(target):
            return bucket_trees.export_to_bucket(self, format, target, **options)
        return exporting.export(self, format, Path(target) if target else None, **options)

    def sample(self, id: int) -> Sample:
        """One sample with everything that belongs to it.

        Raises:
            NotFoundError: no such sample.
        """
        return self.store.samples.get(id)

    def queue(self, order: str = "mixed", where: SampleFilter | None = None) -> Iterator[Selected]:
        """Undecided samples in the order named; see `selecting.queue`.

        Raises:
            InvalidInputError: no such order.
        """
        from truing.workspace import selecting

        return selecting.queue(self, order, where or SampleFilter())

    def review(
        self,
        id: int,
        verdict: Verdict | str,
        truth: str | None = None,
        *,
        expected: int | None = None,
        **details: Any,  # noqa: ANN401 - see `loop.review.Decision`
    ) -> Reviewed:
        """Appends a decision: `accepted`, `corrected` (with its truth), `rejected`, `skipped`.

        Raises:
            NotFoundError: no such sample.
            InvalidInputError: a truth that is missing, empty or too long.
            ConflictError: somebody else decided since revision `expected`.
        """
        from truing.domain.review import Verdict
        from truing.loop.review import Decision, review

        details.setdefault("actor", self.actor)
        decision = Decision(verdict=Verdict(verdict), truth=truth, **details)
        store = self.store
        return review(id, decision, store.samples, store.reviews, self.clock, expected=expected)

    def rate(
        self, id: int, value: int, reason: str | None = None, actor: str | None = None
    ) -> Rating:
        """Says how good a sample is, from 1 to 5, and why; see `rating.rate`."""
        from truing.workspace import rating

        return rating.rate(self, id, value, reason, actor)

    def choose(self, id: int, actor: str | None = None) -> Choice:
        """Takes one of several results of one moment; see `loop.choose.choose`."""
        from truing.loop.choose import choose

        store = self.store
        return choose(id, store.samples, store.reviews, self.clock, actor=actor or self.actor)

    def ratings(self, id: int) -> list[Rating]:
        """All ratings of a sample, oldest first; see `rating.ratings`."""
        from truing.workspace import rating

        return rating.ratings(self, id)

    def undo(self, revision: int | None = None) -> Reviewed | None:
        """Takes a revision back; without a number, this person's newest. None: nothing to undo."""
        from truing.loop.review import last_to_undo, undo

        reviews = self.store.reviews
        if revision is None:
            last = last_to_undo(self.actor, reviews)
            if last is None:
                return None
            revision = last.id
        return undo(revision, self.actor, reviews, self.clock)

    def history(self, id: int) -> list[Revision]:
        """All revisions of a sample, oldest first."""
        self.store.samples.get(id)
        return self.store.reviews.of(id)

    def check(self, where: SampleFilter | None = None, **options: Any) -> Any:  # noqa: ANN401
        """Looks at stored samples again; see `collecting.check`."""
        from truing.workspace import collecting

        return collecting.check(self, where or SampleFilter(), **options)

    def check_labels(self, where: SampleFilter | None = None, **options: Any) -> Doubted:  # noqa: ANN401
        """Ranks labels by how surely models doubt them; see `suspecting.check_labels`."""
        from truing.workspace import suspecting

        return suspecting.check_labels(self, where or SampleFilter(), **options)

    # --- datasets, training, proof -------------------------------------------------------------

    def freeze(self, name: str, **options: Any) -> DatasetVersion:  # noqa: ANN401
        """Makes the next version of a dataset; see `datasets.freeze`."""
        from truing.workspace import datasets

        return datasets.freeze(self, name, **options)

    def train(self, dataset: str, **options: Any) -> Run:  # noqa: ANN401
        """Queues and starts a run; see `training.train`."""
        from truing.workspace import training

        return training.train(self, dataset, **options)

    def evaluate(self, model: str, dataset: str, split: str = "test", **options: Any) -> Evaluation:  # noqa: ANN401
        """Figures of a model on held-out rows; see `proving.evaluate`."""
        from truing.workspace import proving

        return proving.evaluate(self, model, dataset, split, **options)

    def compare(self, first: str, second: str, dataset: str, **options: Any) -> Comparison:  # noqa: ANN401
        """Two models on the same rows; see `proving.compare`."""
        from truing.workspace import proving

        return proving.compare(self, first, second, dataset, **options)

    def promote(self, model: str, **options: Any) -> GateVerdict:  # noqa: ANN401
        """Makes a model the champion if the gate passes; see `promoting.promote`."""
        from truing.workspace import promoting

        return promoting.promote(self, model, **options)

    def roll_back(self, modality: str = "speech", audience: str = "general") -> Promotion:
        """Puts the previous champion back.

        Raises:
            NothingToDoError: there is no previous one.
        """
        from truing.workspace import promoting

        return promoting.roll_back(self, modality, audience)

    @cached_property
    def preferences(self) -> Preferring:
        """What people prefer of two models' results, told blind."""
        from truing.workspace.preferring import Preferring

        return Preferring(self)

    @cached_property
    def jobs(self) -> Supervisor:
        """Starts and watches training runs."""
        from truing.jobs.supervisor import Supervisor

        return Supervisor(
            self.store.runs,
            folder=self.layout.root,
            clock=self.clock,
            max_attempts=self.settings.whole("jobs.attempts"),
        )

    @cached_property
    def admission(self) -> Admission:
        """Refuses what does not fit on the disk or within the quota."""
        from truing.workspace.quota import Admission

        return Admission(self)

    def recognizer(self, modality: str = "speech", **options: Any) -> Recognizer:  # noqa: ANN401
        """The champion in this process, swapped under the app when another is promoted."""
        from truing.workspace import promoting

        return promoting.recognizer(self, modality, **options)

    # --- keeping -------------------------------------------------------------------------------

    def forget(self, *, ids: Sequence[int] | None = None, **whom: str | None) -> Forgotten:
        """Erases samples, or a whole person by `subject` or `contact`, everywhere; see
        `forgetting.forget`.
        """
        from truing.workspace import forgetting

        return forgetting.forget(self, ids=ids, **whom)

    def delete(
        self, *, ids: Sequence[int] | None = None, where: SampleFilter | None = None
    ) -> list[int]:
        """Moves samples into the trash, from where they can be taken back; see `trash.delete`."""
        from truing.workspace import trash

        return trash.delete(self, ids=ids, where=where)

    def back_up(self, reason: str = "by-hand") -> Backup:
        """Makes a backup inside the workspace; see `backups.create_backup`."""
        from truing.workspace import backups

        return backups.create_backup(self, reason)


def modality_settings() -> tuple[Setting, ...]:
    """The settings that modalities bring, built-in ones and plugins."""
    return tuple(
        setting for name in modalities.names() for setting in modalities.load(name).settings
    )


def known_settings() -> tuple[Setting, ...]:
    """Every setting there is."""
    return (*SETTINGS, *modality_settings())
