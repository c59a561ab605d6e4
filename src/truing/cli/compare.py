"""`truing compare`: tell whether one model is better than another, and how surely."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from truing.cli import output, wording
from truing.cli.arguments import add_json
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from truing.domain.comparison import Comparison
    from truing.workspace import Workspace

HELP = LINES["compare"]
EXAMPLE = "truing compare champion speech/2 --dataset mine@1 --html report.html"
SPLITS = ("test", "validation", "train")
SHOWN = 5


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.add_argument("first", metavar="A", help="the model to compare with, such as champion")
    parser.add_argument("others", nargs="+", metavar="B", help="one or more models")
    parser.add_argument("--dataset", required=True, metavar="NAME@N", help="such as mine@1")
    parser.add_argument("--split", choices=SPLITS, default="test", help="test when left out")
    parser.add_argument(
        "--html", metavar="FILE", help="write a page with every difference; it quotes what was said"
    )
    add_json(
        parser,
        '{"a": {"model", "wer"}, "b", "dataset", "split", "metric", "metric_version", '
        '"higher_is_better", "difference", "ci": [low, high], "level", "p_value", "p_better", '
        '"method", "rows", "clusters", "wins", "losses", "ties", "only_a", "only_b", "changed", '
        '"slices", "best", "worst", "baseline"}; of pictures also "measures", "people"; for more '
        'than two models {"comparisons": [the same]}',
    )


def run(args: argparse.Namespace) -> int:
    """Compares each other model with the first; `Workspace.compare` is the library twin."""
    from truing.cli.opening import open_workspace

    _check(args)
    with open_workspace(args) as workspace:
        with output.progress("comparing", quiet=args.json) as advance:
            found = [
                workspace.compare(
                    args.first, other, args.dataset, split=args.split, on_progress=advance
                )
                for other in args.others
            ]
        told = [_report(workspace, one) for one in found]
        if args.html:
            _refuse_pictures(told[0])
            _write_page(workspace, found[0], Path(args.html), args.split)
    if args.json:
        output.show_json(told[0] if len(told) == 1 else {"comparisons": told})
    elif "measures" in told[0]:
        from truing.cli.picture_figures import show_comparison

        for one in told:
            show_comparison(one)
    else:
        _show([_short(one) for one in found])
        if args.html:
            output.show(f"wrote {args.html}")
    return 0


def _check(args: argparse.Namespace) -> None:
    from truing.domain.errors import ConflictError, InvalidInputError

    if args.html and len(args.others) > 1:
        raise InvalidInputError("a page compares two models", hint="write one page per pair")
    if args.html and Path(args.html).exists():
        raise ConflictError(f"`{args.html}` exists already", hint="name another file")


def _refuse_pictures(told: Mapping[str, object]) -> None:
    from truing.domain.errors import InvalidInputError

    if "measures" in told:
        raise InvalidInputError(
            "a page quotes texts, and these models make pictures",
            hint="see them side by side on the page Models: truing serve",
        )


def _report(workspace: Workspace, found: Comparison) -> dict[str, object]:
    """Of pictures with every measure; of texts as the comparison tells itself."""
    from truing.workspace.reports import of_comparison

    told = of_comparison(workspace, found)
    return told if "measures" in told else found.as_dict()


def _short(one: Comparison) -> Comparison:
    """With the names of folders cut to their last part, unless that makes them the same."""
    from dataclasses import replace

    from truing.domain.model import short_name

    a, b = short_name(one.model_a), short_name(one.model_b)
    return one if a == b else replace(one, model_a=a, model_b=b)


def _write_page(workspace: Workspace, found: Comparison, place: Path, split: str) -> None:
    from truing.domain.clock import to_iso
    from truing.metrics.report import Beside, render
    from truing.platform.files import storage_error, write_durably

    # Evaluated a moment ago: read back, with the baseline that was scored beside it.
    figures = workspace.evaluate(found.model_b, found.dataset, split).figures
    trivial = figures.get("baseline")
    beside = Beside(
        baseline=(str(trivial["name"]), float(trivial[found.metric]))
        if isinstance(trivial, dict)
        else None
    )
    made_at = to_iso(workspace.clock.now())[:16].replace("T", " ") + " UTC"
    page = render(_short(found), made_at=made_at, beside=beside)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error(error, place) from error
    write_durably(place, page.encode("utf-8"))


def _show(found: Sequence[Comparison]) -> None:
    first = found[0]
    name = first.metric.upper()
    output.show(f"{first.dataset}, {first.split}, {wording.several(first.rows, 'recording')}")
    output.table(
        ("model", name, "difference", f"{first.level:.0%} interval", "p", "better", "worse"),
        [
            (first.model_a, wording.percent(first.value_a)),
            *(
                (
                    one.model_b,
                    wording.percent(one.value_b),
                    wording.points(one.difference),
                    _interval(one),
                    wording.p_value(one.p_value),
                    one.wins,
                    one.losses,
                )
                for one in found
            ),
        ],
        right=(name, "difference", "p", "better", "worse"),
    )
    if len(found) == 1:
        _show_rows(first)


def _interval(one: Comparison) -> str | None:
    if one.ci is None:
        return None
    return f"{100 * one.ci[0]:+.1f} to {100 * one.ci[1]:+.1f}"


def _show_rows(one: Comparison) -> None:
    for title, rows in (("better", one.best(SHOWN)), ("worse", one.worst(SHOWN))):
        if rows:
            output.show()
            output.table(
                (f"said, where {one.model_b} is {title}", one.model_a, one.model_b),
                [(row.truth, row.prediction_a, row.prediction_b) for row in rows],
            )
