"""Model versions, their lineage, and the aliases that say which one is in use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePath
from typing import Any

from truing.domain.errors import InvalidInputError

GENERAL = "general"
"""The audience of everybody; a speaker's own is `subject:<name>`."""


def short_name(name: str) -> str:
    """A model's name in a sentence: of a folder, only its own name."""
    folder = PurePath(name)
    return folder.name if folder.is_absolute() else name


class ModelState(StrEnum):
    """Whether a model may be used."""

    READY = "ready"
    TAINTED = "tainted"
    """Trained on data that has been forgotten since: retrain it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRef:
    """`modality/number`, such as `speech/3`."""

    modality: str
    number: int

    def __str__(self) -> str:
        return f"{self.modality}/{self.number}"

    @staticmethod
    def parse(text: str) -> ModelRef:
        """Reads `modality/number`.

        Raises:
            InvalidInputError: the text has another form.
        """
        modality, slash, number = text.rpartition("/")
        if not slash or not modality or not number.isdecimal():
            raise InvalidInputError(
                f"`{text}` does not name a model",
                hint="write it as MODALITY/NUMBER, such as `speech/3`; `truing models` shows them",
            )
        return ModelRef(modality=modality, number=int(number))


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """One version; its files lie in `models/<modality>/<number>/` and are immutable."""

    ref: ModelRef
    uid: str
    digest: str
    """Over the names, sizes and SHA-256 of the files."""
    state: ModelState
    created_at: int
    recipe: str | None
    """None for a model brought in from outside."""
    base: str | None
    parents: tuple[str, ...]
    """Model references or hub ids it descends from, nearest first."""
    dataset: str | None
    dataset_digest: str | None
    run_id: int | None
    audience: str
    figures: Mapping[str, object] = field(default_factory=dict)
    licence: str | None = None

    def as_dict(self) -> dict[str, object]:
        """The JSON form of `models` and of `model.json`."""
        return {
            "model": str(self.ref),
            "uid": self.uid,
            "digest": self.digest,
            "state": self.state.value,
            "created_at": self.created_at,
            "recipe": self.recipe,
            "base": self.base,
            "parents": list(self.parents),
            "dataset": self.dataset,
            "dataset_digest": self.dataset_digest,
            "run": self.run_id,
            "audience": self.audience,
            "figures": dict(self.figures),
            "licence": self.licence,
        }

    @staticmethod
    def from_dict(told: Mapping[str, Any]) -> ModelVersion:
        """Reads what `as_dict` has written, such as `model.json`; other entries are passed over.

        Raises:
            InvalidInputError: an entry is missing or of another form.
        """
        try:
            return ModelVersion(
                ref=ModelRef.parse(told["model"]),
                uid=told["uid"],
                digest=told["digest"],
                state=ModelState(told["state"]),
                created_at=int(told["created_at"]),
                recipe=told["recipe"],
                base=told["base"],
                parents=tuple(told["parents"]),
                dataset=told["dataset"],
                dataset_digest=told["dataset_digest"],
                run_id=told["run"],
                audience=told["audience"],
                figures=dict(told["figures"]),
                licence=told["licence"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidInputError(
                f"the description of the model `{told.get('model')}` is not whole: {error}",
                hint="restore its folder from a backup, or train the model again",
            ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """One move of the `champion` alias: which model took over from which, and on what ground."""

    modality: str
    audience: str
    model: str
    """The new champion; empty when the audience goes back to having none of its own."""
    previous: str | None
    at: int
    actor: str
    reason: str
    """`gate`, `rollback`, `fallback`, or the words given with `--force`."""
    gate: Mapping[str, object] = field(default_factory=dict)
    """The gate's verdict in full."""
    id: int = 0
