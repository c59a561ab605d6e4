"""`truing check`: look for faults in samples again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truing.cli import output, wording
from truing.cli.arguments import add_json
from truing.cli.filters import add_filters, sample_filter
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse

HELP = LINES["check"]
EXAMPLE = "truing check --speaker ann"


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    add_filters(parser)
    add_json(parser, '{"samples", "with_findings", "findings": {check: samples}}')


def run(args: argparse.Namespace) -> int:
    """Checks with the thresholds as they are now; `Workspace.check` is the library twin."""
    from truing.cli.opening import open_workspace

    where = sample_filter(args)
    with open_workspace(args) as workspace:
        total = workspace.store.samples.count(where)
        with output.progress("checking", quiet=args.json) as advance:
            done = workspace.check(where, on_progress=lambda number: advance(number, total))
    if args.json:
        output.show_json(
            {
                "samples": done.samples,
                "with_findings": done.with_findings,
                "findings": dict(done.findings),
            }
        )
        return 0
    checked = wording.several(done.samples, "sample")
    output.show(f"{checked} checked, {done.with_findings} with findings")
    if done.findings:
        output.table(("finding", "samples"), list(done.findings.items()), right=("samples",))
        output.hint("next: truing review --queue findings, or truing samples --finding CHECK")
    elif not done.samples:
        output.hint("no sample fits; truing samples lists those there are")
    return 0
