"""`truing forget`: erase samples or a person, everywhere."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from truing.cli import output, wording
from truing.cli.arguments import add_json, number
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from truing.loop.forget import Forgotten
    from truing.workspace import Workspace

HELP = LINES["forget"]
EXAMPLE = "truing forget 42 43\ntruing forget --speaker ann"


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.add_argument("ids", nargs="*", type=number, metavar="ID", help="numbers of samples")
    parser.add_argument("--speaker", metavar="NAME", help="everything of this speaker")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    add_json(
        parser, '{"samples", "blobs", "versions", "models", "exports", "reminders"}; needs --yes'
    )


def run(args: argparse.Namespace) -> int:
    """Says what it will reach, asks, erases; `Workspace.forget` is the library twin."""
    from truing.cli.opening import open_workspace
    from truing.domain.errors import InvalidInputError

    if bool(args.ids) == (args.speaker is not None):
        raise InvalidInputError(
            "name either samples or a speaker to forget",
            hint="truing forget 42 43, or truing forget --speaker NAME",
        )
    with open_workspace(args) as workspace:
        if not args.yes and not _agreed(workspace, args):
            output.hint("nothing was erased")
            return 1
        done = workspace.forget(ids=args.ids or None, subject=args.speaker)
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
    uids = _uids(workspace, args)
    held = workspace.store.datasets.holding(uids)
    versions = sorted({version for names in held.values() for version in names})
    models = workspace.store.models.all()
    trained = [str(one.ref) for one in models if one.dataset in versions]
    output.show(f"This erases {wording.several(len(uids), 'sample')} with all media and texts.")
    if versions:
        output.show(f"Dataset versions that lose rows: {wording.listed(versions)}")
    if trained:
        output.show(f"Models trained on them, to be trained again: {wording.listed(trained)}")
    return output.ask("It cannot be undone. Erase? (y/n) ").lower() in ("y", "yes")


def _uids(workspace: Workspace, args: argparse.Namespace) -> Sequence[str]:
    from truing.domain.sample import SampleFilter
    from truing.loop.forget import ids_of_subject

    if args.speaker is None:
        return [workspace.sample(one).uid for one in args.ids]
    ids_of_subject(args.speaker, workspace.store)
    where = SampleFilter(subject=args.speaker)
    return [sample.uid for sample in workspace.store.samples.iterate(where)]


def _as_dict(done: Forgotten) -> dict[str, object]:
    return {
        "samples": done.samples,
        "blobs": done.blobs,
        "versions": list(done.versions),
        "models": list(done.models),
        "exports": list(done.exports),
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
            "exports and reports removed": wording.listed(done.exports),
        }
    )
    for reminder in done.reminders:
        output.hint(f"note: {reminder}")
