"""Reports: evaluations and comparisons with what stands behind their figures, as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from truing.domain.dataset import DatasetRef
from truing.domain.errors import NotFoundError
from truing.domain.grammar import GRID
from truing.domain.modality import CanJudge
from truing.metrics import slices
from truing.metrics.positions import by_position
from truing.metrics.words import confusions
from truing.workspace.models import lineage_subjects, model_named
from truing.workspace.proving import truths_of

if TYPE_CHECKING:
    from truing.domain.comparison import ComparedRow, Comparison
    from truing.domain.evaluation import Evaluation, Measure
    from truing.workspace import Workspace

LISTED = 50
"""Rows of each kind that a comparison lists."""


def of_evaluation(workspace: Workspace, found: Evaluation) -> dict[str, object]:
    """The figures with what stands behind them: speakers, lengths, places of words, errors."""
    modality = workspace.modality(found.modality)
    if isinstance(modality, CanJudge):
        return _of_pictures(workspace, found, modality.measures(workspace.settings))
    metric = modality.metrics[0]
    truths, learned = truths_of(workspace, found), _speakers_of(workspace, found)
    pairs = slices.pairs_of(found.rows, truths)
    familiar = slices.by_familiarity(found.rows, metric, learned)
    places = by_position(found.rows, truths)
    return {
        **_head(found),
        "speakers": [one.as_dict() for one in slices.by_subject(found.rows, metric)],
        "by_familiarity": [one.as_dict() for one in familiar],
        "by_position": [one.as_dict() for one in places],
        "grammar_chance": GRID.chance if places else None,
        "by_duration": [one.as_dict() for one in slices.by_duration(found.rows, metric)],
        "by_confidence": [one.as_dict() for one in slices.by_confidence(found.rows, metric)],
        "errors": slices.error_types(pairs).as_dict(),
        "confusions": [
            {"truth": one.truth, "said": one.said, "count": one.count} for one in confusions(pairs)
        ],
    }


def _head(found: Evaluation) -> dict[str, object]:
    return {
        "model": found.model,
        "dataset": found.dataset,
        "split": found.split,
        "metric": found.metric,
        "metric_version": found.metric_version,
        **found.figures,
    }


def _of_pictures(
    workspace: Workspace, found: Evaluation, measures: Sequence[Measure]
) -> dict[str, object]:
    trivial = found.figures.get("baseline")
    beside = trivial if isinstance(trivial, Mapping) else {}
    timed = [row.seconds for row in found.rows if row.seconds is not None]
    familiar = slices.by_familiarity(found.rows, measures[0], _speakers_of(workspace, found))
    return {
        **_head(found),
        "evaluation": found.uid,
        "measures": [
            {
                **_told(one),
                "value": found.figures.get(one.name),
                "baseline": beside.get(one.name),
            }
            for one in measures
        ],
        "seconds_per_picture": sum(timed) / len(timed) if timed else None,
        "speakers": [one.as_dict() for one in slices.by_subject(found.rows, measures[0])],
        "by_familiarity": [one.as_dict() for one in familiar],
    }


def _told(measure: Measure) -> dict[str, object]:
    return {
        "name": measure.name,
        "title": measure.title or measure.name.upper(),
        "unit": measure.unit,
        "higher_is_better": measure.higher_is_better,
        "proves": measure.proves,
    }


def _speakers_of(workspace: Workspace, found: Evaluation) -> set[str]:
    """Whom the model learned from; nobody when it is no longer here, or not from here."""
    try:
        model = model_named(workspace, found.model, found.modality)
    except NotFoundError:
        return set()
    return lineage_subjects(workspace, model)


def of_comparison(workspace: Workspace, found: Comparison) -> dict[str, object]:
    """The figures, and the rows on which the models differ most with the numbers of their samples.

    A sample that is no longer here has no number. Of pictures also every measure, with the trivial
    baseline, and how often people prefer the one or the other.
    """
    best, worst = found.best(LISTED), found.worst(LISTED)
    known = workspace.store.samples.by_uids([row.sample_uid for row in (*best, *worst)])

    def listed(rows: Sequence[ComparedRow]) -> list[dict[str, Any]]:
        return [
            {
                **row.as_dict(),
                "id": known[row.sample_uid].id if row.sample_uid in known else None,
                "duration": row.duration,
            }
            for row in rows
        ]

    told = {**found.as_dict(), "best": listed(best), "worst": listed(worst)}
    modality = workspace.modality(_modality_of(workspace, found))
    if not isinstance(modality, CanJudge):
        return told
    beside = found.baseline or {}
    measures = [
        {**_told(one), "a": pair[0], "b": pair[1], "baseline": beside.get(one.name)}
        for one in modality.measures(workspace.settings)
        if (pair := found.figures.get(one.name)) is not None
    ]
    people = workspace.preferences.win_rate(
        found.model_a, found.model_b, found.dataset, found.split
    )
    return {
        **told,
        "measures": measures,
        "people": people.as_dict() if people is not None else None,
    }


def _modality_of(workspace: Workspace, found: Comparison) -> str:
    return workspace.store.datasets.get(DatasetRef.parse(found.dataset)).modality
