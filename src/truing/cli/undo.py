"""`truing undo`: take back a decision."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truing.cli import output
from truing.cli.arguments import add_json, number
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse

HELP = LINES["undo"]
EXAMPLE = "truing undo"


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.add_argument(
        "revision",
        nargs="?",
        type=number,
        metavar="REVISION",
        help="see truing history; your newest decision when left out",
    )
    add_json(parser, '{"id", "revision", "undid", "truth", "state"}')


def run(args: argparse.Namespace) -> int:
    """Takes a revision back; `Workspace.undo` is the library twin."""
    from truing.cli.opening import open_workspace
    from truing.domain.errors import NothingToDoError

    with open_workspace(args) as workspace:
        done = workspace.undo(args.revision)
        actor = workspace.actor
    if done is None:
        raise NothingToDoError(
            f"`{actor}` has decided nothing that could be taken back", hint="truing review"
        )
    revision, standing = done.revision, done.standing
    if args.json:
        output.show_json(
            {
                "id": revision.sample_id,
                "revision": revision.id,
                "undid": revision.undoes,
                "truth": standing.truth,
                "state": standing.state.value,
            }
        )
    else:
        again = f"truing undo {revision.id}"
        output.show(
            f"took back revision {revision.undoes}: sample {revision.sample_id} is "
            f"{standing.state.value} again"
        )
        output.hint(f"it was right after all? {again}")
    return 0
