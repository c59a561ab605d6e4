"""`truing init`: make a workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truing.cli import output
from truing.cli.arguments import add_json
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse

HELP = LINES["init"]
EXAMPLE = "truing init my-voice"


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.add_argument(
        "folder",
        nargs="?",
        metavar="FOLDER",
        help="a folder that is empty or does not exist yet; this one when left out",
    )
    parser.add_argument(
        "--database",
        default="",
        metavar="URL",
        help="keep everything said in an empty PostgreSQL database: postgresql://USER@HOST/NAME; "
        "the password comes from ~/.pgpass or PGPASSWORD",
    )
    parser.add_argument(
        "--blobs",
        default="",
        metavar="URL",
        help="keep recordings in an object store: s3://BUCKET/PREFIX; credentials come from AWS_*",
    )
    add_json(parser, '{"workspace"}')


def run(args: argparse.Namespace) -> int:
    """Makes the workspace; `Workspace.create` is the library twin."""
    from truing.workspace import Workspace

    folder = args.folder or args.workspace or "."
    with Workspace.create(folder, database=args.database, blobs=args.blobs) as workspace:
        root = workspace.layout.root
    if args.json:
        output.show_json({"workspace": str(root)})
        return 0
    output.show(f"made the workspace {root}")
    inside = "" if args.folder in (None, ".") else f"cd {args.folder}, then "
    output.hint(f"next: {inside}truing capture speech FILE…, or truing import FORMAT PATH")
    return 0
