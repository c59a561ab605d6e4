"""Catalogue: models and dataset versions with what the workspace knows of each, as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from truing.domain.clock import to_iso
from truing.domain.dataset import DatasetRef, DatasetRow, DatasetVersion, Split
from truing.domain.evaluation import Evaluation
from truing.domain.model import ModelRef, ModelVersion
from truing.domain.review import State
from truing.domain.sample import SampleFilter, Sampling
from truing.loop.promote import champions as in_turn
from truing.workspace.models import details

if TYPE_CHECKING:
    from truing.workspace import Workspace

EVALUATIONS = 1000
"""The newest evaluations that are looked at."""
PROMOTIONS = 50


def champions(workspace: Workspace, modality: str | None = None) -> list[dict[str, object]]:
    """The models in use, with the move that brought each."""
    models = workspace.store.models
    found: list[dict[str, object]] = []
    for (kind, who), ref in models.champions(modality).items():
        moves = models.promotions(kind, who)
        found.append(
            {
                "modality": kind,
                "audience": who,
                "model": ref,
                "previous": moves[0].previous if moves else None,
                "since": to_iso(moves[0].at) if moves else None,
                "reason": moves[0].reason if moves else None,
                "back_to": next(reversed([name for name in in_turn(moves) if name != ref]), None),
                "moves": [move.as_dict() for move in moves[:PROMOTIONS]],
            }
        )
    return found


def models(workspace: Workspace, modality: str | None = None) -> list[dict[str, object]]:
    """All models, newest first, each with whom it serves and its newest figure on a test set."""
    in_use = workspace.store.models.champions(modality)
    newest = _newest_figures(workspace)
    return [
        {
            **_version(one),
            "champion": [who for (_, who), ref in in_use.items() if ref == str(one.ref)],
            "evaluation": newest.get(one.digest),
        }
        for one in workspace.store.models.all(modality)
    ]


def model(workspace: Workspace, ref: ModelRef) -> dict[str, object]:
    """Everything about one model: files, lineage, figures, and the moves that it was part of.

    Raises:
        NotFoundError: no such model.
        DamagedError: its description cannot be read.
    """
    told = details(workspace, str(ref), ref.modality)
    every = workspace.store.models.all(ref.modality)
    figures = [
        _figure(one)
        for one in workspace.store.evaluations.all(limit=EVALUATIONS)
        if one.model_digest == told.version.digest
    ]
    on_tests = (one for one in figures if one["split"] == Split.TEST.value)
    return {
        **told.as_dict(),
        **_version(told.version),
        "evaluation": next(on_tests, None),
        "evaluations": figures,
        "children": [str(one.ref) for one in every if one.parents[:1] == (str(ref),)],
        "promotions": [move for move in _moves(workspace, ref.modality) if _is_of(move, ref)],
    }


def _version(one: ModelVersion) -> dict[str, object]:
    return {**one.as_dict(), "created_at": to_iso(one.created_at)}


def _moves(workspace: Workspace, modality: str) -> list[Mapping[str, Any]]:
    store = workspace.store.models
    whose = {who for _, who in store.champions(modality)}
    whose |= {one.audience for one in store.all(modality)}
    return [move.as_dict() for who in sorted(whose) for move in store.promotions(modality, who)]


def _is_of(move: Mapping[str, Any], ref: ModelRef) -> bool:
    return str(ref) in (move["model"], move["previous"])


def _newest_figures(workspace: Workspace) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = {}
    for one in workspace.store.evaluations.all(limit=EVALUATIONS):
        if one.split == Split.TEST.value:
            found.setdefault(one.model_digest, _figure(one))
    return found


def _figure(one: Evaluation) -> dict[str, object]:
    return {
        "metric": one.metric,
        "value": one.figures.get(one.metric),
        "ci": one.figures.get("ci"),
        "rows": one.figures.get("rows"),
        "dataset": one.dataset,
        "split": one.split,
        "at": to_iso(one.created_at),
        "figures": dict(one.figures),
    }


# --- datasets ------------------------------------------------------------------------------------


def version_as_dict(version: DatasetVersion) -> dict[str, object]:
    """The head of a version; the instant is ISO 8601."""
    return {
        **version.as_dict(),
        "name": version.ref.name,
        "number": version.ref.number,
        "created_at": to_iso(version.created_at),
    }


def dataset(workspace: Workspace, ref: DatasetRef) -> dict[str, object]:
    """A version with what its rows amount to, and the models that learned from it.

    Raises:
        NotFoundError: no such version.
    """
    version = workspace.store.datasets.get(ref)
    learned = workspace.store.models.all(version.modality)
    return {
        **version_as_dict(version),
        "statistics": _statistics(workspace.store.datasets.rows(ref)),
        "models": [str(one.ref) for one in learned if one.dataset == str(ref)],
    }


def awaited(workspace: Workspace, where: SampleFilter) -> dict[str, int]:
    """What freezing would look at now; some of it may stay out for its findings or consent.

    Args:
        workspace: where the samples are.
        where: which; their states are left aside.

    Returns:
        `reviewed`: samples with a truth; `may_test`: those of them that may be tested on.
    """
    samples = workspace.store.samples
    reviewed = replace(where, states=(State.ACCEPTED, State.CORRECTED))
    may_test = [
        replace(reviewed, sampling=one)
        for one in Sampling
        if one.may_test and where.sampling in (None, one)
    ]
    return {
        "reviewed": samples.count(reviewed),
        "may_test": sum(samples.count(one) for one in may_test),
    }


class _Sums:
    """What the rows of one part add up to."""

    def __init__(self) -> None:
        self._rows = self._words = self._characters = 0
        self._seconds = 0.0
        self._speakers: Counter[str] = Counter()
        self._sessions: set[str] = set()

    def add(self, payload: Mapping[str, Any]) -> None:
        self._rows += 1
        truth = str(payload["truth"])
        self._words += len(truth.split())
        self._characters += len(truth)
        lengths = [one["duration"] for one in payload["media"].values() if one.get("duration")]
        self._seconds += max(lengths, default=0.0)
        self._speakers[payload["subject"] or ""] += 1
        if payload["session"]:
            self._sessions.add(payload["session"])

    def as_dict(self) -> dict[str, object]:
        speakers = [
            {"speaker": name or None, "rows": rows} for name, rows in self._speakers.most_common()
        ]
        return {
            "rows": self._rows,
            "seconds": self._seconds,
            "words": self._words,
            "characters": self._characters,
            "speakers": speakers,
            "sessions": len(self._sessions),
        }


def _statistics(rows: Iterable[DatasetRow]) -> dict[str, object]:
    """By part; forgotten rows tell nothing any more."""
    parts = {part: _Sums() for part in Split}
    for row in rows:
        if row.payload is not None:
            parts[row.split].add(row.payload)
    return {part.value: sums.as_dict() for part, sums in parts.items()}


def rows(
    workspace: Workspace,
    ref: DatasetRef,
    part: Split | None = None,
    *,
    after: int | None = None,
    limit: int = 50,
) -> tuple[list[dict[str, object]], int | None]:
    """Rows of a version as they were frozen, by position.

    Args:
        workspace: where it is.
        ref: the version.
        part: only these rows.
        after: the position after which they begin.
        limit: at most so many.

    Returns:
        The rows with the numbers of their samples, None where only a tombstone is left; and the
        position to go on after, None at the end.

    Raises:
        NotFoundError: no such version.
    """
    stream = workspace.store.datasets.rows(ref, part, after=after)
    found = list(islice(stream, limit + 1))
    uids = [row.sample_uid for row in found if row.sample_uid is not None]
    known = workspace.store.samples.by_uids(uids)
    told = [
        _row(row, known[row.sample_uid].id if row.sample_uid in known else None)
        for row in found[:limit]
    ]
    return told, found[limit - 1].position if len(found) > limit else None


def _row(row: DatasetRow, number: int | None) -> dict[str, object]:
    payload: Mapping[str, Any] = row.payload or {}
    lengths = [one["duration"] for one in payload.get("media", {}).values() if one.get("duration")]
    return {
        "position": row.position,
        "id": number,
        "sample": row.sample_uid,
        "split": row.split.value,
        "digest": row.digest,
        "forgotten": row.forgotten,
        "truth": payload.get("truth"),
        "speaker": payload.get("subject"),
        "session": payload.get("session"),
        "duration": max(lengths, default=None),
    }
