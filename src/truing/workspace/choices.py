"""Choices: the names that lists of samples may be narrowed to, for whoever offers them to pick.

Scope: names only, from tables that are kept up to date beside the samples. Speakers and sources
of samples that no figure has counted yet are missing until somebody asks for figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from truing.domain.tally import Slice

if TYPE_CHECKING:
    from truing.workspace import Workspace

MOST = 200
"""Names of one kind; who looks for another one types it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """Names, the most frequent first."""

    modalities: tuple[str, ...]
    """By name."""
    speakers: tuple[str, ...]
    sources: tuple[str, ...]
    tags: tuple[str, ...]
    findings: tuple[str, ...]
    """Checks that have found something in samples that wait."""

    def as_dict(self) -> dict[str, list[str]]:
        """The JSON form."""
        return {
            "modalities": list(self.modalities),
            "speakers": list(self.speakers),
            "sources": list(self.sources),
            "tags": list(self.tags),
            "findings": list(self.findings),
        }


def choices(workspace: Workspace, modality: str = "speech") -> Choices:
    """What samples of a modality may be narrowed to.

    Args:
        workspace: whose samples.
        modality: of which kind.
    """
    from truing.workspace import modalities

    samples = workspace.store.samples
    return Choices(
        modalities=tuple(sorted(modalities.names())),
        speakers=_counted(workspace, modality, Slice.SUBJECT),
        sources=_counted(workspace, modality, Slice.SOURCE),
        tags=_most_frequent(samples.tag_counts()),
        findings=_most_frequent(samples.finding_counts(modality)),
    )


def _counted(workspace: Workspace, modality: str, by: Slice) -> tuple[str, ...]:
    sums = workspace.store.tallies.sums(modality, by)
    return _most_frequent({name: tally.samples for name, tally in sums.items()})


def _most_frequent(counts: dict[str, int]) -> tuple[str, ...]:
    found = [name for name, number in counts.items() if name and number > 0]
    return tuple(sorted(found, key=lambda name: (-counts[name], name))[:MOST])
