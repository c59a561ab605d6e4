"""Training: queueing a run with every option decided, and carrying it out in the worker."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from truing.domain.backup import BEFORE_TRAINING
from truing.domain.dataset import DatasetRef, DatasetVersion, Split
from truing.domain.errors import (
    InvalidInputError,
    MissingDependencyError,
    NotFoundError,
    NothingToDoError,
)
from truing.domain.event import Event
from truing.domain.format import FailedRow
from truing.domain.modality import CanTrain
from truing.domain.model import GENERAL, ModelRef, ModelState
from truing.domain.recipe import CanEstimate, Example, MediaFile, Recipe, RunContext
from truing.domain.registry import Registry
from truing.domain.run import PROMOTE, Run, RunRequest
from truing.loop import train as training
from truing.platform.memory import free_accelerator_memory, free_memory
from truing.workspace.backups import backup_before
from truing.workspace.cleaning import clean_daily
from truing.workspace.datasets import examples
from truing.workspace.disk import usage
from truing.workspace.models import NamedModel, model_named
from truing.workspace.quota import LEAST, check_room, lacking
from truing.workspace.room import Room

if TYPE_CHECKING:
    from truing.domain.modality import Modality
    from truing.workspace import Workspace


def recipe_named(modality: Modality, name: str) -> Recipe:
    """A recipe of a modality, built in or installed.

    Raises:
        NotFoundError: no such recipe.
        InvalidInputError: the modality cannot be trained.
    """
    if not isinstance(modality, CanTrain):
        raise InvalidInputError(
            f"`{modality.name}` has no recipes", hint="install a package that brings one"
        )
    recipes = Registry(
        f"{modality.name} recipe", modality.recipes, f"truing.recipes.{modality.name}"
    )
    made: Recipe = recipes.load(name)()
    return made


def train(
    workspace: Workspace,
    dataset: str,
    *,
    recipe: str | None = None,
    base: str | None = None,
    options: Mapping[str, str] | None = None,
    replay: str | None = None,
    seed: int = 0,
    audience: str = GENERAL,
    then: str | None = None,
    publish_to: str | None = None,
    start: bool = True,
    force: bool = False,
) -> Run:
    """Queues a run with every option decided, and starts it in a process of its own.

    Args:
        workspace: where everything is.
        dataset: `name@number`.
        recipe: its name; the modality's first one when left out.
        base: `champion`, a model of the workspace, a folder or a hub id.
        options: the recipe's options by name, as text; see `truing recipes`.
        replay: an audiofolder or `name@number` of general examples against forgetting.
        seed: of everything the recipe leaves to chance.
        audience: whose model it is to become.
        then: `promote` puts the model before the gate as soon as it is made.
        publish_to: a folder in which the model is published when it was promoted.
        start: False only queues it.
        force: go on although there is clearly too little disk or memory.

    Raises:
        NotFoundError: no such dataset, recipe or base.
        InvalidInputError: a base that is missing, or another `then`.
        NothingToDoError: no training rows.
        SettingError: an unknown option or one that does not fit.
        FullError: clearly too little disk, or less than the quota leaves.
        UnavailableError: clearly too little memory.
    """
    request = planned(
        workspace,
        dataset,
        recipe=recipe,
        base=base,
        options=options,
        replay=replay,
        seed=seed,
        audience=audience,
        then=then,
        publish_to=publish_to,
    )
    check_packages(recipe_named(workspace.modality(request.modality), request.recipe))
    room = room_of(workspace, request)
    if room is not None and not force:
        room.check()
    elif not force:
        check_room(workspace, LEAST, "the run")
    backup_before(workspace, BEFORE_TRAINING)
    run = workspace.store.runs.add(workspace.ids.new(), request, workspace.clock.now())
    _note(workspace, "run-queued", {"run": run.id, "dataset": dataset, "recipe": request.recipe})
    if start:
        workspace.jobs.start(run.id)
        clean_daily(workspace)
    return run


def room_of(workspace: Workspace, request: RunRequest) -> Room | None:
    """What a planned run needs beside what is free; None when that cannot be told beforehand."""
    recipe = recipe_named(workspace.modality(request.modality), request.recipe)
    if not isinstance(recipe, CanEstimate):
        return None
    base = model_named(workspace, request.base, request.modality) if request.base else None
    need = recipe.estimate(
        base.location if base is not None else None, recipe.options(**request.options)
    )
    if need is None:
        return None
    return Room(
        need=need,
        free_disk=usage(workspace, if_limited=True).room,
        free_memory=free_accelerator_memory() if need.on_accelerator else free_memory(),
        full=lacking(workspace, sum(need.disk.values()), "the run"),
    )


def planned(
    workspace: Workspace,
    dataset: str | DatasetVersion,
    *,
    recipe: str | None = None,
    base: str | None = None,
    options: Mapping[str, str] | None = None,
    replay: str | None = None,
    seed: int = 0,
    audience: str = GENERAL,
    then: str | None = None,
    publish_to: str | None = None,
) -> RunRequest:
    """What a run would do, every option decided; see `train` for the arguments and errors.

    Of a version that is given as such, only the name, the modality and the counts matter.
    """
    if then not in (None, PROMOTE):
        raise InvalidInputError(
            f"a run cannot `{then}` its model", hint=f"it can `{PROMOTE}` it, or leave it to you"
        )
    version = (
        dataset
        if isinstance(dataset, DatasetVersion)
        else workspace.store.datasets.get(DatasetRef.parse(dataset))
    )
    modality = workspace.modality(version.modality)
    chosen = recipe_named(modality, recipe or next(iter(_recipes(modality))))
    if replay is not None:
        _check_replay(workspace, replay)
    found = model_named(workspace, base, version.modality) if base is not None else None
    request = training.plan(
        chosen,
        version,
        RunRequest(
            modality=version.modality,
            recipe=chosen.name,
            dataset=str(version.ref),
            base=_lasting_name(found),
            replay=replay,
            seed=seed,
            audience=audience,
            then=then,
            publish_to=publish_to,
        ),
        options or {},
        found.location if found is not None else None,
    )
    if base is None and chosen.needs_base:
        raise InvalidInputError(
            f"the recipe `{chosen.name}` needs a model to start from",
            hint="name one: --base champion, a model of `truing models`, a folder or a hub id",
        )
    return request


def check_packages(recipe: Recipe) -> None:
    """Makes sure that what a recipe imports is installed.

    Raises:
        MissingDependencyError: it is not; the hint says what brings it.
    """
    from importlib.util import find_spec

    for module, brought_by in recipe.needs_packages.items():
        if find_spec(module) is None:
            raise MissingDependencyError(
                f"the recipe `{recipe.name}` needs `{module}`, which is not installed",
                hint=f'pip install "{brought_by}"',
            )


def _lasting_name(found: NamedModel | None) -> str | None:
    """A name that still means the same when the run starts: no alias, no relative folder."""
    if found is None:
        return None
    folder = Path(found.location)
    outside = found.version is None and folder.is_dir()
    return str(folder.resolve()) if outside else found.name


def _recipes(modality: Modality) -> Mapping[str, str]:
    return modality.recipes if isinstance(modality, CanTrain) else {"": ""}


def execute(workspace: Workspace, run: Run, context: RunContext) -> dict[str, object] | None:
    """Carries out a run; called in the worker process, see `working`.

    Returns:
        What the run made, or None when it stopped before the end.
    """
    request = run.request
    version = workspace.store.datasets.get(DatasetRef.parse(request.dataset))
    recipe = recipe_named(workspace.modality(request.modality), request.recipe)
    base = model_named(workspace, request.base, request.modality) if request.base else None
    test = workspace.store.datasets.rows(version.ref, Split.TEST)
    material = training.Material(
        version=version,
        train=examples(workspace, version.ref, Split.TRAIN),
        validation=examples(workspace, version.ref, Split.VALIDATION),
        replay=_replay(workspace, request.replay),
        base=base.location if base is not None else None,
        base_name=base.name if base is not None else None,
        base_parents=base.parents if base is not None else (),
        licence=licence_of(base),
        held_out=[str(row.sample_uid) for row in test if row.sample_uid is not None],
    )
    if not len(material.train):
        raise NothingToDoError(
            f"every training row of `{version.ref}` was forgotten", hint="freeze a new version"
        )
    store = workspace.store
    result = training.carry_out(
        run,
        recipe,
        material,
        context,
        training.TrainPorts(
            models=store.models,
            model_files=workspace.model_files,
            samples=store.samples,
            clock=workspace.clock,
            ids=workspace.ids,
        ),
    )
    if result is not None:
        if store.datasets.get(version.ref).forgotten > version.forgotten:
            # Forgotten while it was learned from: whoever forgot it did not know of this model.
            store.models.set_state(ModelRef.parse(str(result["model"])), ModelState.TAINTED)
        _note(workspace, "run-ended", {"run": run.id, "model": result["model"]})
    return result


def licence_of(base: NamedModel | None) -> str | None:
    """The licence of a model as far as its description tells."""
    if base is None:
        return None
    if base.version is not None:
        return base.version.licence
    description = Path(base.location) / "model.json"
    if not description.is_file():
        return None
    data: dict[str, Any] = json.loads(description.read_text(encoding="utf-8"))
    licence = data.get("licence")
    return str(licence) if licence else None


def is_dataset(text: str) -> bool:
    """Whether a text names a dataset version, not a folder."""
    return not Path(text).exists() and text.rpartition("@")[2].isdecimal()


def _check_replay(workspace: Workspace, replay: str) -> None:
    if is_dataset(replay):
        workspace.store.datasets.get(DatasetRef.parse(replay))
    elif not Path(replay).is_dir():
        raise NotFoundError(
            f"there is no folder `{replay}` to replay",
            hint="name an audiofolder with metadata.jsonl, or a dataset version NAME@NUMBER",
        )


def _replay(workspace: Workspace, replay: str | None) -> Sequence[Example]:
    """General examples: the training rows of a version, or the labelled rows of a folder."""
    if replay is None:
        return ()
    if is_dataset(replay):
        return examples(workspace, DatasetRef.parse(replay), Split.TRAIN)
    return folder_examples(Path(replay))


def folder_examples(
    folder: Path, keep: Callable[[Example], bool] = lambda _: True
) -> list[Example]:
    """The labelled rows of an audiofolder, its media where they are.

    Raises:
        NothingToDoError: the folder has no row with a text.
    """
    from truing.workspace.collecting import reader_of

    found = []
    for row in reader_of("audiofolder").read(folder):
        if isinstance(row, FailedRow) or row.truth is None:
            continue
        media = {
            role: MediaFile(path=Path(one))
            for role, one in row.media.items()
            if isinstance(one, (str, Path))
        }
        example = Example(uid=row.key, media=media, truth=row.truth, subject=row.subject)
        if media and keep(example):
            found.append(example)
    if not found:
        raise NothingToDoError(
            f"`{folder}` has no recording with a text",
            hint="its metadata.jsonl needs `file_name` and `transcription`",
        )
    return found


def _note(workspace: Workspace, kind: str, data: Mapping[str, object]) -> None:
    event = Event(kind=kind, at=workspace.clock.now(), actor=workspace.actor, data=data)
    workspace.store.events.add(event)
