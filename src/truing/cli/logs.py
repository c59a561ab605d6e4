"""`truing logs`: show what a run said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truing.cli import output
from truing.cli.arguments import add_json
from truing.cli.runs import add_run
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse

HELP = LINES["logs"]
EXAMPLE = "truing logs 3 --follow"


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    add_run(parser)
    parser.add_argument(
        "-f", "--follow", action="store_true", help="go on until the run has ended or is paused"
    )
    add_json(parser, '{"run", "lines": [text]}; with --follow one line each: {"line"}')


def run(args: argparse.Namespace) -> int:
    """Prints the log; `Supervisor.tail` is the library twin."""
    from truing.cli.opening import open_workspace

    with open_workspace(args) as workspace:
        lines = workspace.jobs.tail(args.run, follow=args.follow)
        if args.json and not args.follow:
            output.show_json({"run": args.run, "lines": list(lines)})
            return 0
        said = False
        for line in lines:
            said = True
            if args.json:
                output.show_json_line({"line": line})
            else:
                print(output.harmless(line), flush=True)
    if not said:
        output.hint(f"run {args.run} has said nothing yet")
    return 0
