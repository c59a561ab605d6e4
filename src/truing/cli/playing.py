"""Playing a sample at the terminal, where its modality can."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from truing.domain.sample import Sample
    from truing.workspace import Workspace


def play(workspace: Workspace, sample: Sample) -> None:
    """Plays the sample and returns when it is over.

    Raises:
        UnavailableError: nothing here can play it; the hint says what to install.
        DamagedError: its media cannot be decoded.
    """
    from truing.domain.errors import UnavailableError
    from truing.domain.modality import CanPlay
    from truing.domain.recipe import MediaFile

    modality = workspace.modality(sample.modality)
    if not isinstance(modality, CanPlay):
        raise UnavailableError(
            f"a {sample.modality} sample cannot be played at a terminal",
            hint=f"truing show {sample.id} names its files",
        )
    modality.play(
        {
            medium.role: MediaFile(
                path=workspace.blobs.path(medium.digest), start=medium.start, end=medium.end
            )
            for medium in sample.media
        }
    )
