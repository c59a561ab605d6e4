"""`truing verify`: check that nothing was altered or lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truing.cli import output, wording
from truing.cli.arguments import add_json
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from truing.workspace import Workspace
    from truing.workspace.keeping import Problem

HELP = LINES["verify"]
EXAMPLE = "truing verify\ntruing verify --marker 'a word nobody else said'"
SHORTEST = 4


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.add_argument(
        "--marker",
        metavar="TEXT",
        help="instead, look whether this text is still anywhere in the workspace's files: in raw "
        "bytes, sound, archives, Parquet, database pages and backups",
    )
    add_json(parser, '{"ok", "problems": [{"what", "why"}]}')


def run(args: argparse.Namespace) -> int:
    """Checks every digest of the workspace; `keeping.verify` is the library twin."""
    from truing.cli.opening import open_workspace
    from truing.workspace.cleaning import clean_daily
    from truing.workspace.keeping import verify

    with open_workspace(args) as workspace:
        if args.marker is not None:
            return report(_marked(workspace, args.marker), "it is nowhere", as_json=args.json)
        problems = verify(workspace)
        clean_daily(workspace)
    return report(problems, "everything is as it was stored", as_json=args.json)


def _marked(workspace: Workspace, marker: str) -> list[Problem]:
    from truing.domain.errors import InvalidInputError
    from truing.testing.marker_search import find_marker
    from truing.workspace.keeping import Problem

    if len(marker.strip()) < SHORTEST:
        raise InvalidInputError(
            f"`{marker}` is too short to be looked for in sound and archives",
            hint=f"give a text of {SHORTEST} letters or more that nothing else holds",
        )
    found = find_marker(workspace.layout.root, marker)
    return [Problem(what=one.path, why=f"holds the text ({one.how})") for one in found]


def report(problems: Sequence[Problem], praise: str, *, as_json: bool) -> int:
    """Prints what was found and returns the exit code: that of damage when there is any."""
    from truing.domain.errors import DamagedError

    if as_json:
        found = [{"what": one.what, "why": one.why} for one in problems]
        output.show_json({"ok": not problems, "problems": found})
    elif problems:
        output.table(("what", "why"), [(one.what, one.why) for one in problems])
        output.hint(
            f"{wording.several(len(problems), 'problem')}: put the files back from a backup, or "
            "forget the samples they belong to"
        )
    else:
        output.show(praise)
    return DamagedError.exit_code if problems else 0
