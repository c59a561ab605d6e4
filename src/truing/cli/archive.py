"""`truing archive`: move samples into compressed files, bring them back."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from truing.cli import output, wording
from truing.cli.arguments import add_json, number, subcommand, subcommands
from truing.cli.filters import add_filters, narrowed, sample_filter
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse

    from truing.domain.archive import Packed
    from truing.workspace import Workspace
    from truing.workspace.archives import Contents
    from truing.workspace.archiving import Archived

HELP = LINES["archive"]
EXAMPLE = (
    "truing archive create --until 2026-01-01 --dry-run\n"
    "truing archive create --until 2026-01-01 --to /media/disk/archives\n"
    "truing archive restore 2026-03-31T18-05-00 42"
)
_KEYS = (
    '{"name", "file", "there", "created_at", "by", "samples", "archived", "bytes", "media_bytes", '
    '"digest"}'
)
_NAME = "its name, or the path of its file"


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the deeds."""
    deeds = subcommands(parser)
    made = subcommand(
        deeds, "create", "move samples into an archive, or several when they are many"
    )
    made.add_argument("ids", nargs="*", type=number, metavar="ID", help="numbers of samples")
    made.add_argument("--name", metavar="NAME", help="what to call it; the time when left out")
    made.add_argument(
        "--to", metavar="FOLDER", help="write the file there, not where archive.folder says"
    )
    made.add_argument("--dry-run", action="store_true", help="only tell what would be archived")
    add_filters(made)
    add_json(
        made,
        '{"dry_run", "archives": [name], "samples", "media_bytes", "archive_bytes", "freed", '
        '"kept", "versions", "already", "left": [{"id", "why"}]}',
    )
    listed = subcommand(deeds, "list", "list the archives, newest first")
    add_json(listed, f'{{"archives": [{_KEYS}]}}')
    shown = subcommand(deeds, "show", "show what is in an archive")
    shown.add_argument("name", metavar="NAME", help=_NAME)
    add_json(
        shown,
        '{"file", "bytes", "digest", "archive", "samples": [{"id", "uid", "modality", "state", '
        '"captured_at", "source", "truth", "here"}]}',
    )
    back = subcommand(deeds, "restore", "bring samples back as they were")
    back.add_argument("name", metavar="NAME", help=_NAME)
    back.add_argument("ids", nargs="*", type=number, metavar="ID", help="these alone")
    add_json(
        back,
        '{"archive", "samples", "ids", "present", "elsewhere", "forgotten", "reminder"}',
    )
    looked = subcommand(
        deeds, "verify", "check that archives are whole, and take out what was forgotten since"
    )
    looked.add_argument("name", nargs="?", metavar="NAME", help=f"{_NAME}; all when left out")
    add_json(looked, '{"ok", "archives", "forgotten", "problems": [{"what", "why"}]}')
    gone = subcommand(deeds, "delete", "remove an archive and the samples that lie in it alone")
    gone.add_argument("name", metavar="NAME", help="see truing archive list")
    gone.add_argument("--yes", action="store_true", help="do not ask")
    add_json(gone, '{"removed", "samples"}; needs --yes')


def run(args: argparse.Namespace) -> int:
    """Does the deed; `truing.workspace.archiving`, `unarchiving` and `archives` are the library
    twins.
    """
    return _DEEDS[args.deed](args)


# --- making --------------------------------------------------------------------------------------


def _create(args: argparse.Namespace) -> int:
    from truing.cli.opening import writing_workspace
    from truing.domain.errors import InvalidInputError
    from truing.workspace.archiving import archive

    where = sample_filter(args)
    if bool(args.ids) == narrowed(where):
        raise InvalidInputError(
            "name the samples to archive, or a filter that chooses some",
            hint="truing archive create --until 2026-01-01, or truing archive create 42 43",
        )
    with (
        writing_workspace(args) as workspace,
        output.progress("archiving", quiet=args.json) as move,
    ):
        done = archive(
            workspace,
            None if args.ids else where,
            ids=args.ids or None,
            name=args.name,
            folder=Path(args.to).expanduser().resolve() if args.to else None,
            dry_run=args.dry_run,
            on_progress=move,
        )
    if args.json:
        output.show_json({"dry_run": args.dry_run, **done.as_dict()})
    else:
        _tell(done, dry_run=args.dry_run)
    return 0


def _tell(done: Archived, *, dry_run: bool) -> None:
    samples = wording.several(done.samples, "sample")
    if not done.samples:
        output.show("nothing to archive")
    elif dry_run:
        output.show(f"would archive {samples} with {wording.size(done.media_bytes)} of media")
    else:
        output.show(
            f"archived {samples}: {wording.size(done.media_bytes)} of media in "
            f"{wording.size(done.archive_bytes)}, {wording.size(done.freed)} freed in the workspace"
        )
        output.facts({"archives": wording.listed(done.archives)})
    if done.already:
        output.show(f"archived before: {wording.several(done.already, 'sample')}")
    if done.versions:
        output.show(
            f"they stay part of {wording.listed(done.versions)}, with "
            f"{wording.several(done.kept, 'media file')} kept here for it"
            if not dry_run
            else f"they would stay part of {wording.listed(done.versions)}, with the media it needs"
        )
    for sample_id, why in done.left[:10]:
        output.hint(f"sample {sample_id} stays: {why}; truing verify --media tells what to do")
    if done.samples and not dry_run:
        output.hint(f"to bring them back: truing archive restore {done.archives[0]}")


# --- looking -------------------------------------------------------------------------------------


