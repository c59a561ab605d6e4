"""Choices: the names that lists of samples may be narrowed to, for whoever offers them to pick.

Scope: names only, from tables that are kept up to date beside the samples. Speakers and sources
of samples that no figure has counted yet are missing until somebody asks for figures.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from truing.domain.tally import Slice

if TYPE_CHECKING:
    from truing.workspace import Workspace

DEFAULT = "speech"
MOST = 200
"""Names of one kind; who looks for another one types it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """Names, the most frequent first."""

    modalities: tuple[str, ...]
    """Those in use, by name."""
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


def choices(workspace: Workspace, modality: str | None = None) -> Choices:
    """What samples may be narrowed to.

    Args:
        workspace: whose samples.
        modality: of which kind; None: of all kinds.
    """
    samples = workspace.store.samples
    used = in_use(workspace)
    kinds = used if modality is None else (modality,)
    return Choices(
        modalities=used,
        speakers=_counted(workspace, kinds, Slice.SUBJECT),
        sources=_counted(workspace, kinds, Slice.SOURCE),
        tags=_most_frequent(samples.tag_counts()),
        findings=_most_frequent(samples.finding_counts(modality)),
    )


def in_use(workspace: Workspace) -> tuple[str, ...]:
    """The modalities that there are samples or models of, by name. Costs a few small queries."""
    from truing.workspace import modalities

    models, samples = workspace.store.models, workspace.store.samples
    found = [
        name
        for name in sorted(modalities.names())
        if any(samples.state_counts(name).values()) or models.all(name)
    ]
    return tuple(found)


def usual(workspace: Workspace) -> str:
    """The modality that is meant where none is named: that of most samples, else of most models;
    speech in an empty workspace.
    """
    models, samples = workspace.store.models, workspace.store.samples

    def weight(name: str) -> tuple[int, int, bool]:
        kept = sum(samples.state_counts(name).values())
        return kept, len(models.all(name)), name == DEFAULT

    return max((DEFAULT, *in_use(workspace)), key=weight)


def _counted(workspace: Workspace, modalities: tuple[str, ...], by: Slice) -> tuple[str, ...]:
    counts: Counter[str] = Counter()
    for modality in modalities:
        sums = workspace.store.tallies.sums(modality, by)
        counts.update({name: tally.samples for name, tally in sums.items()})
    return _most_frequent(counts)


def _most_frequent(counts: dict[str, int]) -> tuple[str, ...]:
    found = [name for name, number in counts.items() if name and number > 0]
    return tuple(sorted(found, key=lambda name: (-counts[name], name))[:MOST])
