"""Evidence: a candidate beside a rival, or the trivial baseline, on the same held-out rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from truing.domain.errors import InvalidInputError
from truing.domain.evaluation import Evaluation
from truing.domain.preference import WinRate


class Evidence(Protocol):
    """A candidate and its rival on the same rows; a `Comparison` is one."""

    @property
    def model_a(self) -> str:
        """The rival."""

    @property
    def dataset(self) -> str:
        """The version it was tested on, `name@number`."""

    @property
    def dataset_digest(self) -> str:
        """The version's digest."""

    @property
    def metric(self) -> str:
        """The metric's name."""

    @property
    def higher_is_better(self) -> bool:
        """The metric's direction."""

    @property
    def value_a(self) -> float:
        """The rival's figure."""

    @property
    def value_b(self) -> float:
        """The candidate's figure."""

    @property
    def difference(self) -> float:
        """Candidate minus rival."""

    @property
    def ci(self) -> tuple[float, float] | None:
        """The difference's interval."""

    @property
    def p_better(self) -> float:
        """One-sided p-value that the candidate is better."""

    @property
    def standard_error(self) -> float | None:
        """Of the difference."""

    @property
    def rows(self) -> int:
        """Test rows."""

    @property
    def clusters(self) -> int:
        """Clusters of test rows."""

    @property
    def differing(self) -> int:
        """Clusters on which the two differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineEvidence:
    """The candidate against the trivial baseline, as its evaluation recorded it."""

    model_a: str
    dataset: str
    dataset_digest: str
    metric: str
    higher_is_better: bool
    value_a: float
    value_b: float
    difference: float
    ci: tuple[float, float] | None
    p_better: float
    standard_error: float | None
    rows: int
    clusters: int
    differing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PeoplesEvidence:
    """The candidate against a rival, as people chose between their results.

    The figure of each is the share of its wins; ties count half to both.
    """

    model_a: str
    dataset: str
    dataset_digest: str
    value_b: float
    ci: tuple[float, float]
    p_better: float
    rows: int
    """Choices that count."""
    clusters: int
    differing: int
    metric: str = "preferred"
    higher_is_better: bool = True
    standard_error: float | None = None

    @property
    def value_a(self) -> float:
        """The rival's share."""
        return 1 - self.value_b

    @property
    def difference(self) -> float:
        """Candidate minus rival."""
        return self.value_b - self.value_a


def of_people(found: WinRate, figures: Evidence) -> PeoplesEvidence:
    """What people chose between the two models that `figures` compares."""
    return PeoplesEvidence(
        model_a=figures.model_a,
        dataset=figures.dataset,
        dataset_digest=figures.dataset_digest,
        value_b=found.rate,
        ci=(2 * found.low - 1, 2 * found.high - 1),
        p_better=found.p_better,
        rows=found.counted,
        clusters=found.clusters,
        differing=found.wins + found.losses,
    )


def against_baseline(evaluation: Evaluation, *, higher_is_better: bool) -> BaselineEvidence | None:
    """Reads the baseline's figures out of an evaluation; None when it has none."""
    beside = evaluation.figures.get("baseline")
    if not isinstance(beside, Mapping):
        return None
    ends = beside["ci"]
    whole = evaluation.figures
    return BaselineEvidence(
        model_a=str(beside["name"]),
        dataset=evaluation.dataset,
        dataset_digest=evaluation.dataset_digest,
        metric=evaluation.metric,
        higher_is_better=higher_is_better,
        value_a=float(beside[evaluation.metric]),
        value_b=_number(whole[evaluation.metric]),
        difference=float(beside["difference"]),
        ci=(float(ends[0]), float(ends[1])) if ends else None,
        p_better=float(beside["p_better"]),
        standard_error=beside["standard_error"],
        rows=int(_number(whole["rows"])),
        clusters=int(_number(whole["clusters"])),
        differing=int(beside["differing"]),
    )


def _number(value: object) -> float:
    if not isinstance(value, (int, float)):
        raise InvalidInputError(f"`{value}` is no figure", hint="evaluate the model afresh")
    return float(value)
