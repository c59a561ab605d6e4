"""Reports: evaluations and comparisons with what stands behind their figures, as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from truing.domain.errors import NotFoundError
from truing.domain.grammar import GRID
from truing.metrics import slices
from truing.metrics.positions import by_position
from truing.metrics.words import confusions
from truing.workspace.models import lineage_subjects, model_named
from truing.workspace.proving import truths_of

if TYPE_CHECKING:
    from truing.domain.comparison import ComparedRow, Comparison
    from truing.domain.evaluation import Evaluation
    from truing.workspace import Workspace

LISTED = 50
"""Rows of each kind that a comparison lists."""


def of_evaluation(workspace: Workspace, found: Evaluation) -> dict[str, object]:
    """The figures with what stands behind them: speakers, lengths, places of words, errors."""
    metric = workspace.modality(found.modality).metrics[0]
    truths, learned = truths_of(workspace, found), _speakers_of(workspace, found)
    pairs = slices.pairs_of(found.rows, truths)
    familiar = slices.by_familiarity(found.rows, metric, learned)
    places = by_position(found.rows, truths)
    return {
        "model": found.model,
        "dataset": found.dataset,
        "split": found.split,
        "metric": found.metric,
        "metric_version": found.metric_version,
        **found.figures,
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


def _speakers_of(workspace: Workspace, found: Evaluation) -> set[str]:
    """Whom the model learned from; nobody when it is no longer here, or not from here."""
    try:
        model = model_named(workspace, found.model, found.modality)
    except NotFoundError:
        return set()
    return lineage_subjects(workspace, model)


def of_comparison(workspace: Workspace, found: Comparison) -> dict[str, object]:
    """The figures, and the rows on which the models differ most with the numbers of their samples.

    A sample that is no longer here has no number.
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

    return {**found.as_dict(), "best": listed(best), "worst": listed(worst)}
