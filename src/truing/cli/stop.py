"""`truing stop`: let a run save its work and end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truing.cli import runs
from truing.cli.arguments import add_json
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse

HELP = LINES["stop"]
EXAMPLE = "truing stop 3"


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    runs.add_run(parser)
    parser.add_argument(
        "--force", action="store_true", help="end its process at once, if it no longer listens"
    )
    add_json(parser, f"{{{runs.KEYS}}}")


def run(args: argparse.Namespace) -> int:
    """Wants it of the run; `Supervisor.stop` is the library twin."""
    return runs.wish(args, None, lambda jobs: jobs.stop(args.run, force=args.force))
