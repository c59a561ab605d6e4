"""`truing model`: show a model, bring one in, or make one of others."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from truing.cli.arguments import subcommand, subcommands
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse

HELP = LINES["model"]
EXAMPLE = (
    "truing model import voice.bundle.trained\n"
    "truing model import ~/models/whisper-small --licence Apache-2.0\n"
    "truing model show speech/3\n"
    "truing model average speech/1 speech/4 --weight 0.7\n"
    "truing model merge openai/whisper-small adapter"
)
DEEDS = {
    "import": "truing.cli.model_import",
    "show": "truing.cli.model_show",
    "average": "truing.cli.model_average",
    "merge": "truing.cli.model_merge",
}
"""Name of a deed -> its module, which has `HELP`, `configure` and `run`."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of every deed."""
    deeds = subcommands(parser)
    for name, module in DEEDS.items():
        deed = importlib.import_module(module)
        deed.configure(subcommand(deeds, name, deed.HELP))


def run(args: argparse.Namespace) -> int:
    """Does the deed."""
    done: int = importlib.import_module(DEEDS[args.deed]).run(args)
    return done
