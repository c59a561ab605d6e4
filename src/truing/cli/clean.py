"""`truing clean`: remove what crashes and ended runs left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truing.cli import output, wording
from truing.cli.arguments import add_json, hours
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse

    from truing.workspace.cleaning import Cleaned

HELP = LINES["clean"]
EXAMPLE = "truing clean --dry-run"
HOUR = 3600.0


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.add_argument(
        "--older-than",
        type=hours,
        default=24.0,
        metavar="HOURS",
        help="only what nobody has touched for so long; 24 when left out, at least 1",
    )
    parser.add_argument("--dry-run", action="store_true", help="only tell what would be removed")
    kind = '{"count", "bytes"}'
    add_json(
        parser,
        f'{{"dry_run", "media": {kind}, "drafts": {kind}, "checkpoints": {kind}, "count", '
        '"bytes"}',
    )


def run(args: argparse.Namespace) -> int:
    """Removes leftovers; `cleaning.clean` is the library twin."""
    from truing.cli.opening import open_workspace
    from truing.workspace.cleaning import clean

    with (
        open_workspace(args) as workspace,
        output.progress("looking for leftovers", quiet=args.json) as bar,
    ):
        done = clean(
            workspace,
            older_than=args.older_than * HOUR,
            dry_run=args.dry_run,
            on_progress=lambda what: bar(0, None, title=f"looking at {what}"),
        )
    if args.json:
        output.show_json({"dry_run": args.dry_run, **done.as_dict()})
    else:
        _show(done, dry_run=args.dry_run)
    return 0


def _show(done: Cleaned, *, dry_run: bool) -> None:
    if not done.count:
        output.show("nothing to remove")
        return
    kinds = (
        ("media that nothing refers to", done.media),
        ("drafts never finished", done.drafts),
        ("checkpoints of ended runs", done.checkpoints),
    )
    rows = [(name, one.count, wording.size(one.size)) for name, one in kinds if one.count]
    output.table(("what", "how many", "size"), rows, right=("how many", "size"))
    would = "would free" if dry_run else "freed"
    output.show(f"{would} {wording.size(done.size)}")
    if dry_run:
        output.hint("nothing was removed: truing clean does it")
