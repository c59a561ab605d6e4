"""Combining models weight by weight: averages, interpolation, an adapter added to its base.

Averaging fine-tuned models of one base often does better than each of them (Wortsman et al., "Model
soups", 2022), and a point between base and fine-tuned model keeps more of what the base knew
(Wortsman et al., "Robust fine-tuning of zero-shot models", WiSE-FT, 2022). The result is a model
version like any other: its parents are all models it was made of, and it is evaluated and promoted
as they are. Only models of one shape, with one tokenizer, can be combined.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from truing.domain.errors import (
    ConflictError,
    ConsentError,
    DamagedError,
    InvalidInputError,
    MissingDependencyError,
)
from truing.domain.event import Event
from truing.domain.modality import CanCombine
from truing.domain.model import GENERAL, ModelRef, ModelState, ModelVersion
from truing.workspace.models import NamedModel, model_named
from truing.workspace.quota import admitted

if TYPE_CHECKING:
    from truing.workspace import Workspace

WEIGHTS = "model.safetensors"
NOT_COPIED = ("*.safetensors", "*.safetensors.index.json", "model.json", ".*")
"""Files that the result gets anew; adapters of a single model do not fit the result either."""


def average(
    workspace: Workspace,
    models: Sequence[str],
    *,
    weights: Sequence[float] | None = None,
    modality: str = "speech",
    audience: str | None = None,
) -> ModelVersion:
    """A new model whose weights are the weighted mean of those of several.

    Args:
        workspace: where everything is.
        models: two or more, as `model_named` takes them.
        weights: one share per model, adding up to 1; equal shares when left out. Two models with
            the shares 0.3 and 0.7 are seven tenths of the way from the first to the second.
        modality: of the models.
        audience: whose model it is to become; that of the last model when left out.

    Raises:
        InvalidInputError: fewer than two models, shares that do not add up to 1, or a modality or
            folder whose weights cannot be combined.
        ConflictError: the models differ in shape or tokenizer.
        ConsentError: one of them was trained on data that has been forgotten.
        NotFoundError: no such model.
    """
    if len(models) < 2:
        raise InvalidInputError(
            f"an average needs two models or more, not {len(models)}",
            hint="truing model average speech/1 speech/2",
        )
    shares = list(weights) if weights is not None else [1 / len(models)] * len(models)
    if len(shares) != len(models) or not math.isclose(sum(shares), 1.0, abs_tol=1e-6):
        raise InvalidInputError(
            f"the shares {', '.join(f'{share:g}' for share in shares)} do not fit "
            f"{len(models)} models",
            hint="give one share per model; together they are 1",
        )
    able = _able(workspace, modality)
    found = [_usable(workspace, model, modality) for model in models]
    folders = [able.locate(one.location) for one in found]
    size = sum(one.stat().st_size for one in folders[0].rglob("*") if one.is_file())
    with admitted(workspace, size, "the model"), workspace.model_files.draft() as draft:
        shutil.copytree(
            folders[0],
            draft,
            ignore=lambda folder, names: _left_out(folders[0], folder, names),
            dirs_exist_ok=True,
        )
        _same_origin(found)
        _same_tokenizer(found, folders)
        _write_mean(found, folders, shares, draft / WEIGHTS)
        made = {"average": {one.name: share for one, share in zip(found, shares, strict=True)}}
        return _register(workspace, found, draft, "average", modality, audience, made)


def merge(
    workspace: Workspace,
    base: str,
    adapter: Path,
    *,
    modality: str = "speech",
    audience: str | None = None,
) -> ModelVersion:
    """A new model: a base with what an adapter learned added to its weights.

    Args:
        workspace: where everything is.
        base: the model the adapter was trained beside, as `model_named` takes it.
        adapter: a folder in the format of peft, such as `adapter` in a trained model's folder.
        modality: of the base.
        audience: whose model it is to become; that of the base when left out.

    Raises:
        NotFoundError: no such base or adapter.
        ConflictError: the adapter does not fit the base.
        ConsentError: the base was trained on data that has been forgotten.
        MissingDependencyError: peft is not installed.
    """
    able = _able(workspace, modality)
    found = _usable(workspace, base, modality)
    folder = able.locate(found.location)
    size = sum(one.stat().st_size for one in folder.rglob("*") if one.is_file())
    with admitted(workspace, size, "the model"), workspace.model_files.draft() as draft:
        able.merge(folder, adapter, draft)
        made = {"merged": {"base": found.name, "adapter": adapter.name}}
        return _register(workspace, [found], draft, "merge", modality, audience, made)


def _able(workspace: Workspace, modality: str) -> CanCombine:
    able = workspace.modality(modality)
    if not isinstance(able, CanCombine):
        raise InvalidInputError(
            f"`{modality}` models cannot be combined", hint="install a package that can do it"
        )
    return able


def _usable(workspace: Workspace, model: str, modality: str) -> NamedModel:
    found = model_named(workspace, model, modality)
    if found.version is not None and found.version.state is ModelState.TAINTED:
        raise ConsentError(
            f"`{found.name}` was trained on data that has been forgotten since",
            hint="train it again without that data, then combine the new one",
        )
    if found.version is None and Path(found.location).is_dir():
        # A name that means the same tomorrow, and once only when another model descends from it.
        return replace(found, name=str(Path(found.location).resolve()))
    return found


def _left_out(root: Path, folder: str, names: list[str]) -> set[str]:
    from fnmatch import fnmatch

    if Path(folder) != root:
        return set()
    gone = {name for name in names if any(fnmatch(name, one) for one in NOT_COPIED)}
    return gone | {name for name in names if (root / name).is_dir()}


def _same_origin(models: Sequence[NamedModel]) -> None:
    """Refuses models of this workspace that descend from nothing in common."""
    own = [model for model in models if model.version is not None]
    for model in own[1:]:
        if not {own[0].name, *own[0].parents} & {model.name, *model.parents}:
            raise _differ(own[0], model, "origin")


def _same_tokenizer(models: Sequence[NamedModel], folders: Sequence[Path]) -> None:
    def vocabulary(folder: Path) -> object:
        file = folder / "tokenizer.json"
        if not file.is_file():
            return None
        return json.loads(file.read_text(encoding="utf-8")).get("model")

    first = vocabulary(folders[0])
    for model, folder in zip(models[1:], folders[1:], strict=True):
        if vocabulary(folder) != first:
            raise _differ(models[0], model, "tokenizer")


def _differ(first: NamedModel, other: NamedModel, what: str) -> ConflictError:
    return ConflictError(
        f"`{first.name}` and `{other.name}` cannot be combined: their {what} differs",
        hint="combine models that were trained from one base",
    )


def _write_mean(
    models: Sequence[NamedModel], folders: Sequence[Path], shares: Sequence[float], target: Path
) -> None:
    """Writes the weighted mean in float32; one weight of each model is in memory at a time."""
    try:
        import torch
        from safetensors.torch import save_file
    except ImportError as error:
        raise MissingDependencyError(
            f"combining models needs `{error.name}`, which is not installed",
            hint='pip install "truing[train]"',
        ) from error
    with ExitStack() as stack:
        opened = [_opened(stack, folder) for folder in folders]
        for model, weights in zip(models[1:], opened[1:], strict=True):
            unlike = opened[0].keys() ^ weights.keys()
            if unlike:
                raise _differ(models[0], model, f"weight `{min(unlike)}`")
        mean = {}
        for name in sorted(opened[0]):
            parts = [weights[name].get_tensor(name) for weights in opened]
            for model, part in zip(models, parts, strict=True):
                if part.shape != parts[0].shape:
                    raise _differ(models[0], model, f"weight `{name}`")
            total = torch.zeros(parts[0].shape, dtype=torch.float64)
            for part, share in zip(parts, shares, strict=True):
                total += part.double() * share
            mean[name] = total.float().contiguous()
    save_file(mean, target, metadata={"format": "pt"})


def _opened(stack: ExitStack, folder: Path) -> Mapping[str, Any]:
    """The open file of each weight of a model, by the weight's name."""
    from safetensors import SafetensorError, safe_open

    found: dict[str, Any] = {}
    for path in _weight_files(folder):
        try:
            file = stack.enter_context(safe_open(path, framework="pt"))
        except (SafetensorError, OSError) as error:
            raise DamagedError(
                f"the weights in `{path}` cannot be read: {error}",
                hint="truing verify shows what else was altered",
            ) from error
        found.update(dict.fromkeys(file.keys(), file))
    return found


