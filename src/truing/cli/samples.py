"""`truing samples`: list samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truing.cli import output, wording
from truing.cli.arguments import add_json, number
from truing.cli.filters import add_filters, narrowed, sample_filter
from truing.cli.table import LINES
from truing.domain import sample_json

if TYPE_CHECKING:
    import argparse

    from truing.domain.sample import Page, Sample

HELP = LINES["samples"]
EXAMPLE = "truing samples --state pending --confidence-below 0.6 --order least-confident"
ORDERS = ("newest", "oldest", "least-confident", "lowest-quality")


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.add_argument(
        "--order",
        choices=ORDERS,
        help="newest when left out; with --finding the worst first (lowest-quality)",
    )
    parser.add_argument("--limit", type=number, default=50, metavar="N", help="at most N (50)")
    parser.add_argument(
        "--after", metavar="CURSOR", help="go on where a list ended: its `next`, same order"
    )
    add_filters(parser)
    add_json(parser, f'{{"samples": [{{{sample_json.KEYS}}}], "next": cursor or null}}')


def run(args: argparse.Namespace) -> int:
    """Prints one page; `Workspace.store.samples.page` is the library twin."""
    from truing.cli.opening import open_workspace
    from truing.domain.sample import SampleOrder

    where = sample_filter(args)
    order = args.order or ("lowest-quality" if where.finding else "newest")
    with open_workspace(args) as workspace:
        page = workspace.store.samples.page(
            where, SampleOrder(order), after=args.after, limit=args.limit
        )
    if args.json:
        samples = [sample_json.as_dict(sample) for sample in page.items]
        output.show_json({"samples": samples, "next": page.next})
    elif page.items:
        _show(page)
    elif narrowed(where) or args.after:
        output.hint("no sample fits")
    else:
        output.hint("no samples yet: truing capture speech FILE…, or truing import FORMAT PATH")
    return 0


def _show(page: Page[Sample]) -> None:
    output.table(
        (
            "sample",
            "captured (UTC)",
            "state",
            "speaker",
            "length",
            "confidence",
            "text",
            "findings",
        ),
        [
            (
                sample.id,
                wording.when(sample.captured_at),
                sample.state.value,
                sample.subject,
                wording.length(sample_json.duration(sample)),
                wording.confidence(sample.raw.recognition.confidence if sample.raw else None),
                sample_json.text(sample),
                sample_json.findings(sample),
            )
            for sample in page.items
        ],
        right=("sample", "length", "confidence"),
        whole=("captured (UTC)", "state", "speaker"),
    )
    if page.next:
        output.hint(f"there are more: --after {page.next}")
