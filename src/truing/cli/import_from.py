"""`truing import`: bring in everything another program's files hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truing.cli import output, wording
from truing.cli.arguments import KEYS_OF_CONSENT, add_basis, add_json
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse

    from truing.loop.import_rows import Imported

HELP = LINES["import"]
EXAMPLE = (
    "truing import audiofolder recordings/ --speaker ann\ntruing import s2s s2s.db --consent person"
)
SHOWN = 20


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.add_argument("format", metavar="FORMAT", help="see truing formats")
    parser.add_argument("path", metavar="PATH", help="the file or folder, or s3://bucket/prefix")
    parser.add_argument(
        "--speaker", metavar="NAME", help="who is recorded in rows that do not say so themselves"
    )
    parser.add_argument(
        "--modality",
        metavar="NAME",
        help="of rows that do not say so themselves, in a format that holds any; the one with "
        "most samples when left out",
    )
    add_basis(parser)
    add_json(
        parser,
        '{"added", "skipped", "updated", "failed", "failures": [{"key", "reason"}], '
        f"{KEYS_OF_CONSENT}}}",
    )


def run(args: argparse.Namespace) -> int:
    """Imports and says what became of the rows; `Workspace.import_from` is the library twin."""
    from truing.cli.opening import writing_workspace

    with (
        writing_workspace(args) as workspace,
        output.progress(f"importing {args.path}", quiet=args.json) as advance,
    ):
        outcome = workspace.import_from(
            args.format,
            args.path,
            subject=args.speaker,
            modality=args.modality,
            consent=args.consent,
            reason=args.reason,
            on_progress=lambda now: advance(now.added + now.skipped + now.failed, None),
        )
    if args.json:
        output.show_json(outcome.as_dict())
    else:
        show(outcome)
        if outcome.added:
            output.hint("next: truing review, or truing stats")
    nothing_but_failures = outcome.failed and not outcome.added and not outcome.skipped
    return 1 if nothing_but_failures else 0


def show(outcome: Imported) -> None:
    """The counts on one line, and why rows failed."""
    also = f" ({outcome.updated} of them decided since)" if outcome.updated else ""
    output.show(
        f"{outcome.added} added, {outcome.skipped} skipped as here already{also}, "
        f"{outcome.failed} failed"
    )
    if outcome.added and outcome.consent is not None and outcome.consent.policy != "own-use":
        output.show(f"kept because {wording.basis(outcome.consent)}")
    if outcome.failures:
        rows = [(one.key, one.reason) for one in outcome.failures[:SHOWN]]
        output.table(("row", "failed because"), rows)
    if outcome.failed > SHOWN:
        more = wording.several(outcome.failed - SHOWN, "failure")
        output.hint(f"{more} more; --json lists the first thousand")
