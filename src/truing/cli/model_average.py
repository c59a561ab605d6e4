"""`truing model average`: one model from several, weight by weight."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truing.cli import output
from truing.cli.arguments import add_json, add_modality

if TYPE_CHECKING:
    import argparse

    from truing.domain.model import ModelVersion

HELP = "make one model of several: their mean, or a point between a base and what became of it"
MADE = '{"model", "parents", "dataset", "audience", "licence", "digest", "figures"}'


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.add_argument(
        "models", nargs="+", metavar="MODEL", help="two or more: speech/3, a folder or a hub id"
    )
    parser.add_argument(
        "--weight",
        type=float,
        action="append",
        metavar="SHARE",
        help="with two models the share of the second, such as 0.7 (above 1 goes beyond it); "
        "with more, one for each model (equal when left out)",
    )
    add_audience(parser)
    add_json(parser, MADE)


def add_audience(parser: argparse.ArgumentParser) -> None:
    """Adds what every way of combining models takes."""
    add_modality(parser)
    parser.add_argument("--speaker", metavar="NAME", help="whose own model it is to become")


def run(args: argparse.Namespace) -> int:
    """Combines them; `workspace.combining.average` is the library twin."""
    from truing.cli.opening import open_workspace
    from truing.workspace.combining import average

    weights = args.weight
    if weights is not None and len(weights) == 1 and len(args.models) == 2:
        weights = [1.0 - weights[0], weights[0]]
    with open_workspace(args) as workspace:
        made = average(
            workspace,
            args.models,
            weights=weights,
            modality=args.modality or workspace.usual_modality,
            audience=audience_of(args),
        )
    tell(made, args)
    return 0


def audience_of(args: argparse.Namespace) -> str | None:
    """What `--speaker` says."""
    return f"subject:{args.speaker}" if args.speaker else None


def tell(made: ModelVersion, args: argparse.Namespace) -> None:
    """Says what came of it."""
    if args.json:
        told = made.as_dict()
        keys = ("model", "parents", "dataset", "audience", "licence", "digest", "figures")
        output.show_json({key: told[key] for key in keys})
        return
    output.show(f"made {made.ref}")
    on = made.dataset or "NAME@N"
    output.hint(f"next: truing evaluate {made.ref} --dataset {on}")
    output.hint(f"      truing promote {made.ref}" + ("" if made.dataset else " --dataset NAME@N"))
