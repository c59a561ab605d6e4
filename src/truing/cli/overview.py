"""Overview: what `truing --help` says."""

from __future__ import annotations

from truing.cli.table import GROUPS


def overview() -> str:
    """All commands by group, and what may be given to each of them."""
    lines = [
        "Truing keeps a model true to the person who uses it: it keeps what the model saw and",
        "said, lets you correct it, trains on the corrections, and proves that it got better.",
        "",
        "usage: truing [--workspace DIR] COMMAND …",
    ]
    for title, commands in GROUPS.items():
        lines += ["", title]
        lines += [f"  {name:<11} {line}" for name, line in commands.items()]
    return "\n".join(lines) + EVERYWHERE


EVERYWHERE = """

Everywhere, before or after the command
  --workspace DIR  the workspace; else TRUING_WORKSPACE, else the nearest one from here upwards
  --set KEY=VALUE  a setting for this call alone (with `train`: an option of the recipe)
  --debug          on an error, show where in the program it came from
  -h, --help       what a command takes, with an example: truing capture --help
  -V, --version    the version of Truing

New here? `truing demo` shows the whole loop; `truing init my-voice` begins your own.
"""
