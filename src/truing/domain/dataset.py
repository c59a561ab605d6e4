"""Dataset versions: immutable, named `name@number`, verified by digest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from truing.domain.errors import InvalidInputError


class Split(StrEnum):
    """The three parts of a version."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


class SplitKind(StrEnum):
    """What is kept apart between the parts."""

    PERSONAL = "personal"
    """Sessions, media, near-duplicates and chains of derived media; one speaker is enough."""
    UNSEEN_SPEAKER = "unseen-speaker"
    """The same, and speakers as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetRef:
    """`name@number`."""

    name: str
    number: int

    def __str__(self) -> str:
        return f"{self.name}@{self.number}"

    @staticmethod
    def parse(text: str) -> DatasetRef:
        """Reads `name@number`.

        Raises:
            InvalidInputError: the text has another form.
        """
        name, at, number = text.rpartition("@")
        if not at or not name or not number.isdecimal():
            raise InvalidInputError(
                f"`{text}` does not name a dataset version",
                hint="write it as NAME@NUMBER, such as `mine@1`; `truing dataset list` shows them",
            )
        return DatasetRef(name=name, number=int(number))


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetRow:
    """One row of a version. A forgotten row is a tombstone: payload and salt are None."""

    position: int
    sample_uid: str | None
    """None in a tombstone."""
    split: Split
    digest: str
    salt: str | None
    payload: Mapping[str, object] | None
    """`schema`, `uid`, `modality`, `media` (role -> digest, start, end), `truth`, `subject`,
    `session`, `source`, `split`: see `row_payload`."""

    @property
    def forgotten(self) -> bool:
        """Whether only the tombstone is left."""
        return self.payload is None

    @property
    def content(self) -> Mapping[str, Any]:
        """The payload.

        Raises:
            InvalidInputError: the row is a tombstone.
        """
        if self.payload is None:
            raise InvalidInputError(
                f"row {self.position} was forgotten", hint="leave tombstones out"
            )
        return self.payload


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetVersion:
    """The head of a version; its rows are read apart, as a stream."""

    ref: DatasetRef
    uid: str
    modality: str
    split_kind: SplitKind
    parameters: Mapping[str, object]
    """How it was made: shares, seed, test speakers, filter."""
    digest: str
    """Over the row digests in order."""
    created_at: int
    counts: Mapping[str, int]
    """Rows per split as frozen."""
    excluded: Mapping[str, int]
    """How many samples stayed out, by reason."""
    forgotten: int = 0
    """Rows that are tombstones by now."""

    def as_dict(self) -> dict[str, object]:
        """The JSON form of `dataset show`."""
        return {
            "version": str(self.ref),
            "uid": self.uid,
            "modality": self.modality,
            "split": self.split_kind.value,
            "parameters": dict(self.parameters),
            "digest": self.digest,
            "created_at": self.created_at,
            **{split.value: self.counts.get(split.value, 0) for split in Split},
            "excluded": dict(self.excluded),
            "forgotten": self.forgotten,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """Where a sample went when a version was first frozen with it; it stays there for good."""

    sample_uid: str
    split: Split
    keys: tuple[str, ...] = field(default_factory=tuple)
    """The group keys it had then: they go on tying later samples to it."""


class Datasets(Protocol):
    """Dataset versions and the ledger of split assignments."""

    def assignments(self, name: str, kind: SplitKind) -> Iterator[Assignment]:
        """Every assignment made by the versions of that dataset name with that kind of split, as
        a stream, by sample uid.
        """
        ...

    def next_number(self, name: str) -> int:
        """The number the next version of that name gets."""
        ...

    def add(
        self,
        version: DatasetVersion,
        rows: Iterable[DatasetRow],
        new_assignments: Iterable[Assignment],
    ) -> None:
        """Stores a version with its rows and the assignments it made, all or nothing. The
        assignments belong to the version's name and kind of split. Both are read as streams.

        Raises:
            ConflictError: the version exists already, or a sample was assigned meanwhile.
        """
        ...

    def get(self, ref: DatasetRef) -> DatasetVersion:
        """The head of a version.

        Raises:
            NotFoundError: no such version; the hint names those there are.
        """
        ...

    def all(self) -> list[DatasetVersion]:
        """All versions, newest first."""
        ...

    def rows(
        self, ref: DatasetRef, split: Split | None = None, *, after: int | None = None
    ) -> Iterator[DatasetRow]:
        """The rows in frozen order, tombstones included; those behind a position."""
        ...

    def holding(self, uids: Sequence[str]) -> dict[str, list[str]]:
        """For each sample, the versions (`name@number`) that hold it."""
        ...

    def entomb(self, uids: Sequence[str]) -> list[str]:
        """Turns the rows of these samples into tombstones and removes their assignments;
        returns the versions touched.
        """
        ...
