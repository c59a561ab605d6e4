"""`truing watch`: follow another program's database, both ways."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from truing.cli import output, wording
from truing.cli.arguments import add_json, seconds
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse

    from truing.loop.import_rows import Imported
    from truing.workspace import Workspace

HELP = LINES["watch"]
EXAMPLE = "truing watch s2s s2s.db --write-back"


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.add_argument("format", metavar="FORMAT", help="s2s; see truing formats")
    parser.add_argument("path", metavar="PATH", help="the database")
    parser.add_argument(
        "--write-back", action="store_true", help="bring decisions made here back into it"
    )
    parser.add_argument("--once", action="store_true", help="look once, then end")
    parser.add_argument(
        "--interval", type=seconds, default=2.0, metavar="S", help="seconds between looks (2)"
    )
    add_json(
        parser,
        'one line per change: {"added", "skipped", "updated", "failed", "failures", '
        '"written_back"}',
    )


def run(args: argparse.Namespace) -> int:
    """Follows until interrupted; `collecting.follow` is the library twin."""
    from truing.cli.opening import open_workspace

    with open_workspace(args) as workspace:
        if args.once:
            _look(workspace, args, None, once=True)
            return 0
        if not args.json:
            output.hint(f"following {args.path}; Ctrl-C ends it, nothing is lost")
        mark = _look(workspace, args, None, once=False)
        while True:
            time.sleep(args.interval)
            mark = _look(workspace, args, mark, once=False)


def _look(
    workspace: Workspace, args: argparse.Namespace, mark: str | None, *, once: bool
) -> str | None:
    from truing.domain.errors import UnavailableError
    from truing.workspace.collecting import follow

    try:
        outcome, written, mark = follow(
            workspace, args.format, Path(args.path), write_back=args.write_back, mark=mark
        )
    except UnavailableError as error:
        if once:
            raise
        # The other program holds its database for a moment: the next look will do.
        output.show_error(error, as_json=False)
        return mark
    _tell(args, outcome, written, always=once)
    return mark


def _tell(
    args: argparse.Namespace, outcome: Imported | None, written: int, *, always: bool
) -> None:
    from truing.cli.import_from import show
    from truing.loop.import_rows import Imported

    changed = written or (
        outcome is not None and (outcome.added or outcome.updated or outcome.failed)
    )
    if not changed and not always:
        return
    found = outcome or Imported()
    if args.json:
        output.show_json_line({**found.as_dict(), "written_back": written})
        return
    show(found)
    if args.write_back:
        output.show(f"{wording.several(written, 'row')} written back")
