"""`truing move`: keep everything said, or the recordings, in another place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truing.cli import output, wording
from truing.cli.arguments import add_json
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse

    from truing.workspace.moving import MovedDatabase
    from truing.workspace.moving_blobs import MovedBlobs

HELP = LINES["move"]
EXAMPLE = (
    "truing move --database postgresql://ann@localhost/voice\n"
    "truing move --database sqlite\n"
    "truing move --blobs s3://recordings/voice"
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.add_argument(
        "--database",
        metavar="URL",
        help="move everything said to this empty PostgreSQL database, or with `sqlite` to the "
        "file truing.db in the workspace; the password comes from ~/.pgpass or PGPASSWORD",
    )
    parser.add_argument(
        "--blobs",
        metavar="URL",
        help="move recordings to s3://BUCKET/PREFIX, or with `folder` to the workspace's blobs/",
    )
    add_json(
        parser,
        '{"database": {"from", "to", "digests": {table: digest}, "old"} or null, '
        '"blobs": {"from", "to", "copied", "present"} or null}',
    )


def run(args: argparse.Namespace) -> int:
    """Moves; `moving.move_database` and `moving_blobs.move_blobs` are the library twins."""
    from truing.cli.opening import open_workspace
    from truing.domain.errors import InvalidInputError
    from truing.workspace.moving import move_database
    from truing.workspace.moving_blobs import move_blobs

    if args.database is None and args.blobs is None:
        raise InvalidInputError(
            "nothing was named to be moved",
            hint="truing move --database URL, or truing move --blobs URL",
        )
    database = blobs = None
    with open_workspace(args) as workspace:
        if args.database is not None:
            with output.progress("moving everything said", quiet=args.json) as advance:
                database = move_database(workspace, args.database, advance)
        if args.blobs is not None:
            target = "" if args.blobs == "folder" else args.blobs
            with output.progress("moving recordings", quiet=args.json) as advance:
                blobs = move_blobs(workspace, target, advance)
    if args.json:
        output.show_json(
            {
                "database": database.as_dict() if database else None,
                "blobs": blobs.as_dict() if blobs else None,
            }
        )
        return 0
    if database:
        _tell_database(database)
    if blobs:
        _tell_blobs(blobs)
    return 0


def _tell_database(moved: MovedDatabase) -> None:
    output.show(f"everything said is kept in {moved.target} now")
    output.show(f"all {len(moved.digests)} digests are equal on both sides")
    for line in moved.old:
        output.hint(f"note: {line}")


def _tell_blobs(moved: MovedBlobs) -> None:
    output.show(f"recordings are kept in {moved.target or 'the folder blobs/'} now")
    output.show(
        f"{wording.several(moved.copied, 'recording')} copied, {moved.present} there already"
    )
    if not moved.source:
        output.hint(
            "note: those in the folder blobs/ were left there, and forgetting removes them there "
            "too: delete the folder when `truing verify` is content"
        )
        return
    output.hint(
        f"note: those in {moved.source} were left there; forgetting does not reach them from now "
        "on: remove them when you no longer need them"
    )
