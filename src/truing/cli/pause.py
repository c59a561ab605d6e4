"""`truing pause`: let a run save its work and wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truing.cli import output, runs
from truing.cli.arguments import add_json
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse

HELP = LINES["pause"]
EXAMPLE = "truing pause 3"


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    runs.add_run(parser)
    add_json(parser, f"{{{runs.KEYS}}}")


def run(args: argparse.Namespace) -> int:
    """Wants it of the run; `Supervisor.pause` is the library twin."""
    from truing.cli.opening import open_workspace

    with open_workspace(args) as workspace:
        found = workspace.jobs.pause(args.run)
    if args.json:
        output.show_json(runs.as_dict(found))
    else:
        runs.tell(found)
        output.hint(f"let it go on: truing resume {found.id}")
    return 0
