"""Model versions, their lineage, and the aliases that say which one is in use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path, PurePath
from typing import Any, Protocol

from truing.domain.clock import to_iso
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

    def as_dict(self) -> dict[str, object]:
        """The JSON form of a move; the instant is ISO 8601."""
        return {
            "id": self.id,
            "modality": self.modality,
            "audience": self.audience,
            "model": self.model,
            "previous": self.previous,
            "at": to_iso(self.at),
            "actor": self.actor,
            "reason": self.reason,
            "gate": dict(self.gate),
        }


class Models(Protocol):
    """Model versions, the champion of each modality and audience, and how it came about."""

    def add(self, model: ModelVersion) -> None:
        """Stores a version.

        Raises:
            ConflictError: the number is taken.
        """
        ...

    def next_number(self, modality: str) -> int:
        """The number the next version of that modality gets."""
        ...

    def get(self, ref: ModelRef) -> ModelVersion:
        """One version.

        Raises:
            NotFoundError: no such model; the hint names those there are.
        """
        ...

    def all(self, modality: str | None = None) -> list[ModelVersion]:
        """Newest first."""
        ...

    def set_state(self, ref: ModelRef, state: ModelState) -> None:
        """Marks a model."""
        ...

    def champion(self, modality: str, audience: str) -> str | None:
        """The reference of the model in use."""
        ...

    def champions(self, modality: str | None = None) -> Mapping[tuple[str, str], str]:
        """All models in use: (modality, audience) -> reference, ordered by both."""
        ...

    def promote(self, promotion: Promotion, *, expected: str | None) -> Promotion:
        """Moves the alias and records the move; a move to no model takes the alias away.

        Raises:
            ConflictError: the champion is no longer `expected`.
        """
        ...

    def promotions(self, modality: str, audience: str) -> list[Promotion]:
        """Moves of the alias, newest first."""
        ...

    def add_trial(self, test_digest: str, candidate: str, at: int) -> int:
        """Counts a candidate tried against a test set; returns its number, from 1. The same
        candidate keeps its number.
        """
        ...


class ModelFiles(Protocol):
    """Model folders of the workspace: written beside, sealed, moved into place in one step."""

    def draft(self) -> AbstractContextManager[Path]:
        """An empty folder for a model in the making, removed unless it was installed."""
        ...

    def install(self, draft: Path, ref: ModelRef, description: Mapping[str, object]) -> str:
        """Writes `model.json`, syncs, moves the folder into place; returns its digest.

        Raises:
            ConflictError: there is a model of that number.
        """
        ...

    def described(self, modality: str) -> Iterator[Mapping[str, object]]:
        """The descriptions of all models in place, recorded in the store or not yet."""
        ...

    def path(self, ref: ModelRef) -> Path:
        """The folder of a model.

        Raises:
            NotFoundError: its folder is gone.
        """
        ...

    def stale_drafts(self, *, older_than: float) -> list[Path]:
        """Drafts that a crash left behind, untouched for `older_than` seconds."""
        ...

    def collect_drafts(self, *, older_than: float) -> int:
        """Removes them; returns how many."""
        ...
