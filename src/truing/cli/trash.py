"""`truing trash`: list, take back or erase deleted samples."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from truing.cli import output, wording
from truing.cli.arguments import add_json, number, subcommand, subcommands
from truing.cli.table import LINES
from truing.domain import sample_json

if TYPE_CHECKING:
    import argparse

    from truing.domain.sample import Sample
    from truing.domain.trash import Trashed
    from truing.workspace import Workspace

HELP = LINES["trash"]
EXAMPLE = "truing trash list\ntruing trash restore 42\ntruing trash restore --last"


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the deeds."""
    deeds = subcommands(parser)
    listed = subcommand(deeds, "list", "list deleted samples, newest first")
    listed.add_argument("--limit", type=number, default=50, metavar="N", help="at most N (50)")
    add_json(listed, '{"samples": [{"id", "deleted_at", "by", "until", "text"}], "count"}')
    back = subcommand(deeds, "restore", "take samples back; each has the state it had")
    back.add_argument("ids", nargs="*", type=number, metavar="ID", help="numbers of samples")
    back.add_argument("--last", action="store_true", help="those deleted together the last time")
    add_json(back, '{"restored": [id]}')
    gone = subcommand(deeds, "empty", "erase everything in the trash now")
    gone.add_argument("--yes", action="store_true", help="do not ask")
    add_json(gone, '{"samples", "blobs"}; needs --yes')


def run(args: argparse.Namespace) -> int:
    """Does the deed; `truing.workspace.trash` is the library twin."""
    return {"list": _list, "restore": _restore, "empty": _empty}[args.deed](args)


def _list(args: argparse.Namespace) -> int:
    from truing.cli.opening import open_workspace
    from truing.workspace import trash

    with open_workspace(args) as workspace:
        found = trash.listed(workspace, limit=args.limit)
        count = workspace.store.trash.count()
        rows = [(one, workspace.sample(one.sample_id)) for one in found]
        until = {one.sample_id: trash.goes_at(workspace, one) for one in found}
    if args.json:
        output.show_json(
            {"samples": [_as_dict(one, it, until[it.id]) for one, it in rows], "count": count}
        )
        return 0
    if not rows:
        output.hint("the trash is empty")
        return 0
    output.table(
        ("sample", "deleted (UTC)", "by", "erased (UTC)", "text"),
        [
            (
                it.id,
                wording.when(one.at),
                one.actor,
                wording.when(until[it.id]),
                sample_json.text(it),
            )
            for one, it in rows
        ],
        right=("sample",),
        whole=("deleted (UTC)", "erased (UTC)"),
    )
    if count > len(rows):
        output.hint(f"{count - len(rows)} more: --limit {count}")
    return 0


def _as_dict(one: Trashed, sample: Sample, until: int) -> dict[str, object]:
    return {
        "id": sample.id,
        "deleted_at": wording.iso(one.at),
        "by": one.actor,
        "until": wording.iso(until),
        "text": sample_json.text(sample),
    }


def _restore(args: argparse.Namespace) -> int:
    from truing.cli.opening import open_workspace
    from truing.workspace import trash

    with open_workspace(args) as workspace:
        back = trash.take_back(workspace, ids=args.ids or None, last=args.last)
    if args.json:
        output.show_json({"restored": back})
    else:
        output.show(f"took back {wording.several(len(back), 'sample')}: {wording.listed(back)}")
    return 0


def _empty(args: argparse.Namespace) -> int:
    from truing.cli.opening import open_workspace
    from truing.workspace import trash

    with open_workspace(args) as workspace:
        if not args.yes and not _agreed(workspace, as_json=args.json):
            output.hint("nothing was erased")
            return 1
        samples, blobs = trash.empty(workspace)
    if args.json:
        output.show_json({"samples": samples, "blobs": blobs})
    else:
        output.show(
            f"erased {wording.several(samples, 'sample')} and "
            f"{wording.several(blobs, 'media file')}"
        )
    return 0


def _agreed(workspace: Workspace, *, as_json: bool) -> bool:
    from truing.domain.errors import InvalidInputError

    if as_json or not sys.stdin.isatty():
        raise InvalidInputError(
            "emptying the trash cannot be undone, and nobody is there to ask",
            hint="add --yes if you mean it",
        )
    count = workspace.store.trash.count()
    question = f"Erase {wording.several(count, 'sample')} for good? (y/n) "
    return output.ask(question).lower() in ("y", "yes")
