"""`truing pause`: let a run save its work and wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truing.cli import runs
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
    return runs.wish(args, "let it go on: truing resume {run}", lambda jobs: jobs.pause(args.run))
