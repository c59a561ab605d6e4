"""`truing verify`: check that nothing was altered or lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truing.cli import output, wording
from truing.cli.arguments import add_json, hours
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from truing.workspace import Workspace
    from truing.workspace.inspecting import Inspected
    from truing.workspace.keeping import Problem

HELP = LINES["verify"]
EXAMPLE = (
    "truing verify\ntruing verify --media --repair\n"
    "truing verify --marker 'a word nobody else said'"
)
SHORTEST = 4
SHOWN = 20
HOUR = 3600.0


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.add_argument(
        "--marker",
        metavar="TEXT",
        help="instead, look whether this text is still anywhere in the workspace's files: in raw "
        "bytes, sound, archives, Parquet, database pages and backups",
    )
    group = parser.add_argument_group("media")
    group.add_argument(
        "--media", action="store_true", help="instead, look for missing, damaged and needless media"
    )
    group.add_argument(
        "--repair",
        action="store_true",
        help="bring back what an archive or another place holds, remove what nobody needs, and "
        "give the samples of the rest a finding",
    )
    group.add_argument(
        "--from",
        dest="sources",
        action="append",
        default=[],
        metavar="PLACE",
        help="bring media from there as well: a workspace, a backup elsewhere, or s3://BUCKET/PATH",
    )
    group.add_argument(
        "--decode", action="store_true", help="decode the media of every sample, too: takes long"
    )
    group.add_argument(
        "--quick", action="store_true", help="only look whether media are there, do not read them"
    )
    group.add_argument(
        "--older-than",
        type=hours,
        default=24.0,
        metavar="HOURS",
        help="remove what nobody needs once it has lain there for so long; 24 when left out",
    )
    add_json(
        parser,
        '{"ok", "problems": [{"what", "why"}]}; with --media {"ok", "media", "broken": [{"digest", '
        '"why", "samples", "repaired"}], "more", "undecodable", "orphans", "removed"}',
    )


def run(args: argparse.Namespace) -> int:
    """Checks every digest of the workspace; `keeping.verify` is the library twin."""
    from truing.cli.opening import open_workspace
    from truing.domain.errors import InvalidInputError
    from truing.workspace.cleaning import clean_daily
    from truing.workspace.keeping import verify

    with open_workspace(args) as workspace:
        if args.marker is not None:
            return report(_marked(workspace, args.marker), "it is nowhere", as_json=args.json)
        if args.media:
            return _media(workspace, args)
        if args.repair or args.sources or args.decode or args.quick:
            raise InvalidInputError(
                "only media can be repaired, decoded or looked at quickly", hint="add --media"
            )
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


def _media(workspace: Workspace, args: argparse.Namespace) -> int:
    from truing.domain.errors import DamagedError
    from truing.workspace.inspecting import inspect

    with output.progress("looking at media", quiet=args.json) as move:
        found = inspect(
            workspace,
            repair=args.repair,
            sources=args.sources,
            thorough=not args.quick,
            decode=args.decode,
            older_than=args.older_than * HOUR,
            on_progress=lambda what, done: move(done, None, title=what),
        )
    if args.json:
        output.show_json(found.as_dict())
    else:
        _tell(found, repair=args.repair)
    return DamagedError.exit_code if found.left or found.more else 0


def _tell(found: Inspected, *, repair: bool) -> None:
    media = wording.several(found.media, "medium", "media")
    whole = not (found.broken or found.more or found.undecodable)
    output.show(f"{media} looked at{': all whole' if whole else ''}")
    if found.broken:
        rows = [
            (f"{one.digest[:19]}…", wording.listed(one.samples), one.why, one.repaired)
            for one in found.broken[:SHOWN]
        ]
        output.table(("blob", "samples", "what is wrong", "brought back from"), rows)
    hidden = len(found.broken) - SHOWN
    if hidden > 0 or found.more:
        output.hint(f"and {max(0, hidden) + found.more} more; --json names them")
    for number, why in found.undecodable[:SHOWN]:
        output.show(f"sample {number} cannot be decoded: {why}")
    if found.orphans:
        gone = f", {found.removed} removed" if repair else ""
        output.show(f"needed by nobody: {wording.several(found.orphans, 'file')}{gone}")
    _advise(found, repair=repair)


def _advise(found: Inspected, *, repair: bool) -> None:
    if not repair and (found.broken or found.orphans):
        output.hint("to put right what can be: truing verify --media --repair")
    elif found.left or found.more:
        ids = sorted({number for one in found.left for number in one.samples})
        output.hint("if another place holds them: truing verify --media --repair --from PLACE")
        if ids:
            output.hint(f"else let the samples go: truing delete {' '.join(map(str, ids[:10]))}")


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
