"""Compression: media in fewer bytes, at a quality that somebody chose, when they ask for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from truing.domain.media import Media
from truing.domain.recipe import MediaFile

COMPRESSED = "compressed"
"""In `Media.parameters`: what was done, and the digest, bytes and type of what was there before."""


@runtime_checkable
class CanCompress(Protocol):
    """The modality can keep a medium in fewer bytes, at a loss."""

    compressions: Mapping[str, str]
    """Name of the format -> media type."""

    def compress(self, medium: MediaFile, format: str, quality: int) -> bytes | None:
        """The medium as a whole file of one of `compressions`.

        Args:
            medium: as it is kept.
            format: one of `compressions`.
            quality: 1 to 100, as the format's own scale has it.

        Returns:
            None where the format cannot hold it, such as a picture that moves or is transparent.

        Raises:
            DamagedError: it cannot be decoded.
        """
        ...


class Originals(Protocol):
    """The port of media as they are kept with their samples."""

    def replace(
        self, id: int, before: Sequence[Media], after: Sequence[Media], groups: Sequence[str]
    ) -> list[str]:
        """Gives a sample other media, in one transaction.

        Args:
            id: of the sample.
            before: the media that the caller saw.
            after: the new ones; their blobs are durable already.
            groups: keys it has from now on beside those it had.

        Returns:
            Digests of blobs to which nothing refers any more.

        Raises:
            ConflictError: its media changed meanwhile.
            NotFoundError: no such sample.
        """
        ...
