"""Models by name: `champion`, a number, a folder or a hub id, and what each was trained on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from truing.domain.dataset import DatasetRef, DatasetRow, Split
from truing.domain.errors import DamagedError, NotFoundError
from truing.domain.model import GENERAL, ModelRef, ModelVersion

if TYPE_CHECKING:
    from truing.domain.model import Models
    from truing.stores.model_files import ModelFile
    from truing.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedModel:
    """A model as a person names it, resolved."""

    name: str
    """`speech/3`, or the folder or hub id as given."""
    location: str
    """What can be loaded: a folder, or a hub id."""
    digest: str
    version: ModelVersion | None

    @property
    def parents(self) -> tuple[str, ...]:
        """Its lineage, nearest first."""
        return self.version.parents if self.version is not None else ()


LEARNED_HERE = "learned_here"
"""In the description of a model from outside: uids of the samples here that it learned from."""


def champion_for(models: Models, modality: str, audience: str = GENERAL) -> str | None:
    """The champion of an audience, else the general one; None when there is neither."""
    return models.champion(modality, audience) or models.champion(modality, GENERAL)


def model_named(
    workspace: Workspace, text: str, modality: str = "speech", *, audience: str = GENERAL
) -> NamedModel:
    """Finds a model: `champion`, `speech/3`, `3`, a folder, or a hub id.

    Args:
        workspace: where to look.
        text: its name.
        modality: whose number or champion.
        audience: whose champion; a speaker without one of their own has the general one.

    Raises:
        NotFoundError: no such model, or no champion yet.
    """
    from truing.stores.model_files import folder_digest

    if text == "champion":
        champion = champion_for(workspace.store.models, modality, audience)
        if champion is None:
            raise NotFoundError(
                f"there is no {modality} champion yet",
                hint="truing promote MODEL makes one; truing models shows those there are",
            )
        text = champion
    if text.isdecimal():
        text = f"{modality}/{text}"
    version = _own(workspace, text)
    if version is not None:
        path = workspace.model_files.path(version.ref)
        return NamedModel(name=text, location=str(path), digest=version.digest, version=version)
    folder = Path(text).expanduser()
    if folder.is_dir():
        return NamedModel(
            name=text, location=str(folder), digest=folder_digest(folder), version=None
        )
    if text.startswith((".", "/", "~")) or text.count("/") > 1 or "\\" in text:
        raise NotFoundError(
            f"there is no model folder `{text}`",
            hint="truing models shows the models of this workspace",
        )
    return NamedModel(name=text, location=text, digest=f"hub:{text}", version=None)


def _own(workspace: Workspace, text: str) -> ModelVersion | None:
    """A model of the workspace; None when the text has another form, or names a folder here."""
    head, _, number = text.rpartition("/")
    if head not in _modality_names() or not number.isdecimal():
        return None
    try:
        return workspace.store.models.get(ModelRef.parse(text))
    except NotFoundError:
        if Path(text).is_dir():
            return None
        raise


def _modality_names() -> list[str]:
    from truing.workspace import modalities

    return modalities.names()


def lineage_uids(workspace: Workspace, model: NamedModel) -> set[str]:
    """The samples a model or any of its parents was trained on, as far as this workspace knows."""
    used: set[str] = set()
    for version in _lineage(workspace, model):
        if version.dataset is None:
            used.update(_learned_here(workspace, version.ref))
        else:
            rows = _learned_rows(workspace, version.dataset)
            used.update(str(row.sample_uid) for row in rows if row.sample_uid is not None)
    return used


def lineage_subjects(workspace: Workspace, model: NamedModel) -> set[str]:
    """The speakers a model or any of its parents was trained on, as far as its datasets tell."""
    return {
        str(row.payload["subject"])
        for version in _lineage(workspace, model)
        if version.dataset is not None
        for row in _learned_rows(workspace, version.dataset)
        if row.payload is not None and row.payload["subject"]
    }


def _lineage(workspace: Workspace, model: NamedModel) -> list[ModelVersion]:
    """A model and its parents, those that this workspace knows."""
    known = {str(one.ref): one for one in workspace.store.models.all()}
    return [known[name] for name in (model.name, *model.parents) if name in known]


def _learned_rows(workspace: Workspace, dataset: str) -> Iterator[DatasetRow]:
    ref = DatasetRef.parse(dataset)
    for part in (Split.TRAIN, Split.VALIDATION):
        yield from workspace.store.datasets.rows(ref, part)


def _learned_here(workspace: Workspace, ref: ModelRef) -> list[str]:
    """What the description of a model from outside says it learned from."""
    told = description_of(workspace, ref).get(LEARNED_HERE)
    return [str(uid) for uid in told] if isinstance(told, list) else []


def description_of(workspace: Workspace, ref: ModelRef) -> dict[str, object]:
    """What the `model.json` of a model tells; empty when its files are gone.

    Raises:
        DamagedError: it cannot be read.
    """
    from truing.stores.model_files import DESCRIPTION

    try:
        place = workspace.model_files.path(ref) / DESCRIPTION
    except NotFoundError:
        return {}
    try:
        told: dict[str, object] = json.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DamagedError(
            f"`{place}` cannot be read: {error}", hint="truing verify tells what else is broken"
        ) from error
    return told


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDetails:
    """A model of the workspace with what its files tell."""

    version: ModelVersion
    champion: tuple[str, ...]
    """The audiences it is in use for."""
    folder: str
    files: tuple[ModelFile, ...]
    notes: tuple[str, ...]
    """What its training or its import had to say."""

    def as_dict(self) -> dict[str, object]:
        """The JSON form of `model show`."""
        return {
            **self.version.as_dict(),
            "champion": list(self.champion),
            "folder": self.folder,
            "files": [one.as_dict() for one in self.files],
            "notes": list(self.notes),
        }


def details(workspace: Workspace, text: str, modality: str = "speech") -> ModelDetails:
    """Everything about a model of the workspace.

    Raises:
        NotFoundError: no such model here.
        DamagedError: its description cannot be read.
    """
    from truing.stores.model_files import model_manifest

    found = model_named(workspace, text, modality)
    if found.version is None:
        raise NotFoundError(
            f"`{text}` is not a model of this workspace",
            hint=f"bring it in: truing model import '{text}'",
        )
    in_use = workspace.store.models.champions(found.version.ref.modality)
    notes = description_of(workspace, found.version.ref).get("notes")
    return ModelDetails(
        version=found.version,
        champion=tuple(who for (_, who), ref in in_use.items() if ref == found.name),
        folder=found.location,
        files=tuple(model_manifest(Path(found.location))),
        notes=tuple(map(str, notes)) if isinstance(notes, list) else (),
    )
