"""Models by name: `champion`, a number, a folder or a hub id, and what each was trained on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from truing.domain.dataset import DatasetRef, Split
from truing.domain.errors import NotFoundError
from truing.domain.model import GENERAL, ModelRef, ModelVersion

if TYPE_CHECKING:
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


def model_named(workspace: Workspace, text: str, modality: str = "speech") -> NamedModel:
    """Finds a model: `champion`, `speech/3`, `3`, a folder, or a hub id.

    Raises:
        NotFoundError: no such model, or no champion yet.
    """
    from truing.stores.model_files import folder_digest

    if text == "champion":
        champion = workspace.store.models.champion(modality, GENERAL)
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
    store = workspace.store
    names = [model.name, *model.parents]
    known = {str(one.ref): one for one in store.models.all()}
    used: set[str] = set()
    for name in names:
        version = known.get(name)
        if version is None or version.dataset is None:
            continue
        for part in (Split.TRAIN, Split.VALIDATION):
            rows = store.datasets.rows(DatasetRef.parse(version.dataset), part)
            used.update(str(row.sample_uid) for row in rows if row.sample_uid is not None)
    return used
