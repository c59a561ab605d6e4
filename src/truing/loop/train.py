"""Train: from a dataset version and a base model to a new model version with its lineage.

Two halves with a process between them: `plan` decides every option and is stored with the run, so
that it can be done again; `carry_out` runs the recipe in the worker and registers what it made.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args, get_type_hints, overload

from truing.domain.clock import Clock
from truing.domain.dataset import DatasetRow, DatasetVersion, Split
from truing.domain.errors import (
    ConflictError,
    DamagedError,
    InvalidInputError,
    NotFoundError,
    NothingToDoError,
    SettingError,
)
from truing.domain.ids import IdSource
from truing.domain.model import ModelFiles, ModelRef, Models, ModelState, ModelVersion
from truing.domain.ports import Samples
from truing.domain.recipe import (
    Example,
    MediaFile,
    Recipe,
    RunContext,
    TrainingInput,
    TrainingResult,
)
from truing.domain.run import Run, RunRequest

RUN_UID = "run_uid"
"""In `model.json`: the uid of the run that made the model, by which it is known again."""
MOST_TRIES = 1000


def resolve_options(
    recipe: Recipe, examples: int, base: str | None, overrides: Mapping[str, str]
) -> dict[str, object]:
    """Every option of a recipe: its defaults, then its presets for this much data, then the
    person's own values.

    Raises:
        SettingError: an unknown option or a value of the wrong type; names the nearest one.
    """
    fields = {field.name: field for field in dataclasses.fields(recipe.options)}
    for key in overrides:
        if key not in fields:
            near = difflib.get_close_matches(key, fields, n=1, cutoff=0.4)
            hint = f"did you mean `{near[0]}`?" if near else f"it has {', '.join(sorted(fields))}"
            raise SettingError(f"the recipe `{recipe.name}` has no option `{key}`", hint=hint)
    chosen = dataclasses.asdict(recipe.options())
    chosen.update(recipe.presets(examples, base))
    kinds = get_type_hints(recipe.options)
    for key, text in overrides.items():
        chosen[key] = _read(key, text, kinds[key], chosen[key])
    return chosen


def _read(key: str, text: str, kind: Any, default: object) -> object:  # noqa: ANN401 - a type hint
    accepted = get_args(kind) or (kind,)
    if type(None) in accepted and text.lower() in ("none", ""):
        return None
    truths = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
    if bool in accepted and text.lower() in truths:
        return truths[text.lower()]
    for number in (int, float):
        if number in accepted:
            try:
                value = number(text)
            except ValueError:
                continue
            if math.isfinite(value):  # a rate of `nan` would pass every comparison
                return value
    if str in accepted or any(isinstance(one, str) for one in accepted):
        return text
    names = " or ".join(getattr(one, "__name__", str(one)) for one in accepted)
    raise SettingError(
        f"the option `{key}` cannot be `{text}`", hint=f"give {names}; now it is `{default}`"
    )


class RowExamples(Sequence[Example]):
    """Dataset rows as a recipe sees them; the path of a medium is looked up when it is asked for.

    Args:
        rows: rows of a version, tombstones left out.
        path: where a blob lies on this machine.
    """

    def __init__(self, rows: Sequence[DatasetRow], path: Callable[[str], Path]) -> None:
        self._rows = rows
        self._path = path

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Example: ...
    @overload
    def __getitem__(self, index: slice) -> RowExamples: ...
    def __getitem__(self, index: int | slice) -> Example | RowExamples:
        if isinstance(index, slice):
            return RowExamples(self._rows[index], self._path)
        return example_of(self._rows[index], self._path)


def example_of(row: DatasetRow, path: Callable[[str], Path]) -> Example:
    """One row as recipes and recognizers see it.

    Raises:
        InvalidInputError: the row is a tombstone.
        NotFoundError: a medium of the sample is gone.
        DamagedError: a medium has other bytes than were kept.
    """
    if row.payload is None:
        raise InvalidInputError(f"row {row.position} was forgotten", hint="leave tombstones out")
    payload: Any = row.payload
    return Example(
        uid=payload["uid"],
        media={
            role: MediaFile(
                path=_file_of(row, role, one["digest"], path), start=one["start"], end=one["end"]
            )
            for role, one in payload["media"].items()
        },
        truth=payload["truth"],
        subject=payload["subject"],
        inputs=payload.get("inputs", {}),
    )


def _file_of(row: DatasetRow, role: str, digest: str, path: Callable[[str], Path]) -> Path:
    try:
        return path(digest)
    except (NotFoundError, DamagedError) as error:
        raise type(error)(
            f"the {role} of sample `{row.sample_uid}` (row {row.position}): {error.message}",
            hint=error.hint,
        ) from error


def plan(
    recipe: Recipe,
    version: DatasetVersion,
    request: RunRequest,
    overrides: Mapping[str, str],
    base: str | None = None,
) -> RunRequest:
    """The request with every option decided.

    Args:
        recipe: whose options.
        version: what is learned from.
        request: all but the options.
        overrides: a person's own values, as text.
        base: the folder or hub id behind `request.base`; presets look into it.

    Raises:
        NothingToDoError: the version has no training rows.
        SettingError: see `resolve_options`.
    """
    rows = version.counts.get(Split.TRAIN.value, 0)
    if rows == 0:
        raise NothingToDoError(
            f"`{version.ref}` has no training rows",
            hint="review more samples, then freeze another version: truing review",
        )
    options = resolve_options(recipe, rows, base or request.base, overrides)
    return dataclasses.replace(request, options=options)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What the worker has looked up for a run."""

    version: DatasetVersion
    train: Sequence[Example]
    validation: Sequence[Example]
    replay: Sequence[Example]
    base: str | None
    """The base as the recipe can load it: a folder or hub id."""
    base_name: str | None
    """The base as lineage names it: a model reference, folder name or hub id."""
    base_parents: tuple[str, ...] = ()
    licence: str | None = None
    held_out: Sequence[str] = ()
    """Uids of the test rows: part of the finished run, although nothing was learned from them."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TrainPorts:
    """What carrying out a run needs."""

    models: Models
    model_files: ModelFiles
    samples: Samples
    clock: Clock
    ids: IdSource


def carry_out(
    run: Run, recipe: Recipe, material: Material, context: RunContext, ports: TrainPorts
) -> dict[str, object] | None:
    """Runs the recipe and registers the model; None when it stopped before the end.

    A run has one model: where an earlier attempt ended between making it and saying so, that one
    is recorded, and nothing is trained.

    Raises:
        TruingError: whatever the recipe could not do, with its repair.
    """
    told = _left_behind(run, ports) or _trained(run, recipe, material, context, ports)
    if told is None:
        return None
    used = (*_uids(material.train), *_uids(material.validation), *material.held_out)
    ports.samples.mark_trained(used)
    return {key: told[key] for key in ("model", "figures", "notes")}


def _left_behind(run: Run, ports: TrainPorts) -> Mapping[str, Any] | None:
    """The description of the model this run has made already, now recorded; None without one."""
    for told in ports.model_files.described(run.request.modality):
        if told.get(RUN_UID) != run.uid:
            continue
        model = ModelVersion.from_dict(told)
        try:
            ports.models.get(model.ref)
        except NotFoundError:
            ports.models.add(model)
        return told
    return None


def _trained(
    run: Run, recipe: Recipe, material: Material, context: RunContext, ports: TrainPorts
) -> Mapping[str, Any] | None:
    with ports.model_files.draft() as folder:
        result = recipe.train(
            TrainingInput(
                base=material.base,
                train=material.train,
                validation=material.validation,
                replay=material.replay,
                options=recipe.options(**run.request.options),
                seed=run.request.seed,
                output=folder,
            ),
            context,
        )
        if not result.finished:
            return None
        model = register(run, recipe, material, result, folder, ports)
    return {
        "model": str(model.ref),
        "figures": dict(result.figures),
        "notes": list(result.notes),
    }


def _uids(examples: Sequence[Example]) -> list[str]:
    return [examples[index].uid for index in range(len(examples))]


def register(
    run: Run,
    recipe: Recipe,
    material: Material,
    result: TrainingResult,
    folder: Path,
    ports: TrainPorts,
) -> ModelVersion:
    """Gives the model its number, moves its files into place, then records it."""
    request = run.request
    parents = (material.base_name, *material.base_parents) if material.base_name else ()
    model = ModelVersion(
        ref=ModelRef(modality=request.modality, number=ports.models.next_number(request.modality)),
        uid=ports.ids.new(),
        digest="",
        state=ModelState.READY,
        created_at=ports.clock.now(),
        recipe=recipe.name,
        base=material.base_name,
        parents=parents,
        dataset=str(material.version.ref),
        dataset_digest=material.version.digest,
        run_id=run.id,
        audience=request.audience,
        figures=dict(result.figures),
        licence=material.licence,
    )
    about = {"request": request.as_dict(), "notes": list(result.notes), RUN_UID: run.uid}
    model = _installed(model, about, folder, ports.model_files)
    ports.models.add(model)
    return model


def _installed(
    model: ModelVersion, about: Mapping[str, object], folder: Path, files: ModelFiles
) -> ModelVersion:
    """The model under the first free number from its own on: another run may be between moving
    its files into place and recording them.
    """
    first = model.ref.number
    for number in range(first, first + MOST_TRIES):
        ref = dataclasses.replace(model.ref, number=number)
        tried = dataclasses.replace(model, ref=ref)
        try:
            digest = files.install(folder, ref, {**tried.as_dict(), **about})
        except ConflictError:
            continue
        return dataclasses.replace(tried, digest=digest)
    raise ConflictError(
        f"the numbers of models from `{model.ref}` on are all taken by folders",
        hint="move the folders that `truing models` does not list out of `models/`",
    )
