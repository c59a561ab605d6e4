"""`truing publish`: write a model where another program loads it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from truing.cli import output
from truing.cli.arguments import add_json, add_modality, assignments
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse

HELP = LINES["publish"]
EXAMPLE = "truing publish champion --layout s2s s2s/data/models/stt"


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.add_argument("model", metavar="MODEL", help="champion, speech/3, a folder or a hub id")
    parser.add_argument("root", metavar="ROOT", help="the folder in which the program looks")
    parser.add_argument(
        "--layout",
        choices=("s2s",),
        default="s2s",
        help="of which program: s2s, a CTranslate2 folder per version (when left out)",
    )
    add_modality(parser)
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="an option of the layout, such as quantization=int8",
    )
    add_json(parser, '{"path"}')


def run(args: argparse.Namespace) -> int:
    """Publishes; `proving.publish` is the library twin."""
    from truing.cli.opening import open_workspace
    from truing.workspace.proving import publish

    options = assignments(args.option, "--option quantization=int8")
    with open_workspace(args) as workspace:
        place = publish(
            workspace,
            args.model,
            Path(args.root),
            modality=args.modality or workspace.usual_modality,
            options=options,
        )
    if args.json:
        output.show_json({"path": str(place)})
    else:
        output.show(f"wrote {place}")
    return 0
