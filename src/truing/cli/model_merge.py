"""`truing model merge`: a base and an adapter become one model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from truing.cli.arguments import add_json
from truing.cli.model_average import MADE, add_audience, audience_of, tell

if TYPE_CHECKING:
    import argparse

HELP = "add what an adapter learned to the model it was trained beside"


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.add_argument("base", metavar="BASE", help="speech/3, a folder or a hub id")
    parser.add_argument(
        "adapter", metavar="FOLDER", help="as peft writes it: `adapter` in a trained model's folder"
    )
    add_audience(parser)
    add_json(parser, MADE)


def run(args: argparse.Namespace) -> int:
    """Merges them; `workspace.combining.merge` is the library twin."""
    from truing.cli.opening import open_workspace
    from truing.workspace.combining import merge

    with open_workspace(args) as workspace:
        made = merge(
            workspace,
            args.base,
            Path(args.adapter),
            modality=args.modality or workspace.usual_modality,
            audience=audience_of(args),
        )
    tell(made, args)
    return 0
