"""`truing forget`: erase samples or a person, everywhere."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from truing.cli import output, wording
from truing.cli.arguments import add_json, number
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse

    from truing.loop.forget import Forgotten
    from truing.workspace import Workspace

HELP = LINES["forget"]
EXAMPLE = (
    "truing forget 42 43\ntruing forget --speaker ann\n"
    "truing forget --contact ann@example.org --dry-run"
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.add_argument("ids", nargs="*", type=number, metavar="ID", help="numbers of samples")
    parser.add_argument("--speaker", metavar="NAME", help="everything of this speaker")
    parser.add_argument(
        "--contact", metavar="ADDRESS", help="everything handed in with this address"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument(
        "--dry-run", action="store_true", help="show what would go and change nothing"
    )
    add_json(
        parser,
        '{"samples", "blobs", "versions", "models", "champions", "runs", "exports", "backups", '
        '"exports_elsewhere", "archives", "archives_elsewhere", "reminders"}; needs --yes or '
        "--dry-run",
    )


def run(args: argparse.Namespace) -> int:
    """Says what it will reach, asks, erases; `Workspace.forget` is the library twin."""
    from truing.cli.opening import open_workspace
    from truing.domain.errors import InvalidInputError

    if sum((bool(args.ids), args.speaker is not None, args.contact is not None)) != 1:
        raise InvalidInputError(
            "name either samples or a speaker to forget, or a contact",
            hint="truing forget 42 43, or truing forget --speaker NAME, or --contact ADDRESS",
        )
    with open_workspace(args) as workspace:
        if args.dry_run:
            _show_plan(_plan(workspace, args), as_json=args.json)
            return 0
        if not args.yes and not _agreed(workspace, args):
            output.hint("nothing was erased")
            return 1
        done = workspace.forget(**_whom(args))
    if args.json:
        output.show_json(_as_dict(done))
    else:
        _tell(done)
    return 0


def _agreed(workspace: Workspace, args: argparse.Namespace) -> bool:
    from truing.domain.errors import InvalidInputError

    if args.json or not sys.stdin.isatty():
        raise InvalidInputError(
            "forgetting cannot be undone, and nobody is there to ask",
            hint="add --yes if you mean it",
        )
    _show_plan(_plan(workspace, args), as_json=False)
    return output.ask("It cannot be undone. Erase? (y/n) ").lower() in ("y", "yes")


def _plan(workspace: Workspace, args: argparse.Namespace) -> Forgotten:
    from truing.workspace.forgetting import would_forget

    return would_forget(workspace, **_whom(args))


def _whom(args: argparse.Namespace) -> dict[str, Any]:
    return {"ids": args.ids or None, "subject": args.speaker, "contact": args.contact}


def _show_plan(plan: Forgotten, *, as_json: bool) -> None:
    if as_json:
        output.show_json(_as_dict(plan))
        return
    output.show(
        f"This erases {wording.several(plan.samples, 'sample')} with all texts, and "
        f"{wording.several(plan.blobs, 'media file')} unless other samples share them."
    )
    output.facts(
        {
            "dataset versions that lose rows": wording.listed(plan.versions),
            "models to be trained again": wording.listed(plan.models),
            "champions retired": wording.listed(plan.champions),
            "training runs stopped": wording.listed(plan.runs),
            "exports and reports removed": wording.listed(plan.exports),
            "backups rewritten": wording.listed(plan.backups),
            "archives rewritten": wording.listed(plan.archives),
            "exports elsewhere, not removed": wording.listed(plan.exports_elsewhere),
            "archives out of reach": wording.listed(plan.archives_elsewhere),
        }
    )


def _as_dict(done: Forgotten) -> dict[str, object]:
    return {
        "samples": done.samples,
        "blobs": done.blobs,
        "versions": list(done.versions),
        "models": list(done.models),
        "champions": list(done.champions),
        "runs": list(done.runs),
        "exports": list(done.exports),
        "backups": list(done.backups),
        "exports_elsewhere": list(done.exports_elsewhere),
        "archives": list(done.archives),
        "archives_elsewhere": list(done.archives_elsewhere),
        "reminders": list(done.reminders),
    }


def _tell(done: Forgotten) -> None:
    output.show(
        f"erased {wording.several(done.samples, 'sample')} and "
        f"{wording.several(done.blobs, 'media file')}"
    )
    output.facts(
        {
            "dataset versions that lost rows": wording.listed(done.versions),
            "models to be trained again": wording.listed(done.models),
            "champions retired": wording.listed(done.champions),
            "exports and reports removed": wording.listed(done.exports),
            "backups rewritten": wording.listed(done.backups),
            "archives rewritten": wording.listed(done.archives),
        }
    )
    for reminder in done.reminders:
        output.hint(f"note: {reminder}")
