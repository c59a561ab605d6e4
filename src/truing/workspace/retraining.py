"""Retraining: the reviewed samples become the next dataset version, and that a run.

This is what one button does, and what an app asks for that knows nothing of datasets and recipes:
everything that is to be decided is in the settings, and where they say nothing, in the S2S app's
own `training.toml`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from truing.domain.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    NothingToDoError,
)
from truing.domain.model import GENERAL
from truing.domain.review import State
from truing.domain.run import PROMOTE, Run
from truing.domain.sample import SampleFilter
from truing.platform.locks import locked
from truing.workspace.models import model_named
from truing.workspace.recipes import recipes_of
from truing.workspace.training import check_packages, recipe_named, train

if TYPE_CHECKING:
    from truing.domain.recipe import Recipe
    from truing.domain.settings import Settings
    from truing.workspace import Workspace

DECIDED = (State.ACCEPTED, State.CORRECTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """How reviewed samples are learned when nobody says otherwise."""

    dataset: str
    recipe: str | None = None
    """None: the modality's first."""
    base: str = "champion"
    options: Mapping[str, str] = field(default_factory=dict)
    replay: str | None = None
    seed: int = 0
    audience: str = GENERAL
    earlier: bool = True
    """Whether samples of earlier runs are learned again."""
    publish_to: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retraining:
    """What was begun."""

    run: Run
    queued: int
    """Reviewed samples that no run had used."""


def usual(settings: Settings, config: Path | None = None) -> Usual:
    """What the settings say; `config` and `train.s2s_config` hold where they say nothing.

    Args:
        settings: of the workspace.
        config: a `training.toml` of the S2S app.

    Raises:
        NotFoundError: the file that a setting names is not there.
        InvalidInputError: a file or an option that cannot be read.
    """
    from truing.formats.s2s_training import S2STraining, read_training

    named = settings.text("train.s2s_config")
    place = Path(named).expanduser() if named else config
    theirs = read_training(place) if place is not None else S2STraining()

    def said(key: str) -> bool:
        return settings.chosen(key).origin != "default"

    base = theirs.base if theirs.base and not said("train.base") else settings.text("train.base")
    target = settings.text("publish.target") or theirs.target
    return Usual(
        dataset=settings.text("train.dataset"),
        recipe=settings.text("train.recipe") or None,
        base=base,
        options={**theirs.options, **_options(settings.text("train.options"))},
        replay=settings.text("train.replay") or None,
        earlier=settings.flag("train.earlier"),
        publish_to=target or None,
    )


def _options(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in text.split():
        name, equals, value = one.partition("=")
        if not equals or not name:
            raise InvalidInputError(
                f"`{one}` in the setting train.options is no NAME=VALUE",
                hint='truing config set train.options "epochs=5 batch_size=4"',
            )
        found[name] = value
    return found


def waiting(workspace: Workspace, modality: str = "speech") -> int:
    """How many reviewed samples no finished run has used."""
    where = SampleFilter(modality=modality, states=DECIDED, trained=False)
    return workspace.store.samples.count(where)


def retrain(workspace: Workspace, how: Usual, modality: str = "speech") -> Retraining:
    """Freezes the next version and queues its run, which promotes and publishes what it makes.

    Args:
        workspace: where the samples are.
        how: see `usual`.
        modality: whose samples.

    Raises:
        NothingToDoError: every reviewed sample was used by a run already.
        ConflictError: a run that learns from them has not ended.
        NotFoundError: no such recipe or base.
        InvalidInputError, SettingError, MissingDependencyError, UnavailableError: see `train`.
    """
    with locked(workspace.layout.runs / "retraining.lock"):
        _refuse_second(workspace, how.dataset, modality)
        count = waiting(workspace, modality)
        if not count:
            raise NothingToDoError(
                "no reviewed sample waits to be trained on",
                hint="review some: /review, or truing review",
            )
        # Looked at before the version is frozen: one that nothing is made of is left by no error.
        recipe = _recipe(workspace, how.recipe, modality)
        base = _base(workspace, how.base, modality) if recipe.needs_base else None
        version = workspace.freeze(
            how.dataset,
            modality=modality,
            where=SampleFilter() if how.earlier else SampleFilter(trained=False),
        )
        run = train(
            workspace,
            str(version.ref),
            recipe=recipe.name,
            base=base,
            options=how.options,
            replay=how.replay,
            seed=how.seed,
            audience=how.audience,
            then=PROMOTE,
            publish_to=how.publish_to,
            start=False,
        )
        workspace.jobs.start(run.id, patience=0)
    return Retraining(run=run, queued=count)


def with_changes(how: Usual, changes: Mapping[str, Any]) -> Usual:
    """The usual way, but for what is given; None leaves a thing as it is."""
    given = {name: value for name, value in changes.items() if value is not None}
    return replace(how, **given)


def under_way(workspace: Workspace, dataset: str, modality: str = "speech") -> Run | None:
    """A run of that dataset's versions that has not ended."""
    for run in workspace.store.runs.all(limit=1000):
        of_it = run.request.dataset.rpartition("@")[0] == dataset
        if of_it and run.request.modality == modality and not run.state.ended:
            return run
    return None


def _refuse_second(workspace: Workspace, dataset: str, modality: str) -> None:
    run = under_way(workspace, dataset, modality)
    if run is not None:
        raise ConflictError(
            f"run {run.id} learns from `{run.request.dataset}` and is {run.state.value}",
            hint=f"wait until it has ended, or stop it: truing stop {run.id}",
        )


def _recipe(workspace: Workspace, name: str | None, modality: str) -> Recipe:
    kind = workspace.modality(modality)
    found = [recipe_named(kind, name)] if name else recipes_of(kind)
    if not found:
        raise InvalidInputError(
            f"`{modality}` has no recipes", hint="install a package that brings one"
        )
    check_packages(found[0])
    return found[0]


def _base(workspace: Workspace, base: str, modality: str) -> str:
    try:
        model_named(workspace, base, modality)
    except NotFoundError as error:
        raise NotFoundError(
            f"there is nothing to start from: {error.message}",
            hint="name a folder or hub id: truing config set train.base openai/whisper-tiny",
        ) from error
    return base
