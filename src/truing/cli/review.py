"""`truing review`: confirm or correct samples, one after the other."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from truing.cli import output
from truing.cli.filters import add_filters, narrowed, sample_filter
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse

HELP = LINES["review"]
EXAMPLE = (
    "truing review\n"
    "truing review --queue least-confident --speaker ann\n"
    'printf "y\\nn buy milk\\n" | truing review --no-play'
)
QUEUES = (
    "mixed",
    "informative",
    "uncertain",
    "disagreement",
    "diverse",
    "newest",
    "oldest",
    "least-confident",
    "findings",
    "audit",
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.add_argument(
        "--queue",
        "--order",
        choices=QUEUES,
        default="mixed",
        help="mixed = in turn one taken by chance and one of the most informative (when left out); "
        "informative = unsure or disputed, and unlike those before; uncertain = by the model's "
        "doubt; disagreement = where models say different things; diverse = each unlike those "
        "before; findings = those with faults, worst first; audit = only those taken by chance",
    )
    parser.add_argument("--no-play", action="store_true", help="show, but do not play")
    add_filters(parser)


def run(args: argparse.Namespace) -> int:
    """Asks about each undecided sample; the twins are `Workspace.queue` and `Workspace.review`."""
    from truing.cli.keys import person
    from truing.cli.opening import writing_workspace
    from truing.cli.review_session import ReviewSession

    where = sample_filter(args)
    with writing_workspace(args) as workspace:
        session = ReviewSession(
            workspace,
            person(),
            queue=args.queue,
            where=where,
            play=not args.no_play and sys.stdin.isatty(),
        )
        try:
            ended_early = session.run()
        finally:
            session.close()
        tally = session.tally
        if tally.total == 0 and narrowed(where):
            output.hint("no sample fits")
        elif tally.total == 0:
            output.hint("no samples yet: truing capture speech FILE…, or truing import FORMAT PATH")
        elif ended_early:
            output.hint(f"{tally.waiting} wait for you: truing review goes on here")
        else:
            output.hint("nothing is left to review; next: truing dataset freeze NAME")
    return 0
