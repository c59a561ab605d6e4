"""Recipes as forms see them: options with their types and choices, presets, what to start from."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from truing.domain.modality import CanTrain
from truing.domain.model import GENERAL, ModelState, short_name
from truing.domain.recipe import HasDefaultBase, Recipe
from truing.domain.registry import Registry
from truing.workspace.models import model_named
from truing.workspace.training import recipe_named

if TYPE_CHECKING:
    from truing.domain.modality import Modality
    from truing.workspace import Workspace

KINDS = (bool, int, float, str)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RecipeOption:
    """One thing that can be set for a run."""

    name: str
    kind: str
    """`bool`, `int`, `float` or `str`."""
    default: object
    help: str
    choices: tuple[str, ...] = ()
    """What a text may be; empty when it is free."""

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {
            "name": self.name,
            "type": self.kind,
            "default": self.default,
            "choices": list(self.choices),
            "help": self.help,
        }


def recipes_of(modality: Modality) -> list[Recipe]:
    """All recipes of a modality, built in or installed; none where it cannot be trained."""
    if not isinstance(modality, CanTrain):
        return []
    group = f"truing.recipes.{modality.name}"
    names = Registry(f"{modality.name} recipe", modality.recipes, group).names()
    return [recipe_named(modality, name) for name in names]


def options_of(recipe: Recipe) -> list[RecipeOption]:
    """The options of a recipe, in the order of its dataclass."""
    kinds = get_type_hints(recipe.options)
    return [
        RecipeOption(
            name=one.name,
            kind=_kind(kinds[one.name]),
            default=_default(one),
            help=str(one.metadata.get("help", "")),
            choices=tuple(one.metadata.get("choices", ())),
        )
        for one in dataclasses.fields(recipe.options)
    ]


def _kind(hint: Any) -> str:  # noqa: ANN401 - a type hint
    accepted = get_args(hint) or (hint,)
    return next((kind for kind in KINDS if kind in accepted), str).__name__


def _default(option: dataclasses.Field[Any]) -> object:
    if option.default_factory is not dataclasses.MISSING:
        return option.default_factory()
    return option.default


def in_full(recipe: Recipe, examples: int, base: str | None) -> dict[str, object]:
    """A recipe with its options, and the values it would take for this much data.

    Args:
        recipe: of any modality.
        examples: training rows.
        base: what it starts from, as a folder or hub id.
    """
    return {
        "name": recipe.name,
        "summary": recipe.summary,
        "needs_base": recipe.needs_base,
        "default_base": recipe.default_base if isinstance(recipe, HasDefaultBase) else None,
        "missing": missing_packages(recipe),
        "options": [one.as_dict() for one in options_of(recipe)],
        "presets": dict(recipe.presets(examples, base)),
    }


def missing_packages(recipe: Recipe) -> list[str]:
    """What has to be installed before the recipe can run, as pip is told."""
    from importlib.util import find_spec

    needed = recipe.needs_packages.items()
    return sorted({extra for module, extra in needed if find_spec(module) is None})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """Something a run can start from."""

    name: str
    """What the plan of a run calls it."""
    kind: str
    """`champion`, `model`, `folder` or `hub`."""
    title: str
    """What people read: of a champion the model it is, of a folder its own name."""

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {"name": self.name, "kind": self.kind, "title": self.title}


def bases_of(workspace: Workspace, modality: str) -> list[Base]:
    """What a run can start from: the champion, models here, and what the settings name."""
    models = workspace.store.models
    champion = models.champion(modality, GENERAL)
    found = [Base(name="champion", kind="champion", title=champion)] if champion else []
    found += [
        Base(name=str(one.ref), kind="model", title=str(one.ref))
        for one in models.all(modality)
        if one.state is ModelState.READY
    ]
    known = {base.name for base in found}
    for name in _named(workspace):
        if name not in known:
            known.add(name)
            kind = "folder" if Path(name).expanduser().is_dir() else "hub"
            found.append(Base(name=name, kind=kind, title=short_name(name)))
    return found


def _named(workspace: Workspace) -> Iterator[str]:
    settings = workspace.settings
    for text in (settings.text("train.base"), *settings.text("train.bases").split(",")):
        name = text.strip()
        if name and name != "champion":
            yield name


def place_of(workspace: Workspace, base: str | None, modality: str) -> str | None:
    """The folder or hub id of a base; None without one.

    Raises:
        NotFoundError: no such model, or no champion yet.
    """
    if not base:
        return None
    folder = Path(base).expanduser()
    if folder.is_dir() and base not in {
        str(one.ref) for one in workspace.store.models.all(modality)
    }:
        # Its digest, for which every byte of the folder is read, is not asked for.
        return str(folder)
    return model_named(workspace, base, modality).location
