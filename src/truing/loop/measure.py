"""Measure: how often the live model was right, from what people decided in review.

Only samples whose model text is known and that have a truth are counted. `audit` figures rest on
samples taken by chance and may be read as the model's accuracy; `all` figures lean towards what
was shown for review.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from truing.domain.clock import MICROSECONDS, to_iso
from truing.domain.evaluation import Metric
from truing.domain.ports import Samples
from truing.domain.prediction import Prediction
from truing.domain.review import State
from truing.domain.sample import Sample, SampleFilter

WEEK = 7 * 24 * 3600 * MICROSECONDS
MONDAY = 4 * 24 * 3600 * MICROSECONDS
"""1970-01-05, the first Monday: weeks are counted from it."""


@dataclass(slots=True)
class Accuracy:
    """Sums over reviewed samples."""

    samples: int = 0
    exact: int = 0
    """Model text equal to the truth, character by character."""
    numerator: float = 0.0
    denominator: float = 0.0

    def add(self, said: str, truth: str, metric: Metric) -> None:
        """Counts one sample."""
        score = metric.score(truth, said)
        self.samples += 1
        self.exact += said.strip() == truth.strip()
        self.numerator += score.numerator
        self.denominator += score.denominator

    def as_dict(self, metric: Metric) -> dict[str, object]:
        """The JSON form; figures are None while there is nothing to divide by."""
        return {
            "samples": self.samples,
            "share_correct": self.exact / self.samples if self.samples else None,
            metric.name: self.numerator / self.denominator if self.denominator else None,
        }


@dataclass(slots=True)
class Group:
    """Raw and corrected output side by side."""

    raw: Accuracy = field(default_factory=Accuracy)
    corrected: Accuracy = field(default_factory=Accuracy)

    def as_dict(self, metric: Metric) -> dict[str, object]:
        """The JSON form."""
        return {"raw": self.raw.as_dict(metric), "corrected": self.corrected.as_dict(metric)}


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveAccuracy:
    """Figures in total and by slice."""

    metric: Metric
    everything: Group
    audit: Group
    slices: Mapping[str, Mapping[str, Group]]
    """`week`, `model`, `speaker`, `source` -> value -> figures."""

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {
            "metric": self.metric.name,
            "metric_version": self.metric.version,
            "all": self.everything.as_dict(self.metric),
            "audit": self.audit.as_dict(self.metric),
            **{
                f"by_{name}": {
                    value: group.as_dict(self.metric) for value, group in sorted(groups.items())
                }
                for name, groups in self.slices.items()
            },
        }


def measure(samples: Samples, metric: Metric, where: SampleFilter) -> LiveAccuracy:
    """Walks the reviewed samples once and adds up."""
    everything, audit = Group(), Group()
    slices: dict[str, dict[str, Group]] = {"week": {}, "model": {}, "speaker": {}, "source": {}}
    decided = SampleFilter(
        modality=where.modality,
        subject=where.subject,
        source=where.source,
        states=(State.ACCEPTED, State.CORRECTED),
    )
    for sample in samples.iterate(decided):
        if sample.truth is None or not sample.prediction_known:
            continue
        groups = [everything, *([audit] if sample.sampling.may_test else [])]
        groups += [slices[name].setdefault(value, Group()) for name, value in _values(sample)]
        _count(sample, sample.truth, groups, metric)
    return LiveAccuracy(metric=metric, everything=everything, audit=audit, slices=slices)


def _values(sample: Sample) -> list[tuple[str, str]]:
    week = (sample.captured_at - MONDAY) // WEEK * WEEK + MONDAY
    model = sample.raw.model if sample.raw is not None else None
    return [
        ("week", to_iso(week)[:10]),
        ("model", model or "unknown"),
        ("speaker", sample.subject or "unknown"),
        ("source", sample.source),
    ]


def _count(sample: Sample, truth: str, groups: Sequence[Group], metric: Metric) -> None:
    pick: list[tuple[Prediction | None, Callable[[Group], Accuracy]]] = [
        (sample.raw, lambda group: group.raw),
        (sample.corrected, lambda group: group.corrected),
    ]
    for said, accuracy in pick:
        if said is not None:
            for group in groups:
                accuracy(group).add(said.text, truth, metric)
