"""`truing config`: show or change settings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from truing.cli import output
from truing.cli.arguments import add_json, subcommand, subcommands
from truing.cli.table import LINES
from truing.domain.settings import without_password

if TYPE_CHECKING:
    import argparse

    from truing.domain.settings import Chosen

HELP = LINES["config"]
EXAMPLE = "truing config show gate.alpha\ntruing config set capture.mode corrections"


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    deeds = subcommands(parser)
    show = subcommand(deeds, "show", "list settings, their values and where each comes from")
    show.add_argument("key", nargs="?", metavar="KEY", help="only this one, such as gate.alpha")
    add_json(
        show, '{"settings": [{"key", "value", "origin", "default", "help", "choices", "variable"}]}'
    )
    change = subcommand(deeds, "set", "write a setting to the workspace's truing.toml")
    change.add_argument("key", metavar="KEY", help="such as gate.alpha")
    change.add_argument("value", metavar="VALUE", help="the new value")


def run(args: argparse.Namespace) -> int:
    """Shows or sets; `Workspace.settings` and `workspace.folder.set_value` are the twins."""
    return _set(args) if args.deed == "set" else _show(args)


def _set(args: argparse.Namespace) -> int:
    from truing.workspace import known_settings
    from truing.workspace.folder import find, set_value

    # The workspace is not opened: a setting that keeps it from opening can be mended so.
    folder = Path(args.workspace) if args.workspace else None
    layout = find(folder, os.environ, Path.cwd())
    table = known_settings()
    value = set_value(layout, table, args.key, args.value)
    output.show(f"{args.key} = {_shown(value)}")
    variable = next(setting.variable for setting in table if setting.key == args.key)
    if variable in os.environ:
        output.hint(f"{variable} is set in your environment and goes before the file")
    return 0


def _show(args: argparse.Namespace) -> int:
    from truing.workspace import modality_settings
    from truing.workspace.folder import find, settings_of

    folder = Path(args.workspace) if args.workspace else None
    settings = settings_of(
        find(folder, os.environ, Path.cwd()),
        flags=args.settings,
        environ=os.environ,
        extra=modality_settings(),
    )
    chosen = [settings.chosen(args.key)] if args.key else list(settings)
    if args.json:
        output.show_json({"settings": [_as_dict(one) for one in chosen]})
        return 0
    rows = [(one.setting.key, _shown(one.value), one.origin, one.setting.help) for one in chosen]
    output.table(("setting", "value", "from", "what for"), rows)
    return 0


def _shown(value: object) -> object:
    return without_password(value) if isinstance(value, str) else value


def _as_dict(one: Chosen) -> dict[str, object]:
    return {
        "key": one.setting.key,
        "value": _shown(one.value),
        "origin": one.origin,
        "default": one.setting.default,
        "help": one.setting.help,
        "choices": one.setting.choices,
        "variable": one.setting.variable,
    }
