"""Erasures: the memory of what was forgotten, which itself tells nobody what that was.

A forgotten sample, speaker or contact leaves a keyed digest (HMAC-SHA256, RFC 2104) of its uid or
name.
Without the key nothing can be guessed back from it; with it, a database that is restored from
before can be asked what in it has been forgotten since.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Forgotten(StrEnum):
    """What kind of thing an erasure is of."""

    SAMPLE = "sample"
    SUBJECT = "subject"
    CONTACT = "contact"


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """One thing that was forgotten."""

    kind: Forgotten
    key: str
    """64 hex digits, the workspace's own."""
    mac: str
    """The keyed digest: 64 hex digits."""
    at: int
    number: int = 0
    """Of a speaker: the name `forgotten-<number>` stands for them from then on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Renamed:
    """Where the name of a forgotten speaker stood, and what became of it."""

    places: tuple[str, ...] = ()
    """What was rewritten: `promotions`, `models`, `runs`, …"""
    champions: tuple[str, ...] = ()
    """Models that were the speaker's own champion; the general one takes their place."""
    samples: int = 0
    """Samples of others whose context named the speaker."""


def keyed_digest(key: str, kind: Forgotten, name: str) -> str:
    """The digest of a uid, a speaker's name or a contact under a key, 64 hex digits."""
    # Few who load the loop forget anything.
    import hashlib
    import hmac

    said = f"{kind.value}:{name}".encode("utf-8", "surrogatepass")
    return hmac.new(bytes.fromhex(key), said, hashlib.sha256).hexdigest()


class Memory:
    """All erasures of a workspace, asked by name.

    Args:
        erasures: in any order; those of other workspaces, under keys of their own, included.
    """

    __slots__ = ("_by_kind",)

    def __init__(self, erasures: Iterable[Erasure]) -> None:
        self._by_kind: dict[Forgotten, dict[str, dict[str, Erasure]]] = {}
        for one in erasures:
            self._by_kind.setdefault(one.kind, {}).setdefault(one.key, {})[one.mac] = one

    def find(self, kind: Forgotten, name: str) -> Erasure | None:
        """The erasure of a uid or a name, None when it was not forgotten."""
        for key, known in self._by_kind.get(kind, {}).items():
            if (found := known.get(keyed_digest(key, kind, name))) is not None:
                return found
        return None

    def __len__(self) -> int:
        return sum(len(known) for keys in self._by_kind.values() for known in keys.values())

    @property
    def last_number(self) -> int:
        """The highest number given to a forgotten speaker."""
        subjects = self._by_kind.get(Forgotten.SUBJECT, {}).values()
        return max((one.number for known in subjects for one in known.values()), default=0)


class Erasures(Protocol):
    """The port of the memory: where a store keeps it."""

    def add(self, new: Sequence[Erasure]) -> None:
        """Remembers; one that is known already is passed over."""
        ...

    def all(self) -> list[Erasure]:
        """All of them, oldest first."""
        ...
