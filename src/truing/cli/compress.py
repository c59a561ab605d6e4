"""`truing compress`: keep media in fewer bytes, at a quality of your choice."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from truing.cli import output, wording
from truing.cli.arguments import add_json, number
from truing.cli.filters import add_filters, narrowed, sample_filter
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse
    from typing import Any

    from truing.workspace.compressing import Compressed

HELP = LINES["compress"]
EXAMPLE = (
    "truing compress --modality image_edit --until 2026-01-01 --format jpeg --quality 85 --dry-run"
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.add_argument("ids", nargs="*", type=number, metavar="ID", help="numbers of samples")
    parser.add_argument(
        "--format",
        required=True,
        metavar="NAME",
        help="jpeg or webp for pictures, opus or mp3 for sound",
    )
    parser.add_argument(
        "--quality", required=True, type=number, metavar="1..100", help="the less, the smaller"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument(
        "--dry-run", action="store_true", help="tell what it would save and change nothing"
    )
    add_filters(parser)
    add_json(
        parser,
        '{"dry_run", "samples", "media", "before", "after", "saved", "frozen", "unable", '
        '"no_gain", "kept"}; needs --yes or --dry-run',
    )


def run(args: argparse.Namespace) -> int:
    """Asks, then compresses; `compressing.compress` is the library twin."""
    from truing.cli.opening import writing_workspace
    from truing.domain.errors import InvalidInputError
    from truing.workspace.compressing import compress

    where = sample_filter(args)
    if bool(args.ids) == narrowed(where):
        raise InvalidInputError(
            "name the samples to compress, or a filter that chooses some",
            hint="truing compress --modality image_edit --format jpeg --quality 85",
        )
    chosen: dict[str, Any] = {"format": args.format, "quality": args.quality}
    chosen |= {"ids": args.ids} if args.ids else {"where": where}
    if not args.dry_run and not args.yes and not _agreed(args):
        output.hint("nothing was changed")
        return 1
    with (
        writing_workspace(args) as workspace,
        output.progress("compressing", quiet=args.json) as move,
    ):
        done = compress(workspace, **chosen, dry_run=args.dry_run, on_progress=move)
    if args.json:
        output.show_json({"dry_run": args.dry_run, **done.as_dict()})
    else:
        _tell(done, dry_run=args.dry_run)
    return 0


def _agreed(args: argparse.Namespace) -> bool:
    from truing.domain.errors import InvalidInputError

    if args.json or not sys.stdin.isatty():
        raise InvalidInputError(
            "what compressing loses cannot be brought back, and nobody is there to ask",
            hint="add --dry-run to see what it saves, or --yes if you mean it",
        )
    output.show("The media as they came will be gone; --dry-run tells what it saves.")
    return output.ask("Compress? (y/n) ").lower() in ("y", "yes")


def _tell(done: Compressed, *, dry_run: bool) -> None:
    if not done.media:
        output.show("nothing would get smaller" if dry_run else "nothing got smaller")
    else:
        saved = wording.size(done.before - done.after)
        media = wording.several(done.media, "medium", "media")
        output.show(
            f"{'would save' if dry_run else 'saved'} {saved}: {media} of "
            f"{wording.several(done.samples, 'sample')}, {wording.size(done.before)} as "
            f"{wording.size(done.after)}"
        )
    output.facts(
        {
            "left alone, in a dataset version": _samples(done.frozen),
            "left alone, not smaller or compressed before": _media(done.no_gain),
            "left alone, the format cannot hold them": _media(done.unable),
            "old files that stay while a backup or a sample needs them": done.kept or None,
        }
    )
    if done.media and dry_run:
        output.hint("nothing was changed: the same command without --dry-run does it")


def _samples(count: int) -> str | None:
    return wording.several(count, "sample") if count else None


def _media(count: int) -> str | None:
    return wording.several(count, "medium", "media") if count else None
