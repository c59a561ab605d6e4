"""`truing rollback`: put the champion before back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truing.cli import output
from truing.cli.arguments import add_json, add_modality
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse

HELP = LINES["rollback"]
EXAMPLE = "truing rollback"


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.add_argument("--speaker", metavar="NAME", help="of this speaker's own champion")
    add_modality(parser)
    add_json(parser, '{"model" (empty: the general one), "previous", "audience", "reason"}')


def run(args: argparse.Namespace) -> int:
    """Goes one step back; `Workspace.roll_back` is the library twin."""
    from truing.cli.opening import open_workspace
    from truing.domain.model import GENERAL

    audience = f"subject:{args.speaker}" if args.speaker else GENERAL
    with open_workspace(args) as workspace:
        moved = workspace.roll_back(args.modality or workspace.usual_modality, audience)
    if args.json:
        output.show_json(
            {
                "model": moved.model,
                "previous": moved.previous,
                "audience": moved.audience,
                "reason": moved.reason,
            }
        )
    elif moved.model:
        output.show(f"{moved.model} is the champion again, in place of {moved.previous}")
    else:
        output.show(f"{args.speaker} is heard by the general champion again, not {moved.previous}")
    return 0