def _weight_files(folder: Path) -> Iterator[Path]:
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise InvalidInputError(
            f"`{folder}` has no safetensors to combine",
            hint="combine models as they were trained, before they are published",
        )
    yield from files


def _register(
    workspace: Workspace,
    found: Sequence[NamedModel],
    draft: Path,
    recipe: str,
    modality: str,
    audience: str | None,
    made: Mapping[str, object],
) -> ModelVersion:
    """Gives the model its number and lineage: every model it was made of, and their parents."""
    versions = [one.version for one in found if one.version is not None]
    # What was learned last is what the result is to be judged on, when there is but one such set.
    datasets = {(one.dataset, one.dataset_digest) for one in versions if one.dataset is not None}
    dataset, digest = datasets.pop() if len(datasets) == 1 else (None, None)
    licences = {one.licence for one in versions if one.licence is not None}
    store = workspace.store
    ref = ModelRef(modality=modality, number=store.models.next_number(modality))
    names = dict.fromkeys(
        [*(one.name for one in found), *(p for one in found for p in one.parents)]
    )
    model = ModelVersion(
        ref=ref,
        uid=workspace.ids.new(),
        digest="",
        state=ModelState.READY,
        created_at=workspace.clock.now(),
        recipe=recipe,
        base=found[0].name,
        parents=tuple(names),
        dataset=dataset,
        dataset_digest=digest,
        run_id=None,
        audience=audience or (versions[-1].audience if versions else GENERAL),
        figures=dict(made),
        licence=licences.pop() if len(licences) == 1 else None,
    )
    installed = workspace.model_files.install(draft, ref, model.as_dict())
    model = replace(model, digest=installed)
    store.models.add(model)
    data = {"model": str(ref), "from": [one.name for one in found]}
    event = Event(kind="model-combined", at=workspace.clock.now(), actor=workspace.actor, data=data)
    store.events.add(event)
    return model
