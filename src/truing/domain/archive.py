"""An archive: samples that left the workspace for one compressed file, and may be brought back.

The workspace keeps a line for each of them: its number, so that it comes back under it; its name
at its source, so that an import does not bring it again; and what forgetting must find it by.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from truing.domain.erasure import Forgotten, Memory

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """One archive that the workspace knows."""

    name: str
    place: Path
    """Its file, wherever it was last seen."""
    digest: str
    """Of its manifest: changes when somebody in it is forgotten."""
    created_at: int
    actor: str
    samples: int
    """How many it was made of."""
    size: int
    """Bytes of the file when it was made."""
    media_bytes: int
    """Bytes of the media in it before they were packed."""
    archived: int = 0
    """Samples of which it is the one keeper now; the others came back or were forgotten."""

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        from truing.domain.clock import to_iso

        return {
            "name": self.name,
            "file": str(self.place),
            "there": self.place.is_file(),
            "created_at": to_iso(self.created_at),
            "by": self.actor,
            "samples": self.samples,
            "archived": self.archived,
            "bytes": self.size,
            "media_bytes": self.media_bytes,
            "digest": self.digest,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """A sample as its rows, the form in which it lies in an archive; values as tables hold them."""

    sample: Row
    """Its own row, by column."""
    revisions: tuple[Row, ...] = ()
    ratings: tuple[Row, ...] = ()
    contact: str | None = None

    @property
    def uid(self) -> str:
        """Of the sample."""
        return str(self.sample["uid"])

    @property
    def number(self) -> int:
        """The sample's number."""
        return int(self.sample["id"])

    @property
    def digests(self) -> tuple[str, ...]:
        """Of its media, and of what they were derived from; each once."""
        media = json.loads(self.sample["document"]).get("media", ())
        named = (name for one in media for name in (one["digest"], one.get("parent")))
        return tuple(dict.fromkeys(str(name) for name in named if name is not None))

    def forgotten(self, memory: Memory) -> bool:
        """Whether it, its speaker or its contact was forgotten after it was stored."""
        if memory.find(Forgotten.SAMPLE, self.uid) is not None:
            return True
        named = (
            (Forgotten.SUBJECT, self.sample.get("subject")),
            (Forgotten.CONTACT, self.contact),
        )
        found = (memory.find(kind, name) for kind, name in named if name is not None)
        # Somebody who was forgotten may have come again since.
        return any(one is not None and self.sample["added_at"] <= one.at for one in found)

    def as_dict(self) -> Row:
        """One line of an archive."""
        return {
            "sample": self.sample,
            "revisions": list(self.revisions),
            "ratings": list(self.ratings),
            "contact": self.contact,
        }

    @classmethod
    def from_dict(cls, held: Mapping[str, Any]) -> Packed:
        """The opposite of `as_dict`.

        Raises:
            KeyError, TypeError, ValueError: it is no line of an archive.
        """
        contact = held["contact"]
        return cls(
            sample=dict(held["sample"]),
            revisions=tuple(dict(one) for one in held["revisions"]),
            ratings=tuple(dict(one) for one in held["ratings"]),
            contact=None if contact is None else str(contact),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Away:
    """What the workspace still knows of a sample that lies in an archive."""

    sample_id: int
    uid: str
    archive: str
    subject: str | None
    contact: str | None
    digests: tuple[str, ...]
    """Of its media, and of what they were derived from."""
    back: bool
    """It was brought back: the archive holds a copy."""
    source: str | None = None
    source_key: str | None = None
    """Its name at its source, under which it may lie elsewhere as well."""


class Archives(Protocol):
    """The port of archives: which there are, and what is in them."""

    def begin(self, archive: Archive) -> None:
        """Notes that a file is about to be made: until `take`, its samples are still here.

        Raises:
            ConflictError: there is an archive of that name.
        """
        ...

    def begun(self) -> list[Archive]:
        """Those that were begun and never finished."""
        ...

    def pack(self, ids: Sequence[int]) -> list[Packed]:
        """The samples as rows, as they are at this moment; those in the trash are left out."""
        ...

    def take(self, archive: Archive, packed: Sequence[Packed]) -> list[str] | None:
        """Removes the samples that now lie in the archive, in one transaction with the note of
        it. Their places in dataset versions, evaluations and splits stay.

        Returns:
            Digests of blobs to which nothing refers any more; None, and nothing was done, when
            one of the samples changed since it was packed.
        """
        ...

    def put_back(self, packed: Sequence[Packed]) -> dict[str, int]:
        """Stores samples again as they were, in one transaction; numbers by uid. One that is
        here is left alone. The number is the old one when it was given out here, and so are
        those of its revisions and ratings.

        Raises:
            DamagedError: rows that no sample has.
        """
        ...

    def all(self) -> list[Archive]:
        """Finished ones, newest first."""
        ...

    def get(self, name: str) -> Archive:
        """One by name.

        Raises:
            NotFoundError: no such archive.
        """
        ...

    def move(self, name: str, place: Path, digest: str) -> None:
        """Notes where an archive was found, and its digest now."""
        ...

    def remove(self, name: str) -> list[str]:
        """Drops an archive and what is known of its samples; returns the uids of those of which
        it was the one keeper.
        """
        ...

    def by_uids(self, uids: Sequence[str]) -> list[Away]:
        """What lies in archives of these samples; one that was archived twice is named twice."""
        ...

    def by_ids(self, ids: Sequence[int]) -> list[Away]:
        """The same by number."""
        ...

    def of(self, *, subject: str | None = None, contact: str | None = None) -> list[Away]:
        """What lies in archives of a speaker or a contact."""
        ...

    def iterate(self) -> Iterator[Away]:
        """Everything that lies in archives, those brought back included."""
        ...

    def drop(self, uids: Sequence[str]) -> list[str]:
        """Forgets that these samples ever were; returns the names of the archives they were in."""
        ...
