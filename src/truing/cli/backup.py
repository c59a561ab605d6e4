"""`truing backup`: make backups, look after them, put one back."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from truing.cli import output, wording
from truing.cli.arguments import add_json, subcommand, subcommands
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse
    from collections.abc import Collection

    from truing.domain.backup import Backup
    from truing.workspace import Workspace

HELP = LINES["backup"]
EXAMPLE = (
    "truing backup create\ntruing backup create --to /media/disk/my-voice\n"
    "truing backup restore newest"
)
_KEYS = '{"name", "folder", "reason", "created_at", "bytes", "samples", "blobs", "models", "whole"}'
_NAME = "its name, or `newest`; the folder of one elsewhere will do as well"


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the deeds."""
    deeds = subcommands(parser)
    made = subcommand(deeds, "create", "make a backup now")
    made.add_argument(
        "--to",
        metavar="FOLDER",
        help="copy everything there, media and models too; interrupted, the same command goes on",
    )
    add_json(made, _KEYS)
    listed = subcommand(deeds, "list", "list the backups, newest first")
    add_json(listed, f'{{"backups": [{_KEYS}], "broken": [name]}}')
    looked = subcommand(deeds, "verify", "check that a backup is whole and unaltered")
    looked.add_argument("name", nargs="?", default="newest", metavar="NAME", help=_NAME)
    looked.add_argument(
        "--quick", action="store_true", help="only look whether media are there, do not read them"
    )
    add_json(looked, '{"ok", "problems": [{"what", "why"}]}')
    back = subcommand(deeds, "restore", "put a backup back; what it replaces is backed up first")
    back.add_argument("name", metavar="NAME", help=_NAME)
    back.add_argument("--into", metavar="FOLDER", help="make a new workspace of it instead")
    back.add_argument("--yes", action="store_true", help="do not ask")
    add_json(back, '{"backup", "folder", "samples", "forgotten", "before"}; needs --yes')
    gone = subcommand(deeds, "remove", "remove a backup")
    gone.add_argument("name", metavar="NAME", help="see truing backup list")
    add_json(gone, '{"removed"}')
    plan = subcommand(deeds, "schedule", "show or change when backups are made by themselves")
    plan.add_argument("--every", type=_hours, metavar="HOURS", help="0: only when asked")
    plan.add_argument("--keep", type=_count, metavar="N", help="how many of them are kept")
    add_json(plan, '{"every_hours", "keep", "before_training", "newest", "due"}')


def _hours(text: str) -> str:
    import argparse

    try:
        sound = 0 <= float(text) < 1e6
    except ValueError:
        sound = False
    if not sound:
        raise argparse.ArgumentTypeError(f"`{text}` is not a number of hours")
    return text


def _count(text: str) -> str:
    import argparse

    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"`{text}` is not a number from 1 upwards")
    return text


def run(args: argparse.Namespace) -> int:
    """Does the deed; `truing.workspace.backups` and `restoring` are the library twins."""
    return _DEEDS[args.deed](args)


def _create(args: argparse.Namespace) -> int:
    from truing.cli.opening import open_workspace
    from truing.workspace.backups import create_backup
    from truing.workspace.copying import copy_to

    with open_workspace(args) as workspace:
        if args.to is None:
            made = create_backup(workspace)
        else:
            with output.progress("copying", quiet=args.json) as move:
                made = copy_to(
                    workspace,
                    Path(args.to),
                    on_progress=lambda what, done, total: move(done, total, title=what),
                )
    if args.json:
        output.show_json(made.as_dict())
    else:
        output.show(
            f"backed up {wording.several(made.rows.get('samples', 0), 'sample')}: "
            f"{made.folder if made.whole else made.name}"
        )
    return 0


def _list(args: argparse.Namespace) -> int:
    from truing.cli.opening import open_workspace
    from truing.workspace.backups import backups, folders

    with open_workspace(args) as workspace:
        known = backups(workspace.layout)
        names = {one.name for one in known}
        broken = [one.name for one in folders(workspace.layout) if one.name not in names]
    if args.json:
        output.show_json({"backups": [one.as_dict() for one in known], "broken": broken})
        return 0
    if known:
        output.table(
            ("backup", "made (UTC)", "samples", "size"),
            [
                (
                    one.name,
                    wording.when(one.created_at),
                    one.rows.get("samples", 0),
                    wording.size(one.size),
                )
                for one in known
            ],
            right=("samples", "size"),
            whole=("backup", "made (UTC)"),
        )
    elif not broken:
        output.hint("no backups yet: truing backup create")
    for name in broken:
        output.hint(f"`{name}` is broken: truing backup verify {name}")
    return 0


def _verify(args: argparse.Namespace) -> int:
    from truing.cli.verify import report
    from truing.workspace.verifying import verify_backup

    with _around(args) as workspace:
        backup = _found(workspace, args.name)
        with output.progress("verifying", quiet=args.json) as move:
            problems = verify_backup(
                backup,
                workspace.blobs if workspace is not None else None,
                models=workspace.layout.models if workspace is not None else None,
                thorough=not args.quick,
                in_archives=partial(_archived, workspace),
                on_progress=lambda what, done, total: move(done, total, title=what),
            )
    return report(problems, f"`{backup.name}` is whole and unaltered", as_json=args.json)


