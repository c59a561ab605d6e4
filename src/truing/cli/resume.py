"""`truing resume`: let a run go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truing.cli import runs
from truing.cli.arguments import add_json
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse

HELP = LINES["resume"]
EXAMPLE = "truing resume 3"


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    runs.add_run(parser)
    add_json(parser, f"{{{runs.KEYS}}}")


def run(args: argparse.Namespace) -> int:
    """Wants it of the run; `Supervisor.resume` is the library twin."""
    return runs.wish(args, "follow it: truing logs {run} -f", lambda jobs: jobs.resume(args.run))
