"""Foreign formats: how rows come in from, and go out to, files that other programs own.

A format is one file with one class. A reader yields rows and failures in the source's order and
never stops at a bad row; a writer streams and leaves either a whole export or none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from truing.domain.consent import Consent
from truing.domain.dataset import Split
from truing.domain.media import Media
from truing.domain.prediction import Word
from truing.domain.review import State

ANY_MODALITY = "any"
"""The `modality` of formats whose rows may be of each; such a class takes `role=`, the role of a
file whose row does not say what it is of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedRow:
    """One row of a foreign source, as it says it."""

    key: str
    """Its name within the source, the same each time it is read."""
    media: Mapping[str, object]
    """By role: whatever the modality's `ingest` takes (bytes, a path, an array with its rate);
    empty when the source has no media for the row."""
    captured_at: int | None = None
    """Microseconds since 1970, UTC; None when the source does not say."""
    raw: str | None = None
    """The recognizer's text, None when the source does not hold it (any more)."""
    corrected: str | None = None
    """The language model's correction."""
    truth: str | None = None
    """The text a person settled on; None while nobody has."""
    rejected: bool = False
    trained: bool = False
    prediction_known: bool = True
    """False when review overwrote the model's text: the truth is known, the prediction is not."""
    confidence: float | None = None
    words: tuple[Word, ...] = ()
    model: str | None = None
    subject: str | None = None
    session: str | None = None
    context: Mapping[str, object] = field(default_factory=dict)
    modality: str | None = None
    """Only in formats of any modality, where the row itself says it."""
    contact: str | None = None
    """Of whoever sent it, for deletion; never exported."""
    rating: int | None = None
    """What a person thought of it, 1 to 5."""
    consent: Consent | None = None
    """Under which it was taken, where the source says it; it comes along."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedRow:
    """A row that could not be read, and why, in a sentence with the offending value."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedRow:
    """One sample or dataset row on its way out."""

    id: int | None
    uid: str
    modality: str
    media: Mapping[str, Media]
    """By role; the bytes are read through `ExportMedia`."""
    truth: str | None
    raw: str | None
    corrected: str | None
    state: State
    trained: bool
    captured_at: int
    subject: str | None
    session: str | None
    source: str
    source_key: str | None
    split: Split | None
    confidence: float | None
    prediction_known: bool
    context: Mapping[str, object]
    rating: int | None = None
    """The newest one, 1 to 5."""
    consent: Consent | None = None
    """Under which it was taken."""


class ExportMedia(Protocol):
    """Gives a writer the bytes of a medium."""

    def read(self, digest: str) -> bytes:
        """All bytes of a blob."""
        ...

    def path(self, digest: str) -> Path:
        """A local file with the blob's bytes; never write to it."""
        ...


@runtime_checkable
class Reader(Protocol):
    """A format that can be imported."""

    name: str
    modality: str
    summary: str

    def read(self, path: Path) -> Iterator[ImportedRow | FailedRow]:
        """Rows in the source's order.

        Raises:
            NotFoundError: nothing at `path`.
            InvalidInputError: what lies there is not of this format; says how it was told.
        """
        ...


@runtime_checkable
class Writer(Protocol):
    """A format that can be exported."""

    name: str
    modality: str
    summary: str

    def write(self, rows: Iterable[ExportedRow], media: ExportMedia, target: Path) -> int:
        """Writes all rows and returns how many; the target appears whole or not at all.

        Raises:
            ConflictError: the target exists and is not empty.
        """
        ...


@runtime_checkable
class Followed(Protocol):
    """A format whose source another program goes on writing, and that can be written back to."""

    def changed_since(self, path: Path, mark: str | None) -> tuple[bool, str]:
        """Whether the source changed since `mark`, and the new mark; cheap."""
        ...

    def write_back(self, path: Path, rows: Iterable[ExportedRow]) -> int:
        """Brings decided truths and flags back into the source; returns how many changed."""
        ...
