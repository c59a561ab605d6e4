"""`truing history`: show who decided what about a sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truing.cli import output, wording
from truing.cli.arguments import add_json, number
from truing.cli.table import LINES
from truing.domain import sample_json

if TYPE_CHECKING:
    import argparse

HELP = LINES["history"]
EXAMPLE = "truing history 42"


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.add_argument("id", type=number, metavar="ID", help="the sample's number")
    add_json(
        parser,
        '{"sample", "revisions": [{"revision", "sample", "verdict", "truth", "actor", '
        '"created_at", "why", "shown_because", "undoes", "seconds", "keys"}]}',
    )


def run(args: argparse.Namespace) -> int:
    """Prints the revisions, oldest first; `Workspace.history` is the library twin."""
    from truing.cli.opening import open_workspace

    with open_workspace(args) as workspace:
        revisions = workspace.history(args.id)
    if args.json:
        listed = [sample_json.revision_as_dict(one) for one in revisions]
        output.show_json({"sample": args.id, "revisions": listed})
    elif revisions:
        output.table(
            ("revision", "when (UTC)", "who", "verdict", "truth", "why"),
            [
                (
                    one.id,
                    wording.when(one.created_at),
                    one.actor,
                    f"undid {one.undoes}" if one.undoes is not None else one.verdict.value,
                    one.truth,
                    one.why,
                )
                for one in revisions
            ],
            right=("revision",),
            whole=("when (UTC)", "who", "verdict"),
        )
    else:
        output.hint(f"nobody has decided on sample {args.id} yet: truing review")
    return 0
