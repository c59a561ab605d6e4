"""Metrics: letters read wrong, over letters sent."""

from __future__ import annotations

from itertools import zip_longest

from truing.domain.evaluation import Metric, RowScore


def letter_errors(truth: str, prediction: str) -> RowScore:
    """Compares letter by letter: a sign is one letter, so nothing can shift."""
    wanted, said = truth.lower().split(), prediction.lower().split()
    pairs = list(zip_longest("".join(wanted), "".join(said)))
    wrong = sum(one != other for one, other in pairs)
    return RowScore(numerator=float(wrong), denominator=float(len("".join(wanted))))


LETTER_ERRORS = Metric(name="ler", version="lower-1", higher_is_better=False, score=letter_errors)
