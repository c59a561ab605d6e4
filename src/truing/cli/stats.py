"""`truing stats`: count samples and tell how often the model was right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from truing.cli import output, wording
from truing.cli.arguments import add_json, add_modality
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse

    from truing.domain.tally import Tally
    from truing.loop.measure import LiveAccuracy
    from truing.workspace import Workspace
    from truing.workspace.disk import Usage

HELP = LINES["stats"]
EXAMPLE = "truing stats --json"
COUNTED = ("total", "pending", "accepted", "corrected", "rejected", "skipped", "trained")


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    add_modality(parser)
    parser.add_argument("--speaker", metavar="NAME", help="accuracy for this speaker alone")
    parser.add_argument("--source", metavar="NAME", help="accuracy for this app or import alone")
    group = '{"raw": {"samples", "share_correct", "wer"}, "corrected": {the same}}'
    add_json(
        parser,
        '{"total", "pending", "accepted", "corrected", "rejected", "skipped", "trained", '
        f'"accuracy": {{"metric", "all": {group}, "audit", "by_week", "by_model", "by_speaker", '
        '"by_source"}, "speakers": {name: {"samples", "hours"}}, '
        '"disk": {"media", "models", "runs", "database", "other", "total", "quota", "free", '
        '"warnings": [text]}}; of image_edit also "training_data": {"sessions", "media", "texts", '
        '"ratings", "findings", "by_source", "by_week", "disk", "forecast"}',
    )


def run(args: argparse.Namespace) -> int:
    """Prints counts, accuracy and disk use; `loop.measure.measure` is the library twin, and
    `workspace.training_data.training_data` where no model recognises what samples say.
    """
    from truing.cli.opening import open_workspace
    from truing.cli.training_figures import figures_of, show_figures
    from truing.domain.sample import SampleFilter
    from truing.loop.measure import measure
    from truing.workspace.choices import in_use
    from truing.workspace.disk import usage

    with open_workspace(args) as workspace:
        modality = args.modality or workspace.usual_modality
        where = SampleFilter(modality=modality, subject=args.speaker, source=args.source)
        metric = workspace.modality(modality).metrics[0]
        counts = _counts(workspace, modality)
        with output.progress("counting what is new", quiet=args.json) as advance:
            accuracy = measure(
                workspace.store.tallies,
                metric,
                where,
                on_progress=lambda done: advance(done, max(done, counts["total"])),
            )
        disk = usage(workspace, fresh=True)
        everything = args.speaker is None and args.source is None
        about = figures_of(workspace, modality, quiet=args.json) if everything else None
        others = [name for name in in_use(workspace) if name != modality]
    if args.json:
        speakers = {name: one.as_dict() for name, one in sorted(accuracy.speakers.items())}
        told = {**counts, "accuracy": accuracy.as_dict(), "speakers": speakers, "disk": _disk(disk)}
        output.show_json({**told, **({"training_data": about.as_dict()} if about else {})})
        return 0
    if about is None:
        _show(counts, accuracy, disk.parts)
    else:
        show_figures(about)
    for warning in disk.warnings:
        output.hint(f"{warning}; truing retain shows what can go")
    for name in others:
        output.hint(f"those were of {modality}; of the others: truing stats --modality {name}")
    return 0


def _disk(found: Usage) -> dict[str, object]:
    more = {"quota": found.quota, "free": found.free, "warnings": found.warnings}
    return {**found.parts, **more}


def _counts(workspace: Workspace, modality: str) -> dict[str, int]:
    counts = workspace.store.samples.state_counts(modality)
    states = {name: counts.get(name, 0) for name in COUNTED[1:]}
    # `trained` is no state: such a sample is in one of the others as well.
    return {"total": sum(states.values()) - states["trained"], **states}


def _show(counts: Mapping[str, int], accuracy: LiveAccuracy, disk: Mapping[str, int]) -> None:
    if not counts["total"]:
        output.hint("no samples yet: truing capture speech FILE…, or truing import FORMAT PATH")
        return
    output.facts(
        {
            "samples": counts["total"],
            **{name: counts[name] for name in COUNTED[1:]},
            "hours": f"{sum(one.hours for one in accuracy.speakers.values()):.1f}",
            "disk": f"{wording.size(disk['total'])}: media {wording.size(disk['media'])}, models "
            f"{wording.size(disk['models'])}, runs {wording.size(disk['runs'])}",
        }
    )
    if not accuracy.everything.raw.samples:
        output.hint("how often the model was right shows once you have reviewed: truing review")
        return
    output.show()
    rows = [_row("all reviewed", accuracy.everything, accuracy)]
    rows.append(_row("taken by chance", accuracy.audit, accuracy))
    for title, groups in accuracy.slices.items():
        rows += [_row(f"{title} {name}", groups[name], accuracy) for name in sorted(groups)]
    name = accuracy.metric.name.upper()
    heads = ("", "samples", "right", f"{name} raw", f"{name} corrected")
    output.table(heads, rows, right=heads[1:])
    output.hint("only samples taken by chance tell how good the model is in daily use")


def _row(title: str, group: Tally, accuracy: LiveAccuracy) -> tuple[object, ...]:
    from truing.loop.measure import accuracy_dict

    raw = accuracy_dict(group.raw, accuracy.metric)
    corrected = accuracy_dict(group.corrected, accuracy.metric)
    name = accuracy.metric.name
    return (
        title,
        raw["samples"],
        wording.percent(raw["share_correct"]),
        wording.percent(raw[name]),
        wording.percent(corrected[name]),
    )
