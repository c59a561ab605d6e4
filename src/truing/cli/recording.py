"""What `truing record` records with, and what it is handed."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from truing.cli.asking import Deed
    from truing.domain.prediction import Recognition
    from truing.live.recognizer import Recognizer


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A recording, and what was made of it while it went on."""

    source: object
    """As the modality's `ingest` takes it."""
    heard: Recognition | None = None


class Device(Protocol):
    """Something that records."""

    @property
    def modality(self) -> str:
        """Whose samples recordings become."""

    @property
    def role(self) -> str:
        """Under which the recording is kept."""

    @property
    def thanks(self) -> Mapping[Deed, str]:
        """What is said of a decision that is stored; nothing where it is missing."""

    def recorded(self, recognizer: Recognizer | None) -> AbstractContextManager[Taken | None]:
        """One recording, there until the block is left; None when it is not worth reading, and
        the person was told.
        """
        ...

    def recognised(self, recognizer: Recognizer, taken: Taken) -> Recognition | None:
        """What a model makes of a recording; None when it cannot, and the person was told."""
        ...
