"""`truing rate`: say how good a sample is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truing.cli import output
from truing.cli.arguments import add_json, number, rating
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse

HELP = LINES["rate"]
EXAMPLE = 'truing rate 42 5\ntruing rate 42 2 --reason "the sky is gone"'


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.add_argument("id", type=number, metavar="ID", help="the sample's number")
    parser.add_argument("value", type=rating, metavar="VALUE", help="1 to 5, 5 is best")
    parser.add_argument("--reason", metavar="TEXT", help="why")
    add_json(parser, '{"rating", "sample", "value", "reason", "actor", "created_at"}')


def run(args: argparse.Namespace) -> int:
    """Stores the rating; `Workspace.rate` is the library twin."""
    from truing.cli.opening import writing_workspace
    from truing.domain import sample_json

    with writing_workspace(args) as workspace:
        before = workspace.sample(args.id).rating
        made = workspace.rate(args.id, args.value, args.reason)
    if args.json:
        output.show_json(sample_json.rating_as_dict(made))
        return 0
    instead = f", {before} before" if before is not None else ""
    output.show(f"sample {made.sample_id} is rated {made.value}{instead}")
    return 0
