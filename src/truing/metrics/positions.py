"""Accuracy by the place of a word in a sentence, such as the letter or the digit of GRID.

Only rows whose truth is a sentence of the grammar count. A prediction of as many words is compared
place by place; of another number, a word counts as right when the alignment of the two texts
finds it, so that one missing word does not spoil those behind it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from truing.domain.evaluation import EvaluatedRow, Metric, RowScore
from truing.domain.grammar import GRID, Grammar
from truing.metrics.normalise import NEUTRAL, Normaliser
from truing.metrics.slices import Slice, sliced
from truing.metrics.words import align


def position_metrics(grammar: Grammar = GRID, by: Normaliser = NEUTRAL) -> tuple[Metric, ...]:
    """One accuracy per slot, named after it; rows outside the grammar have the score 0 of 0."""
    return tuple(_metric(grammar, place, by) for place in range(len(grammar.slots)))


def _metric(grammar: Grammar, place: int, by: Normaliser) -> Metric:
    def score(truth: str, prediction: str) -> RowScore:
        words = grammar.split(by.apply(truth))
        if words is None:
            return RowScore(0.0, 0.0)
        said = by.apply(prediction).split()
        if len(said) == len(words):
            return RowScore(float(said[place] == words[place]), 1.0)
        steps = [one for one in align(truth, prediction, by).steps if one.truth is not None]
        return RowScore(float(steps[place].kind == "hit"), 1.0)

    name = grammar.slots[place].name
    return Metric(name=name, version=by.label, higher_is_better=True, score=score)


def by_position(
    rows: Sequence[EvaluatedRow],
    truths: Mapping[str, str],
    grammar: Grammar = GRID,
    *,
    seed: int = 0,
) -> list[Slice]:
    """Accuracy per slot with its interval, in the order of the slots.

    Args:
        rows: rows of one evaluation.
        truths: their truths, by sample uid; rows without one are left out.
        grammar: of the sentences.
        seed: for the intervals.

    Returns:
        Nothing when no truth is a sentence of the grammar.
    """
    fitting = [row for row in rows if grammar.fits(NEUTRAL.apply(truths.get(row.sample_uid, "")))]
    found = []
    for metric in position_metrics(grammar):
        scored = [
            replace(
                row,
                scores={metric.name: metric.score(truths[row.sample_uid], row.prediction)},
            )
            for row in fitting
        ]
        found += sliced(scored, metric, lambda _, name=metric.name: name, seed=seed)  # type: ignore[misc]
    return found
