"""Flags that say what becomes of pictures when they are exported."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from truing.formats.standardise import Standard

FITS = ("cover", "inside", "stretch")
KINDS = ("keep", "jpeg", "png")


def add_standard(parser: argparse.ArgumentParser) -> None:
    """Adds the flags; any of them asks for standard pictures."""
    group = parser.add_argument_group("pictures, both of a pair alike")
    group.add_argument(
        "--standardise",
        action="store_true",
        help="upright, in sRGB and without metadata; the other flags here include it",
    )
    group.add_argument("--size", type=size, metavar="WxH", help="in pixels, such as 512x512")
    group.add_argument(
        "--fit",
        choices=FITS,
        help="cover: scaled and cut to the middle (the usual one); inside: only ever smaller; "
        "stretch",
    )
    group.add_argument(
        "--keep-profile", action="store_true", help="keep the colour profile instead of sRGB"
    )
    group.add_argument(
        "--kind", choices=KINDS, help="of file; keep: JPEG stays JPEG, all others become PNG"
    )
    group.add_argument("--quality", type=int, metavar="1..100", help="of JPEG (95)")


def size(text: str) -> tuple[int, int]:
    """`512x512`, or `512` for both sides."""
    found = re.fullmatch(r"(\d{1,5})(?:[x×](\d{1,5}))?", text.strip().lower())
    if found is None:
        raise argparse.ArgumentTypeError(f"`{text}` is not a size such as 512x512")
    return int(found[1]), int(found[2] or found[1])


def standard_of(args: argparse.Namespace) -> Standard | None:
    """What the flags say; None when there is none of them.

    Raises:
        InvalidInputError: a side or quality out of range, or a way to fit without a size.
    """
    from truing.domain.errors import InvalidInputError
    from truing.formats.standardise import Standard

    if args.fit is not None and args.size is None:
        raise InvalidInputError(
            f"`--fit {args.fit}` has no size to fit into", hint="add --size, such as 512x512"
        )
    said: dict[str, object] = {}
    if args.size is not None:
        said["width"], said["height"] = args.size
    said |= {
        name: value
        for name, value in (("fit", args.fit), ("kind", args.kind), ("quality", args.quality))
        if value is not None
    }
    if args.keep_profile:
        said["srgb"] = False
    return Standard.from_dict(said) if said or args.standardise else None
