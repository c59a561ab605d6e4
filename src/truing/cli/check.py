"""`truing check`: look for faults in samples, or for labels that models doubt."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from truing.cli import output, wording
from truing.cli.arguments import add_json, number
from truing.cli.filters import add_filters, sample_filter
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse

    from truing.domain.sample import SampleFilter
    from truing.loop.suspect import Doubted
    from truing.workspace import Workspace

HELP = LINES["check"]
EXAMPLE = "truing check --speaker ann\ntruing check --labels --model champion"
SHOWN = 20


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.add_argument(
        "--labels",
        action="store_true",
        help="rank the labels by how surely recognisers say something else",
    )
    parser.add_argument(
        "--model",
        action="append",
        metavar="MODEL",
        help="with --labels: ask this model too (champion, speech/3, a folder or a hub id); may "
        "be given several times; without it, what models said after the labels counts alone",
    )
    parser.add_argument(
        "--after",
        type=number,
        default=0,
        metavar="N",
        help="go on behind sample N, where a check was interrupted",
    )
    add_filters(parser)
    add_json(
        parser,
        '{"samples", "changed", "with_findings", "findings": {check: samples}}; with --labels '
        '{"labels", "judged", "settled", "unreadable", "agreement": {model: share}, "suspects": '
        '[{"sample", "doubt", "label", "said", "model"}]}',
    )


def run(args: argparse.Namespace) -> int:
    """Checks with the thresholds as they are now.

    The library twins are `Workspace.check` and `Workspace.check_labels`.
    """
    from truing.cli.opening import open_workspace
    from truing.domain.errors import InvalidInputError

    where = sample_filter(args)
    if args.model and not args.labels:
        raise InvalidInputError("--model only goes with --labels", hint="add --labels")
    if args.labels and args.after:
        raise InvalidInputError(
            "--after does not go with --labels",
            hint="leave it out: what a model said is remembered, and the call goes on quickly",
        )
    with open_workspace(args) as workspace:
        if args.labels:
            return _labels(workspace, where, args)
        return _faults(workspace, where, args)


def _faults(workspace: Workspace, where: SampleFilter, args: argparse.Namespace) -> int:
    total, last = workspace.store.samples.count(where), args.after
    with output.progress("checking", quiet=args.json) as advance:

        def on_progress(done: int, sample: int) -> None:
            nonlocal last
            last = sample
            advance(done, total)

        try:
            done = workspace.check(where, after=args.after, on_progress=on_progress)
        except KeyboardInterrupt:
            sys.stderr.write(f"\nstopped; truing check --after {last} goes on here\n")
            raise
    if args.json:
        output.show_json(
            {
                "samples": done.samples,
                "changed": done.changed,
                "with_findings": done.with_findings,
                "findings": dict(done.findings),
            }
        )
        return 0
    checked = wording.several(done.samples, "sample")
    output.show(f"{checked} checked, {done.with_findings} with findings, {done.changed} changed")
    if done.findings:
        output.table(("finding", "samples"), list(done.findings.items()), right=("samples",))
        output.hint("next: truing review --queue findings, or truing samples --finding CHECK")
    elif not done.samples:
        output.hint("no sample fits; truing samples lists those there are")
    return 0


def _labels(workspace: Workspace, where: SampleFilter, args: argparse.Namespace) -> int:
    total = workspace.store.samples.count(where)
    with output.progress("listening", quiet=args.json) as advance:
        found = workspace.check_labels(
            where,
            models=args.model or (),
            modality=args.modality or workspace.usual_modality,
            on_progress=lambda done, _: advance(done, total),
        )
    if args.json:
        output.show_json(
            {
                "labels": found.labels,
                "judged": found.judged,
                "settled": found.settled,
                "unreadable": found.unreadable,
                "agreement": dict(found.agreement),
                "suspects": [one.as_dict() for one in found.suspects],
            }
        )
    else:
        _show(found)
    return 0


def _show(found: Doubted) -> None:
    labels = wording.several(found.labels, "label")
    output.show(f"{labels}, {found.judged} judged, {len(found.suspects)} in doubt")
    for model, share in found.agreement.items():
        output.show(f"{model} usually agrees with {100 * share:.0f} % of a label")
    if found.unreadable:
        output.show(f"{wording.several(found.unreadable, 'recording')} could not be read")
    if found.suspects:
        output.table(
            ("sample", "doubt", "label", "model", "says"),
            [
                (one.sample, f"{one.doubt:.2f}", one.label, one.model, one.said)
                for one in found.suspects[:SHOWN]
            ],
            right=("sample", "doubt"),
        )
        output.hint(
            "next: truing review --queue findings --finding suspect_label --state "
            "accepted,corrected"
        )
    elif found.labels and not found.judged:
        output.hint("no model has said anything since; ask one: truing check --labels --model REF")
    elif not found.labels:
        output.hint("no sample has a label yet: truing review")
