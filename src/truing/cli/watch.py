"""`truing watch`: follow another program: its database, both ways, or its folder of clips."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from truing.cli import output, wording
from truing.cli.arguments import KEYS_OF_CONSENT, add_basis, add_json, seconds
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse

    from truing.loop.import_rows import Imported
    from truing.workspace import Workspace
    from truing.workspace.clip_watching import Watched

HELP = LINES["watch"]
EXAMPLE = "truing watch s2s s2s.db --write-back\ntruing watch ~/chaplin --speaker ann"
CLIPS = "chaplin"
"""A folder is watched for the clips of this app."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.add_argument(
        "format",
        metavar="FORMAT",
        help="s2s; see truing formats. chaplin, or left out before a folder: the video clips that "
        "the app writes into it",
    )
    parser.add_argument("path", nargs="?", metavar="PATH", help="the database, or the folder")
    parser.add_argument(
        "--write-back", action="store_true", help="bring decisions made here back into it"
    )
    parser.add_argument("--once", action="store_true", help="look once, then end")
    parser.add_argument(
        "--interval", type=seconds, default=2.0, metavar="S", help="seconds between looks (2)"
    )
    parser.add_argument("--speaker", metavar="NAME", help="who is seen in the clips")
    add_basis(parser)
    add_json(
        parser,
        'one line per change: {"added", "skipped", "updated", "failed", "failures", '
        f'{KEYS_OF_CONSENT}, "written_back"}}; of clips with '
        '{"samples": [id], "short", "not_kept"}',
    )


def run(args: argparse.Namespace) -> int:
    """Follows until interrupted; `following.follow` is the library twin."""
    from truing.cli.opening import open_workspace

    folder = _folder_of_clips(args)
    with open_workspace(args) as workspace:
        if folder is not None:
            _watch_clips(workspace, args, folder)
            return 0
        if args.once:
            _look(workspace, args, None, once=True)
            return 0
        if not args.json:
            output.hint(f"following {args.path}; Ctrl-C ends it, nothing is lost")
        mark = _look(workspace, args, None, once=False)
        while True:
            time.sleep(args.interval)
            mark = _look(workspace, args, mark, once=False)


def _folder_of_clips(args: argparse.Namespace) -> Path | None:
    """The folder whose clips are meant; None for a database.

    Raises:
        InvalidInputError: neither a format with a path, nor a folder.
    """
    from truing.domain.errors import InvalidInputError

    if args.path is None:
        if Path(args.format).expanduser().is_dir():
            return Path(args.format).expanduser()
        raise InvalidInputError(
            f"there is no folder `{args.format}`",
            hint="truing watch FOLDER watches for clips, truing watch s2s PATH a database",
        )
    if args.format == CLIPS and not Path(args.path).expanduser().is_file():
        return Path(args.path).expanduser()
    return None


def _watch_clips(workspace: Workspace, args: argparse.Namespace, folder: Path) -> None:
    from truing.live.clip_catcher import LOOK
    from truing.workspace.clip_watching import ClipWatch

    with ClipWatch(
        workspace, folder, subject=args.speaker, consent=args.consent, reason=args.reason
    ) as watch:
        if args.once:
            watch.settle()
            _tell_clips(args, watch.look())
            return
        if not args.json:
            output.hint(f"watching {folder} for clips; Ctrl-C ends it, nothing is lost")
        while True:
            watched = watch.look()
            if watched:
                _tell_clips(args, watched)
            time.sleep(LOOK)


def _tell_clips(args: argparse.Namespace, watched: Watched) -> None:
    from truing.workspace.clip_watching import FEWEST

    if args.json:
        found = {**watched.outcome.as_dict(), "written_back": 0, "samples": watched.samples}
        output.show_json_line({**found, "short": watched.short, "not_kept": watched.not_kept})
        return
    if not watched:
        output.hint(f"no new clip of {FEWEST} frames or more is finished there")
    for number in watched.samples:
        output.show(f"kept as sample {number}")
    if watched.short:
        output.hint(f"let go, too short to be read: {wording.several(watched.short, 'clip')}")
    if watched.not_kept:
        output.hint("not kept: the setting capture.mode says so")
    for failed in watched.outcome.failures:
        output.hint(f"not kept: {failed.key}: {failed.reason}")


def _look(
    workspace: Workspace, args: argparse.Namespace, mark: str | None, *, once: bool
) -> str | None:
    from truing.domain.errors import UnavailableError
    from truing.workspace.following import follow

    try:
        outcome, written, mark = follow(
            workspace,
            args.format,
            Path(args.path),
            write_back=args.write_back,
            mark=mark,
            consent=args.consent,
            reason=args.reason,
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
