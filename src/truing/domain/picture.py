"""A picture that a model made of a sample: which blob it is, and for what it is remembered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class MadePicture:
    """A picture that is kept as a blob."""

    digest: str
    """Of its file, `sha256:…`."""
    seconds: float | None = None
    """Time the model took."""


class Pictures(Protocol):
    """What models made, by model digest and a key that tells what they were given.

    A picture belongs to the samples it was made of, and goes with them: erasing the last one
    leaves nothing that refers to the blob.
    """

    def get(self, model_digest: str, key: str) -> MadePicture | None:
        """What that model made of that before, of whatever sample."""
        ...

    def put(self, model_digest: str, key: str, sample_uid: str, made: MadePicture) -> bool:
        """Remembers a picture of a sample; a second one for the same takes the place of the first.

        Returns:
            False when the sample is gone meanwhile: nothing is remembered.
        """
        ...

    def made_of(self, uids: Sequence[str]) -> set[str]:
        """Digests of all pictures of these samples."""
        ...
