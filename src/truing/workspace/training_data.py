"""Training data: what a workspace holds of one modality: how much, how varied, how good.

    training_data(workspace, "image_edit") -> TrainingData

It is what the page `/admin/training-data` shows and `truing stats` prints.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from truing.domain.clock import to_iso
from truing.domain.sample import SampleFilter, SampleOrder
from truing.loop.survey import mean_of, survey
from truing.workspace.disk import forecast, usage

if TYPE_CHECKING:
    from truing.domain.sample import Sample
    from truing.loop.survey import Survey, Week
    from truing.workspace import Workspace
    from truing.workspace.disk import Forecast, Usage

STATES = ("pending", "accepted", "corrected", "rejected", "skipped")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingData:
    """What there is of one modality."""

    modality: str
    at: int
    """When it was looked at."""
    states: dict[str, int]
    """Samples by state; they include what is not counted yet."""
    survey: Survey
    latest: Sample | None
    """The one captured last."""
    disk: Usage
    forecast: Forecast

    @property
    def samples(self) -> int:
        """All but those in the trash."""
        return sum(self.states.values())

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        found, latest = self.survey, self.latest
        return {
            "modality": self.modality,
            "at": to_iso(self.at),
            "complete": found.complete,
            "counted": found.samples,
            "samples": self.samples,
            "sessions": found.sittings,
            "media": found.media,
            "bytes": found.bytes,
            "states": self.states,
            "latest": None if latest is None else _latest_dict(latest),
            "texts": _texts_dict(found),
            "ratings": _ratings_dict(found),
            "findings": [
                {"check": one.check, "samples": one.samples, "open": one.open}
                for one in found.findings
            ],
            "by_source": [
                {"source": one.name, "samples": one.samples, "media": one.media, "bytes": one.bytes}
                for one in found.sources
            ],
            "by_week": [_week_dict(week) for week in found.weeks],
            "by_day": [{"day": one.name, "samples": one.samples} for one in found.days],
            "disk": self.disk.as_dict(),
            "forecast": self.forecast.as_dict(),
        }


def training_data(
    workspace: Workspace,
    modality: str,
    *,
    seconds: float | None = None,
    on_progress: Callable[[int], None] = lambda _: None,
) -> TrainingData:
    """What a workspace holds of one modality.

    Args:
        workspace: whose samples.
        modality: which of them.
        seconds: after so many, samples that were never counted wait for the next call, and
            `survey.complete` is False; None: until all is counted.
        on_progress: told how many samples this call has counted.

    Raises:
        NotFoundError: no such modality.
    """
    workspace.modality(modality)
    found = survey(workspace.store.census, modality, seconds=seconds, on_progress=on_progress)
    samples = workspace.store.samples
    counts = samples.state_counts(modality)
    newest = samples.page(SampleFilter(modality=modality), SampleOrder.NEWEST, limit=1).items
    disk = usage(workspace)
    return TrainingData(
        modality=modality,
        at=workspace.clock.now(),
        states={name: counts.get(name, 0) for name in STATES},
        survey=found,
        latest=newest[0] if newest else None,
        disk=disk,
        forecast=forecast(workspace, of=disk),
    )


def _latest_dict(sample: Sample) -> dict[str, object]:
    return {
        "id": sample.id,
        "session": sample.session,
        "source": sample.source,
        "captured_at": to_iso(sample.captured_at),
    }


def _texts_dict(found: Survey) -> dict[str, object]:
    samples = found.samples
    return {
        "distinct": found.texts,
        "share_distinct": found.texts / samples if samples else None,
        "clusters": found.clusters,
        "share_largest": found.frequent[0].samples / samples if found.frequent else None,
        "most_frequent": [
            {"text": one.text, "samples": one.samples, "texts": one.texts} for one in found.frequent
        ],
        "words": [{"word": one.name, "samples": one.samples} for one in found.words],
    }


def _ratings_dict(found: Survey) -> dict[str, Any]:
    rated = sum(found.ratings.values())
    return {
        "rated": rated,
        "unrated": found.samples - rated,
        "mean": mean_of(found.ratings),
        "distribution": {str(value): number for value, number in found.ratings.items()},
    }


def _week_dict(week: Week) -> dict[str, object]:
    return {
        "week": week.first,
        "samples": week.samples,
        "media": week.media,
        "bytes": week.bytes,
        "sources": dict(sorted(week.sources.items())),
        "rated": sum(week.ratings.values()),
        "mean_rating": week.mean,
    }
