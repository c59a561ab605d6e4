"""Preferring: people choose between the results of two models, blind, and how often each wins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from truing.domain.dataset import DatasetRef, Split
from truing.domain.digest import PREFIX
from truing.domain.errors import ConflictError, NotFoundError, NothingToDoError
from truing.domain.modality import measures_of
from truing.domain.preference import Preference, WinRate
from truing.domain.review import State
from truing.loop import prefer
from truing.loop.prefer import Contest
from truing.metrics import win_rate as winning
from truing.workspace.models import model_named

if TYPE_CHECKING:
    from truing.domain.evaluation import EvaluatedRow
    from truing.domain.sample import Sample
    from truing.workspace import Workspace

AT_ONCE = 50
"""Samples read together."""
EARLY = 10
"""Until so many choices count, nothing is foretold from them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two results for one row, as one person is to see them."""

    sample: Sample
    instruction: str | None
    """What the pictures were to become; None where the results are texts."""
    left: EvaluatedRow
    right: EvaluatedRow

    @property
    def is_pictures(self) -> bool:
        """Whether the results are digests of pictures; else they are texts."""
        return is_picture(self.left) and is_picture(self.right)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a comparison is; it does not tell who is ahead."""

    counted: int
    """Originals on which somebody has chosen."""
    about: int
    """So many may be needed."""
    own: int
    """Choices of this person."""
    left: int
    """Rows that this person may still choose on."""
    equal: int
    """Rows that nobody is asked about, since both results are the very same."""
    enough: bool
    """Whether the result is clear, or there is no original left."""

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {
            "counted": self.counted,
            "about": self.about,
            "own": self.own,
            "left": self.left,
            "equal": self.equal,
            "enough": self.enough,
        }


