"""`truing export`: write samples or a dataset version for another program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truing.cli import output
from truing.cli.arguments import add_json
from truing.cli.filters import add_filters, narrowed, sample_filter
from truing.cli.standardising import add_standard, standard_of
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse

HELP = LINES["export"]
EXAMPLE = (
    "truing export audiofolder for-a-friend/ --state accepted,corrected\n"
    "truing export jsonl --dataset mine@1\n"
    "truing export imagefolder edits/ --min-rating 4 --size 512x512"
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.add_argument("format", metavar="FORMAT", help="see truing formats")
    parser.add_argument(
        "path",
        nargs="?",
        metavar="PATH",
        help="the new file or folder, or s3://bucket/prefix; left out, in the workspace's "
        "exports/, where `truing forget` finds it",
    )
    parser.add_argument("--dataset", metavar="NAME@N", help="the rows of a dataset version")
    add_filters(parser)
    add_standard(parser)
    add_json(parser, '{"path"}')


def run(args: argparse.Namespace) -> int:
    """Exports; `Workspace.export` is the library twin."""
    from truing.cli.opening import open_workspace
    from truing.domain.errors import InvalidInputError

    where = sample_filter(args)
    if args.dataset and narrowed(where):
        raise InvalidInputError(
            "a dataset version is exported whole; it cannot be narrowed further",
            hint="leave out either --dataset or the other flags",
        )
    with (
        open_workspace(args) as workspace,
        output.progress("exporting", quiet=args.json) as advance,
    ):
        place = workspace.export(
            args.format,
            args.path,
            where=where,
            dataset=args.dataset,
            standard=standard_of(args),
            on_progress=lambda done: advance(done, None),
        )
    if args.json:
        output.show_json({"path": str(place)})
    else:
        output.show(f"wrote {place}")
        if args.path:
            output.hint("`truing forget` does not reach it there: remove it yourself when asked to")
    return 0
