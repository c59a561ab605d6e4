"""`truing formats`: list what can be imported and exported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truing.cli import output
from truing.cli.arguments import add_json
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse

HELP = LINES["formats"]
EXAMPLE = "truing formats"


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    add_json(parser, '{"formats": [{"name", "modality", "import", "export", "watch", "summary"}]}')


def run(args: argparse.Namespace) -> int:
    """Lists the formats; `truing.workspace.formats` is the library twin."""
    from truing.domain.format import Followed, Reader, Writer
    from truing.workspace import formats

    found = [(name, formats.load(name)()) for name in formats.names()]
    rows = [
        {
            "name": name,
            "modality": one.modality,
            "import": isinstance(one, Reader),
            "export": isinstance(one, Writer),
            "watch": isinstance(one, Followed),
            "summary": one.summary,
        }
        for name, one in found
    ]
    if args.json:
        output.show_json({"formats": rows})
        return 0
    deeds = ("import", "export", "watch")
    output.table(
        ("format", "modality", *deeds, "what it is"),
        [
            (
                row["name"],
                row["modality"],
                *("yes" if row[deed] else None for deed in deeds),
                row["summary"],
            )
            for row in rows
        ],
    )
    return 0
