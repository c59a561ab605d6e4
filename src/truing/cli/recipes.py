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
    parser.add_argument("--modality", metavar="NAME", help="only those of one, such as speech")
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

    kinds = [modalities.load(name)() for name in _names(args.modality, modalities.names())]
    found = [(kind, one) for kind in kinds for one in recipes_of(kind)]
    if args.name is not None:
        owners = [kind for kind, one in found if one.name == args.name]
        # Where nobody has one of that name, the error names what there is.
        owner = owners[0] if owners else kinds[0]
        _show(args, owner.name, recipe_named(owner, args.name))
        return 0
    if args.json:
        rows = [
            {"name": one.name, "modality": kind.name, "summary": one.summary} for kind, one in found
        ]
        output.show_json({"recipes": rows})
    elif found:
        output.table(
            ("recipe", "modality", "what it does"),
            [(one.name, kind.name, one.summary) for kind, one in found],
            whole=("recipe", "modality"),
        )
        output.hint(f"its options: truing recipes {found[0][1].name}")
    else:
        output.hint(f"`{args.modality}` has no recipes; an installed package may bring one")
    return 0


def _names(asked: str | None, every: list[str]) -> list[str]:
    return [asked] if asked is not None else sorted(every, key=lambda name: name != "speech")


def _show(args: argparse.Namespace, modality: str, recipe: Recipe) -> None:
    from truing.workspace.recipes import options_of

    options = options_of(recipe)
    if args.json:
        output.show_json(
            {
                "name": recipe.name,
                "modality": modality,
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
