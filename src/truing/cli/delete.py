"""`truing delete`: move samples into the trash."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truing.cli import output, wording
from truing.cli.arguments import add_json, number
from truing.cli.filters import add_filters, narrowed, sample_filter
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse

HELP = LINES["delete"]
EXAMPLE = "truing delete 42 43\ntruing delete --state rejected --until 2026-01-01"


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.add_argument("ids", nargs="*", type=number, metavar="ID", help="numbers of samples")
    add_filters(parser)
    add_json(parser, '{"deleted": [id], "days"}')


def run(args: argparse.Namespace) -> int:
    """Deletes; `Workspace.delete` is the library twin."""
    from truing.cli.opening import writing_workspace
    from truing.domain.errors import InvalidInputError

    where = sample_filter(args)
    if bool(args.ids) == narrowed(where):
        raise InvalidInputError(
            "name the samples to delete, or a filter that chooses some",
            hint="truing delete 42 43, or truing delete --state rejected",
        )
    with writing_workspace(args) as workspace:
        gone = workspace.delete(ids=args.ids or None, where=None if args.ids else where)
        days = workspace.settings.number("trash.days")
    if args.json:
        output.show_json({"deleted": gone, "days": days})
        return 0
    output.show(f"moved {wording.several(len(gone), 'sample')} into the trash, for {days:g} days")
    again = " ".join(map(str, gone)) if len(gone) <= 10 else "--last"
    output.hint(f"deleted by mistake? truing trash restore {again}")
    output.hint("to erase everywhere, backups too: truing forget")
    return 0
