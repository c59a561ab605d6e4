"""A model on its way into a workspace: its description, checked, and its registration."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from truing.domain.errors import InvalidInputError
from truing.domain.event import Event
from truing.domain.model import GENERAL, ModelRef, ModelVersion
from truing.domain.run import RunRequest
from truing.workspace.bundles import SUBJECT, lines_of

if TYPE_CHECKING:
    from truing.workspace import Workspace

_UID = re.compile(r"[0-9a-f-]{32,36}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedModel:
    """A model that was brought in."""

    model: ModelVersion
    new: bool
    """False when it was here already."""
    notes: tuple[str, ...] = ()
    """What a person should know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A model trained from a bundle, unpacked and not yet registered."""

    told: Mapping[str, Any]
    """Its description."""
    files: Path
    """The folder with its figures, its log and what it learned from."""
    draft: Path
    """The model folder in the making."""
    request: RunRequest
    """As the bundle had it: with numbers for names."""
    speaker: str | None
    """Whose own model it is, as the person who brings it in says."""

    @property
    def figures(self) -> dict[str, object]:
        """What the recipe measured."""
        return dict(self.told.get("figures") or {})

    @property
    def notes(self) -> list[str]:
        """What the recipe had to say."""
        return [str(note) for note in self.told.get("notes") or []]

    @property
    def lineage(self) -> Mapping[str, Any]:
        """Dataset, base and replay, as they were packed."""
        found: Mapping[str, Any] = self.told["lineage"]
        return found

    @property
    def licence(self) -> str | None:
        """That of its base."""
        return text_of((self.lineage.get("base") or {}).get("licence"))

    @property
    def origin(self) -> dict[str, object]:
        """What its description keeps of where it was made."""
        keys = ("bundle", "lineage", "trained_at", "truing")
        return {key: self.told[key] for key in keys if key in self.told}

    @property
    def audience(self) -> str:
        """Whose model it is when only the person who brings it in can tell."""
        return GENERAL if self.speaker is None else f"{SUBJECT}{self.speaker}"

    @property
    def for_whom(self) -> str:
        """What to tell of a speaker's own model."""
        if self.speaker is not None:
            return f"it was trained as one speaker's own model, here that of {self.speaker}"
        return "it was trained as one speaker's own model: say whose with promote --speaker"

    def lines(self, name: str) -> Iterator[dict[str, Any]]:
        """The objects of one of its files; none when it has no such file."""
        path = self.files / name
        return lines_of(path) if path.is_file() else iter(())


def description_in(data: bytes) -> dict[str, Any]:
    """The description of a model that was trained from a bundle.

    Raises:
        InvalidInputError: it is not whole, or a value has another type.
    """
    try:
        told = json.loads(data, parse_constant=_refused)
    except (ValueError, RecursionError):
        told = None
    sound = (
        isinstance(told, dict)
        and isinstance(told.get("lineage"), dict)
        and isinstance(told.get("figures") or {}, dict)
        and isinstance(told.get("notes") or [], list)
        and all(isinstance(told.get(key), str) for key in ("uid", "bundle", "digest", "recipe"))
        and all(
            isinstance(told["lineage"].get(key) or {}, dict)
            for key in ("dataset", "base", "replay")
        )
    )
    if not sound or not _UID.fullmatch(told["uid"]):
        raise InvalidInputError(
            "the bundle does not say where its model comes from",
            hint="write it again: truing job run FILE",
        )
    return dict(told)


def _refused(constant: str) -> object:
    raise ValueError(constant)


def known_model(
    workspace: Workspace, wanted: Callable[[ModelVersion], bool]
) -> ModelVersion | None:
    """The newest model of the workspace that is wanted."""
    return next((one for one in workspace.store.models.all() if wanted(one)), None)


def next_ref(workspace: Workspace, modality: str) -> ModelRef:
    """The name the next model gets."""
    number = workspace.store.models.next_number(modality)
    return ModelRef(modality=modality, number=number)


def registered(
    workspace: Workspace, draft: Path, model: ModelVersion, more: Mapping[str, object]
) -> ModelVersion:
    """Moves the files into place, records the model and notes it in the journal.

    Raises:
        InvalidInputError: a pickle or a link in the draft.
        ConflictError: somebody else took the number meanwhile.
    """
    digest = workspace.model_files.install(draft, model.ref, {**model.as_dict(), **more})
    model = replace(model, digest=digest)
    workspace.store.models.add(model)
    data: dict[str, object] = {"model": str(model.ref), "dataset": model.dataset}
    workspace.store.events.add(
        Event(kind="model-imported", at=workspace.clock.now(), actor=workspace.actor, data=data)
    )
    return model


def text_of(value: object) -> str | None:
    """The beginning of a text; None for anything else."""
    return value[:200] if isinstance(value, str) else None