class Preferring:
    """What people prefer; `Workspace.preferences`."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def start(self, model_a: str, model_b: str, dataset: str, split: str = "test") -> Contest:
        """Sets two models against each other that were evaluated on the same rows.

        Args:
            model_a: the one in use: `champion`, a model of the workspace, a folder or a hub id.
            model_b: the candidate.
            dataset: `name@number`.
            split: `test`, `validation` or `train`.

        Raises:
            NotFoundError: no such model, or it was not evaluated on these rows.
            InvalidInputError: it is one model, or they have no row in common.
            NothingToDoError: both made the very same of each row.
        """
        found = [self._evaluation(model, dataset, split) for model in (model_a, model_b)]
        return self.of(found[0], found[1])

    def usual_dataset(self, model: str) -> str:
        """The version a model is judged on where none is named: the one it was trained on, else
        the newest of its modality with test rows.

        Raises:
            NotFoundError: no such model, or no such version.
        """
        kind = self._workspace.usual_modality
        named = model_named(self._workspace, model, kind).version
        if named is not None and named.dataset is not None:
            return named.dataset
        kind = named.ref.modality if named is not None else kind
        for version in self._workspace.store.datasets.all():
            if version.modality == kind and version.counts.get(Split.TEST, 0):
                return str(version.ref)
        raise NotFoundError(
            f"there is no dataset of {kind} with test rows",
            hint=f"freeze one: truing dataset freeze NAME --modality {kind}",
        )

    def of(self, first: str, second: str) -> Contest:
        """The contest of two evaluations, by their uids.

        Raises:
            NotFoundError: no such evaluation.
            InvalidInputError: see `start`.
            NothingToDoError: see `start`.
        """
        evaluations = self._workspace.store.evaluations
        return prefer.contest(evaluations.get(first), evaluations.get(second))

    def next(
        self,
        contest: Contest,
        *,
        actor: str | None = None,
        skipped: Sequence[str] = (),
        limit: int = 1,
    ) -> list[Pair]:
        """The pairs that a person is shown next.

        Args:
            contest: see `start`.
            actor: who chooses; the workspace's own when left out.
            skipped: uids of samples that are passed over.
            limit: at most so many.
        """
        by = actor or self._workspace.actor
        passed = set(skipped)
        waiting = prefer.waiting(contest, self.votes(contest), by)
        wanted = [uid for uid in waiting if uid not in passed]
        found: list[Pair] = []
        for start in range(0, len(wanted), AT_ONCE):
            if len(found) < limit:
                found += self._pairs(contest, wanted[start : start + AT_ONCE], by)
        return found[:limit]

    def pair(self, contest: Contest, uid: str, *, actor: str | None = None) -> Pair:
        """One row as a person sees it.

        Raises:
            NotFoundError: it is no row of the contest, or was forgotten.
        """
        found = self._pairs(contest, [uid], actor or self._workspace.actor)
        if not found:
            raise NotFoundError(
                f"`{uid}` is no row of this comparison", hint="reload the page for the next one"
            )
        return found[0]

    def choose(
        self,
        contest: Contest,
        uid: str,
        side: str,
        *,
        actor: str | None = None,
        seconds: float | None = None,
    ) -> Preference:
        """Keeps what a person chose; the same choice again is the one that is kept already.

        Args:
            contest: see `start`.
            uid: of the sample.
            side: `left`, `right` or `tie`, as this person saw the pair.
            actor: who chose; the workspace's own when left out.
            seconds: how long it took.

        Raises:
            InvalidInputError: no such side or row.
            ConflictError: this person chose otherwise before.
        """
        by = actor or self._workspace.actor
        choice = prefer.chosen(contest, uid, by, side)
        made = Preference(
            uid=self._workspace.ids.new(),
            modality=contest.b.modality,
            dataset=contest.b.dataset,
            split=contest.b.split,
            model_a=contest.a.model_digest,
            model_b=contest.b.model_digest,
            sample_uid=uid,
            choice=choice,
            actor=by,
            created_at=self._workspace.clock.now(),
            seconds=seconds,
        )
        try:
            self._workspace.store.preferences.add(made)
        except ConflictError:
            own = [
                vote for vote in self.votes(contest) if (vote.sample_uid, vote.actor) == (uid, by)
            ]
            if not own or own[0].choice is not choice:
                raise
            return own[0]
        return made

    def undo(self, contest: Contest, *, actor: str | None = None) -> Preference:
        """Takes back what a person chose last in this contest.

        Raises:
            NothingToDoError: they chose nothing that is left.
        """
        by = actor or self._workspace.actor
        own = [vote for vote in self.votes(contest) if vote.actor == by]
        if not own:
            raise NothingToDoError(
                f"`{by}` has chosen nothing that could be taken back",
                hint="choices of others are theirs to take back",
            )
        self._workspace.store.preferences.remove(own[-1].uid)
        return own[-1]

    def votes(self, contest: Contest) -> list[Preference]:
        """All choices of all people, oldest first."""
        a, b = contest.a, contest.b
        return self._workspace.store.preferences.of(
            a.model_digest, b.model_digest, b.dataset, b.split
        )

    def progress(self, contest: Contest, *, actor: str | None = None) -> Progress:
        """How far a comparison is."""
        by = actor or self._workspace.actor
        votes = self.votes(contest)
        rate = self.result(contest, votes)
        # Samples that left since the evaluation are shown to nobody; choices on them stay.
        here = self._workspace.store.outlines.here(list(contest.rows))
        shown = here.union(vote.sample_uid for vote in votes) - contest.equal
        clusters = len({contest.clusters[uid] for uid in contest.rows if uid in shown})
        counted = rate.counted if rate is not None else 0
        needed = winning.votes_needed(())
        if rate is not None and counted >= EARLY:
            needed = rate.needed
        about = clusters if needed is None else min(clusters, max(needed, counted))
        own = sum(vote.actor == by for vote in votes)
        return Progress(
            counted=counted,
            about=about,
            own=own,
            left=len(here.intersection(prefer.waiting(contest, votes, by))),
            equal=len(contest.equal),
            enough=counted >= clusters or (rate is not None and rate.decided),
        )

    def result(
        self,
        contest: Contest,
        votes: Sequence[Preference] | None = None,
        *,
        level: float = winning.LEVEL,
    ) -> WinRate | None:
        """How often model b of the contest is preferred; None while nobody has chosen."""
        given = self.votes(contest) if votes is None else votes
        return winning.win_rate(given, contest.clusters, contest.equal, level=level)

    def win_rate(
        self,
        model_a: str,
        model_b: str,
        dataset: str,
        split: str = "test",
        *,
        level: float = winning.LEVEL,
    ) -> WinRate | None:
        """How often people prefer the results of model b to those of model a.

        Args:
            model_a: a digest, or a name as `start` takes it.
            model_b: the same.
            dataset: `name@number`.
            split: `test`, `validation` or `train`.
            level: of the interval.

        Returns:
            None when nobody has chosen between them.

        Raises:
            NotFoundError: no such model, or people chose and its evaluation is not there.
        """
        digests = [self._digest(model, dataset) for model in (model_a, model_b)]
        votes = self._workspace.store.preferences.of(digests[0], digests[1], dataset, split)
        if not votes:
            return None
        return self.result(self.start(digests[0], digests[1], dataset, split), votes, level=level)

    def _pairs(self, contest: Contest, uids: Sequence[str], actor: str) -> list[Pair]:
        samples = self._workspace.store.samples.by_uids(uids)
        told = self._instructions(contest)
        found = []
        for uid in uids:
            sample = samples.get(uid)
            if sample is None or sample.state is State.TRASHED or uid not in contest.rows:
                continue
            a, b = contest.rows[uid]
            left, right = (a, b) if prefer.left_is_a(contest, uid, actor) else (b, a)
            pair = Pair(sample=sample, instruction=told.get(uid), left=left, right=right)
            found.append(pair)
        return found

    def _instructions(self, contest: Contest) -> dict[str, str]:
        """What each picture was to become; nothing where the results are texts themselves."""
        from truing.workspace.proving import truths_of

        if not all(is_picture(row) for row in next(iter(contest.rows.values()))):
            return {}
        return truths_of(self._workspace, contest.b)

    def _digest(self, model: str, dataset: str) -> str:
        if model.startswith(PREFIX):
            return model
        return model_named(self._workspace, model, self._modality(dataset)).digest

    def _modality(self, dataset: str) -> str:
        return self._workspace.store.datasets.get(DatasetRef.parse(dataset)).modality

    def _evaluation(self, model: str, dataset: str, split: str) -> str:
        """The uid of the newest evaluation of a model on these rows.

        Raises:
            NotFoundError: there is none.
        """
        store, kind = self._workspace.store, self._modality(dataset)
        digest = self._digest(model, dataset)
        measure = measures_of(self._workspace.modality(kind), self._workspace.settings)[0]
        found = store.evaluations.find(digest, dataset, split, measure.version)
        if found is None:
            raise NotFoundError(
                f"`{model}` was not evaluated on the {split} rows of `{dataset}`",
                hint=f"truing evaluate {model} --dataset {dataset}",
            )
        return found.uid


def is_picture(row: EvaluatedRow) -> bool:
    """Whether a model's result is the digest of a picture, not a text."""
    digest = row.prediction.removeprefix(PREFIX)
    return digest != row.prediction and len(digest) == 64 and " " not in digest
