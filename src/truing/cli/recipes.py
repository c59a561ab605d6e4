"""`truing recipes`: list ways of training and their options."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truing.cli import output
from truing.cli.arguments import add_json
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse

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
        '"summary", "options": [{"name", "type", "default", "choices", "help"}]}',
    )


def run(args: argparse.Namespace) -> int:
    """Lists recipes or the options of one; `workspace.recipes` is the twin."""
    from truing.workspace import modalities
    from truing.workspace.recipes import recipes_of
    from truing.workspace.training import recipe_named

    modality = modalities.load(args.modality)()
    if args.name is not None:
        _show(args, recipe_named(modality, args.name))
        return 0
    every = recipes_of(modality)
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


def _show(args: argparse.Namespace, recipe: Recipe) -> None:
    from truing.workspace.recipes import options_of

    options = options_of(recipe)
    if args.json:
        output.show_json(
            {
                "name": recipe.name,
                "modality": args.modality,
                "summary": recipe.summary,
                "options": [one.as_dict() for one in options],
            }
        )
        return
    output.show(f"{recipe.name}: {recipe.summary}")
    output.show()
    output.table(
        ("option", "default", "what for"),
        [(one.name, one.default, one.help) for one in options],
    )
    output.hint(f"set one: truing train … --recipe {recipe.name} --set {options[0].name}=VALUE")
