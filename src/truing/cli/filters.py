"""Filters: the flags that choose samples, the same ones in every command that lists or writes."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from truing.cli.arguments import moment, names, rating, share

if TYPE_CHECKING:
    from truing.domain.sample import SampleFilter

STATES = ("pending", "accepted", "corrected", "rejected", "skipped")
SAMPLINGS = ("audit", "wholesale", "chosen")


def add_filters(parser: argparse.ArgumentParser, *, states: bool = True) -> None:
    """Adds the flags; without `states` where a command has states of its own."""
    group = parser.add_argument_group("which samples (all, unless narrowed)")
    if states:
        group.add_argument(
            "--state", type=names, metavar="A,B", help=f"in one of these: {', '.join(STATES)}"
        )
    group.add_argument("--speaker", metavar="NAME", help="recorded from this speaker")
    group.add_argument("--session", metavar="NAME", help="of this sitting")
    group.add_argument("--source", metavar="NAME", help="from this app or import")
    group.add_argument("--sampling", choices=SAMPLINGS, help="how they came to be looked at")
    group.add_argument(
        "--finding", metavar="CHECK", help="with this finding; `any` for any finding"
    )
    group.add_argument("--from", dest="since", type=moment, metavar="DATE", help="captured since")
    group.add_argument("--until", type=moment, metavar="DATE", help="captured before")
    group.add_argument(
        "--confidence-below", type=share, metavar="X", help="the model was less sure than this"
    )
    group.add_argument(
        "--min-rating", type=rating, metavar="1..5", help="rated so or better by a person"
    )
    group.add_argument(
        "--min-quality", type=share, metavar="X", help="of this quality or better, from 0 to 1"
    )
    group.add_argument("--tag", metavar="TAG", help="with this tag")
    group.add_argument("--text", metavar="WORDS", help="with these words in what was said")
    group.add_argument(
        "--trained",
        action=argparse.BooleanOptionalAction,
        help="used, or not used, by a finished training run",
    )
    group.add_argument("--modality", metavar="NAME", help="such as speech")


def sample_filter(args: argparse.Namespace) -> SampleFilter:
    """The filter that the flags say.

    Raises:
        InvalidInputError: a state that does not exist.
    """
    from truing.domain.errors import InvalidInputError
    from truing.domain.review import State
    from truing.domain.sample import SampleFilter, Sampling

    states = getattr(args, "state", None)
    for state in states or ():
        if state not in STATES:
            raise InvalidInputError(
                f"there is no state `{state}`", hint=f"choose from {', '.join(STATES)}"
            )
    return SampleFilter(
        modality=args.modality,
        states=tuple(State(state) for state in states) if states else None,
        subject=args.speaker,
        session=args.session,
        source=args.source,
        sampling=Sampling(args.sampling) if args.sampling else None,
        finding=_finding(args.finding),
        captured_from=args.since,
        captured_until=args.until,
        confidence_below=args.confidence_below,
        text=args.text,
        trained=args.trained,
        tag=args.tag,
        rating_from=args.min_rating,
        quality_from=args.min_quality,
    )


def _finding(name: str | None) -> str | None:
    if name in ("any", "*"):
        return "*"
    return name.replace("-", "_") if name else name


def narrowed(where: SampleFilter) -> bool:
    """Whether any flag was given."""
    from truing.domain.sample import SampleFilter

    return where != SampleFilter()