def _list(args: argparse.Namespace) -> int:
    from truing.cli.opening import open_workspace
    from truing.workspace.archive_places import listed

    with open_workspace(args) as workspace:
        known = listed(workspace)
    if args.json:
        output.show_json({"archives": [one.as_dict() for one in known]})
        return 0
    if not known:
        output.hint("no archives yet: truing archive create --until DATE")
        return 0
    output.table(
        ("archive", "made (UTC)", "samples", "only there", "size", "file"),
        [
            (
                one.name,
                wording.when(one.created_at),
                one.samples,
                one.archived,
                wording.size(one.size),
                one.place if one.place.is_file() else f"not at {one.place}",
            )
            for one in known
        ],
        right=("samples", "only there", "size"),
        whole=("archive", "made (UTC)"),
    )
    return 0


def _show(args: argparse.Namespace) -> int:
    from truing.cli.opening import open_workspace
    from truing.workspace.archives import contents

    with open_workspace(args) as workspace:
        held = contents(workspace, args.name)
        here = set(workspace.store.samples.by_uids([one.uid for one in held.samples]))
    if args.json:
        output.show_json(_as_dict(held, here))
        return 0
    output.facts(
        {
            "file": held.place,
            "size": wording.size(held.size),
            "digest": held.digest,
            "samples": len(held.samples),
            "of this workspace": "yes" if held.archive is not None else "no",
        }
    )
    rows = [
        (
            one.number,
            wording.when(one.sample["captured_at"]),
            one.sample["modality"],
            one.sample["state"],
            one.sample["source"],
            "yes" if one.uid in here else "no",
        )
        for one in held.samples
    ]
    heads = ("id", "captured (UTC)", "modality", "state", "source", "here")
    output.table(heads, rows, right=("id",), whole=("captured (UTC)",))
    return 0


def _as_dict(held: Contents, here: set[str]) -> dict[str, object]:
    return {
        "file": str(held.place),
        "bytes": held.size,
        "digest": held.digest,
        "archive": held.archive.name if held.archive is not None else None,
        "samples": [_sample(one, here) for one in held.samples],
    }


def _sample(packed: Packed, here: set[str]) -> dict[str, object]:
    sample = packed.sample
    return {
        "id": packed.number,
        "uid": packed.uid,
        "modality": sample["modality"],
        "state": sample["state"],
        "captured_at": wording.iso(sample["captured_at"]),
        "source": sample["source"],
        "truth": sample["truth"],
        "here": packed.uid in here,
    }


def _verify(args: argparse.Namespace) -> int:
    from truing.cli.opening import open_workspace
    from truing.domain.errors import DamagedError
    from truing.workspace.archives import verify

    with (
        open_workspace(args) as workspace,
        output.progress("verifying", quiet=args.json) as move,
    ):
        looked = verify(
            workspace,
            args.name,
            on_progress=lambda what, done, total: move(done, total, title=what),
        )
    if args.json:
        output.show_json(looked.as_dict())
    else:
        if looked.forgotten:
            taken = wording.several(looked.forgotten, "sample")
            output.show(f"taken out, forgotten since: {taken}")
        if looked.problems:
            output.table(("what", "why"), [(one.what, one.why) for one in looked.problems])
        elif looked.archives:
            output.show(f"{wording.several(looked.archives, 'archive')} whole and unaltered")
        else:
            output.hint("no archives yet: truing archive create --until DATE")
    return DamagedError.exit_code if looked.problems else 0


# --- back, or gone -------------------------------------------------------------------------------


def _restore(args: argparse.Namespace) -> int:
    from truing.cli.opening import writing_workspace
    from truing.workspace.unarchiving import restore

    with (
        writing_workspace(args) as workspace,
        output.progress("bringing back", quiet=args.json) as move,
    ):
        done = restore(workspace, args.name, ids=args.ids or None, on_progress=move)
    if args.json:
        output.show_json(done.as_dict())
        return 0
    output.show(f"brought back {wording.several(len(done.ids), 'sample')} from {done.archive}")
    output.facts(
        {
            "here already": done.present or None,
            "archived again since, elsewhere": done.elsewhere or None,
            "forgotten since, and so not brought back": done.forgotten or None,
        }
    )
    if done.reminder is not None:
        output.hint(f"note: {done.reminder}")
    return 0


def _delete(args: argparse.Namespace) -> int:
    from truing.cli.opening import open_workspace
    from truing.workspace.archives import delete

    with open_workspace(args) as workspace:
        if not args.yes and not _agreed(workspace, args):
            output.hint("nothing was removed")
            return 1
        samples = delete(workspace, args.name)
    if args.json:
        output.show_json({"removed": args.name, "samples": samples})
    else:
        output.show(f"removed {args.name} with {wording.several(samples, 'sample')}")
    return 0


def _agreed(workspace: Workspace, args: argparse.Namespace) -> bool:
    from truing.domain.errors import InvalidInputError

    one = workspace.store.archives.get(args.name)
    if args.json or not sys.stdin.isatty():
        raise InvalidInputError(
            "removing an archive cannot be undone, and nobody is there to ask",
            hint="add --yes if you mean it",
        )
    output.show(f"{wording.several(one.archived, 'sample')} lie in `{one.name}` alone.")
    return output.ask("Remove it for good? (y/n) ").lower() in ("y", "yes")


_DEEDS = {
    "create": _create,
    "list": _list,
    "show": _show,
    "restore": _restore,
    "verify": _verify,
    "delete": _delete,
}
