"""`truing recipes`: list ways of training and their options."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from truing.cli import output
from truing.cli.arguments import add_json
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse

    from truing.domain.modality import Modality
    from truing.domain.recipe import Recipe

HELP = LINES["recipes"]
EXAMPLE = "truing recipes whisper"


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="show the options of this recipe")
    parser.add_argument("--modality", default="speech", metavar="NAME", help="speech")
    add_json(
        parser,
        '{"recipes": [{"name", "modality", "summary"}]}; with NAME: {"name", "modality", '
        '"summary", "options": [{"name", "default", "help"}]}',
    )


def run(args: argparse.Namespace) -> int:
    """Lists recipes or the options of one; `workspace.training.recipe_named` is the twin."""
    from truing.workspace import modalities
    from truing.workspace.training import recipe_named

    modality = modalities.load(args.modality)()
    if args.name is not None:
        _show(args, recipe_named(modality, args.name))
        return 0
    every = [recipe_named(modality, name) for name in _names(modality)]
    if args.json:
        rows = [
            {"name": one.name, "modality": args.modality, "summary": one.summary} for one in every
        ]
        output.show_json({"recipes": rows})
    elif every:
        output.table(("recipe", "what it does"), [(one.name, one.summary) for one in every])
        output.hint(f"its options: truing recipes {every[0].name}")
    else:
        output.hint(f"`{args.modality}` has no recipes; an installed package may bring one")
    return 0


def _names(modality: Modality) -> list[str]:
    from truing.domain.modality import CanTrain
    from truing.domain.registry import Registry

    if not isinstance(modality, CanTrain):
        return []
    group = f"truing.recipes.{modality.name}"
    return Registry(f"{modality.name} recipe", modality.recipes, group).names()


def _show(args: argparse.Namespace, recipe: Recipe) -> None:
    options = [
        {"name": one.name, "default": _default(one), "help": str(one.metadata.get("help", ""))}
        for one in dataclasses.fields(recipe.options)
    ]
    if args.json:
        output.show_json(
            {
                "name": recipe.name,
                "modality": args.modality,
                "summary": recipe.summary,
                "options": options,
            }
        )
        return
    output.show(f"{recipe.name}: {recipe.summary}")
    output.show()
    output.table(
        ("option", "default", "what for"),
        [(one["name"], one["default"], one["help"]) for one in options],
    )
    output.hint(f"set one: truing train … --recipe {recipe.name} --set {options[0]['name']}=VALUE")


def _default(option: dataclasses.Field[Any]) -> object:
    if option.default_factory is not dataclasses.MISSING:
        return option.default_factory()
    return option.default
