"""Slices: the same figure on parts of the rows, and what kinds of error stand behind it.

Slices are made from evaluated rows whenever they are shown and are never stored: they name
speakers, and forgetting a speaker takes the rows away.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from truing.domain.evaluation import EvaluatedRow, Measure
from truing.metrics.normalise import NEUTRAL, Normaliser
from truing.metrics.significance import interval
from truing.metrics.words import align, rate

CONFIDENCE_EDGES = (0.5, 0.7, 0.9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """A metric on some of the rows, with its cluster bootstrap interval."""

    name: str
    rows: int
    clusters: int
    value: float
    low: float | None
    """None when the slice has fewer than two clusters."""
    high: float | None

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {
            "name": self.name,
            "rows": self.rows,
            "clusters": self.clusters,
            "value": self.value,
            "ci": None if self.low is None or self.high is None else [self.low, self.high],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorTypes:
    """Words by what became of them."""

    hits: int
    substitutions: int
    deletions: int
    insertions: int

    @property
    def length(self) -> int:
        """Words of all truths."""
        return self.hits + self.substitutions + self.deletions

    def as_dict(self) -> dict[str, int]:
        """The JSON form."""
        return {
            "hits": self.hits,
            "substitutions": self.substitutions,
            "deletions": self.deletions,
            "insertions": self.insertions,
            "length": self.length,
        }


def sliced(
    rows: Sequence[EvaluatedRow],
    metric: Measure,
    name_of: Callable[[EvaluatedRow], str | None],
    *,
    seed: int = 0,
) -> list[Slice]:
    """The metric per group of rows.

    Args:
        rows: rows of one evaluation.
        metric: one they were scored with.
        name_of: the group of a row; None leaves it out.
        seed: for the intervals.

    Returns:
        Slices in the order of their names.
    """
    groups: dict[str, list[EvaluatedRow]] = {}
    for row in rows:
        name = name_of(row)
        if name is not None:
            groups.setdefault(name, []).append(row)
    return [_slice(name, groups[name], metric, seed) for name in sorted(groups)]


def _slice(name: str, rows: Sequence[EvaluatedRow], metric: Measure, seed: int) -> Slice:
    ends = interval(rows, metric, seed=seed)
    return Slice(
        name=name,
        rows=len(rows),
        clusters=len({row.cluster for row in rows}),
        value=rate(row.scores[metric.name] for row in rows),
        low=ends.low if ends is not None else None,
        high=ends.high if ends is not None else None,
    )


def by_subject(rows: Sequence[EvaluatedRow], metric: Measure, *, seed: int = 0) -> list[Slice]:
    """Per speaker; rows of unknown speakers are left out."""
    return sliced(rows, metric, lambda row: row.subject, seed=seed)


def by_familiarity(
    rows: Sequence[EvaluatedRow], metric: Measure, learned: Collection[str], *, seed: int = 0
) -> list[Slice]:
    """Speakers the model learned from (`seen`) and others (`unseen`).

    Args:
        rows: rows of one evaluation; those of unknown speakers are left out.
        metric: one they were scored with.
        learned: the speakers it learned from; none when nobody knows, which gives no slice.
        seed: for the intervals.
    """

    def name_of(row: EvaluatedRow) -> str | None:
        if row.subject is None or not learned:
            return None
        return "seen" if row.subject in learned else "unseen"

    return sliced(rows, metric, name_of, seed=seed)


def by_duration(rows: Sequence[EvaluatedRow], metric: Measure, *, seed: int = 0) -> list[Slice]:
    """Short, middle and long thirds of the rows whose duration is known, with their limits.

    Fewer than three different durations give fewer slices.
    """
    lengths = sorted(row.duration for row in rows if row.duration is not None)
    if not lengths:
        return []
    edges = [lengths[len(lengths) * third // 3] for third in (1, 2)]
    return _banded(rows, metric, lambda row: row.duration, edges, "s", seed)


def by_confidence(rows: Sequence[EvaluatedRow], metric: Measure, *, seed: int = 0) -> list[Slice]:
    """In four bands of the model's own confidence, where it gave one."""
    return _banded(rows, metric, lambda row: row.confidence, CONFIDENCE_EDGES, "", seed)


def _banded(
    rows: Sequence[EvaluatedRow],
    metric: Measure,
    value_of: Callable[[EvaluatedRow], float | None],
    edges: Sequence[float],
    unit: str,
    seed: int,
) -> list[Slice]:
    limits = sorted(set(edges))
    suffix = f" {unit}" if unit else ""
    names = [f"below {limits[0]:.2g}{suffix}"]
    names += [f"{low:.2g} to {high:.2g}{suffix}" for low, high in itertools.pairwise(limits)]
    names.append(f"from {limits[-1]:.2g}{suffix}")
    bands: dict[int, list[EvaluatedRow]] = {}
    for row in rows:
        value = value_of(row)
        if value is not None:
            bands.setdefault(sum(value >= edge for edge in limits), []).append(row)
    return [_slice(names[place], bands[place], metric, seed) for place in sorted(bands)]


def error_types(pairs: Sequence[tuple[str, str]], by: Normaliser = NEUTRAL) -> ErrorTypes:
    """Hits, substitutions, deletions and insertions over (truth, prediction) pairs, in words."""
    counts: Counter[str] = Counter()
    for truth, prediction in pairs:
        counts.update(step.kind for step in align(truth, prediction, by).steps)
    return ErrorTypes(
        hits=counts["hit"],
        substitutions=counts["substitution"],
        deletions=counts["deletion"],
        insertions=counts["insertion"],
    )


def pairs_of(rows: Sequence[EvaluatedRow], truths: Mapping[str, str]) -> list[tuple[str, str]]:
    """(truth, prediction) of the rows whose truth is given, by sample uid."""
    return [(truths[row.sample_uid], row.prediction) for row in rows if row.sample_uid in truths]


def real_time_factor(rows: Sequence[EvaluatedRow]) -> float | None:
    """Seconds the model took per second of media; below 1 it keeps up. None when unknown."""
    timed = [(row.seconds, row.duration) for row in rows if row.seconds and row.duration]
    heard = sum(duration or 0.0 for _, duration in timed)
    return sum(took or 0.0 for took, _ in timed) / heard if heard else None
