"""Measure: how often the live model was right, from what people decided in review.

Only samples whose model text is known and that have a truth are counted. `audit` figures rest on
samples taken by chance and may be read as the model's accuracy; `all` figures lean towards what
was shown for review. What was counted once stays counted: only new and changed samples are read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from truing.domain.clock import week_of
from truing.domain.evaluation import Metric
from truing.domain.prediction import Prediction
from truing.domain.sample import Sample, SampleFilter
from truing.domain.tally import Accuracy, Compared, Count, Slice, Tallies, Tally

UNKNOWN = "unknown"
SLICES = {
    "week": Slice.WEEK,
    "model": Slice.MODEL,
    "speaker": Slice.SUBJECT,
    "source": Slice.SOURCE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """What there is of one speaker."""

    samples: int
    hours: float

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {"samples": self.samples, "hours": round(self.hours, 4)}


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveAccuracy:
    """Figures in total and by slice."""

    metric: Metric
    everything: Tally
    audit: Tally
    slices: Mapping[str, Mapping[str, Tally]]
    """`week`, `model`, `speaker`, `source` -> value -> figures; those with compared texts."""
    speakers: Mapping[str, Speaker]

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {
            "metric": self.metric.name,
            "metric_version": self.metric.version,
            "all": group_dict(self.everything, self.metric),
            "audit": group_dict(self.audit, self.metric),
            **{
                f"by_{name}": {
                    value: group_dict(group, self.metric) for value, group in sorted(groups.items())
                }
                for name, groups in self.slices.items()
            },
        }


def group_dict(group: Tally, metric: Metric) -> dict[str, object]:
    """Raw and corrected output side by side, as JSON."""
    return {
        "raw": accuracy_dict(group.raw, metric),
        "corrected": accuracy_dict(group.corrected, metric),
    }


def accuracy_dict(sums: Accuracy, metric: Metric) -> dict[str, object]:
    """The JSON form of sums; figures are None while there is nothing to divide by."""
    return {
        "samples": sums.samples,
        "share_correct": sums.exact / sums.samples if sums.samples else None,
        metric.name: sums.numerator / sums.denominator if sums.denominator else None,
    }


def measure(
    tallies: Tallies,
    metric: Metric,
    where: SampleFilter,
    *,
    on_progress: Callable[[int], None] = lambda _: None,
) -> LiveAccuracy:
    """Counts what is new or changed, then adds up.

    Args:
        tallies: what was counted before.
        metric: tells texts apart; another version counts everything anew.
        where: modality, and if given subject and source.
        on_progress: told how many samples this call has counted; what was counted stays so when
            it raises.
    """
    modality = str(where.modality)

    def count(sample: Sample) -> Count:
        return count_of(sample, metric)

    counted = 0
    while done := tallies.tally(modality, f"{metric.name} {metric.version}", count):
        counted += done
        on_progress(counted)
    only = {}
    if where.subject is not None:
        only[Slice.SUBJECT] = where.subject
    if where.source is not None:
        only[Slice.SOURCE] = where.source
    by_chance = tallies.sums(modality, Slice.CHANCE, where=only)
    return LiveAccuracy(
        metric=metric,
        everything=tallies.sums(modality, where=only).get("", Tally()),
        audit=by_chance.get("1", Tally()),
        slices={
            name: {
                value or UNKNOWN: tally
                for value, tally in tallies.sums(modality, by, where=only).items()
                if tally.raw.samples or tally.corrected.samples
            }
            for name, by in SLICES.items()
        },
        speakers={
            name or UNKNOWN: Speaker(samples=tally.samples, hours=tally.seconds / 3600)
            for name, tally in tallies.sums(modality, Slice.SUBJECT, where=only).items()
        },
    )


def count_of(sample: Sample, metric: Metric) -> Count:
    """What one sample adds to the figures."""
    raw = sample.raw
    lengths = [medium.duration for medium in sample.media[:1]]
    return Count(
        model=(raw.model if raw is not None else None) or UNKNOWN,
        week=week_of(sample.captured_at),
        chance=sample.sampling.may_test,
        seconds=(lengths[0] if lengths else None) or 0.0,
        raw=_compared(raw, sample, metric),
        corrected=_compared(sample.corrected, sample, metric),
    )


def _compared(said: Prediction | None, sample: Sample, metric: Metric) -> Compared | None:
    truth = sample.truth
    decided = sample.state.has_truth and sample.prediction_known
    if said is None or truth is None or not decided:
        return None
    score = metric.score(truth, said.text)
    return Compared(
        exact=said.text.strip() == truth.strip(),
        numerator=score.numerator,
        denominator=score.denominator,
    )
