"""What `truing stats` says of samples that no model recognises: how much, how varied, how good."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truing.cli import output, wording

if TYPE_CHECKING:
    from truing.workspace import Workspace
    from truing.workspace.disk import Forecast
    from truing.workspace.training_data import TrainingData

WEEKS = 8
"""The newest so many are shown; `--json` has all."""
TEXTS = 8
_MONTH = 30.4
_YEAR = 365.25


def figures_of(workspace: Workspace, modality: str, *, quiet: bool) -> TrainingData | None:
    """The figures, counted with a progress bar; None where models recognise what samples say."""
    from truing.domain.modality import CanRecognize
    from truing.workspace.training_data import training_data

    if isinstance(workspace.modality(modality), CanRecognize):
        return None
    total = sum(workspace.store.samples.state_counts(modality).values())
    with output.progress("counting what there is", quiet=quiet) as advance:
        return training_data(
            workspace, modality, on_progress=lambda done: advance(done, max(done, total))
        )


def show_figures(found: TrainingData) -> None:
    """Prints them."""
    if not found.samples:
        output.hint("no samples yet: truing import FORMAT PATH, or let your app hand them in")
        return
    survey, ratings = found.survey, found.survey.ratings
    rated = sum(ratings.values())
    mean = sum(value * count for value, count in ratings.items()) / rated if rated else 0.0
    parts = found.disk.parts
    output.facts(
        {
            "samples": found.samples,
            **found.states,
            "sessions": survey.sittings,
            "media": f"{survey.media}, {wording.size(survey.bytes)}",
            "texts": f"{survey.texts} different, in {survey.clusters} groups of near-equal ones",
            "latest": wording.when(found.latest.captured_at if found.latest else None),
            "rated": f"{rated}, mean {mean:.1f}" if rated else 0,
            "disk": f"{wording.size(found.disk.used)}: media {wording.size(parts['media'])}, "
            f"models {wording.size(parts['models'])}, runs {wording.size(parts['runs'])}",
            "outlook": outlook(found.forecast),
        }
    )
    _show_tables(found)


def outlook(found: Forecast) -> str:
    """The forecast in one line."""
    limit = "quota" if found.by_quota else "disk"
    if not found.per_day:
        return "nothing came in the last four weeks"
    pace = f"{wording.size(int(found.per_day))} a day"
    if found.days is None:
        return f"{pace}: the {limit} lasts for more than a hundred years"
    return f"{pace}: the {limit} is full in about {_lasting(found.days)}"


def _lasting(days: float) -> str:
    if days < 2 * _MONTH:
        return wording.several(int(days), "day")
    if days < 2 * _YEAR:
        return wording.several(round(days / _MONTH), "month")
    return wording.several(round(days / _YEAR), "year")


def _show_tables(found: TrainingData) -> None:
    survey = found.survey
    if survey.frequent:
        output.show()
        rows = [(one.text, one.samples, one.texts) for one in survey.frequent[:TEXTS]]
        output.table(("most frequent", "samples", "wordings"), rows, right=("samples", "wordings"))
    output.show()
    heads = ("", "samples", "media", "size", "rated", "mean")
    groups: list[tuple[object, ...]] = [
        (f"source {one.name}", one.samples, one.media, wording.size(one.bytes), None, None)
        for one in survey.sources
    ]
    for week in reversed(survey.weeks[-WEEKS:]):
        rated = sum(week.ratings.values())
        mean = None if week.mean is None else f"{week.mean:.1f}"
        name, size = f"week {week.first}", wording.size(week.bytes)
        groups.append((name, week.samples, week.media, size, rated or None, mean))
    output.table(heads, groups, right=heads[1:])
    if survey.findings:
        output.show()
        checks = [(one.check, one.samples, one.open) for one in survey.findings]
        output.table(("finding", "samples", "undecided"), checks, right=("samples", "undecided"))