def _archived(workspace: Workspace | None, digests: Collection[str]) -> Collection[str]:
    from truing.workspace.archive_contents import holding_media

    if workspace is None:
        return ()
    return set().union(*holding_media(workspace, digests).values())


def _restore(args: argparse.Namespace) -> int:
    from truing.cli.opening import open_workspace
    from truing.workspace.restoring import restore, restore_into

    with output.progress("restoring", quiet=args.json) as move:

        def on_progress(what: str, done: int, total: int | None) -> None:
            move(done, total, title=what)

        if args.into is not None:
            with _around(args) as workspace:
                done = restore_into(
                    _found(workspace, args.name),
                    Path(args.into),
                    origin=workspace,
                    actor=workspace.actor if workspace is not None else "",
                    on_progress=on_progress,
                )
        else:
            with open_workspace(args) as workspace:
                backup = _found(workspace, args.name)
                if not args.yes and not _agreed(backup, as_json=args.json):
                    output.hint("nothing was changed")
                    return 1
                done = restore(workspace, args.name, on_progress=on_progress)
    if args.json:
        output.show_json(
            {
                "backup": done.backup,
                "folder": str(done.folder),
                "samples": done.samples,
                "forgotten": done.forgotten,
                "before": done.before,
            }
        )
        return 0
    output.show(f"restored {wording.several(done.samples, 'sample')} from {done.backup}")
    if done.forgotten:
        output.show(f"forgotten since, and so again: {wording.several(done.forgotten, 'sample')}")
    if done.before is not None:
        output.hint(f"it was the wrong one? truing backup restore {done.before}")
    else:
        output.hint(f"truing --workspace '{done.folder}' stats")
    return 0


def _agreed(backup: Backup, *, as_json: bool) -> bool:
    import sys

    from truing.domain.errors import InvalidInputError

    if as_json or not sys.stdin.isatty():
        raise InvalidInputError(
            "restoring replaces what is there, and nobody is there to ask",
            hint="add --yes if you mean it, or --into FOLDER for a workspace of its own",
        )
    output.show(
        f"This puts back {wording.several(backup.rows.get('samples', 0), 'sample')} as they were "
        f"at {wording.when(backup.created_at)} UTC. What is there now is backed up first."
    )
    return output.ask("Restore? (y/n) ").lower() in ("y", "yes")


def _remove(args: argparse.Namespace) -> int:
    from truing.cli.opening import open_workspace
    from truing.workspace.backups import remove_backup

    with open_workspace(args) as workspace:
        place = remove_backup(workspace, args.name)
    if args.json:
        output.show_json({"removed": place.name})
    else:
        output.show(f"removed {place.name}")
    return 0


def _schedule(args: argparse.Namespace) -> int:
    from truing.cli.opening import open_workspace
    from truing.workspace import known_settings
    from truing.workspace.backups import backups
    from truing.workspace.folder import set_value
    from truing.workspace.housekeeping import backup_is_due

    with open_workspace(args) as workspace:
        layout = workspace.layout
        for key, value in (("backup.every_hours", args.every), ("backup.keep", args.keep)):
            if value is not None:
                set_value(layout, known_settings(), key, value)
    with open_workspace(args) as workspace:
        settings = workspace.settings
        hours, keep = settings.number("backup.every_hours"), settings.whole("backup.keep")
        known = backups(layout)
        told: dict[str, object] = {
            "every_hours": hours,
            "keep": keep,
            "before_training": settings.flag("backup.before_training"),
            "newest": wording.iso(known[0].created_at) if known else None,
            "due": backup_is_due(workspace),
        }
    if args.json:
        output.show_json(told)
        return 0
    often = f"when the newest is older than {hours:g} hours" if hours else "only when asked"
    output.facts(
        {
            "made by themselves": often,
            "before training": "yes" if told["before_training"] else "no",
            "kept": f"{keep} of those; all that were made by hand",
            "newest": wording.when(known[0].created_at) if known else "none yet",
        }
    )
    output.hint("with the next command that changes something; a cron job may call backup create")
    return 0


def _around(args: argparse.Namespace) -> Around:
    return Around(args)


class Around:
    """The workspace of a command that can do without one, for a backup that lies elsewhere."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._args = args
        self._opened: Workspace | None = None

    def __enter__(self) -> Workspace | None:
        from truing.cli.opening import open_workspace
        from truing.domain.errors import NoWorkspaceError

        try:
            self._opened = open_workspace(self._args)
        except NoWorkspaceError:
            if not Path(self._args.name).expanduser().is_dir():
                raise
        return self._opened

    def __exit__(self, *_: object) -> None:
        if self._opened is not None:
            self._opened.close()


def _found(workspace: Workspace | None, name: str) -> Backup:
    from truing.workspace.backups import find_backup

    return find_backup(workspace.layout if workspace is not None else None, name)


_DEEDS = {
    "create": _create,
    "list": _list,
    "verify": _verify,
    "restore": _restore,
    "remove": _remove,
    "schedule": _schedule,
}
